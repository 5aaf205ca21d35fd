using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>The fused count decoder for one batch of cells. One block is a range of genes; it owns the gradients of their weights, biases and dispersions, and
/// leaves its share of the gradient of the hidden layer in its own buffer.</summary>
internal unsafe struct DecoderKernel<TModel> : IVectorKernel where TModel : struct, ICountModel
{
    /// <summary>Cells whose counts are asked for ahead of their use.</summary>
    private const int Ahead = 6;
    private const int MarkAhead = 16;

    /// <summary>Cells that are taken at a time, and whose counts are spread out for that: they stay in a first-level cache.</summary>
    private const int DenseCells = 32;

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

    /// <summary>First entry of each <see cref="DecoderPlan.GeneUnit"/> of genes in each cell's row, see <see cref="BlockedRows"/>.</summary>
    public int* Starts;
    public int StartsStride, StartsStep;
    public int* Columns;
    public float* Values;

    /// <summary>One loss per gene block.</summary>
    public double* Losses;

    /// <summary>Gradient of the hidden layer, h x cells; where not needed, nothing.</summary>
    public PartialSums HiddenParts;
    public int PaddedCells;
    public float* DWeight;
    public float* DBias;
    public float* DTheta;
    public bool Accumulate;

    private readonly bool NeedsGradient => HiddenParts.IsWanted || DWeight != null || DBias != null || DTheta != null;

    /// <summary>Buffers of one block of genes.</summary>
    private struct Tile
    {
        public int FirstGene, Genes, PaddedGenes, FirstCell, Cells;
        public float* WeightPanels, WeightTransposed, Logits, Strip, WeightShare, BiasSums, ThetaSums, Bias, Theta, Constant, Digamma;
        public float* Added, AddedTheta;

        /// <summary>Counts of some cells, zeros included.</summary>
        public float* Dense;
        public float* Work;
        public CountRun Run;
        public float* HiddenPart;
        public bool AddsToHiddenPart;

        /// <summary>Where the tile's genes begin and end among the units of the rows' starts.</summary>
        public int FirstUnit, Units;

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
        EvenBlocks blocks = DecoderPlan.Blocks(Genes);
        tile.FirstGene = blocks.First(block);
        tile.Genes = blocks.First(block + 1) - tile.FirstGene;
        tile.FirstUnit = tile.FirstGene / DecoderPlan.GeneUnit;
        tile.Units = (tile.Genes + DecoderPlan.GeneUnit - 1) / DecoderPlan.GeneUnit;
        tile.PaddedGenes = DecoderPlan.Round(tile.Genes, width);
        int paddedH = DecoderPlan.Round(H, rows), tileSize = DecoderPlan.CellBlock * DecoderPlan.GeneBlock, g = DecoderPlan.GeneBlock;
        using Scratch panels = Scratch.Rent((long)g * H), transposed = Scratch.Rent((long)g * paddedH), logits = Scratch.Rent(tileSize), share = Scratch.Rent((long)g * paddedH),
            strip = Scratch.Rent(width * g), genes = Scratch.Rent(6 * g), dense = Scratch.Rent(DenseCells * (g + RateSteps.Work * T.Count));
        int counts = TModel.HasDispersion ? tileSize + CountRun.Length : 0;
        using Scratch run = Scratch.Rent(TModel.HasDispersion ? CountRun.Arrays * CountRun.Length : 0), added = Scratch.Rent(counts), addedTheta = Scratch.Rent(counts), positions = Scratch.Rent(counts),
            marks = Scratch.Rent(T.SelectsLanes && TModel.HasDispersion ? tileSize / sizeof(float) : 0);
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
        tile.Dense = dense.Pointer;
        tile.Work = dense.Pointer + DenseCells * g;
        tile.Run = new CountRun(run.Pointer);
        tile.Added = added.Pointer;
        tile.AddedTheta = addedTheta.Pointer;
        tile.Positions = (int*)positions.Pointer;
        tile.Marks = (sbyte*)marks.Pointer;

