namespace Cellcast.Reports;

/// <summary>Everything that a report shows. Sections that are null have no tab.</summary>
public sealed record ReportData
{
    /// <summary>Heading.</summary>
    public required string Title { get; init; }

    /// <summary>Line below the heading.</summary>
    public string? Subtitle { get; init; }

    /// <summary>Version of the program.</summary>
    public required string Version { get; init; }

    /// <summary>What a reader should know first.</summary>
    public required ReportSummary Summary { get; init; }

    /// <summary>Cells on an embedding.</summary>
    public CellSection? Cells { get; init; }

    /// <summary>Quality of the cells.</summary>
    public QualitySection? Quality { get; init; }

    /// <summary>Marker genes of groups of cells.</summary>
    public MarkerSection? Markers { get; init; }

    /// <summary>Contributions by group of cells.</summary>
    public ContributionSection? Contributions { get; init; }

    /// <summary>Genes that go with the contribution.</summary>
    public GeneSection? Genes { get; init; }

    /// <summary>Patients and their survival.</summary>
    public PatientSection? Patients { get; init; }

    /// <summary>Patients and an outcome that is no survival.</summary>
    public OutcomeSection? Outcome { get; init; }

    /// <summary>Spots on the tissue.</summary>
    public SpotSection? Spots { get; init; }

    /// <summary>Several cohorts put together.</summary>
    public PooledSection? Pooled { get; init; }

    /// <summary>Comparison of a classifier with its baselines.</summary>
    public EvaluationSection? Evaluation { get; init; }

    /// <summary>Course of the training, one entry per stage.</summary>
    public IReadOnlyList<TrainingStage>? Training { get; init; }

    /// <summary>Course of many trainings of one kind, one picture per entry.</summary>
    public IReadOnlyList<TrainingRuns>? TrainingRuns { get; init; }

    /// <summary>What was run.</summary>
    public RunSection? Run { get; init; }
}

/// <summary>The first page.</summary>
/// <param name="Numbers">The few numbers that matter most.</param>
/// <param name="Findings">Sentences.</param>
/// <param name="Cautions">Sentences on what the reader must not conclude.</param>
public sealed record ReportSummary(IReadOnlyList<Headline> Numbers, IReadOnlyList<string> Findings, IReadOnlyList<string> Cautions);

/// <summary>A number with its name.</summary>
/// <param name="Label">What it is.</param>
/// <param name="Value">The number as text.</param>
/// <param name="Note">An interval, a unit.</param>
public sealed record Headline(string Label, string Value, string? Note = null);
