using Cellcast.Analysis.Spatial;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Spatial;

public class SpatialTests
{
    private static DenseMatrix Grid(int side) => new(side * side, 2, Enumerable.Range(0, side * side).SelectMany(i => new float[] { i % side, i / side }).ToArray());

    [Fact]
    public void Neighbours_on_a_square_grid_are_those_that_touch()
    {
        var graph = SpatialGraph.Build(Grid(5), 4);
        Assert.Equal([7, 11, 13, 17], graph.Of(12).ToArray());
        Assert.Contains(1, graph.Of(0).ToArray());
        // Who is a neighbour has a neighbour.
        for (int i = 0; i < 25; i++)
            foreach (int j in graph.Of(i)) Assert.Contains(i, graph.Of(j).ToArray());
        Assert.Equal(SpatialGraph.Build(Grid(5), 4, 1).Edges, SpatialGraph.Build(Grid(5), 4, 3).Edges);
        Assert.Throws<InputException>(() => SpatialGraph.Build(Grid(2), 4));
    }

    [Theory, InlineData("even", 2), InlineData("patches", 2), InlineData("grid", 2), InlineData("line", 1), InlineData("even", 3), InlineData("doubled", 2)]
    public void Neighbours_are_those_of_a_full_comparison_however_spots_lie(string kind, int dimensions)
    {
        var random = new RandomStream(RandomKey.From(5, $"neighbours {kind} {dimensions}"));
        const int n = 700, k = 6;
        float[] x = [.. Enumerable.Range(0, n).SelectMany(i => Enumerable.Range(0, dimensions).Select(j => kind switch
        {
            "grid" => j == 0 ? i % 30 * 55f : i / 30 * 55f,
            // Most in two patches, a few very far away.
            "patches" => (float)random.NextNormal() * (i % 100 == 0 ? 1e5f : 1) + i % 2 * 300,
            "doubled" => (float)random.NextInt32(12),
            _ => (float)random.NextNormal(),
        }))];
        var near = new HashSet<int>[n];
        for (int i = 0; i < n; i++)
        {
            double[] distance = [.. Enumerable.Range(0, n).Select(j => Enumerable.Range(0, dimensions).Sum(l => Math.Pow((double)x[i * dimensions + l] - x[j * dimensions + l], 2)))];
            double most = distance.Where((_, j) => j != i).Order().ElementAt(k - 1) * 1.0201;
            near[i] = [.. Enumerable.Range(0, n).Where(j => j != i && distance[j] <= most)];
        }
        var graph = SpatialGraph.Build(new DenseMatrix(n, dimensions, x), k, 2);
        for (int i = 0; i < n; i++) Assert.Equal(Enumerable.Range(0, n).Where(j => near[i].Contains(j) || near[j].Contains(i)), graph.Of(i).ToArray());
    }

    [Fact]
    public void A_hundred_thousand_spots_take_few_comparisons_each()
    {
        // All pairs would be ten thousand million.
        const int side = 320;
        var graph = SpatialGraph.Build(Grid(side), 4);
        Assert.Equal([101 * side + 100, 102 * side + 99, 102 * side + 101, 103 * side + 100], graph.Of(102 * side + 100).ToArray());
        Assert.InRange(graph.Edges, 4L * (side - 2) * (side - 2), 4L * side * side + 16 * side);
    }

    [Fact]
    public void Smoothing_moves_values_towards_their_neighbours_and_keeps_what_is_equal()
    {
        var graph = SpatialGraph.Build(Grid(5), 4);
        double[] one = new double[25];
        one[12] = 1;
        double[] smooth = graph.Smooth(one, 0.5);
        Assert.Equal(0.5, smooth[12]);
        Assert.Equal(0.5 / graph.Of(7).Length, smooth[7]);
        Assert.Equal(one, graph.Smooth(one, 0));
        Assert.All(graph.Smooth([.. Enumerable.Repeat(3.0, 25)], 0.7), v => Assert.Equal(3, v, 1e-12));
    }

    [Fact]
    public void Morans_I_tells_patterns_from_none()
    {
        var graph = SpatialGraph.Build(Grid(10), 4);
        double[] halves = [.. Enumerable.Range(0, 100).Select(i => i % 10 < 5 ? 0.0 : 1)];
        double[] board = [.. Enumerable.Range(0, 100).Select(i => (i % 10 + i / 10) % 2 == 0 ? 0.0 : 1)];
        Assert.True(MoransI.Compute(halves, graph).Value > 0.7);
        // Spots that touch differ; those of the border also have neighbours across the corner, which are alike.
        Assert.Equal(-17 / 35.0, MoransI.Compute(board, graph).Value, 1e-12);
        Assert.True(MoransI.Compute(halves, graph).PValue < 1e-10);
    }

