namespace Cellcast.Analysis.Neighbors;

/// <summary>How far two points are from each other.</summary>
public enum DistanceMetric
{
    /// <summary>Length of the difference.</summary>
    Euclidean,

    /// <summary>One minus the cosine of the angle between both; a point at the origin is at distance 1 from every other.</summary>
    Cosine,
}
