using System.Text.Json;
using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Metrics;
using Cellcast.Analysis.Neighbors;
using Cellcast.AnnData;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Embeddings;

public class UmapTests
{
    private static readonly Lazy<NeighborGraph> s_roll = new(() => NeighborGraph.Build(Clouds.Roll(1, 800).Points, 3));

    [Fact]
    public void The_curve_is_that_of_umap_learn()
    {
        using JsonDocument fixture = JsonDocument.Parse(File.ReadAllText(TestPaths.Fixture("embedding", "umap_0_5_3.json")));
        NeighborGraph graph = NeighborGraph.Build([0, 1, 2], 1);
        foreach (JsonElement e in fixture.RootElement.GetProperty("curves").EnumerateArray())
        {
            double[] v = [.. e.EnumerateArray().Select(x => x.GetDouble())];
            Umap umap = Umap.Fit(graph, new UmapOptions { MinimumDistance = v[0], Spread = v[1], Epochs = 1 });
            Close.To(v[2], umap.A, 1e-5, $"a for {v[0]}, {v[1]}");
            Close.To(v[3], umap.B, 1e-5, $"b for {v[0]}, {v[1]}");
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void The_same_seed_gives_the_same_bits_for_any_number_of_threads_and_another_seed_others(int dimensions)
    {
        var options = new UmapOptions { Dimensions = dimensions, Epochs = 60, Threads = 1, Seed = 5 };
        float[] one = Umap.Fit(s_roll.Value, options).Coordinates;
        Assert.Equal(800 * dimensions, one.Length);
        Assert.All(one, v => Assert.True(float.IsFinite(v)));
        Assert.Equal(one, Umap.Fit(s_roll.Value, options with { Threads = 2 }).Coordinates);
        Assert.Equal(one, Umap.Fit(s_roll.Value, options with { Threads = 5 }).Coordinates);
        Assert.NotEqual(one, Umap.Fit(s_roll.Value, options with { Seed = 6 }).Coordinates);
    }

    [Theory]
    [InlineData(EmbeddingStart.Spectral, 0.96)]
    [InlineData(EmbeddingStart.PrincipalComponents, 0.93)]
    [InlineData(EmbeddingStart.Random, 0.93)]
    public void A_rolled_band_keeps_its_neighbourhoods(EmbeddingStart start, double least)
    {
        NeighborGraph graph = s_roll.Value;
        float[] y = Umap.Fit(graph, new UmapOptions { Start = start }).Coordinates;
        Assert.True(EmbeddingQuality.Trustworthiness(graph.Points, 3, y, 2) > least, $"trustworthiness {EmbeddingQuality.Trustworthiness(graph.Points, 3, y, 2)}");
        Assert.True(EmbeddingQuality.Continuity(graph.Points, 3, y, 2) > least, $"continuity {EmbeddingQuality.Continuity(graph.Points, 3, y, 2)}");
    }

    [Fact]
    public void Clouds_without_a_connection_are_laid_out_each_for_itself_and_apart()
    {
        var (points, cloud) = Clouds.Round(2, 60, 7, 10, apart: 30);
        NeighborGraph graph = NeighborGraph.Build(points, 10);
        float[] y = Umap.Fit(graph).Coordinates;
        Assert.Equal(1, Clustering.NeighborPurity(y, 2, cloud), 1e-3);
        Assert.True(Clustering.Silhouette(y, 2, cloud) > 0.6, $"silhouette {Clustering.Silhouette(y, 2, cloud)}");
    }

    [Fact]
    public void Few_cells_and_cells_on_top_of_each_other_get_finite_positions()
    {
        foreach (int n in new[] { 2, 3, 5, 17 })
        {
            float[] y = Umap.Fit(NeighborGraph.Build(Clouds.Round(3, n, 1, 3).Points, 3)).Coordinates;
            Assert.Equal(2 * n, y.Length);
            Assert.All(y, v => Assert.True(float.IsFinite(v)));
        }
        Assert.All(Umap.Fit(NeighborGraph.Build(new float[200], 4)).Coordinates, v => Assert.True(float.IsFinite(v)));
    }

    [Fact]
    public void New_cells_are_placed_among_their_like_and_the_others_stay()
    {
        var (points, cloud) = Clouds.Round(4, 150, 4, 12, apart: 6);
        const int d = 12, known = 500;
        float[] first = points[..(known * d)], rest = points[(known * d)..];
        Umap umap = Umap.Fit(NeighborGraph.Build(first, d));
        float[] before = [.. umap.Coordinates], placed = umap.Transform(rest);
        Assert.Equal(before, umap.Coordinates);
        int[] nearest = NearestNeighbors.Of(umap.Coordinates, placed, 2, 1);
        int right = Enumerable.Range(0, nearest.Length).Count(i => cloud[nearest[i]] == cloud[known + i]);
        Assert.True(right >= 0.97 * nearest.Length, $"{right} of {nearest.Length}");
        Assert.Equal(placed, umap.Transform(rest));
        Assert.Throws<InputException>(() => umap.Transform([.. rest[..11], float.NaN]));
    }

    [Fact]
    public void Of_more_cells_than_are_laid_out_together_a_sample_is_and_the_others_are_placed_among_it()
    {
        var (points, cloud) = Clouds.Round(8, 150, 5, 8, apart: 6);
        var (y, umap) = CellMap.Of(points, 8, most: 300, seed: 2, threads: 1);
        Assert.Equal(300, umap.Graph.Count);
        Assert.Equal(2 * cloud.Length, y.Length);
        Assert.True(Clustering.NeighborPurity(y, 2, cloud) > 0.97, $"{Clustering.NeighborPurity(y, 2, cloud)}");
        Assert.Equal(y, CellMap.Of(points, 8, most: 300, seed: 2, threads: 3).Coordinates);
    }

    [Fact]
    public void A_map_that_is_there_stays_unless_another_is_asked_for()
    {
        var (points, cloud) = Clouds.Round(9, 20, 2, 5);
        var cells = new AnnotatedData(new DataFrame([.. cloud.Select((_, i) => $"c{i}")]), new DataFrame([]));
        cells.Obsm["X_state"] = new DenseMatrix(40, 5, points);
        Assert.Contains("40 cells", CellMap.Add(cells, "X_state"), StringComparison.Ordinal);
        Element first = cells.Obsm["X_umap"];
        Assert.Null(CellMap.Add(cells, "X_state", seed: 1));
        Assert.Same(first, cells.Obsm["X_umap"]);
        Assert.NotNull(CellMap.Add(cells, "X_state", seed: 1, replace: true));
        Assert.NotSame(first, cells.Obsm["X_umap"]);
        Assert.Null(CellMap.Add(cells, "X_nothing", replace: true));
    }

    [Fact]
    public void Settings_out_of_range_and_a_wish_to_stop_are_respected()
    {
        Assert.Throws<ArgumentException>(() => Umap.Fit(s_roll.Value, new UmapOptions { Dimensions = 4 }));
        Assert.Throws<ArgumentException>(() => Umap.Fit(s_roll.Value, new UmapOptions { MinimumDistance = 2 }));
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => Umap.Fit(s_roll.Value, cancellation: stop.Token));
    }
}
