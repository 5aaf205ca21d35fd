namespace Cellcast.Tensors.Kernels;

public static partial class Reference
{
    /// <summary>Softmax over the <paramref name="count"/> elements that begin at <paramref name="start"/> and lie <paramref name="step"/> apart.</summary>
    public static void SoftmaxLine(ReadOnlySpan<float> x, Span<float> y, int start, int step, int count)
    {
        // Not exp(x - logsumexp): beside a huge maximum the logarithm of the sum would be rounded away.
        double max = double.NegativeInfinity, s = 0;
        for (int i = 0; i < count; i++) max = Math.Max(max, x[start + i * step]);
        for (int i = 0; i < count; i++) s += Math.Exp(x[start + i * step] - max);
        for (int i = 0; i < count; i++) y[start + i * step] = (float)(Math.Exp(x[start + i * step] - max) / s);
    }

    /// <summary>Gradient of <see cref="SoftmaxLine"/>.</summary>
    public static void SoftmaxLineBackward(ReadOnlySpan<float> y, ReadOnlySpan<float> dy, Span<float> dx, int start, int step, int count, bool accumulate)
    {
        double dot = 0;
        for (int i = 0; i < count; i++) dot += (double)y[start + i * step] * dy[start + i * step];
        for (int i = 0; i < count; i++)
        {
            int p = start + i * step;
            dx[p] = (accumulate ? dx[p] : 0f) + (float)(y[p] * (dy[p] - dot));
        }
    }

    /// <summary>log sum exp over the elements that begin at <paramref name="start"/> and lie <paramref name="step"/> apart.</summary>
    public static double LogSumExpLine(ReadOnlySpan<float> x, int start, int step, int count)
    {
        double max = double.NegativeInfinity, s = 0;
        for (int i = 0; i < count; i++) max = Math.Max(max, x[start + i * step]);
        if (double.IsInfinity(max)) return max;
        for (int i = 0; i < count; i++) s += Math.Exp(x[start + i * step] - max);
        return max + Math.Log(s);
    }
}
