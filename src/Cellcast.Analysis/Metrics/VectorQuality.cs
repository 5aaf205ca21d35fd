using Cellcast.Analysis.Clusters;

namespace Cellcast.Analysis.Metrics;

/// <summary>How well cell vectors agree with labels that they were not made from.</summary>
/// <param name="NeighborPurity">Mean share of a cell's nearest other cells that have its label; see <see cref="Clustering.NeighborPurity"/>.</param>
/// <param name="AdjustedRandIndex">Labels against k-means groups, as many as there are labels.</param>
/// <param name="NormalizedMutualInformation">Of the same groups.</param>
public sealed record VectorQuality(double NeighborPurity, double AdjustedRandIndex, double NormalizedMutualInformation)
{
    /// <summary>Neighbours that are looked at.</summary>
    public const int Neighbors = 15;

    /// <summary>Compares vectors with labels, by Euclidean distance.</summary>
    /// <param name="vectors">n x d, row-major.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="labels">Label of each cell.</param>
    /// <param name="seed">Seed of the ten starts of k-means.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static VectorQuality Of<T>(float[] vectors, int dimensions, IReadOnlyList<T> labels, long seed = 0, int threads = 0) where T : notnull
    {
        ArgumentNullException.ThrowIfNull(vectors);
        ArgumentNullException.ThrowIfNull(labels);
        int[] groups = KMeans.Run(vectors, dimensions, labels.Distinct().Count(), seed: seed, threads: threads).Groups;
        return new VectorQuality(Clustering.NeighborPurity(vectors, dimensions, labels, Neighbors, threads), Clustering.AdjustedRandIndex(groups, labels), Clustering.NormalizedMutualInformation(groups, labels));
    }
}
