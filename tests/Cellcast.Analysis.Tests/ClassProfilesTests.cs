using Cellcast.AnnData;
using Cellcast.Analysis.Baselines;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests;

/// <summary>Naive Bayes on log(1 + count) and the class profiles behind it.</summary>
public class ClassProfilesTests
{
    [Fact]
    public void Weights_come_from_counts_whatever_they_were_scaled_to()
    {
        double[] counts = [1, 2, 7, 100], weights = new double[4];
        ClassProfiles.Weights([.. counts.Select(c => (float)Math.Log(1 + 3.7 * c))], weights);
        for (int i = 0; i < 4; i++) Assert.Equal(Math.Log(1 + counts[i]), weights[i], 1e-5);
    }

    /// <summary>The evidence of a cell that takes part equals that from profiles made without it; smoothing towards all cells is left as it is, which favours no class.</summary>
    [Fact]
    public void A_cell_that_is_left_out_is_judged_as_if_it_had_never_been_there()
    {
        var (cells, labels) = Cells(40, 12, 3, seed: 1);
        ClassProfiles Without(int left)
        {
            var b = new ClassProfiles.Builder(12, 3);
            for (int c = 0; c < cells.Length; c++)
                if (c != left) b.Add(cells[c].Genes, cells[c].Weights, labels[c]);
            return b.Build();
        }
        ClassProfiles all = Without(-1);
        double[] seen = new double[3], leftOut = new double[3], apart = new double[3];
        double moved = 0, missed = 0;
        for (int c = 0; c < 40; c++)
        {
            ClassProfiles.Evidence(all.LogOdds.Span, cells[c].Genes, cells[c].Weights, seen);
            all.EvidenceWithout(cells[c].Genes, cells[c].Weights, cells[c].Weights, cells[c].Weights.Sum(), labels[c], leftOut);
            ClassProfiles.Evidence(Without(c).LogOdds.Span, cells[c].Genes, cells[c].Weights, apart);
            Assert.Equal(0, leftOut.Sum(), 1e-5);
            Assert.True(leftOut[labels[c]] < seen[labels[c]]);
            moved += Math.Abs(seen[labels[c]] - apart[labels[c]]);
            missed += Math.Abs(leftOut[labels[c]] - apart[labels[c]]);
        }
        Assert.True(missed < 0.2 * moved, $"{missed} of {moved}");
    }

    [Fact]
    public void A_gene_that_is_missing_moves_a_cell_towards_no_class()
    {
        var (cells, labels) = Cells(60, 30, 2, seed: 2);
        var builder = new ClassProfiles.Builder(30, 2);
        for (int c = 0; c < 60; c++) builder.Add(cells[c].Genes, cells[c].Weights, labels[c]);
        double[] e = new double[2];
        ClassProfiles.Evidence(builder.Build().LogOdds.Span, [], [], e);
        Assert.Equal([0.0, 0.0], e);
    }

    /// <summary>By smoothing alone it would speak for the class of the fewest molecules.</summary>
    [Fact]
    public void Genes_that_no_training_cell_expresses_say_nothing_and_however_many_there_are_change_nothing()
    {
        var (cells, labels) = Cells(60, 30, 2, seed: 3);
        ClassProfiles Of(int genes)
        {
            var builder = new ClassProfiles.Builder(genes, 2);
            // One class has been seen in far fewer cells.
            for (int c = 0; c < 60; c++)
                if (labels[c] == 0 || c < 6) builder.Add(cells[c].Genes, cells[c].Weights, labels[c]);
            return builder.Build();
        }
        ClassProfiles few = Of(30), many = Of(5000);
        double[] without = new double[2], with = new double[2];
        for (int c = 0; c < 60; c++)
        {
            ClassProfiles.Evidence(few.LogOdds.Span, cells[c].Genes, cells[c].Weights, without);
            ClassProfiles.Evidence(many.LogOdds.Span, cells[c].Genes, cells[c].Weights, with);
            Assert.Equal(without, with);
        }
        ClassProfiles.Evidence(many.LogOdds.Span, [40, 4999], [2, 3], with);
        Assert.Equal([0.0, 0.0], with);
    }

