namespace Cellcast.Reports;

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

/// <summary>One way to group cells.</summary>
/// <param name="Name">What the groups are.</param>
/// <param name="Items">The groups, in the order in which they are shown.</param>
public sealed record Grouping(string Name, IReadOnlyList<Distribution> Items);
