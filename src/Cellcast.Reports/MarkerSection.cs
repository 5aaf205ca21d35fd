namespace Cellcast.Reports;

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
