using Cellcast.Analysis.Preprocessing;
using Cellcast.AnnData;

namespace Cellcast.Analysis.QualityControl;

/// <summary>Counts of the genes of a <see cref="GeneGroup"/> in each cell.</summary>
/// <param name="Name">Name of the group.</param>
/// <param name="Totals">Their counts.</param>
/// <param name="Percent">Their share of all counts, in per cent; NaN for a cell without counts.</param>
public sealed record GroupShare(string Name, double[] Totals, double[] Percent);

/// <summary>Quality metrics of cells and genes under scanpy's names (<c>calculate_qc_metrics</c>).</summary>
public sealed class QualityMetrics
{
    private static readonly int[] s_top = [50, 100, 200, 500];

    private QualityMetrics(int[] genes, double[] totals, IReadOnlyList<(int Top, double[] Percent)> top, GroupShare[] groups, int[] cells, double[] geneTotals) =>
        (GenesByCounts, TotalCounts, PercentInTop, Groups, CellsByCounts, GeneTotals) = (genes, totals, top, groups, cells, geneTotals);

    /// <summary>Genes with counts in each cell.</summary>
    public int[] GenesByCounts { get; }

    /// <summary>Counts of each cell.</summary>
    public double[] TotalCounts { get; }

    /// <summary>Share of the counts of each cell that its 50, 100, 200 and 500 strongest genes have, in per cent (as far as there are so many genes); NaN for a cell without counts.</summary>
    public IReadOnlyList<(int Top, double[] Percent)> PercentInTop { get; }

    /// <summary>Counts of groups of genes in each cell.</summary>
    public IReadOnlyList<GroupShare> Groups { get; }

    /// <summary>Cells with counts of each gene.</summary>
    public int[] CellsByCounts { get; }

    /// <summary>Counts of each gene in all cells.</summary>
    public double[] GeneTotals { get; }

    /// <summary>Computes the metrics.</summary>
    /// <param name="counts">Cells x genes, raw counts.</param>
    /// <param name="groups">Groups of genes whose share is wanted.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static QualityMetrics Of(SparseMatrix counts, IReadOnlyList<GeneGroup>? groups = null, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(counts);
        groups ??= [];
        if (groups.FirstOrDefault(g => g.Members.Length != counts.Columns) is { } wrong) throw new ArgumentException($"the group '{wrong.Name}' says of {wrong.Members.Length} genes whether they belong to it, but there are {counts.Columns}", nameof(groups));
        int n = counts.Rows;
        int[] wanted = [.. s_top.Where(t => t <= counts.Columns)];
        double[] totals = new double[n];
        double[][] top = [.. wanted.Select(_ => new double[n])], sums = [.. groups.Select(_ => new double[n])];
        Blocks.Ranges(n, threads, (from, to) =>
        {
            var sorted = new List<float>();
            for (int r = from; r < to; r++)
            {
                var index = counts.RowIndices(r);
                var value = counts.RowValues(r);
                double total = 0;
                foreach (float v in value) total += v;
                totals[r] = total;
                for (int g = 0; g < groups.Count; g++)
                {
                    bool[] members = groups[g].Members;
                    double sum = 0;
                    for (int k = 0; k < index.Length; k++)
                        if (members[index[k]]) sum += value[k];
                    sums[g][r] = sum;
                }
                sorted.Clear();
                sorted.AddRange(value);
                sorted.Sort((a, b) => b.CompareTo(a));
                double strongest = 0;
                for (int t = 0, k = 0; t < wanted.Length; t++)
                {
                    for (; k < Math.Min(wanted[t], sorted.Count); k++) strongest += sorted[k];
                    top[t][r] = Percent(strongest, total);
                }
            }
        });
        var geneTotals = new double[counts.Columns];
        for (int k = 0; k < counts.Values.Length; k++) geneTotals[counts.Indices[k]] += counts.Values[k];
        return new QualityMetrics(Filters.GenesPerCell(counts), totals, [.. wanted.Select((t, i) => (t, top[i]))],
            [.. groups.Select((g, i) => new GroupShare(g.Name, sums[i], [.. sums[i].Select((s, r) => Percent(s, totals[r]))]))], Filters.CellsPerGene(counts), geneTotals);
    }

    /// <summary>Writes the metrics of cells into <c>obs</c> (<c>n_genes_by_counts</c>, <c>total_counts</c>, <c>pct_counts_in_top_50_genes</c>, <c>pct_counts_mt</c>, and those with <c>log1p_</c>).</summary>
    /// <param name="obs">The table of cells.</param>
    public void AddToCells(DataFrame obs)
    {
        ArgumentNullException.ThrowIfNull(obs);
        obs.Set("n_genes_by_counts", GenesByCounts);
        obs.Set("log1p_n_genes_by_counts", Log1p(Array.ConvertAll(GenesByCounts, g => (double)g)));
        obs.Set("total_counts", Single(TotalCounts));
        obs.Set("log1p_total_counts", Single(Log1p(TotalCounts)));
        foreach (var (t, percent) in PercentInTop) obs.Set($"pct_counts_in_top_{t}_genes", percent);
        foreach (var group in Groups)
        {
            obs.Set("total_counts_" + group.Name, Single(group.Totals));
            obs.Set("log1p_total_counts_" + group.Name, Single(Log1p(group.Totals)));
            obs.Set("pct_counts_" + group.Name, Single(group.Percent));
        }
    }

    /// <summary>Writes the metrics of genes into <c>var</c> (<c>n_cells_by_counts</c>, <c>mean_counts</c>, <c>pct_dropout_by_counts</c>, <c>total_counts</c>, and those with <c>log1p_</c>).</summary>
    /// <param name="var">The table of genes.</param>
    public void AddToGenes(DataFrame var)
    {
        ArgumentNullException.ThrowIfNull(var);
        double n = TotalCounts.Length;
        double[] means = [.. GeneTotals.Select(t => t / n)];
        var.Set("n_cells_by_counts", CellsByCounts);
        var.Set("mean_counts", Single(means));
        var.Set("log1p_mean_counts", Single(Log1p(means)));
        var.Set("pct_dropout_by_counts", CellsByCounts.Select(c => (1 - c / n) * 100).ToArray());
        var.Set("total_counts", Single(GeneTotals));
        var.Set("log1p_total_counts", Single(Log1p(GeneTotals)));
    }

    private static double Percent(double part, double whole) => whole > 0 ? part / whole * 100 : double.NaN;

    private static double[] Log1p(double[] values) => [.. values.Select(Normalization.Log1p)];

    private static float[] Single(double[] values) => [.. values.Select(v => (float)v)];
}
