using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Sizes of the fused loss of mixtures.</summary>
internal static class MixturePlan
{
    /// <summary>Most genes of a block: rates of a thousand cells, and mixtures, stay in a second-level cache.</summary>
    public const int GeneBlock = 128;

    /// <summary>Samples that are mixed together; a multiple of every tile height and width.</summary>
    public const int SampleBlock = 480;

    /// <summary>Genes that blocks are multiples of: two of the widest vectors.</summary>
    private const int Unit = 32;

    /// <summary>Cells that are mixed at a time, at most: a panel of their rates stays in a first-level cache.</summary>
    private const int Deepest = 480;

    public static EvenBlocks Blocks(int genes) => new(genes, Unit, GeneBlock);

    public static int Depth(int cells)
    {
        int pieces = (cells + Deepest - 1) / Deepest;
        return pieces == 1 ? cells : ((cells + pieces - 1) / pieces + 3) / 4 * 4;
    }
}

/// <summary>One block is a range of genes over all cells and samples; it owns the gradients of their parameters and adds its part to those of the shares.</summary>
internal unsafe struct MixtureDecoderKernel : IVectorKernel
{
    public int Cells, PaddedCells, H;

    /// <summary>Hidden layer in panels of cells.</summary>
    public float* HiddenPanels;
    public float* Weight, Bias, Scale, Shift, Theta;
    public int Genes;
    public float* Size, Counts;
    public int Samples;

    /// <summary>Shares in panels of samples, piece after piece of the cells.</summary>
    public float* SharePanels;
    public int PaddedSamples;

    /// <summary>One loss per block.</summary>
    public double* Losses;

    /// <summary>Gradients with respect to the shares, cells x samples, and elements from row to row.</summary>
    public PartialSums Parts;
    public int PartStride;

    /// <summary>3 x genes, to be added to; or null.</summary>
    public float* DGenes;

    /// <summary>A block of genes and its buffers.</summary>
    private struct Block
    {
        public int First, Genes;

        /// <summary>Rates in panels of genes, each cells x panel.</summary>
        public float* Rates;

        /// <summary>Mixtures of some samples, and then their gradient: samples x <see cref="MixturePlan.GeneBlock"/>.</summary>
        public float* Mixed;
        public float* Part;
        public bool AddsToPart;
    }

    public readonly void Run<T>(int block) where T : struct, IVec<T>
    {
        EvenBlocks blocks = MixturePlan.Blocks(Genes);
        Block x = default;
        x.First = blocks.First(block);
        x.Genes = blocks.First(block + 1) - x.First;
        int width = 2 * T.Count, padded = DecoderPlan.Round(x.Genes, width), rows = DecoderPlan.Round(Math.Min(Samples, MixturePlan.SampleBlock), GemmTiles.FullRows<T>());
        using Scratch rates = Scratch.Rent((long)PaddedCells * padded), mixed = Scratch.Rent((long)rows * MixturePlan.GeneBlock);
        x.Rates = rates.Pointer;
        x.Mixed = mixed.Pointer;
        if (Parts.IsWanted) x.Part = Parts.Of(block, out x.AddsToPart);
        Decode<T>(x);
        float* memory = stackalloc float[MixtureLikelihood.Arrays * MixturePlan.GeneBlock];
        var likelihood = new MixtureLikelihood(memory);
        likelihood.Begin<T>(x.Genes, Theta + x.First, Scale + x.First, Shift + x.First);
        var loss = default(Compensated<T>);
        for (int s = 0; s < Samples; s += MixturePlan.SampleBlock)
        {
            int samples = Math.Min(MixturePlan.SampleBlock, Samples - s);
            Mix<T>(x, s, samples);
            for (int i = 0; i < samples; i++)
                likelihood.Row(Size[s + i], x.Mixed + (nint)i * MixturePlan.GeneBlock, Counts + (nint)(s + i) * Genes + x.First, x.Part != null, ref loss);
            if (x.Part != null) ShareGradient<T>(x, s, samples);
        }
        Losses[block] = loss.Total;
        if (DGenes != null) likelihood.AddGradients(DGenes + x.First, Genes);
    }

