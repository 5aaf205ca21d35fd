using System.Globalization;
using Cellcast.AnnData;
using Cellcast.Analysis.Statistics;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Analysis.Tests;

public class StatisticsTests
{
    private static double[] Numbers(int seed, int n, int distinct = 0)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, n).Select(_ => distinct > 0 ? random.Next(distinct) : Math.Round(random.NextDouble() * 10 - 5, 4))];
    }

    private static string Text(IEnumerable<double> values) => "[" + string.Join(",", values.Select(v => v.ToString("R", CultureInfo.InvariantCulture))) + "]";

    private static double[] AskPython(string script)
    {
        var run = ExternalTool.RunPython("import numpy as np\nfrom scipy import stats\n" + script);
        Assert.True(run.ExitCode == 0, run.Error);
        return [.. run.Output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
    }

    [ToolFact("sklearn")]
    public void Correlations_and_two_sample_tests_are_those_of_scipy()
    {
        foreach (var (seed, n, distinct) in new[] { (1, 12, 0), (2, 40, 5), (3, 500, 0), (4, 300, 3) })
        {
            double[] x = Numbers(seed, n, distinct), noise = Numbers(seed + 100, n, distinct);
            double[] y = [.. x.Zip(noise, (a, b) => a + 0.3 * b)], z = Numbers(seed + 200, n / 2, distinct);
            double[] expected = AskPython($"""
                x, y, z = (np.array(v, float) for v in ({Text(x)}, {Text(y)}, {Text(z)}))
                w = stats.ttest_ind(x, z, equal_var=False); u = stats.mannwhitneyu(x, z, method='asymptotic'); v = stats.mannwhitneyu(x, z, method='asymptotic', use_continuity=False)
                print(*[format(a, '.17g') for a in (*stats.pearsonr(x, y), *stats.spearmanr(x, y), w.statistic, w.pvalue, u.statistic, u.pvalue, v.pvalue)])
                """);
            CorrelationTest p = Correlation.Pearson(x, y), s = Correlation.Spearman(x, y);
            var w = TwoSampleTests.Welch(x, z);
            RankSumTest u = TwoSampleTests.RankSum(x, z), v = TwoSampleTests.RankSum(x, z, continuity: false);
            Close.To(expected, [p.Coefficient, p.PValue, s.Coefficient, s.PValue, w.Statistic, w.PValue, u.U, u.PValue, v.PValue], 1e-9, $"seed {seed}");
        }
    }

    [Fact]
    public void Tiny_p_values_keep_their_digits()
    {
        // Two-sided tail of t = 40 with 100 degrees of freedom, computed with 30 digits.
        Close.To(2.46210760214007e-63, StudentTail(40, 100), 1e-11);
        double[] high = [.. Enumerable.Range(1000, 1000).Select(i => (double)i)], low = [.. Enumerable.Range(0, 1000).Select(i => (double)i)];
        var test = TwoSampleTests.RankSum(high, low);
        Assert.InRange(test.PValue, 1e-330, 1e-300);
        Assert.Equal(1, test.Auc);
    }

    private static double StudentTail(double t, int df)
    {
        // n = df + 2 pairs whose correlation gives exactly this t: y = x + e, e orthogonal to x.
        int n = df + 2;
        double r = t / Math.Sqrt(df + t * t);
        double[] x = [.. Enumerable.Range(0, n).Select(i => Math.Cos(2 * Math.PI * i / n))], e = [.. Enumerable.Range(0, n).Select(i => Math.Sin(2 * Math.PI * i / n))];
        return Correlation.Pearson(x, [.. x.Zip(e, (a, b) => r * a + Math.Sqrt(1 - r * r) * b)]).PValue;
    }

    [Fact]
    public void Ranks_are_the_mean_position_among_equal_values() =>
        Prop.ForAll(Gen.Choose(0, 9).ListOf().ToArbitrary(), list =>
        {
            double[] values = [.. list.Select(v => (double)v)], ranks = Ranks.Of(values);
            for (int i = 0; i < values.Length; i++)
                Assert.Equal(values.Count(v => v < values[i]) + (values.Count(v => v == values[i]) + 1) / 2.0, ranks[i]);
        }).CheckOnRandomCases();

    [Fact]
    public void Ranking_many_genes_at_once_equals_ranking_each_also_with_signs_zeros_and_extremes()
    {
        var random = new Random(8);
        const int n = 3000;
        float[] special = [0f, -0f, float.Epsilon, -float.Epsilon, float.MaxValue / 4, -float.MaxValue / 4, 1e-38f];
        float[] x = [.. Enumerable.Range(0, n).Select(_ => random.Next(4) == 0 ? special[random.Next(special.Length)] : (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-3, 4))))];
        double[] y = [.. Enumerable.Range(0, n).Select(_ => random.NextDouble())];
        var ranked = GeneRanking.Rank(SparseMatrix.FromDense(n, 1, x), y)[0];
        Close.To(Correlation.Spearman([.. x.Select(v => v == 0 ? 0.0 : v)], y).Coefficient, ranked.Spearman.Coefficient, 1e-10);
        x[5] = float.NaN;
        Assert.Contains("not finite", Assert.Throws<InputException>(() => GeneRanking.Rank(SparseMatrix.FromDense(n, 1, x), y)).Message);
    }

    [Fact]
    public void Rank_sum_counts_the_pairs_in_which_the_first_is_higher() =>
        Prop.ForAll(Gen.Choose(0, 6).NonEmptyListOf().ToArbitrary(), Gen.Choose(0, 6).NonEmptyListOf().ToArbitrary(), (a, b) =>
        {
            double[] x = [.. a.Select(v => (double)v)], y = [.. b.Select(v => (double)v)];
            double u = x.Sum(v => y.Count(w => w < v) + 0.5 * y.Count(w => w == v));
            var test = TwoSampleTests.RankSum(x, y);
            Assert.Equal(u, test.U, 1e-9);
            Assert.Equal(u / (x.Length * y.Length), test.Auc, 1e-12);
            Assert.InRange(test.PValue, 0, 1);
            Assert.Equal(test.Z, -TwoSampleTests.RankSum(y, x).Z, 1e-12);
        }).CheckOnRandomCases();

    [Fact]
    public void False_discovery_rates_are_the_smallest_that_call_each_test()
    {
        double[] p = [0.01, 0.04, double.NaN, 0.03, 0.5, 0.005], q = MultipleTesting.BenjaminiHochberg(p);
        Close.To([0.025, 0.05, double.NaN, 0.05, 0.5, 0.025], q, 1e-12);
        Assert.Empty(MultipleTesting.BenjaminiHochberg([]));
    }

    [Fact]
    public void Q_values_are_never_below_their_p_values_not_even_by_rounding()
    {
        var random = new Random(8);
        for (int n = 1; n <= 200; n++)
        {
            double[] p = [.. Enumerable.Range(0, n).Select(_ => random.NextDouble())], q = MultipleTesting.BenjaminiHochberg(p);
            for (int i = 0; i < n; i++) Assert.InRange(q[i], p[i], 1);
        }
    }

    [Fact]
    public void Where_nothing_varies_there_is_no_correlation()
    {
        Assert.True(double.IsNaN(Correlation.Pearson([0.1, 0.1, 0.1, 0.1], [1, 2, 3, 4]).Coefficient));
        Assert.True(double.IsNaN(Correlation.Spearman([1, 2, 3], [5, 5, 5]).PValue));
        Assert.Equal(new CorrelationTest(1, 0), Correlation.Pearson([1, 2, 3, 4], [2, 4, 6, 8]));
        Assert.True(double.IsNaN(TwoSampleTests.Welch([1, 1], [1, 1]).PValue));
        Assert.Equal(1, TwoSampleTests.RankSum([2, 2], [2, 2]).PValue);
        Assert.Throws<ArgumentException>(() => Correlation.Pearson([1], [1, 2]));
    }

    [Fact]
    public void Genes_are_ranked_by_tiles_as_they_would_be_one_by_one()
    {
        const int cells = 2100, genes = 23;
        var random = new Random(5);
        double[] contribution = [.. Enumerable.Range(0, cells).Select(_ => (double)random.Next(50))];
        var x = new float[cells, genes];
        for (int c = 0; c < cells; c++)
            for (int g = 0; g < genes; g++) x[c, g] = g == 3 ? 1 : (float)(random.Next(5) + 0.01 * (g - 10) * contribution[c]);
        void Tile(int firstCell, int n, int firstGene, int m, Span<float> tile)
        {
            for (int c = 0; c < n; c++)
                for (int g = 0; g < m; g++) tile[c * m + g] = x[firstCell + c, firstGene + g];
        }
        var ranked = GeneRanking.Rank(genes, contribution, Tile);
        Assert.Equal(ranked, GeneRanking.Rank(genes, contribution, Tile, maximumBytes: cells * 4 * 5, threads: 1));
        for (int g = 0; g < genes; g++)
        {
            double[] column = [.. Enumerable.Range(0, cells).Select(c => (double)x[c, g])];
            Close.To(Correlation.Pearson(column, contribution).Coefficient, ranked[g].Pearson.Coefficient, 1e-10);
            Close.To(Correlation.Spearman(column, contribution).PValue, ranked[g].Spearman.PValue, 1e-8);
        }
        Assert.True(double.IsNaN(ranked[3].PearsonQ));
        Close.To(MultipleTesting.BenjaminiHochberg([.. ranked.Select(r => r.Spearman.PValue)]), [.. ranked.Select(r => r.SpearmanQ)], 1e-15);
        var sparse = SparseMatrix.FromDense(cells, genes, [.. x.Cast<float>()]);
        Assert.Equal(ranked, GeneRanking.Rank(sparse, contribution));
        contribution[7] = double.NaN;
        Assert.Contains("cell 7", Assert.Throws<InputException>(() => GeneRanking.Rank(sparse, contribution)).Message);
    }

    [Fact]
    public void Types_are_summarised_against_all_other_cells()
    {
        string?[] labels = ["b", "a", "a", null, "b", "c", "a"];
        double[] v = [1, 5, 6, 99, 2, 3, 7];
        var types = CellTypeSummary.Of(labels, v);
        Assert.Equal(["a", "c", "b"], types.Select(t => t.Label));
        var a = types[0];
        Assert.Equal((3, 0.5, 6.0, 1.0, 6.0), (a.Count, a.Share, a.Mean, a.StandardDeviation, a.Median));
        Assert.Equal(TwoSampleTests.RankSum([5, 6, 7], [1, 2, 3]), a.Test);
        Close.To(MultipleTesting.BenjaminiHochberg([.. types.Select(t => t.Test.PValue)]), [.. types.Select(t => t.QValue)], 1e-15);
        Assert.True(double.IsNaN(types[1].StandardDeviation));
        Assert.True(double.IsNaN(CellTypeSummary.Of(["a", "a"], [1, 2])[0].Test.PValue));
        Assert.Contains("no cell has a label", Assert.Throws<InputException>(() => CellTypeSummary.Of([null, null], [1, 2])).Message);
        Assert.Contains("3 labels but 2", Assert.Throws<InputException>(() => CellTypeSummary.Of(["a", "a", "b"], [1, 2])).Message);
    }

    [Fact]
    public void Groups_of_cells_are_compared_gene_by_gene_without_making_zeros()
    {
        var random = new Random(6);
        float[] dense = [.. Enumerable.Range(0, 60 * 8).Select(k => k % 8 == 5 ? 0 : random.Next(3) == 0 ? random.Next(1, 5) : 0)];
        var matrix = SparseMatrix.FromDense(60, 8, dense);
        int[] group = [.. Enumerable.Range(0, 20).Select(i => 3 * i)], reference = [.. Enumerable.Range(0, 60).Where(i => i % 3 == 1)];
        var comparison = GroupComparison.RankSum(matrix, group, reference, threads: 1);
        Assert.Equal(comparison.Tests, GroupComparison.RankSum(matrix, group, reference, threads: 3).Tests);
        for (int g = 0; g < 8; g++)
        {
            double[] a = [.. group.Select(i => (double)dense[i * 8 + g])], b = [.. reference.Select(i => (double)dense[i * 8 + g])];
            var expected = TwoSampleTests.RankSum(a, b, continuity: false);
            Assert.Equal(expected.U, comparison.Tests[g].U, 1e-9);
            Close.To(expected.PValue, comparison.Tests[g].PValue, 1e-10);
            Assert.Equal(a.Average(), comparison.GroupMeans[g], 1e-12);
            Assert.Equal(b.Average(), comparison.ReferenceMeans[g], 1e-12);
        }
        Assert.Throws<InputException>(() => GroupComparison.RankSum(matrix, [], reference));
        Assert.Throws<ArgumentException>(() => GroupComparison.RankSum(matrix, [1, 2], [2, 3]));
    }
}
