namespace Cellcast.Reports;

/// <summary>Thins points out so that every region keeps its share: points are put in the order of a space-filling curve (Morton 1966) through a
/// 1024 x 1024 grid over their coordinates, and every k-th is kept. Any region that is contiguous on the curve keeps its share to within one point.</summary>
public static class PointSample
{
    /// <summary>Chooses points.</summary>
    /// <param name="x">First coordinate.</param>
    /// <param name="y">Second coordinate.</param>
    /// <param name="most">Most points to keep.</param>
    /// <returns>Positions of the points to keep, ascending; all when there are no more than <paramref name="most"/>.</returns>
    public static int[] Choose(float[] x, float[] y, int most = CellSection.MostPoints)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        if (x.Length != y.Length) throw new ArgumentException($"{x.Length} first and {y.Length} second coordinates", nameof(y));
        ArgumentOutOfRangeException.ThrowIfLessThan(most, 1);
        int n = x.Length;
        int[] all = [.. Enumerable.Range(0, n)];
        if (n <= most) return all;
        int[] gx = Grid(x), gy = Grid(y);
        uint[] code = [.. all.Select(i => Spread(gx[i]) | Spread(gy[i]) << 1)];
        Array.Sort(code, all);
        // Array.Sort is not stable: order equal codes by position.
        for (int from = 0; from < n;)
        {
            int to = from + 1;
            while (to < n && code[to] == code[from]) to++;
            Array.Sort(all, from, to - from);
            from = to;
        }
        return [.. Enumerable.Range(0, most).Select(k => all[(int)(((2L * k + 1) * n) / (2L * most))]).Order()];
    }

    private static int[] Grid(float[] v)
    {
        float low = float.PositiveInfinity, high = float.NegativeInfinity;
        foreach (float a in v)
            if (float.IsFinite(a)) (low, high) = (Math.Min(low, a), Math.Max(high, a));
        return [.. v.Select(a => float.IsFinite(a) && high > low ? (int)(1023 * ((double)a - low) / ((double)high - low)) : 0)];
    }

    private static uint Spread(int v)
    {
        uint x = (uint)v;
        x = (x | x << 8) & 0x00ff00ff;
        x = (x | x << 4) & 0x0f0f0f0f;
        x = (x | x << 2) & 0x33333333;
        return (x | x << 1) & 0x55555555;
    }
}
