using System.Globalization;
using Cellcast.Analysis.Metrics;
using Cellcast.Analysis.Neighbors;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests;

public class MetricsTests
{
    private static readonly string[] s_truth = ["a", "a", "a", "b", "b", "c", "c", "c", "c"], s_called = ["a", "a", "b", "b", "c", "c", "c", "a", "d"];

    [Fact]
    public void Scores_of_a_confusion_matrix_are_those_counted_by_hand()
    {
        var m = ConfusionMatrix.Of(s_truth, s_called);
        Assert.Equal(["a", "b", "c", "d"], m.Labels);
        Assert.Equal(1, m.Counts[2, 3]);
        Assert.Equal(5 / 9.0, m.Accuracy, 1e-15);
        Assert.Equal(new ClassScore("a", 3, 2 / 3.0, 2 / 3.0, 2 / 3.0), m.Classes[0]);
        Assert.Equal(new ClassScore("d", 0, 0, 0, 0), m.Classes[3]);
        double b = 0.5, c = 2 * (2 / 3.0) * 0.5 / (2 / 3.0 + 0.5);
        Assert.Equal((2 / 3.0 + b + c + 0) / 4, m.MacroF1, 1e-14);
        Assert.Equal((3 * (2 / 3.0) + 2 * b + 4 * c) / 9, m.WeightedF1, 1e-14);
        Assert.Throws<ArgumentException>(() => ConfusionMatrix.Of(["a"], ["a", "b"]));
    }

    [ToolFact("sklearn")]
    public void Metrics_are_those_of_scikit_learn()
    {
        var random = new Random(3);
        const int n = 150, classes = 4, d = 11;
        int[] truth = [.. Enumerable.Range(0, n).Select(_ => Math.Min(random.Next(classes), random.Next(classes)))], other = [.. truth.Select(t => random.Next(3) == 0 ? random.Next(classes) : t)];
        double[] p = new double[n * classes];
        float[] points = new float[n * d];
        for (int i = 0; i < n; i++)
        {
            double[] raw = [.. Enumerable.Range(0, classes).Select(c => Math.Round(random.NextDouble(), 2) + (c == truth[i] ? 0.4 : 0.01))];
            for (int c = 0; c < classes; c++) p[i * classes + c] = raw[c] / raw.Sum();
            for (int k = 0; k < d; k++) points[i * d + k] = (float)Math.Round(truth[i] * (k % 3) + random.NextDouble(), 3);
        }
        string List<T>(IEnumerable<T> v) where T : IFormattable => "[" + string.Join(",", v.Select(e => e.ToString(null, CultureInfo.InvariantCulture))) + "]";
        var run = ExternalTool.RunPython($"""
            import numpy as np
            from sklearn import metrics as m
            t, o = np.array({List(truth)}), np.array({List(other)}); p = np.array({List(p)}).reshape({n}, -1); x = np.array({List(points)}).reshape({n}, -1)
            from sklearn.neighbors import NearestNeighbors
            k = NearestNeighbors(n_neighbors=6).fit(x).kneighbors(x, return_distance=False)[:, 1:]
            print(m.accuracy_score(t, o), m.f1_score(t, o, average='macro'), m.f1_score(t, o, average='weighted'), m.roc_auc_score(t, p, multi_class='ovo', average='weighted'),
                  m.roc_auc_score(t == 1, p[:, 1]), m.adjusted_rand_score(t, o), m.normalized_mutual_info_score(t, o), m.silhouette_score(x, t), (t[k] == t[:, None]).mean(), m.adjusted_mutual_info_score(t, o))
            """);
        Assert.True(run.ExitCode == 0, run.Error);
        double[] expected = [.. run.Output.Split(' ').Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
        var matrix = ConfusionMatrix.Of([.. truth.Select(t => t.ToString())], [.. other.Select(t => t.ToString())]);
        double[] actual = [matrix.Accuracy, matrix.MacroF1, matrix.WeightedF1, AreaUnderCurve.OneVersusOne(truth, p, classes),
            AreaUnderCurve.Binary([.. truth.Select(t => t == 1)], [.. Enumerable.Range(0, n).Select(i => p[i * classes + 1])]),
            Clustering.AdjustedRandIndex(truth, other), Clustering.NormalizedMutualInformation(truth, other), Clustering.Silhouette(points, d, truth), Clustering.NeighborPurity(points, d, truth, 5),
            Clustering.AdjustedMutualInformation(truth, other)];
        for (int k = 0; k < expected.Length; k++) Close.To(expected[k], actual[k], k == 7 ? 1e-6 : 1e-10, $"metric {k}");
    }

    [Fact]
    public void Agreement_of_partitions_does_not_depend_on_the_names_and_has_the_known_extremes()
    {
        int[] a = [0, 0, 1, 1, 2, 2];
        string[] same = ["x", "x", "z", "z", "y", "y"];
        Assert.Equal(1, Clustering.AdjustedRandIndex(a, same), 1e-15);
        Assert.Equal(1, Clustering.NormalizedMutualInformation(a, same), 1e-14);
        Assert.Equal(0, Clustering.NormalizedMutualInformation(a, [1, 1, 1, 1, 1, 1]), 1e-15);
        Assert.Equal(1, Clustering.NormalizedMutualInformation([1, 1], [2, 2]));
        Assert.Equal(0, Clustering.AdjustedRandIndex([0, 0, 1, 1], [0, 1, 0, 1]) + 0.5, 1e-15);
    }

    [Fact]
    public void A_perfect_score_has_area_1_a_reversed_one_0_and_one_class_alone_none()
    {
        Assert.Equal(1, AreaUnderCurve.Binary([true, false, true], [2, 1, 3]));
        Assert.Equal(0, AreaUnderCurve.Binary([true, false, true], [-2, -1, -3]));
        Assert.Equal(0.5, AreaUnderCurve.Binary([true, false], [1, 1]));
        Assert.True(double.IsNaN(AreaUnderCurve.Binary([true, true], [1, 2])));
    }

    [Fact]
    public void Neighbours_are_those_of_a_full_sort()
    {
        var random = new Random(4);
        const int n = 70, d = 9;
        float[] points = [.. Enumerable.Range(0, n * d).Select(_ => (float)random.Next(3))], queries = points[..(5 * d)];
        int[] found = NearestNeighbors.Of(points, queries, d, 12), without = NearestNeighbors.Within(points, d, 12, threads: 1);
        double Distance(int i, int j) => Enumerable.Range(0, d).Sum(k => Math.Pow(points[i * d + k] - points[j * d + k], 2));
        for (int q = 0; q < 5; q++)
        {
            Assert.Equal(Enumerable.Range(0, n).OrderBy(i => Distance(q, i)).ThenBy(i => i).Take(12), found.AsSpan(q * 12, 12).ToArray());
            Assert.Equal(Enumerable.Range(0, n).Where(i => i != q).OrderBy(i => Distance(q, i)).ThenBy(i => i).Take(12), without.AsSpan(q * 12, 12).ToArray());
        }
        Assert.Equal(2, NearestNeighbors.Within([0, 1], 1, 5).Length);
    }
}
