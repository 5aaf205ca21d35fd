namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>Sums over spans of doubles in a fixed order.</summary>
internal static class Vectors
{
    internal static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        // Four sums, so that the additions need not wait for one another; their order is part of the result and never changes.
        double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        int i = 0;
        for (; i + 4 <= a.Length; i += 4)
        {
            s0 += a[i] * b[i];
            s1 += a[i + 1] * b[i + 1];
            s2 += a[i + 2] * b[i + 2];
            s3 += a[i + 3] * b[i + 3];
        }
        for (; i < a.Length; i++) s0 += a[i] * b[i];
        return s0 + s1 + (s2 + s3);
    }

    internal static void AddScaled(double factor, ReadOnlySpan<double> x, Span<double> y) => Analysis.Blocks.AddScaled(factor, x, y);
}
