using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Tensors.Tests.Random;

public sealed class RandomTests
{
    // Known answers published with the generator (Random123, kat_vectors, philox4x32 10).
    [Theory]
    [InlineData(0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x00000000u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdcceb, 0x5001e420u, 0x24126ea1u)]
    public void Philox_gives_the_published_answers(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint r0, uint r1, uint r2, uint r3) =>
        Assert.Equal((r0, r1, r2, r3), Philox.Block(c0, c1, c2, c3, k0, k1));

    [Fact]
    public void Keys_with_any_difference_give_different_numbers()
    {
        var root = RandomKey.From(1, "a");
        RandomKey[] keys = [root, RandomKey.From(2, "a"), RandomKey.From(-1, "a"), RandomKey.From(1, "b"), RandomKey.From(1, ""), RandomKey.From(1, "a\0"), RandomKey.From(1, "aaaaaaaaa"), root.Split(0), root.Split(1), root.Split(-1),
            root.Split("0"), root.Split("1"), root.Split(0).Split(1), root.Split(1).Split(0), root.Split(""), root.Split(1L << 32)];
        Assert.Equal(keys.Length, keys.Distinct().Count());
        Assert.Equal(keys.Length, keys.Select(k => (k.Bits(0), k.Bits(1))).Distinct().Count());
        Assert.Equal(root.Split("x").Bits(5), RandomKey.From(1, "a").Split("x").Bits(5));
    }

    [Fact]
    public void A_number_depends_on_its_position_only_whatever_the_threads_and_the_length()
    {
        var key = RandomKey.From(9, "fill");
        float[] normal = new float[100_003], uniform = new float[100_003], dropped = new float[100_003], ones = new float[100_003];
        Array.Fill(ones, 1);
        RandomFill.Normal(key, normal);
        RandomFill.Uniform(key, uniform, -2, 3);
        RandomFill.Dropout(null, key, 0.25f, ones, dropped, accumulate: false);
        foreach (int threads in new[] { 2, 3 })
        {
            using var workers = new Workers(threads);
            foreach (int length in new[] { 1, 15, 16, 17, 63, 64, 65, 1000, 33_000, 100_003 })
            {
                float[] part = new float[length];
                RandomFill.Normal(key, part, workers);
                Assert.Equal(normal[..length], part);
                RandomFill.Uniform(key, part, -2, 3, workers);
                Assert.Equal(uniform[..length], part);
                RandomFill.Dropout(workers, key, 0.25f, ones.AsSpan(0, length), part, accumulate: false);
                Assert.Equal(dropped[..length], part);
            }
        }
        for (int i = 0; i < 300; i++) Assert.Equal(-2 + 5f * ((key.Bits(i) >> 8) * (1f / (1 << 24))), uniform[i], 1e-6f);
        for (int i = 0; i < 300; i++) Assert.Equal(key.Bits(i) >= 1u << 30 ? 4 / 3f : 0, dropped[i]);
    }

    [Fact]
    public void The_numbers_are_the_same_on_every_machine_and_in_every_version()
    {
        // A seed in a publication must mean the same numbers for good: these are pinned, and checked at every instruction-set level.
        var key = RandomKey.From(20260101, "pinned").Split("part").Split(3);
        float[] x = new float[5000];
        RandomFill.Normal(key, x);
        uint normal = HashOf(x);
        RandomFill.Uniform(key, x, -0.1f, 0.1f);
        Assert.Equal("546547100 2942460663 604523781", $"{normal} {HashOf(x)} {string.Concat(new RandomStream(key).NextPermutation(9))}");
        static uint HashOf(float[] values) => values.Aggregate(2166136261u, (hash, v) => (hash ^ BitConverter.SingleToUInt32Bits(v)) * 16777619u);
    }

