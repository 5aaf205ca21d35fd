using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>How a product is cut. How k is cut decides the bits of the result; it depends on the size and on the width of the vectors only. The rectangles of C may also
/// depend on the number of threads, since each of its elements is summed alike in all of them.</summary>
internal readonly struct GemmPlan
{
    /// <summary>Blocks below about this many multiply-adds are not worth handing to another thread.</summary>
    private const long SmallestBlock = 1 << 20;
    private const int BlocksPerThread = 4;

    /// <summary>Blocks with a shorter side read their factors from the outer caches faster than those deliver; unless all rows are in one block, whose
    /// columns are then packed on the spot and read but once.</summary>
    private const int SmallestSide = 200;
    private const int NarrowestColumns = 100;

    /// <summary>Longest piece of k: a panel of columns of this depth stays in a second-level cache beside the rows.</summary>
    private const int MaxDepth = 520;

    /// <summary>Most elements of the rows of a block in one piece of k: half of a second-level cache.</summary>
    private const int LargestRows = 1 << 17;

    /// <summary>Most sums of a block that wait in a buffer, in the second-level cache beside the rest.</summary>
    private const int LargestSums = 3 << 14;

    /// <summary>Rows up to which a block has all of them, and rows of a block otherwise, about.</summary>
    public const int MostRows = 480;
    private const int SomeRows = 240;

    /// <summary>Most elements that are packed ahead: they stay in a third-level cache.</summary>
    private const long LargestPacked = 4L << 20;
    private const int ShortestPiece = 1024;

    /// <summary>Shortest k of a product in strips, since their tiles go along the columns of C; and fewest tiles from top to bottom of a strip.</summary>
    private const int ShortestInStrips = 256, FewestTiles = 4;

    /// <summary>Plans for a logical M x N product: rows are broadcast, columns lie in vectors.</summary>
    public GemmPlan(int m, int n, int k, int tileRows, int tileColumns, GemmOperand factor, bool transposed, int threads)
    {
        bool columnsCollide = factor.Collides;
        M = m;
        N = n;
        K = k;
        TileRows = tileRows;
        TileColumns = tileColumns;
        Transposed = transposed;
        Threads = threads;
        bool all = HasAllRows(m, k);
        int rows = all ? m : SomeRows, deepest = Math.Clamp(LargestRows / rows / 4 * 4, 256, MaxDepth);
        int chunks = Math.Max(1, (k + deepest - 1) / deepest);
        // A multiple of four, but not of eight: panels then begin all over the sets of a cache.
        Depth = chunks == 1 ? k : (((k + chunks - 1) / chunks + 3) / 4 | 1) * 4;
        int columns = Math.Min(n, m > 4L * n ? 1024 : 512);
        if (transposed) columns = Math.Min(columns, Math.Max(LargestSums / rows, 2 * tileColumns));
        int mostColumns = columns;
        long wanted = Math.Clamp((long)m * n * k / SmallestBlock, 1, threads > 1 ? BlocksPerThread * threads : 1);
        int narrowest = all ? NarrowestColumns : SmallestSide;
        while (Blocks(m, rows) * (long)Blocks(n, columns) < wanted)
        {
            bool wide = columns > narrowest, tall = !all && rows > SmallestSide;
            if (wide && (columns >= rows || !tall)) columns = (columns + 1) / 2;
            else if (tall) rows = (rows + 1) / 2;
            else break;
        }
        if (all && wanted > 1) columns = Balanced((n + tileColumns - 1) / tileColumns, threads, Math.Max(mostColumns / tileColumns, 1)) * tileColumns;
        int tiles = (m + tileRows - 1) / tileRows, strips = 0;
        bool inStrips = !transposed && InStrips(m, n, k, !factor.ContiguousK);
        if (inStrips)
        {
            // As many for every thread.
            strips = (Blocks(m, SomeRows) + threads - 1) / threads * threads;
            if (tiles < FewestTiles * strips) strips = 0;
        }
        BlockRows = strips > 0 ? Blocks(tiles, strips) * tileRows : Even(m, rows, tileRows);
        BlockColumns = strips > 0 ? PaddedN : Even(n, columns, tileColumns);
        PackBlockColumns = columnsCollide || (m > MostRows && all && StayNear);
        RowBlocks = strips > 0 ? strips : Blocks(m, BlockRows);
        ColumnBlocks = Blocks(n, BlockColumns);
        // What is read by one block only, or is too large to wait in a cache, is packed on the spot.
        PackRowsAhead = ColumnBlocks > 1 && (long)m * Math.Min(k, ShortestPiece) <= 2 * LargestPacked;
        PackColumnsAhead = RowBlocks > 1 && (strips == 0 || columnsCollide) && (long)n * Math.Min(k, ShortestPiece) <= 2 * LargestPacked;
        // How k is cut must not depend on the threads, even where they are too many for strips.
        long packed = inStrips ? columnsCollide ? n : 0 : m + (all ? 0L : n);
        Piece = packed * k <= LargestPacked ? k : (int)Math.Clamp(LargestPacked / Math.Max(1, packed) / Depth * Depth, (ShortestPiece + Depth - 1) / Depth * Depth, Math.Max(k, ShortestPiece + Depth));
    }

    /// <summary>Longest stretch of k for which what is packed ahead stays in the outer cache.</summary>
    public int Piece { get; }

    /// <summary>The same rectangles and the same pieces for a stretch of k that begins with a piece.</summary>
    public GemmPlan Of(int k) => this with { K = k, Depth = Math.Min(Depth, k) };

    /// <summary>Whether each piece of k is packed while the one before it is multiplied: where both factors lie across k there are many pieces, and packing would wait for memory.</summary>
    public bool PacksOnTheWay(GemmOperand rows, GemmOperand columns) =>
        PackRowsAhead && PackColumnsAhead && !Transposed && !rows.ContiguousK && !columns.ContiguousK && K > 2 * Depth;

    /// <summary>Copies of the rows that are packed on the way: one for each thread where that costs little beside the columns, so that no core waits for what another one has written.</summary>
    public int RowCopies => Math.Clamp(N / (2 * M), 1, Math.Min(Threads, ColumnBlocks));

    /// <summary>Which of so many parts of the blocks of columns, cut as <see cref="Workers"/> cuts them for threads, a block of columns belongs to.</summary>
    public int Part(int columnBlock, int parts) => parts > 1 ? (int)(((columnBlock + 1L) * parts - 1) / ColumnBlocks) : 0;

    /// <summary>Whether a block has all rows of the product.</summary>
    public static bool HasAllRows(int m, int k) => m <= MostRows || (long)m * k <= LargestRows;

    /// <summary>Whether a block packs all its columns before it begins: they lie so far apart that a cache cannot hold them side by side.</summary>
    public bool PackBlockColumns { get; }


    /// <summary>The product is turned into C in the end; sums wait in a buffer until then.</summary>
    public bool Transposed { get; }

    public int Threads { get; }
    public int M { get; }
    public int N { get; }
    public int K { get; private init; }
    public int TileRows { get; }
    public int TileColumns { get; }
    public int Depth { get; private init; }
    public int BlockRows { get; }
    public int BlockColumns { get; }
    public int RowBlocks { get; }
    public int ColumnBlocks { get; }
    public bool PackRowsAhead { get; }
    public bool PackColumnsAhead { get; }

    /// <summary>All columns of a block are packed and stay in a second-level cache, and so does the whole of k: tiles go along the rows of C.</summary>
    public bool ByRows => !Transposed && K <= Depth && (PackColumnsAhead || PackBlockColumns) && StayNear;

    private bool StayNear => (long)K * BlockColumns <= LargestRows / 2;

    /// <summary>Rows with the last tile padded to a whole one.</summary>
    public int PaddedM => (M + TileRows - 1) / TileRows * TileRows;

    /// <summary>Whether blocks are strips of rows over all columns: each packs its rows into its own second-level cache, and its columns while its first tiles are multiplied, so that nothing is packed by one
    /// thread and read by another (columns that collide are packed ahead all the same). For columns that lie across k and stay in a third-level cache for all strips.</summary>
    public static bool InStrips(int m, int n, int k, bool columnsAcross) => columnsAcross && !HasAllRows(m, k) && k >= ShortestInStrips && (long)n * k <= LargestPacked;

    /// <summary>First row of a block of rows.</summary>
    public int FirstRow(int block) => Math.Min(M, PackRowsAhead ? block * BlockRows : (int)((long)(PaddedM / TileRows) * block / RowBlocks) * TileRows);

    /// <summary>First column of a block of columns, so that half of the blocks have half of the panels.</summary>
    public int FirstColumn(int block) => Math.Min(N, (int)((long)(PaddedN / TileColumns) * block / ColumnBlocks) * TileColumns);

    /// <summary>Columns with the last tile padded to a whole one.</summary>
    public int PaddedN => (N + TileColumns - 1) / TileColumns * TileColumns;

    private static int Blocks(int n, int size) => (n + size - 1) / size;

    /// <summary>Panels of a block, so that no thread has more than its share: the last to finish decides.</summary>
    private static int Balanced(int panels, int threads, int most)
    {
        int best = 1, shortest = int.MaxValue;
        for (int size = Math.Min(most, panels); size >= Math.Min(2, panels); size--)
        {
            int time = (Blocks(panels, size) + threads - 1) / threads * size;
            if (time >= shortest) continue;
            (best, shortest) = (size, time);
        }
        return best;
    }

    private static int Even(int n, int size, int tile)
    {
        int blocks = Blocks(n, size);
        return ((n + blocks - 1) / blocks + tile - 1) / tile * tile;
    }
}

