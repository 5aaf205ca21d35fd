using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>The dense negative binomial loss. One block is a range of genes over all samples; it owns the gradients of their dispersions.</summary>
internal unsafe struct NegativeBinomialKernel : IVectorKernel
{
    /// <summary>Genes per block: rows of it are whole runs of cache lines, and its per-gene numbers stay in a first-level cache.</summary>
    public const int GeneBlock = 128;

    public float* Mean;
    public float* Theta;
    public float* Counts;
    public int Samples;
    public int Genes;

    /// <summary>One loss per block.</summary>
    public double* Losses;
    public float* DMean;
    public float* DTheta;

    public readonly void Run<T>(int block) where T : struct, IVec<T>
    {
        int first = block * GeneBlock, genes = Math.Min(GeneBlock, Genes - first), padded = (genes + T.Count - 1) / T.Count * T.Count;
        float* memory = stackalloc float[15 * GeneBlock];
        float* theta = memory, constant = memory + GeneBlock, digamma = memory + 2 * GeneBlock, sums = memory + 3 * GeneBlock, mean = memory + 4 * GeneBlock;
        float* terms = memory + 5 * GeneBlock, dTheta = memory + 6 * GeneBlock, x = memory + 7 * GeneBlock, dMean = memory + 8 * GeneBlock, work = memory + 9 * GeneBlock;
        for (int j = 0; j < padded; j++)
        {
            theta[j] = (j < genes ? Theta[first + j] : 1f) + (float)NegativeBinomialLoss.Offset;
            (sums[j], x[j], mean[j]) = (0, 0, 1);
        }
        NegativeBinomialTerms.OfTheta<T>(padded, theta, constant, digamma);
        var loss = default(Compensated<T>);
        for (int s = 0; s < Samples; s++)
        {
            nint row = (nint)s * Genes + first;
            bool whole = padded == genes;
            float* counts = whole ? Counts + row : x, gradient = whole && DMean != null ? DMean + row : dMean;
            if (!whole) new ReadOnlySpan<float>(Counts + row, genes).CopyTo(new Span<float>(x, genes));
            AddOffset<T>(genes, Mean + row, mean);
            NegativeBinomialTerms.Counts<T>(padded, counts, mean, theta, constant, digamma, terms, gradient, dTheta, work);
            if (!whole && DMean != null) new ReadOnlySpan<float>(dMean, genes).CopyTo(new Span<float>(DMean + row, genes));
            AddUp<T>(genes, terms, dTheta, sums, ref loss);
        }
        Losses[block] = loss.Total;
        if (DTheta == null) return;
        for (int j = 0; j < genes; j++) DTheta[first + j] = sums[j];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddOffset<T>(int genes, float* from, float* to) where T : struct, IVec<T>
    {
        T offset = T.Create((float)NegativeBinomialLoss.Offset);
        int j = 0;
        for (; j <= genes - T.Count; j += T.Count) T.Store(to + j, T.Load(from + j) + offset);
        for (; j < genes; j++) to[j] = from[j] + (float)NegativeBinomialLoss.Offset;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddUp<T>(int genes, float* terms, float* dTheta, float* sums, ref Compensated<T> loss) where T : struct, IVec<T>
    {
        Compensated<T> sum = loss;
        int j = 0;
        for (; j <= genes - T.Count; j += T.Count)
        {
            sum.Add(T.Load(terms + j));
            T.Store(sums + j, T.Load(sums + j) + T.Load(dTheta + j));
        }
        if (j < genes)
        {
            sum.Add(T.LoadPartial(terms + j, genes - j));
            T.StorePartial(sums + j, T.LoadPartial(sums + j, genes - j) + T.LoadPartial(dTheta + j, genes - j), genes - j);
        }
        loss = sum;
    }
}
