using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>The fused count decoder for one batch of cells. One block is a range of genes; it owns the gradients of their weights, biases and dispersions, and
/// leaves its share of the gradient of the hidden layer in its own buffer.</summary>
internal unsafe struct DecoderKernel<TModel> : IVectorKernel where TModel : struct, ICountModel
{
    /// <summary>Cells whose counts are asked for ahead of their use.</summary>
    private const int Ahead = 6;
    private const int MarkAhead = 16;

    public int Cells;
    public int Genes;
    public int H;

    /// <summary>Hidden layer in panels of cells by h, and in panels of h by cells for each block of cells.</summary>
    public float* HiddenPanels;
    public float* HiddenTransposed;
    public int PaddedH;

    public float* Weight;
    public float* Bias;
    public float* Theta;
    public float* SizeFactors;

    /// <summary>First entry of each gene block in each cell's row, see <see cref="BlockedRows"/>.</summary>
    public int* Starts;
    public int StartsStride, StartsStep;
    public int* Columns;
    public float* Values;

    /// <summary>One loss per gene block.</summary>
    public double* Losses;

    /// <summary>Per gene block, h x cells; null where not needed.</summary>
    public float* HiddenShares;
    public int PaddedCells;
    public float* DWeight;
    public float* DBias;
    public float* DTheta;
    public bool Accumulate;

    private readonly bool NeedsGradient => HiddenShares != null || DWeight != null || DBias != null || DTheta != null;

    /// <summary>Buffers of one block of genes.</summary>
    private struct Tile
    {
        public int FirstGene, Genes, PaddedGenes, FirstCell, Cells;
        public float* WeightPanels, WeightTransposed, Logits, Strip, WeightShare, BiasSums, ThetaSums, Bias, Theta, Constant, Digamma;
        public float* Added, AddedTheta;
        public CountRun Run;

        /// <summary>Where the counts of the tile are: places in <see cref="Logits"/> in the order of <see cref="Added"/>, or, where <see cref="IsMarked"/>, a byte per gene of each cell.</summary>
        public int* Positions;
        public sbyte* Marks;
        public bool IsMarked;
        public int CountsInTile;
    }

    public readonly void Run<T>(int block) where T : struct, IVec<T>
    {
        int width = 2 * T.Count, rows = GemmTiles.FullRows<T>();
        Tile tile = default;
        tile.FirstGene = block * DecoderPlan.GeneBlock;
        tile.Genes = Math.Min(DecoderPlan.GeneBlock, Genes - tile.FirstGene);
        tile.PaddedGenes = DecoderPlan.Round(tile.Genes, width);
        int paddedH = DecoderPlan.Round(H, rows), tileSize = DecoderPlan.CellBlock * DecoderPlan.GeneBlock, g = DecoderPlan.GeneBlock;
        using Scratch panels = Scratch.Rent((long)g * H), transposed = Scratch.Rent((long)g * paddedH), logits = Scratch.Rent(tileSize),
            share = Scratch.Rent((long)g * paddedH), strip = Scratch.Rent(width * g), genes = Scratch.Rent(6 * g), run = Scratch.Rent(CountRun.Arrays * CountRun.Length),
            added = Scratch.Rent(tileSize + CountRun.Length), addedTheta = Scratch.Rent(TModel.HasDispersion ? tileSize + CountRun.Length : 0), positions = Scratch.Rent(tileSize + CountRun.Length), marks = Scratch.Rent(T.SelectsLanes ? tileSize / sizeof(float) : 0);
        tile.WeightPanels = panels.Pointer;
        tile.WeightTransposed = transposed.Pointer;
        tile.Logits = logits.Pointer;
        tile.WeightShare = share.Pointer;
        tile.Strip = strip.Pointer;
        tile.BiasSums = genes.Pointer;
        tile.ThetaSums = genes.Pointer + g;
        tile.Bias = genes.Pointer + 2 * g;
        tile.Theta = genes.Pointer + 3 * g;
        tile.Constant = genes.Pointer + 4 * g;
        tile.Digamma = genes.Pointer + 5 * g;
        tile.Run = new CountRun(run.Pointer);
        tile.Added = added.Pointer;
        tile.AddedTheta = addedTheta.Pointer;
        tile.Positions = (int*)positions.Pointer;
        tile.Marks = (sbyte*)marks.Pointer;

        PrepareGenes<T>(ref tile);
        double loss = 0;
        for (tile.FirstCell = 0; tile.FirstCell < Cells; tile.FirstCell += DecoderPlan.CellBlock)
        {
            tile.Cells = Math.Min(DecoderPlan.CellBlock, Cells - tile.FirstCell);
            Forward<T>(tile);
            tile.IsMarked = T.SelectsLanes && CollectMarked<T>(tile, block, ref loss);
            if (!tile.IsMarked) loss += CollectCounts<T>(ref tile, block);
            loss += Dense<T>(tile);
            if (!NeedsGradient) continue;
            if (tile.IsMarked) AddMarked<T>(tile);
            else AddCounts(tile);
            if (DBias != null) BiasGradient<T>(tile);
            if (DWeight != null) WeightGradient<T>(tile);
            if (HiddenShares != null) HiddenGradient<T>(tile, block);
        }
        Losses[block] = loss;
        StoreGradients<T>(tile);
    }