/// <summary>Copies panels of one factor before the product begins. One block is a few panels.</summary>
/// <param name="operand">The factor.</param>
/// <param name="lines">Its lines.</param>
/// <param name="k">Length of a line.</param>
/// <param name="depth">Pieces into which k is cut.</param>
/// <param name="group">For rows: tiles are counted anew every so many lines, a multiple of a full tile. For columns: 0.</param>
/// <param name="packed">Target: piece after piece, in each panel after panel.</param>
internal readonly unsafe struct GemmPack(GemmOperand operand, int lines, int k, int depth, int group, float* packed) : IVectorKernel
{
    private const int PanelsPerBlock = 4;
    private const int PositionsPerBlock = 64;

    /// <summary>Positions of rows that fill whole cache lines of a panel.</summary>
    public const int PositionsAtOnce = 4;

    private readonly float* _packed = packed;

    /// <summary>Packs all lines.</summary>
    public static void All(Workers workers, GemmOperand operand, int lines, int k, int depth, int group, float* packed)
    {
        int width = group > 0 ? MachineVectors.TileRows : 2 * MachineVectors.Width, size = operand.ContiguousK ? PanelsPerBlock * width : PositionsPerBlock;
        workers.ForVectors(((operand.ContiguousK ? lines : k) + size - 1) / size, new GemmPack(operand, lines, k, depth, group, packed));
    }

    public void Run<T>(int block) where T : struct, IVec<T>
    {
        if (operand.ContiguousK) Turn<T>(block);
        else Copy<T>(block);
    }

    /// <summary>A block of lines, over all of k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Turn<T>(int block) where T : struct, IVec<T>
    {
        bool isRows = group > 0;
        int width = isRows ? GemmTiles.FullRows<T>() : 2 * T.Count;
        nint padded = (nint)((lines + width - 1) / width) * width;
        int from = block * PanelsPerBlock * width, end = Math.Min(lines, from + PanelsPerBlock * width);
        if (isRows) (from, end) = (FirstTile<T>(from), FirstTile<T>(end));
        // Along the lines: a few long streams, which the processor sees coming.
        for (int line = from, count; line < end; line += count)
        {
            int panel = Panel<T>(line, out count);
            for (int p = 0; p < k; p += depth)
            {
                int d = Math.Min(depth, k - p);
                operand.Pack<T>(line, count, p, d, panel, _packed + p * padded + (nint)line * d);
            }
        }
    }

    /// <summary>A block of positions of k, over all lines: memory is read as it lies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Copy<T>(int block) where T : struct, IVec<T>
    {
        bool isRows = group > 0;
        int last = Math.Min(k, (block + 1) * PositionsPerBlock);
        // One after the other: a single long stream where the lines are all of a row.
        for (int q = block * PositionsPerBlock; q < last; q++) CopyPositions<T>(q, 1, 0, lines);
    }

    /// <summary>Some positions of k of a factor that lies across k.</summary>
    /// <param name="q">First position.</param>
    /// <param name="count">Number of positions, in one piece of k.</param>
    /// <param name="from">First line; that of a panel of columns, or of a group of rows.</param>
    /// <param name="to">End of the lines; likewise.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void CopyPositions<T>(int q, int count, int from, int to) where T : struct, IVec<T>
    {
        bool isRows = group > 0;
        int full = isRows ? GemmTiles.FullRows<T>() : 2 * T.Count, size = isRows ? group : to - from;
        nint padded = (nint)((lines + full - 1) / full) * full;
        int p = q / depth * depth, d = Math.Min(depth, k - p);
        float* panels = _packed + p * padded;
        float* source = operand.At(0, q);
        for (int first = from; first < to; first += size)
        {
            int line = first, end = Math.Min(to, first + size);
            float* panel = panels + (nint)line * d + (nint)(q - p) * full;
            for (; GemmTiles.IsFull<T>(end - line, isRows); line += full, panel += (nint)full * d)
            {
                if (!isRows)
                    for (int i = 0; i < count; i++) GemmOperand.CopyRow<T>(source + i * operand.Stride + line, full, full, panel + i * full);
                else if (T.Count == 16 && count == PositionsAtOnce)
                    GemmOperand.CopyTileRows(source + line, operand.Stride, panel);
                else
                    for (int i = 0; i < count; i++) GemmOperand.CopyTileRow<T>(source + i * operand.Stride + line, panel + i * full);
            }
            for (int left; line < end; line += left)
            {
                int width = Panel<T>(line, out left);
                float* last = panels + (nint)line * d + (nint)(q - p) * width;
                for (int i = 0; i < count; i++) GemmOperand.CopyRow<T>(source + i * operand.Stride + line, left, width, last + i * width);
            }
        }
    }

    /// <summary>Width of the panel that begins at a line, and the lines in it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Panel<T>(int line, out int count) where T : struct, IVec<T>
    {
        int left = group > 0 ? GroupEnd(line) - line : lines - line, panel = group > 0 ? GemmTiles.Height<T>(left) : GemmOperand.PanelWidth<T>(left);
        count = Math.Min(panel, left);
        return panel;
    }

    private int GroupEnd(int line) => Math.Min(lines, (line / group + 1) * group);

    /// <summary>The first line of a tile that is not before <paramref name="line"/>.</summary>
    private int FirstTile<T>(int line) where T : struct, IVec<T>
    {
        if (line >= lines) return lines;
        int tile = line / group * group, end = GroupEnd(line);
        while (tile < line) tile += GemmTiles.Height<T>(end - tile);
        return Math.Min(tile, end);
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
    public bool Accumulate;
    public TEpilogue Epilogue;

    /// <summary>Copies of the packed rows, one for each so many neighbouring blocks of columns; 0 and 1 are one.</summary>
    public int RowCopies;

    /// <summary>What is to be packed meanwhile.</summary>
    public GemmNext Next;

    /// <summary>A rectangle of C and where its factors lie for the piece of k at hand.</summary>
    private struct Block
    {
        public int Row, Column, Rows, Columns;

        /// <summary>Rows by tiles, packed.</summary>
        public float* A;

        /// <summary>Columns by panels, packed; or room for one panel.</summary>
        public float* B;

        /// <summary>Where sums wait until the block is finished, by column panels; null where they go to C at once.</summary>
        public float* Sums;
        public int PaddedRows;

        /// <summary>Position of k, and length of the piece.</summary>
        public int Start, Depth;
    }

    public void Run<T>(int block) where T : struct, IVec<T>
    {
        int tileRows = GemmTiles.FullRows<T>(), tileColumns = 2 * T.Count;
        Block x = default;
        // Neighbours below each other: beside each other they would share cache lines of C, and two threads that work in step would fight for them.
        x.Row = Plan.FirstRow(block % Plan.RowBlocks);
        x.Column = Plan.FirstColumn(block / Plan.RowBlocks);
        x.Rows = Plan.FirstRow(block % Plan.RowBlocks + 1) - x.Row;
        x.Columns = Plan.FirstColumn(block / Plan.RowBlocks + 1) - x.Column;
        x.PaddedRows = (x.Rows + tileRows - 1) / tileRows * tileRows;
        int paddedColumns = (x.Columns + tileColumns - 1) / tileColumns * tileColumns;

        using Scratch rowPanels = PackedRows == null ? Scratch.Rent((long)x.PaddedRows * Plan.Depth) : default;
        using Scratch columnPanels = PackedColumns == null ? Scratch.Rent((long)(Plan.PackBlockColumns ? paddedColumns : tileColumns) * Plan.Depth) : default;
        using Scratch sums = Plan.Transposed ? Scratch.Rent((long)x.PaddedRows * paddedColumns) : default;
        x.Sums = sums.Pointer;
        float* packedRows = PackedRows + Plan.Part(block / Plan.RowBlocks, RowCopies) * ((nint)Plan.PaddedM * Plan.K);
        var way = new GemmOnTheWay(Plan, Next, block, x.PaddedRows / tileRows * (paddedColumns / tileColumns));
        for (x.Start = 0; x.Start < Plan.K; x.Start += Plan.Depth)
        {
            x.Depth = Math.Min(Plan.Depth, Plan.K - x.Start);
            x.A = PackedRows == null ? rowPanels.Pointer : packedRows + x.Start * (nint)Plan.PaddedM + (nint)x.Row * x.Depth;
            if (PackedRows == null)
            {
                for (int i = 0, height; i < x.Rows; i += height)
                {
                    height = GemmTiles.Height<T>(x.Rows - i);
                    Rows.Pack<T>(x.Row + i, Math.Min(height, x.Rows - i), x.Start, x.Depth, height, x.A + (nint)i * x.Depth);
                }
            }
            x.B = PackedColumns == null ? columnPanels.Pointer : PackedColumns + x.Start * (nint)Plan.PaddedN + (nint)x.Column * x.Depth;
            if (PackedColumns == null && Plan.PackBlockColumns) Columns.PackPanels<T>(x.Column, x.Columns, x.Start, x.Depth, x.B);
            if (Plan.ByRows) MultiplyByRows<T>(x);
            else Multiply<T>(x, ref way);
        }
        way.Finish<T>();
    }

    /// <summary>One piece of k: panel by panel, all tiles of a panel one after the other, so that it stays near.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply<T>(in Block x, ref GemmOnTheWay way) where T : struct, IVec<T>
    {
        int tileColumns = 2 * T.Count;
        bool whole = PackedColumns != null || Plan.PackBlockColumns;
        GemmRequests requests = default;
        // Where a panel has fewer tiles than the next one has parts, the first of them ask for two.
        int second = (x.Rows + GemmTiles.FullRows<T>() / 2) / GemmTiles.FullRows<T>();
        for (int j = 0; j < x.Columns; j += tileColumns)
        {
            int columns = Math.Min(tileColumns, x.Columns - j);
            float* panel = whole ? x.B + (nint)j * x.Depth : x.B;
            // Whole panels whose rows lie as the panel wants them need no pass of their own: the first tile reads them where they are and leaves a copy.
            float* source = null;
            if (!whole)
            {
                if (columns == tileColumns && !Columns.ContiguousK) source = Columns.At(x.Column + j, x.Start);
                else Columns.Pack<T>(x.Column + j, columns, x.Start, x.Depth, GemmOperand.PanelWidth<T>(columns), panel);
            }
            for (int i = 0, tile = 0, height; i < x.Rows; i += height, tile++)
            {
                height = GemmTiles.Height<T>(x.Rows - i);
                requests.Factors = tile < GemmAhead.Tiles ? NextColumns<T>(x, j, tile) : default;
                way.Request<T>(ref requests);
                if (tile + second < GemmAhead.Tiles) requests.Source = NextColumns<T>(x, j, tile + second);
                Tile<T>(x, i, height, j, columns, panel, source, &requests);
                source = null;
                way.AfterTile<T>();
            }
            if (x.Start + x.Depth < Plan.K) continue;
            if (x.Sums != null)
                Deliver<T>(x, j, columns);
            else if (typeof(TEpilogue) != typeof(NoEpilogue))
                Epilogue.Apply(C + x.Row * Ldc + x.Column + j, (int)Ldc, x.Row, x.Column + j, x.Rows, columns);
        }
    }

    /// <summary>A short k: all columns of the block stay near, so the tiles go along the rows of C, which is how memory likes to be written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void MultiplyByRows<T>(in Block x) where T : struct, IVec<T>
    {
        int tileColumns = 2 * T.Count;
        for (int i = 0, height; i < x.Rows; i += height)
        {
            height = GemmTiles.Height<T>(x.Rows - i);
            for (int j = 0; j < x.Columns; j += tileColumns)
                Tile<T>(x, i, height, j, Math.Min(tileColumns, x.Columns - j), x.B + (nint)j * x.Depth, null, null);
            if (typeof(TEpilogue) != typeof(NoEpilogue))
                Epilogue.Apply(C + (x.Row + i) * Ldc + x.Column, (int)Ldc, x.Row + i, x.Column, Math.Min(height, x.Rows - i), x.Columns);
        }
    }

    /// <summary>The tile at row i and column j of the block.</summary>
    /// <param name="x">The block.</param>
    /// <param name="i">First row.</param>
    /// <param name="height">Rows with padding.</param>
    /// <param name="j">First column.</param>
    /// <param name="columns">Columns without padding.</param>
    /// <param name="panel">The columns, packed.</param>
    /// <param name="source">The columns where they are, yet to be packed; or null.</param>
    /// <param name="requests">What to ask for on the way, and the tile of C, too; or null.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Tile<T>(in Block x, int i, int height, int j, int columns, float* panel, float* source, GemmRequests* requests) where T : struct, IVec<T>
    {
        int tileColumns = 2 * T.Count, width = GemmOperand.PanelWidth<T>(columns), rows = Math.Min(height, x.Rows - i);
        float* a = x.A + (nint)i * x.Depth;
        bool first = x.Start == 0;
        if (x.Sums != null)
        {
            if (x.Start + x.Depth == Plan.K) requests->Result = GemmAhead.Turned(C + (x.Column + j) * Ldc + x.Row + i + rows - 1, Ldc, columns);
            Run<T>(height, width, x.Depth, a, panel, source, x.Sums + (nint)j * x.PaddedRows + (nint)i * tileColumns, tileColumns, !first, requests);
            return;
        }
        float* c = C + (x.Row + i) * Ldc + x.Column + j;
        if (requests != null) requests->Result = GemmAhead.Result(c, Ldc, rows);
        if (rows == height && columns == width) Run<T>(height, width, x.Depth, a, panel, source, c, Ldc, Accumulate || !first, requests);
        else Edge<T>(x, height, rows, columns, a, panel, source, c, requests);
    }

    /// <summary>A tile that reaches beyond C, by way of a buffer.</summary>
    private readonly void Edge<T>(in Block x, int height, int rows, int columns, float* a, float* panel, float* source, float* c, GemmRequests* requests) where T : struct, IVec<T>
    {
        float* edge = stackalloc float[14 * 32];
        Run<T>(height, GemmOperand.PanelWidth<T>(columns), x.Depth, a, panel, source, edge, 2 * T.Count, false, requests);
        CopyTile<T>(edge, 2 * T.Count, c, Ldc, rows, columns, Accumulate || x.Start > 0);
    }

    private readonly void Run<T>(int height, int width, int depth, float* a, float* panel, float* source, float* c, nint ldc, bool add, GemmRequests* requests) where T : struct, IVec<T>
    {
        if (source != null) GemmTiles.Run<T, PackedRows, PackingColumns>(height, depth, a, 0, source, Columns.Stride, panel, c, ldc, add, requests);
        else if (width == 2 * T.Count) GemmTiles.Run<T, PackedRows, WideColumns>(height, depth, a, 0, panel, width, null, c, ldc, add, requests);
        else GemmTiles.Run<T, PackedRows, NarrowColumns>(height, depth, a, 0, panel, width, null, c, ldc, add, requests);
    }

    /// <summary>A part of the next panel of columns: the one beside this, or the first one of the next piece of k.</summary>
    private readonly GemmAhead NextColumns<T>(in Block x, int j, int part) where T : struct, IVec<T>
    {
        int width = 2 * T.Count, start = x.Start, depth = x.Depth;
        j += width;
        if (j >= x.Columns)
        {
            j = 0;
            start += depth;
            depth = Math.Min(Plan.Depth, Plan.K - start);
            if (depth <= 0) return default;
        }
        if (PackedColumns != null) return GemmAhead.Packed<T>(PackedColumns + start * (nint)Plan.PaddedN + (nint)(x.Column + j) * depth, depth, part);
        if (!Plan.PackBlockColumns) return GemmAhead.Panel<T>(Columns, x.Column + j, start, depth, part);
        return start == x.Start ? GemmAhead.Packed<T>(x.B + (nint)j * depth, depth, part) : default;
    }

    /// <summary>Moves a finished panel, turned, to C.</summary>
    private readonly void Deliver<T>(in Block x, int j, int width) where T : struct, IVec<T>
    {
        int tileColumns = 2 * T.Count;
        float* panel = x.Sums + (nint)j * x.PaddedRows;
        float* corner = C + (x.Column + j) * Ldc + x.Row;
        if (Accumulate)
        {
            using Scratch turned = Scratch.Rent((long)tileColumns * x.PaddedRows);
            Transposition.Copy(panel, tileColumns, x.Rows, width, turned.Pointer, x.PaddedRows);
            CopyTile<T>(turned.Pointer, x.PaddedRows, corner, Ldc, width, x.Rows, true);
        }
        else
        {
            Transposition.Copy(panel, tileColumns, x.Rows, width, corner, Ldc);
        }
        if (typeof(TEpilogue) != typeof(NoEpilogue)) Epilogue.Apply(corner, (int)Ldc, x.Column + j, x.Row, width, x.Rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CopyTile<T>(float* from, nint ldFrom, float* to, nint ldTo, int rows, int columns, bool add) where T : struct, IVec<T>
    {
        for (int i = 0; i < rows; i++, from += ldFrom, to += ldTo)
        {
            int j = 0;
            for (; j + T.Count <= columns; j += T.Count) T.Store(to + j, add ? T.Load(to + j) + T.Load(from + j) : T.Load(from + j));
            if (j < columns) T.StorePartial(to + j, add ? T.LoadPartial(to + j, columns - j) + T.LoadPartial(from + j, columns - j) : T.LoadPartial(from + j, columns - j), columns - j);
        }
    }
}
