using Cellcast.AnnData;

namespace Cellcast.Analysis.Statistics;

/// <summary>Compares the expression of every gene between two groups of cells.</summary>
public sealed class GroupComparison
{
    private GroupComparison(RankSumTest[] tests, double[] q, double[] mean1, double[] mean2) => (Tests, QValues, GroupMeans, ReferenceMeans) = (tests, q, mean1, mean2);

    /// <summary>Rank-sum test of each gene, without continuity correction.</summary>
    public IReadOnlyList<RankSumTest> Tests { get; }

    /// <summary>p-values adjusted over the genes (Benjamini and Hochberg).</summary>
    public IReadOnlyList<double> QValues { get; }

    /// <summary>Mean of each gene in the group.</summary>
    public IReadOnlyList<double> GroupMeans { get; }

    /// <summary>Mean of each gene in the reference.</summary>
    public IReadOnlyList<double> ReferenceMeans { get; }

    /// <summary>Wilcoxon's rank-sum test of every gene; zeros are never stored, their common rank follows from their number.</summary>
    /// <param name="expression">Cells x genes, normalised; not negative.</param>
    /// <param name="group">Rows of the group.</param>
    /// <param name="reference">Rows to compare with; none in common with the group.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static GroupComparison RankSum(SparseMatrix expression, ReadOnlySpan<int> group, ReadOnlySpan<int> reference, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(expression);
        int n1 = group.Length, n2 = reference.Length;
        if (n1 == 0 || n2 == 0) throw new InputException($"{(n1 == 0 ? "the group" : "the reference")} has no cells; two groups are needed for a comparison.");
        int[] rows = [.. group, .. reference];
        if (rows.Distinct().Count() != rows.Length) throw new ArgumentException("a cell is listed twice or is in both groups", nameof(reference));
        var byGene = expression.SelectRows(rows).Transpose(); // rows of a gene ascend: the group comes first
        int genes = byGene.Rows;
        var tests = new RankSumTest[genes];
        double[] mean1 = new double[genes], mean2 = new double[genes];
        Blocks.For(genes, threads, g =>
        {
            ReadOnlySpan<int> cell = byGene.RowIndices(g);
            ReadOnlySpan<float> value = byGene.RowValues(g);
            int split = cell.BinarySearch(n1) is >= 0 and var at ? at : ~cell.BinarySearch(n1);
            var (first, sum1) = Sorted(value[..split], g);
            var (second, sum2) = Sorted(value[split..], g);
            var (rankSum, ties) = SparseRankSum.OfTwo(first, n1 - first.Length, second, n2 - second.Length);
            tests[g] = TwoSampleTests.FromRankSum(rankSum, n1, n2, ties, continuity: false);
            (mean1[g], mean2[g]) = (sum1 / n1, sum2 / n2);
        });
        return new GroupComparison(tests, MultipleTesting.BenjaminiHochberg([.. tests.Select(t => t.PValue)]), mean1, mean2);
    }

    /// <summary>The values that are not 0, ascending, and their sum in the order they came in.</summary>
    private static (float[] Sorted, double Sum) Sorted(ReadOnlySpan<float> values, int gene)
    {
        var kept = new float[values.Length];
        double sum = 0;
        int n = 0;
        foreach (float v in values)
        {
            if (v < 0) throw new InputException($"gene {gene} has the negative value {v}; the comparison needs expression of at least 0.");
            if (v == 0) continue;
            kept[n++] = v;
            sum += v;
        }
        Array.Resize(ref kept, n);
        Array.Sort(kept);
        return (kept, sum);
    }
}
