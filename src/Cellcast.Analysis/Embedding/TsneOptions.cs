namespace Cellcast.Analysis.Embedding;

/// <summary>Settings of t-SNE; the defaults are scikit-learn's.</summary>
public sealed record TsneOptions
{
    /// <summary>Effective number of neighbours; above 1 and below the number of cells.</summary>
    public double Perplexity { get; init; } = 30;

    /// <summary>Steps, those of the early exaggeration included.</summary>
    public int Iterations { get; init; } = 1000;

    /// <summary>Factor of the attraction during the first steps.</summary>
    public double EarlyExaggeration { get; init; } = 12;

    /// <summary>Number of those steps.</summary>
    public int ExaggerationIterations { get; init; } = 250;

    /// <summary>Step length as scikit-learn counts it; null: cells / early exaggeration / 4, at least 50 (Belkina et al. 2019).</summary>
    public double? LearningRate { get; init; }

    /// <summary>Ratio of a square's width to its distance below which its points repel as one mass (Barnes and Hut); 0 computes all pairs. Up to 4,000 cells all pairs are computed anyway.</summary>
    public double Angle { get; init; } = 0.5;

    /// <summary>Principal components or random.</summary>
    public EmbeddingStart Start { get; init; } = EmbeddingStart.PrincipalComponents;

    /// <summary>Distance of the representation.</summary>
    public Neighbors.DistanceMetric Metric { get; init; } = Neighbors.DistanceMetric.Euclidean;

    /// <summary>Seed of a random start and of an approximate neighbour search.</summary>
    public long Seed { get; init; }

    /// <summary>Threads, 0 for all cores; the result does not depend on it.</summary>
    public int Threads { get; init; }
}
