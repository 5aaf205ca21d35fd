using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>
/// A product of rows that lie along k and few columns: rows are read where they are, since turning them takes long beside so few columns. One block is some rows of C with all of k; it packs the
/// columns for itself, unless there are many blocks, so that no thread reads what another has written. A few columns that are left at the right edge are multiplied along k instead of filling a vector up.
/// </summary>
internal unsafe struct GemmInPlace<TEpilogue> : IVectorKernel where TEpilogue : struct, IGemmEpilogue
{
    public GemmInPlacePlan Plan;
    public GemmOperand Rows;
    public GemmOperand Columns;

    /// <summary>All columns turned, piece after piece of k; null where blocks do that themselves.</summary>
    public float* Turned;
    public float* C;
    public nint Ldc;
    public bool Accumulate;
    public TEpilogue Epilogue;

    /// <summary>Some rows of C and the factors in the piece of k at hand.</summary>
    private struct Block
    {
        public int Row, Rows;

        /// <summary>Columns in panels; the others are the edge.</summary>
        public int Whole;

        /// <summary>Packed columns, by panels.</summary>
        public float* Panels;

        /// <summary>Packed columns of the edge.</summary>
        public float* Edge;

        /// <summary>Room for the rows of a tile that reaches beyond C, packed.</summary>
        public float* LastRows;

        /// <summary>Position of k, and length of the piece.</summary>
        public int Start, Depth;
    }