    [Fact]
    public void Morans_I_over_arrangements_has_the_stated_mean_and_error()
    {
        var graph = SpatialGraph.Build(Grid(7), 4);
        var random = new RandomStream(RandomKey.From(1, "moran"));
        double[] values = [.. Enumerable.Range(0, 49).Select(_ => Math.Exp(random.NextNormal()))];
        MoransI stated = MoransI.Compute(values, graph);
        double[] drawn = [.. Enumerable.Range(0, 4000).Select(_ =>
        {
            random.Shuffle<double>(values);
            return MoransI.Compute(values, graph).Value;
        })];
        double mean = drawn.Average(), sd = Math.Sqrt(drawn.Average(v => (v - mean) * (v - mean)));
        Assert.Equal(stated.Expected, mean, 4 * stated.StandardError / Math.Sqrt(4000));
        Assert.Equal(stated.StandardError, sd, 0.06 * stated.StandardError);
    }

    [Fact]
    public void Regions_are_where_values_lie_together()
    {
        var graph = SpatialGraph.Build(Grid(12), 4);
        var random = new RandomStream(RandomKey.From(2, "regions"));
        double[] values = [.. Enumerable.Range(0, 144).Select(i => 0.3 * random.NextNormal() + (i % 12 < 3 ? 4 : i % 12 > 9 && i / 12 < 4 ? -8 : 0))];
        var regions = SpatialRegions.Find(values, graph);
        Assert.Equal(RegionKind.High, regions.Kind[12 * 6 + 1]);
        Assert.Equal(RegionKind.Low, regions.Kind[12 + 11]);
        Assert.Equal(RegionKind.None, regions.Kind[12 * 9 + 8]);
        Assert.Equal(1, regions.Region[12 * 6 + 1]);
        Assert.Equal(2, regions.Region[12 + 11]);
        Assert.Equal(0, regions.Region[12 * 9 + 8]);
        // Without a pattern there are hardly any.
        double[] noise = [.. Enumerable.Range(0, 144).Select(_ => random.NextNormal())];
        Assert.True(SpatialRegions.Find(noise, graph).Kind.Count(k => k != RegionKind.None) < 8);
    }

    [ToolFact("/usr/bin/python3")]
    public void Morans_I_and_local_statistics_are_the_plain_sums()
    {
        var graph = SpatialGraph.Build(Grid(6), 4);
        double[] values = [.. Enumerable.Range(0, 36).Select(i => Math.Round(Math.Sin(1.3 * i) + i * 0.05, 3))];
        string w = string.Join(";", Enumerable.Range(0, 36).Select(i => string.Join(",", graph.Of(i).ToArray())));
        var run = ExternalTool.RunPython("""
            import sys, numpy as np
            x = np.array([float(v) for v in sys.argv[1].split(',')]); nb = [[int(j) for j in r.split(',')] for r in sys.argv[2].split(';')]; n = len(x)
            W = np.zeros((n, n))
            for i, r in enumerate(nb): W[i, r] = 1 / len(r)
            z = x - x.mean(); S0 = W.sum(); S1 = ((W + W.T) ** 2).sum() / 2; S2 = ((W.sum(0) + W.sum(1)) ** 2).sum(); k = (z ** 4).mean() / (z ** 2).mean() ** 2
            I = n / S0 * (z @ W @ z) / (z @ z)
            v = (n * ((n * n - 3 * n + 3) * S1 - n * S2 + 3 * S0 ** 2) - k * ((n * n - n) * S1 - 2 * n * S2 + 6 * S0 ** 2)) / ((n - 1) * (n - 2) * (n - 3) * S0 ** 2) - 1 / (n - 1) ** 2
            B = (W > 0) * 1.0 + np.eye(n); c = B.sum(1)
            g = (B @ x - x.mean() * c) / (x.std() * np.sqrt((n * c - c ** 2) / (n - 1)))
            print(repr(float(I)), repr(float(v ** .5)), repr(float(g[14])))
            """, string.Join(",", values.Select(v => v.ToString("R", System.Globalization.CultureInfo.InvariantCulture))), w);
        Assert.True(run.ExitCode == 0, run.Error);
        double[] expected = [.. run.Output.Split(' ').Select(v => double.Parse(v, System.Globalization.CultureInfo.InvariantCulture))];
        MoransI moran = MoransI.Compute(values, graph);
        Assert.Equal(expected[0], moran.Value, 1e-10);
        Assert.Equal(expected[1], moran.StandardError, 1e-10);
        Assert.Equal(expected[2], SpatialRegions.Find(values, graph).Z[14], 1e-10);
    }
}
