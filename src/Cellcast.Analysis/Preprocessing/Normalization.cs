using Cellcast.AnnData;

namespace Cellcast.Analysis.Preprocessing;

/// <summary>Brings counts of cells to a common size. Works on the stored values; positions are shared with the input, nothing becomes dense.</summary>
public static class Normalization
{
    /// <summary>Median of the totals of the rows that are not empty: the default common size. 0 when all are empty.</summary>
    /// <param name="totals">Total of each row.</param>
    public static double MedianTotal(ReadOnlySpan<double> totals)
    {
        var positive = new List<double>(totals.Length);
        foreach (double t in totals)
            if (t > 0) positive.Add(t);
        if (positive.Count == 0) return 0;
        positive.Sort();
        int half = positive.Count / 2;
        return positive.Count % 2 == 1 ? positive[half] : (positive[half - 1] + positive[half]) / 2;
    }

    /// <summary>Scales every row to the same total; empty rows stay empty.</summary>
    /// <param name="counts">Cells x genes.</param>
    /// <param name="total">The common total, such as 10,000; null for the median total of the non-empty cells.</param>
    public static SparseMatrix ToTotal(SparseMatrix counts, double? total = null)
    {
        ArgumentNullException.ThrowIfNull(counts);
        if (total is not null && !(total > 0)) throw new ArgumentOutOfRangeException(nameof(total), total, "the common total must be greater than 0");
        double[] totals = counts.RowSums();
        double target = total ?? MedianTotal(totals);
        var values = new float[counts.Values.Length];
        Blocks.For(counts.Rows, 0, r =>
        {
            int from = (int)counts.IndPtr[r], to = (int)counts.IndPtr[r + 1];
            // Division by the size factor in single precision, as the field's tools do.
            float size = totals[r] > 0 ? (float)(totals[r] / target) : 1;
            for (int k = from; k < to; k++) values[k] = counts.Values[k] / size;
        });
        return new SparseMatrix(counts.Rows, counts.Columns, counts.IndPtr, counts.Indices, values);
    }

    /// <summary>log(1 + x) of every value.</summary>
    /// <param name="matrix">Values above -1.</param>
    public static SparseMatrix Log1p(SparseMatrix matrix)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        var values = new float[matrix.Values.Length];
        Blocks.For(matrix.Rows, 0, r =>
        {
            int to = (int)matrix.IndPtr[r + 1];
            for (int k = (int)matrix.IndPtr[r]; k < to; k++) values[k] = (float)Log1p(matrix.Values[k]);
        });
        return new SparseMatrix(matrix.Rows, matrix.Columns, matrix.IndPtr, matrix.Indices, values);
    }

    /// <summary><see cref="ToTotal"/>, then <see cref="Log1p(SparseMatrix)"/>.</summary>
    /// <param name="counts">Cells x genes.</param>
    /// <param name="total">The common total; null for the median.</param>
    public static SparseMatrix LogNormalize(SparseMatrix counts, double? total = null) => Log1p(ToTotal(counts, total));

    /// <summary>log(1 + x) without loss for small x (Kahan's correction).</summary>
    internal static double Log1p(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : Math.Log(u) * (x / (u - 1));
    }

    /// <summary>exp(x) - 1 without loss for small x (Kahan's correction).</summary>
    internal static double Expm1(double x)
    {
        double u = Math.Exp(x);
        if (u == 1) return x;
        double v = u - 1;
        return v == -1 ? -1 : double.IsInfinity(u) ? u : v * (x / Math.Log(u));
    }
}
