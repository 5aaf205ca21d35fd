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

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run<T>(int block) where T : struct, IVec<T>
        {
            int first = block * GeneBlock, genes = Math.Min(GeneBlock, Genes - first), whole = genes / T.Count * T.Count;
            float* perGene = stackalloc float[8 * GeneBlock], lanes = stackalloc float[16];
            float* theta = perGene, constant = theta + GeneBlock, digamma = constant + GeneBlock, scale = digamma + GeneBlock, shift = scale + GeneBlock;
            float* dScale = shift + GeneBlock, dShift = dScale + GeneBlock, dTheta = dShift + GeneBlock;
            for (int j = 0; j < GeneBlock; j += T.Count)
            {
                T t = T.Create(1f), a = T.Zero, b = T.Zero;
                int rest = Math.Min(T.Count, genes - j);
                if (rest == T.Count) (t, a, b) = (T.Load(Theta + first + j), T.Load(Scale + first + j), T.Load(Shift + first + j));
                else if (rest > 0) (t, a, b) = (T.LoadPartial(Theta + first + j, rest), T.LoadPartial(Scale + first + j, rest), T.LoadPartial(Shift + first + j, rest));
                t += T.Create((float)NegativeBinomialLoss.Offset);
                T.Store(theta + j, t);
                T.Store(constant + j, NegativeBinomialTerms.Constant(t));
                T.Store(digamma + j, NegativeBinomialTerms.Digamma(t));
                T.Store(scale + j, a);
                T.Store(shift + j, b);
                T.Store(dScale + j, T.Zero);
                T.Store(dShift + j, T.Zero);
                T.Store(dTheta + j, T.Zero);
            }
            var loss = default(Compensated<T>);
            for (int s = 0; s < Samples; s++)
            {
                nint row = (nint)s * Genes + first;
                T size = T.Create(Size[s]);
                int j = 0;
                for (; j < whole; j += T.Count)
                {
                    T term = Element(T.Load(Mixed + row + j), T.Load(Counts + row + j), size, perGene + j, out T dMixed);
                    if (DMixed != null) T.Store(DMixed + row + j, dMixed);
                    loss.Add(term);
                }
                if (j == genes) continue;
                int rest = genes - j;
                T last = Element(T.LoadPartial(Mixed + row + j, rest), T.LoadPartial(Counts + row + j, rest), size, perGene + j, out T dLast);
                if (DMixed != null) T.StorePartial(DMixed + row + j, dLast, rest);
                T.Store(lanes, last);
                loss.Add(T.LoadPartial(lanes, rest));
            }
            Losses[block] = loss.Total;
            if (DGenes == null) return;
            for (int j = 0; j < genes; j++)
            {
                DGenes[first + j] = dScale[j];
                DGenes[Genes + first + j] = dShift[j];
                DGenes[2 * (nint)Genes + first + j] = dTheta[j];
            }
        }

        // perGene: theta, K(theta), log(theta) - psi(theta), a, b, then the sums of the gradients of a, b, theta, each GeneBlock long.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static T Element<T>(T x, T count, T size, float* perGene, out T dMixed) where T : struct, IVec<T>
        {
            var gene = new GeneTerms<T>(T.Load(perGene), T.Load(perGene + GeneBlock), T.Load(perGene + 2 * GeneBlock));
            T scale = T.Load(perGene + 3 * GeneBlock), mean = T.Fma(size, T.Fma(x, scale, T.Load(perGene + 4 * GeneBlock)), T.Create((float)NegativeBinomialLoss.Offset));
            T loss = NegativeBinomialTerms.Count(count, mean, gene, out T dMean, out T dTheta);
            T dInner = size * dMean;
            dMixed = dInner * scale;
            T.Store(perGene + 5 * GeneBlock, T.Fma(dInner, x, T.Load(perGene + 5 * GeneBlock)));
            T.Store(perGene + 6 * GeneBlock, T.Load(perGene + 6 * GeneBlock) + dInner);
            T.Store(perGene + 7 * GeneBlock, T.Load(perGene + 7 * GeneBlock) + dTheta);
            return loss;
        }
    }
}
