namespace Cellcast.Models.ScRobust;

/// <summary>How the two views of a cell are drawn.</summary>
public enum ViewSampling
{
    /// <summary>The cell's expressed genes are dealt to both views, none to both: what the views have in common is the cell's state, not the chance that caught a gene.</summary>
    Disjoint,
    /// <summary>As published: each view draws on its own, with replacement.</summary>
    Overlapping,
}

/// <summary>What the embedding of the genes starts from.</summary>
public enum EncoderStart
{
    /// <summary>Loadings of the training cells' principal components beside random numbers.</summary>
    Components,
    /// <summary>As published: random numbers.</summary>
    Random,
}

/// <summary>Settings of self-supervised training.</summary>
public sealed record PretrainingOptions
{
    /// <summary>The published settings.</summary>
    public static PretrainingOptions Published { get; } = new()
    {
        Views = ViewSampling.Overlapping,
        Start = EncoderStart.Random,
        HalfValue = 0,
        Zeros = 0,
        ExpressionWeight = 1,
        Temperature = 0.07,
        SmallestView = 1,
        SmallestDepth = 1,
        NeighborShare = 0,
        Mapped = false,
        LearningRate = 5e-5,
        WarmUp = 0,
        Cosine = false,
        Hidden = 512,
        Heads = 8,
        Epochs = 200,
    };

    /// <summary>Transformer blocks.</summary>
    public int Layers { get; init; } = 1;

    /// <summary>Columns of a token.</summary>
    public int Hidden { get; init; } = 128;

    /// <summary>Attention heads.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>The value at which a gene counts half; see <see cref="EncoderSize.HalfValue"/>.</summary>
    public double HalfValue { get; init; } = 10;

    /// <summary>What the embedding starts from.</summary>
    public EncoderStart Start { get; init; } = EncoderStart.Components;

    /// <summary>How views are drawn.</summary>
    public ViewSampling Views { get; init; } = ViewSampling.Disjoint;

    /// <summary>Most genes of a view.</summary>
    public int GenesPerView { get; init; } = 250;

    /// <summary>Smallest share of its genes that a view without common genes keeps; the number kept is drawn anew for every view, evenly on a log scale.</summary>
    public double SmallestView { get; init; } = 0.2;

    /// <summary>Smallest share of a cell's molecules that a view without common genes is drawn from; the share is drawn anew for every view, evenly on a log scale. With 1 both views are as deep as the cell.</summary>
    public double SmallestDepth { get; init; } = 1;

    /// <summary>Share of the cells whose second view is that of a near cell.</summary>
    public double NeighborShare { get; init; }

    /// <summary>Near cells: those among each other's so many nearest along the principal components of the training cells.</summary>
    public int Neighbors { get; init; } = 15;

    /// <summary>Genes that a cell does not express among those whose expression is predicted, per gene that it does; drawn as often as other cells express them.</summary>
    public double Zeros { get; init; } = 1;

    /// <summary>Weight of the expression loss; that of the contrastive loss is 1.</summary>
    public double ExpressionWeight { get; init; } = 1;

    /// <summary>Divides the similarities of the contrastive loss.</summary>
    public double Temperature { get; init; } = 0.3;

    /// <summary>Cells per step.</summary>
    public int BatchCells { get; init; } = 128;

    /// <summary>Most epochs.</summary>
    public int Epochs { get; init; } = 40;

    /// <summary>Epochs without a lower contrastive loss of the validation cells after which training stops.</summary>
    public int Patience { get; init; } = 20;

    /// <summary>Largest step size of Adam.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Share of all steps in which the step size rises to its largest.</summary>
    public double WarmUp { get; init; } = 0.05;

    /// <summary>Whether the step size falls along a cosine to zero at the last epoch.</summary>
    public bool Cosine { get; init; } = true;

    /// <summary>Share of numbers that dropout sets to 0.</summary>
    public double Dropout { get; init; } = 0.1;

    /// <summary>Share of the cells that are kept for validation.</summary>
    public double ValidationShare { get; init; } = 0.1;

    /// <summary>Whether a map of the vectors is learned after training; see <see cref="ExpressionReadout"/>.</summary>
    public bool Mapped { get; init; } = true;

    /// <summary>Seed of all random numbers.</summary>
    public long Seed { get; init; }

    /// <summary>Step size of a step.</summary>
    /// <param name="step">From 0, over all epochs.</param>
    /// <param name="steps">Of all epochs.</param>
    internal double LearningRateAt(long step, long steps)
    {
        double rising = WarmUp * steps;
        if (step < rising) return LearningRate * (step + 1) / (rising + 1);
        return Cosine ? LearningRate * 0.5 * (1 + Math.Cos(Math.PI * (step - rising) / Math.Max(1, steps - rising))) : LearningRate;
    }
}

/// <summary>Losses of one epoch, mean over its batches.</summary>
/// <param name="Epoch">From 1.</param>
/// <param name="TrainingContrastive">Contrastive loss of the training cells.</param>
/// <param name="TrainingExpression">Expression loss of the training cells.</param>
/// <param name="ValidationContrastive">Contrastive loss of the validation cells, without dropout.</param>
/// <param name="ValidationExpression">Expression loss of the validation cells, without dropout.</param>
public sealed record PretrainingEpoch(int Epoch, float TrainingContrastive, float TrainingExpression, float ValidationContrastive, float ValidationExpression);
