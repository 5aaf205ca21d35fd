namespace Cellcast.Analysis.Neighbors;

/// <summary>How far two points are from each other.</summary>
public enum DistanceMetric
{
    /// <summary>Length of the difference.</summary>
    Euclidean,

    /// <summary>One minus the cosine of the angle between both. A point at the origin has no direction: it is at distance 1 from every point elsewhere, and at 0 from others at the origin, which are the same
    /// point. So umap-learn and pynndescent have it; scikit-learn's <c>cosine_distances</c> is 1 between two rows of zeros too, which would spread equal cells over neighbours that nothing but their order chooses.</summary>
    Cosine,
}