    private readonly void PrepareGenes<T>(ref Tile tile) where T : struct, IVec<T>
    {
        int width = 2 * T.Count;
        var byGene = new GemmOperand(Weight, H, contiguousK: true);
        for (int j = 0; j < tile.Genes; j += width)
            byGene.Pack<T>(tile.FirstGene + j, Math.Min(width, tile.Genes - j), 0, H, width, tile.WeightPanels + (nint)j * H);
        if (HiddenShares != null) PackPanels<T>(new GemmOperand(Weight, H, contiguousK: false), tile.FirstGene, tile.Genes, tile.WeightTransposed);
        for (int j = 0; j < tile.PaddedGenes; j++)
        {
            bool real = j < tile.Genes;
            tile.BiasSums[j] = 0;
            tile.ThetaSums[j] = 0;
            // Genes that only fill up the last vector get a rate of nothing and so add nothing.
            tile.Bias[j] = real ? Bias[tile.FirstGene + j] : -1e4f;
            tile.Theta[j] = (real && TModel.HasDispersion ? Theta[tile.FirstGene + j] : 1f) + (float)NegativeBinomialLoss.Offset;
        }
        if (!TModel.HasDispersion) return;
        NegativeBinomialTerms.OfTheta<T>(tile.PaddedGenes, tile.Theta, tile.Constant, tile.Digamma);
    }

    /// <summary>Panels of lines (the hidden units) by k.</summary>
    private readonly void PackPanels<T>(GemmOperand operand, int first, int k, float* panels) where T : struct, IVec<T>
    {
        for (int i = 0, height; i < H; i += height)
        {
            height = GemmTiles.Height<T>(H - i);
            operand.Pack<T>(i, Math.Min(height, H - i), first, k, height, panels + (nint)i * k);
        }
    }

    /// <summary>Logits without bias, in panels of genes: element (cell, gene) of panel j at j CellBlock width + cell width + gene.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Forward<T>(in Tile tile) where T : struct, IVec<T>
    {
        int width = 2 * T.Count;
        for (int j = 0; j < tile.Genes; j += width)
        {
            for (int i = 0, height; i < tile.Cells; i += height)
            {
                height = GemmTiles.Height<T>(tile.Cells - i);
                GemmTiles.Run<T>(height, H, HiddenPanels + (nint)(tile.FirstCell + i) * H, tile.WeightPanels + (nint)j * H,
                    tile.Logits + (nint)j * DecoderPlan.CellBlock + (nint)i * width, width, false);
            }
        }
    }

    /// <summary>Gathers the logits at the counts of the tile and computes what the counts add to loss and gradients.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly double CollectCounts<T>(ref Tile tile, int block) where T : struct, IVec<T>
    {
        int width = 2 * T.Count, shift = System.Numerics.BitOperations.Log2((uint)width), filled = 0, done = 0, firstGene = tile.FirstGene;
        // Locals: what is stored in between could be any field for all the compiler knows.
        float* values = Values, logits = tile.Logits, bias = tile.Bias, theta = tile.Theta, constant = tile.Constant, digamma = tile.Digamma;
        float* z = tile.Run.Z, xs = tile.Run.X, sizes = tile.Run.Size;
        int* columns = Columns, positions = tile.Positions;
        double loss = 0;
        for (int c = 0; c < tile.Cells; c++)
        {
            int* start = Starts + (nint)(tile.FirstCell + c) * StartsStride + block * StartsStep;
            float size = SizeFactors[tile.FirstCell + c];
            if (c + Ahead < tile.Cells)
            {
                int* next = start + (nint)Ahead * StartsStride;
                CacheWalk.Fetch(columns + next[0], (next[StartsStep] - next[0]) * sizeof(int));
                CacheWalk.Fetch(values + next[0], (next[StartsStep] - next[0]) * sizeof(float));
            }
            for (int e = start[0], end = start[StartsStep]; e < end; e++)
            {
                float x = values[e];
                if (x == 0) continue;
                int gene = columns[e] - firstGene;
                int position = (gene >> shift << shift) * DecoderPlan.CellBlock + c * width + (gene & (width - 1));
                z[filled] = logits[position] + bias[gene];
                xs[filled] = x;
                sizes[filled] = size;
                positions[done + filled] = position;
                if (TModel.HasDispersion)
                {
                    tile.Run.Theta[filled] = theta[gene];
                    tile.Run.Constant[filled] = constant[gene];
                    tile.Run.Digamma[filled] = digamma[gene];
                }
                if (++filled < CountRun.Length) continue;
                loss += AddedByCounts<T>(tile, done, filled);
                done += filled;
                filled = 0;
            }
        }
        loss += AddedByCounts<T>(tile, done, filled);
        tile.CountsInTile = done + filled;
        return loss;
    }

