namespace Cellcast.Reports;

/// <summary>Course of one stage of a training.</summary>
public sealed record TrainingStage
{
    /// <summary>Short name.</summary>
    public required string Name { get; init; }

    /// <summary>Title.</summary>
    public required string Title { get; init; }

    /// <summary>What was minimised.</summary>
    public required string LossLabel { get; init; }

    /// <summary>What was watched; the same text as <see cref="LossLabel"/> puts both into one picture.</summary>
    public required string ValidationLabel { get; init; }

    /// <summary>How long it took.</summary>
    public double? Seconds { get; init; }

    /// <summary>The epoch that was kept.</summary>
    public int? BestEpoch { get; init; }

    /// <summary>Epochs.</summary>
    public required double[] Epoch { get; init; }

    /// <summary>Training loss.</summary>
    public required double[] Loss { get; init; }

    /// <summary>Validation loss or score, NaN: none.</summary>
    public required double[] Validation { get; init; }

    /// <summary>Its running mean, NaN: none.</summary>
    public required double[] RunningMean { get; init; }
}

/// <summary>The course of several trainings of one kind: the folds of a cross-validation.</summary>
/// <param name="Title">Title of the picture.</param>
/// <param name="YLabel">What is shown by epoch.</param>
/// <param name="Runs">One curve per training.</param>
/// <param name="Note">What a reader must know.</param>
public sealed record TrainingRuns(string Title, string YLabel, IReadOnlyList<TrainingRun> Runs, string? Note = null);

/// <summary>One of them.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Epoch">Epochs.</param>
/// <param name="Values">Value at each epoch, NaN: none.</param>
public sealed record TrainingRun(string Name, double[] Epoch, double[] Values);
