namespace Cellcast.Tensors.Kernels;

public static partial class Reference
{
    /// <inheritdoc cref="LayerNorm.Forward"/>
    public static void LayerNormForward(ReadOnlySpan<float> x, int rows, int columns, float epsilon, Span<float> y, Span<float> inverseSd)
    {
        for (int r = 0; r < rows; r++)
        {
            var line = x.Slice(r * columns, columns);
            var (mean, squares) = Moments(line);
            double inverse = 1 / Math.Sqrt(squares / columns + epsilon);
            if (!inverseSd.IsEmpty) inverseSd[r] = (float)inverse;
            for (int c = 0; c < columns; c++) y[r * columns + c] = (float)((line[c] - mean) * inverse);
        }
    }

    /// <inheritdoc cref="LayerNorm.Backward"/>
    public static void LayerNormBackward(ReadOnlySpan<float> y, ReadOnlySpan<float> inverseSd, ReadOnlySpan<float> dy, int rows, int columns, Span<float> dx, bool accumulate)
    {
        for (int r = 0; r < rows; r++)
        {
            double sum = 0, dot = 0;
            for (int c = r * columns; c < (r + 1) * columns; c++)
            {
                sum += dy[c];
                dot += (double)dy[c] * y[c];
            }
            for (int c = r * columns; c < (r + 1) * columns; c++)
                dx[c] = (accumulate ? dx[c] : 0f) + (float)(inverseSd[r] * (dy[c] - sum / columns - y[c] * dot / columns));
        }
    }

    /// <inheritdoc cref="LayerNorm.ForwardUnbiased"/>
    public static void LayerNormUnbiasedForward(ReadOnlySpan<float> x, int rows, int columns, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, float epsilon,
        Span<float> y, Span<float> mean, Span<float> sd)
    {
        for (int r = 0; r < rows; r++)
        {
            var line = x.Slice(r * columns, columns);
            var (m, squares) = Moments(line);
            double s = Math.Sqrt(squares / (columns - 1));
            if (!mean.IsEmpty) mean[r] = (float)m;
            if (!sd.IsEmpty) sd[r] = (float)s;
            for (int c = 0; c < columns; c++) y[r * columns + c] = (float)(scale[c] * (line[c] - m) / (s + epsilon) + shift[c]);
        }
    }

    /// <inheritdoc cref="LayerNorm.BackwardUnbiased"/>
    public static void LayerNormUnbiasedBackward(ReadOnlySpan<float> x, ReadOnlySpan<float> mean, ReadOnlySpan<float> sd, ReadOnlySpan<float> scale, float epsilon,
        ReadOnlySpan<float> dy, int rows, int columns, Span<float> dx, Span<float> dscale, Span<float> dshift, bool accumulate)
    {
        var scaleGradient = new double[columns];
        var shiftGradient = new double[columns];
        for (int r = 0; r < rows; r++)
        {
            double inverse = 1 / ((double)sd[r] + epsilon), sum = 0, dot = 0;
            for (int c = 0; c < columns; c++)
            {
                double centred = (double)x[r * columns + c] - mean[r], g = (double)dy[r * columns + c] * scale[c];
                sum += g;
                dot += g * centred;
                scaleGradient[c] += dy[r * columns + c] * centred * inverse;
                shiftGradient[c] += dy[r * columns + c];
            }
            if (dx.IsEmpty) continue;
            double k = sd[r] > 0 ? dot * inverse / (sd[r] * (columns - 1.0)) : 0;
            for (int c = 0; c < columns; c++)
            {
                int p = r * columns + c;
                double d = inverse * ((double)dy[p] * scale[c] - sum / columns - k * ((double)x[p] - mean[r]));
                dx[p] = (accumulate ? dx[p] : 0f) + (float)d;
            }
        }
        for (int c = 0; c < columns; c++)
        {
            if (!dscale.IsEmpty) dscale[c] = (accumulate ? dscale[c] : 0f) + (float)scaleGradient[c];
            if (!dshift.IsEmpty) dshift[c] = (accumulate ? dshift[c] : 0f) + (float)shiftGradient[c];
        }
    }

    private static (double Mean, double SquaredDeviations) Moments(ReadOnlySpan<float> line)
    {
        double mean = 0, squares = 0;
        foreach (float v in line) mean += v;
        mean /= line.Length;
        foreach (float v in line) squares += (v - mean) * (v - mean);
        return (mean, squares);
    }
}
