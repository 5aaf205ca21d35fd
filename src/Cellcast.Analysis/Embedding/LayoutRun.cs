using Cellcast.Analysis.Neighbors;
using Cellcast.AnnData;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Embedding;

/// <summary>All epochs of a UMAP layout. Vertices are renumbered by how many edges an epoch uses of them, so that those computed side by side have alike many.</summary>
internal static class LayoutRun
{
    /// <summary>Vertices of a symmetric graph among one another.</summary>
    /// <returns>Positions, vertices x dimensions.</returns>
    public static float[] Vertices(SparseMatrix weights, float[] start, UmapOptions options, double a, double b, int epochs, IProgress<double>? progress, CancellationToken cancellation)
    {
        int n = weights.Rows, d = options.Dimensions;
        int[] order = Order(n, i => weights.RowValues(i)), number = new int[n];
        for (int i = 0; i < n; i++) number[order[i]] = i;
        var graph = new Graph(n, order, epochs, i => weights.RowIndices(i), i => weights.RowValues(i), j => number[j]);
        float[] positions = Planes(start, d, order), anchors = [.. positions];
        using var workers = NewWorkers(options.Threads);
        for (int epoch = 1; epoch < epochs; epoch++)
        {
            cancellation.ThrowIfCancellationRequested();
            graph.Move(workers, Step(options, a, b, epoch, epochs, bothEnds: true), d, anchors, positions);
            positions.AsSpan().CopyTo(anchors);
            progress?.Report((double)epoch / epochs);
        }
        return Rows(positions, d, order);
    }

    /// <summary>New points among anchors that stay.</summary>
    /// <returns>Positions, points x dimensions.</returns>
    public static float[] Among(NeighborTable near, float[] weights, float[] anchors, float[] start, UmapOptions options, double a, double b, int epochs, CancellationToken cancellation)
    {
        int d = options.Dimensions, k = near.K;
        int[] order = Order(near.Rows, i => weights.AsSpan(i * k, k));
        var graph = new Graph(near.Rows, order, epochs, near.IndicesOf, i => weights.AsSpan(i * k, k), j => j);
        float[] positions = Planes(start, d, order), fixedPlanes = Planes(anchors, d, [.. Enumerable.Range(0, anchors.Length / d)]);
        using var workers = NewWorkers(options.Threads);
        for (int epoch = 1; epoch <= epochs; epoch++)
        {
            cancellation.ThrowIfCancellationRequested();
            // The published code lets new points move a quarter as fast.
            LayoutStep step = Step(options, a, b, epoch, epochs, bothEnds: false);
            graph.Move(workers, step with { LearningRate = step.LearningRate / 4, Key = step.Key.Split("transform") }, d, fixedPlanes, positions);
        }
        return Rows(positions, d, order);
    }

    private static LayoutStep Step(UmapOptions o, double a, double b, int epoch, int epochs, bool bothEnds) => new()
    {
        Epoch = epoch,
        LearningRate = (float)(o.LearningRate * (1 - (epoch - 1.0) / epochs)),
        A = (float)a,
        B = (float)b,
        Repulsion = (float)o.Repulsion,
        NegativeSamples = o.NegativeSamples,
        BothEnds = bothEnds,
        Key = RandomKey.From(o.Seed, "umap samples"),
    };

    private static Workers NewWorkers(int threads) => new(threads > 0 ? threads : Environment.ProcessorCount);

    private delegate ReadOnlySpan<T> RowOf<T>(int row);

    private static int[] Order(int n, RowOf<float> weights)
    {
        var sums = new double[n];
        for (int i = 0; i < n; i++)
            foreach (float w in weights(i)) sums[i] += w;
        return [.. Enumerable.Range(0, n).OrderByDescending(i => sums[i]).ThenBy(i => i)];
    }

    private static float[] Planes(float[] rows, int d, int[] order)
    {
        var planes = new float[rows.Length];
        for (int i = 0; i < order.Length; i++)
            for (int c = 0; c < d; c++) planes[c * order.Length + i] = rows[order[i] * d + c];
        return planes;
    }

    private static float[] Rows(float[] planes, int d, int[] order)
    {
        var rows = new float[planes.Length];
        for (int i = 0; i < order.Length; i++)
            for (int c = 0; c < d; c++) rows[order[i] * d + c] = planes[c * order.Length + i];
        return rows;
    }

    /// <summary>Edges in the new order, with how often each is used: the heaviest in every epoch, those that would not be used once left out.</summary>
    private sealed class Graph
    {
        private readonly int[] _start, _neighbors;
        private readonly uint[] _rates;

        public Graph(int n, int[] order, int epochs, RowOf<int> indices, RowOf<float> weights, Func<int, int> number)
        {
            float largest = 0;
            for (int i = 0; i < n; i++)
                foreach (float w in weights(i)) largest = Math.Max(largest, w);
            var (start, neighbors, rates) = (new int[n + 1], new List<int>(), new List<uint>());
            for (int i = 0; i < n; i++)
            {
                ReadOnlySpan<int> index = indices(order[i]);
                ReadOnlySpan<float> weight = weights(order[i]);
                for (int e = 0; e < index.Length; e++)
                {
                    double rate = (double)weight[e] / largest;
                    if (!(rate * epochs >= 1)) continue;
                    neighbors.Add(number(index[e]));
                    rates.Add((uint)Math.Round(rate * GraphLayout.EveryEpoch));
                }
                start[i + 1] = neighbors.Count;
            }
            (_start, _neighbors, _rates) = (start, [.. neighbors], [.. rates]);
        }

        public void Move(Workers workers, in LayoutStep step, int dimensions, float[] anchors, float[] positions) =>
            GraphLayout.Move(workers, new LayoutGraph(_start, _neighbors, _rates), step, dimensions, anchors, positions);
    }
}
