using Cellcast.Tensors.Random;

namespace Cellcast.Models.Simulation;

/// <summary>Distributions that only simulation needs.</summary>
internal static class RandomStreamExtensions
{
    /// <summary>Fills with shares that sum to one: Dirichlet with these concentrations.</summary>
    internal static void Dirichlet(this RandomStream random, ReadOnlySpan<double> concentrations, Span<double> shares)
    {
        double sum = 0;
        for (int i = 0; i < shares.Length; i++) sum += shares[i] = Math.Max(random.NextGamma(concentrations[i]), 1e-300);
        for (int i = 0; i < shares.Length; i++) shares[i] /= sum;
    }

    /// <summary>Gamma-Poisson (negative binomial) with variance mean + dispersion mean^2.</summary>
    internal static long GammaPoisson(this RandomStream random, double mean, double dispersion) =>
        dispersion <= 0 ? random.NextPoisson(mean) : random.NextNegativeBinomial(mean, 1 / dispersion);

    /// <summary>Logarithmic series distribution on 1, 2, … by sequential inversion; <paramref name="q"/> in (0, 1).</summary>
    internal static int Logarithmic(this RandomStream random, double q)
    {
        double p = -q / Math.Log(1 - q), u = random.NextUniform();
        int k = 1;
        while (u > p && k < 1_000_000)
        {
            u -= p;
            k++;
            p *= q * (k - 1) / k;
        }
        return k;
    }
}
