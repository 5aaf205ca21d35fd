namespace Cellcast.Reports;

/// <summary>How good a classifier is.</summary>
public sealed record EvaluationSection
{
    /// <summary>How it was measured.</summary>
    public string? Note { get; init; }

    /// <summary>One row per model.</summary>
    public ReportTable? Summary { get; init; }

    /// <summary>F1 of each class.</summary>
    public ClassScores? ClassScores { get; init; }

    /// <summary>Confusion matrices.</summary>
    public IReadOnlyList<ConfusionMatrix> Confusions { get; init; } = [];

    /// <summary>Scores with genes missing.</summary>
    public RobustnessCurves? Robustness { get; init; }
}

/// <summary>A score of each class under several models.</summary>
/// <param name="Name">The score.</param>
/// <param name="Classes">The classes.</param>
/// <param name="Models">The models; ours first.</param>
public sealed record ClassScores(string Name, IReadOnlyList<string> Classes, IReadOnlyList<ModelScores> Models);

/// <summary>Scores of one model.</summary>
/// <param name="Name">The model.</param>
/// <param name="Mean">Mean over folds, one per class.</param>
/// <param name="Sd">Standard deviation over folds.</param>
public sealed record ModelScores(string Name, IReadOnlyList<double> Mean, IReadOnlyList<double?> Sd);

/// <summary>Given against predicted labels.</summary>
/// <param name="Name">The model.</param>
/// <param name="Labels">The labels.</param>
/// <param name="Counts">Cells, given x predicted, row by row.</param>
public sealed record ConfusionMatrix(string Name, IReadOnlyList<string> Labels, IReadOnlyList<double> Counts);

/// <summary>A score while genes are taken away.</summary>
/// <param name="XLabel">What is varied.</param>
/// <param name="YLabel">The score.</param>
/// <param name="Models">One curve per model.</param>
public sealed record RobustnessCurves(string XLabel, string YLabel, IReadOnlyList<RobustnessCurve> Models);

/// <summary>One curve.</summary>
public sealed record RobustnessCurve(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Mean, IReadOnlyList<double?> Sd);
