using System.Diagnostics;
using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Neighbors;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Benchmarks;

/// <summary>Time of one step of the analysis of cells.</summary>
/// <param name="Step">What was done.</param>
/// <param name="Cells">Number of cells.</param>
/// <param name="Seconds">Wall time.</param>
/// <param name="Rate">Work per second, in <paramref name="Unit"/>.</param>
/// <param name="Unit">What is counted.</param>
/// <param name="Recall">Share of the true neighbours found; 1 where the step is exact or finds none.</param>
public sealed record StepTiming(string Step, int Cells, double Seconds, double Rate, string Unit, double Recall = 1);

/// <summary>Neighbours, UMAP and t-SNE of made-up cells: twenty round clouds in fifty dimensions, the like of principal components.</summary>
public static class EmbeddingBenchmark
{
    private const int Dimensions = 50, Clouds = 20, TsneSteps = 20;

    /// <summary>Runs every step once, after a small run that is not counted.</summary>
    /// <param name="cells">Number of cells; at least 2,000.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    /// <param name="cancellation">Looked at between steps.</param>
    public static IReadOnlyList<StepTiming> Run(int cells, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(cells, 2000);
        Steps(2000, threads, cancellation);
        return Steps(cells, threads, cancellation);
    }

    private static StepTiming[] Steps(int cells, int threads, CancellationToken cancellation)
    {
        float[] points = Points(cells);
        var options = new NeighborOptions { Threads = threads };
        var (exact, exactSeconds) = Timed(() => NearestNeighbors.Find(points, Dimensions, 14, options with { Search = NeighborSearch.Exact }, cancellation));
        var (found, foundSeconds) = Timed(() => NearestNeighbors.Find(points, Dimensions, 14, options with { Search = NeighborSearch.Approximate }, cancellation));
        var (graph, graphSeconds) = Timed(() => NeighborGraph.Build(points, Dimensions, options with { Search = NeighborSearch.Exact }, cancellation));
        var (umap, umapSeconds) = Timed(() => Umap.Fit(graph, new UmapOptions { Threads = threads, Start = EmbeddingStart.PrincipalComponents }, null, cancellation));
        double weight = graph.Connectivities.Values.Sum(v => (double)v) / graph.Connectivities.Values.Max() * umap.Epochs;
        var (_, startSeconds) = Timed(() => Umap.Fit(graph, new UmapOptions { Threads = threads, Epochs = 1 }, null, cancellation));
        // From the same neighbours on, the steps alone.
        var (_, none) = Timed(() => Tsne.Fit(points, Dimensions, new TsneOptions { Threads = threads, Iterations = 0 }, null, cancellation));
        var (_, some) = Timed(() => Tsne.Fit(points, Dimensions, new TsneOptions { Threads = threads, Iterations = TsneSteps, ExaggerationIterations = 0 }, null, cancellation));
        double step = Math.Max(some - none, 1e-9) / TsneSteps;
        return
        [
            new("neighbours, all pairs", cells, exactSeconds, 2.0 * cells * cells * Dimensions / exactSeconds / 1e9, "GFLOP/s", exact.Recall),
            new("neighbours, descent", cells, foundSeconds, exactSeconds / foundSeconds, "times all pairs", found.Recall),
            new("graph of all pairs", cells, graphSeconds, cells / graphSeconds, "cells/s"),
            new("UMAP, spectral start", cells, startSeconds, cells / startSeconds, "cells/s"),
            new("UMAP, all epochs", cells, umapSeconds, weight / umapSeconds / 1e6, "million edges/s"),
            new("t-SNE, one step", cells, step, cells / step, "cells/s"),
        ];
    }

    private static float[] Points(int cells)
    {
        var key = RandomKey.From(0, "benchmark cells");
        float[] centers = new float[Clouds * Dimensions], points = new float[cells * Dimensions];
        RandomFill.Normal(key.Split("centres"), centers);
        RandomFill.Normal(key.Split("cells"), points);
        // Variances fall as those of principal components do; clouds overlap in the later ones.
        for (int i = 0; i < points.Length; i++) points[i] = (points[i] + 4 * centers[i / Dimensions % Clouds * Dimensions + i % Dimensions]) / MathF.Sqrt(1 + i % Dimensions);
        return points;
    }

    private static (T Result, double Seconds) Timed<T>(Func<T> work)
    {
        long start = Stopwatch.GetTimestamp();
        T result = work();
        return (result, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }
}
