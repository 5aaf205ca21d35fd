using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>How a product is cut. Depends on its size and on the width of the vectors, never on the number of threads.</summary>
internal readonly struct GemmPlan
{
    /// <summary>Blocks below about this many multiply-adds are not worth handing to another thread.</summary>
    private const long SmallestBlock = 1 << 20;
    private const int WantedBlocks = 16;

    /// <summary>Blocks with a shorter side read their factors from the outer caches faster than those deliver; unless all rows are in one block, whose
    /// columns are then packed on the spot and read but once.</summary>
    private const int SmallestSide = 200;
    private const int NarrowestColumns = 100;
    private const long LargestPacked = 4L << 20;
    private const int ShortestPiece = 1024;

    /// <summary>Plans for a logical M x N product: rows are broadcast, columns lie in vectors.</summary>
    public GemmPlan(int m, int n, int k, int tileRows, int tileColumns)
    {
        M = m;
        N = n;
        K = k;
        TileRows = tileRows;
        TileColumns = tileColumns;
        int chunks = Math.Max(1, (k + MaxDepth - 1) / MaxDepth);
        Depth = Math.Max(1, ((k + chunks - 1) / chunks + 3) / 4 * 4);
        int rows = m <= 480 ? m : 240, columns = Math.Min(n, m > 4L * n ? 1024 : 512);
        long wanted = Math.Clamp((long)m * n * k / SmallestBlock, 1, WantedBlocks);
        int narrowest = m <= 480 ? NarrowestColumns : SmallestSide;
        while (Blocks(m, rows) * (long)Blocks(n, columns) < wanted)
        {
            bool wide = columns > narrowest, tall = m > 480 && rows > SmallestSide;
            if (wide && (columns >= rows || !tall)) columns = (columns + 1) / 2;
            else if (tall) rows = (rows + 1) / 2;
            else break;
        }
        BlockRows = Even(m, rows, tileRows);
        BlockColumns = Even(n, columns, tileColumns);
        RowBlocks = Blocks(m, BlockRows);
        ColumnBlocks = Blocks(n, BlockColumns);
        // What is read by one block only, or is too large to wait in a cache, is packed on the spot.
        PackRowsAhead = ColumnBlocks > 1 && (long)m * Math.Min(k, ShortestPiece) <= 2 * LargestPacked;
        PackColumnsAhead = RowBlocks > 1 && (long)n * Math.Min(k, ShortestPiece) <= 2 * LargestPacked;
        long packed = (PackRowsAhead ? m : 0L) + (PackColumnsAhead ? n : 0L);
        Piece = packed * k <= LargestPacked ? k : (int)Math.Clamp(LargestPacked / Math.Max(1, packed) / Depth * Depth, (ShortestPiece + Depth - 1) / Depth * Depth, Math.Max(k, ShortestPiece + Depth));
    }

    /// <summary>Longest stretch of k for which what is packed ahead stays in the outer cache.</summary>
    public int Piece { get; }

    /// <summary>The plan for another k.</summary>
    public GemmPlan Of(int k) => new(M, N, k, TileRows, TileColumns);

    /// <summary>Whether partial sums of a block wait in a buffer of their own rather than in C.</summary>
    public bool BuffersBlock => K > 2 * Depth;

    /// <summary>Longest piece of k: a column panel of this depth fills about half of a first-level cache.</summary>
    public const int MaxDepth = 256;

    public int M { get; }
    public int N { get; }
    public int K { get; }
    public int TileRows { get; }
    public int TileColumns { get; }
    public int Depth { get; }
    public int BlockRows { get; }
    public int BlockColumns { get; }
    public int RowBlocks { get; }
    public int ColumnBlocks { get; }
    public bool PackRowsAhead { get; }
    public bool PackColumnsAhead { get; }

    /// <summary>Rows with the last tile padded to a whole one.</summary>
    public int PaddedM => (M + TileRows - 1) / TileRows * TileRows;

    /// <summary>Columns with the last tile padded to a whole one.</summary>
    public int PaddedN => (N + TileColumns - 1) / TileColumns * TileColumns;

    private static int Blocks(int n, int size) => (n + size - 1) / size;

    private static int Even(int n, int size, int tile)
    {
        int blocks = Blocks(n, size);
        return ((n + blocks - 1) / blocks + tile - 1) / tile * tile;
    }
}

