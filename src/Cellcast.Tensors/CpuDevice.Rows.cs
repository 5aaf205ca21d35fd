using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors;

public sealed partial class CpuDevice
{
    /// <inheritdoc/>
    public override void LayerNorm(Tensor x, float epsilon, Tensor y, Tensor inverseDeviation) =>
        Kernels.LayerNorm.Forward(Workers, x.Span, x.Rows, x.Columns, epsilon, y.Span, inverseDeviation.Span);

    /// <inheritdoc/>
    public override void LayerNormGradient(Tensor y, Tensor inverseDeviation, Tensor dy, Tensor dx, bool accumulate) =>
        Kernels.LayerNorm.Backward(Workers, y.Span, inverseDeviation.Span, dy.Span, y.Rows, y.Columns, dx.Span, accumulate);

    /// <inheritdoc/>
    public override void LayerNormAffine(Tensor x, Tensor scale, Tensor shift, float epsilon, Tensor y, Tensor mean, Tensor deviation) =>
        Kernels.LayerNorm.ForwardUnbiased(Workers, x.Span, x.Rows, x.Columns, scale.Span, shift.Span, epsilon, y.Span, mean.Span, deviation.Span);

    /// <inheritdoc/>
    public override void LayerNormAffineGradient(Tensor x, Tensor mean, Tensor deviation, Tensor scale, float epsilon, Tensor dy, Tensor? dx, Tensor? dscale, Tensor? dshift) =>
        Kernels.LayerNorm.BackwardUnbiased(Workers, x.Span, mean.Span, deviation.Span, scale.Span, epsilon, dy.Span, x.Rows, x.Columns,
            SpanOf(dx), SpanOf(dscale), SpanOf(dshift), accumulate: true);

    /// <inheritdoc/>
    public override void NormalizeRows(Tensor x, float epsilon, Tensor y, Tensor lengths)
    {
        Reductions.RowDots(Workers, x.Span, x.Span, x.Rows, x.Columns, lengths.Span);
        using var inverse = Borrow(x.Rows);
        for (int r = 0; r < x.Rows; r++)
        {
            lengths.Span[r] = MathF.Sqrt(lengths.Span[r]);
            inverse.Span[r] = 1 / Math.Max(lengths.Span[r], epsilon);
        }
        Elementwise.ScaleRows(Workers, x.Span, x.Rows, x.Columns, inverse.Span, y.Span);
    }

    /// <inheritdoc/>
    public override void NormalizeRowsGradient(Tensor y, Tensor lengths, float epsilon, Tensor dy, Tensor dx, bool accumulate)
    {
        // dx = (dy - y (y . dy)) / length, without the second term where epsilon stood in for the length.
        using Scratch along = Borrow(y.Rows), inverse = Borrow(y.Rows), part = Borrow(y.Length);
        Reductions.RowDots(Workers, y.Span, dy.Span, y.Rows, y.Columns, along.Span);
        for (int r = 0; r < y.Rows; r++)
        {
            float length = lengths.Span[r];
            inverse.Span[r] = 1 / Math.Max(length, epsilon);
            along.Span[r] = length > epsilon ? -along.Span[r] * inverse.Span[r] : 0;
        }
        Elementwise.ScaleRows(Workers, dy.Span, y.Rows, y.Columns, inverse.Span, part.Span);
        if (accumulate) Elementwise.Axpy(Workers, 1, part.Span, dx.Span);
        else part.Span.CopyTo(dx.Span);
        Elementwise.ScaleRows(Workers, y.Span, y.Rows, y.Columns, along.Span, part.Span);
        Elementwise.Axpy(Workers, 1, part.Span, dx.Span);
    }

    /// <inheritdoc/>
    public override void SoftmaxRows(Tensor x, Tensor y) => Softmax.Rows(Workers, x.Span, x.Rows, x.Columns, y.Span);

    /// <inheritdoc/>
    public override void SoftmaxRowsGradient(Tensor y, Tensor dy, Tensor dx, bool accumulate) =>
        Softmax.RowsBackward(Workers, y.Span, dy.Span, y.Rows, y.Columns, dx.Span, accumulate);

    /// <inheritdoc/>
    public override void SoftmaxColumns(Tensor x, Tensor y) => Softmax.Columns(Workers, x.Span, x.Rows, x.Columns, y.Span);

    /// <inheritdoc/>
    public override void SoftmaxColumnsGradient(Tensor y, Tensor dy, Tensor dx, bool accumulate) =>
        Softmax.ColumnsBackward(Workers, y.Span, dy.Span, y.Rows, y.Columns, dx.Span, accumulate);

    /// <inheritdoc/>
    public override void LogSumExpRows(Tensor x, Tensor y) => Softmax.RowsLogSumExp(Workers, x.Span, x.Rows, x.Columns, y.Span);

    /// <inheritdoc/>
    public override void LogSumExpRowsGradient(Tensor x, Tensor y, Tensor dy, Tensor dx, bool accumulate)
    {
        using var part = Borrow(x.Length);
        Softmax.Rows(Workers, x.Span, x.Rows, x.Columns, part.Span);
        Elementwise.ScaleRows(Workers, part.Span, x.Rows, x.Columns, dy.Span, part.Span);
        if (accumulate) Elementwise.Axpy(Workers, 1, part.Span, dx.Span);
        else part.Span.CopyTo(dx.Span);
    }

    /// <inheritdoc/>
    public override double CrossEntropy(Tensor logits, ReadOnlySpan<int> labels, Tensor? dlogits)
    {
        double loss = 0;
        int n = logits.Columns;
        for (int r = 0; r < logits.Rows; r++)
        {
            var row = logits.Span.Slice(r * n, n);
            double max = double.NegativeInfinity, sum = 0;
            foreach (float v in row) max = Math.Max(max, v);
            foreach (float v in row) sum += Math.Exp(v - max);
            loss += max + Math.Log(sum) - row[labels[r]];
            if (dlogits is null) continue;
            for (int c = 0; c < n; c++) dlogits.Span[r * n + c] = (float)((Math.Exp(row[c] - max) / sum - (c == labels[r] ? 1 : 0)) / logits.Rows);
        }
        return loss / logits.Rows;
    }

    private static Span<float> SpanOf(Tensor? t) => t is null ? default : t.Span;
}
