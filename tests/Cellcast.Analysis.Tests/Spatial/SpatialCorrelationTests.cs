using Cellcast.Analysis.Spatial;
using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Tests.Spatial;

public class SpatialCorrelationTests
{
    private const int Side = 18, Spots = Side * Side;
    private static readonly RandomKey s_key = RandomKey.From(8, "spatial correlation tests");
    private static readonly DenseMatrix s_hexagons = new(Spots, 2, Enumerable.Range(0, Spots).SelectMany(i => new[] { 100 * (i % Side + 0.5f * (i / Side % 2)), 86.6f * (i / Side) }).ToArray());

    /// <summary>White noise averaged over discs, with a little of each spot's own.</summary>
    private static double[] Field(RandomKey key, double radius)
    {
        var random = new RandomStream(key);
        const int margin = 6, wide = Side + 2 * margin;
        double[] noise = [.. Enumerable.Range(0, wide * wide).Select(_ => random.NextNormal())], field = new double[Spots];
        for (int i = 0; i < Spots; i++)
        {
            double sum = 0;
            int count = 0, x = i % Side + margin, y = i / Side + margin, reach = (int)radius;
            for (int dy = -reach; dy <= reach; dy++)
                for (int dx = -reach; dx <= reach; dx++)
                    if (dx * dx + dy * dy <= radius * radius)
                    {
                        sum += noise[(y + dy) * wide + x + dx];
                        count++;
                    }
            field[i] = sum / Math.Sqrt(count) + 0.3 * random.NextNormal();
        }
        return field;
    }

    [Theory, InlineData(0, 0.03, 0.075), InlineData(2, 0.3, 0.7), InlineData(5, 0.5, 0.9)]
    public void P_values_of_independent_patterns_hold_their_level_where_ordinary_ones_do_not(double radius, double ordinaryLeast, double ordinaryMost)
    {
        const int fields = 400;
        SpatialCorrelation spots = SpatialCorrelation.Build(s_hexagons);
        double[] corrected = new double[fields], ordinary = new double[fields], effective = new double[fields];
        for (int i = 0; i < fields; i++)
        {
            double[] a = Field(s_key.Split($"a {radius}").Split(i), radius), b = Field(s_key.Split($"b {radius}").Split(i), radius);
            SpatialCorrelationTest t = spots.Test(a, [.. b.Select(v => (float)v)], 1, 1)[0];
            CorrelationTest plain = Correlation.Pearson(a, b);
            Assert.Equal(plain.Coefficient, t.Coefficient, 1e-5);
            (corrected[i], ordinary[i], effective[i]) = (t.PValue, plain.PValue, t.EffectiveSpots);
        }
        Assert.InRange(ordinary.Count(p => p <= 0.05) / (double)fields, ordinaryLeast, ordinaryMost);
        // Binomial standard deviation 0.011.
        Assert.InRange(corrected.Count(p => p <= 0.05) / (double)fields, 0.01, 0.08);
        Assert.InRange(corrected.Count(p => p <= 0.2) / (double)fields, 0.12, 0.26);
        Assert.All(effective, e => Assert.InRange(e, 1, Spots));
        if (radius == 0) Assert.True(effective.Average() > 0.9 * Spots);
    }

    [Fact]
    public void A_gene_that_follows_the_pattern_is_found_whatever_the_patches()
    {
        SpatialCorrelation spots = SpatialCorrelation.Build(s_hexagons);
        double[] a = Field(s_key.Split("found"), 3), b = Field(s_key.Split("other"), 3);
        SpatialCorrelationTest t = spots.Test(a, [.. a.Zip(b, (x, y) => (float)(2 * x + y))], 1)[0];
        Assert.True(t.Coefficient > 0.8 && t.PValue < 1e-6, $"{t}");
        Assert.True(t.EffectiveSpots < 0.5 * Spots);
    }

