namespace Cellcast.Tensors.Kernels;

/// <summary>Sums in a fixed order that does not depend on the number of threads, accumulated in double precision.</summary>
public static class Reductions
{
    /// <summary>Sum of all elements.</summary>
    public static double Sum(Workers workers, ReadOnlySpan<float> x)
    {
        double s = 0;
        foreach (float v in x) s += v;
        return s;
    }

    /// <summary>Sum of a[i] b[i].</summary>
    public static double Dot(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Guard.SameLength(a.Length, b.Length);
        double s = 0;
        for (int i = 0; i < a.Length; i++) s += (double)a[i] * b[i];
        return s;
    }

    /// <summary>Largest element; NaN if any is NaN, negative infinity if there is none.</summary>
    public static float Max(Workers workers, ReadOnlySpan<float> x)
    {
        float m = float.NegativeInfinity;
        foreach (float v in x) m = MathF.Max(m, v);
        return m;
    }

    /// <summary>y[c] = sum over rows of X[r, c], or y[c] += it.</summary>
    public static void ColumnSums(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y, bool accumulate = false)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(y.Length, columns);
        for (int c = 0; c < columns; c++)
        {
            double s = 0;
            for (int r = 0; r < rows; r++) s += x[r * columns + c];
            y[c] = (accumulate ? y[c] : 0f) + (float)s;
        }
    }

    /// <summary>y[r] = sum over columns of X[r, c], or y[r] += it.</summary>
    public static void RowSums(Workers workers, ReadOnlySpan<float> x, int rows, int columns, Span<float> y, bool accumulate = false)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(y.Length, rows);
        for (int r = 0; r < rows; r++)
        {
            double s = 0;
            for (int c = 0; c < columns; c++) s += x[r * columns + c];
            y[r] = (accumulate ? y[r] : 0f) + (float)s;
        }
    }

    /// <summary>y[c] = sum over rows of A[r, c] B[r, c], or y[c] += it: the gradient of a factor per column.</summary>
    public static void ColumnDots(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, int rows, int columns, Span<float> y, bool accumulate = false)
    {
        Guard.Length(a.Length, (long)rows * columns);
        Guard.Length(b.Length, (long)rows * columns);
        Guard.Length(y.Length, columns);
        for (int c = 0; c < columns; c++)
        {
            double s = 0;
            for (int r = 0; r < rows; r++) s += (double)a[r * columns + c] * b[r * columns + c];
            y[c] = (accumulate ? y[c] : 0f) + (float)s;
        }
    }

    /// <summary>y[r] = sum over columns of A[r, c] B[r, c], or y[r] += it: the gradient of a factor per row.</summary>
    public static void RowDots(Workers workers, ReadOnlySpan<float> a, ReadOnlySpan<float> b, int rows, int columns, Span<float> y, bool accumulate = false)
    {
        Guard.Length(a.Length, (long)rows * columns);
        Guard.Length(b.Length, (long)rows * columns);
        Guard.Length(y.Length, rows);
        for (int r = 0; r < rows; r++)
        {
            double s = 0;
            for (int c = 0; c < columns; c++) s += (double)a[r * columns + c] * b[r * columns + c];
            y[r] = (accumulate ? y[r] : 0f) + (float)s;
        }
    }
}
