namespace Cellcast.Tensors;

public sealed partial class CpuDevice
{
    /// <inheritdoc/>
    public override void LayerNorm(Tensor x, float epsilon, Tensor y, Tensor inverseDeviation)
    {
        int n = x.Columns;
        for (int r = 0; r < x.Rows; r++)
        {
            Span<float> xs = x.Span.Slice(r * n, n), ys = y.Span.Slice(r * n, n);
            var (mean, squares) = MeanAndSquares(xs);
            double inverse = 1 / Math.Sqrt(squares / n + epsilon);
            for (int c = 0; c < n; c++) ys[c] = (float)((xs[c] - mean) * inverse);
            inverseDeviation.Span[r] = (float)inverse;
        }
    }

    /// <inheritdoc/>
    public override void LayerNormGradient(Tensor y, Tensor inverseDeviation, Tensor dy, Tensor dx)
    {
        int n = y.Columns;
        for (int r = 0; r < y.Rows; r++)
        {
            Span<float> ys = y.Span.Slice(r * n, n), g = dy.Span.Slice(r * n, n), d = dx.Span.Slice(r * n, n);
            double sum = 0, product = 0;
            for (int c = 0; c < n; c++)
            {
                sum += g[c];
                product += (double)g[c] * ys[c];
            }
            for (int c = 0; c < n; c++) d[c] += (float)(inverseDeviation.Span[r] * (g[c] - sum / n - ys[c] * product / n));
        }
    }

    /// <inheritdoc/>
    public override void LayerNormAffine(Tensor x, Tensor scale, Tensor shift, float epsilon, Tensor y, Tensor normalized, Tensor deviation)
    {
        int n = x.Columns;
        for (int r = 0; r < x.Rows; r++)
        {
            Span<float> xs = x.Span.Slice(r * n, n), ys = y.Span.Slice(r * n, n), h = normalized.Span.Slice(r * n, n);
            var (mean, squares) = MeanAndSquares(xs);
            double sd = Math.Sqrt(squares / (n - 1));
            deviation.Span[r] = (float)sd;
            for (int c = 0; c < n; c++)
            {
                h[c] = (float)((xs[c] - mean) / (sd + epsilon));
                ys[c] = scale.Span[c] * h[c] + shift.Span[c];
            }
        }
    }

    /// <inheritdoc/>
    public override void LayerNormAffineGradient(Tensor normalized, Tensor deviation, Tensor scale, float epsilon, Tensor dy, Tensor? dx, Tensor? dscale, Tensor? dshift)
    {
        int n = dy.Columns;
        var (scaleSums, shiftSums) = (new double[n], new double[n]);
        for (int r = 0; r < dy.Rows; r++)
        {
            Span<float> h = normalized.Span.Slice(r * n, n), g = dy.Span.Slice(r * n, n);
            double sum = 0, product = 0;
            for (int c = 0; c < n; c++)
            {
                double gs = (double)g[c] * scale.Span[c];
                sum += gs;
                product += gs * h[c];
                scaleSums[c] += (double)g[c] * h[c];
                shiftSums[c] += g[c];
            }
            if (dx is null) continue;
            // y depends on x through the centred value and through the sd, whose own gradient is (x - mean) / ((n - 1) sd).
            double sd = deviation.Span[r], inverse = 1 / (sd + epsilon);
            double throughSd = sd > 0 ? product * (sd + epsilon) / ((n - 1) * sd) : 0;
            for (int c = 0; c < n; c++) dx.Span[r * n + c] += (float)(inverse * (g[c] * scale.Span[c] - sum / n - h[c] * throughSd));
        }
        for (int c = 0; c < n; c++)
        {
            if (dscale is not null) dscale.Span[c] += (float)scaleSums[c];
            if (dshift is not null) dshift.Span[c] += (float)shiftSums[c];
        }
    }

    /// <inheritdoc/>
    public override void NormalizeRows(Tensor x, float epsilon, Tensor y, Tensor lengths)
    {
        int n = x.Columns;
        for (int r = 0; r < x.Rows; r++)
        {
            double squares = 0;
            foreach (float v in x.Span.Slice(r * n, n)) squares += (double)v * v;
            double length = Math.Sqrt(squares);
            lengths.Span[r] = (float)length;
            for (int i = r * n; i < (r + 1) * n; i++) y.Span[i] = (float)(x.Span[i] / Math.Max(length, epsilon));
        }
    }

