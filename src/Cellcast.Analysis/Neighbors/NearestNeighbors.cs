using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cellcast.Analysis.Neighbors;

/// <summary>Exact nearest neighbours by Euclidean distance, all pairs compared in blocks.</summary>
public static class NearestNeighbors
{
    /// <summary>The k nearest of a set of points to each query, nearest first; of equal distances the lower index first.</summary>
    /// <param name="points">n x d coordinates, row-major.</param>
    /// <param name="queries">m x d coordinates, row-major.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="k">How many; at most n are given.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <returns>m x min(k, n) indices of points, row-major.</returns>
    public static int[] Of(float[] points, float[] queries, int dimensions, int k, int threads = 0) => Search(points, queries, dimensions, k, excludeSelf: false, threads);

    /// <summary>The k nearest other points of each point.</summary>
    /// <inheritdoc cref="Of"/>
    /// <returns>n x min(k, n - 1) indices of points, row-major.</returns>
    public static int[] Within(float[] points, int dimensions, int k, int threads = 0) => Search(points, points, dimensions, k, excludeSelf: true, threads);

    private static int[] Search(float[] points, float[] queries, int dimensions, int k, bool excludeSelf, int threads)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentNullException.ThrowIfNull(queries);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(k, 1);
        if (points.Length % dimensions != 0 || queries.Length % dimensions != 0) throw new ArgumentException($"coordinates do not come in rows of {dimensions}", nameof(points));
        int n = points.Length / dimensions, m = queries.Length / dimensions, found = Math.Min(k, excludeSelf ? n - 1 : n);
        if (found <= 0) return [];
        var result = new int[(long)m * found];
        Blocks.For(m, threads, q =>
        {
            ReadOnlySpan<float> query = queries.AsSpan(q * dimensions, dimensions);
            // The nearest so far, ascending; with few neighbours an insertion is cheaper than a heap.
            double[] distance = new double[found];
            Span<int> index = result.AsSpan(q * found, found);
            int have = 0;
            for (int i = 0; i < n; i++)
            {
                if (excludeSelf && i == q) continue;
                double d = SquaredDistance(query, points.AsSpan(i * dimensions, dimensions));
                if (have == found && !(d < distance[have - 1])) continue;
                int at = have < found ? have++ : have - 1;
                for (; at > 0 && distance[at - 1] > d; at--) (distance[at], index[at]) = (distance[at - 1], index[at - 1]);
                (distance[at], index[at]) = (d, i);
            }
        });
        return result;
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
