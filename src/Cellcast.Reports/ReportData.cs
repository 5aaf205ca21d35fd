using System.Text.Json.Serialization;

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

/// <summary>How numbers of a column are written.</summary>
public enum ColumnFormat
{
    /// <summary>A text.</summary>
    Text,

    /// <summary>Three significant digits.</summary>
    Number,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A p or q value.</summary>
    Probability,

    /// <summary>A share.</summary>
    Percent,
}

/// <summary>A table that can be searched, sorted and saved.</summary>
/// <param name="Columns">Columns of one length; the first names the row.</param>
public sealed record ReportTable(IReadOnlyList<ReportColumn> Columns);

/// <summary>A column of a table: texts or numbers (NaN: missing).</summary>
public sealed record ReportColumn
{
    private ReportColumn(string key, string title, string? help, ColumnFormat format, string[]? text, double[]? numbers) =>
        (Key, Title, Help, Format, Text, Numbers) = (key, title, help, format, text, numbers);

    /// <summary>Name in a saved file.</summary>
    public string Key { get; }

    /// <summary>Heading.</summary>
    public string Title { get; }

    /// <summary>Explanation of the heading.</summary>
    public string? Help { get; }

    /// <summary>How numbers are written.</summary>
    public ColumnFormat Format { get; }

    /// <summary>The texts, or null.</summary>
    [JsonConverter(typeof(PackedTexts))]
    public string[]? Text { get; }

    /// <summary>The numbers, or null.</summary>
    public double[]? Numbers { get; }

    /// <summary>A column of texts.</summary>
    public static ReportColumn Of(string key, string title, IEnumerable<string?> values, string? help = null) =>
        new(key, title, help, ColumnFormat.Text, [.. values.Select(v => v ?? "")], null);

    /// <summary>A column of numbers.</summary>
    public static ReportColumn Of(string key, string title, IEnumerable<double> values, ColumnFormat format = ColumnFormat.Number, string? help = null) =>
        new(key, title, help, format, null, [.. values]);
}

/// <summary>Coordinates of the points of a section.</summary>
/// <param name="Name">Name of the embedding.</param>
/// <param name="XLabel">Name of the first coordinate.</param>
/// <param name="YLabel">Name of the second coordinate.</param>
/// <param name="X">First coordinate of each point.</param>
/// <param name="Y">Second coordinate of each point.</param>
/// <param name="Note">How it came about.</param>
public sealed record Embedding(string Name, string XLabel, string YLabel, float[] X, float[] Y, string? Note = null);

/// <summary>A number for each point.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Values">One per point, NaN: missing.</param>
/// <param name="Description">Title of the colour scale.</param>
/// <param name="Centre">Middle of a diverging scale; null for a sequential one.</param>
/// <param name="Logarithmic">Whether the scale is logarithmic (values above 0).</param>
public sealed record PointValues(string Name, float[] Values, string? Description = null, double? Centre = null, bool Logarithmic = false);

/// <summary>A group for each point.</summary>
/// <param name="Name">What the groups are.</param>
/// <param name="Labels">Names of the groups.</param>
/// <param name="Codes">Position in <paramref name="Labels"/> of each point, -1: none.</param>
/// <param name="LaterOnTop">Whether points of later labels are drawn over those of earlier ones; otherwise the order is mixed.</param>
/// <param name="Sides">For groups of high (1) and low (-1) values, which have the colours of these; null for others.</param>
public sealed record PointGroups(string Name, IReadOnlyList<string> Labels, int[] Codes, bool LaterOnTop = false, IReadOnlyList<int>? Sides = null);

/// <summary>Expression of one gene over the cells, kept in 255 steps.</summary>
/// <param name="Name">The gene.</param>
/// <param name="Values">log1p of counts per 10,000, one per cell.</param>
public sealed record GeneExpression(string Name, [property: JsonConverter(typeof(PackedLevels))] float[] Values);

/// <summary>Cells and what they can be coloured by.</summary>
public sealed record CellSection
{
    /// <summary>Most cells that a report draws; of more, a sample is taken (<see cref="PointSample"/>).</summary>
    public const int MostPoints = 100_000;

    /// <summary>How many cells there are, drawn or not.</summary>
    public required int Count { get; init; }

    /// <summary>How the drawn cells were chosen; null when all are drawn.</summary>
    public string? SampleNote { get; init; }