    /// <inheritdoc/>
    public override void NormalizeRowsGradient(Tensor y, Tensor lengths, float epsilon, Tensor dy, Tensor dx)
    {
        int n = y.Columns;
        for (int r = 0; r < y.Rows; r++)
        {
            double length = lengths.Span[r], product = 0;
            if (length > epsilon)
                for (int i = r * n; i < (r + 1) * n; i++) product += (double)y.Span[i] * dy.Span[i];
            for (int i = r * n; i < (r + 1) * n; i++) dx.Span[i] += (float)((dy.Span[i] - y.Span[i] * product) / Math.Max(length, epsilon));
        }
    }

    /// <inheritdoc/>
    public override void SoftmaxRows(Tensor x, Tensor y)
    {
        for (int r = 0; r < x.Rows; r++) Softmax(x.Span[(r * x.Columns)..], y.Span[(r * x.Columns)..], x.Columns, 1);
    }

    /// <inheritdoc/>
    public override void SoftmaxRowsGradient(Tensor y, Tensor dy, Tensor dx)
    {
        for (int r = 0; r < y.Rows; r++) SoftmaxGradient(y.Span[(r * y.Columns)..], dy.Span[(r * y.Columns)..], dx.Span[(r * y.Columns)..], y.Columns, 1);
    }

    /// <inheritdoc/>
    public override void SoftmaxColumns(Tensor x, Tensor y)
    {
        for (int c = 0; c < x.Columns; c++) Softmax(x.Span[c..], y.Span[c..], x.Rows, x.Columns);
    }

    /// <inheritdoc/>
    public override void SoftmaxColumnsGradient(Tensor y, Tensor dy, Tensor dx)
    {
        for (int c = 0; c < y.Columns; c++) SoftmaxGradient(y.Span[c..], dy.Span[c..], dx.Span[c..], y.Rows, y.Columns);
    }

    /// <inheritdoc/>
    public override void LogSumExpRows(Tensor x, Tensor y)
    {
        for (int r = 0; r < x.Rows; r++)
        {
            var row = x.Span.Slice(r * x.Columns, x.Columns);
            double max = double.NegativeInfinity, sum = 0;
            foreach (float v in row) max = Math.Max(max, v);
            foreach (float v in row) sum += Math.Exp(v - max);
            y.Span[r] = (float)(max + Math.Log(sum));
        }
    }

    /// <inheritdoc/>
    public override void LogSumExpRowsGradient(Tensor x, Tensor y, Tensor dy, Tensor dx)
    {
        for (int i = 0; i < x.Length; i++)
        {
            int r = i / x.Columns;
            dx.Span[i] += (float)(dy.Span[r] * Math.Exp((double)x.Span[i] - y.Span[r]));
        }
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

    private static void Softmax(ReadOnlySpan<float> x, Span<float> y, int count, int stride)
    {
        double max = double.NegativeInfinity, sum = 0;
        for (int i = 0; i < count; i++) max = Math.Max(max, x[i * stride]);
        for (int i = 0; i < count; i++) sum += Math.Exp(x[i * stride] - max);
        for (int i = 0; i < count; i++) y[i * stride] = (float)(Math.Exp(x[i * stride] - max) / sum);
    }

    private static void SoftmaxGradient(ReadOnlySpan<float> y, ReadOnlySpan<float> dy, Span<float> dx, int count, int stride)
    {
        double product = 0;
        for (int i = 0; i < count; i++) product += (double)y[i * stride] * dy[i * stride];
        for (int i = 0; i < count; i++) dx[i * stride] += (float)(y[i * stride] * (dy[i * stride] - product));
    }

    private static (double Mean, double Squares) MeanAndSquares(ReadOnlySpan<float> x)
    {
        double mean = 0, squares = 0;
        foreach (float v in x) mean += v;
        mean /= x.Length;
        foreach (float v in x) squares += (v - mean) * (v - mean);
        return (mean, squares);
    }
}
