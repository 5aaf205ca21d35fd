namespace Cellcast.Reports;

/// <summary>How a number spreads within groups of cells.</summary>
/// <param name="ValueName">What is shown.</param>
/// <param name="Centre">Median of all cells.</param>
/// <param name="Groupings">Ways to group the cells.</param>
/// <param name="Table">Statistics of the cell types, or null.</param>
/// <param name="Note">What higher values mean.</param>
/// <param name="Intervals">How sure the means of the cell types are, or null.</param>
public sealed record ContributionSection(string ValueName, double? Centre, IReadOnlyList<Grouping> Groupings, ReportTable? Table, string Note = "", NamedIntervals? Intervals = null);
