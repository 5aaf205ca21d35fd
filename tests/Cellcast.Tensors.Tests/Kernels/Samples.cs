namespace Cellcast.Tensors.Tests.Kernels;

/// <summary>Reproducible inputs and comparisons for kernel tests.</summary>
internal static class Samples
{
    public static float[] Uniform(int seed, int count, double low = -1, double high = 1)
    {
        var random = new System.Random(seed);
        var x = new float[count];
        for (int i = 0; i < count; i++) x[i] = (float)(low + (high - low) * random.NextDouble());
        return x;
    }

    /// <summary>Norm of the difference over norm of the expected values.</summary>
    public static double RelativeDistance(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        Assert.Equal(expected.Length, actual.Length);
        double difference = 0, norm = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            difference += Math.Pow((double)actual[i] - expected[i], 2);
            norm += Math.Pow(expected[i], 2);
        }
        return norm == 0 ? Math.Sqrt(difference) : Math.Sqrt(difference / norm);
    }

    /// <summary>Bits as integers, so that NaN and the sign of zero count too.</summary>
    public static int[] Bits(ReadOnlySpan<float> x)
    {
        var bits = new int[x.Length];
        for (int i = 0; i < x.Length; i++) bits[i] = BitConverter.SingleToInt32Bits(x[i]);
        return bits;
    }
}
