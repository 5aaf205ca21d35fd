using Cellcast.Analysis.Markers;
using Cellcast.AnnData;

namespace Cellcast.Analysis.Workflow;

/// <summary>What a cluster is, in a line.</summary>
/// <param name="Cluster">Its name.</param>
/// <param name="Cells">Number of its cells.</param>
/// <param name="Share">Their share of all cells.</param>
/// <param name="MedianGenes">Median number of genes with counts.</param>
/// <param name="MedianCounts">Median number of counts.</param>
/// <param name="MedianPercentMitochondrial">Median share of mitochondrial counts, in per cent.</param>
/// <param name="Label">The most frequent known type in it; null without known types.</param>
/// <param name="LabelShare">Share of the cells with a type that have this one; NaN without.</param>
/// <param name="Markers">Its best marker genes, those first that at least half of its cells express; empty where there are none.</param>
public sealed record ClusterSummary(string Cluster, int Cells, double Share, double MedianGenes, double MedianCounts, double MedianPercentMitochondrial, string? Label, double LabelShare, IReadOnlyList<string> Markers)
{
    /// <summary>Summarises all clusters of an analysis.</summary>
    /// <param name="result">The analysis.</param>
    /// <param name="markers">Marker genes to name per cluster: with positive scores only.</param>
    public static IReadOnlyList<ClusterSummary> Of(AnalysisResult result, int markers = 8)
    {
        ArgumentNullException.ThrowIfNull(result);
        DataFrame obs = result.Data.Obs;
        double[] Numbers(string column) => ((NumericColumn)obs[column]).ToDouble();
        double[] genes = Numbers("n_genes_by_counts"), counts = Numbers("total_counts"), mitochondrial = Numbers("pct_counts_mt");
        string?[]? labels = result.Agreement is { } a ? obs[a.Column].ToText() : null;
        var clusters = (CategoricalColumn)obs[StandardAnalysis.ClusterColumn];
        int n = clusters.Length;
        return [.. Enumerable.Range(0, n).GroupBy(i => clusters.Codes[i]).OrderBy(g => g.Key).Select(g =>
        {
            int[] cells = [.. g];
            string[] known = labels is null ? [] : [.. cells.Select(i => labels[i]).OfType<string>()];
            var most = known.GroupBy(l => l, StringComparer.Ordinal).OrderByDescending(l => l.Count()).ThenBy(l => l.Key, StringComparer.Ordinal).FirstOrDefault();
            string name = clusters.Categories[g.Key];
            var own = result.Markers?.Groups.FirstOrDefault(m => m.Group == name);
            return new ClusterSummary(name, cells.Length, (double)cells.Length / n, Median(cells, genes), Median(cells, counts), Median(cells, mitochondrial), most?.Key, most is null ? double.NaN : (double)most.Count() / known.Length,
                own is null ? [] : [.. Common(own).Take(markers).Select(k => result.Data.Var.Index[k])]);
        })];
    }

    /// <summary>The best genes that at least half of the cells express, then the others: a name for a cluster is not a gene of a few of its cells.</summary>
    private static IEnumerable<int> Common(GroupMarkers own)
    {
        int[] higher = [.. own.Order.Where(k => own.Scores[k] > 0)];
        return higher.Where(k => own.Shares[k] >= 0.5).Concat(higher.Where(k => own.Shares[k] < 0.5));
    }

    private static double Median(int[] cells, double[] values)
    {
        double[] sorted = [.. cells.Select(i => values[i]).Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
