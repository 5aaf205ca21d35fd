using System.Globalization;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Analysis.Baselines;
using Cellcast.Analysis.Metrics;
using Cellcast.Analysis.Preprocessing;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests;

public class ClassifierTests
{
    private static (SparseMatrix X, string[] Labels) Cells(int n, int genes, int classes, int seed)
    {
        var random = new Random(seed);
        string[] labels = [.. Enumerable.Range(0, n).Select(i => $"type {(i * 7 + 3) % classes}")];
        var x = new float[n * genes];
        for (int i = 0; i < n; i++)
            for (int g = 0; g < genes; g++)
                if (random.Next(3) > 0) x[i * genes + g] = (float)Math.Round(random.NextDouble() * (g % classes == (i * 7 + 3) % classes ? 1.6 : 1), 3);
        return (SparseMatrix.FromDense(n, genes, x), labels);
    }

    [ToolTheory("sklearn"), InlineData(3, 1.0), InlineData(5, 0.01), InlineData(2, 10.0)]
    public void Logistic_regression_and_nearest_centroid_are_those_of_scikit_learn(int classes, double c)
    {
        var (x, labels) = Cells(60, 12, classes, 1);
        string Text(IEnumerable<float> v) => "[" + string.Join(",", v.Select(e => e.ToString("R", CultureInfo.InvariantCulture))) + "]";
        var run = ExternalTool.RunPython($"""
            import numpy as np
            from sklearn.linear_model import LogisticRegression
            from sklearn.neighbors import NearestCentroid
            x = np.array({Text(x.ToDense())}).reshape(60, 12); y = np.array([{string.Join(",", labels.Select(l => $"'{l}'"))}])
            m = LogisticRegression(C={c.ToString(CultureInfo.InvariantCulture)}, solver='newton-cg', tol=1e-9, max_iter=10000).fit(x, y)
            print(*m.predict_proba(x).ravel()); print(*[s.replace(' ', '_') for s in NearestCentroid().fit(x, y).predict(x)])
            """);
        Assert.True(run.ExitCode == 0, run.Error);
        string[] lines = run.Output.Split('\n');
        double[] expected = [.. lines[0].Split(' ').Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
        var model = LogisticRegression.Train(x, labels, new LogisticRegressionOptions { C = c, Tolerance = 1e-9, Gap = 0 });
        Assert.True(model.Converged);
        double[] actual = model.Probabilities(x);
        for (int k = 0; k < expected.Length; k++) Assert.Equal(expected[k], actual[k], 1e-6);
        Assert.Equal(lines[1].Trim().Split(' ').Select(s => s.Replace('_', ' ')), NearestCentroid.Train(x, labels).Predict(x));
    }

    /// <summary>At the minimum the derivative of the penalised loss, computed here from its definition, vanishes. Numbers of classes fill one vector in part, two, and three or more.</summary>
    [Theory, InlineData(3), InlineData(8), InlineData(9), InlineData(17), InlineData(26)]
    public void Logistic_regression_ends_at_the_minimum_with_the_same_bits_for_any_threads(int classes)
    {
        const int n = 130;
        var (x, labels) = Cells(n, 10, classes, 2);
        var exact = new LogisticRegressionOptions { Tolerance = 1e-8, Gap = 0 };
        var model = LogisticRegression.Train(x, labels, exact, threads: 1);
        double[] p = model.Probabilities(x);
        for (int c = 0; c < classes; c++)
        {
            Assert.Equal(0, Enumerable.Range(0, n).Sum(i => p[i * classes + c] - (labels[i] == model.Classes[c] ? 1 : 0)) / n, 1e-7);
            for (int g = 0; g < 10; g++)
                Assert.Equal(0, (Enumerable.Range(0, n).Sum(i => x[i, g] * (p[i * classes + c] - (labels[i] == model.Classes[c] ? 1 : 0))) + model.Weight(g, c)) / n, 2e-7);
        }
        Assert.Equal(p, LogisticRegression.Train(x, labels, exact, threads: 3).Probabilities(x));
        var warm = LogisticRegression.Train(x, labels, new LogisticRegressionOptions { Tolerance = 1e-6 }, start: model);
        Assert.True(warm.Iterations <= 1 && warm.Converged);
    }

    /// <summary>The gap that ends a fit is no smaller than the true one, which a fit to the end shows.</summary>
    [Theory, InlineData(0.01), InlineData(1), InlineData(100)]
    public void A_fit_that_ends_early_is_as_near_to_the_minimum_as_it_promises(double c)
    {
        var (x, labels) = Cells(200, 60, 4, 5);
        double least = LogisticRegression.Train(x, labels, new LogisticRegressionOptions { C = c, Tolerance = 1e-9, Gap = 0 }).MeanLoss;
        foreach (double gap in new[] { 1e-2, 1e-4 })
        {
            var early = LogisticRegression.Train(x, labels, new LogisticRegressionOptions { C = c, Tolerance = 0, Gap = gap });
            Assert.True(early.Converged);
            Assert.InRange(early.MeanLoss, least * (1 - 1e-9), least * (1 + gap));
        }
    }

    /// <summary>Real cells along a path of C, each fit from the one before, as evaluations do it: scikit-learn, fitted to the end for each C alone, calls all but a few undecided cells alike.</summary>
    [ToolFact("sklearn", "pbmc68k_reduced.h5ad")]
    public void Logistic_regression_on_real_cells_scores_as_scikit_learn_does()
    {
        var data = H5adFile.Read(TestPaths.SharedData("pbmc68k_reduced.h5ad"));
        string[] labels = data.Obs["label"].ToText()!;
        var expression = Normalization.LogNormalize(data.MatrixOf().ToSparse(), 1e4);
        int[] frequent = [.. Enumerable.Range(0, labels.Length).Where(i => labels.Count(l => l == labels[i]) >= 10)];
        int[] test = [.. frequent.Where((_, k) => k % 5 == 0)], train = [.. frequent.Where((_, k) => k % 5 != 0)];
        string[] known = [.. test.Select(i => labels[i])], taught = [.. train.Select(i => labels[i])];
        SparseMatrix x = expression.SelectRows(train), y = expression.SelectRows(test);
        using var folder = new TemporaryDirectory();
        string Put(string name, ReadOnlySpan<byte> bytes)
        {
            string path = Path.Combine(folder.Path, name);
            File.WriteAllBytes(path, bytes.ToArray());
            return path;
        }
        double[] grid = [0.01, 0.1, 1, 10];
        var run = ExternalTool.RunPython("""
            import sys, numpy as np
            from sklearn.linear_model import LogisticRegression
            x, y = (np.fromfile(f, np.float32).reshape(int(n), -1).astype(float) for f, n in ((sys.argv[1], sys.argv[4]), (sys.argv[2], sys.argv[5])))
            labels = open(sys.argv[3]).read().split('\n')
            for c in sys.argv[6:]:
                print('\t'.join(LogisticRegression(C=float(c), tol=1e-7, max_iter=20000).fit(x, labels).predict(y)))
            """, [Put("train", System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(x.ToDense())), Put("test", System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(y.ToDense())),
            Put("labels", System.Text.Encoding.UTF8.GetBytes(string.Join('\n', taught))), $"{train.Length}", $"{test.Length}", .. grid.Select(c => c.ToString(CultureInfo.InvariantCulture))]);
        Assert.True(run.ExitCode == 0, run.Error);
        string[] lines = run.Output.TrimEnd().Split('\n');
        LogisticRegression? last = null;
        for (int k = 0; k < grid.Length; k++)
        {
            last = LogisticRegression.Train(x, taught, new LogisticRegressionOptions { C = grid[k] }, last);
            Assert.True(last.Converged);
            string[] ours = last.Predict(y), theirs = lines[k].Split('\t');
            int other = ours.Where((o, i) => o != theirs[i]).Count();
            double f1 = ConfusionMatrix.Of(known, ours).MacroF1, expected = ConfusionMatrix.Of(known, theirs).MacroF1;
            Assert.True(other <= 2 && Math.Abs(f1 - expected) < 0.02, $"C {grid[k]}: {other} of {test.Length} calls differ, macro-F1 {f1:0.000} and {expected:0.000}");
        }
    }

    [Fact]
    public void Separable_classes_and_extreme_values_stay_finite()
    {
        var x = SparseMatrix.FromDense(4, 2, [1e4f, 0, 2e4f, 0, 0, 1e4f, 0, 3e4f]);
        var model = LogisticRegression.Train(x, ["a", "a", "b", "b"], new LogisticRegressionOptions { C = 1e6 });
        Assert.Equal(["a", "a", "b", "b"], model.Predict(x));
        Assert.All(model.Probabilities(x), v => Assert.InRange(v, 0, 1));
        Assert.Equal(["a", "a", "b", "b"], NearestCentroid.Train(x, ["a", "a", "b", "b"]).Predict(x));
    }

    [Fact]
    public void What_cannot_be_trained_or_called_is_said()
    {
        var (x, labels) = Cells(20, 6, 2, 3);
        string Message(Action act) => Assert.Throws<InputException>(act).Message;
        Assert.Contains("same label", Message(() => LogisticRegression.Train(x, [.. labels.Select(_ => "a")])));
        Assert.Contains("3 labels but 20 cells", Message(() => NearestCentroid.Train(x, ["a", "b", "c"])));
        foreach (ICellClassifier c in new ICellClassifier[] { LogisticRegression.Train(x, labels), NearestCentroid.Train(x, labels), NeighborVote.Train(x, labels, 3, 2) })
            Assert.Contains("trained on 6", Message(() => c.Predict(Cells(3, 5, 2, 3).X)));
        Assert.Throws<ArgumentException>(() => LogisticRegression.Train(x, labels, start: LogisticRegression.Train(Cells(20, 5, 2, 3).X, labels)));
    }

    [Fact]
    public void Votes_are_shares_of_the_nearest_training_cells()
    {
        var (x, labels) = Cells(90, 30, 3, 4);
        double[] p = NeighborVote.Train(x, labels, neighbors: 4, components: 5).Probabilities(x);
        for (int i = 0; i < 90; i++)
        {
            Assert.Equal(1, p[i * 3] + p[i * 3 + 1] + p[i * 3 + 2], 1e-12);
            Assert.Equal(0, p[i * 3] * 4 % 1, 1e-12);
        }
    }

    /// <summary>Real cells: all three baselines in one split, the linear one ahead as it is known to be.</summary>
    [SharedDataFact("pdac_moncada_sc.h5ad")]
    public void Baselines_call_real_cells_as_well_as_they_are_known_to()
    {
        var data = H5adFile.Read(TestPaths.SharedData("pdac_moncada_sc.h5ad"));
        string[] labels = data.Obs["label"].ToText()!;
        var expression = Normalization.LogNormalize(data.MatrixOf().ToSparse(), 1e4);
        int[] frequent = [.. Enumerable.Range(0, labels.Length).Where(i => labels.Count(l => l == labels[i]) >= 10)];
        int[] test = [.. frequent.Where((_, k) => k % 5 == 0)], train = [.. frequent.Where((_, k) => k % 5 != 0)];
        string[] known = [.. test.Select(i => labels[i])], taught = [.. train.Select(i => labels[i])];
        SparseMatrix x = expression.SelectRows(train), y = expression.SelectRows(test);
        double Score(ICellClassifier c) => ConfusionMatrix.Of(known, c.Predict(y)).MacroF1;
        double logistic = Score(LogisticRegression.Train(x, taught)), centroid = Score(NearestCentroid.Train(x, taught)), vote = Score(NeighborVote.Train(x, taught));
        Assert.True(logistic > 0.75 && centroid > 0.5 && vote > 0.5, $"{logistic:0.000} {centroid:0.000} {vote:0.000}");
    }
}
