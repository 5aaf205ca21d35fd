namespace Cellcast.Tensors.Random;

/// <summary>Fills memory with random numbers; number i depends on the key and i only.</summary>
public static class RandomFill
{
    /// <summary>Uniform on [low, high), with 24 random bits.</summary>
    /// <param name="key">Names the numbers.</param>
    /// <param name="values">Filled.</param>
    /// <param name="low">Smallest value.</param>
    /// <param name="high">Bound above.</param>
    public static void Uniform(RandomKey key, Span<float> values, float low = 0, float high = 1)
    {
        for (int i = 0; i < values.Length; i++) values[i] = low + (high - low) * ((key.Bits(i) >> 8) * (1f / (1 << 24)));
    }

    /// <summary>Standard normal.</summary>
    /// <param name="key">Names the numbers.</param>
    /// <param name="values">Filled.</param>
    public static void Normal(RandomKey key, Span<float> values)
    {
        for (int i = 0; i < values.Length; i += 2)
        {
            double radius = Math.Sqrt(-2 * Math.Log((key.Bits(i) + 1.0) / 4294967296.0)), angle = 2 * Math.PI * (key.Bits(i + 1) / 4294967296.0);
            values[i] = (float)(radius * Math.Cos(angle));
            if (i + 1 < values.Length) values[i + 1] = (float)(radius * Math.Sin(angle));
        }
    }
}