    /// <summary>Marks the counts of the tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Mark(in Tile tile, int block)
    {
        new Span<sbyte>(tile.Marks, tile.Cells * DecoderPlan.GeneBlock).Clear();
        int* columns = Columns;
        for (int c = 0; c < tile.Cells; c++)
        {
            int* start = Starts + (nint)(tile.FirstCell + c) * StartsStride + block * StartsStep;
            if (c + MarkAhead < tile.Cells)
            {
                int* next = start + (nint)MarkAhead * StartsStride;
                CacheWalk.Fetch(columns + next[0], (next[StartsStep] - next[0]) * sizeof(int));
                CacheWalk.Fetch(Values + next[0], (next[StartsStep] - next[0]) * sizeof(float));
            }
            int first = start[0], end = start[StartsStep];
            sbyte* marks = tile.Marks + (nint)c * DecoderPlan.GeneBlock - tile.FirstGene;
            for (int e = first; e < end; e++) marks[columns[e]] = -1;
        }
    }

    /// <summary><see cref="CollectCounts"/> with whole vectors of genes at a time. False, with nothing done, where a count is stored that is 0: it is not for the logarithms of a likelihood.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly bool CollectMarked<T>(in Tile tile, int block, ref double loss) where T : struct, IVec<T>
    {
        Mark(tile, block);
        int width = 2 * T.Count, filled = 0, done = 0;
        float* bias = tile.Bias, theta = tile.Theta, constant = tile.Constant, digamma = tile.Digamma;
        CountRun run = tile.Run;
        double sum = 0;
        for (int c = 0; c < tile.Cells; c++)
        {
            int* start = Starts + (nint)(tile.FirstCell + c) * StartsStride + block * StartsStep;
            int first = start[0], count = start[StartsStep] - first;
            if (count == 0) continue;
            if (filled + count + T.Count > CountRun.Length)
            {
                sum += AddedByCounts<T>(tile, done, filled);
                done += filled;
                filled = 0;
            }
            T size = T.Create(SizeFactors[tile.FirstCell + c]), zeros = T.Zero;
            for (int i = 0; i < count; i += T.Count)
            {
                int left = count - i;
                T x = left >= T.Count ? T.Load(Values + first + i) : T.LoadPartial(Values + first + i, left);
                zeros |= left >= T.Count ? T.Equal(x, T.Zero) : T.Equal(x, T.Zero) & T.FirstLanes(left);
                T.Store(run.X + filled + i, x);
                T.Store(run.Size + filled + i, size);
            }
            if (T.Any(zeros)) return false;
            sbyte* marks = tile.Marks + (nint)c * DecoderPlan.GeneBlock;
            float* logits = tile.Logits + (nint)c * width;
            int to = filled;
            for (int j = 0; j < tile.PaddedGenes; j += width, logits += DecoderPlan.CellBlock * width)
            {
                for (int i = j; i < j + width; i += T.Count)
                {
                    if (TModel.HasDispersion)
                    {
                        T.StoreMarked(run.Theta + to, T.Load(theta + i), marks + i);
                        T.StoreMarked(run.Constant + to, T.Load(constant + i), marks + i);
                        T.StoreMarked(run.Digamma + to, T.Load(digamma + i), marks + i);
                    }
                    to += T.StoreMarked(run.Z + to, T.Load(logits + (i - j)) + T.Load(bias + i), marks + i);
                }
            }
            filled += count;
        }
        loss += sum + AddedByCounts<T>(tile, done, filled);
        return true;
    }