    public void Run<T>(int block) where T : struct, IVec<T>
    {
        int width = 2 * T.Count, edge = GemmInPlacePlan.Edge(Plan.N, T.Count);
        Block x = default;
        x.Row = block * Plan.BlockRows;
        x.Rows = Math.Min(Plan.BlockRows, Plan.M - x.Row);
        x.Whole = Plan.N - edge;
        int padded = (x.Whole + width - 1) / width * width;
        using Scratch panels = Turned != null ? default : Scratch.Rent((long)padded * Plan.Depth);
        using Scratch lastRows = Scratch.Rent((long)GemmTiles.FullRows<T>() * Plan.Depth);
        using Scratch edges = edge == 0 ? default : Scratch.Rent((long)(edge + GemmDots.Group - 1) / GemmDots.Group * GemmDots.Packed(Plan.Depth));
        x.Panels = panels.Pointer;
        x.LastRows = lastRows.Pointer;
        x.Edge = edges.Pointer;
        for (x.Start = 0; x.Start < Plan.K; x.Start += Plan.Depth)
        {
            x.Depth = Math.Min(Plan.Depth, Plan.K - x.Start);
            if (Turned != null) x.Panels = Turned + (nint)x.Start * padded;
            else if (Columns.ContiguousK) Columns.PackPanels<T>(0, x.Whole, x.Start, x.Depth, x.Panels);
            Multiply<T>(x);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private readonly void Multiply<T>(in Block x) where T : struct, IVec<T>
    {
        int width = 2 * T.Count;
        for (int j = x.Whole; j < Plan.N; j += GemmDots.Group) GemmDots.Pack<T>(Columns, j, Math.Min(GemmDots.Group, Plan.N - j), x.Start, x.Depth, EdgeOf(x, j));
        for (int i = 0, height; i < x.Rows; i += height)
        {
            height = GemmTiles.Height<T>(x.Rows - i);
            int rows = Math.Min(height, x.Rows - i);
            // A tile that reaches beyond the last row must not read there.
            if (rows < height) Rows.Pack<T>(x.Row + i, rows, x.Start, x.Depth, height, x.LastRows);
            for (int j = 0; j < x.Whole; j += width) Tile<T>(x, i, height, rows, j, Math.Min(width, x.Whole - j));
            for (int j = x.Whole; j < Plan.N; j += GemmDots.Group)
                GemmDots.Run<T>(rows, Math.Min(GemmDots.Group, Plan.N - j), x.Depth, Rows.At(x.Row + i, x.Start), Rows.Stride, EdgeOf(x, j), C + (x.Row + i) * Ldc + j, Ldc, Accumulate || x.Start > 0);
            if (x.Start + x.Depth == Plan.K && typeof(TEpilogue) != typeof(NoEpilogue))
                Epilogue.Apply(C + (x.Row + i) * Ldc, (int)Ldc, x.Row + i, 0, rows, Plan.N);
        }
    }

    private static float* EdgeOf(in Block x, int j) => x.Edge + (nint)((j - x.Whole) / GemmDots.Group) * GemmDots.Packed(x.Depth);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Tile<T>(in Block x, int i, int height, int rows, int j, int columns) where T : struct, IVec<T>
    {
        int full = 2 * T.Count, width = GemmOperand.PanelWidth<T>(columns);
        float* panel = x.Panels + (nint)j * x.Depth;
        // The first tile reads whole panels of columns across k where they are and leaves a copy.
        float* source = null;
        if (i == 0 && !Columns.ContiguousK)
        {
            if (columns == full) source = Columns.At(j, x.Start);
            else Columns.Pack<T>(j, columns, x.Start, x.Depth, width, panel);
        }
        GemmRequests requests = new() { Factors = Ahead<T>(x, i + height, j / full) };
        if (rows == height && columns == width) Run<T, RowsInPlace>(height, width, x.Depth, Rows.At(x.Row + i, x.Start), panel, source, C + (x.Row + i) * Ldc + j, Ldc, Accumulate || x.Start > 0, &requests);
        else Beyond<T>(x, i, height, rows, j, columns, panel, source, &requests);
    }

    /// <summary>A tile that reaches beyond C, by way of a buffer.</summary>
    private readonly void Beyond<T>(in Block x, int i, int height, int rows, int j, int columns, float* panel, float* source, GemmRequests* requests) where T : struct, IVec<T>
    {
        float* tile = stackalloc float[14 * 32];
        int full = 2 * T.Count, width = GemmOperand.PanelWidth<T>(columns);
        if (rows == height) Run<T, RowsInPlace>(height, width, x.Depth, Rows.At(x.Row + i, x.Start), panel, source, tile, full, false, requests);
        else Run<T, PackedRows>(height, width, x.Depth, x.LastRows, panel, source, tile, full, false, requests);
        GemmWork<TEpilogue>.CopyTile<T>(tile, full, C + (x.Row + i) * Ldc + j, Ldc, rows, columns, Accumulate || x.Start > 0);
    }

    /// <summary>Four rows of the next tile, or of the first one in the next piece of k; none beyond the third panel of columns, when there are that many.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly GemmAhead Ahead<T>(in Block x, int next, int part) where T : struct, IVec<T>
    {
        int start = x.Start, line = next + part * GemmAhead.LinesOfRows;
        if (part * GemmAhead.LinesOfRows >= GemmTiles.FullRows<T>()) return default;
        if (next >= x.Rows)
        {
            start += x.Depth;
            line = part * GemmAhead.LinesOfRows;
            if (start >= Plan.K) return default;
        }
        return line + GemmAhead.LinesOfRows <= x.Rows ? GemmAhead.Rows(Rows, x.Row + line, start, Math.Min(Plan.Depth, Plan.K - start)) : default;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void Run<T, TRows>(int height, int width, int depth, float* a, float* panel, float* source, float* c, nint ldc, bool add, GemmRequests* requests) where T : struct, IVec<T> where TRows : struct, IGemmRows
    {
        if (source != null) GemmTiles.Run<T, TRows, PackingColumns>(height, depth, a, Rows.Stride, source, Columns.Stride, panel, c, ldc, add, requests);
        else if (width == 2 * T.Count) GemmTiles.Run<T, TRows, WideColumns>(height, depth, a, Rows.Stride, panel, width, null, c, ldc, add, requests);
        else GemmTiles.Run<T, TRows, NarrowColumns>(height, depth, a, Rows.Stride, panel, width, null, c, ldc, add, requests);
    }
}

/// <summary>Sums along k for a few columns.</summary>
internal static unsafe class GemmDots
{
    /// <summary>Columns that are multiplied together, and rows.</summary>
    public const int Group = 4;

    /// <summary>Elements that <see cref="Group"/> packed columns take: k filled up to whole vectors of any width.</summary>
    public static int Packed(int k) => (k + 15) / 16 * 16 * Group;

    /// <summary>Packs columns: of each vector's length of k first one column, then the next; zeros where there are none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack<T>(GemmOperand columns, nint line, int lines, nint p, int k, float* to) where T : struct, IVec<T>
    {
        new Span<float>(to, Packed(k)).Clear();
        float* from = columns.At(line, p);
        nint across = columns.ContiguousK ? columns.Stride : 1, along = columns.ContiguousK ? 1 : columns.Stride;
        for (int q = 0; q < k; q++, from += along)
        {
            int within = q & (T.Count - 1);
            float* t = to + (q - within) * Group + within;
            for (int l = 0; l < lines; l++) t[l * T.Count] = from[l * across];
        }
    }

    /// <summary>c = A b or c += A b for at most four columns.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns of C, 1 to 4.</param>
    /// <param name="k">Length of the sums.</param>
    /// <param name="a">Rows, each along k.</param>
    /// <param name="lda">Elements from row to row.</param>
    /// <param name="b">Packed columns.</param>
    /// <param name="c">Corner of C.</param>
    /// <param name="ldc">Elements from row to row of C.</param>
    /// <param name="add">Add to C.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run<T>(int rows, int columns, int k, float* a, nint lda, float* b, float* c, nint ldc, bool add) where T : struct, IVec<T>
    {
        float* sums = stackalloc float[Group * Group * 16];
        float* quarters = stackalloc float[Group * Group * 4];
        for (int i = 0; i < rows; i += Group, a += Group * lda, c += Group * ldc)
        {
            int here = Math.Min(Group, rows - i);
            // Missing rows are the first one again.
            if (T.Count == 16)
            {
                Four<T>(k, a, a + (here > 1 ? lda : 0), a + (here > 2 ? 2 * lda : 0), a + (here > 3 ? 3 * lda : 0), b, sums);
            }
            else
            {
                // Fewer registers.
                Two<T>(k, a, a + (here > 1 ? lda : 0), b, sums);
                if (here > 2) Two<T>(k, a + 2 * lda, a + (here > 3 ? 3 * lda : 0), b, sums + 2 * Group * T.Count);
            }
            for (int s = 0; s < here * Group; s++)
            {
                float* from = sums + s * T.Count;
                F128 q = F128.Load(from);
                for (int l = 4; l < T.Count; l += 4) q += F128.Load(from + l);
                F128.Store(quarters + 4 * s, q);
            }
            for (int r = 0; r < here; r++)
                for (int j = 0; j < columns; j++)
                {
                    float* q = quarters + 4 * (r * Group + j);
                    float sum = q[0] + q[1] + (q[2] + q[3]);
                    c[r * ldc + j] = add ? c[r * ldc + j] + sum : sum;
                }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four<T>(int k, float* a0, float* a1, float* a2, float* a3, float* b, float* sums) where T : struct, IVec<T>
    {
        T c0 = T.Zero, c1 = T.Zero, c2 = T.Zero, c3 = T.Zero;
        T d0 = T.Zero, d1 = T.Zero, d2 = T.Zero, d3 = T.Zero;
        T e0 = T.Zero, e1 = T.Zero, e2 = T.Zero, e3 = T.Zero;
        T f0 = T.Zero, f1 = T.Zero, f2 = T.Zero, f3 = T.Zero;
        for (int p = 0; p < k; p += T.Count, b += Group * T.Count)
        {
            T x, b0 = T.Load(b), b1 = T.Load(b + T.Count), b2 = T.Load(b + 2 * T.Count), b3 = T.Load(b + 3 * T.Count);
            x = Load<T>(a0, p, k);
            c0 = T.Fma(x, b0, c0);
            c1 = T.Fma(x, b1, c1);
            c2 = T.Fma(x, b2, c2);
            c3 = T.Fma(x, b3, c3);
            x = Load<T>(a1, p, k);
            d0 = T.Fma(x, b0, d0);
            d1 = T.Fma(x, b1, d1);
            d2 = T.Fma(x, b2, d2);
            d3 = T.Fma(x, b3, d3);
            x = Load<T>(a2, p, k);
            e0 = T.Fma(x, b0, e0);
            e1 = T.Fma(x, b1, e1);
            e2 = T.Fma(x, b2, e2);
            e3 = T.Fma(x, b3, e3);
            x = Load<T>(a3, p, k);
            f0 = T.Fma(x, b0, f0);
            f1 = T.Fma(x, b1, f1);
            f2 = T.Fma(x, b2, f2);
            f3 = T.Fma(x, b3, f3);
        }
        Store(sums, c0, c1, c2, c3);
        Store(sums + Group * T.Count, d0, d1, d2, d3);
        Store(sums + 2 * Group * T.Count, e0, e1, e2, e3);
        Store(sums + 3 * Group * T.Count, f0, f1, f2, f3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Two<T>(int k, float* a0, float* a1, float* b, float* sums) where T : struct, IVec<T>
    {
        T c0 = T.Zero, c1 = T.Zero, c2 = T.Zero, c3 = T.Zero;
        T d0 = T.Zero, d1 = T.Zero, d2 = T.Zero, d3 = T.Zero;
        for (int p = 0; p < k; p += T.Count, b += Group * T.Count)
        {
            T x, b0 = T.Load(b), b1 = T.Load(b + T.Count), b2 = T.Load(b + 2 * T.Count), b3 = T.Load(b + 3 * T.Count);
            x = Load<T>(a0, p, k);
            c0 = T.Fma(x, b0, c0);
            c1 = T.Fma(x, b1, c1);
            c2 = T.Fma(x, b2, c2);
            c3 = T.Fma(x, b3, c3);
            x = Load<T>(a1, p, k);
            d0 = T.Fma(x, b0, d0);
            d1 = T.Fma(x, b1, d1);
            d2 = T.Fma(x, b2, d2);
            d3 = T.Fma(x, b3, d3);
        }
        Store(sums, c0, c1, c2, c3);
        Store(sums + Group * T.Count, d0, d1, d2, d3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Load<T>(float* a, int p, int k) where T : struct, IVec<T> => p + T.Count <= k ? T.Load(a + p) : T.LoadPartial(a + p, k - p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store<T>(float* to, T s0, T s1, T s2, T s3) where T : struct, IVec<T>
    {
        T.Store(to, s0);
        T.Store(to + T.Count, s1);
        T.Store(to + 2 * T.Count, s2);
        T.Store(to + 3 * T.Count, s3);
    }
}

/// <summary>How a product with rows in place is cut. How k is cut, and which columns are the right edge, decides the bits and depends on the size and the width of the vectors only.</summary>
internal readonly struct GemmInPlacePlan
{
    /// <summary>With more columns, across k or along it (and along a long one), packed rows are faster; fewer, shorter or very many rows are not worth a way of their own.</summary>
    private const int MostAcross = 160, MostAlong = 128, MostAlongLong = 320, Long = 1000, FewestRows = 48, MostRowsInAll = 4000, ShortestRow = 256;

    /// <summary>Share of the multiply-adds that must be of use.</summary>
    private const double LeastUse = 0.86;

    /// <summary>Columns that <see cref="GemmDots.Group"/> columns of the edge cost, with the sums across vectors.</summary>
    private const int CostOfGroup = 6;

    /// <summary>Longest piece of k (sums across vectors are taken, and C is added to, once in each), and most elements of columns that are turned in it: half of a second-level cache.</summary>
    private const int MaxDepth = 1280, LargestTurned = 1 << 17;

    /// <summary>Rows of a block. Where columns are turned blocks are large, since each of them turns all.</summary>
    private const int MostRows = 252, MostRowsTurning = 1000, SmallestRows = 24;

    /// <summary>Blocks that may turn the columns each for itself; more of them share what was turned before.</summary>
    private const int MostTurning = 4;

    /// <summary>Blocks below about this many multiply-adds are not worth handing to another thread.</summary>
    private const long SmallestBlock = 1 << 20;

    /// <summary>Plans for an M x N product.</summary>
    public GemmInPlacePlan(GemmOperand columns, int m, int n, int k, int threads)
    {
        (M, N, K) = (m, n, k);
        bool turn = columns.ContiguousK;
        int deepest = turn ? Math.Min(MaxDepth, LargestTurned / n) : MaxDepth, pieces = (k + deepest - 1) / deepest;
        // A multiple of four, but not of eight: panels then begin all over the sets of a cache.
        Depth = pieces == 1 ? k : (((k + pieces - 1) / pieces + 3) / 4 | 1) * 4;
        int most = turn ? MostRowsTurning : MostRows, each = turn && threads <= MostTurning ? 1 : 2;
        int blocks = threads == 1 ? 1 : (int)Math.Min(Math.Clamp((long)m * n * k / SmallestBlock, 1, (long)each * threads), Math.Max(1, m / SmallestRows));
        // As many for every thread.
        blocks *= (m + blocks * most - 1) / (blocks * most);
        BlockRows = ((m + blocks - 1) / blocks + 3) / 4 * 4;
        Blocks = (m + BlockRows - 1) / BlockRows;
        TurnAhead = turn && Blocks > MostTurning;
    }

    public int M { get; }
    public int N { get; }
    public int K { get; }
    public int Depth { get; }
    public int BlockRows { get; }
    public int Blocks { get; }

    /// <summary>Columns along k are turned before the product begins, rather than by each block.</summary>
    public bool TurnAhead { get; }

    /// <summary>Columns in panels, with the last one filled up.</summary>
    public int Padded => (N - Edge(N, MachineVectors.Width) + 2 * MachineVectors.Width - 1) / (2 * MachineVectors.Width) * (2 * MachineVectors.Width);

    /// <summary>Whether this is the way for an m x n product.</summary>
    public static bool Suits(GemmOperand rows, GemmOperand columns, int m, int n, int k)
    {
        if (!rows.ContiguousK || m is < FewestRows or > MostRowsInAll || k < ShortestRow || n > (!columns.ContiguousK ? MostAcross : k < Long ? MostAlong : Math.Min(MostAlongLong, 2 * m))) return false;
        int vector = MachineVectors.Width, edge = Edge(n, vector), cost = (n - edge + vector - 1) / vector * vector + (edge + GemmDots.Group - 1) / GemmDots.Group * CostOfGroup;
        return n >= LeastUse * cost;
    }

    /// <summary>How many of the last columns are multiplied along k: those that would fill no more than half a vector.</summary>
    public static int Edge(int columns, int vector) => columns % vector is var left && 2 * left <= vector ? left : 0;
}
