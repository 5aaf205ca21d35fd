using Cellcast.AnnData;

namespace Cellcast.Analysis.Embedding;

/// <summary>A sparse matrix less the mean of each column, as an operator: products never form the dense difference.</summary>
internal sealed class CenteredMatrix
{
    private readonly SparseMatrix _byCell;
    private readonly SparseMatrix _byGene;
    private readonly int _threads;

    public CenteredMatrix(SparseMatrix matrix, int threads)
    {
        (_byCell, _threads) = (matrix, threads);
        _byGene = matrix.Transpose();
        var statistics = matrix.ColumnStatistics();
        Means = statistics.Means();
        foreach (double v in statistics.SampleVariances) SumOfSquares += v * (matrix.Rows - 1);
    }

    public int Rows => _byCell.Rows;

    public int Columns => _byCell.Columns;

    public double[] Means { get; }

    /// <summary>Sum of the squares of all elements.</summary>
    public double SumOfSquares { get; }

    /// <summary>y = (A - 1 mean') x.</summary>
    public void Times(double[] x, double[] y)
    {
        double shift = Blocks.Dot(Means, x);
        Gather(_byCell, x, y, _ => shift);
    }

    /// <summary>y = (A - 1 mean')' x.</summary>
    public void TransposedTimes(double[] x, double[] y)
    {
        double sum = 0;
        foreach (double v in x) sum += v;
        Gather(_byGene, x, y, g => Means[g] * sum);
    }

    private void Gather(SparseMatrix m, double[] x, double[] y, Func<int, double> shift) => Blocks.Ranges(m.Rows, _threads, (from, to) =>
    {
        for (int i = from; i < to; i++)
        {
            ReadOnlySpan<int> index = m.RowIndices(i);
            ReadOnlySpan<float> value = m.RowValues(i);
            double sum = 0;
            for (int e = 0; e < index.Length; e++) sum += value[e] * x[index[e]];
            y[i] = sum - shift(i);
        }
    });

    /// <summary>(M - 1 means') X for X of columns x k, row-major.</summary>
    public static double[] Multiply(SparseMatrix m, double[] means, double[] x, int k, int threads)
    {
        var shift = new double[k];
        for (int g = 0; g < means.Length; g++) Blocks.AddScaled(-means[g], x.AsSpan(g * k, k), shift);
        var result = new double[(long)m.Rows * k];
        Blocks.Ranges(m.Rows, threads, (from, to) =>
        {
            for (int i = from; i < to; i++)
            {
                Span<double> row = result.AsSpan(i * k, k);
                shift.CopyTo(row);
                ReadOnlySpan<int> index = m.RowIndices(i);
                ReadOnlySpan<float> value = m.RowValues(i);
                for (int e = 0; e < index.Length; e++) Blocks.AddScaled(value[e], x.AsSpan(index[e] * k, k), row);
            }
        });
        return result;
    }
}