/// <summary>Copies panels of one factor before the product begins. One block is a few panels.</summary>
internal readonly unsafe struct GemmPack(GemmOperand operand, int lines, int k, int depth, bool isRows, float* packed) : IVectorKernel
{
    public const int PanelsPerBlock = 8;

    private readonly float* _packed = packed;

    /// <summary>Blocks that pack all lines.</summary>
    public static int Blocks(int lines, int width)
    {
        int panels = (lines + width - 1) / width;
        return (panels + PanelsPerBlock - 1) / PanelsPerBlock;
    }

    public void Run<T>(int block) where T : struct, IVec<T>
    {
        int width = isRows ? GemmTiles.FullRows<T>() : 2 * T.Count;
        int panels = (lines + width - 1) / width;
        nint padded = (nint)panels * width;
        int last = Math.Min(panels, (block + 1) * PanelsPerBlock);
        int from = block * PanelsPerBlock * width;
        for (int p = 0; p < k; p += depth)
        {
            int d = Math.Min(depth, k - p);
            int end = Math.Min(lines, last * width);
            if (!isRows && !operand.ContiguousK)
            {
                operand.PackPanels<T>(from, end - from, p, d, _packed + p * padded + (nint)from * d);
                continue;
            }
            for (int line = from; line < end; line += width)
            {
                // The next panel (or the same lines further on) is on its way while this one is turned.
                CacheWalk ahead = line + width < end ? operand.Walk(line + width, Math.Min(width, end - line - width), p, d)
                    : p + depth < k ? operand.Walk(from, Math.Min(width, end - from), p + depth, Math.Min(depth, k - p - depth)) : default;
                ahead.Ask(ahead.Lines);
                int count = Math.Min(width, lines - line);
                operand.Pack<T>(line, count, p, d, isRows && count < width ? GemmTiles.PaddedRows<T>(count) : width, _packed + p * padded + (nint)line * d);
            }
        }
    }
}

/// <summary>The product itself. One block is a rectangle of C with all of k.</summary>
internal unsafe struct GemmWork<TEpilogue> : IVectorKernel where TEpilogue : struct, IGemmEpilogue
{
    public GemmPlan Plan;
    public GemmOperand Rows;
    public GemmOperand Columns;
    public float* PackedRows;
    public float* PackedColumns;
    public float* C;
    public nint Ldc;

    /// <summary>C holds the transpose of the logical product.</summary>
    public bool Transposed;
    public bool Accumulate;
    public TEpilogue Epilogue;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<T>(int block) where T : struct, IVec<T>
    {
        int tileRows = GemmTiles.FullRows<T>(), tileColumns = 2 * T.Count;
        int i0 = block / Plan.ColumnBlocks * Plan.BlockRows, j0 = block % Plan.ColumnBlocks * Plan.BlockColumns;
        int rows = Math.Min(Plan.BlockRows, Plan.M - i0), columns = Math.Min(Plan.BlockColumns, Plan.N - j0);
        int paddedColumns = (columns + tileColumns - 1) / tileColumns * tileColumns, paddedRows = (rows + tileRows - 1) / tileRows * tileRows;
        nint aheadM = Plan.PaddedM, aheadN = Plan.PaddedN;
        bool buffered = Transposed || Plan.BuffersBlock;

        using Scratch rowPanels = PackedRows == null ? Scratch.Rent((long)paddedRows * Plan.Depth) : default;
        using Scratch columnPanels = PackedColumns == null ? Scratch.Rent((long)paddedColumns * Plan.Depth) : default;

        // Partial sums by column panels, so that every tile is one contiguous piece whatever the stride of C.
        using Scratch blockBuffer = buffered ? Scratch.Rent((long)paddedRows * paddedColumns) : default;
        float* edge = stackalloc float[12 * 32];

        for (int p = 0; p < Plan.K; p += Plan.Depth)
        {
            int depth = Math.Min(Plan.Depth, Plan.K - p);
            bool first = p == 0;
            float* a = PackedRows + p * aheadM + (nint)i0 * depth;
            if (PackedRows == null)
            {
                a = rowPanels.Pointer;
                for (int i = 0; i < rows; i += tileRows)
                {
                    int count = Math.Min(tileRows, rows - i);
                    Rows.Pack<T>(i0 + i, count, p, depth, count < tileRows ? GemmTiles.PaddedRows<T>(count) : tileRows, a + (nint)i * depth);
                }
            }
            float* b = PackedColumns + p * aheadN + (nint)j0 * depth;
            if (PackedColumns == null)
            {
                b = columnPanels.Pointer;
                Columns.PackPanels<T>(j0, columns, p, depth, b);
            }
            // While this piece of k is worked on, what the next one needs comes into the second-level cache.
            int tiles = paddedRows / tileRows * (paddedColumns / tileColumns), next = p + depth < Plan.K ? Math.Min(Plan.Depth, Plan.K - p - depth) : 0;
            CacheWalk nextColumns = PackedColumns == null
                ? Columns.Walk(j0, columns, p + depth, next)
                : new CacheWalk(PackedColumns + (p + depth) * aheadN + (nint)j0 * next, 0, Math.Min(next, 1), paddedColumns * next);
            CacheWalk nextRows = PackedRows == null
                ? Rows.Walk(i0, rows, p + depth, next)
                : new CacheWalk(PackedRows + (p + depth) * aheadM + (nint)i0 * next, 0, Math.Min(next, 1), paddedRows * next);
            int columnLines = (nextColumns.Lines + tiles - 1) / tiles, rowLines = (nextRows.Lines + tiles - 1) / tiles;
            for (int j = 0; j < columns; j += tileColumns)
            {
                int width = Math.Min(tileColumns, columns - j);
                float* bPanel = b + (nint)j * depth;
                for (int i = 0; i < rows; i += tileRows)
                {
                    nextColumns.Ask(columnLines);
                    nextRows.Ask(rowLines);
                    int count = Math.Min(tileRows, rows - i), height = count < tileRows ? GemmTiles.PaddedRows<T>(count) : tileRows;
                    float* aPanel = a + (nint)i * depth;
                    if (buffered)
                    {
                        GemmTiles.Run<T>(height, depth, aPanel, bPanel, blockBuffer.Pointer + (nint)j * paddedRows + (nint)i * tileColumns, tileColumns, !first);
                        continue;
                    }
                    float* c = C + (i0 + i) * Ldc + j0 + j;
                    bool add = Accumulate || !first;
                    if (height == count && width == tileColumns)
                    {
                        GemmTiles.Run<T>(height, depth, aPanel, bPanel, c, Ldc, add);
                    }
                    else
                    {
                        GemmTiles.Run<T>(height, depth, aPanel, bPanel, edge, tileColumns, false);
                        CopyTile<T>(edge, tileColumns, c, Ldc, count, width, add);
                    }
                }
                if (!buffered && p + depth == Plan.K && typeof(TEpilogue) != typeof(NoEpilogue))
                    Epilogue.Apply(C + i0 * Ldc + j0 + j, (int)Ldc, i0, j0 + j, rows, width);
            }
        }
        if (buffered) Deliver<T>(blockBuffer.Pointer, i0, j0, rows, columns, paddedRows, tileColumns);
    }

