namespace Cellcast.Models.Training;

/// <summary>Where a trainer says how far it is. Implementations return at once, may be called from any thread and may drop updates:
/// a trainer reports after every epoch, and within long epochs after every step, without asking whether anyone looks.</summary>
public interface ITrainingProgress
{
    /// <summary>How far the run is now. Replaces the previous update.</summary>
    void Report(in TrainingUpdate update);

    /// <summary>A stage has ended, and why (<c>converged</c>, <c>all epochs done</c>, <c>restored from a checkpoint</c>).</summary>
    /// <param name="stage">Name of the stage as in its updates.</param>
    /// <param name="epochs">Epochs done.</param>
    /// <param name="outcome">A few words.</param>
    void StageDone(string stage, int epochs, string outcome);

    /// <summary>Something a reader of the log should know: a choice made, a set of genes dropped.</summary>
    void Message(string text);

    /// <summary>Something the user should act on or doubt.</summary>
    void Warning(string text);
}

/// <summary>A state of a running training job.</summary>
/// <param name="Stage">Name of the stage (<c>cells</c>, <c>bulk</c>, <c>spots</c>, <c>hazard</c>, or of the work between stages).</param>
/// <param name="Epoch">Epochs finished in this stage.</param>
/// <param name="MaxEpochs">Epochs after which this stage ends at the latest; 0 when unknown.</param>
public readonly record struct TrainingUpdate(string Stage, int Epoch, int MaxEpochs)
{
    /// <summary>Number of this stage, from 1; 0 when the run has no numbered stages.</summary>
    public int StageNumber { get; init; }

    /// <summary>Number of stages of this run; 0 when unknown.</summary>
    public int StageCount { get; init; }

    /// <summary>Optimiser steps done in this epoch.</summary>
    public int Step { get; init; }

    /// <summary>Optimiser steps of one epoch; 0 when unknown.</summary>
    public int StepsPerEpoch { get; init; }

    /// <summary>Loss on what is trained on (mean of the epoch so far); NaN when there is none.</summary>
    public double TrainingLoss { get; init; } = double.NaN;

    /// <summary>The value that decides when the stage ends; NaN when there is none.</summary>
    public double ValidationValue { get; init; } = double.NaN;

    /// <summary>What <see cref="ValidationValue"/> is, for the reader (<c>loss</c>, <c>concordance</c>).</summary>
    public string ValidationName { get; init; } = "validation";

    /// <summary>Epochs without improvement so far, for early stopping.</summary>
    public int EpochsWithoutImprovement { get; init; }

    /// <summary>Epochs without improvement after which the stage ends; 0 when there is no early stopping.</summary>
    public int Patience { get; init; }

    /// <summary>Cells (or patients) processed per second; NaN lets the display compute epochs per second instead.</summary>
    public double ItemsPerSecond { get; init; } = double.NaN;

    /// <summary>Time left in this stage as the trainer sees it; null lets the display compute an upper limit from <see cref="MaxEpochs"/>.</summary>
    public TimeSpan? TimeLeft { get; init; }
}

/// <summary>Progress that nobody looks at.</summary>
public sealed class NoProgress : ITrainingProgress
{
    /// <summary>The one instance.</summary>
    public static NoProgress Instance { get; } = new();

    private NoProgress() { }

    /// <inheritdoc/>
    public void Report(in TrainingUpdate update) { }

    /// <inheritdoc/>
    public void StageDone(string stage, int epochs, string outcome) { }

    /// <inheritdoc/>
    public void Message(string text) { }

    /// <inheritdoc/>
    public void Warning(string text) { }
}