    [Fact]
    public void A_gene_of_one_cell_only_says_nothing_of_that_cell_when_it_is_left_out()
    {
        var builder = new ClassProfiles.Builder(3, 2);
        builder.Add([0, 2], [1, 1], 0);
        builder.Add([0], [1], 0);
        builder.Add([0, 1], [1, 2], 1);
        builder.Add([1], [1], 1);
        ClassProfiles profiles = builder.Build();
        double[] both = new double[2], first = new double[2];
        profiles.EvidenceWithout([0, 2], [1, 1], [1, 1], 2, 0, both);
        profiles.EvidenceWithout([0], [1], [1], 2, 0, first);
        Assert.Equal(first[0] / Math.Sqrt(2), both[0], 1e-6);
    }

    /// <summary>scikit-learn's MultinomialNB on log(1 + count), its sums mixed with the common profile, decides alike.</summary>
    [ToolFact("sklearn")]
    public void It_calls_cells_as_the_fields_own_does()
    {
        using var folder = new TemporaryDirectory();
        var random = new Random(5);
        const int N = 90, G = 40;
        float[] counts = new float[N * G], values = new float[N * G];
        string[] labels = [.. Enumerable.Range(0, N).Select(i => "abc"[i % 3].ToString())];
        for (int i = 0; i < N; i++)
            for (int g = 0; g < G; g++) counts[i * G + g] = random.Next(g % 3 == i % 3 ? 4 : 3) * random.Next(2) + (g == 0 ? 1 : 0);
        for (int i = 0; i < N * G; i++) values[i] = MathF.Log(1 + 12.5f * counts[i]);
        File.WriteAllText(folder["x.csv"], string.Join('\n', Enumerable.Range(0, N).Select(i => labels[i] + "," + string.Join(',', counts[(i * G)..((i + 1) * G)]))));
        var python = ExternalTool.RunPython("""
            import sys, numpy as np
            from sklearn.naive_bayes import MultinomialNB
            rows = [l.strip().split(",") for l in open(sys.argv[1])]
            y, x = np.array([r[0] for r in rows]), np.log1p(np.array([r[1:] for r in rows], float))
            m = MultinomialNB(alpha=1e-9, fit_prior=False).fit(x[:60], y[:60])
            tot = m.feature_count_.sum(1, keepdims=True)
            common = (m.feature_count_.sum(0) + .1) / (tot.sum() + .1 * x.shape[1])
            m.feature_log_prob_ = np.log((m.feature_count_ + .1 + .2 * common * tot) / (1.2 * tot + .1 * x.shape[1]))
            print("".join(m.predict(x[60:])))
            """, folder["x.csv"]);
        Assert.True(python.ExitCode == 0, python.Error);
        SparseMatrix x = SparseMatrix.FromDense(N, G, values);
        var model = NaiveBayes.Train(x.SelectRows([.. Enumerable.Range(0, 60)]), labels[..60]);
        SparseMatrix test = x.SelectRows([.. Enumerable.Range(60, 30)]);
        Assert.Equal(python.Output.Trim(), string.Concat(model.Predict(test, threads: 1)));
        Assert.Equal(model.Probabilities(test, 1), model.Probabilities(test, 3));
        Assert.Contains("40", Assert.Throws<InputException>(() => model.Predict(SparseMatrix.FromDense(1, 2, [1, 1]))).Message, StringComparison.Ordinal);
    }

    private static ((int[] Genes, double[] Weights)[] Cells, int[] Labels) Cells(int count, int genes, int classes, int seed)
    {
        var random = new Random(seed);
        int[] labels = [.. Enumerable.Range(0, count).Select(c => c % classes)];
        return ([.. labels.Select(k =>
        {
            int[] expressed = [.. Enumerable.Range(0, genes).Where(g => g == 0 || random.Next(g % classes == k ? 2 : 4) == 0)];
            return (expressed, expressed.Select(_ => Math.Log(2 + random.Next(5))).ToArray());
        })], labels);
    }
}
