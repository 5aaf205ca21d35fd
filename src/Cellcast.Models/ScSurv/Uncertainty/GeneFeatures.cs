using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;

namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>What a gene's correlation with the contribution depends on: with it, the correlation for any coefficients costs F operations.</summary>
public static class GeneFeatures
{
    /// <summary>Covariance over the cells of each gene's decoded rate with each feature, over the standard deviation of the rate.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="model">The model; rates are decoded block by block and never held whole.</param>
    /// <param name="features">Features of the cells, N x F.</param>
    /// <returns>G x F; zero for a gene whose rate is the same in all cells.</returns>
    public static double[] Of(Device device, ScSurvModel model, double[] features)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(features);
        int cells = model.Posterior.Cells, f = features.Length / cells, genes = model.Genes.Count;
        var center = new double[f];
        for (int c = 0; c < cells; c++) Vectors.AddScaled(1.0 / cells, features.AsSpan(c * f, f), center);
        double[] covariance = new double[genes * f], sum = new double[genes], squares = new double[genes];
        var tape = new Tape(device, recordGradients: false);
        foreach (var (from, count, rates) in model.Posterior.RatesAtMean(model.Module))
        {
            // Centred before they are rounded to float.
            var block = new float[count * f];
            for (int i = 0; i < block.Length; i++) block[i] = (float)(features[from * f + i] - center[i % f]);
            ReadOnlySpan<float> part = Op.MatMul(tape.Input(rates.Span, count, genes), tape.Input(block, count, f), transposeA: true).Span;
            for (int i = 0; i < covariance.Length; i++) covariance[i] += part[i] / (double)cells;
            tape.Reset();
            ReadOnlySpan<float> all = rates.Span;
            for (int i = 0; i < all.Length; i++)
            {
                double r = all[i];
                sum[i % genes] += r;
                squares[i % genes] += r * r;
            }
        }
        for (int g = 0; g < genes; g++)
        {
            double mean = sum[g] / cells, variance = squares[g] / cells - mean * mean, scale = variance > 1e-12 * mean * mean ? 1 / Math.Sqrt(variance) : 0;
            for (int j = 0; j < f; j++) covariance[g * f + j] *= scale;
        }
        return covariance;
    }
}