    /// <summary><see cref="AddCounts"/> with whole vectors of genes at a time.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddMarked<T>(in Tile tile) where T : struct, IVec<T>
    {
        int width = 2 * T.Count, genes = tile.PaddedGenes;
        float* added = tile.Added, addedTheta = tile.AddedTheta, thetaSums = tile.ThetaSums;
        for (int c = 0; c < tile.Cells; c++)
        {
            sbyte* marks = tile.Marks + (nint)c * DecoderPlan.GeneBlock;
            float* logits = tile.Logits + (nint)c * width;
            for (int j = 0; j < genes; j += width, logits += DecoderPlan.CellBlock * width)
            {
                for (int i = j; i < j + width; i += T.Count)
                {
                    float* z = logits + (i - j);
                    T.Store(z, T.Load(z) + T.LoadMarked(added, marks + i, out int count));
                    added += count;
                    if (!TModel.HasDispersion) continue;
                    T.Store(thetaSums + i, T.Load(thetaSums + i) + T.LoadMarked(addedTheta, marks + i, out _));
                    addedTheta += count;
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double AddedByCounts<T>(in Tile tile, int done, int count) where T : struct, IVec<T>
    {
        CountRun run = tile.Run;
        int whole = DecoderPlan.Round(count, T.Count);
        for (int i = count; i < whole; i++)
        {
            (run.Z[i], run.X[i], run.Size[i]) = (0, 1, 1);
            (run.Theta[i], run.Constant[i], run.Digamma[i]) = (1, 0, 0);
        }
        TModel.Added<T>(whole, run);
        for (int i = count; i < whole; i++) run.Loss[i] = 0;
        var sum = default(Compensated<T>);
        for (int i = 0; i < whole; i += T.Count)
        {
            sum.Add(T.Load(run.Loss + i));
            T.Store(tile.Added + done + i, T.Load(run.DLogit + i));
            if (TModel.HasDispersion) T.Store(tile.AddedTheta + done + i, T.Load(run.DTheta + i));
        }
        return sum.Total;
    }

    /// <summary>Replaces the logits by the gradient with respect to them as if all counts were 0; returns that loss.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly double Dense<T>(in Tile tile) where T : struct, IVec<T>
    {
        int width = 2 * T.Count;
        var sum = default(Compensated<T>);
        for (int j = 0; j < tile.PaddedGenes; j += T.Count)
        {
            float* z = tile.Logits + (nint)(j / width * width) * DecoderPlan.CellBlock + j % width;
            float* size = SizeFactors + tile.FirstCell;
            T bias = T.Load(tile.Bias + j), theta = T.Load(tile.Theta + j), loss = T.Zero, dTheta = T.Zero;
            for (int c = 0; c < tile.Cells; c++, z += width)
            {
                loss += TModel.Zero(T.Load(z) + bias, T.Create(size[c]), theta, out T d, out T t);
                T.Store(z, d);
                if (TModel.HasDispersion) dTheta += t;
            }
            sum.Add(loss);
            if (TModel.HasDispersion) T.Store(tile.ThetaSums + j, T.Load(tile.ThetaSums + j) + dTheta);
        }
        // The filling genes of the last panel cost their offset.
        return sum.Total - (double)(tile.PaddedGenes - tile.Genes) * tile.Cells * NegativeBinomialLoss.Offset;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddCounts(in Tile tile)
    {
        float* logits = tile.Logits, added = tile.Added;
        int* positions = tile.Positions;
        for (int i = 0; i < tile.CountsInTile; i++) logits[positions[i]] += added[i];
        if (!TModel.HasDispersion) return;
        int width = 2 * MachineVectors.Width, shift = System.Numerics.BitOperations.Log2((uint)width);
        for (int i = 0; i < tile.CountsInTile; i++)
        {
            int position = positions[i];
            tile.ThetaSums[(position / (DecoderPlan.CellBlock * width) << shift) + (position & (width - 1))] += tile.AddedTheta[i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BiasGradient<T>(in Tile tile) where T : struct, IVec<T>
    {
        int width = 2 * T.Count;
        for (int j = 0; j < tile.PaddedGenes; j += width)
        {
            float* z = tile.Logits + (nint)j * DecoderPlan.CellBlock;
            T s0 = T.Zero, s1 = T.Zero;
            for (int c = 0; c < tile.Cells; c++, z += width)
            {
                s0 += T.Load(z);
                s1 += T.Load(z + T.Count);
            }
            T.Store(tile.BiasSums + j, T.Load(tile.BiasSums + j) + s0);
            T.Store(tile.BiasSums + j + T.Count, T.Load(tile.BiasSums + j + T.Count) + s1);
        }
    }

    /// <summary>Adds H^T dZ of the tile to the transposed gradient of the weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void WeightGradient<T>(in Tile tile) where T : struct, IVec<T>
    {
        int width = 2 * T.Count;
        float* hidden = HiddenTransposed + (nint)tile.FirstCell * PaddedH;
        for (int j = 0; j < tile.Genes; j += width)
        {
            for (int i = 0, height; i < H; i += height)
            {
                height = GemmTiles.Height<T>(H - i);
                GemmTiles.Run<T>(height, tile.Cells, hidden + (nint)i * tile.Cells, tile.Logits + (nint)j * DecoderPlan.CellBlock,
                    tile.WeightShare + (nint)i * DecoderPlan.GeneBlock + j, DecoderPlan.GeneBlock, tile.FirstCell > 0);
            }
        }
    }

    /// <summary>This block's share of dZ W, transposed: h x cells.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void HiddenGradient<T>(in Tile tile, int block) where T : struct, IVec<T>
    {
        int width = 2 * T.Count;
        float* share = HiddenShares + (nint)block * PaddedH * PaddedCells + tile.FirstCell;
        for (int c = 0; c < tile.Cells; c += width)
        {
            int cells = Math.Min(width, tile.Cells - c);
            if (cells < width) new Span<float>(tile.Strip, width * tile.PaddedGenes).Clear();
            for (int j = 0; j < tile.Genes; j += width)
                Transposition.Copy(tile.Logits + (nint)j * DecoderPlan.CellBlock + (nint)c * width, width, cells, width, tile.Strip + (nint)j * width, width);
            for (int i = 0, height; i < H; i += height)
            {
                height = GemmTiles.Height<T>(H - i);
                float* to = share + (nint)i * PaddedCells + c;
                GemmTiles.Run<T, PackedRows, WideColumns>(height, tile.Genes, tile.WeightTransposed + (nint)i * tile.Genes, 0, tile.Strip, width, null, to, PaddedCells, false, GemmAhead.Result(to, PaddedCells, height), default);
            }
        }
    }

    private readonly void StoreGradients<T>(in Tile tile) where T : struct, IVec<T>
    {
        if (DWeight != null)
        {
            float* to = DWeight + (nint)tile.FirstGene * H;
            if (Accumulate)
            {
                using Scratch turned = Scratch.Rent((long)tile.Genes * H);
                Transposition.Copy(tile.WeightShare, DecoderPlan.GeneBlock, H, tile.Genes, turned.Pointer, H);
                for (nint i = 0; i < (nint)tile.Genes * H; i++) to[i] += turned.Pointer[i];
            }
            else
            {
                Transposition.Copy(tile.WeightShare, DecoderPlan.GeneBlock, H, tile.Genes, to, H);
            }
        }
        for (int j = 0; j < tile.Genes; j++)
        {
            int g = tile.FirstGene + j;
            if (DBias != null) DBias[g] = tile.BiasSums[j] + (Accumulate ? DBias[g] : 0f);
            if (DTheta != null) DTheta[g] = tile.ThetaSums[j] + (Accumulate ? DTheta[g] : 0f);
        }
    }
}

/// <summary>Adds the gene blocks' shares of the gradient of the hidden layer, in their order, and turns the sum. One block is 64 cells.</summary>
internal unsafe struct HiddenSum : IVectorKernel
{
    public const int CellsPerBlock = 64;

    public float* Shares;
    public int GeneBlocks;
    public int H;
    public int PaddedH;
    public int PaddedCells;
    public int Cells;
    public float* DHidden;
    public bool Accumulate;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run<T>(int block) where T : struct, IVec<T>
    {
        int first = block * CellsPerBlock, cells = Math.Min(CellsPerBlock, Cells - first);
        using Scratch sums = Scratch.Rent((long)H * CellsPerBlock), turned = Scratch.Rent((long)H * CellsPerBlock);
        for (int i = 0; i < H; i++)
        {
            // Padded columns are read too: every share has room for whole blocks of cells.
            for (int c = 0; c < cells; c += T.Count)
            {
                float* p = Shares + (nint)i * PaddedCells + first + c;
                T s = T.Load(p);
                for (int b = 1; b < GeneBlocks; b++) s += T.Load(p + (nint)b * PaddedH * PaddedCells);
                T.Store(sums.Pointer + i * CellsPerBlock + c, s);
            }
        }
        float* to = DHidden + (nint)first * H;
        Transposition.Copy(sums.Pointer, CellsPerBlock, H, cells, Accumulate ? turned.Pointer : to, H);
        if (!Accumulate) return;
        for (nint i = 0; i < (nint)cells * H; i++) to[i] += turned.Pointer[i];
    }
}
