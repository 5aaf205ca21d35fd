using Cellcast.Tensors.Random;

namespace Cellcast.Tensors;

public sealed partial class CpuDevice
{
    /// <inheritdoc/>
    public override void MatMul(Tensor a, bool transposeA, Tensor b, bool transposeB, Tensor y, bool accumulate)
    {
        int m = y.Rows, n = y.Columns, k = transposeA ? a.Rows : a.Columns;
        Span<float> av = a.Span, bv = b.Span, yv = y.Span;
        if (!accumulate) yv.Clear();
        for (int i = 0; i < m; i++)
        {
            var row = yv.Slice(i * n, n);
            for (int p = 0; p < k; p++)
            {
                float s = transposeA ? av[p * m + i] : av[i * k + p];
                if (transposeB)
                    for (int j = 0; j < n; j++) row[j] += s * bv[j * k + p];
                else
                {
                    var other = bv.Slice(p * n, n);
                    for (int j = 0; j < n; j++) row[j] += s * other[j];
                }
            }
        }
    }

    /// <inheritdoc/>
    public override void Sum(Tensor x, Tensor y, bool accumulate)
    {
        double s = 0;
        foreach (float v in x.Span) s += v;
        y.Span[0] = (accumulate ? y.Span[0] : 0) + (float)s;
    }

    /// <inheritdoc/>
    public override void RowSum(Tensor x, Tensor y, bool accumulate)
    {
        for (int r = 0; r < x.Rows; r++)
        {
            double s = 0;
            foreach (float v in x.Span.Slice(r * x.Columns, x.Columns)) s += v;
            y.Span[r] = (accumulate ? y.Span[r] : 0) + (float)s;
        }
    }

    /// <inheritdoc/>
    public override void ColumnSum(Tensor x, Tensor y, bool accumulate)
    {
        for (int c = 0; c < x.Columns; c++)
        {
            double s = 0;
            for (int r = 0; r < x.Rows; r++) s += x.Span[r * x.Columns + c];
            y.Span[c] = (accumulate ? y.Span[c] : 0) + (float)s;
        }
    }

    /// <inheritdoc/>
    public override void DotRows(Tensor a, Tensor b, Tensor y)
    {
        for (int r = 0; r < a.Rows; r++)
        {
            double s = 0;
            for (int i = r * a.Columns; i < (r + 1) * a.Columns; i++) s += (double)a.Span[i] * b.Span[i];
            y.Span[r] = (float)s;
        }
    }

    /// <inheritdoc/>
    public override void Transpose(Tensor x, Tensor y, bool accumulate)
    {
        Span<float> xs = x.Span, ys = y.Span;
        for (int r = 0; r < x.Rows; r++)
            for (int c = 0; c < x.Columns; c++)
            {
                float v = xs[r * x.Columns + c];
                ys[c * x.Rows + r] = accumulate ? ys[c * x.Rows + r] + v : v;
            }
    }

    /// <inheritdoc/>
    public override void CopyColumns(Tensor x, int xFirst, Tensor y, int yFirst, int count, bool accumulate)
    {
        for (int r = 0; r < x.Rows; r++)
            CopyOrAdd(x.Span.Slice(r * x.Columns + xFirst, count), y.Span.Slice(r * y.Columns + yFirst, count), accumulate);
    }

    /// <inheritdoc/>
    public override void CopyRange(Tensor x, int xFirst, Tensor y, int yFirst, int count, bool accumulate) =>
        CopyOrAdd(x.Span.Slice(xFirst, count), y.Span.Slice(yFirst, count), accumulate);

    /// <inheritdoc/>
    public override void GatherRows(Tensor x, ReadOnlySpan<int> rows, Tensor y)
    {
        int n = x.Columns;
        for (int i = 0; i < rows.Length; i++) x.Span.Slice(rows[i] * n, n).CopyTo(y.Span[(i * n)..]);
    }

    /// <inheritdoc/>
    public override void ScatterAddRows(Tensor x, ReadOnlySpan<int> rows, Tensor y)
    {
        int n = x.Columns;
        for (int i = 0; i < rows.Length; i++) CopyOrAdd(x.Span.Slice(i * n, n), y.Span.Slice(rows[i] * n, n), accumulate: true);
    }

    /// <inheritdoc/>
    public override void Dropout(Tensor x, float probability, RandomKey key, Tensor y, bool accumulate)
    {
        Span<float> xs = x.Span, ys = y.Span;
        float scale = 1 / (1 - probability);
        uint threshold = (uint)Math.Min(uint.MaxValue, probability * 4294967296.0);
        for (int i = 0; i < xs.Length; i++)
        {
            float v = key.Bits(i) >= threshold ? xs[i] * scale : 0;
            ys[i] = accumulate ? ys[i] + v : v;
        }
    }

    /// <inheritdoc/>
    public override void SparseLinear(in SparseRows x, ReadOnlySpan<int> codes, Tensor weight, Tensor? bias, Tensor y)
    {
        int n = weight.Columns;
        var w = weight.Span;
        for (int r = 0; r < x.Count; r++)
        {
            var row = y.Span.Slice(r * n, n);
            if (bias is null) row.Clear();
            else bias.Span.CopyTo(row);
            var indices = x.IndicesOf(r);
            var values = x.ValuesOf(r);
            for (int p = 0; p < indices.Length; p++)
            {
                var from = w.Slice(indices[p] * n, n);
                for (int j = 0; j < n; j++) row[j] += values[p] * from[j];
            }
            if (codes.Length > 0 && codes[r] >= 0) CopyOrAdd(w.Slice((x.Columns + codes[r]) * n, n), row, accumulate: true);
        }
    }

    /// <inheritdoc/>
    public override void SparseLinearWeightGradient(in SparseRows x, ReadOnlySpan<int> codes, Tensor dy, Tensor dweight)
    {
        int n = dweight.Columns;
        var w = dweight.Span;
        for (int r = 0; r < x.Count; r++)
        {
            var row = dy.Span.Slice(r * n, n);
            var indices = x.IndicesOf(r);
            var values = x.ValuesOf(r);
            for (int p = 0; p < indices.Length; p++)
            {
                var to = w.Slice(indices[p] * n, n);
                for (int j = 0; j < n; j++) to[j] += values[p] * row[j];
            }
            if (codes.Length > 0 && codes[r] >= 0) CopyOrAdd(row, w.Slice((x.Columns + codes[r]) * n, n), accumulate: true);
        }
    }

    private static void CopyOrAdd(ReadOnlySpan<float> x, Span<float> y, bool accumulate)
    {
        if (!accumulate) x.CopyTo(y);
        else
            for (int i = 0; i < x.Length; i++) y[i] += x[i];
    }
}
