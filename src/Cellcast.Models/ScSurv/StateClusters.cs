using Cellcast.Analysis;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>Clusters of latent states by k-means (Lloyd 1982) from a k-means++ start (Arthur and Vassilvitskii 2007); the same bits for any number of threads.</summary>
internal static class StateClusters
{
    private const int Rounds = 50, MostSeeding = 20_000;
    private static readonly int[] s_counts = [4, 6, 8, 12, 16, 24, 32];

    /// <summary>Centres and the cluster of every cell.</summary>
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
        var cluster = new int[n];
        double scatter = 0;
        for (int round = 0; round < Rounds; round++)
        {
            var distance = new double[n];
            int changed = 0;
            Blocks.Ranges(n, threads, (from, to) =>
            {
                int here = 0;
                for (int c = from; c < to; c++)
                {
                    int best = 0;
                    double least = double.PositiveInfinity;
                    for (int j = 0; j < k; j++)
                    {
                        double d = SquaredDistance(states.AsSpan(c * z, z), centers.AsSpan(j * z, z));
                        if (d < least) (best, least) = (j, d);
                    }
                    if (cluster[c] != best || round == 0) here++;
                    (cluster[c], distance[c]) = (best, least);
                }
                Interlocked.Add(ref changed, here);
            });
            scatter = distance.Sum();
            if (changed == 0) break;
            var sum = new double[k * z];
            var count = new int[k];
            for (int c = 0; c < n; c++)
            {
                count[cluster[c]]++;
                for (int d = 0; d < z; d++) sum[cluster[c] * z + d] += states[c * z + d];
            }
            for (int j = 0; j < k; j++)
                if (count[j] > 0)
                    for (int d = 0; d < z; d++) centers[j * z + d] = sum[j * z + d] / count[j];
        }
        return (centers, cluster, scatter);
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

    internal static double SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            double d = a[i] - b[i];
            sum += d * d;
        }
        return sum;
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
