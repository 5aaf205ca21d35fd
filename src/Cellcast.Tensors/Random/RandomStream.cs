using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Random;

/// <summary>Random numbers one after the other under one key: for drawings whose number is not known beforehand. Not for several threads at once; give every item of
/// parallel work a stream under a key of its own.</summary>
/// <param name="key">Names the sequence.</param>
public sealed class RandomStream(RandomKey key)
{
    private readonly uint[] _words = new uint[Philox.GroupWords];
    private ulong _group;
    private int _next = Philox.GroupWords;

    /// <summary>32 random bits.</summary>
    public uint NextBits()
    {
        if (_next == _words.Length)
        {
            Philox.Fill(key, _group++, _words);
            _next = 0;
        }
        return _words[_next++];
    }

    /// <summary>Uniform on [0, 1), with 53 random bits.</summary>
    public double NextUniform()
    {
        ulong high = NextBits() >> 5, low = NextBits() >> 6;
        return ((high << 26) | low) * (1.0 / (1L << 53));
    }

    /// <summary>Uniform on 0, 1, ..., bound - 1, without bias (Lemire 2019).</summary>
    /// <param name="bound">At least 1.</param>
    public int NextInt32(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        ulong product = (ulong)NextBits() * (uint)bound;
        if ((uint)product < (uint)bound)
        {
            uint threshold = (uint)(-(uint)bound) % (uint)bound;
            while ((uint)product < threshold) product = (ulong)NextBits() * (uint)bound;
        }
        return (int)(product >> 32);
    }

    /// <summary>Puts the items into random order, every order equally likely (Fisher and Yates).</summary>
    /// <param name="items">Reordered in place.</param>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = NextInt32(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    /// <summary>The numbers 0, 1, ..., count - 1 in random order.</summary>
    /// <param name="count">How many.</param>
    public int[] NextPermutation(int count)
    {
        int[] order = new int[count];
        for (int i = 0; i < count; i++) order[i] = i;
        Shuffle<int>(order);
        return order;
    }

    /// <summary>Standard normal (Marsaglia's polar method).</summary>
    public double NextNormal()
    {
        while (true)
        {
            double x = 2 * NextUniform() - 1, y = 2 * NextUniform() - 1, s = x * x + y * y;
            if (s is > 0 and < 1) return x * Math.Sqrt(-2 * Math.Log(s) / s);
        }
    }

    /// <summary>Exponential with mean 1.</summary>
    public double NextExponential() => -Math.Log(1 - NextUniform());

    /// <summary>Gamma with a shape and scale 1 (Marsaglia and Tsang 2000).</summary>
    /// <param name="shape">Positive.</param>
    public double NextGamma(double shape)
    {
        if (!(shape > 0) || double.IsInfinity(shape)) throw new ArgumentOutOfRangeException(nameof(shape), shape, "a shape is positive");
        if (shape < 1)
        {
            // Gamma(a) is Gamma(a + 1) U^(1/a).
            double larger = NextGamma(shape + 1);
            return larger * Math.Exp(Math.Log(1 - NextUniform()) / shape);
        }
        double d = shape - 1.0 / 3, c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = NextNormal(), v = 1 + c * x;
            if (v <= 0) continue;
            v = v * v * v;
            if (Math.Log(1 - NextUniform()) < 0.5 * x * x + d - d * v + d * Math.Log(v)) return d * v;
        }
    }

    /// <summary>Poisson (below a mean of 10 by inversion, above by the transformed rejection of Hörmann 1993, PTRS).</summary>
    /// <param name="mean">Not negative, at most 1e15.</param>
    public long NextPoisson(double mean)
    {
        if (!(mean >= 0 && mean <= 1e15)) throw new ArgumentOutOfRangeException(nameof(mean), mean, "a Poisson mean lies between 0 and 1e15");
        if (mean < 10)
        {
            double probability = Math.Exp(-mean), u = NextUniform();
            long k = 0;
            while (u >= probability && probability > 0)
            {
                u -= probability;
                probability *= mean / ++k;
            }
            return k;
        }
        double b = 0.931 + 2.53 * Math.Sqrt(mean), a = -0.059 + 0.02483 * b, inverseAlpha = 1.1239 + 1.1328 / (b - 3.4), vr = 0.9277 - 3.6224 / (b - 2), logMean = Math.Log(mean);
        while (true)
        {
            double u = NextUniform() - 0.5, v = 1 - NextUniform(), us = 0.5 - Math.Abs(u);
            double k = Math.Floor((2 * a / us + b) * u + mean + 0.43);
            if (us >= 0.07 && v <= vr) return (long)k;
            if (k < 0 || (us < 0.013 && v > us)) continue;
            if (Math.Log(v * inverseAlpha / (a / (us * us) + b)) <= k * logMean - mean - Reference.LogGamma(k + 1)) return (long)k;
        }
    }

    /// <summary>Binomial (below n p = 10 by inversion, above by the transformed rejection of Hörmann 1993, BTRS).</summary>
    /// <param name="trials">Not negative.</param>
    /// <param name="probability">Of success, from 0 to 1.</param>
    public long NextBinomial(long trials, double probability)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(trials);
        if (!(probability >= 0 && probability <= 1)) throw new ArgumentOutOfRangeException(nameof(probability), probability, "a probability lies between 0 and 1");
        if (probability > 0.5) return trials - NextBinomial(trials, 1 - probability);
        if (trials == 0 || probability == 0) return 0;
        double n = trials, p = probability, q = 1 - p;
        if (n * p < 10)
        {
            double mass = Math.Exp(n * Reference.LogOnePlus(-p)), u = NextUniform(), odds = p / q;
            long successes = 0;
            while (u >= mass && successes < trials)
            {
                u -= mass;
                successes++;
                mass *= odds * (n - successes + 1) / successes;
            }
            return successes;
        }
        double sd = Math.Sqrt(n * p * q), b = 1.15 + 2.53 * sd, a = -0.0873 + 0.0248 * b + 0.01 * p, c = n * p + 0.5, vr = 0.92 - 4.2 / b;
        double alpha = (2.83 + 5.1 / b) * sd, logOdds = Math.Log(p / q), mode = Math.Floor((n + 1) * p), h = Reference.LogGamma(mode + 1) + Reference.LogGamma(n - mode + 1);
        while (true)
        {
            double u = NextUniform() - 0.5, v = 1 - NextUniform(), us = 0.5 - Math.Abs(u);
            double k = Math.Floor((2 * a / us + b) * u + c);
            if (k < 0 || k > n) continue;
            if (us >= 0.07 && v <= vr) return (long)k;
            if (Math.Log(v * alpha / (a / (us * us) + b)) <= h - Reference.LogGamma(k + 1) - Reference.LogGamma(n - k + 1) + (k - mode) * logOdds) return (long)k;
        }
    }

    /// <summary>Negative binomial with a mean and a total count (inverse dispersion): Poisson with a gamma mean; the variance is mean + mean^2 / total count.</summary>
    /// <param name="mean">Not negative.</param>
    /// <param name="totalCount">Positive.</param>
    public long NextNegativeBinomial(double mean, double totalCount) => mean == 0 ? 0 : NextPoisson(NextGamma(totalCount) * (mean / totalCount));
}
