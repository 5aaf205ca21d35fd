namespace Cellcast.Reports;

/// <summary>How far points lie apart.</summary>
public static class PointSpacing
{
    private const int Probes = 400;

    /// <summary>Median distance of (evenly chosen) points to their nearest neighbour; null for fewer than two different points.</summary>
    /// <param name="x">First coordinate.</param>
    /// <param name="y">Second coordinate.</param>
    public static double? Typical(float[] x, float[] y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        int n = x.Length;
        var nearest = new List<double>();
        for (int k = 0; k < Math.Min(n, Probes); k++)
        {
            int i = (int)((long)k * n / Math.Min(n, Probes));
            double least = double.PositiveInfinity;
            for (int j = 0; j < n; j++)
            {
                double dx = x[j] - x[i], dy = y[j] - y[i], d = dx * dx + dy * dy;
                if (d > 0 && d < least) least = d;
            }
            if (double.IsFinite(least)) nearest.Add(Math.Sqrt(least));
        }
        if (nearest.Count == 0) return null;
        nearest.Sort();
        return nearest[nearest.Count / 2];
    }
}