    /// <summary>Names of the drawn cells.</summary>
    [JsonConverter(typeof(PackedTexts))]
    public required string[] Names { get; init; }

    /// <summary>At least one set of coordinates.</summary>
    public required IReadOnlyList<Embedding> Embeddings { get; init; }

    /// <summary>Numbers of the cells, the most important first.</summary>
    public IReadOnlyList<PointValues> Values { get; init; } = [];

    /// <summary>Groups of the cells, the most important first.</summary>
    public IReadOnlyList<PointGroups> Groups { get; init; } = [];

    /// <summary>Genes of the top list.</summary>
    public IReadOnlyList<GeneExpression> Genes { get; init; } = [];

    /// <summary>What they are called.</summary>
    public string Kind { get; init; } = "cells";

    /// <summary>Colour by the first group at first, not by the first number.</summary>
    public bool GroupsFirst { get; init; }
}

/// <summary>Quality of the cells.</summary>
/// <param name="Metrics">At least one metric.</param>
/// <param name="Variance">Share of the variance that each principal component holds, or null.</param>
/// <param name="Note">What a reader must know.</param>
public sealed record QualitySection(IReadOnlyList<QualityMetric> Metrics, double[]? Variance, string? Note);

/// <summary>How a metric spreads within groups of cells.</summary>
/// <param name="Name">The metric.</param>
/// <param name="Label">Label of its axis.</param>
/// <param name="Median">Median of all cells, or null.</param>
/// <param name="Groupings">Ways to group the cells, the same for all metrics.</param>
public sealed record QualityMetric(string Name, string Label, double? Median, IReadOnlyList<Grouping> Groupings);

/// <summary>Marker genes.</summary>
/// <param name="Rankings">One per way to group the cells.</param>
/// <param name="Clusters">One row per cluster, or null.</param>
/// <param name="Note">What a reader must know.</param>
public sealed record MarkerSection(IReadOnlyList<MarkerRanking> Rankings, ReportTable? Clusters, string? Note);

/// <summary>Marker genes of the groups of one grouping.</summary>
/// <param name="Name">What the groups are.</param>
/// <param name="Table">One row per group and gene, best gene first, with columns <c>gene</c> (first) and <c>group</c>.</param>
/// <param name="Dots">A few genes over all groups, or null.</param>
public sealed record MarkerRanking(string Name, ReportTable Table, MarkerDots? Dots);

/// <summary>Expression of a few genes over groups of cells.</summary>
/// <param name="Groups">The groups.</param>
/// <param name="Genes">The genes.</param>
/// <param name="Shares">Genes x groups: share of the cells that express the gene.</param>
/// <param name="Means">Genes x groups: mean expression.</param>
public sealed record MarkerDots(IReadOnlyList<string> Groups, IReadOnlyList<string> Genes, float[] Shares, float[] Means);

/// <summary>How a number spreads within groups of cells.</summary>
/// <param name="ValueName">What is shown.</param>
/// <param name="Centre">Median of all cells.</param>
/// <param name="Groupings">Ways to group the cells.</param>
/// <param name="Table">Statistics of the cell types, or null.</param>
/// <param name="Note">What higher values mean.</param>
/// <param name="Intervals">How sure the means of the cell types are, or null.</param>
public sealed record ContributionSection(string ValueName, double? Centre, IReadOnlyList<Grouping> Groupings, ReportTable? Table, string Note = "", NamedIntervals? Intervals = null);

/// <summary>Numbers with their 95 % intervals, one below the other.</summary>
/// <param name="Items">Names and intervals.</param>
/// <param name="Label">Label of the axis.</param>
/// <param name="Note">What they are.</param>
public sealed record NamedIntervals(IReadOnlyList<NamedInterval> Items, string Label, string Note);

/// <summary>One of them.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Interval">The number and its limits.</param>
public sealed record NamedInterval(string Name, Interval Interval);

/// <summary>Several cohorts put together.</summary>
/// <param name="Kinds">What was put together: cell types, genes.</param>
/// <param name="Cohorts">One row per cohort.</param>
/// <param name="Note">How it was done.</param>
public sealed record PooledSection(IReadOnlyList<PooledKind> Kinds, ReportTable Cohorts, string Note);

