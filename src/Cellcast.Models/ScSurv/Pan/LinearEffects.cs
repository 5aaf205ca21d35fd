using Cellcast.Models.ScSurv.Uncertainty;

namespace Cellcast.Models.ScSurv.Pan;

/// <summary>Linear functions of a fit's coefficients, freed from the pull of the prior.</summary>
internal sealed class LinearEffects
{
    // Where survival takes less than this share of the prior variance away, it says nothing.
    private const double LeastInformation = 1e-9;

    private readonly ContributionFit _fit;
    private readonly double[] _prior;

    /// <param name="fit">The fit; what counts is its mode, whose prior is known.</param>
    /// <param name="patientFeatures">Features of the patients that it learned from, S x F.</param>
    internal LinearEffects(ContributionFit fit, double[] patientFeatures) => (_fit, _prior) = (fit.Mode, PriorVariance(fit, patientFeatures));

    internal int Features => _prior.Length;

    /// <summary>Prior variance of each coefficient: the strength of its component over the root mean square of the component's centred features.</summary>
    internal static double[] PriorVariance(ContributionFit fit, double[] patientFeatures)
    {
        int f = fit.Center.Length, n = patientFeatures.Length / f;
        var variance = new double[f];
        for (int k = 0; k < fit.Components.Count; k++)
        {
            ContributionComponent c = fit.Components[k];
            double sum = 0;
            for (int i = 0; i < n; i++)
                for (int j = c.First; j < c.First + c.Count; j++)
                {
                    double d = patientFeatures[i * f + j] - fit.Center[j];
                    sum += d * d;
                }
            Array.Fill(variance, sum / n > 1e-20 ? fit.Strengths[k] * fit.Strengths[k] * n / sum : 0, c.First, c.Count);
        }
        return variance;
    }

    /// <summary>Contributions of mean features.</summary>
    internal CohortEffect[] Means(IReadOnlyList<string> names, double[] means)
    {
        int f = Features;
        var result = new List<CohortEffect>();
        var c = new double[f];
        for (int i = 0; i < names.Count; i++)
        {
            for (int j = 0; j < f; j++) c[j] = means[i * f + j] - _fit.Center[j];
            if (Moments(c) is not { } m) continue;
            double information = 1 - m.Posterior / m.Prior;
            result.Add(new CohortEffect(names[i], m.Mean / information, Math.Sqrt(m.Posterior / information)));
        }
        return [.. result];
    }

    /// <summary>Effects of genes from their covariance with the features over their standard deviation, G x F.</summary>
    internal CohortEffect[] Genes(IReadOnlyList<string> names, double[] geneFeatures, CellFeatures cellFeatures, GeneEffect kind)
    {
        int f = Features;
        double deviation = kind == GeneEffect.Correlation ? Deviation(cellFeatures) : double.NaN;
        var result = new List<CohortEffect>();
        for (int g = 0; g < names.Count; g++)
        {
            if (Moments(geneFeatures.AsSpan(g * f, f)) is not { } m) continue;
            double information = 1 - m.Posterior / m.Prior;
            if (kind == GeneEffect.Slope)
            {
                result.Add(new CohortEffect(names[g], m.Mean / information, Math.Sqrt(m.Posterior / information)));
                continue;
            }
            if (!(deviation > 0)) continue;
            // The test of the correlation is that of the slope: their ratio is the same for all genes.
            double r = Math.Clamp(m.Mean / deviation, -0.999999, 0.999999), stretch = Math.Abs(r) > 1e-6 ? Math.Atanh(r) / r : 1;
            result.Add(new CohortEffect(names[g], Math.Atanh(r), stretch * Math.Sqrt(m.Posterior * information) / deviation));
        }
        return [.. result];
    }

    private (double Mean, double Posterior, double Prior)? Moments(ReadOnlySpan<double> c)
    {
        int f = Features;
        double mean = Vectors.Dot(c, _fit.Coefficients), posterior = 0, prior = 0;
        for (int j = 0; j < f; j++)
        {
            prior += c[j] * c[j] * _prior[j];
            if (c[j] != 0) posterior += c[j] * Vectors.Dot(_fit.Covariance.AsSpan(j * f, f), c);
        }
        return prior > 0 && posterior > 0 && posterior < prior * (1 - LeastInformation) ? (mean, posterior, prior) : null;
    }

    /// <summary>Standard deviation of the contribution over the cells.</summary>
    private double Deviation(CellFeatures cellFeatures)
    {
        int f = Features, n = cellFeatures.Cells;
        double sum = 0, squares = 0;
        cellFeatures.ForEachBlock((_, count, block) =>
        {
            for (int c = 0; c < count; c++)
            {
                double value = 0;
                for (int j = 0; j < f; j++) value += (block[c * f + j] - _fit.Center[j]) * _fit.Coefficients[j];
                sum += value;
                squares += value * value;
            }
        });
        return Math.Sqrt(Math.Max(0, squares / n - sum / n * (sum / n)));
    }
}
