namespace Cellcast.Analysis.Statistics;

/// <summary>A correlation and the two-sided p-value of there being none.</summary>
/// <param name="Coefficient">Between -1 and 1; NaN when one of the two does not vary.</param>
/// <param name="PValue">By Student's t with n - 2 degrees of freedom; NaN with fewer than three pairs.</param>
public readonly record struct CorrelationTest(double Coefficient, double PValue)
{
    /// <summary>The test of a coefficient of n pairs.</summary>
    internal static CorrelationTest Of(double r, int n)
    {
        if (double.IsNaN(r)) return new(double.NaN, double.NaN);
        r = Math.Clamp(r, -1, 1);
        return new(r, n < 3 ? double.NaN : Distributions.TwoSidedStudent(r * Math.Sqrt((n - 2) / ((1 - r) * (1 + r))), n - 2));
    }
}

/// <summary>Correlation of two lists of n values.</summary>
public static class Correlation
{
    /// <summary>Pearson's correlation.</summary>
    /// <param name="x">n values.</param>
    /// <param name="y">n values.</param>
    public static CorrelationTest Pearson(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        SameLength(x.Length, y.Length);
        return CorrelationTest.Of(Coefficient(x, y), x.Length);
    }

    /// <summary>Spearman's rank correlation; ties share their mean rank.</summary>
    /// <param name="x">n values without NaN.</param>
    /// <param name="y">n values without NaN.</param>
    public static CorrelationTest Spearman(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        SameLength(x.Length, y.Length);
        return CorrelationTest.Of(Coefficient(Ranks.Of(x), Ranks.Of(y)), x.Length);
    }

    /// <summary>Pearson's coefficient in two passes; NaN when one list does not vary.</summary>
    internal static double Coefficient(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        int n = x.Length;
        double mx = 0, my = 0, sxx = 0, syy = 0, sxy = 0;
        for (int i = 0; i < n; i++)
        {
            mx += x[i];
            my += y[i];
        }
        mx /= n;
        my /= n;
        for (int i = 0; i < n; i++)
        {
            double dx = x[i] - mx, dy = y[i] - my;
            sxx += dx * dx;
            syy += dy * dy;
            sxy += dx * dy;
        }
        // Rounding alone may leave a list of equal values with a spread of the last bit.
        return Varies(sxx, mx, n) && Varies(syy, my, n) ? sxy / Math.Sqrt(sxx) / Math.Sqrt(syy) : double.NaN;
    }

    internal static bool Varies(double squares, double mean, int n) => squares > n * mean * mean * 1e-28;

    private static void SameLength(int a, int b)
    {
        if (a != b) throw new ArgumentException($"{a} values cannot be correlated with {b}");
    }
}