/// <summary>Effects of one kind.</summary>
/// <param name="Title">Cell types, genes.</param>
/// <param name="Label">What an effect is: label of the axis.</param>
/// <param name="Forests">Those that can be looked at by cohort, most adverse first.</param>
/// <param name="Table">All of them; the first column has their names.</param>
public sealed record PooledKind(string Title, string Label, IReadOnlyList<Forest> Forests, ReportTable Table);

/// <summary>One effect in each cohort and in all.</summary>
/// <param name="Name">The type or gene.</param>
/// <param name="Cohorts">Its effect in each cohort.</param>
/// <param name="Mean">Mean effect with its 95 % interval.</param>
/// <param name="Prediction">Interval in which a further cohort lies, or null.</param>
/// <param name="Called">Whether it is called adverse or favourable.</param>
/// <param name="Note">How much the cohorts differ.</param>
public sealed record Forest(string Name, IReadOnlyList<CohortInterval> Cohorts, Interval Mean, Interval? Prediction, bool Called, string Note);

/// <summary>An effect in one cohort.</summary>
/// <param name="Name">The cohort.</param>
/// <param name="Interval">The effect with its 95 % interval.</param>
/// <param name="Weight">Its weight in the mean.</param>
public sealed record CohortInterval(string Name, Interval Interval, double Weight);

/// <summary>One way to group cells.</summary>
/// <param name="Name">What the groups are.</param>
/// <param name="Items">The groups, in the order in which they are shown.</param>
public sealed record Grouping(string Name, IReadOnlyList<Distribution> Items);

/// <summary>Genes: a table, and which of its columns make a picture.</summary>
public sealed record GeneSection
{
    /// <summary>Title of the table.</summary>
    public string Title { get; init; } = "Prognostic genes";

    /// <summary>Title of the colour scale: what negative and positive values mean.</summary>
    public string ColorLabel { get; init; } = "correlation: negative = favourable, positive = adverse";

    /// <summary>The genes.</summary>
    public required ReportTable Table { get; init; }

    /// <summary>Key of the column with the names.</summary>
    public required string NameColumn { get; init; }

    /// <summary>Key of the column across.</summary>
    public required string XColumn { get; init; }

    /// <summary>Its label.</summary>
    public required string XLabel { get; init; }

    /// <summary>Whether the scale across is logarithmic.</summary>
    public bool XLogarithmic { get; init; }

    /// <summary>Key of the column upwards, a correlation from -1 to 1.</summary>
    public required string YColumn { get; init; }

    /// <summary>Its label.</summary>
    public required string YLabel { get; init; }

    /// <summary>Key of the column with adjusted p values, or null.</summary>
    public string? QColumn { get; init; }

    /// <summary>Explanation below the picture.</summary>
    public string? Note { get; init; }
}

/// <summary>A Kaplan-Meier curve of one group of patients.</summary>
public sealed record SurvivalCurve
{
    /// <summary><c>high</c>, <c>low</c> or another short name.</summary>
    public required string Key { get; init; }

    /// <summary>Name of the group.</summary>
    public required string Label { get; init; }

    /// <summary>Patients in it.</summary>
    public required int Patients { get; init; }

    /// <summary>Events among them.</summary>
    public required int Events { get; init; }

    /// <summary>Median survival time; null when the curve stays above one half.</summary>
    public double? Median { get; init; }

    /// <summary>Its lower 95 % limit.</summary>
    public double? MedianLower { get; init; }

    /// <summary>Its upper 95 % limit.</summary>
    public double? MedianUpper { get; init; }

    /// <summary>Distinct follow-up times, ascending.</summary>
    public required double[] Time { get; init; }

    /// <summary>Share surviving beyond each time.</summary>
    public required double[] Survival { get; init; }

    /// <summary>Lower 95 % limits, NaN: unknown.</summary>
    public required double[] Lower { get; init; }

    /// <summary>Upper 95 % limits, NaN: unknown.</summary>
    public required double[] Upper { get; init; }

    /// <summary>Patients at risk just before each time.</summary>
    public required double[] AtRisk { get; init; }

    /// <summary>Patients censored at each time.</summary>
    public required double[] Censored { get; init; }
}

/// <summary>A number with its 95 % interval.</summary>
public sealed record Interval(double Value, double Lower, double Upper);

/// <summary>A test with a chi-squared statistic.</summary>
public sealed record TestResult(double Statistic, int DegreesOfFreedom, double PValue);

