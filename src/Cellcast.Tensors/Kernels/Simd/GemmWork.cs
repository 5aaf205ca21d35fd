using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>How a product is cut. Depends on its size and on the width of the vectors, never on the number of threads.</summary>
internal readonly struct GemmPlan
{
    /// <summary>Blocks below about this many multiply-adds are not worth handing to another thread.</summary>
    private const long SmallestBlock = 1 << 20;
    private const int WantedBlocks = 32;
    private const long LargestPacked = 32L << 20;

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
        while (Blocks(m, rows) * (long)Blocks(n, columns) < wanted)
        {
            if (columns > 2 * tileColumns && (columns > rows || rows <= 2 * tileRows || m <= 480)) columns = (columns + 1) / 2;
            else if (rows > 2 * tileRows) rows = (rows + 1) / 2;
            else break;
        }
        BlockRows = Even(m, rows, tileRows);
        BlockColumns = Even(n, columns, tileColumns);
        RowBlocks = Blocks(m, BlockRows);
        ColumnBlocks = Blocks(n, BlockColumns);
        PackRowsAhead = ColumnBlocks > 1 && (long)m * k <= LargestPacked;
        PackColumnsAhead = RowBlocks > 1 && (long)n * k <= LargestPacked;
    }

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
        for (int panel = block * PanelsPerBlock; panel < last; panel++)
        {
            int line = panel * width, count = Math.Min(width, lines - line);
            int height = isRows && count < width ? GemmTiles.PaddedRows<T>(count) : width;
            for (int p = 0; p < k; p += depth)
            {
                int d = Math.Min(depth, k - p);
                operand.Pack<T>(line, count, p, d, height, _packed + p * padded + (nint)line * d);
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

        using Scratch rowPanels = PackedRows == null ? Scratch.Rent((long)paddedRows * Plan.Depth) : default;
        using Scratch columnPanel = PackedColumns == null ? Scratch.Rent((long)tileColumns * Plan.Depth) : default;
        using Scratch blockBuffer = Transposed ? Scratch.Rent((long)paddedRows * paddedColumns) : default;
        float* edge = stackalloc float[12 * 32];

        for (int p = 0; p < Plan.K; p += Plan.Depth)
        {
            int depth = Math.Min(Plan.Depth, Plan.K - p);
            bool first = p == 0, final = p + depth == Plan.K;
            float* a;
            if (PackedRows != null)
            {
                a = PackedRows + p * aheadM + (nint)i0 * depth;
            }
            else
            {
                a = rowPanels.Pointer;
                for (int i = 0; i < rows; i += tileRows)
                {
                    int count = Math.Min(tileRows, rows - i);
                    Rows.Pack<T>(i0 + i, count, p, depth, count < tileRows ? GemmTiles.PaddedRows<T>(count) : tileRows, a + (nint)i * depth);
                }
            }
            for (int j = 0; j < columns; j += tileColumns)
            {
                int width = Math.Min(tileColumns, columns - j);
                float* b;
                if (PackedColumns != null)
                {
                    b = PackedColumns + p * aheadN + (nint)(j0 + j) * depth;
                }
                else
                {
                    b = columnPanel.Pointer;
                    Columns.Pack<T>(j0 + j, width, p, depth, tileColumns, b);
                }
                for (int i = 0; i < rows; i += tileRows)
                {
                    int count = Math.Min(tileRows, rows - i), height = count < tileRows ? GemmTiles.PaddedRows<T>(count) : tileRows;
                    float* panel = a + (nint)i * depth;
                    if (Transposed)
                    {
                        GemmTiles.Run<T>(height, depth, panel, b, blockBuffer.Pointer + (nint)i * paddedColumns + j, paddedColumns, !first);
                        continue;
                    }
                    float* c = C + (i0 + i) * Ldc + j0 + j;
                    bool add = Accumulate || !first;
                    if (height == count && width == tileColumns)
                    {
                        GemmTiles.Run<T>(height, depth, panel, b, c, Ldc, add);
                    }
                    else
                    {
                        GemmTiles.Run<T>(height, depth, panel, b, edge, tileColumns, false);
                        CopyTile(edge, tileColumns, c, Ldc, count, width, add);
                    }
                }
                if (final && !Transposed && typeof(TEpilogue) != typeof(NoEpilogue))
                    Epilogue.Apply(C + i0 * Ldc + j0 + j, (int)Ldc, i0, j0 + j, rows, width);
            }
        }
        if (!Transposed) return;
        float* corner = C + j0 * Ldc + i0;
        if (Accumulate)
        {
            // Through a narrow strip, so that the sum is taken row by row of C.
            using Scratch strip = Scratch.Rent((long)tileColumns * paddedRows);
            for (int j = 0; j < columns; j += tileColumns)
            {
                int width = Math.Min(tileColumns, columns - j);
                Transposition.Copy(blockBuffer.Pointer + j, paddedColumns, rows, width, strip.Pointer, paddedRows);
                CopyTile(strip.Pointer, paddedRows, corner + j * Ldc, Ldc, width, rows, true);
            }
        }
        else
        {
            Transposition.Copy(blockBuffer.Pointer, paddedColumns, rows, columns, corner, Ldc);
        }
        if (typeof(TEpilogue) != typeof(NoEpilogue)) Epilogue.Apply(corner, (int)Ldc, j0, i0, columns, rows);
    }

    private static void CopyTile(float* from, nint ldFrom, float* to, nint ldTo, int rows, int columns, bool add)
    {
        for (int i = 0; i < rows; i++, from += ldFrom, to += ldTo)
        {
            int j = 0;
            if (add)
            {
                for (; j + F128.Count <= columns; j += F128.Count) F128.Store(to + j, F128.Load(to + j) + F128.Load(from + j));
                for (; j < columns; j++) to[j] += from[j];
            }
            else
            {
                for (; j + F128.Count <= columns; j += F128.Count) F128.Store(to + j, F128.Load(from + j));
                for (; j < columns; j++) to[j] = from[j];
            }
        }
    }
}