    [Fact]
    public void Normals_are_the_transform_of_the_words_to_a_millionth()
    {
        var key = RandomKey.From(4, "normal");
        float[] x = new float[64 * 2000];
        RandomFill.Normal(key, x);
        for (int g = 0; g < x.Length; g += 64)
            for (int i = 0; i < 64; i++)
            {
                if (i % 32 >= 16) continue;
                double radius = Math.Sqrt(-2 * Math.Log(Math.Max((float)(key.Bits(g + i) >> 1), 0.5f) / 2147483648.0));
                uint angle = key.Bits(g + i + 16);
                double turn = ((angle >> 30) + ((angle & 0x3FFFFFFF) - (double)(1 << 29)) / (1 << 30)) * Math.PI / 2;
                Assert.True(Math.Abs(x[g + i] - radius * Math.Cos(turn)) <= 1e-6 * radius + 1e-12 && Math.Abs(x[g + i + 16] - radius * Math.Sin(turn)) <= 1e-6 * radius + 1e-12, $"word {g + i}");
            }
    }

    [Fact]
    public void Normals_and_uniforms_have_the_right_distribution()
    {
        float[] x = new float[1 << 20];
        RandomFill.Normal(RandomKey.From(1, "moments"), x);
        RequireMoments(x.Select(v => (double)v), 0, 1, "normal");
        Assert.InRange(x.Average(v => Math.Pow(v, 4)), 2.96, 3.04);
        Array.Sort(x);
        Assert.True(KolmogorovDistance(x, v => 0.5 * (1 + Reference.Erf(v / Math.Sqrt(2)))) < 1.95 / 1024);
        RandomFill.Uniform(RandomKey.From(1, "moments"), x, -1, 3);
        RequireMoments(x.Select(v => (double)v), 1, 16 / 12.0, "uniform");
        Array.Sort(x);
        Assert.InRange(x[0], -1, -0.9999f);
        Assert.InRange(x[^1], 2.9999f, 3);
        Assert.True(KolmogorovDistance(x, v => (v + 1) / 4) < 1.95 / 1024);
        Assert.InRange(x.Zip(x.Skip(1)).Count(p => p.First == p.Second), 20_000, 45_000); // 24 bits: about n^2 / 2^25 pairs
    }

    [Fact]
    public void Bounded_integers_stay_in_bounds_and_are_even() =>
        Prop.ForAll(Gen.Choose(1, int.MaxValue).ToArbitrary(), ArbMap.Default.ArbFor<int>(), (bound, seed) =>
        {
            var stream = new RandomStream(RandomKey.From(seed, "bounded"));
            return Enumerable.Range(0, 100).All(_ => stream.NextInt32(bound) is var v && v >= 0 && v < bound);
        }).CheckOnRandomCases();

    [Fact]
    public void Large_bounds_show_no_bias()
    {
        // Taking 32 bits modulo 3 * 2^29 would hit the lower third of the range twice as often.
        var stream = new RandomStream(RandomKey.From(2, "bias"));
        int[] thirds = new int[3];
        for (int i = 0; i < 300_000; i++) thirds[stream.NextInt32(3 << 29) >> 29]++;
        Assert.All(thirds, t => Assert.InRange(t, 98_500, 101_500));
    }

    [Fact]
    public void Permutations_hold_every_item_once() =>
        Prop.ForAll(Gen.Choose(0, 300).ToArbitrary(), ArbMap.Default.ArbFor<int>(), (count, seed) =>
            new RandomStream(RandomKey.From(seed, "permutation")).NextPermutation(count).Order().SequenceEqual(Enumerable.Range(0, count))).CheckOnRandomCases();

