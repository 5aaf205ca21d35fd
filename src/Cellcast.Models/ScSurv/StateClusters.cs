using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Cellcast.Analysis;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>Clusters of latent states by k-means (Lloyd 1982) from a k-means++ start (Arthur and Vassilvitskii 2007); the same bits for any number of threads.</summary>
internal static class StateClusters
{
    private const int Rounds = 50, MostSeeding = 20_000, MostMoving = 50_000;
    private static readonly int[] s_counts = [4, 6, 8, 12, 16, 24, 32];

    /// <summary>Centres and the cluster of every cell. Of more than 50,000 cells, that many, evenly spaced, move the centres.</summary>
    /// <param name="states">N x z.</param>
    /// <param name="z">Dimensions.</param>
    /// <param name="k">Clusters; fewer come back when there are fewer distinct cells.</param>
    /// <param name="key">Source of chance.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    internal static (double[] Centers, int[] ClusterOf, double Scatter) KMeans(float[] states, int z, int k, RandomKey key, int threads = 0)
    {
        int n = states.Length / z;
        double[] centers = Seed(states, z, Math.Min(k, n), key);
        k = centers.Length / z;
        int moving = Math.Min(n, MostMoving);
        int[] cluster = new int[n], chosen = [.. Enumerable.Range(0, moving).Select(i => (int)((long)i * n / moving))];
        var distance = new double[n];
        for (int round = 0; round < Rounds; round++)
        {
            int changed = 0;
            Blocks.Ranges(moving, threads, (from, to) =>
            {
                int here = 0;
                for (int i = from; i < to; i++)
                {
                    int c = chosen[i], before = cluster[c];
                    (cluster[c], distance[c]) = Nearest(states.AsSpan(c * z, z), centers);
                    if (cluster[c] != before || round == 0) here++;
                }
                Interlocked.Add(ref changed, here);
            });
            if (changed == 0) break;
            var sum = new double[k * z];
            var count = new int[k];
            foreach (int c in chosen)
            {
                count[cluster[c]]++;
                for (int d = 0; d < z; d++) sum[cluster[c] * z + d] += states[c * z + d];
            }
            for (int j = 0; j < k; j++)
                if (count[j] > 0)
                    for (int d = 0; d < z; d++) centers[j * z + d] = sum[j * z + d] / count[j];
        }
        if (moving < n)
            Blocks.Ranges(n, threads, (from, to) =>
            {
                for (int c = from; c < to; c++) (cluster[c], distance[c]) = Nearest(states.AsSpan(c * z, z), centers);
            });
        return (centers, cluster, distance.Sum());
    }

    /// <summary>Clusters whose number has the highest ratio of scatter between to scatter within, each over its degrees of freedom (Calinski and Harabasz 1974).</summary>
    internal static int[] Choose(float[] states, int z, RandomKey key, int threads = 0)
    {
        int n = states.Length / z;
        double total = KMeans(states, z, 1, key, threads).Scatter, best = double.NegativeInfinity;
        int[] chosen = new int[n];
        foreach (int k in s_counts)
        {
            if (k * 30 > n) break;
            var (_, cluster, within) = KMeans(states, z, k, key.Split(k), threads);
            double ratio = (total - within) / (k - 1) / (within / (n - k) + 1e-300);
            if (ratio > best) (best, chosen) = (ratio, cluster);
        }
        return chosen;
    }

    /// <summary>Squared distance, over eight fixed lanes.</summary>
    internal static double SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<double> b)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(b.Length, a.Length);
        var lanes = Vector512<double>.Zero;
        ref float pa = ref MemoryMarshal.GetReference(a);
        ref double pb = ref MemoryMarshal.GetReference(b);
        int i = 0;
        for (; i <= a.Length - 8; i += 8)
        {
            var v = Vector256.LoadUnsafe(ref pa, (nuint)i);
            Vector512<double> d = Vector512.Create(Vector256.WidenLower(v), Vector256.WidenUpper(v)) - Vector512.LoadUnsafe(ref pb, (nuint)i);
            lanes += d * d;
        }
        double sum = Vector512.Sum(lanes);
        for (; i < a.Length; i++)
        {
            double d = a[i] - b[i];
            sum += d * d;
        }
        return sum;
    }

    private static (int Center, double Distance) Nearest(ReadOnlySpan<float> state, double[] centers)
    {
        int best = 0, z = state.Length;
        double least = double.PositiveInfinity;
        for (int j = 0; j * z < centers.Length; j++)
        {
            double d = SquaredDistance(state, centers.AsSpan(j * z, z));
            if (d < least) (best, least) = (j, d);
        }
        return (best, least);
    }

    private static double[] Seed(float[] states, int z, int k, RandomKey key)
    {
        int n = states.Length / z, step = (n + MostSeeding - 1) / MostSeeding;
        int[] cells = [.. Enumerable.Range(0, (n + step - 1) / step).Select(i => i * step)];
        var random = new RandomStream(key);
        var nearest = new double[cells.Length];
        Array.Fill(nearest, double.PositiveInfinity);
        var centers = new List<double>();
        int next = random.NextInt32(cells.Length);
        while (centers.Count < k * z)
        {
            for (int d = 0; d < z; d++) centers.Add(states[cells[next] * z + d]);
            double[] center = [.. centers[^z..]];
            double total = 0;
            for (int i = 0; i < cells.Length; i++) total += nearest[i] = Math.Min(nearest[i], SquaredDistance(states.AsSpan(cells[i] * z, z), center));
            if (!(total > 0)) break;
            double u = random.NextUniform() * total;
            next = 0;
            while (next < cells.Length - 1 && (u -= nearest[next]) > 0) next++;
        }
        return [.. centers];
    }
}
