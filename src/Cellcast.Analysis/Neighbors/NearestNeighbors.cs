using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Neighbors;

/// <summary>Nearest neighbours: exact, all pairs compared by matrix products, or approximate by descent.</summary>
public static class NearestNeighbors
{
    private const int RecallQueries = 1000, SmallestDescent = 1000;

    /// <summary>The k nearest of a set of points to each query by Euclidean distance, nearest first; of equal distances the lower index first.</summary>
    /// <param name="points">n x d coordinates, row-major.</param>
    /// <param name="queries">m x d coordinates, row-major.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="k">How many; at most n are given.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <returns>m x min(k, n) indices of points, row-major.</returns>
    public static int[] Of(float[] points, float[] queries, int dimensions, int k, int threads = 0) => Search(points, queries, dimensions, k, DistanceMetric.Euclidean, threads).Indices;

    /// <summary>The k nearest other points of each point by Euclidean distance.</summary>
    /// <inheritdoc cref="Of"/>
    /// <returns>n x min(k, n - 1) indices of points, row-major.</returns>
    public static int[] Within(float[] points, int dimensions, int k, int threads = 0) => Search(points, dimensions, k, DistanceMetric.Euclidean, threads).Indices;

    /// <summary>The k nearest other points of each point with their distances; of equal distances the lower index first.</summary>
    /// <param name="points">n x d coordinates, row-major, finite.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="k">How many; at most n - 1 are given.</param>
    /// <param name="metric">Distance.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="cancellation">Looked at between blocks.</param>
    /// <exception cref="InputException">A coordinate is not finite.</exception>
    public static NeighborTable Search(float[] points, int dimensions, int k, DistanceMetric metric, int threads = 0, CancellationToken cancellation = default)
    {
        float[] p = Prepared(points, ref dimensions, metric, nameof(points));
        return Exact(p, p, dimensions, k, excludeSelf: true, metric, threads, cancellation);
    }

    /// <summary>The k nearest of a set of points to each query with their distances; of equal distances the lower index first.</summary>
    /// <param name="points">n x d coordinates, row-major, finite.</param>
    /// <param name="queries">m x d coordinates, row-major, finite.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="k">How many; at most n are given.</param>
    /// <param name="metric">Distance.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="cancellation">Looked at between blocks.</param>
    /// <exception cref="InputException">A coordinate is not finite.</exception>
    public static NeighborTable Search(float[] points, float[] queries, int dimensions, int k, DistanceMetric metric, int threads = 0, CancellationToken cancellation = default)
    {
        int d = dimensions;
        float[] p = Prepared(points, ref dimensions, metric, nameof(points)), q = Prepared(queries, ref d, metric, nameof(queries));
        return Exact(p, q, dimensions, k, excludeSelf: false, metric, threads, cancellation);
    }

    /// <summary>The nearest other points of each point, exact or approximate as the options say.</summary>
    /// <param name="points">n x d coordinates, row-major, finite.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="k">How many, the point itself not counted; at most n - 1 are given.</param>
    /// <param name="options">Distance, kind of search, seed and threads; <see cref="NeighborOptions.Neighbors"/> is not looked at.</param>
    /// <param name="cancellation">Looked at between blocks.</param>
    /// <exception cref="InputException">A coordinate is not finite.</exception>
    public static NeighborTable Find(float[] points, int dimensions, int k, NeighborOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentNullException.ThrowIfNull(options);
        int n = points.Length / Math.Max(1, dimensions);
        bool exact = options.Search switch { NeighborSearch.Exact => true, NeighborSearch.Approximate => n <= SmallestDescent, _ => n <= Math.Max(options.ExactLimit, SmallestDescent) };
        if (exact || k >= n - 1) return Search(points, dimensions, k, options.Metric, options.Threads, cancellation);
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        float[] p = Prepared(points, ref dimensions, options.Metric, nameof(points));
        var (indices, squared) = NeighborDescent.Search(p, dimensions, k, RandomKey.From(options.Seed, "neighbours"), options.Threads, cancellation);
        int[] sample = [.. Enumerable.Range(0, Math.Min(n, RecallQueries)).Select(i => (int)((long)i * n / Math.Min(n, RecallQueries)))];
        return new NeighborTable(n, k, indices, Distances(squared, options.Metric), options.Metric)
        {
            IsExact = false,
            Recall = Recall(p, dimensions, k, squared, sample, options.Threads, cancellation),
            RecallSample = sample.Length,
        };
    }

