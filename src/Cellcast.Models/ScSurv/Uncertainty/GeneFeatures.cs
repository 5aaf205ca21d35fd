using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;

namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>What a gene's correlation with the contribution depends on: with it, the correlation for any coefficients costs F operations.</summary>
public static class GeneFeatures
{
    /// <summary>Covariance over the cells of each gene's decoded rate with each feature, over the standard deviation of the rate.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="model">The model; rates are decoded block by block and never held whole.</param>
    /// <param name="features">Features of the cells.</param>
    /// <param name="threads">Threads of what does not run on the device, 0 for all cores; nothing depends on them.</param>
    /// <returns>G x F; zero for a gene whose rate is the same in all cells.</returns>
    public static double[] Of(Device device, ScSurvModel model, CellFeatures features, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(features);
        int cells = features.Cells, f = features.Width, genes = model.Genes.Count;
        double[] center = features.Mean(threads), own = [];
        float[] block = [];
        double[] covariance = new double[genes * f], sum = new double[genes], squares = new double[genes];
        var tape = new Tape(device, recordGradients: false);
        foreach (var (from, count, rates) in model.Posterior.RatesAtMean(model.Module))
        {
            if (own.Length < count * f) (own, block) = (new double[count * f], new float[count * f]);
            features.Read(from, count, own, threads);
            // Centred before they are rounded to float.
            for (int i = 0; i < count * f; i++) block[i] = (float)(own[i] - center[i % f]);
            ReadOnlySpan<float> part = Op.MatMul(tape.Input(rates.Span, count, genes), tape.Input(block.AsSpan(0, count * f), count, f), transposeA: true).Span;
            for (int i = 0; i < covariance.Length; i++) covariance[i] += part[i] / (double)cells;
            tape.Reset();
            Analysis.Blocks.Ranges(genes, threads, (first, last) =>
            {
                for (int c = 0; c < count; c++)
                {
                    ReadOnlySpan<float> row = rates.Span.Slice(c * genes, genes);
                    for (int g = first; g < last; g++)
                    {
                        double r = row[g];
                        sum[g] += r;
                        squares[g] += r * r;
                    }
                }
            });
        }
        for (int g = 0; g < genes; g++)
        {
            double mean = sum[g] / cells, variance = squares[g] / cells - mean * mean, scale = variance > 1e-12 * mean * mean ? 1 / Math.Sqrt(variance) : 0;
            for (int j = 0; j < f; j++) covariance[g * f + j] *= scale;
        }
        return covariance;
    }
}
