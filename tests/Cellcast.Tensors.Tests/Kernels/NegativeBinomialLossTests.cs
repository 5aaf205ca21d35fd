using Cellcast.TestSupport;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Tests.Kernels;

public class NegativeBinomialLossTests
{
    private static (float[] Mean, float[] Theta, float[] Counts) Make(int samples, int genes, double largest)
    {
        var random = new System.Random(samples + genes);
        float[] theta = new float[genes], mean = new float[samples * genes], counts = new float[samples * genes];
        for (int g = 0; g < genes; g++) theta[g] = (float)Math.Pow(10, -6 + 12 * random.NextDouble());
        for (int i = 0; i < counts.Length; i++)
        {
            mean[i] = i % 50 == 0 ? 0 : (float)Math.Pow(10, -4 + (Math.Log10(largest) + 4) * random.NextDouble());
            // Near the mean as data are, far from it as untrained models are, and zero.
            counts[i] = (i % 5) switch { 0 => 0, 1 or 2 => MathF.Floor(mean[i] * (float)(0.5 + random.NextDouble())), 3 => MathF.Floor((float)(largest * random.NextDouble())), _ => 1 };
        }
        return (mean, theta, counts);
    }

    [Theory]
    [InlineData(1, 1, 10)]
    [InlineData(7, 15, 1000)]
    [InlineData(40, 128, 1e6)]
    [InlineData(33, 333, 1e7)]
    public void Equals_the_reference(int samples, int genes, double largest)
    {
        var (mean, theta, counts) = Make(samples, genes, largest);
        float[] dm = new float[mean.Length], dt = new float[genes], dm0 = new float[mean.Length], dt0 = new float[genes];
        double constant = NegativeBinomialLoss.Constant(counts);
        double expected = Reference.NegativeBinomial(mean, theta, counts, samples, genes, constant, dm0, dt0);
        using var workers = new Workers(2);
        double actual = NegativeBinomialLoss.Evaluate(workers, mean, theta, counts, samples, genes, constant, dm, dt);
        Assert.Equal(expected, actual, Math.Abs(expected) * 2e-6 + 1e-5);
        for (int i = 0; i < dm.Length; i++) Assert.True(Math.Abs(dm[i] - dm0[i]) <= 2e-6 * Math.Abs(dm0[i]) + 1e-35, $"mean {mean[i]} theta {theta[i % genes]} x {counts[i]}: {dm[i]} instead of {dm0[i]}");
        for (int g = 0; g < genes; g++)
        {
            // Each term is the difference of a logarithm and a ratio; the bound is on the sum of what is subtracted.
            double scale = 0;
            for (int s = 0; s < samples; s++)
            {
                double x = counts[s * genes + g], mu = mean[s * genes + g] + 1e-10, d = theta[g] + 1e-10;
                scale += Math.Abs(Math.Log((x + d) / (d + mu))) + Math.Abs(x - mu) / (d + mu) + (x > 0 ? Math.Min(1 / d, 1e30) : 0);
            }
            Assert.True(Math.Abs(dt[g] - dt0[g]) <= 1e-6 * scale, $"theta {theta[g]}: {dt[g]} instead of {dt0[g]}");
        }
    }

    [Fact]
    public void Constant_completes_the_log_likelihood()
    {
        // One count of 4 with mean 2.5 and dispersion 1.5: the probability from the definition with Gamma functions of halves.
        double theta = 1.5, mu = 2.5, p = theta / (theta + mu);
        double gammaRatio = 1.5 * 2.5 * 3.5 * 4.5; // Gamma(5.5) / Gamma(1.5)
        double expected = -Math.Log(gammaRatio / 24 * Math.Pow(p, theta) * Math.Pow(1 - p, 4));
        float[] counts = [4];
        Assert.Equal(expected, NegativeBinomialLoss.Evaluate(Workers.Inline, [2.5f], [1.5f], counts, 1, 1, NegativeBinomialLoss.Constant(counts), default, default), 1e-6);
    }

    [Fact]
    public void Has_the_same_bits_for_any_number_of_threads_and_may_overwrite_the_mean()
    {
        const int samples = 60, genes = 1000;
        var (mean, theta, counts) = Make(samples, genes, 1e4);
        float[] one = new float[mean.Length], dt = new float[genes], dt2 = new float[genes];
        double a = NegativeBinomialLoss.Evaluate(Workers.Inline, mean, theta, counts, samples, genes, 0, one, dt);
        using var workers = new Workers(3);
        double b = NegativeBinomialLoss.Evaluate(workers, mean, theta, counts, samples, genes, 0, mean, dt2);
        Assert.Equal(a, b);
        Assert.Equal(Samples.Bits(one), Samples.Bits(mean));
        Assert.Equal(Samples.Bits(dt), Samples.Bits(dt2));
    }

    [Fact]
    public void Allocates_nothing_once_warm()
    {
        var (mean, theta, counts) = Make(20, 500, 100);
        float[] dm = new float[mean.Length], dt = new float[500];
        using var workers = new Workers(2);
        Assert.Equal(0, Allocations.PerTenCallsOnceWarm(() => NegativeBinomialLoss.Evaluate(workers, mean, theta, counts, 20, 500, 0, dm, dt)));
    }
}
