namespace Cellcast.Reports;

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
