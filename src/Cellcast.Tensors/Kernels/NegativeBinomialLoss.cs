namespace Cellcast.Tensors.Kernels;

/// <summary>Negative binomial likelihood of dense counts, parametrised by mean and total count (dispersion) as Pyro's <c>NegativeBinomial</c> with
/// logits log(mu / theta).</summary>
public static class NegativeBinomialLoss
{
    /// <summary>Added to both the mean and the dispersion.</summary>
    public const double Offset = 1e-10;

    /// <summary>Sum over samples and genes of lgamma(theta) - lgamma(x + theta) - theta log(theta / (theta + mu)) - x log(mu / (theta + mu)), plus
    /// <paramref name="logFactorials"/>; with 1e-10 added to mu and theta.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="mean">mu, S x G, not negative.</param>
    /// <param name="dispersion">theta, G, not negative.</param>
    /// <param name="counts">x, S x G.</param>
    /// <param name="samples">S.</param>
    /// <param name="genes">G.</param>
    /// <param name="logFactorials">Sum of log(x!), see <see cref="CountDecoderLoss.LogFactorials(ReadOnlySpan{float})"/>.</param>
    /// <param name="dMean">Gradient with respect to mu, S x G, replaced; or empty. May be the memory of <paramref name="mean"/>.</param>
    /// <param name="dDispersion">Gradient with respect to theta, G, replaced; or empty.</param>
    /// <returns>The loss.</returns>
    public static double Evaluate(Workers workers, ReadOnlySpan<float> mean, ReadOnlySpan<float> dispersion, ReadOnlySpan<float> counts, int samples, int genes,
        double logFactorials, Span<float> dMean, Span<float> dDispersion)
    {
        Guard.Length(mean.Length, (long)samples * genes);
        Guard.Length(counts.Length, (long)samples * genes);
        Guard.Length(dispersion.Length, genes);
        if (!dMean.IsEmpty) Guard.Length(dMean.Length, (long)samples * genes);
        if (!dDispersion.IsEmpty) Guard.Length(dDispersion.Length, genes);
        return Reference.NegativeBinomial(mean, dispersion, counts, samples, genes, logFactorials, dMean, dDispersion);
    }
}