/// <summary>Patients of like predicted survival.</summary>
/// <param name="Patients">How many.</param>
/// <param name="Predicted">Mean predicted survival at the horizon.</param>
/// <param name="Observed">Kaplan-Meier survival at the horizon.</param>
/// <param name="Lower">Its lower 95 % limit.</param>
/// <param name="Upper">Its upper 95 % limit.</param>
public sealed record CalibrationBin(int Patients, double Predicted, double Observed, double? Lower, double? Upper);

/// <summary>Predicted against observed survival at one time.</summary>
public sealed record CalibrationResult(double Horizon, IReadOnlyList<CalibrationBin> Bins);

/// <summary>One part of a cohort: held-out, validation, training or all patients.</summary>
public sealed record PatientPart
{
    /// <summary>Short name.</summary>
    public required string Key { get; init; }

    /// <summary>Name.</summary>
    public required string Title { get; init; }

    /// <summary>What a reader must know of this part.</summary>
    public string? Note { get; init; }

    /// <summary>Whether the model has never seen these patients.</summary>
    public bool HeldOut { get; init; }

    /// <summary>Patients.</summary>
    public required int Patients { get; init; }

    /// <summary>Events.</summary>
    public required int Events { get; init; }

    /// <summary>One curve per risk group.</summary>
    public required IReadOnlyList<SurvivalCurve> Curves { get; init; }

    /// <summary>Log-rank test of the groups, or null.</summary>
    public TestResult? LogRank { get; init; }

    /// <summary>Harrell's concordance, or null.</summary>
    public Interval? Concordance { get; init; }

    /// <summary>Hazard ratio of high against low risk, or null.</summary>
    public Interval? HazardRatio { get; init; }

    /// <summary>Calibration, or null.</summary>
    public CalibrationResult? Calibration { get; init; }
}

/// <summary>How the survival curve of a patient is predicted: exp(-H exp(eta)).</summary>
/// <param name="Times">Times.</param>
/// <param name="CumulativeHazard">Baseline cumulative hazard H at each time.</param>
/// <param name="LinearPredictor">eta of each row of the patients' table.</param>
public sealed record SurvivalPrediction(double[] Times, double[] CumulativeHazard, double[] LinearPredictor);

/// <summary>Patients.</summary>
public sealed record PatientSection
{
    /// <summary>Label of the time axis.</summary>
    public required string TimeLabel { get; init; }

    /// <summary>How patients were grouped.</summary>
    public string? GroupNote { get; init; }

    /// <summary>Parts of the cohort; the first is shown first.</summary>
    public required IReadOnlyList<PatientPart> Parts { get; init; }

    /// <summary>The patients.</summary>
    public required ReportTable Table { get; init; }

    /// <summary>Predicted curves, or null.</summary>
    public SurvivalPrediction? Prediction { get; init; }
}

/// <summary>Patients and an outcome that is no survival: yes or no, or a number.</summary>
public sealed record OutcomeSection
{
    /// <summary>Name of the outcome.</summary>
    public required string Name { get; init; }

    /// <summary>Name of what is predicted: the probability of yes, or the expected outcome.</summary>
    public required string PredictedLabel { get; init; }

    /// <summary>Name of what was observed.</summary>
    public required string ObservedLabel { get; init; }

    /// <summary>Name of the score that stands for a part: AUC or correlation.</summary>
    public required string ScoreName { get; init; }

    /// <summary>Its value without any skill.</summary>
    public required double Chance { get; init; }

    /// <summary>Whether the outcome is yes or no.</summary>
    public required bool Binary { get; init; }

    /// <summary>Parts of the cohort; the first is shown first.</summary>
    public required IReadOnlyList<OutcomePart> Parts { get; init; }

    /// <summary>The patients.</summary>
    public required ReportTable Table { get; init; }
}

/// <summary>One part of a cohort with its outcomes.</summary>
public sealed record OutcomePart
{
    /// <summary>Short name.</summary>
    public required string Key { get; init; }

    /// <summary>Name.</summary>
    public required string Title { get; init; }

    /// <summary>What a reader must know of this part.</summary>
    public string? Note { get; init; }

    /// <summary>Whether the model has never seen these patients.</summary>
    public bool HeldOut { get; init; }

    /// <summary>Patients.</summary>
    public required int Patients { get; init; }