    /// <summary>Share of neighbours that are no farther than the true k-th.</summary>
    private static double Recall(float[] points, int d, int k, double[] squared, int[] sample, int threads, CancellationToken cancellation)
    {
        var queries = new float[sample.Length * d];
        for (int i = 0; i < sample.Length; i++) points.AsSpan(sample[i] * d, d).CopyTo(queries.AsSpan(i * d));
        // The point itself is one of its k + 1 nearest, at distance 0.
        var (_, truth) = ExactNeighbors.Search(points, queries, d, k + 1, excludeSelf: false, threads, cancellation);
        long found = 0;
        for (int i = 0; i < sample.Length; i++)
            foreach (double s in squared.AsSpan(sample[i] * k, k))
                if (s <= truth[i * (k + 1) + k]) found++;
        return (double)found / ((long)sample.Length * k);
    }

    private static NeighborTable Exact(float[] points, float[] queries, int dimensions, int k, bool excludeSelf, DistanceMetric metric, int threads, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        int n = points.Length / dimensions, m = queries.Length / dimensions, found = Math.Max(0, Math.Min(k, excludeSelf ? n - 1 : n));
        if (found == 0 || m == 0) return new NeighborTable(m, found, [], [], metric);
        var (indices, squared) = ExactNeighbors.Search(points, queries, dimensions, found, excludeSelf, threads, cancellation);
        return new NeighborTable(m, found, indices, Distances(squared, metric), metric);
    }

    internal static float[] Distances(double[] squared, DistanceMetric metric) => metric switch
    {
        // Of vectors of length 1 the squared distance is 2 - 2 cos.
        DistanceMetric.Cosine => Array.ConvertAll(squared, s => (float)(s / 2)),
        _ => Array.ConvertAll(squared, s => (float)Math.Sqrt(s)),
    };

    /// <summary>Points whose Euclidean distances have the order of the metric's.</summary>
    internal static float[] Prepared(float[] points, ref int dimensions, DistanceMetric metric, string name)
    {
        ArgumentNullException.ThrowIfNull(points, name);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        if (points.Length % dimensions != 0) throw new ArgumentException($"coordinates do not come in rows of {dimensions}", name);
        int d = dimensions, bad = Array.FindIndex(points, v => !float.IsFinite(v));
        if (bad >= 0) throw new InputException($"row {bad / d} of the {points.Length / d} x {d} representation holds a value that is not a finite number in column {bad % d}, so it has no neighbours; remove such cells or compute the representation again.");
        if (metric == DistanceMetric.Euclidean) return points;
        // Unit vectors; one more coordinate puts points at the origin at right angles to all others.
        dimensions = d + 1;
        var unit = new float[checked(points.Length / d * (d + 1))];
        for (int i = 0, to = 0; i < points.Length; i += d, to += d + 1)
        {
            double length = 0;
            for (int j = 0; j < d; j++) length += (double)points[i + j] * points[i + j];
            length = Math.Sqrt(length);
            if (length == 0) unit[to + d] = 1;
            else
                for (int j = 0; j < d; j++) unit[to + j] = (float)(points[i + j] / length);
        }
        return unit;
    }

    internal static double SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        // Eight lanes whatever the machine's width and no fused operations: the same bits everywhere.
        var lanes = Vector512<double>.Zero;
        ref float x = ref MemoryMarshal.GetReference(a), y = ref MemoryMarshal.GetReference(b);
        int i = 0;
        for (; i + 8 <= a.Length; i += 8)
        {
            var d = Widen(Vector256.LoadUnsafe(ref x, (nuint)i)) - Widen(Vector256.LoadUnsafe(ref y, (nuint)i));
            lanes += d * d;
        }
        double sum = Vector512.Sum(lanes);
        for (; i < a.Length; i++)
        {
            double d = (double)a[i] - b[i];
            sum += d * d;
        }
        return sum;
    }

    private static Vector512<double> Widen(Vector256<float> v) => Vector512.Create(Vector256.WidenLower(v), Vector256.WidenUpper(v));
}
