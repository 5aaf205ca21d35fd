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
        var model = LogisticRegression.Train(x, labels, new LogisticRegressionOptions { C = c, Tolerance = 1e-9 });
        Assert.True(model.Converged);
        double[] actual = model.Probabilities(x);
        for (int k = 0; k < expected.Length; k++) Assert.Equal(expected[k], actual[k], 1e-6);
        Assert.Equal(lines[1].Trim().Split(' ').Select(s => s.Replace('_', ' ')), NearestCentroid.Train(x, labels).Predict(x));
    }

    /// <summary>At the minimum the derivative of the penalised loss, computed here from its definition, vanishes.</summary>
    [Fact]
    public void Logistic_regression_ends_at_the_minimum_with_the_same_bits_for_any_threads()
    {
        var (x, labels) = Cells(80, 10, 3, 2);
        var model = LogisticRegression.Train(x, labels, new LogisticRegressionOptions { Tolerance = 1e-8 }, threads: 1);
        double[] p = model.Probabilities(x);
        for (int c = 0; c < 3; c++)
        {
            Assert.Equal(0, Enumerable.Range(0, 80).Sum(i => p[i * 3 + c] - (labels[i] == model.Classes[c] ? 1 : 0)) / 80, 1e-8);
            for (int g = 0; g < 10; g++)
                Assert.Equal(0, (Enumerable.Range(0, 80).Sum(i => x[i, g] * (p[i * 3 + c] - (labels[i] == model.Classes[c] ? 1 : 0))) + model.Weight(g, c)) / 80, 2e-8);
        }
        Assert.Equal(p, LogisticRegression.Train(x, labels, new LogisticRegressionOptions { Tolerance = 1e-8 }, threads: 3).Probabilities(x));
        var warm = LogisticRegression.Train(x, labels, new LogisticRegressionOptions { Tolerance = 1e-6 }, start: model);
        Assert.True(warm.Iterations <= 1 && warm.Converged);
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