    /// <summary>How many have the outcome; null where it is a number.</summary>
    public int? Positive { get; init; }

    /// <summary>The score that stands for the part, or null.</summary>
    public Interval? Score { get; init; }

    /// <summary>All scores, the most important first.</summary>
    public IReadOnlyList<OutcomeScore> Scores { get; init; } = [];

    /// <summary>The ROC curve, or null.</summary>
    public RocPoints? Roc { get; init; }

    /// <summary>Predicted against observed in groups of like prediction; empty where there are too few patients.</summary>
    public IReadOnlyList<CalibrationBin> Calibration { get; init; } = [];

    /// <summary>Names of the patients.</summary>
    [JsonConverter(typeof(PackedTexts))]
    public required string[] Names { get; init; }

    /// <summary>Prediction of each patient.</summary>
    public required double[] Predicted { get; init; }

    /// <summary>Outcome of each patient; 0 or 1 where it is yes or no.</summary>
    public required double[] Observed { get; init; }
}

/// <summary>A score with its limits.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">The score.</param>
/// <param name="Lower">Lower 95 % limit, or null.</param>
/// <param name="Upper">Upper 95 % limit, or null.</param>
/// <param name="Help">How to read it.</param>
public sealed record OutcomeScore(string Name, double Value, double? Lower, double? Upper, string Help);

/// <summary>A ROC curve.</summary>
/// <param name="FalsePositive">Share of the no at or above each threshold.</param>
/// <param name="TruePositive">Share of the yes at or above it.</param>
public sealed record RocPoints(double[] FalsePositive, double[] TruePositive);

/// <summary>A picture of the tissue below the spots.</summary>
/// <param name="Source">The picture as a <c>data:</c> address.</param>
/// <param name="Width">Its width in the units of the spots' coordinates.</param>
/// <param name="Height">Its height in those units.</param>
public sealed record TissueImage(string Source, double Width, double Height);

/// <summary>Spots of a tissue section.</summary>
public sealed record SpotSection
{
    /// <summary>How many spots there are, drawn or not.</summary>
    public required int Count { get; init; }

    /// <summary>How the drawn spots were chosen; null when all are drawn.</summary>
    public string? SampleNote { get; init; }

    /// <summary>Names of the drawn spots.</summary>
    [JsonConverter(typeof(PackedTexts))]
    public required string[] Names { get; init; }

    /// <summary>Across, in the units of the image.</summary>
    public required float[] X { get; init; }

    /// <summary>Downwards.</summary>
    public required float[] Y { get; init; }

    /// <summary>Diameter of a spot in those units; null when unknown.</summary>
    public double? Diameter { get; init; }

    /// <summary>The tissue, or null.</summary>
    public TissueImage? Image { get; init; }

    /// <summary>What the first number of the spots means, and what is known of its pattern.</summary>
    public string? Lead { get; init; }

    /// <summary>Genes that follow it, or null.</summary>
    public ReportTable? Genes { get; init; }

    /// <summary>Numbers of the spots, the hazard first.</summary>
    public required IReadOnlyList<PointValues> Values { get; init; }

    /// <summary>Groups of the spots.</summary>
    public IReadOnlyList<PointGroups> Groups { get; init; } = [];
}

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

/// <summary>A name and its value.</summary>
public sealed record Fact(string Label, string Value);

/// <summary>A file that was read or written.</summary>
/// <param name="Role">What it was for.</param>
/// <param name="Name">Its name without folders that tell of the machine.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Its SHA-256 in hexadecimal digits.</param>
/// <param name="Note">Why there is no hash.</param>
public sealed record FileRecord(string Role, string Name, long? Bytes, string? Sha256, string? Note = null);

/// <summary>What was run.</summary>
public sealed record RunSection
{
    /// <summary>The command line.</summary>
    public string? Command { get; init; }

    /// <summary>Versions, seed, sizes, durations.</summary>
    public IReadOnlyList<Fact> Facts { get; init; } = [];

    /// <summary>All options and their values.</summary>
    public IReadOnlyList<Fact> Options { get; init; } = [];

    /// <summary>Files.</summary>
    public IReadOnlyList<FileRecord> Files { get; init; } = [];

    /// <summary>Warnings.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Lines of the log.</summary>
    public IReadOnlyList<string> Log { get; init; } = [];
}