    [Fact]
    public void The_variance_is_the_plain_sum_over_classes_of_distance()
    {
        // Spots on a line, one apart: with eight of them every distance up to 6 is a class of its own.
        var line = new DenseMatrix(8, 1, Enumerable.Range(0, 8).Select(i => (float)i).ToArray());
        double[] x = [0.1, 1.2, 0.9, 2.2, 1.0, -0.5, -1.1, 0.3], y = [1.0, 0.2, 0.7, 1.9, 2.4, 0.3, -0.9, -0.2];
        SpatialCorrelationTest t = SpatialCorrelation.Build(line).Test(x, [.. y.Select(v => (float)v)], 1)[0];
        double[] Centered(double[] v) => [.. v.Select(e => e - v.Average())];
        double[] a = Centered(x), b = Centered(y);
        double sum = 0;
        foreach (var lags in (int[][])[[0], [1], [2], [3], [4], [5], [6], [7]])
        {
            var pairs = (from i in Enumerable.Range(0, 8) from j in Enumerable.Range(0, 8) where lags.Contains(Math.Abs(i - j)) select (i, j)).ToArray();
            sum += pairs.Length * pairs.Average(p => a[p.i] * a[p.j]) * pairs.Average(p => b[p.i] * b[p.j]);
        }
        double variance = sum / 64 / (a.Average(v => v * v) * b.Average(v => v * v));
        Assert.Equal(1 + 1 / Math.Max(variance, 1.0 / 7), t.EffectiveSpots, 1e-4);
    }

    [Fact]
    public void More_spots_than_pairs_are_kept_of_give_the_same_bits()
    {
        // More spots than rows and than a block of either.
        const int n = 2300, genes = 3;
        var random = new RandomStream(s_key.Split("many"));
        float[] x = [.. Enumerable.Range(0, 2 * n).Select(_ => (float)(100 * random.NextUniform()))], others = [.. Enumerable.Range(0, n * genes).Select(i => (float)(random.NextNormal() + Math.Sin(x[i / genes * 2] / (5 + i % genes))))];
        double[] value = [.. Enumerable.Range(0, n).Select(i => Math.Sin(x[2 * i] / 6.0) + random.NextNormal())];
        SpatialCorrelation kept = SpatialCorrelation.Build(new DenseMatrix(n, 2, x)), found = SpatialCorrelation.Build(new DenseMatrix(n, 2, x), 2, mostKept: 0);
        Assert.Equal(kept.Classes, found.Classes);
        SpatialCorrelationTest[] tests = kept.Test(value, others, genes);
        Assert.Equal(tests, found.Test(value, others, genes, 2));
        // Nor does it matter whether all genes lie in memory: they are asked for in small tiles, each value once.
        int asked = 0, largest = 0;
        Assert.Equal(tests, found.Test(value, genes, (firstSpot, spots, first, width, tile) =>
        {
            Interlocked.Add(ref asked, tile.Length);
            largest = Math.Max(largest, tile.Length);
            for (int i = 0; i < spots; i++)
                for (int g = 0; g < width; g++) tile[i * width + g] = others[(firstSpot + i) * genes + first + g];
        }));
        Assert.Equal(n * genes, asked);
        Assert.True(largest <= 1024 * 64);
        Assert.All(tests, t => Assert.InRange(t.EffectiveSpots, 20, n / 2.0));
    }

    [Fact]
    public void Neither_threads_nor_the_other_genes_change_a_bit_and_what_does_not_vary_has_no_p()
    {
        SpatialCorrelation spots = SpatialCorrelation.Build(s_hexagons, 1);
        double[] value = Field(s_key.Split("bits"), 2);
        const int genes = 130;
        var many = new float[Spots * genes];
        for (int g = 0; g < genes; g++)
        {
            double[] f = g == 7 ? new double[Spots] : Field(s_key.Split("gene").Split(g), g % 4);
            for (int i = 0; i < Spots; i++) many[i * genes + g] = (float)f[i];
        }
        SpatialCorrelationTest[] one = spots.Test(value, many, genes, 1), three = SpatialCorrelation.Build(s_hexagons, 3).Test(value, many, genes, 3);
        Assert.Equal(one, three);
        Assert.True(double.IsNaN(one[7].PValue));
        Assert.Equal(one[100], spots.Test(value, [.. Enumerable.Range(0, Spots).SelectMany(i => Enumerable.Range(0, 64).Select(g => many[i * genes + 100]))], 64)[3]);
        Assert.Throws<InputException>(() => SpatialCorrelation.Build(new DenseMatrix(5, 2, new float[10])));
        Assert.Throws<InputException>(() => SpatialCorrelation.Build(new DenseMatrix(2, 2, new float[4])));
    }
}
