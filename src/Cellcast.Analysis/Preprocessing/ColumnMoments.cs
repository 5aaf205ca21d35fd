using Cellcast.AnnData;

namespace Cellcast.Analysis.Preprocessing;

/// <summary>Mean and unbiased variance of every column of a transformed sparse matrix, in two passes over the stored values.</summary>
internal static class ColumnMoments
{
    private const int RowsAtOnce = 256;

    /// <summary>What is done to a stored value before it counts; must leave zero at zero.</summary>
    public interface ITransform
    {
        double Apply(int row, float value);
    }

    public static (double[] Means, double[] Variances) Of<T>(Matrix m, T transform, int threads) where T : struct, ITransform
    {
        int rows = m.Rows, columns = m.Columns;
        var stored = new long[columns];
        m.ForEachBlock((_, block) =>
        {
            foreach (int c in block.Indices.Span) stored[c]++;
        });
        double[] means = Total(m, new Value<T>(transform), threads);
        for (int c = 0; c < columns; c++) means[c] /= Math.Max(1, rows);
        double[] variances = Total(m, new SquaredDeviation<T>(transform, means), threads);
        for (int c = 0; c < columns; c++)
            variances[c] = rows < 2 ? 0 : (variances[c] + (rows - stored[c]) * means[c] * means[c]) / (rows - 1);
        return (means, variances);
    }

    private static double[] Total<T>(Matrix m, T term, int threads) where T : struct, ITerm
    {
        int blocks = Blocks.Count(m.Rows);
        var sums = new double[blocks][];
        Blocks.For(blocks, threads, b =>
        {
            var sum = new double[m.Columns];
            int from = Blocks.Start(b, blocks, m.Rows), to = Blocks.Start(b + 1, blocks, m.Rows);
            var rows = new RowBlock();
            for (int first = from; first < to; first += RowsAtOnce)
            {
                m.ReadRows(first, Math.Min(RowsAtOnce, to - first), rows);
                for (int r = 0; r < rows.Count; r++)
                {
                    ReadOnlySpan<int> index = rows.RowIndices(r);
                    ReadOnlySpan<float> value = rows.RowValues(r);
                    for (int k = 0; k < index.Length; k++) sum[index[k]] += term.Of(first + r, index[k], value[k]);
                }
            }
            sums[b] = sum;
        });
        var total = new double[m.Columns];
        foreach (double[] sum in sums)
            for (int c = 0; c < total.Length; c++) total[c] += sum[c];
        return total;
    }

    private interface ITerm
    {
        double Of(int row, int column, float value);
    }

    private readonly struct Value<T>(T transform) : ITerm where T : struct, ITransform
    {
        public double Of(int row, int column, float value) => transform.Apply(row, value);
    }

    private readonly struct SquaredDeviation<T>(T transform, double[] means) : ITerm where T : struct, ITransform
    {
        public double Of(int row, int column, float value)
        {
            double d = transform.Apply(row, value) - means[column];
            return d * d;
        }
    }
}
