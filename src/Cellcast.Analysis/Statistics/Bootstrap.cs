using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Statistics;

/// <summary>Intervals by resampling subjects with replacement. Source: Efron and Tibshirani (1993), chapters 6 and 13.</summary>
public static class Bootstrap
{
    /// <summary>Statistics of resampled subjects.</summary>
    /// <param name="groups">Group of each subject; subjects are drawn within their group, so that every group keeps its size.</param>
    /// <param name="replicates">How often.</param>
    /// <param name="key">Source of chance; the result depends on nothing else.</param>
    /// <param name="statistics">Statistics of the drawn subjects, or null where they do not exist; called from several threads.</param>
    /// <param name="threads">Threads, 0 for all cores.</param>
    /// <returns>One array per replicate, in order, without those that do not exist.</returns>
    public static double[][] Replicate(ReadOnlySpan<int> groups, int replicates, RandomKey key, Func<int[], double[]?> statistics, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(statistics);
        int[] of = groups.ToArray();
        int[][] members = [.. of.Distinct().Order().Select(g => Enumerable.Range(0, of.Length).Where(i => of[i] == g).ToArray())];
        var results = new double[replicates][];
        Blocks.For(replicates, threads, r =>
        {
            var stream = new RandomStream(key.Split(r));
            var drawn = new int[of.Length];
            int to = 0;
            foreach (int[] group in members)
                for (int k = 0; k < group.Length; k++) drawn[to++] = group[stream.NextInt32(group.Length)];
            results[r] = statistics(drawn)!;
        });
        return [.. results.Where(r => r is not null)];
    }

    /// <summary>Standard deviation and percentile limits of one statistic over replicates; NaN with fewer than two.</summary>
    /// <param name="values">The statistic in each replicate; NaN where it does not exist.</param>
    /// <param name="level">Confidence level.</param>
    public static (double StandardError, double Lower, double Upper) Percentile(IEnumerable<double> values, double level = 0.95)
    {
        double[] sorted = [.. values.Where(v => !double.IsNaN(v)).Order()];
        if (sorted.Length < 2) return (double.NaN, double.NaN, double.NaN);
        double mean = sorted.Average(), sd = Math.Sqrt(sorted.Sum(v => (v - mean) * (v - mean)) / (sorted.Length - 1));
        return (sd, Quantile((1 - level) / 2), Quantile((1 + level) / 2));

        double Quantile(double p)
        {
            double at = p * (sorted.Length - 1);
            int k = (int)at;
            return k + 1 == sorted.Length ? sorted[k] : sorted[k] + (at - k) * (sorted[k + 1] - sorted[k]);
        }
    }
}
