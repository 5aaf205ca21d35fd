using Cellcast.Analysis.Markers;
using Cellcast.Analysis.Workflow;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Cli.Commands.Analysis;

/// <summary>Tables of an analysis.</summary>
internal static class AnalyzeTables
{
    /// <summary>One row per cell: all of <c>obs</c>, and positions on the embeddings.</summary>
    internal static CsvFile Cells(AnnotatedData data)
    {
        var file = CsvFile.From(data.Obs, "cell");
        foreach (var (slot, name) in new[] { ("X_umap", "umap"), ("X_tsne", "tsne") })
        {
            if (!data.Obsm.TryGet(slot, out DenseMatrix? m)) continue;
            float[] all = m.ToSingle();
            for (int d = 0; d < m.Columns; d++) file.Add($"{name}_{d + 1}", [.. Enumerable.Range(0, m.Rows).Select(i => all[i * m.Columns + d])]);
        }
        return file;
    }

    /// <summary>One row per cluster.</summary>
    internal static CsvFile Clusters(IReadOnlyList<ClusterSummary> clusters, bool labels)
    {
        var file = new CsvFile().Add("cluster", [.. clusters.Select(c => c.Cluster)]).Add("cells", [.. clusters.Select(c => c.Cells)]).Add("share", [.. clusters.Select(c => c.Share)])
            .Add("median_genes", [.. clusters.Select(c => c.MedianGenes)]).Add("median_counts", [.. clusters.Select(c => c.MedianCounts)]).Add("median_pct_counts_mt", [.. clusters.Select(c => c.MedianPercentMitochondrial)]);
        if (labels) file.Add("label", [.. clusters.Select(c => c.Label)]).Add("label_share", [.. clusters.Select(c => c.LabelShare)]);
        return file.Add("markers", [.. clusters.Select(c => string.Join(' ', c.Markers))]);
    }

    /// <summary>The best genes of every group, one row each.</summary>
    internal static CsvFile Markers(MarkerGenes markers, IReadOnlyList<string> genes, int? count)
    {
        var rows = markers.Groups.SelectMany(g => g.Order.Take(count ?? int.MaxValue).Select((gene, rank) => (Group: g, Gene: gene, Rank: rank + 1))).ToArray();
        double[] Of(Func<GroupMarkers, double[]> values) => [.. rows.Select(r => values(r.Group)[r.Gene])];
        return new CsvFile().Add("group", [.. rows.Select(r => r.Group.Group)]).Add("rank", [.. rows.Select(r => r.Rank)]).Add("gene", [.. rows.Select(r => genes[r.Gene])])
            .Add("score", Of(g => g.Scores)).Add("log2_fold_change", Of(g => g.LogFoldChanges)).Add("p", Of(g => g.PValues)).Add("q", Of(g => g.QValues))
            .Add("share_in_group", Of(g => g.Shares)).Add("share_in_reference", Of(g => g.ReferenceShares)).Add("mean_in_group", Of(g => g.Means)).Add("mean_in_reference", Of(g => g.ReferenceMeans));
    }
}
