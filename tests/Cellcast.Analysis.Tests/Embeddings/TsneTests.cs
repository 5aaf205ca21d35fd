using System.Globalization;
using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Metrics;
using Cellcast.Analysis.Neighbors;
using Cellcast.AnnData;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Embeddings;

public class TsneTests
{
    [Fact]
    public void Similarities_have_the_perplexity_sum_to_one_and_are_symmetric()
    {
        const double perplexity = 12;
        var (points, _) = Clouds.Round(1, 50, 3, 6, apart: 4);
        NeighborTable table = NearestNeighbors.Search(points, 6, 37, DistanceMetric.Euclidean);
        for (int i = 0; i < table.Rows; i++)
        {
            double[] squared = [.. table.DistancesOf(i).ToArray().Select(d => (double)d * d)];
            var p = new float[squared.Length];
            TsneSimilarities.Conditional(squared, Math.Log(perplexity), p);
            Assert.Equal(1, p.Sum(), 1e-5);
            Close.To(perplexity, Math.Exp(-p.Where(v => v > 0).Sum(v => v * Math.Log(v))), 1e-3, "perplexity");
        }
        SparseMatrix joint = TsneSimilarities.Of(table, perplexity, 2);
        Assert.Equal(1, joint.Values.Sum(v => (double)v), 1e-5);
        SparseMatrix turned = joint.Transpose();
        Assert.Equal(joint.Indices, turned.Indices);
        Assert.Equal(joint.Values, turned.Values);
    }

    [Fact]
    public void The_gradient_is_the_derivative_of_the_divergence()
    {
        var (points, _) = Clouds.Round(2, 30, 2, 5);
        SparseMatrix p = TsneSimilarities.Of(NearestNeighbors.Search(points, 5, 59, DistanceMetric.Euclidean), 8, 1);
        var random = new Random(3);
        int n = p.Rows;
        float[] x = [.. Enumerable.Range(0, n).Select(_ => (float)(4 * random.NextDouble()))], y = [.. Enumerable.Range(0, n).Select(_ => (float)(4 * random.NextDouble()))], gx = new float[n], gy = new float[n];
        new TsneGradient(p, 0.5, 2).Compute(x, y, 1, gx, gy);
        for (int i = 0; i < n; i += 7)
        {
            Close.To(Slope(x, i, () => Divergence(p, x, y)), gx[i], 2e-3, $"x of {i}");
            Close.To(Slope(y, i, () => Divergence(p, x, y)), gy[i], 2e-3, $"y of {i}");
        }
        Close.To(Divergence(p, x, y), new TsneGradient(p, 0.5, 1).Divergence(x, y), 1e-5, "divergence");
    }

    private static double Slope(float[] x, int i, Func<double> f)
    {
        float at = x[i];
        const float Step = 1f / 128;
        x[i] = at + Step;
        double after = f();
        x[i] = at - Step;
        double before = f();
        x[i] = at;
        return (after - before) / (2 * Step);
    }

    /// <summary>Over all pairs, in double precision.</summary>
    private static double Divergence(SparseMatrix p, float[] x, float[] y)
    {
        double z = 0, sum = 0;
        double Q(int i, int j) => 1 / (1 + Math.Pow((double)x[i] - x[j], 2) + Math.Pow((double)y[i] - y[j], 2));
        for (int i = 0; i < p.Rows; i++)
            for (int j = 0; j < p.Rows; j++)
                if (i != j) z += Q(i, j);
        for (int i = 0; i < p.Rows; i++)
            for (int e = 0; e < p.RowIndices(i).Length; e++) sum += p.RowValues(i)[e] * Math.Log(p.RowValues(i)[e] * z / Q(i, p.RowIndices(i)[e]));
        return sum;
    }

    [Fact]
    public void The_tree_gives_the_forces_of_all_pairs_within_a_percent_and_the_same_bits_for_any_number_of_threads()
    {
        const int n = TsneGradient.ExactPoints + 700;
        var (points, _) = Clouds.Round(4, n / 5, 5, 2, apart: 20);
        float[] x = [.. Enumerable.Range(0, n).Select(i => points[2 * i])], y = [.. Enumerable.Range(0, n).Select(i => points[2 * i + 1])];
        // Some points on top of each other, more than a leaf holds.
        x.AsSpan(0, 80).Fill(1.5f);
        y.AsSpan(0, 80).Fill(-2);
        SparseMatrix none = SparseMatrix.FromCoordinates(n, n, [], [], []);
        TsneGradient exact = new(none, 0, 2), tree = new(none, 0.5, 1), other = new(none, 0.5, 3);
        exact.Repulsion(x, y);
        tree.Repulsion(x, y);
        other.Repulsion(x, y);
        Close.To(exact.Normalization, tree.Normalization, 5e-3, "normalisation");
        double difference = 0, size = 0;
        for (int i = 0; i < n; i++)
        {
            var (ex, ey) = exact.RepulsionAt(i);
            var (tx, ty) = tree.RepulsionAt(i);
            difference += Math.Pow(ex - tx, 2) + Math.Pow(ey - ty, 2);
            size += (double)ex * ex + (double)ey * ey;
            Assert.Equal(tree.RepulsionAt(i), other.RepulsionAt(i));
        }
        Assert.True(Math.Sqrt(difference / size) < 0.01, $"relative error {Math.Sqrt(difference / size)}");
        double dx = 0, dy = 0;
        for (int j = 0; j < n; j++)
        {
            double a = (double)x[500] - x[j], b = (double)y[500] - y[j], q = 1 / (1 + a * a + b * b);
            (dx, dy) = (dx + q * q * a, dy + q * q * b);
        }
        Close.To(dx, exact.RepulsionAt(500).X, 1e-4);
        Close.To(dy, exact.RepulsionAt(500).Y, 1e-4);
    }

