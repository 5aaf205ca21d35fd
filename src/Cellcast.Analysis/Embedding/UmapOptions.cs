namespace Cellcast.Analysis.Embedding;

/// <summary>Where the points of an embedding begin.</summary>
public enum EmbeddingStart
{
    /// <summary>Eigenvectors of the graph's normalised Laplacian; parts that do not hang together are placed by the principal components of their centres.</summary>
    Spectral,

    /// <summary>Principal components of the representation.</summary>
    PrincipalComponents,

    /// <summary>Random.</summary>
    Random,
}

/// <summary>Settings of UMAP; the defaults are scanpy's.</summary>
public sealed record UmapOptions
{
    /// <summary>Dimensions of the embedding: 2 or 3.</summary>
    public int Dimensions { get; init; } = 2;

    /// <summary>How close points may come; not negative, at most <see cref="Spread"/>.</summary>
    public double MinimumDistance { get; init; } = 0.5;

    /// <summary>Scale of the embedding.</summary>
    public double Spread { get; init; } = 1;

    /// <summary>Passes over the edges; null: 500 up to 10,000 cells, 200 above.</summary>
    public int? Epochs { get; init; }

    /// <summary>First step length; it falls linearly to zero.</summary>
    public double LearningRate { get; init; } = 1;

    /// <summary>Random points that each used edge pushes its end away from.</summary>
    public int NegativeSamples { get; init; } = 5;

    /// <summary>Weight of the repulsion (gamma).</summary>
    public double Repulsion { get; init; } = 1;

    /// <summary>Where the points begin.</summary>
    public EmbeddingStart Start { get; init; } = EmbeddingStart.Spectral;

    /// <summary>Seed of start and samples.</summary>
    public long Seed { get; init; }

    /// <summary>Threads, 0 for all cores; the result does not depend on it.</summary>
    public int Threads { get; init; }
}
