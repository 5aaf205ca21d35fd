using Cellcast.Analysis.Preprocessing;
using Cellcast.Analysis.QualityControl;
using Cellcast.AnnData;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.QualityControl;

public class QualityControlTests
{
    [Theory]
    [InlineData("MT-CO1", true, false)]
    [InlineData("mt-Nd4l", true, false)]
    [InlineData("MT.ATP6", true, false)]
    [InlineData("MTOR", false, false)]
    [InlineData("Mtch1", false, false)]
    [InlineData("RPS27A", false, true)]
    [InlineData("Rpl3", false, true)]
    [InlineData("RPLP0", false, true)]
    [InlineData("RPSA", false, true)]
    [InlineData("RPS6KA1", false, false)]
    [InlineData("Rps6kb2", false, false)]
    [InlineData("RPP30", false, false)]
    [InlineData("MRPL3", false, false)]
    [InlineData("RPLP0P2", false, false)]
    public void Genes_of_mitochondria_and_ribosomes_are_known_in_human_and_mouse(string gene, bool mitochondrial, bool ribosomal)
    {
        Assert.Equal([mitochondrial], GeneGroup.Mitochondrial([gene]).Members);
        Assert.Equal([ribosomal], GeneGroup.Ribosomal([gene]).Members);
    }

    [Fact]
    public void Metrics_are_those_counted_from_the_dense_matrix()
    {
        const int cells = 70, genes = 130;
        var counts = Samples.Counts(cells, genes, 4);
        float[] dense = counts.ToDense();
        var group = new GeneGroup("mt", [.. Enumerable.Range(0, genes).Select(g => g % 9 == 0)]);
        var metrics = QualityMetrics.Of(counts, [group], threads: 2);
        var obs = new DataFrame([.. Enumerable.Range(0, cells).Select(i => $"c{i}")]);
        var var = new DataFrame([.. Enumerable.Range(0, genes).Select(g => $"g{g}")]);
        metrics.AddToCells(obs);
        metrics.AddToGenes(var);
        Assert.Equal(["n_genes_by_counts", "log1p_n_genes_by_counts", "total_counts", "log1p_total_counts", "pct_counts_in_top_50_genes", "pct_counts_in_top_100_genes", "total_counts_mt", "log1p_total_counts_mt",
            "pct_counts_mt"], obs.ColumnNames);
        Assert.Equal(["n_cells_by_counts", "mean_counts", "log1p_mean_counts", "pct_dropout_by_counts", "total_counts", "log1p_total_counts"], var.ColumnNames);
        double Obs(string name, int row) => ((NumericColumn)obs[name]).ToDouble()[row];
        double Var(string name, int row) => ((NumericColumn)var[name]).ToDouble()[row];
        for (int i = 0; i < cells; i++)
        {
            double[] row = [.. dense.Skip(i * genes).Take(genes).Select(v => (double)v)];
            Assert.Equal(row.Count(v => v > 0), Obs("n_genes_by_counts", i));
            Close.To(Math.Log(1 + row.Count(v => v > 0)), Obs("log1p_n_genes_by_counts", i), 1e-12);
            Close.To(row.Sum(), Obs("total_counts", i), 1e-7);
            Close.To(Math.Log(1 + row.Sum()), Obs("log1p_total_counts", i), 1e-6);
            Close.To(row.OrderDescending().Take(50).Sum() / row.Sum() * 100, Obs("pct_counts_in_top_50_genes", i), 1e-12);
            Close.To(row.OrderDescending().Take(100).Sum() / row.Sum() * 100, Obs("pct_counts_in_top_100_genes", i), 1e-12);
            Close.To(row.Where((_, g) => g % 9 == 0).Sum() / row.Sum() * 100, Obs("pct_counts_mt", i), 1e-6);
        }
        for (int g = 0; g < genes; g++)
        {
            double[] column = [.. Enumerable.Range(0, cells).Select(i => (double)dense[i * genes + g])];
            Assert.Equal(column.Count(v => v > 0), Var("n_cells_by_counts", g));
            Close.To(column.Average(), Var("mean_counts", g), 1e-6);
            Close.To(column.Count(v => v == 0) / (double)cells * 100, Var("pct_dropout_by_counts", g), 1e-10);
            Close.To(Math.Log(1 + column.Sum()), Var("log1p_total_counts", g), 1e-6);
        }
    }

    [Fact]
    public void A_filter_says_how_many_cells_it_drops_and_why()
    {
        // Genes: mt, a, b, c.
        var counts = SparseMatrix.FromDense(6, 4, [0, 0, 0, 0, 9, 1, 0, 0, 0, 5, 0, 0, 0, 1, 1, 1, 0, 50, 50, 0, 1, 4, 4, 4]);
        var metrics = QualityMetrics.Of(counts, [new GeneGroup("mt", [true, false, false, false])]);
        var filter = new CellFilter { MinimumGenes = 2, MaximumPercentMitochondrial = 20, MaximumCounts = 60 };
        var found = filter.Cells(metrics);
        Assert.Equal([3, 5], found.Kept);
        Assert.Equal([new DroppedCells(1, "without any count"), new DroppedCells(1, "with fewer than 2 genes"), new DroppedCells(1, "with more than 60 counts"), new DroppedCells(1, "with more than 20 % mitochondrial counts")],
            found.Dropped);
        Assert.True(double.IsNaN(metrics.Groups[0].Percent[0]));
        Assert.Equal([1, 2, 3, 4, 5], new CellFilter().Cells(metrics).Kept);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(2.0)]
    public void Scaled_genes_are_those_of_the_dense_matrix(double? limit)
    {
        var expression = Normalization.LogNormalize(Samples.Counts(90, 40, 2), 100);
        float[] dense = expression.ToDense();
        var scaled = ScaledExpression.Of(expression, limit, threads: 2);
        Assert.Equal(expression.StoredCount, scaled.AboveZero.StoredCount);
        float[] all = scaled.Dense([.. Enumerable.Range(0, 40)]).ToSingle();
        for (int g = 0; g < 40; g++)
        {
            double[] column = [.. Enumerable.Range(0, 90).Select(i => (double)dense[i * 40 + g])];
            double mean = column.Average(), sd = Math.Sqrt(column.Sum(v => (v - mean) * (v - mean)) / 89);
            if (sd == 0) sd = 1;
            for (int i = 0; i < 90; i++) Assert.Equal(Math.Clamp((column[i] - mean) / sd, -(limit ?? 1e9), limit ?? 1e9), all[i * 40 + g], 2e-6);
        }
        Assert.Equal(all.Where((_, k) => k % 40 is 3 or 7), scaled.Dense([3, 7]).ToSingle());
    }

