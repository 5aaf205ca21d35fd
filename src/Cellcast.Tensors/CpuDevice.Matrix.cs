using System.Numerics;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Random;

namespace Cellcast.Tensors;

public sealed partial class CpuDevice
{
    /// <inheritdoc/>
    public override void MatMul(Tensor a, bool transposeA, Tensor b, bool transposeB, Tensor y, bool accumulate) =>
        Gemm.Multiply(Workers, transposeA, transposeB, y.Rows, y.Columns, transposeA ? a.Rows : a.Columns, a.Span, a.Columns, b.Span, b.Columns, y.Span, y.Columns, accumulate);

    /// <inheritdoc/>
    public override void Sum(Tensor x, Tensor y, bool accumulate) => y.Span[0] = (accumulate ? y.Span[0] : 0) + (float)Reductions.Sum(Workers, x.Span);

    /// <inheritdoc/>
    public override void RowSum(Tensor x, Tensor y, bool accumulate) => Reductions.RowSums(Workers, x.Span, x.Rows, x.Columns, y.Span, accumulate);

    /// <inheritdoc/>
    public override void ColumnSum(Tensor x, Tensor y, bool accumulate) => Reductions.ColumnSums(Workers, x.Span, x.Rows, x.Columns, y.Span, accumulate);

    /// <inheritdoc/>
    public override void DotRows(Tensor a, Tensor b, Tensor y) => Reductions.RowDots(Workers, a.Span, b.Span, a.Rows, a.Columns, y.Span);

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
        Span<float> from = x.Span, to = y.Span;
        int rows = x.Rows, fromColumns = x.Columns, toColumns = y.Columns;
        for (int r = 0; r < rows; r++)
            CopyOrAdd(from.Slice(r * fromColumns + xFirst, count), to.Slice(r * toColumns + yFirst, count), accumulate);
    }

    /// <inheritdoc/>
    public override void CopyRange(Tensor x, int xFirst, Tensor y, int yFirst, int count, bool accumulate) =>
        CopyOrAdd(x.Span.Slice(xFirst, count), y.Span.Slice(yFirst, count), accumulate);

    /// <inheritdoc/>
    public override void GatherRows(Tensor x, ReadOnlySpan<int> rows, Tensor y) => Elementwise.GatherRows(Workers, x.Span, x.Columns, rows, y.Span);

    /// <inheritdoc/>
    public override void ScatterAddRows(Tensor x, ReadOnlySpan<int> rows, Tensor y) => Elementwise.ScatterAddRows(Workers, x.Span, x.Columns, rows, y.Span);

    /// <inheritdoc/>
    public override void Dropout(Tensor x, float probability, RandomKey key, Tensor y, bool accumulate) =>
        RandomFill.Dropout(Workers, key, probability, x.Span, y.Span, accumulate);

    /// <inheritdoc/>
    public override void SparseLinear(in SparseRows x, ReadOnlySpan<int> codes, Tensor weight, Tensor? bias, Tensor y)
    {
        int n = weight.Columns;
        SparseDense.Forward(Workers, x.Matrix, x.RowNumbers, weight.Span[..(x.Columns * n)], n, bias is null ? default : bias.Span, y.Span, x.Starts);
        Span<float> oneHot = weight.Span[(x.Columns * n)..], ys = y.Span;
        for (int r = 0; r < codes.Length; r++)
            if (codes[r] >= 0) CopyOrAdd(oneHot.Slice(codes[r] * n, n), ys.Slice(r * n, n), accumulate: true);
    }

    /// <inheritdoc/>
    public override void SparseLinearWeightGradient(in SparseRows x, ReadOnlySpan<int> codes, Tensor dy, Tensor dweight, bool accumulate)
    {
        int n = dweight.Columns;
        SparseDense.BackwardWeights(Workers, x.Matrix, x.RowNumbers, dy.Span, n, dweight.Span[..(x.Columns * n)], accumulate, starts: x.Starts);
        Span<float> oneHot = dweight.Span[(x.Columns * n)..], dys = dy.Span;
        if (!accumulate) oneHot.Clear();
        for (int r = 0; r < codes.Length; r++)
            if (codes[r] >= 0) CopyOrAdd(dys.Slice(r * n, n), oneHot.Slice(codes[r] * n, n), accumulate: true);
    }

    private static void CopyOrAdd(ReadOnlySpan<float> x, Span<float> y, bool accumulate)
    {
        if (!accumulate)
        {
            x.CopyTo(y);
            return;
        }
        int i = 0;
        for (; i <= x.Length - Vector<float>.Count; i += Vector<float>.Count) (new Vector<float>(x[i..]) + new Vector<float>(y[i..])).CopyTo(y[i..]);
        for (; i < x.Length; i++) y[i] += x[i];
    }
}
