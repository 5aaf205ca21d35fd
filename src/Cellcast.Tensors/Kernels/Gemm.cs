using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Work on finished tiles of a product while they are still in cache: bias, activation, loss.</summary>
public interface IGemmEpilogue
{
    /// <summary>Called once for each tile of C, when it is complete. Tiles are disjoint, cover C and may come from several threads at once.</summary>
    /// <param name="tile">First element of the tile.</param>
    /// <param name="stride">Elements from row to row.</param>
    /// <param name="row">Row of C at which the tile begins.</param>
    /// <param name="column">Column of C at which the tile begins.</param>
    /// <param name="rows">Rows of the tile.</param>
    /// <param name="columns">Columns of the tile.</param>
    unsafe void Apply(float* tile, int stride, int row, int column, int rows, int columns);
}

/// <summary>Adds a bias to every row of C.</summary>
/// <param name="bias">One value per column of C; must stay in place (pinned or native) until the product is done.</param>
public readonly unsafe struct BiasEpilogue(float* bias) : IGemmEpilogue
{
    private readonly float* _bias = bias;

    /// <inheritdoc/>
    public void Apply(float* tile, int stride, int row, int column, int rows, int columns)
    {
        for (int i = 0; i < rows; i++)
            Elementwise.Add(Workers.Inline, new ReadOnlySpan<float>(tile + (long)i * stride, columns), new ReadOnlySpan<float>(_bias + column, columns), new Span<float>(tile + (long)i * stride, columns));
    }
}

/// <summary>Does nothing.</summary>
public readonly struct NoEpilogue : IGemmEpilogue
{
    /// <inheritdoc/>
    public unsafe void Apply(float* tile, int stride, int row, int column, int rows, int columns)
    {
    }
}

/// <summary>Dense matrix products in float32, row-major with leading dimensions, all four cases of transposition.</summary>
/// <remarks>The sum over k is always taken in the same order and never split by the number of threads: results have the same bits for any.</remarks>
public static unsafe class Gemm
{
    /// <summary>C = op(A) op(B), or C += op(A) op(B).</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="transposeA">False: A is m x k. True: A is stored k x m.</param>
    /// <param name="transposeB">False: B is k x n. True: B is stored n x k.</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Length of the sums.</param>
    /// <param name="a">A.</param>
    /// <param name="lda">Elements from row to row of A as stored.</param>
    /// <param name="b">B.</param>
    /// <param name="ldb">Elements from row to row of B as stored.</param>
    /// <param name="c">C, m x n; may not overlap A or B.</param>
    /// <param name="ldc">Elements from row to row of C.</param>
    /// <param name="accumulate">Add to C instead of replacing it.</param>
    public static void Multiply(Workers workers, bool transposeA, bool transposeB, int m, int n, int k, ReadOnlySpan<float> a, int lda,
        ReadOnlySpan<float> b, int ldb, Span<float> c, int ldc, bool accumulate = false) =>
        Multiply(workers, transposeA, transposeB, m, n, k, a, lda, b, ldb, c, ldc, accumulate, default(NoEpilogue));

