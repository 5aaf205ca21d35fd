namespace Cellcast.Analysis.Statistics;

/// <summary>Welch's t test.</summary>
/// <param name="Statistic">t: positive when the first mean is higher.</param>
/// <param name="DegreesOfFreedom">Welch and Satterthwaite's degrees of freedom.</param>
/// <param name="PValue">Two-sided.</param>
public readonly record struct WelchTest(double Statistic, double DegreesOfFreedom, double PValue);

/// <summary>Wilcoxon's rank-sum test (Mann and Whitney's U) in its normal approximation, with correction for ties.</summary>
/// <param name="U">Pairs in which the first sample is higher, ties counting one half.</param>
/// <param name="Z">U standardised: positive when the first sample is higher.</param>
/// <param name="PValue">Two-sided; 1 when all values are equal.</param>
/// <param name="Auc">U as a share of all pairs: the chance that a value of the first sample is above one of the second.</param>
public readonly record struct RankSumTest(double U, double Z, double PValue, double Auc);

/// <summary>Do two samples differ?</summary>
public static class TwoSampleTests
{
    /// <summary>Welch's t test of two means with unequal variances. NaN with fewer than two values in a sample or when nothing varies.</summary>
    /// <param name="first">First sample.</param>
    /// <param name="second">Second sample.</param>
    public static WelchTest Welch(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        var (m1, v1) = MeanVariance(first);
        var (m2, v2) = MeanVariance(second);
        return Welch(m1, v1, first.Length, m2, v2, second.Length);
    }

    /// <summary>Welch's t test from means, unbiased variances and sizes.</summary>
    /// <param name="mean1">Mean of the first sample.</param>
    /// <param name="variance1">Its unbiased variance.</param>
    /// <param name="n1">Its size.</param>
    /// <param name="mean2">Mean of the second sample.</param>
    /// <param name="variance2">Its unbiased variance.</param>
    /// <param name="n2">Its size.</param>
    public static WelchTest Welch(double mean1, double variance1, int n1, double mean2, double variance2, int n2)
    {
        double a = variance1 / n1, b = variance2 / n2, t = (mean1 - mean2) / Math.Sqrt(a + b);
        double df = (a + b) * (a + b) / (a * a / (n1 - 1) + b * b / (n2 - 1));
        return n1 < 2 || n2 < 2 || !(a + b > 0) ? new(double.NaN, double.NaN, double.NaN) : new(t, df, Distributions.TwoSidedStudent(t, df));
    }

    /// <summary>Wilcoxon's rank-sum test.</summary>
    /// <param name="first">First sample, without NaN.</param>
    /// <param name="second">Second sample, without NaN.</param>
    /// <param name="continuity">Move U half a step towards its mean, as most programs do for single tests.</param>
    public static RankSumTest RankSum(ReadOnlySpan<double> first, ReadOnlySpan<double> second, bool continuity = true)
    {
        int n = first.Length + second.Length;
        var all = new double[n];
        first.CopyTo(all);
        second.CopyTo(all.AsSpan(first.Length));
        var ranks = new double[n];
        double ties = Ranks.Of<double>(all, new int[n], ranks), sum = 0;
        for (int i = 0; i < first.Length; i++) sum += ranks[i];
        return FromRankSum(sum, first.Length, second.Length, ties, continuity);
    }

    internal static RankSumTest FromRankSum(double rankSum, int n1, int n2, double ties, bool continuity)
    {
        if (n1 == 0 || n2 == 0) return new(double.NaN, double.NaN, double.NaN, double.NaN);
        double pairs = (double)n1 * n2, n = n1 + (double)n2;
        double u = rankSum - n1 * (n1 + 1.0) / 2, difference = u - pairs / 2;
        double variance = pairs / 12 * (n + 1 - ties / (n * (n - 1)));
        if (!(variance > 0)) return new(u, 0, 1, u / pairs);
        double step = continuity ? Math.Min(0.5, Math.Abs(difference)) * Math.Sign(difference) : 0, z = (difference - step) / Math.Sqrt(variance);
        return new(u, z, Distributions.TwoSidedNormal(z), u / pairs);
    }

    internal static (double Mean, double Variance) MeanVariance(ReadOnlySpan<double> values)
    {
        double mean = 0, squares = 0;
        foreach (double v in values) mean += v;
        mean /= values.Length;
        foreach (double v in values) squares += (v - mean) * (v - mean);
        return (mean, values.Length < 2 ? double.NaN : squares / (values.Length - 1));
    }
}
