namespace Cellcast.AnnData;

/// <summary>Statistics of every column of a sparse matrix, zeros included, in double precision.</summary>
public sealed class ColumnStatistics
{
    /// <summary>Rows are cut into this many blocks whatever the number of threads, and the blocks are added in order: same bits always.</summary>
    private const int Blocks = 16;

    private ColumnStatistics(int rows, double[] sums, double[] variances, long[] nonZeros) =>
        (Rows, Sums, SampleVariances, NonZeros) = (rows, sums, variances, nonZeros);

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Sum of each column.</summary>
    public double[] Sums { get; }

    /// <summary>Mean of each column.</summary>
    public double[] Means() => Array.ConvertAll(Sums, s => s / Rows);

    /// <summary>Unbiased variance (divisor n - 1) of each column; 0 with fewer than two rows.</summary>
    public double[] SampleVariances { get; }

    /// <summary>Number of values different from zero in each column.</summary>
    public long[] NonZeros { get; }

    internal static ColumnStatistics Of(SparseMatrix m)
    {
        int columns = m.Columns;
        int blocks = Math.Min(Blocks, Math.Max(1, m.Rows));
        var sums = new double[blocks][];
        var counts = new long[blocks][];
        Parallel.For(0, blocks, b =>
        {
            var (s, n) = (new double[columns], new long[columns]);
            for (int r = Start(b); r < Start(b + 1); r++)
            {
                ReadOnlySpan<int> idx = m.RowIndices(r);
                ReadOnlySpan<float> val = m.RowValues(r);
                for (int k = 0; k < idx.Length; k++)
                {
                    s[idx[k]] += val[k];
                    if (val[k] != 0) n[idx[k]]++;
                }
            }
            (sums[b], counts[b]) = (s, n);
        });
        var (sum, nonZeros, means) = (Total(sums), new long[columns], new double[columns]);
        for (int c = 0; c < columns; c++)
        {
            foreach (long[] n in counts) nonZeros[c] += n[c];
            means[c] = m.Rows == 0 ? 0 : sum[c] / m.Rows;
        }
        var squares = new double[blocks][];
        Parallel.For(0, blocks, b =>
        {
            var s = new double[columns];
            for (int r = Start(b); r < Start(b + 1); r++)
            {
                ReadOnlySpan<int> idx = m.RowIndices(r);
                ReadOnlySpan<float> val = m.RowValues(r);
                for (int k = 0; k < idx.Length; k++)
                {
                    if (val[k] == 0) continue;
                    double d = val[k] - means[idx[k]];
                    s[idx[k]] += d * d;
                }
            }
            squares[b] = s;
        });
        double[] variances = Total(squares);
        for (int c = 0; c < columns; c++)
            variances[c] = m.Rows < 2 ? 0 : (variances[c] + (m.Rows - nonZeros[c]) * means[c] * means[c]) / (m.Rows - 1);
        return new ColumnStatistics(m.Rows, sum, variances, nonZeros);

        int Start(int block) => (int)((long)m.Rows * block / blocks);

        double[] Total(double[][] parts)
        {
            var total = new double[columns];
            foreach (double[] p in parts)
                for (int c = 0; c < columns; c++) total[c] += p[c];
            return total;
        }
    }
}
