namespace Cellcast.Tensors.Kernels;

/// <summary>Arithmetic on vectors and on matrices by row or by column. Outputs may be the same memory as inputs of the same shape.</summary>
public static class Elementwise
{
    /// <summary>y = a + b.</summary>
    public static void Add(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        Guard.SameLength(a.Length, b.Length);
        Guard.SameLength(a.Length, y.Length);
        for (int i = 0; i < a.Length; i++) y[i] = a[i] + b[i];
    }

    /// <summary>y = a - b.</summary>
    public static void Subtract(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        Guard.SameLength(a.Length, b.Length);
        Guard.SameLength(a.Length, y.Length);
        for (int i = 0; i < a.Length; i++) y[i] = a[i] - b[i];
    }

    /// <summary>y = a b.</summary>
    public static void Multiply(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        Guard.SameLength(a.Length, b.Length);
        Guard.SameLength(a.Length, y.Length);
        for (int i = 0; i < a.Length; i++) y[i] = a[i] * b[i];
    }

    /// <summary>y = a / b.</summary>
    public static void Divide(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        Guard.SameLength(a.Length, b.Length);
        Guard.SameLength(a.Length, y.Length);
        for (int i = 0; i < a.Length; i++) y[i] = a[i] / b[i];
    }

    /// <summary>y += a b, one rounding where the machine has a fused multiply-add.</summary>
    public static void MultiplyAdd(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y)
    {
        Guard.SameLength(a.Length, b.Length);
        Guard.SameLength(a.Length, y.Length);
        for (int i = 0; i < a.Length; i++) y[i] = MathF.FusedMultiplyAdd(a[i], b[i], y[i]);
    }

    /// <summary>y = scale x + shift.</summary>
    public static void Scale(Workers workers, float scale, ReadOnlySpan<float> x, Span<float> y, float shift = 0)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++) y[i] = scale * x[i] + shift;
    }

    /// <summary>y += alpha x.</summary>
    public static void Axpy(Workers workers, float alpha, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++) y[i] += alpha * x[i];
    }

    /// <summary>Y[r, c] = X[r, c] + bias[c].</summary>
    public static void AddRowVector(Workers workers, ReadOnlySpan<float> x, int rows, int columns, ReadOnlySpan<float> bias, Span<float> y)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(y.Length, (long)rows * columns);
        Guard.Length(bias.Length, columns);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) y[r * columns + c] = x[r * columns + c] + bias[c];
    }

    /// <summary>Y[r, c] = X[r, c] factor[r].</summary>
    public static void ScaleRows(Workers workers, ReadOnlySpan<float> x, int rows, int columns, ReadOnlySpan<float> factor, Span<float> y)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(y.Length, (long)rows * columns);
        Guard.Length(factor.Length, rows);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) y[r * columns + c] = x[r * columns + c] * factor[r];
    }

    /// <summary>Y[r, c] = X[r, c] factor[c].</summary>
    public static void ScaleColumns(Workers workers, ReadOnlySpan<float> x, int rows, int columns, ReadOnlySpan<float> factor, Span<float> y)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(y.Length, (long)rows * columns);
        Guard.Length(factor.Length, columns);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < columns; c++) y[r * columns + c] = x[r * columns + c] * factor[c];
    }

    /// <summary>Y[i, :] = X[rows[i], :].</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Matrix to take rows from.</param>
    /// <param name="columns">Columns of X and Y.</param>
    /// <param name="rows">Row numbers in X, repeats allowed.</param>
    /// <param name="y">rows x columns.</param>
    public static void GatherRows(Workers workers, ReadOnlySpan<float> x, int columns, ReadOnlySpan<int> rows, Span<float> y)
    {
        Guard.Length(y.Length, (long)rows.Length * columns);
        for (int i = 0; i < rows.Length; i++) x.Slice(rows[i] * columns, columns).CopyTo(y.Slice(i * columns, columns));
    }

    /// <summary>Y[rows[i], :] += X[i, :], in the order of i for every row of Y.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">rows x columns.</param>
    /// <param name="columns">Columns of X and Y.</param>
    /// <param name="rows">Row numbers in Y, repeats allowed.</param>
    /// <param name="y">Matrix to add to.</param>
    public static void ScatterAddRows(Workers workers, ReadOnlySpan<float> x, int columns, ReadOnlySpan<int> rows, Span<float> y)
    {
        Guard.Length(x.Length, (long)rows.Length * columns);
        for (int i = 0; i < rows.Length; i++)
            for (int c = 0; c < columns; c++) y[rows[i] * columns + c] += x[i * columns + c];
    }
}
