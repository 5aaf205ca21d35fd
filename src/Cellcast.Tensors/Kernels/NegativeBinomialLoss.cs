using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Negative binomial likelihood of dense counts, parametrised by mean and total count (dispersion) as Pyro's <c>NegativeBinomial</c> with
/// logits log(mu / theta).</summary>
public static class NegativeBinomialLoss
{
    /// <summary>Added to both the mean and the dispersion.</summary>
    public const double Offset = 1e-10;

    /// <summary>Sum over samples and genes of lgamma(x + 1) + lgamma(theta) - lgamma(x + theta) - theta log(theta / (theta + mu)) - x log(mu / (theta + mu)), with 1e-10
    /// added to mu and theta. The part that depends on the counts alone comes in as <paramref name="constant"/>.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="mean">mu, S x G, not negative.</param>
    /// <param name="dispersion">theta, G, not negative.</param>
    /// <param name="counts">x, S x G, whole numbers.</param>
    /// <param name="samples">S.</param>
    /// <param name="genes">G.</param>
    /// <param name="constant">What <see cref="Constant"/> says for these counts; worth keeping from step to step.</param>
    /// <param name="dMean">Gradient with respect to mu, S x G, replaced; or empty. May be the memory of <paramref name="mean"/>.</param>
    /// <param name="dDispersion">Gradient with respect to theta, G, replaced; or empty.</param>
    /// <returns>The loss.</returns>
    public static unsafe double Evaluate(Workers workers, ReadOnlySpan<float> mean, ReadOnlySpan<float> dispersion, ReadOnlySpan<float> counts, int samples, int genes,
        double constant, Span<float> dMean, Span<float> dDispersion)
    {
        Guard.Rows(mean.Length, samples, genes);
        Guard.Rows(counts.Length, samples, genes);
        Guard.Length(dispersion.Length, genes);
        if (!dMean.IsEmpty) Guard.Rows(dMean.Length, samples, genes);
        if (!dDispersion.IsEmpty) Guard.Length(dDispersion.Length, genes);
        int blocks = (genes + NegativeBinomialKernel.GeneBlock - 1) / NegativeBinomialKernel.GeneBlock;
        using Scratch losses = Scratch.Rent(2L * blocks);
        fixed (float* pMean = mean, pTheta = dispersion, pCounts = counts, pDMean = dMean, pDTheta = dDispersion)
        {
            workers.ForVectors(blocks, new NegativeBinomialKernel
            {
                Mean = pMean,
                Theta = pTheta,
                Counts = pCounts,
                Samples = samples,
                Genes = genes,
                Losses = (double*)losses.Pointer,
                DMean = pDMean,
                DTheta = pDTheta,
            });
        }
        double loss = constant;
        for (int b = 0; b < blocks; b++) loss += ((double*)losses.Pointer)[b];
        return loss;
    }

    /// <summary>Sum over all counts of log(x!) - x log(x) + x, which is what <see cref="Evaluate"/> leaves to be added: without the large part of log(x!), which
    /// cancels against the rest, float32 is enough for each element.</summary>
    /// <param name="counts">Counts, whole numbers.</param>
    public static double Constant(ReadOnlySpan<float> counts)
    {
        double s = 0;
        foreach (float x in counts)
            if (x > 0) s += LogFactorial.Remainder(x);
        return s;
    }
}