    [ToolFact("anndata")] // for pandas
    public void Genes_variable_within_batches_are_those_of_the_published_procedure()
    {
        var expression = Normalization.LogNormalize(Samples.Counts(160, 400, 6), 500);
        string[] batches = [.. Enumerable.Range(0, 160).Select(i => i % 7 < 3 ? "b" : i % 7 < 5 ? "a" : "c")];
        // Some genes are absent from a batch.
        float[] dense = expression.ToDense();
        for (int i = 0; i < 160; i++)
            for (int g = 0; g < 20; g++)
                if (batches[i] == "c") dense[i * 400 + g] = 0;
        expression = SparseMatrix.FromDense(160, 400, dense);
        var found = BatchVariableGenes.Of(expression, batches, 60);

        // From single batches, whose numbers are compared with scanpy's elsewhere, by pandas as the published procedure combines them.
        using var dir = new TemporaryDirectory();
        var lines = new List<string>();
        foreach (string b in new[] { "a", "b", "c" })
        {
            var part = expression.SelectRows([.. Enumerable.Range(0, 160).Where(i => batches[i] == b)]);
            int[] detected = Filters.GenesInCells(part, 1);
            var one = VariableGenes.Of(part.SelectColumns(detected));
            var top = one.Top(60).ToHashSet();
            for (int g = 0; g < 400; g++)
            {
                int k = Array.IndexOf(detected, g);
                lines.Add(FormattableString.Invariant($"{g} {(k < 0 ? 0 : one.Means[k]):R} {(k < 0 ? 0 : one.Dispersions[k]):R} {(k < 0 ? 0 : one.NormalizedDispersions[k]):R} {(k >= 0 && top.Contains(k) ? 1 : 0)}"));
            }
        }
        File.WriteAllLines(dir["t"], lines);
        var expected = Samples.Python("""
            import pandas as pd
            t = pd.read_csv(sys.argv[1], sep=' ', header=None, names=['g', 'means', 'dispersions', 'norm', 'hv'])
            d = t.groupby('g').agg({'means': np.nanmean, 'dispersions': np.nanmean, 'norm': np.nanmean, 'hv': np.nansum})
            s = d.sort_values(['hv', 'norm'], ascending=False, na_position='last')
            print(json.dumps({'top': sorted(int(i) for i in s.index[:60]), 'means': d.means.tolist(), 'norm': d.norm.tolist(), 'n': d.hv.tolist()}))
            """, dir["t"]);
        Assert.Equal(expected["top"]!.Numbers(), found.Chosen.Select(g => (double)g));
        Close.To(expected["means"]!.Numbers(), found.Means, 1e-12);
        Close.To(expected["norm"]!.Numbers(), found.NormalizedDispersions, 1e-10);
        Assert.Equal(expected["n"]!.Numbers(), found.BatchesOf.Select(n => (double)n));
        Assert.Equal(3, found.BatchCount);
    }

    [Fact]
    public void Doublets_of_different_types_are_found_and_single_cells_left_alone()
    {
        const int cells = 600, doublets = 30, genes = 200;
        // Cell i is of type i mod 3; the last cells get a second cell of another type.
        var random = new Random(21);
        var dense = new float[(cells + doublets) * genes];
        for (int i = 0; i < cells + doublets; i++)
            foreach (int type in i < cells ? new[] { i % 3 } : [i % 3, (i + 1) % 3])
                for (int g = 0; g < genes; g++)
                    for (double left = 1, end = Math.Exp(g % 6 == type ? -2 : -0.3); (left *= random.NextDouble()) > end;) dense[i * genes + g]++;
        var counts = SparseMatrix.FromDense(cells + doublets, genes, dense);
        var found = DoubletScores.Of(counts, new DoubletOptions { ExpectedRate = 0.05, Components = 10, Threads = 2 });
        bool[] called = found.Predicted;
        Assert.InRange(called[cells..].Count(c => c), 0.8 * doublets, doublets);
        Assert.InRange(called[..cells].Count(c => c), 0, 0.05 * cells);
        Assert.All(found.Scores, s => Assert.InRange(s, 0, 1));
        // A third of random pairs are of one type, and these cannot be told from single cells.
        Assert.InRange(found.DetectableShare, 0.5, 0.8);
        Assert.Equal(found.Scores, DoubletScores.Of(counts, new DoubletOptions { ExpectedRate = 0.05, Components = 10, Threads = 1 }).Scores);
        Assert.Contains("too few", Assert.Throws<InputException>(() => DoubletScores.Of(counts.SelectRows([1, 2, 3]))).Message, StringComparison.Ordinal);
    }
}