    [Fact]
    public void Every_permutation_is_equally_likely()
    {
        var stream = new RandomStream(RandomKey.From(5, "permutation"));
        var counts = new Dictionary<string, int>();
        for (int i = 0; i < 24_000; i++)
        {
            string order = string.Concat(stream.NextPermutation(4));
            counts[order] = counts.GetValueOrDefault(order) + 1;
        }
        Assert.Equal(24, counts.Count);
        double chiSquare = counts.Values.Sum(c => (c - 1000.0) * (c - 1000.0) / 1000);
        Assert.InRange(chiSquare, 5, 56); // 23 degrees of freedom: 1e-4 quantiles
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.7)]
    [InlineData(1)]
    [InlineData(3.5)]
    [InlineData(200)]
    public void Gamma_has_its_moments(double shape) => RequireMoments(Draw(s => s.NextGamma(shape)), shape, shape, $"gamma {shape}");

    [Theory]
    [InlineData(0)]
    [InlineData(0.3)]
    [InlineData(9.9)]
    [InlineData(10)]
    [InlineData(47.5)]
    [InlineData(1e6)]
    public void Poisson_has_its_moments(double mean) => RequireMoments(Draw(s => s.NextPoisson(mean)), mean, mean, $"Poisson {mean}");

    [Theory]
    [InlineData(3.7)]
    [InlineData(12)]
    [InlineData(80)]
    public void Poisson_has_its_probabilities(double mean) =>
        RequireProbabilities(Draw(s => s.NextPoisson(mean)), k => k * Math.Log(mean) - mean - Reference.LogGamma(k + 1));

    [Theory]
    [InlineData(0, 0.5)]
    [InlineData(10, 0)]
    [InlineData(10, 1)]
    [InlineData(20, 0.3)]
    [InlineData(1000, 0.004)]
    [InlineData(1000, 0.4)]
    [InlineData(1000, 0.93)]
    [InlineData(2_000_000_000, 0.25)]
    public void Binomial_has_its_moments(long n, double p) => RequireMoments(Draw(s => s.NextBinomial(n, p)), n * p, n * p * (1 - p), $"binomial {n} {p}");

    [Theory]
    [InlineData(30, 0.2)]
    [InlineData(60, 0.4)]
    [InlineData(300, 0.9)]
    public void Binomial_has_its_probabilities(long n, double p) =>
        RequireProbabilities(Draw(s => s.NextBinomial(n, p)), k => Reference.LogGamma(n + 1) - Reference.LogGamma(k + 1) - Reference.LogGamma(n - k + 1) + k * Math.Log(p) + (n - k) * Math.Log(1 - p));

    [Theory]
    [InlineData(0, 1)]
    [InlineData(4, 0.5)]
    [InlineData(100, 10)]
    public void Negative_binomial_has_its_moments(double mean, double totalCount) =>
        RequireMoments(Draw(s => s.NextNegativeBinomial(mean, totalCount)), mean, mean + mean * mean / totalCount, $"negative binomial {mean} {totalCount}");

    [Fact]
    public void Impossible_parameters_are_refused()
    {
        var stream = new RandomStream(RandomKey.From(1, "bad"));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.NextInt32(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.NextGamma(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.NextGamma(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.NextPoisson(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.NextBinomial(3, 1.1));
    }

    private const int Draws = 200_000;

    private static double[] Draw(Func<RandomStream, double> next)
    {
        var stream = new RandomStream(RandomKey.From(11, "draws"));
        double[] x = new double[Draws];
        for (int i = 0; i < x.Length; i++) x[i] = next(stream);
        return x;
    }

    /// <summary>Mean and variance within five of their standard errors, the latter estimated from the sample.</summary>
    private static void RequireMoments(IEnumerable<double> sample, double mean, double variance, string what)
    {
        double[] x = [.. sample];
        double m = x.Average(), v = x.Average(a => (a - m) * (a - m)), fourth = x.Average(a => Math.Pow(a - m, 4));
        Assert.True(Math.Abs(m - mean) <= 5 * Math.Sqrt(variance / x.Length), $"{what}: mean {m}, not {mean}");
        Assert.True(Math.Abs(v - variance) <= 5 * Math.Sqrt(Math.Max(0, fourth - v * v) / x.Length) + 1e-12, $"{what}: variance {v}, not {variance}");
    }

    private static void RequireProbabilities(double[] sample, Func<double, double> logProbability)
    {
        double chiSquare = 0;
        int cells = 0;
        foreach (var group in sample.GroupBy(k => k))
        {
            double expected = sample.Length * Math.Exp(logProbability(group.Key));
            if (expected < 20) continue;
            chiSquare += (group.Count() - expected) * (group.Count() - expected) / expected;
            cells++;
        }
        Assert.True(cells > 5 && chiSquare < cells + 5 * Math.Sqrt(2 * cells), $"chi square {chiSquare:f1} on {cells} values");
    }

    private static double KolmogorovDistance(float[] sorted, Func<double, double> cdf)
    {
        double largest = 0;
        for (int i = 0; i < sorted.Length; i++) largest = Math.Max(largest, Math.Abs(cdf(sorted[i]) - (i + 0.5) / sorted.Length));
        return largest;
    }
}
