namespace Cellcast.Models.ScRobust;

/// <summary>Settings of self-supervised training.</summary>
public sealed record PretrainingOptions
{
    /// <summary>Transformer blocks.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>Columns of a token.</summary>
    public int Hidden { get; init; } = 512;

    /// <summary>Attention heads.</summary>
    public int Heads { get; init; } = 8;

    /// <summary>Genes drawn for a view.</summary>
    public int GenesPerView { get; init; } = 250;

    /// <summary>Cells per step.</summary>
    public int BatchCells { get; init; } = 128;

    /// <summary>Most epochs.</summary>
    public int Epochs { get; init; } = 200;

    /// <summary>Epochs without a lower contrastive loss of the validation cells after which training stops.</summary>
    public int Patience { get; init; } = 20;

    /// <summary>Step size of Adam.</summary>
    public double LearningRate { get; init; } = 5e-5;

    /// <summary>Share of numbers that dropout sets to 0.</summary>
    public double Dropout { get; init; } = 0.1;

    /// <summary>Share of the cells that are kept for validation.</summary>
    public double ValidationShare { get; init; } = 0.1;

    /// <summary>Seed of all random numbers.</summary>
    public long Seed { get; init; }
}

/// <summary>Losses of one epoch, mean over its batches.</summary>
/// <param name="Epoch">From 1.</param>
/// <param name="TrainingContrastive">Contrastive loss of the training cells.</param>
/// <param name="TrainingExpression">Expression loss of the training cells.</param>
/// <param name="ValidationContrastive">Contrastive loss of the validation cells, without dropout.</param>
/// <param name="ValidationExpression">Expression loss of the validation cells, without dropout.</param>
public sealed record PretrainingEpoch(int Epoch, float TrainingContrastive, float TrainingExpression, float ValidationContrastive, float ValidationExpression);
