namespace Cellcast.Models.ScRobust;

/// <summary>Sizes of a cell encoder.</summary>
public sealed record EncoderSize
{
    /// <summary>Number of token ids, special ones included.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>Columns of a token's vector.</summary>
    public int Hidden { get; init; } = 512;

    /// <summary>Attention heads; divides <see cref="Hidden"/>.</summary>
    public int Heads { get; init; } = 8;

    /// <summary>Transformer blocks.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>The value at which a gene counts half of the most that it can count in the first layer. With 0, as published, the first normalisation takes the values out: the cell token then
    /// sees which genes are expressed, not how much.</summary>
    public double HalfValue { get; init; }

    /// <summary>Columns inside the feed-forward part.</summary>
    public int FeedForward => 4 * Hidden;

    /// <summary>Added to the standard deviation in normalisations, as published.</summary>
    internal const float NormEpsilon = 1e-6f;

    /// <summary>The same in the first one. What is normalised there is v u, u a unit vector with a standard deviation of about 1 / sqrt(hidden), so that a token's weight is v / (v + half value) of the most.</summary>
    internal float InputEpsilon => NormEpsilon + (float)(HalfValue / Math.Sqrt(Hidden));

    /// <summary>Throws where the sizes make no network.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public void Check()
    {
        if (Vocabulary <= GeneVocabulary.FirstGene || Hidden < 2 || Heads < 1 || Layers < 1 || Hidden % Heads != 0 || !(HalfValue >= 0))
            throw new ArgumentException($"an encoder needs genes, at least one layer and heads that divide the hidden size: vocabulary {Vocabulary}, hidden {Hidden}, heads {Heads}, layers {Layers}, half value {HalfValue}");
    }
}