    [Fact]
    public void Clouds_stay_apart_and_whole_and_threads_decide_nothing()
    {
        var (points, cloud) = Clouds.Round(5, 70, 6, 15, apart: 3);
        var options = new TsneOptions { Threads = 1, Iterations = 600 };
        Tsne tsne = Tsne.Fit(points, 15, options);
        Assert.True(Clustering.NeighborPurity(tsne.Coordinates, 2, cloud) > 0.99);
        Assert.True(Clustering.Silhouette(tsne.Coordinates, 2, cloud) > 0.6);
        Assert.Equal(tsne.Coordinates, Tsne.Fit(points, 15, options with { Threads = 3 }).Coordinates);
        float[] random = Tsne.Fit(points, 15, options with { Start = EmbeddingStart.Random, Seed = 1 }).Coordinates;
        Assert.NotEqual(random, Tsne.Fit(points, 15, options with { Start = EmbeddingStart.Random, Seed = 2 }).Coordinates);
    }

    [Fact]
    public void Too_few_cells_and_settings_out_of_range_are_refused()
    {
        float[] points = Clouds.Round(6, 20, 1, 3).Points;
        Assert.Contains("perplexity", Assert.Throws<InputException>(() => Tsne.Fit(points, 3)).Message);
        Assert.Throws<ArgumentException>(() => Tsne.Fit(points, 3, new TsneOptions { Perplexity = 0.5 }));
        Assert.Equal(40, Tsne.Fit(points, 3, new TsneOptions { Perplexity = 5 }).Coordinates.Length);
        Assert.All(Tsne.Fit(new float[90], 3, new TsneOptions { Perplexity = 5 }).Coordinates, v => Assert.True(float.IsFinite(v)));
    }

    [ToolFact("sklearn")]
    public void The_divergence_is_as_small_as_scikit_learn_makes_it_and_qualities_are_measured_alike()
    {
        var (points, _) = Clouds.Round(7, 75, 4, 10, apart: 2);
        float[] rounded = [.. points.Select(v => (float)Math.Round(v, 3))];
        Tsne tsne = Tsne.Fit(rounded, 10, new TsneOptions { Perplexity = 20 });
        string Numbers(IEnumerable<float> v) => string.Join(',', v.Select(x => x.ToString("R", CultureInfo.InvariantCulture)));
        var run = ExternalTool.RunPython($"""
            import numpy as np, warnings; warnings.filterwarnings('ignore')
            from sklearn.manifold import TSNE, trustworthiness as t
            x = np.array({$"[{Numbers(rounded)}]"}).reshape(-1, 10)
            y = np.array({$"[{Numbers(tsne.Coordinates)}]"}).reshape(-1, 2)
            m = TSNE(perplexity=20, init='pca', learning_rate='auto', random_state=0).fit(x)
            print(m.kl_divergence_, t(x, y, n_neighbors=7), t(y, x, n_neighbors=7), t(x, y, n_neighbors=30))
            """);
        Assert.True(run.ExitCode == 0, run.Error);
        double[] expected = [.. run.Output.Split(' ').Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
        Assert.True(tsne.KullbackLeiblerDivergence < 1.03 * expected[0], $"{tsne.KullbackLeiblerDivergence} and {expected[0]}");
        Close.To(expected[1], EmbeddingQuality.Trustworthiness(rounded, 10, tsne.Coordinates, 2, 7), 1e-9, "trustworthiness");
        Close.To(expected[2], EmbeddingQuality.Continuity(rounded, 10, tsne.Coordinates, 2, 7), 1e-9, "continuity");
        Close.To(expected[3], EmbeddingQuality.Trustworthiness(rounded, 10, tsne.Coordinates, 2, 30), 1e-9, "trustworthiness of 30");
    }
}
