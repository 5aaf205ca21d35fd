namespace Cellcast.Tensors.Kernels;

/// <summary>Softmax and log-sum-exp over the rows or the columns of a row-major matrix, with the maximum taken out.</summary>
public static class Softmax
{
    /// <summary>Y[r, :] = softmax(X[r, :]): every row sums to one. In place is allowed.</summary>
    public static void Rows(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(y.Length, (long)rows * columns);
        for (int r = 0; r < rows; r++) Reference.SoftmaxLine(x, y, r * columns, 1, columns);
    }

    /// <summary>dX = Y o (dY - rowsum(dY o Y)): the gradient of <see cref="Rows"/> given its output. In place on dY is allowed.</summary>
    public static void RowsBackward(Workers workers, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, int rows, int columns, Span<float> dx, bool accumulate = false)
    {
        Guard.Length(y.Length, (long)rows * columns);
        Guard.Length(dy.Length, (long)rows * columns);
        Guard.Length(dx.Length, (long)rows * columns);
        for (int r = 0; r < rows; r++) Reference.SoftmaxLineBackward(y, dy, dx, r * columns, 1, columns, accumulate);
    }

    /// <summary>Y[:, c] = softmax(X[:, c]): every column sums to one, e.g. over the cells of a batch for each patient. In place is allowed.</summary>
    public static void Columns(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(y.Length, (long)rows * columns);
        for (int c = 0; c < columns; c++) Reference.SoftmaxLine(x, y, c, columns, rows);
    }

    /// <summary>dX = Y o (dY - columnsum(dY o Y)): the gradient of <see cref="Columns"/> given its output. In place on dY is allowed.</summary>
    public static void ColumnsBackward(Workers workers, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, int rows, int columns, Span<float> dx, bool accumulate = false)
    {
        Guard.Length(y.Length, (long)rows * columns);
        Guard.Length(dy.Length, (long)rows * columns);
        Guard.Length(dx.Length, (long)rows * columns);
        for (int c = 0; c < columns; c++) Reference.SoftmaxLineBackward(y, dy, dx, c, columns, rows, accumulate);
    }

    /// <summary>y[r] = log sum over columns of exp(X[r, c]).</summary>
    public static void RowsLogSumExp(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(y.Length, rows);
        for (int r = 0; r < rows; r++) y[r] = (float)Reference.LogSumExpLine(x, r * columns, 1, columns);
    }

    /// <summary>y[c] = log sum over rows of exp(X[r, c]).</summary>
    public static void ColumnsLogSumExp(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(y.Length, columns);
        for (int c = 0; c < columns; c++) y[c] = (float)Reference.LogSumExpLine(x, c, columns, rows);
    }
}
