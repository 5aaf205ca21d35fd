using System.Text.Json;
using Cellcast.AnnData;
using Cellcast.Analysis.Neighbors;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Embeddings;

public class NeighborTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(3000, 1)] // far from the origin, where products of float32 numbers have lost the differences
    [InlineData(0, 1e-3)]
    public void Exact_neighbours_are_those_of_a_full_sort_wherever_the_points_lie(double offset, double scale)
    {
        const int d = 13, k = 9;
        float[] points = [.. Clouds.Round(1, 70, 3, d, offset: offset).Points.Select(v => (float)(v * scale))];
        int n = points.Length / d;
        NeighborTable table = NearestNeighbors.Search(points, d, k, DistanceMetric.Euclidean, threads: 2);
        for (int i = 0; i < n; i++)
        {
            int[] expected = [.. Enumerable.Range(0, n).Where(j => j != i).OrderBy(j => Clouds.Distance(points, d, i, j)).ThenBy(j => j).Take(k)];
            Assert.Equal(expected, table.IndicesOf(i).ToArray());
            for (int j = 0; j < k; j++) Close.To(Clouds.Distance(points, d, i, expected[j]), table.DistancesOf(i)[j], 1e-6);
        }
        Assert.True(table.IsExact);
        Assert.Equal(1, table.Recall);
        Assert.Equal(table.Indices, NearestNeighbors.Search(points, d, k, DistanceMetric.Euclidean, threads: 1).Indices);
    }

    [Fact]
    public void Of_points_on_top_of_each_other_the_lower_numbers_are_given()
    {
        var points = new float[100 * 3];
        int[] found = NearestNeighbors.Within(points, 3, 4);
        Assert.Equal([1, 2, 3, 4], found[..4]);
        Assert.Equal([0, 1, 2, 3], found[(99 * 4)..]);
    }

    [Fact]
    public void Cosine_distances_are_one_minus_the_cosine_and_one_from_the_origin()
    {
        const int d = 6, k = 5;
        float[] points = Clouds.Round(2, 40, 2, d).Points;
        points.AsSpan(7 * d, d).Clear();
        int n = points.Length / d;
        NeighborTable table = NearestNeighbors.Search(points, d, k, DistanceMetric.Cosine);
        double Cosine(int i, int j)
        {
            double xy = 0, xx = 0, yy = 0;
            for (int c = 0; c < d; c++)
            {
                xy += (double)points[i * d + c] * points[j * d + c];
                xx += (double)points[i * d + c] * points[i * d + c];
                yy += (double)points[j * d + c] * points[j * d + c];
            }
            return xx == 0 || yy == 0 ? 1 : 1 - xy / Math.Sqrt(xx * yy);
        }
        for (int i = 0; i < n; i++)
        {
            double[] expected = [.. Enumerable.Range(0, n).Where(j => j != i).Select(j => Cosine(i, j)).Order().Take(k)];
            for (int j = 0; j < k; j++)
            {
                Assert.Equal(expected[j], table.DistancesOf(i)[j], 1e-6);
                Assert.Equal(expected[j], Cosine(i, table.IndicesOf(i)[j]), 1e-6);
            }
        }
    }

    [Theory]
    [InlineData(NeighborSearch.Exact)]
    [InlineData(NeighborSearch.Approximate)]
    public void At_the_origin_points_are_near_each_other_and_equally_far_from_all_others(NeighborSearch search)
    {
        const int d = 5, n = 1200, k = 8;
        float[] points = Clouds.Round(4, n / 2, 2, d, apart: 1.5).Points;
        int[] origin = [.. Enumerable.Range(0, 20).Select(i => i * 57)];
        foreach (int i in origin) points.AsSpan(i * d, d).Clear();
        var options = new NeighborOptions { Neighbors = k + 1, Metric = DistanceMetric.Cosine, Search = search };
        NeighborGraph graph = NeighborGraph.Build(points, d, options);
        foreach (int i in origin)
        {
            Assert.Subset(origin.ToHashSet(), graph.Neighbors.IndicesOf(i).ToArray().ToHashSet());
            Assert.All(graph.Neighbors.DistancesOf(i).ToArray(), v => Assert.Equal(0, v));
        }
        Assert.All(Enumerable.Range(0, n).Except(origin), i => Assert.DoesNotContain(graph.Neighbors.IndicesOf(i).ToArray(), j => origin.Contains(j)));
        Assert.All(graph.Connectivities.Values, v => Assert.InRange(v, float.Epsilon, 1));

        // Alone there, a point is at distance 1 from whatever it is given.
        foreach (int i in origin.Skip(1)) points.AsSpan(i * d, d).Fill(i);
        graph = NeighborGraph.Build(points, d, options);
        Assert.All(graph.Neighbors.DistancesOf(0).ToArray(), v => Assert.Equal(1, v, 1e-6));
        Assert.All(graph.Connectivities.Values, v => Assert.InRange(v, float.Epsilon, 1));
    }

    [ToolFact("sklearn")]
    public void Cosine_distances_are_those_of_sklearn_but_for_two_points_at_the_origin()
    {
        float[] points = [0, 0, 3, 4, -3, -4, 0, 2, 0, 0, 1e-3f, 0];
        const int n = 6;
        string values = string.Join(',', points.Select(v => v.ToString("R", System.Globalization.CultureInfo.InvariantCulture)));
        ProcessResult run = ExternalTool.Run(ExternalTool.Python, ["-c", $"import numpy as np\nfrom sklearn.metrics.pairwise import cosine_distances\nprint(*cosine_distances(np.array([{values}]).reshape(-1, 2)).ravel())"]);
        Assert.True(run.ExitCode == 0, run.Error);
        double[] expected = [.. run.Output.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(v => double.Parse(v, System.Globalization.CultureInfo.InvariantCulture))];
        NeighborTable table = NearestNeighbors.Search(points, points, 2, n, DistanceMetric.Cosine);
        for (int i = 0; i < n; i++)
            for (int k = 0; k < n; k++)
            {
                int j = table.IndicesOf(i)[k];
                Assert.Equal((i, j) is (0, 4) or (4, 0) ? 0 : expected[i * n + j], table.DistancesOf(i)[k], 1e-6);
            }
    }

    [Theory]
    [InlineData(DistanceMetric.Euclidean)]
    [InlineData(DistanceMetric.Cosine)]
    public void Descent_finds_nearly_all_neighbours_says_how_many_and_does_not_depend_on_threads(DistanceMetric metric)
    {
        const int d = 20, k = 15;
        float[] points = Clouds.Round(3, 500, 6, d, apart: 1.5).Points;
        var options = new NeighborOptions { Search = NeighborSearch.Approximate, Metric = metric, Seed = 4, Threads = 1 };
        NeighborTable found = NearestNeighbors.Find(points, d, k, options), exact = NearestNeighbors.Search(points, d, k, metric);
        Assert.False(found.IsExact);
        double share = Enumerable.Range(0, found.Rows).Average(i => found.IndicesOf(i).ToArray().Intersect(exact.IndicesOf(i).ToArray()).Count() / (double)k);
        Assert.True(share > 0.97, $"found {share:P1}");
        Assert.Equal(1000, found.RecallSample);
        Assert.Equal(share, found.Recall, 0.01);
        for (int i = 0; i < found.Rows; i++)
        {
            Assert.DoesNotContain(i, found.IndicesOf(i).ToArray());
            Assert.Equal(k, found.IndicesOf(i).ToArray().Distinct().Count());
            Assert.Equal(found.DistancesOf(i).ToArray().Order(), found.DistancesOf(i).ToArray());
        }
        NeighborTable again = NearestNeighbors.Find(points, d, k, options with { Threads = 3 });
        Assert.Equal(found.Indices, again.Indices);
        Assert.Equal(found.Distances, again.Distances);
    }

    [Fact]
    public void Descent_survives_points_on_top_of_each_other_and_lonely_ones()
    {
        const int d = 4, n = 1500, k = 10;
        float[] points = Clouds.Round(5, n, 1, d).Points;
        points.AsSpan(0, 600 * d).Fill(2);
        points.AsSpan((n - 1) * d, d).Fill(1e6f);
        NeighborTable found = NearestNeighbors.Find(points, d, k, new NeighborOptions { Search = NeighborSearch.Approximate });
        Assert.All(Enumerable.Range(0, 500), i => Assert.All(found.DistancesOf(i).ToArray(), v => Assert.Equal(0, v)));
        Assert.Equal(k, found.IndicesOf(n - 1).ToArray().Distinct().Count());
        Assert.True(found.Recall > 0.95, $"{found.Recall}");
    }

    [Fact]
    public void What_has_no_neighbours_is_refused_with_its_place()
    {
        float[] points = new float[60];
        points[23] = float.NaN;
        Assert.Contains("row 4 of the 12 x 5", Assert.Throws<InputException>(() => NeighborGraph.Build(points, 5)).Message);
        Assert.Throws<InputException>(() => NeighborGraph.Build(new float[5], 5));
    }

    [Theory]
    [InlineData("euclidean")]
    [InlineData("cosine")]
    public void Connectivities_are_those_of_umap_learn(string metric)
    {
        using JsonDocument fixture = JsonDocument.Parse(File.ReadAllText(TestPaths.Fixture("embedding", "umap_0_5_3.json")));
        float[] points = [.. fixture.RootElement.GetProperty("points").EnumerateArray().Select(v => v.GetSingle())];
        NeighborGraph graph = NeighborGraph.Build(points, 5, new NeighborOptions { Neighbors = 8, Metric = metric == "cosine" ? DistanceMetric.Cosine : DistanceMetric.Euclidean });
        JsonElement expected = fixture.RootElement.GetProperty(metric);
        int[] row = [.. expected.GetProperty("row").EnumerateArray().Select(v => v.GetInt32())], column = [.. expected.GetProperty("column").EnumerateArray().Select(v => v.GetInt32())];
        double[] value = [.. expected.GetProperty("value").EnumerateArray().Select(v => v.GetDouble())];
        var kept = row.Zip(column, value).Where(e => e.Third > 1e-6).ToArray();
        Assert.Equal(kept.Length, graph.Connectivities.Values.Count(v => v > 1e-6));
        foreach (var (i, j, v) in kept) Assert.Equal(v, graph.Connectivities[i, j], 2e-4);
    }

    [Fact]
    public void Memberships_solve_their_equation_and_both_directions_are_joined_by_probabilistic_union()
    {
        const int k = 15;
        var (points, _) = Clouds.Round(6, 60, 3, 7, apart: 3);
        NeighborGraph graph = NeighborGraph.Build(points, 7, new NeighborOptions { Neighbors = k, Threads = 2 });
        int n = graph.Count;
        // Directed memberships anew, from the distances alone and with another method: the scale by bisection of its logarithm.
        var directed = new Dictionary<(int, int), double>();
        for (int i = 0; i < n; i++)
        {
            double[] d = [.. graph.Neighbors.DistancesOf(i).ToArray().Select(v => (double)v)];
            double rho = d[0], low = -20, high = 20;
            double Sum(double sigma) => d.Sum(v => Math.Exp(-Math.Max(0, v - rho) / sigma));
            for (int s = 0; s < 200; s++)
            {
                double middle = (low + high) / 2;
                if (Sum(Math.Exp(middle)) > Math.Log2(k)) high = middle;
                else low = middle;
            }
            for (int j = 0; j < d.Length; j++) directed[(i, graph.Neighbors.IndicesOf(i)[j])] = Math.Exp(-Math.Max(0, d[j] - rho) / Math.Exp(low));
        }
        long entries = 0;
        for (int i = 0; i < n; i++)
            foreach (int j in graph.Connectivities.RowIndices(i))
            {
                double a = directed.GetValueOrDefault((i, j)), b = directed.GetValueOrDefault((j, i));
                Assert.Equal(a + b - a * b, graph.Connectivities[i, j], 1e-4);
                Assert.Equal(graph.Connectivities[j, i], graph.Connectivities[i, j]);
                Assert.NotEqual(i, j);
                entries++;
            }
        Assert.Equal(directed.Keys.SelectMany(e => new[] { e, (e.Item2, e.Item1) }).Distinct().Count(), entries);
    }

    [Fact]
    public void Matrices_and_parameters_stand_where_scanpy_looks_for_them()
    {
        var (points, _) = Clouds.Round(7, 30, 2, 4);
        NeighborGraph graph = NeighborGraph.Build(points, 4, new NeighborOptions { Neighbors = 10, Seed = 3 });
        SparseMatrix distances = graph.Distances();
        Assert.Equal(9 * graph.Count, distances.StoredCount);
        Close.To(Clouds.Distance(points, 4, 5, graph.Neighbors.IndicesOf(5)[2]), distances[5, graph.Neighbors.IndicesOf(5)[2]], 1e-6);
        ElementMap uns = graph.Parameters("X_pca");
        Assert.Equal("connectivities", ((Scalar)uns["connectivities_key"]).Value);
        Assert.Equal("distances", ((Scalar)uns["distances_key"]).Value);
        Assert.True(uns.TryGet(["params", "n_neighbors"], out Scalar? k) && k.ToDouble() == 10);
        Assert.True(uns.TryGet(["params", "use_rep"], out Scalar? rep) && (string)rep.Value == "X_pca");
        Assert.True(uns.TryGet(["params", "method"], out Scalar? method) && (string)method.Value == "umap");
        // With fewer cells than asked for, all of them.
        Assert.Equal(59, NeighborGraph.Build(points, 4, new NeighborOptions { Neighbors = 100 }).Neighbors.K);
    }
}