    /// <summary>The rates of all cells.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Decode<T>(in Block x) where T : struct, IVec<T>
    {
        int width = 2 * T.Count;
        using Scratch weights = Scratch.Rent((long)width * H);
        float* bias = stackalloc float[width];
        var byGene = new GemmOperand(Weight, H, contiguousK: true);
        for (int j = 0; j < x.Genes; j += width)
        {
            int genes = Math.Min(width, x.Genes - j);
            byGene.Pack<T>(x.First + j, genes, 0, H, width, weights.Pointer);
            for (int g = 0; g < width; g++) bias[g] = g < genes ? Bias[x.First + j + g] : 0;
            T bias0 = T.Load(bias), bias1 = T.Load(bias + T.Count);
            float* to = x.Rates + (nint)j * PaddedCells;
            for (int i = 0, height; i < Cells; i += height, to += height * width)
            {
                height = GemmTiles.Height<T>(Cells - i);
                GemmTiles.Run<T>(height, H, HiddenPanels + (nint)i * H, weights.Pointer, to, width, false);
                Softplus(to, height, bias0, bias1);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Softplus<T>(float* z, int rows, T bias0, T bias1) where T : struct, IVec<T>
    {
        for (int r = 0; r < rows; r++, z += 2 * T.Count)
        {
            T.Store(z, VectorFunctions.Softplus(T.Load(z) + bias0));
            T.Store(z + T.Count, VectorFunctions.Softplus(T.Load(z + T.Count) + bias1));
        }
    }

    /// <summary>Mixtures of some samples.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Mix<T>(in Block x, int first, int samples) where T : struct, IVec<T>
    {
        int width = 2 * T.Count, deepest = MixturePlan.Depth(Cells);
        for (int p = 0; p < Cells; p += deepest)
        {
            int depth = Math.Min(deepest, Cells - p);
            float* shares = SharePanels + (nint)p * PaddedSamples + (nint)first * depth;
            for (int j = 0; j < x.Genes; j += width)
            {
                float* panel = x.Rates + (nint)j * PaddedCells + (nint)p * width;
                for (int i = 0, height; i < samples; i += height)
                {
                    height = GemmTiles.Height<T>(samples - i);
                    GemmTiles.Run<T>(height, depth, shares + (nint)i * depth, panel, x.Mixed + (nint)i * MixturePlan.GeneBlock + j, MixturePlan.GeneBlock, p > 0);
                }
            }
        }
    }

    /// <summary>Adds rates times gradient of the mixtures to the gradient of the shares.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void ShareGradient<T>(in Block x, int first, int samples) where T : struct, IVec<T>
    {
        int width = 2 * T.Count, rows = GemmTiles.FullRows<T>();
        using Scratch columns = Scratch.Rent((long)DecoderPlan.Round(samples, width) * x.Genes), tile = Scratch.Rent((long)rows * x.Genes);
        new GemmOperand(x.Mixed, MixturePlan.GeneBlock, contiguousK: true).PackPanels<T>(0, samples, 0, x.Genes, columns.Pointer);
        for (int i = 0, height; i < Cells; i += height)
        {
            height = GemmTiles.Height<T>(Cells - i);
            int real = Math.Min(height, Cells - i);
            if (real < height) new Span<float>(tile.Pointer, height * x.Genes).Clear();
            for (int j = 0; j < x.Genes; j += width)
                Transposition.Copy(x.Rates + (nint)j * PaddedCells + (nint)i * width, width, real, Math.Min(width, x.Genes - j), tile.Pointer + (nint)j * height, height);
            float* to = x.Part + (nint)i * PartStride + first;
            for (int s = 0; s < samples; s += width)
            {
                float* panel = columns.Pointer + (nint)s * x.Genes;
                GemmRequests requests = new() { Result = GemmAhead.Result(to + s, PartStride, height) };
                if (samples - s > T.Count) GemmTiles.Run<T, PackedRows, WideColumns>(height, x.Genes, tile.Pointer, 0, panel, width, null, to + s, PartStride, x.AddsToPart, &requests);
                else GemmTiles.Run<T, PackedRows, NarrowColumns>(height, x.Genes, tile.Pointer, 0, panel, T.Count, null, to + s, PartStride, x.AddsToPart, &requests);
            }
        }
    }
}

/// <summary>The negative binomial of rows of mixtures on some genes, and the gradients of the genes' parameters. Rows of per-gene numbers are padded to whole vectors.</summary>
internal unsafe struct MixtureLikelihood
{
    /// <summary>Arrays of <see cref="MixturePlan.GeneBlock"/> numbers that it needs.</summary>
    public const int Arrays = 19;

    private const int Stride = MixturePlan.GeneBlock;

    private readonly float* _theta, _constant, _digamma, _scale, _shift, _sums, _counts, _mean, _terms, _dMean, _dTheta, _work;
    private int _genes, _padded;

    /// <param name="memory">The arrays, on the stack.</param>
    public MixtureLikelihood(float* memory)
    {
        _theta = memory;
        _constant = memory + Stride;
        _digamma = memory + 2 * Stride;
        _scale = memory + 3 * Stride;
        _shift = memory + 4 * Stride;
        _sums = memory + 5 * Stride;
        _counts = memory + 8 * Stride;
        _mean = memory + 9 * Stride;
        _terms = memory + 10 * Stride;
        _dMean = memory + 11 * Stride;
        _dTheta = memory + 12 * Stride;
        _work = memory + 13 * Stride;
    }

    /// <summary>Sets the genes' parameters, and their gradients to 0.</summary>
    public void Begin<T>(int genes, float* theta, float* scale, float* shift) where T : struct, IVec<T>
    {
        (_genes, _padded) = (genes, DecoderPlan.Round(genes, T.Count));
        for (int j = 0; j < _padded; j++)
        {
            bool real = j < genes;
            _theta[j] = (real ? theta[j] : 1f) + (float)NegativeBinomialLoss.Offset;
            (_scale[j], _shift[j], _counts[j]) = real ? (scale[j], shift[j], 0) : (0, 1f, 0);
            (_sums[j], _sums[Stride + j], _sums[2 * Stride + j]) = (0, 0, 0);
        }
        NegativeBinomialTerms.OfTheta<T>(_padded, _theta, _constant, _digamma);
    }

    /// <summary>Adds the loss of a sample, and replaces its mixtures by their gradient if that is wanted.</summary>
    public readonly void Row<T>(float size, float* mixed, float* counts, bool gradient, ref Compensated<T> loss) where T : struct, IVec<T>
    {
        float* observed = counts;
        if (_genes < _padded)
        {
            observed = _counts;
            new ReadOnlySpan<float>(counts, _genes).CopyTo(new Span<float>(_counts, _genes));
        }
        Means<T>(size, mixed);
        NegativeBinomialTerms.Counts<T>(_padded, observed, _mean, _theta, _constant, _digamma, _terms, _dMean, _dTheta, _work);
        AddUp(size, mixed, gradient, ref loss);
    }

    /// <summary>Adds the gradients of scale, shift and dispersion to three rows of the given length.</summary>
    public readonly void AddGradients(float* to, nint stride)
    {
        for (int k = 0; k < 3; k++)
            for (int j = 0; j < _genes; j++) to[k * stride + j] += _sums[k * Stride + j];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Means<T>(float size, float* mixed) where T : struct, IVec<T>
    {
        T m = T.Create(size), offset = T.Create((float)NegativeBinomialLoss.Offset);
        for (int j = 0; j < _padded; j += T.Count) T.Store(_mean + j, T.Fma(m, T.Fma(T.Load(mixed + j), T.Load(_scale + j), T.Load(_shift + j)), offset));
    }

    // Lanes beyond the last gene take part in nothing that is read.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void AddUp<T>(float size, float* mixed, bool gradient, ref Compensated<T> loss) where T : struct, IVec<T>
    {
        Compensated<T> sum = loss;
        T m = T.Create(size);
        float* sums = _sums;
        for (int j = 0; j < _padded; j += T.Count)
        {
            sum.Add(j + T.Count <= _genes ? T.Load(_terms + j) : T.LoadPartial(_terms + j, _genes - j));
            T d = m * T.Load(_dMean + j);
            T.Store(sums + j, T.Fma(d, T.Load(mixed + j), T.Load(sums + j)));
            T.Store(sums + Stride + j, T.Load(sums + Stride + j) + d);
            T.Store(sums + 2 * Stride + j, T.Load(sums + 2 * Stride + j) + T.Load(_dTheta + j));
            if (gradient) T.Store(mixed + j, d * T.Load(_scale + j));
        }
        loss = sum;
    }
}

/// <summary>Adds up the parts of the gradient of the shares. One block is some cells.</summary>
internal unsafe struct MixtureShareSum : IVectorKernel
{
    private const int CellsPerBlock = 32;

    public PartialSums Parts;
    public int PartStride, Cells, Samples, Stride;
    public float* DShares;

    public static int Blocks(int cells) => (cells + CellsPerBlock - 1) / CellsPerBlock;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<T>(int block) where T : struct, IVec<T>
    {
        int last = Math.Min(Cells, (block + 1) * CellsPerBlock);
        for (int c = block * CellsPerBlock; c < last; c++)
        {
            float* to = DShares + (nint)c * Stride;
            for (int s = 0; s < Samples; s += T.Count)
            {
                T sum = Parts.Total<T>((nint)c * PartStride + s);
                if (s + T.Count <= Samples) T.Store(to + s, sum);
                else T.StorePartial(to + s, sum, Samples - s);
            }
        }
    }
}