    /// <summary>C = op(A) op(B) or C += op(A) op(B), then <paramref name="epilogue"/> on every tile of C while it is in cache.</summary>
    /// <inheritdoc cref="Multiply(Workers, bool, bool, int, int, int, ReadOnlySpan{float}, int, ReadOnlySpan{float}, int, Span{float}, int, bool)"/>
    /// <typeparam name="TEpilogue">Type of the epilogue; a structure, so that it is compiled into the loop.</typeparam>
    /// <param name="epilogue">What to do with finished tiles.</param>
#pragma warning disable CS1573 // the other parameters are inherited
    public static void Multiply<TEpilogue>(Workers workers, bool transposeA, bool transposeB, int m, int n, int k, ReadOnlySpan<float> a, int lda,
        ReadOnlySpan<float> b, int ldb, Span<float> c, int ldc, bool accumulate, TEpilogue epilogue) where TEpilogue : struct, IGemmEpilogue
#pragma warning restore CS1573
    {
        ArgumentNullException.ThrowIfNull(workers);
        Guard.Matrix(a.Length, transposeA ? k : m, transposeA ? m : k, lda);
        Guard.Matrix(b.Length, transposeB ? n : k, transposeB ? k : n, ldb);
        Guard.Matrix(c.Length, m, n, ldc);
        if (m == 0 || n == 0) return;
        fixed (float* pa = a, pb = b, pc = c)
        {
            if (k == 0)
            {
                if (!accumulate)
                    for (int i = 0; i < m; i++) new Span<float>(pc + (long)i * ldc, n).Clear();
                epilogue.Apply(pc, ldc, 0, 0, m, n);
                return;
            }
            int tileRows = MachineVectors.TileRows, tileColumns = 2 * MachineVectors.Width;
            var left = new GemmOperand(pa, lda, contiguousK: !transposeA);
            var right = new GemmOperand(pb, ldb, contiguousK: transposeB);
            if (Math.Min(m, n) <= ThinProduct<TEpilogue>.MaxRows)
                Thin(workers, m, n, k, left, right, pc, ldc, accumulate, epilogue);
            else if (GemmInPlacePlan.Suits(left, right, m, n, k))
                InPlace(workers, new GemmInPlacePlan(right, m, n, k, workers.Count), left, right, pc, ldc, accumulate, epilogue);
            else if (Cost(n, m, k, right, left, transposed: true) < Cost(m, n, k, left, right, transposed: false))
                Blocked(workers, new GemmPlan(n, m, k, tileRows, tileColumns, left, transposed: true, workers.Count), right, left, pc, ldc, accumulate, epilogue);
            else
                Blocked(workers, new GemmPlan(m, n, k, tileRows, tileColumns, right, transposed: false, workers.Count), left, right, pc, ldc, accumulate, epilogue);
        }
    }

    /// <summary>Vector operations that a logical m x n product takes, about: multiply-adds with the padding to whole tiles, packing, and the turn of the result where
    /// it is the transpose of C. Packing is dear where columns must be turned, or are packed for several blocks of rows and come back from the outer cache.</summary>
    private static double Cost(int m, int n, int k, GemmOperand left, GemmOperand right, bool transposed)
    {
        int width = MachineVectors.Width;
        double rows = (m + 3) / 4 * 4, vectors = (n + width - 1) / width;
        bool strips = !transposed && GemmPlan.InStrips(m, n, k, !right.ContiguousK);
        double perRow = strips ? 1.25 : left.ContiguousK ? 2 : 1.5, perColumnVector = strips && !right.Collides ? m / 100.0 : !GemmPlan.HasAllRows(m, k) ? 24 : right.ContiguousK ? 10 : right.Collides ? 12 : 2;
        return k * (rows * vectors * (m <= 4 ? 1.2 : 1) + m * perRow + vectors * perColumnVector) + (transposed ? (double)m * n : 0);
    }

    /// <summary>The product in pieces of k whose packed factors stay in a third-level cache.</summary>
    private static void Blocked<TEpilogue>(Workers workers, GemmPlan plan, GemmOperand rows, GemmOperand columns, float* c, int ldc, bool accumulate, TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        if (plan.PacksOnTheWay(rows, columns))
        {
            OnTheWay(workers, plan, rows, columns, c, ldc, accumulate, epilogue);
            return;
        }
        int piece = plan.Piece, p = 0;
        for (; plan.K - p > piece; p += piece)
            Piece(workers, plan.Of(piece), rows.From(p), columns.From(p), c, ldc, accumulate || p > 0, default(NoEpilogue));
        Piece(workers, p == 0 ? plan : plan.Of(plan.K - p), rows.From(p), columns.From(p), c, ldc, accumulate || p > 0, epilogue);
    }

    private static void Piece<TEpilogue>(Workers workers, GemmPlan plan, GemmOperand rows, GemmOperand columns, float* c, int ldc, bool accumulate, TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        using Scratch rowPanels = plan.PackRowsAhead ? Scratch.Rent((long)plan.PaddedM * plan.K) : default;
        using Scratch columnPanels = plan.PackColumnsAhead ? Scratch.Rent((long)plan.PaddedN * plan.K) : default;
        if (plan.PackRowsAhead)
            GemmPack.All(workers, rows, plan.M, plan.K, plan.Depth, plan.BlockRows, rowPanels.Pointer);
        if (plan.PackColumnsAhead)
            GemmPack.All(workers, columns, plan.N, plan.K, plan.Depth, 0, columnPanels.Pointer);
        workers.ForVectors(plan.RowBlocks * plan.ColumnBlocks, new GemmWork<TEpilogue>
        {
            Plan = plan,
            Rows = rows,
            Columns = columns,
            PackedRows = rowPanels.Pointer,
            PackedColumns = columnPanels.Pointer,
            C = c,
            Ldc = ldc,
            Accumulate = accumulate,
            Epilogue = epilogue,
        });
    }

