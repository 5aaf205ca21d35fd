namespace Cellcast.Analysis.Neighbors;

/// <summary>How neighbours are looked for.</summary>
public enum NeighborSearch
{
    /// <summary>Exact up to <see cref="NeighborOptions.ExactLimit"/> points, approximate above.</summary>
    Automatic,

    /// <summary>All pairs are compared.</summary>
    Exact,

    /// <summary>Nearest-neighbour descent; the recall is measured and stated.</summary>
    Approximate,
}

/// <summary>Settings of a neighbour graph.</summary>
public sealed record NeighborOptions
{
    /// <summary>Size of a neighbourhood, the point itself included, as in scanpy and UMAP; at least 2. With fewer points, all of them.</summary>
    public int Neighbors { get; init; } = 15;

    /// <summary>Distance.</summary>
    public DistanceMetric Metric { get; init; } = DistanceMetric.Euclidean;

    /// <summary>Exact or approximate.</summary>
    public NeighborSearch Search { get; init; } = NeighborSearch.Automatic;

    /// <summary>Most points that <see cref="NeighborSearch.Automatic"/> compares exactly.</summary>
    public int ExactLimit { get; init; } = 50_000;

    /// <summary>Seed of the approximate search.</summary>
    public long Seed { get; init; }

    /// <summary>Threads, 0 for all cores; the result does not depend on it.</summary>
    public int Threads { get; init; }
}
