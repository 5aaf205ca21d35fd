using Cellcast.Analysis.Embedding;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Analysis.Tests.Embeddings;

public class WhiteningTests
{
    [Fact]
    public void Scatter_of_any_kind_becomes_the_same_in_all_directions() => Prop.ForAll(Gen.Choose(1, 12).Two().ToArbitrary(), size =>
    {
        var (d, seed) = size;
        double[] s = Scatter(d, 3 * d, seed);
        double[] m = Whitening.InverseRoot(s, d, 1e-12)!, after = Product(Product(m, s, d), m, d);
        for (int i = 0; i < d; i++)
            for (int j = 0; j < d; j++)
            {
                Assert.Equal(m[i * d + j], m[j * d + i]);
                Assert.Equal(i == j ? 1 : 0, after[i * d + j], 1e-6);
            }
    }).CheckOnRandomCases();

    [Fact]
    public void A_direction_without_scatter_is_lengthened_as_the_ridge_says_and_no_further()
    {
        double[] m = Whitening.InverseRoot([4, 0, 0, 0], 2, 0.25)!;
        Assert.Equal(1 / Math.Sqrt(4 + 0.25 * 2), m[0], 1e-12);
        Assert.Equal(1 / Math.Sqrt(0.25 * 2), m[3], 1e-12);
        Assert.Equal(0, m[1], 1e-12);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Nothing_is_made_of_no_scatter(double value) => Assert.Null(Whitening.InverseRoot([value, 0, 0, value], 2, 0.1));

    private static double[] Scatter(int d, int rows, int seed)
    {
        var random = new System.Random(seed);
        double[] x = [.. Enumerable.Range(0, rows * d).Select(i => (1 + i % d) * (random.NextDouble() - 0.5))], s = new double[d * d];
        for (int r = 0; r < rows; r++)
            for (int i = 0; i < d; i++)
                for (int j = 0; j < d; j++) s[i * d + j] += x[r * d + i] * x[r * d + j] / rows;
        return s;
    }

    private static double[] Product(double[] a, double[] b, int d)
    {
        var c = new double[d * d];
        for (int i = 0; i < d; i++)
            for (int k = 0; k < d; k++)
                for (int j = 0; j < d; j++) c[i * d + j] += a[i * d + k] * b[k * d + j];
        return c;
    }
}