    /// <summary>The product in pieces of k, each packed while the one before it is multiplied.</summary>
    private static void OnTheWay<TEpilogue>(Workers workers, GemmPlan plan, GemmOperand rows, GemmOperand columns, float* c, int ldc, bool accumulate, TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        int depth = plan.Depth, copies = plan.RowCopies;
        using Scratch rowPanels = Scratch.Rent((long)copies * plan.PaddedM * depth), columnPanels = Scratch.Rent((long)plan.PaddedN * depth);
        using Scratch nextRowPanels = Scratch.Rent((long)copies * plan.PaddedM * depth), nextColumnPanels = Scratch.Rent((long)plan.PaddedN * depth);
        float* packedRows = rowPanels.Pointer, packedColumns = columnPanels.Pointer, nextRows = nextRowPanels.Pointer, nextColumns = nextColumnPanels.Pointer;
        GemmPack.All(workers, rows, plan.M, depth, depth, plan.BlockRows, packedRows);
        GemmPack.All(workers, columns, plan.N, depth, depth, 0, packedColumns);
        for (int p = 0; p < plan.K; p += depth)
        {
            int d = Math.Min(depth, plan.K - p), e = Math.Min(depth, plan.K - p - d);
            GemmNext next = e == 0 ? default : new(rows.From(p + d), columns.From(p + d), e, nextRows, nextColumns);
            if (e > 0) Run(default(NoEpilogue));
            else Run(epilogue);
            float* free = packedRows;
            packedRows = nextRows;
            nextRows = free;
            free = packedColumns;
            packedColumns = nextColumns;
            nextColumns = free;

            void Run<TLast>(TLast last) where TLast : struct, IGemmEpilogue => workers.ForVectors(plan.RowBlocks * plan.ColumnBlocks, new GemmWork<TLast>
            {
                Plan = plan.Of(d),
                Rows = rows,
                Columns = columns,
                PackedRows = packedRows,
                PackedColumns = packedColumns,
                C = c,
                Ldc = ldc,
                Accumulate = accumulate || p > 0,
                Epilogue = last,
                RowCopies = p == 0 ? 1 : copies,
                Next = next,
            });
        }
    }

    private static void InPlace<TEpilogue>(Workers workers, GemmInPlacePlan plan, GemmOperand rows, GemmOperand columns, float* c, int ldc, bool accumulate, TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        using Scratch turned = plan.TurnAhead ? Scratch.Rent((long)plan.Padded * plan.K) : default;
        if (plan.TurnAhead) GemmPack.All(workers, columns, plan.N - GemmInPlacePlan.Edge(plan.N, MachineVectors.Width), plan.K, plan.Depth, 0, turned.Pointer);
        workers.ForVectors(plan.Blocks, new GemmInPlace<TEpilogue> { Plan = plan, Rows = rows, Columns = columns, Turned = turned.Pointer, C = c, Ldc = ldc, Accumulate = accumulate, Epilogue = epilogue });
    }

    private static void Thin<TEpilogue>(Workers workers, int m, int n, int k, GemmOperand left, GemmOperand right, float* c, int ldc, bool accumulate, TEpilogue epilogue)
        where TEpilogue : struct, IGemmEpilogue
    {
        bool transposed = n < m;
        GemmOperand rows = transposed ? right : left, columns = transposed ? left : right;
        int lines = Math.Min(m, n), others = Math.Max(m, n);
        using Scratch copy = rows.ContiguousK ? default : Scratch.Rent((long)lines * k);
        if (!rows.ContiguousK)
            for (int i = 0; i < lines; i++)
                for (int p = 0; p < k; p++) copy.Pointer[(nint)i * k + p] = *rows.At(i, p);
        workers.ForVectors((others + ThinProduct<TEpilogue>.BlockColumns - 1) / ThinProduct<TEpilogue>.BlockColumns, new ThinProduct<TEpilogue>
        {
            M = lines,
            N = others,
            K = k,
            Rows = rows.ContiguousK ? rows.At(0, 0) : copy.Pointer,
            RowStride = rows.ContiguousK ? rows.Stride : k,
            Columns = columns,
            C = c,
            Ldc = ldc,
            Transposed = transposed,
            Accumulate = accumulate,
            Epilogue = epilogue,
        });
    }
}
