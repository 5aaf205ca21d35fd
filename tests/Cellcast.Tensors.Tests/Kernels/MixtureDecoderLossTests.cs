using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Tests.Kernels;

public class MixtureDecoderLossTests
{
    // More cells than are mixed at a time, more samples than are mixed together, and more of both than one pass takes.
    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(37, 5, 300, 7)]
    [InlineData(700, 13, 65, 5)]
    [InlineData(20, 501, 40, 3)]
    [InlineData(4500, 482, 5, 2)]
    public void Loss_and_gradients_equal_the_reference(int cells, int samples, int genes, int h)
    {
        var x = new Case(cells, samples, genes, h);
        var (loss, dShares, dGenes) = x.Evaluate(Workers.Inline);
        double[] rates = new double[cells * genes], truthShares = new double[cells * samples], truthGenes = new double[3 * genes];
        for (int c = 0; c < cells; c++)
            for (int g = 0; g < genes; g++)
            {
                double z = x.Bias[g];
                for (int k = 0; k < h; k++) z += (double)x.Hidden[c * h + k] * x.Weight[g * h + k];
                rates[c * genes + g] = Math.Log(1 + Math.Exp(z));
            }
        double truth = 0;
        for (int s = 0; s < samples; s++)
            for (int g = 0; g < genes; g++)
            {
                double mixed = 0;
                for (int c = 0; c < cells; c++) mixed += x.Shares[c * samples + s] * rates[c * genes + g];
                double count = x.Counts[s * genes + g], mean = x.Size[s] * (mixed * x.Scale[g] + x.Shift[g]) + NegativeBinomialLoss.Offset;
                var (term, dMean, dTheta) = Reference.NegativeBinomialTerm(count, mean, x.Theta[g] + NegativeBinomialLoss.Offset);
                truth += term + Reference.LogGamma(count + 1);
                double d = x.Size[s] * dMean;
                truthGenes[g] += d * mixed;
                truthGenes[genes + g] += d;
                truthGenes[2 * genes + g] += dTheta;
                for (int c = 0; c < cells; c++) truthShares[c * samples + s] += d * x.Scale[g] * rates[c * genes + g];
            }
        Assert.Equal(truth, loss, 2e-6 * Math.Abs(truth));
        Assert.InRange(Samples.RelativeDistance(dShares, [.. truthShares.Select(v => (float)v)]), 0, 1e-5);
        Assert.InRange(Samples.RelativeDistance(dGenes, [.. truthGenes.Select(v => (float)v)]), 0, 1e-5);
    }

    [Theory]
    [InlineData(100, 12, 3001, 4)]
    [InlineData(64, 500, 700, 3)]
    public void Any_number_of_threads_gives_the_same_bits(int cells, int samples, int genes, int h)
    {
        var x = new Case(cells, samples, genes, h);
        var (loss, dShares, dGenes) = x.Evaluate(Workers.Inline);
        foreach (int threads in new[] { 2, 3, 5, 8 })
        {
            using var workers = new Workers(threads);
            var (otherLoss, otherShares, otherGenes) = x.Evaluate(workers);
            Assert.Equal(loss, otherLoss);
            Assert.Equal(Samples.Bits(dShares), Samples.Bits(otherShares));
            Assert.Equal(Samples.Bits(dGenes), Samples.Bits(otherGenes));
        }
    }

    private sealed class Case
    {
        public Case(int cells, int samples, int genes, int h)
        {
            var random = new System.Random(5);
            float[] Draw(int n, float low, float high) => [.. Enumerable.Range(0, n).Select(_ => low + (high - low) * random.NextSingle())];
            Shares = Draw(cells * samples, 0, 2f / cells);
            Hidden = Draw(cells * h, -1, 1);
            Weight = Draw(genes * h, -1, 1);
            Bias = Draw(genes, -1, 1);
            Scale = Draw(genes, 0.2f, 2);
            Shift = Draw(genes, 0.01f, 0.5f);
            Theta = Draw(genes, 0.3f, 5);
            Size = Draw(samples, 0.5f, 3);
            Counts = [.. Enumerable.Range(0, samples * genes).Select(_ => random.Next(3) > 0 ? (float)random.Next(9) : 0)];
        }

        public float[] Shares { get; }
        public float[] Hidden { get; }
        public float[] Weight { get; }
        public float[] Bias { get; }
        public float[] Scale { get; }
        public float[] Shift { get; }
        public float[] Theta { get; }
        public float[] Size { get; }
        public float[] Counts { get; }

        public (double Loss, float[] DShares, float[] DGenes) Evaluate(Workers workers)
        {
            float[] dShares = new float[Shares.Length], dGenes = new float[3 * Scale.Length];
            double loss = MixtureDecoderLoss.Evaluate(workers, new DecodedMixtures
            {
                Shares = Shares,
                Hidden = Hidden,
                Weight = Weight,
                Bias = Bias,
                Scale = Scale,
                Shift = Shift,
                Dispersion = Theta,
                Size = Size,
                Counts = Counts,
            }, NegativeBinomialLoss.Constant(Counts), dShares, dGenes);
            return (loss, dShares, dGenes);
        }
    }
}
