using Cellcast.Analysis;
using Cellcast.AnnData;

namespace Cellcast.Models.ScSurv;

/// <summary>Errors of the types' mean rates, which come from finitely many cells: how far <see cref="TypeShareCorrection"/> may move them.</summary>
internal static class ProfileErrors
{
    // A gene without any count has an error too: that of half a count.
    private const double LeastCounts = 0.5;

    /// <summary>Sampling variance of a type's mean rate, a ratio of sums over cells: by what the cells differ, and at least that of counts.</summary>
    /// <param name="cells">The reference.</param>
    /// <param name="typeOf">Type of each cell, -1 for none.</param>
    /// <param name="types">Number of types.</param>
    /// <returns>T x G.</returns>
    internal static double[] VarianceOf(ReferenceCells cells, int[] typeOf, int types)
    {
        int g = cells.Counts.Columns;
        double[] square = new double[types * g], cross = new double[types * g], counts = new double[types * g], size = new double[types], sizes = new double[types];
        var number = new int[types];
        cells.Counts.ForEachBlock((first, rows) =>
        {
            for (int r = 0; r < rows.Count; r++)
            {
                int type = typeOf[first + r];
                if (type < 0) continue;
                double s = cells.Size[first + r];
                (size[type], sizes[type], number[type]) = (size[type] + s, sizes[type] + s * s, number[type] + 1);
                ReadOnlySpan<int> index = rows.RowIndices(r);
                ReadOnlySpan<float> value = rows.RowValues(r);
                for (int e = 0; e < index.Length; e++)
                {
                    int at = type * g + index[e];
                    double y = value[e];
                    (square[at], cross[at], counts[at]) = (square[at] + y * y, cross[at] + y * s, counts[at] + y);
                }
            }
        });
        var variance = new double[types * g];
        for (int t = 0; t < types; t++)
            for (int j = 0; j < g; j++)
            {
                int at = t * g + j;
                double mean = counts[at] / Math.Max(size[t], 1e-12), spread = square[at] - 2 * mean * cross[at] + mean * mean * sizes[t];
                variance[at] = (LeastCounts + Math.Max(counts[at], spread * number[t] / Math.Max(1, number[t] - 1))) / Math.Max(size[t] * size[t], 1e-12);
            }
        return variance;
    }
}