        if (HiddenParts.IsWanted) tile.HiddenPart = HiddenParts.Of(block, out tile.AddsToHiddenPart);
        PrepareGenes<T>(ref tile);
        double loss = 0;
        for (tile.FirstCell = 0; tile.FirstCell < Cells; tile.FirstCell += DecoderPlan.CellBlock)
        {
            tile.Cells = Math.Min(DecoderPlan.CellBlock, Cells - tile.FirstCell);
            Forward<T>(tile);
            if (TModel.HasDispersion) loss += WithDispersion<T>(ref tile);
            else loss += WithoutDispersion<T>(tile);
            if (!NeedsGradient) continue;
            if (DBias != null && TModel.HasDispersion) BiasGradient<T>(tile);
            if (DWeight != null) WeightGradient<T>(tile);
            if (HiddenParts.IsWanted) HiddenGradient<T>(tile);
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
        if (HiddenParts.IsWanted) PackPanels<T>(new GemmOperand(Weight, H, contiguousK: false), tile.FirstGene, tile.Genes, tile.WeightTransposed);
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

    /// <summary>Loss of the tile and, in place of the logits, its gradient with respect to them; adds up the gradients of biases.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly double WithoutDispersion<T>(in Tile tile) where T : struct, IVec<T>
    {
        int width = 2 * T.Count;
        float* counts = tile.Dense, biases = tile.Bias, sums = tile.BiasSums;
        var total = default(Compensated<T>);
        for (int first = 0; first < tile.Cells; first += DenseCells)
        {
            int cells = Math.Min(DenseCells, tile.Cells - first);
            // Some cells at a time: what has just been stored bit by bit is not yet to be had as a whole vector.
            Spread(tile, first, cells);
            for (int j = 0; j < tile.PaddedGenes; j += T.Count)
            {
                float* z = tile.Logits + (nint)(j / width * width) * DecoderPlan.CellBlock + (nint)first * width + j % width, x = counts + j, size = SizeFactors + tile.FirstCell + first;
                T dBias = T.Load(sums + j), loss = PoissonModel.Run(cells, z, width, T.Load(biases + j), size, x, DecoderPlan.GeneBlock, tile.Work, ref dBias);
                T.Store(sums + j, dBias);
                total.Add(loss);
            }
        }
        // The filling genes of the last panel cost their offset.
        return total.Total - (double)(tile.PaddedGenes - tile.Genes) * tile.Cells * NegativeBinomialLoss.Offset;
    }

    /// <summary>The counts of some cells as a matrix, cells x <see cref="DecoderPlan.GeneBlock"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Spread(in Tile tile, int firstCell, int cells)
    {
        new Span<float>(tile.Dense, cells * DecoderPlan.GeneBlock).Clear();
        int* columns = Columns;
        float* values = Values;
        int step = tile.Units * StartsStep, left = tile.Cells - firstCell;
        for (int c = 0; c < cells; c++)
        {
            int* start = Starts + (nint)(tile.FirstCell + firstCell + c) * StartsStride + tile.FirstUnit * StartsStep;
            if (c + MarkAhead < left)
            {
                int* next = start + (nint)MarkAhead * StartsStride;
                CacheWalk.Fetch(columns + next[0], (next[step] - next[0]) * sizeof(int));
                CacheWalk.Fetch(values + next[0], (next[step] - next[0]) * sizeof(float));
            }
            int first = start[0], end = start[step];
            float* to = tile.Dense + (nint)c * DecoderPlan.GeneBlock - tile.FirstGene;
            for (int e = first; e < end; e++) to[columns[e]] = values[e];
        }
    }

    /// <summary>The same where counts have costly terms of their own: they are gathered first.</summary>
    private readonly double WithDispersion<T>(ref Tile tile) where T : struct, IVec<T>
    {
        double loss = 0;
        tile.IsMarked = T.SelectsLanes && CollectMarked<T>(tile, ref loss);
        if (!tile.IsMarked) loss += CollectCounts<T>(ref tile);
        loss += Zeros<T>(tile);
        if (!NeedsGradient) return loss;
        if (tile.IsMarked) AddMarked<T>(tile);
        else AddCounts(tile);
        return loss;
    }

    /// <summary>Gathers the logits at the counts of the tile and computes what the counts add to loss and gradients.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly double CollectCounts<T>(ref Tile tile) where T : struct, IVec<T>
    {
        int width = 2 * T.Count, shift = System.Numerics.BitOperations.Log2((uint)width), filled = 0, done = 0, firstGene = tile.FirstGene, step = tile.Units * StartsStep;
        // Locals: what is stored in between could be any field for all the compiler knows.
        float* values = Values, logits = tile.Logits, bias = tile.Bias, theta = tile.Theta, constant = tile.Constant, digamma = tile.Digamma;
        float* z = tile.Run.Z, xs = tile.Run.X, sizes = tile.Run.Size;
        int* columns = Columns, positions = tile.Positions;
        double loss = 0;
        for (int c = 0; c < tile.Cells; c++)
        {
            int* start = Starts + (nint)(tile.FirstCell + c) * StartsStride + tile.FirstUnit * StartsStep;
            float size = SizeFactors[tile.FirstCell + c];
            if (c + Ahead < tile.Cells)
            {
                int* next = start + (nint)Ahead * StartsStride;
                CacheWalk.Fetch(columns + next[0], (next[step] - next[0]) * sizeof(int));
                CacheWalk.Fetch(values + next[0], (next[step] - next[0]) * sizeof(float));
            }
            for (int e = start[0], end = start[step]; e < end; e++)
            {
                float x = values[e];
                if (x == 0) continue;
                int gene = columns[e] - firstGene;
                int position = (gene >> shift << shift) * DecoderPlan.CellBlock + c * width + (gene & (width - 1));
                z[filled] = logits[position] + bias[gene];
                xs[filled] = x;
                sizes[filled] = size;
                positions[done + filled] = position;
                tile.Run.Theta[filled] = theta[gene];
                tile.Run.Constant[filled] = constant[gene];
                tile.Run.Digamma[filled] = digamma[gene];
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
    private readonly void Mark(in Tile tile)
    {
        new Span<sbyte>(tile.Marks, tile.Cells * DecoderPlan.GeneBlock).Clear();
        int* columns = Columns;
        int step = tile.Units * StartsStep;
        for (int c = 0; c < tile.Cells; c++)
        {
            int* start = Starts + (nint)(tile.FirstCell + c) * StartsStride + tile.FirstUnit * StartsStep;
            if (c + MarkAhead < tile.Cells)
            {
                int* next = start + (nint)MarkAhead * StartsStride;
                CacheWalk.Fetch(columns + next[0], (next[step] - next[0]) * sizeof(int));
                CacheWalk.Fetch(Values + next[0], (next[step] - next[0]) * sizeof(float));
            }
            int first = start[0], end = start[step];
            sbyte* marks = tile.Marks + (nint)c * DecoderPlan.GeneBlock - tile.FirstGene;
            for (int e = first; e < end; e++) marks[columns[e]] = -1;
        }
    }

    /// <summary><see cref="CollectCounts"/> with whole vectors of genes at a time. False, with nothing done, where a count is stored that is 0: it is not for the logarithms of a likelihood.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly bool CollectMarked<T>(in Tile tile, ref double loss) where T : struct, IVec<T>
    {
        Mark(tile);
        int width = 2 * T.Count, filled = 0, done = 0, step = tile.Units * StartsStep;
        float* bias = tile.Bias, theta = tile.Theta, constant = tile.Constant, digamma = tile.Digamma;
        CountRun run = tile.Run;
        double sum = 0;
        for (int c = 0; c < tile.Cells; c++)
        {
            int* start = Starts + (nint)(tile.FirstCell + c) * StartsStride + tile.FirstUnit * StartsStep;
            int first = start[0], count = start[step] - first;
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
                    T.StoreMarked(run.Theta + to, T.Load(theta + i), marks + i);
                    T.StoreMarked(run.Constant + to, T.Load(constant + i), marks + i);
                    T.StoreMarked(run.Digamma + to, T.Load(digamma + i), marks + i);
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
        NegativeBinomialModel.Added<T>(whole, run);
        for (int i = count; i < whole; i++) run.Loss[i] = 0;
        var sum = default(Compensated<T>);
        for (int i = 0; i < whole; i += T.Count)
        {
            sum.Add(T.Load(run.Loss + i));
            T.Store(tile.Added + done + i, T.Load(run.DLogit + i));
            T.Store(tile.AddedTheta + done + i, T.Load(run.DTheta + i));
        }
        return sum.Total;
    }

    /// <summary>Replaces the logits by the gradient with respect to them as if all counts were 0; returns that loss.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly double Zeros<T>(in Tile tile) where T : struct, IVec<T>
    {
        int width = 2 * T.Count;
        var sum = default(Compensated<T>);
        for (int j = 0; j < tile.PaddedGenes; j += T.Count)
        {
            T dTheta = T.Load(tile.ThetaSums + j);
            for (int first = 0; first < tile.Cells; first += DenseCells)
            {
                float* z = tile.Logits + (nint)(j / width * width) * DecoderPlan.CellBlock + (nint)first * width + j % width, size = SizeFactors + tile.FirstCell + first;
                sum.Add(NegativeBinomialModel.Zeros(Math.Min(DenseCells, tile.Cells - first), z, width, T.Load(tile.Bias + j), size, T.Load(tile.Theta + j), tile.Work, ref dTheta));
            }
            T.Store(tile.ThetaSums + j, dTheta);
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

    /// <summary>This block's part of dZ W, transposed: h x cells.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void HiddenGradient<T>(in Tile tile) where T : struct, IVec<T>
    {
        int width = 2 * T.Count;
        float* share = tile.HiddenPart + tile.FirstCell;
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
                GemmRequests requests = new() { Result = GemmAhead.Result(to, PaddedCells, height) };
                GemmTiles.Run<T, PackedRows, WideColumns>(height, tile.Genes, tile.WeightTransposed + (nint)i * tile.Genes, 0, tile.Strip, width, null, to, PaddedCells, tile.AddsToHiddenPart, &requests);
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

/// <summary>Adds up the parts of the gradient of the hidden layer and turns the sum. One block is 64 cells.</summary>
internal unsafe struct HiddenSum : IVectorKernel
{
    public const int CellsPerBlock = 64;

    public PartialSums Parts;
    public int H;
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
            // Padded columns are read too: every part has room for whole blocks of cells.
            for (int c = 0; c < cells; c += T.Count) T.Store(sums.Pointer + i * CellsPerBlock + c, Parts.Total<T>((nint)i * PaddedCells + first + c));
        }
        float* to = DHidden + (nint)first * H;
        Transposition.Copy(sums.Pointer, CellsPerBlock, H, cells, Accumulate ? turned.Pointer : to, H);
        if (!Accumulate) return;
        for (nint i = 0; i < (nint)cells * H; i++) to[i] += turned.Pointer[i];
    }
}
