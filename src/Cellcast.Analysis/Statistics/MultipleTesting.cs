namespace Cellcast.Analysis.Statistics;

/// <summary>Adjusts p-values for their number.</summary>
public static class MultipleTesting
{
    /// <summary>Benjamini and Hochberg's (1995) q-values: the false discovery rate at which each test would be called. NaN stays NaN and does not count as a test.</summary>
    /// <param name="pValues">p-values in any order.</param>
    public static double[] BenjaminiHochberg(ReadOnlySpan<double> pValues)
    {
        double[] p = pValues.ToArray();
        int[] order = [.. Enumerable.Range(0, p.Length).Where(i => !double.IsNaN(p[i])).OrderBy(i => p[i])];
        var q = new double[p.Length];
        Array.Fill(q, double.NaN);
        double smallest = 1;
        for (int k = order.Length - 1; k >= 0; k--)
        {
            // In this order: p times a ratio of at least 1 is not rounded below p.
            smallest = Math.Min(smallest, p[order[k]] * (order.Length / (k + 1.0)));
            q[order[k]] = smallest;
        }
        return q;
    }
}