    /// <summary>Moves a finished block from its panels to C.</summary>
    private readonly void Deliver<T>(float* panels, int i0, int j0, int rows, int columns, int paddedRows, int tileColumns) where T : struct, IVec<T>
    {
        using Scratch turned = Transposed && Accumulate ? Scratch.Rent((long)tileColumns * paddedRows) : default;
        for (int j = 0; j < columns; j += tileColumns)
        {
            int width = Math.Min(tileColumns, columns - j);
            float* panel = panels + (nint)j * paddedRows;
            if (!Transposed)
            {
                float* c = C + i0 * Ldc + j0 + j;
                CopyTile<T>(panel, tileColumns, c, Ldc, rows, width, Accumulate);
                if (typeof(TEpilogue) != typeof(NoEpilogue)) Epilogue.Apply(c, (int)Ldc, i0, j0 + j, rows, width);
                continue;
            }
            float* corner = C + (j0 + j) * Ldc + i0;
            if (Accumulate)
            {
                Transposition.Copy(panel, tileColumns, rows, width, turned.Pointer, paddedRows);
                CopyTile<T>(turned.Pointer, paddedRows, corner, Ldc, width, rows, true);
            }
            else
            {
                Transposition.Copy(panel, tileColumns, rows, width, corner, Ldc);
            }
            if (typeof(TEpilogue) != typeof(NoEpilogue)) Epilogue.Apply(corner, (int)Ldc, j0 + j, i0, width, rows);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyTile<T>(float* from, nint ldFrom, float* to, nint ldTo, int rows, int columns, bool add) where T : struct, IVec<T>
    {
        for (int i = 0; i < rows; i++, from += ldFrom, to += ldTo)
        {
            int j = 0;
            for (; j + T.Count <= columns; j += T.Count) T.Store(to + j, add ? T.Load(to + j) + T.Load(from + j) : T.Load(from + j));
            if (j < columns) T.StorePartial(to + j, add ? T.LoadPartial(to + j, columns - j) + T.LoadPartial(from + j, columns - j) : T.LoadPartial(from + j, columns - j), columns - j);
        }
    }
}
