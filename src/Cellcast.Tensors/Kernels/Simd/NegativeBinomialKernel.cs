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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<T>(int block) where T : struct, IVec<T>
    {
        int first = block * GeneBlock, genes = Math.Min(GeneBlock, Genes - first), whole = genes / T.Count * T.Count;
        float* theta = stackalloc float[GeneBlock], constant = stackalloc float[GeneBlock], digamma = stackalloc float[GeneBlock], sums = stackalloc float[GeneBlock], lanes = stackalloc float[16];
        for (int j = 0; j < GeneBlock; j += T.Count)
        {
            T t = T.Create(1f);
            if (j < whole) t = T.Load(Theta + first + j);
            else if (j < genes) t = T.LoadPartial(Theta + first + j, genes - j);
            t += T.Create((float)NegativeBinomialLoss.Offset);
            T.Store(theta + j, t);
            T.Store(constant + j, NegativeBinomialTerms.Constant(t));
            T.Store(digamma + j, NegativeBinomialTerms.Digamma(t));
            T.Store(sums + j, T.Zero);
        }
        var loss = default(Compensated<T>);
        T offset = T.Create((float)NegativeBinomialLoss.Offset);
        for (int s = 0; s < Samples; s++)
        {
            nint row = (nint)s * Genes + first;
            int j = 0;
            for (; j < whole; j += T.Count)
            {
                var gene = new GeneTerms<T>(T.Load(theta + j), T.Load(constant + j), T.Load(digamma + j));
                loss.Add(NegativeBinomialTerms.Count(T.Load(Counts + row + j), T.Load(Mean + row + j) + offset, gene, out T dMean, out T dTheta));
                if (DMean != null) T.Store(DMean + row + j, dMean);
                T.Store(sums + j, T.Load(sums + j) + dTheta);
            }
            if (j == genes) continue;
            {
                var gene = new GeneTerms<T>(T.Load(theta + j), T.Load(constant + j), T.Load(digamma + j));
                T x = T.LoadPartial(Counts + row + j, genes - j), mean = T.LoadPartial(Mean + row + j, genes - j) + offset;
                T term = NegativeBinomialTerms.Count(x, mean, gene, out T dMean, out T dTheta);
                T.StorePartial(sums + j, T.LoadPartial(sums + j, genes - j) + dTheta, genes - j);
                T.Store(lanes, term);
                loss.Add(T.LoadPartial(lanes, genes - j));
                if (DMean != null) T.StorePartial(DMean + row + j, dMean, genes - j);
            }
        }
        Losses[block] = loss.Total;
        if (DTheta == null) return;
        for (int j = 0; j < genes; j++) DTheta[first + j] = sums[j];
    }
}
