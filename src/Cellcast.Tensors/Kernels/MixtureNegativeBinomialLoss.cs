using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Negative binomial likelihood of counts whose mean is an affine function of a mixture, mu[s, g] = m[s] (x[s, g] a[g] + b[g]): the loss of the
/// deconvolution stages of scSurv in one pass over memory, gradients included.</summary>
public static class MixtureNegativeBinomialLoss
{
    /// <summary>Sum over samples and genes of the negative log likelihood, as <see cref="NegativeBinomialLoss.Evaluate"/>.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="mixed">x, S x G, not negative.</param>
    /// <param name="scale">a, G, not negative.</param>
    /// <param name="shift">b, G, not negative.</param>
    /// <param name="dispersion">theta, G, not negative.</param>
    /// <param name="size">m, S.</param>
    /// <param name="counts">Counts, S x G, whole numbers.</param>
    /// <param name="constant">What <see cref="NegativeBinomialLoss.Constant"/> says for these counts.</param>
    /// <param name="dMixed">Gradient with respect to x, S x G, replaced; or empty for the loss alone.</param>
    /// <param name="dGenes">Gradients with respect to a, b and theta, 3 x G, replaced; empty where <paramref name="dMixed"/> is.</param>
    /// <returns>The loss.</returns>
    public static unsafe double Evaluate(Workers workers, ReadOnlySpan<float> mixed, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, ReadOnlySpan<float> dispersion,
        ReadOnlySpan<float> size, ReadOnlySpan<float> counts, double constant, Span<float> dMixed, Span<float> dGenes)
    {
        int samples = size.Length, genes = scale.Length;
        Guard.Length(mixed.Length, (long)samples * genes);
        Guard.Length(counts.Length, (long)samples * genes);
        Guard.Length(shift.Length, genes);
        Guard.Length(dispersion.Length, genes);
        if (!dMixed.IsEmpty) Guard.Length(dMixed.Length, (long)samples * genes);
        Guard.Length(dGenes.Length, dMixed.IsEmpty ? 0 : 3L * genes);
        int blocks = (genes + MixtureKernel.GeneBlock - 1) / MixtureKernel.GeneBlock;
        using Scratch losses = Scratch.Rent(2L * blocks);
        fixed (float* pMixed = mixed, pScale = scale, pShift = shift, pTheta = dispersion, pSize = size, pCounts = counts, pDMixed = dMixed, pDGenes = dGenes)
        {
            workers.ForVectors(blocks, new MixtureKernel
            {
                Mixed = pMixed,
                Scale = pScale,
                Shift = pShift,
                Theta = pTheta,
                Size = pSize,
                Counts = pCounts,
                Samples = samples,
                Genes = genes,
                Losses = (double*)losses.Pointer,
                DMixed = pDMixed,
                DGenes = pDGenes,
            });
        }
        double loss = constant;
        for (int b = 0; b < blocks; b++) loss += ((double*)losses.Pointer)[b];
        return loss;
    }

    /// <summary>One block is a range of genes over all samples; it owns the gradients of their parameters. Rows of per-gene numbers are padded to the block.</summary>
    private unsafe struct MixtureKernel : IVectorKernel
    {
        public const int GeneBlock = 128;

        public float* Mixed;
        public float* Scale;
        public float* Shift;
        public float* Theta;
        public float* Size;
        public float* Counts;
        public int Samples;
        public int Genes;
        public double* Losses;
        public float* DMixed;
        public float* DGenes;

        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int first = block * GeneBlock, genes = Math.Min(GeneBlock, Genes - first), padded = (genes + T.Count - 1) / T.Count * T.Count;
            bool whole = padded == genes;
            float* memory = stackalloc float[20 * GeneBlock];
            float* theta = memory, constant = memory + GeneBlock, digamma = memory + 2 * GeneBlock, scale = memory + 3 * GeneBlock, shift = memory + 4 * GeneBlock;
            float* sums = memory + 5 * GeneBlock, x = memory + 8 * GeneBlock, counts = memory + 9 * GeneBlock, mean = memory + 10 * GeneBlock, terms = memory + 11 * GeneBlock;
            float* dMean = memory + 12 * GeneBlock, dTheta = memory + 13 * GeneBlock, work = memory + 14 * GeneBlock;
            for (int j = 0; j < padded; j++)
            {
                theta[j] = (j < genes ? Theta[first + j] : 1f) + (float)NegativeBinomialLoss.Offset;
                (scale[j], shift[j]) = j < genes ? (Scale[first + j], Shift[first + j]) : (0, 1f);
                (x[j], counts[j], sums[j], sums[GeneBlock + j], sums[2 * GeneBlock + j]) = (0, 0, 0, 0, 0);
            }
            NegativeBinomialTerms.OfTheta<T>(padded, theta, constant, digamma);
            var loss = default(Compensated<T>);
            for (int s = 0; s < Samples; s++)
            {
                nint row = (nint)s * Genes + first;
                float* mixed = whole ? Mixed + row : x, observed = whole ? Counts + row : counts;
                if (!whole)
                {
                    new ReadOnlySpan<float>(Mixed + row, genes).CopyTo(new Span<float>(x, genes));
                    new ReadOnlySpan<float>(Counts + row, genes).CopyTo(new Span<float>(counts, genes));
                }
                Means<T>(padded, Size[s], mixed, scale, shift, mean);
                NegativeBinomialTerms.Counts<T>(padded, observed, mean, theta, constant, digamma, terms, dMean, dTheta, work);
                float* gradient = DMixed == null ? null : whole ? DMixed + row : mean;
                AddUp<T>(genes, padded, Size[s], mixed, scale, terms, dMean, dTheta, sums, gradient, ref loss);
                if (!whole && DMixed != null) new ReadOnlySpan<float>(mean, genes).CopyTo(new Span<float>(DMixed + row, genes));
            }
            Losses[block] = loss.Total;
            if (DGenes == null) return;
            for (int k = 0; k < 3; k++)
                for (int j = 0; j < genes; j++) DGenes[(nint)k * Genes + first + j] = sums[k * GeneBlock + j];
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Means<T>(int count, float size, float* mixed, float* scale, float* shift, float* mean) where T : struct, IVec<T>
        {
            T m = T.Create(size), offset = T.Create((float)NegativeBinomialLoss.Offset);
            for (int j = 0; j < count; j += T.Count) T.Store(mean + j, T.Fma(m, T.Fma(T.Load(mixed + j), T.Load(scale + j), T.Load(shift + j)), offset));
        }

        // Lanes beyond the last gene take part in nothing that is read.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void AddUp<T>(int genes, int padded, float size, float* mixed, float* scale, float* terms, float* dMean, float* dTheta, float* sums, float* gradient, ref Compensated<T> loss)
            where T : struct, IVec<T>
        {
            Compensated<T> sum = loss;
            T m = T.Create(size);
            for (int j = 0; j < padded; j += T.Count)
            {
                sum.Add(j + T.Count <= genes ? T.Load(terms + j) : T.LoadPartial(terms + j, genes - j));
                T d = m * T.Load(dMean + j);
                T.Store(sums + j, T.Fma(d, T.Load(mixed + j), T.Load(sums + j)));
                T.Store(sums + GeneBlock + j, T.Load(sums + GeneBlock + j) + d);
                T.Store(sums + 2 * GeneBlock + j, T.Load(sums + 2 * GeneBlock + j) + T.Load(dTheta + j));
                if (gradient != null) T.Store(gradient + j, d * T.Load(scale + j));
            }
            loss = sum;
        }
    }
}
