using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>How the innermost loop of the matrix product comes by its columns. Constants for the compiler.</summary>
internal interface IGemmColumns
{
    /// <summary>Two vectors of columns, or one.</summary>
    static abstract bool Wide { get; }

    /// <summary>Whether what is read is also packed for the tiles that follow.</summary>
    static abstract bool Packs { get; }
}

/// <summary>Two vectors of columns: a packed panel, or the factor itself.</summary>
internal readonly struct WideColumns : IGemmColumns
{
    public static bool Wide => true;

    public static bool Packs => false;
}

/// <summary>Two vectors of columns of the factor itself, packed on the way: loads and stores hide behind the multiply-adds.</summary>
internal readonly struct PackingColumns : IGemmColumns
{
    public static bool Wide => true;

    public static bool Packs => true;
}

/// <summary>One vector of columns: what is left at the right edge.</summary>
internal readonly struct NarrowColumns : IGemmColumns
{
    public static bool Wide => false;

    public static bool Packs => false;
}

/// <summary>How the innermost loop comes by its rows. A constant for the compiler.</summary>
internal interface IGemmRows
{
    /// <summary>Rows are read as they lie, each along k; otherwise they are packed, k x rows.</summary>
    static abstract bool InPlace { get; }
}

/// <summary>Packed rows.</summary>
internal readonly struct PackedRows : IGemmRows
{
    public static bool InPlace => false;
}

/// <summary>Rows of the factor itself, each along k.</summary>
internal readonly struct RowsInPlace : IGemmRows
{
    public static bool InPlace => true;
}

/// <summary>The innermost loops of the matrix product: a tile of some rows by two vectors of columns lives in registers while k runs.
/// One broadcast feeds two multiply-adds, so that loads do not limit.</summary>
/// <remarks>Written out row by row because only named locals are sure to stay in registers.</remarks>
internal static unsafe class GemmTiles
{
    /// <summary>Rows of a full tile.</summary>
    public static int FullRows<T>() where T : struct, IVec<T> => T.Count == 16 ? 12 : 6;

    /// <summary>Height of the next tile where <paramref name="rows"/> rows are left: full ones, and at the end one or two of those that keep the multiply-adds
    /// busy, since a thin tile waits for its own sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Height<T>(int rows) where T : struct, IVec<T>
    {
        if (T.Count == 16) return rows > 16 ? 12 : rows > 14 ? 8 : rows > 12 ? rows : (rows + 3) / 4 * 4;
        return rows > 8 ? 6 : rows > 6 ? 4 : (rows + 1) / 2 * 2;
    }

    /// <summary>Whether the next panel is a full one where so many lines are left: tiles of <see cref="Height"/>, or columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsFull<T>(int left, bool isRows) where T : struct, IVec<T> => isRows ? left > (T.Count == 16 ? 16 : 8) : left >= 2 * T.Count;

    /// <summary>c = A b or c += A b for a tile of 2, 4, 6, 8, 12, 13 or 14 rows.</summary>
    /// <param name="rows">Rows of the tile, one of <see cref="Height"/>.</param>
    /// <param name="k">Length of the sums.</param>
    /// <param name="a">Packed, k x rows; or the first row where it lies.</param>
    /// <param name="lda">Elements from row to row where they lie.</param>
    /// <param name="b">Columns, k x one or two vectors.</param>
    /// <param name="ldb">Elements from position to position of <paramref name="b"/>.</param>
    /// <param name="panel">Where columns are packed to, if they are.</param>
    /// <param name="c">The tile.</param>
    /// <param name="ldc">Elements from row to row of the tile.</param>
    /// <param name="add">Add to the tile.</param>
    /// <param name="requests">Memory to ask for on the way; may be null.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<T, TRows, TColumns>(int rows, int k, float* a, nint lda, float* b, nint ldb, float* panel, float* c, nint ldc, bool add, GemmRequests* requests)
        where T : struct, IVec<T> where TRows : struct, IGemmRows where TColumns : struct, IGemmColumns
    {
        switch (rows)
        {
            case 14: Rows14<T, TRows, TColumns>(k, a, lda, b, ldb, panel, c, ldc, add, requests); break;
            case 13: Rows13<T, TRows, TColumns>(k, a, lda, b, ldb, panel, c, ldc, add, requests); break;
            case 12: Rows12<T, TRows, TColumns>(k, a, lda, b, ldb, panel, c, ldc, add, requests); break;
            case 8: Rows8<T, TRows, TColumns>(k, a, lda, b, ldb, panel, c, ldc, add, requests); break;
            case 6: Rows6<T, TRows, TColumns>(k, a, lda, b, ldb, panel, c, ldc, add, requests); break;
            case 4: Rows4<T, TRows, TColumns>(k, a, lda, b, ldb, panel, c, ldc, add, requests); break;
            default: Rows2<T, TRows, TColumns>(k, a, lda, b, ldb, panel, c, ldc, add, requests); break;
        }
    }

    /// <summary>The same for a packed panel of two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<T>(int rows, int k, float* a, float* b, float* c, nint ldc, bool add) where T : struct, IVec<T> =>
        Run<T, PackedRows, WideColumns>(rows, k, a, 0, b, 2 * T.Count, null, c, ldc, add, null);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Row<T, TRows>(float* packed, float* inPlace) where T : struct, IVec<T> where TRows : struct, IGemmRows => T.Create(*(TRows.InPlace ? inPlace : packed));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<T, TColumns>(float* c, T left, T right, bool add) where T : struct, IVec<T> where TColumns : struct, IGemmColumns
    {
        if (add)
        {
            left += T.Load(c);
            if (TColumns.Wide) right += T.Load(c + T.Count);
        }
        T.Store(c, left);
        if (TColumns.Wide) T.Store(c + T.Count, right);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows14<T, TRows, TColumns>(int k, float* a, nint lda, float* b, nint ldb, float* panel, float* c, nint ldc, bool add, GemmRequests* requests)
        where T : struct, IVec<T> where TRows : struct, IGemmRows where TColumns : struct, IGemmColumns
    {
        float* a3 = a + 3 * lda, a6 = a + 6 * lda, a9 = a + 9 * lda, a12 = a + 12 * lda;
        T c0 = T.Zero, d0 = T.Zero;
        T c1 = T.Zero, d1 = T.Zero;
        T c2 = T.Zero, d2 = T.Zero;
        T c3 = T.Zero, d3 = T.Zero;
        T c4 = T.Zero, d4 = T.Zero;
        T c5 = T.Zero, d5 = T.Zero;
        T c6 = T.Zero, d6 = T.Zero;
        T c7 = T.Zero, d7 = T.Zero;
        T c8 = T.Zero, d8 = T.Zero;
        T c9 = T.Zero, d9 = T.Zero;
        T c10 = T.Zero, d10 = T.Zero;
        T c11 = T.Zero, d11 = T.Zero;
        T c12 = T.Zero, d12 = T.Zero;
        T c13 = T.Zero, d13 = T.Zero;
        for (; k > 0; k -= GemmAhead.Steps)
        {
            if (requests != null) requests->Ask();
            for (int steps = Math.Min(k, GemmAhead.Steps); steps > 0; steps--)
            {
                T b0 = T.Load(b), b1 = TColumns.Wide ? T.Load(b + T.Count) : b0, x;
                if (TColumns.Packs)
                {
                    T.Store(panel, b0);
                    T.Store(panel + T.Count, b1);
                    panel += 2 * T.Count;
                }
                x = Row<T, TRows>(a, a);
                c0 = T.Fma(x, b0, c0);
                if (TColumns.Wide) d0 = T.Fma(x, b1, d0);
                x = Row<T, TRows>(a + 1, a + lda);
                c1 = T.Fma(x, b0, c1);
                if (TColumns.Wide) d1 = T.Fma(x, b1, d1);
                x = Row<T, TRows>(a + 2, a + 2 * lda);
                c2 = T.Fma(x, b0, c2);
                if (TColumns.Wide) d2 = T.Fma(x, b1, d2);
                x = Row<T, TRows>(a + 3, a3);
                c3 = T.Fma(x, b0, c3);
                if (TColumns.Wide) d3 = T.Fma(x, b1, d3);
                x = Row<T, TRows>(a + 4, a3 + lda);
                c4 = T.Fma(x, b0, c4);
                if (TColumns.Wide) d4 = T.Fma(x, b1, d4);
                x = Row<T, TRows>(a + 5, a3 + 2 * lda);
                c5 = T.Fma(x, b0, c5);
                if (TColumns.Wide) d5 = T.Fma(x, b1, d5);
                x = Row<T, TRows>(a + 6, a6);
                c6 = T.Fma(x, b0, c6);
                if (TColumns.Wide) d6 = T.Fma(x, b1, d6);
                x = Row<T, TRows>(a + 7, a6 + lda);
                c7 = T.Fma(x, b0, c7);
                if (TColumns.Wide) d7 = T.Fma(x, b1, d7);
                x = Row<T, TRows>(a + 8, a6 + 2 * lda);
                c8 = T.Fma(x, b0, c8);
                if (TColumns.Wide) d8 = T.Fma(x, b1, d8);
                x = Row<T, TRows>(a + 9, a9);
                c9 = T.Fma(x, b0, c9);
                if (TColumns.Wide) d9 = T.Fma(x, b1, d9);
                x = Row<T, TRows>(a + 10, a9 + lda);
                c10 = T.Fma(x, b0, c10);
                if (TColumns.Wide) d10 = T.Fma(x, b1, d10);
                x = Row<T, TRows>(a + 11, a9 + 2 * lda);
                c11 = T.Fma(x, b0, c11);
                if (TColumns.Wide) d11 = T.Fma(x, b1, d11);
                x = Row<T, TRows>(a + 12, a12);
                c12 = T.Fma(x, b0, c12);
                if (TColumns.Wide) d12 = T.Fma(x, b1, d12);
                x = Row<T, TRows>(a + 13, a12 + lda);
                c13 = T.Fma(x, b0, c13);
                if (TColumns.Wide) d13 = T.Fma(x, b1, d13);
                a += TRows.InPlace ? 1 : 14;
                if (TRows.InPlace)
                {
                    a3++;
                    a6++;
                    a9++;
                    a12++;
                }
                b += ldb;
            }
        }
        Put<T, TColumns>(c, c0, d0, add);
        Put<T, TColumns>(c + ldc, c1, d1, add);
        Put<T, TColumns>(c + 2 * ldc, c2, d2, add);
        Put<T, TColumns>(c + 3 * ldc, c3, d3, add);
        Put<T, TColumns>(c + 4 * ldc, c4, d4, add);
        Put<T, TColumns>(c + 5 * ldc, c5, d5, add);
        Put<T, TColumns>(c + 6 * ldc, c6, d6, add);
        Put<T, TColumns>(c + 7 * ldc, c7, d7, add);
        Put<T, TColumns>(c + 8 * ldc, c8, d8, add);
        Put<T, TColumns>(c + 9 * ldc, c9, d9, add);
        Put<T, TColumns>(c + 10 * ldc, c10, d10, add);
        Put<T, TColumns>(c + 11 * ldc, c11, d11, add);
        Put<T, TColumns>(c + 12 * ldc, c12, d12, add);
        Put<T, TColumns>(c + 13 * ldc, c13, d13, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows13<T, TRows, TColumns>(int k, float* a, nint lda, float* b, nint ldb, float* panel, float* c, nint ldc, bool add, GemmRequests* requests)
        where T : struct, IVec<T> where TRows : struct, IGemmRows where TColumns : struct, IGemmColumns
    {
        float* a3 = a + 3 * lda, a6 = a + 6 * lda, a9 = a + 9 * lda, a12 = a + 12 * lda;
        T c0 = T.Zero, d0 = T.Zero;
        T c1 = T.Zero, d1 = T.Zero;
        T c2 = T.Zero, d2 = T.Zero;
        T c3 = T.Zero, d3 = T.Zero;
        T c4 = T.Zero, d4 = T.Zero;
        T c5 = T.Zero, d5 = T.Zero;
        T c6 = T.Zero, d6 = T.Zero;
        T c7 = T.Zero, d7 = T.Zero;
        T c8 = T.Zero, d8 = T.Zero;
        T c9 = T.Zero, d9 = T.Zero;
        T c10 = T.Zero, d10 = T.Zero;
        T c11 = T.Zero, d11 = T.Zero;
        T c12 = T.Zero, d12 = T.Zero;
        for (; k > 0; k -= GemmAhead.Steps)
        {
            if (requests != null) requests->Ask();
            for (int steps = Math.Min(k, GemmAhead.Steps); steps > 0; steps--)
            {
                T b0 = T.Load(b), b1 = TColumns.Wide ? T.Load(b + T.Count) : b0, x;
                if (TColumns.Packs)
                {
                    T.Store(panel, b0);
                    T.Store(panel + T.Count, b1);
                    panel += 2 * T.Count;
                }
                x = Row<T, TRows>(a, a);
                c0 = T.Fma(x, b0, c0);
                if (TColumns.Wide) d0 = T.Fma(x, b1, d0);
                x = Row<T, TRows>(a + 1, a + lda);
                c1 = T.Fma(x, b0, c1);
                if (TColumns.Wide) d1 = T.Fma(x, b1, d1);
                x = Row<T, TRows>(a + 2, a + 2 * lda);
                c2 = T.Fma(x, b0, c2);
                if (TColumns.Wide) d2 = T.Fma(x, b1, d2);
                x = Row<T, TRows>(a + 3, a3);
                c3 = T.Fma(x, b0, c3);
                if (TColumns.Wide) d3 = T.Fma(x, b1, d3);
                x = Row<T, TRows>(a + 4, a3 + lda);
                c4 = T.Fma(x, b0, c4);
                if (TColumns.Wide) d4 = T.Fma(x, b1, d4);
                x = Row<T, TRows>(a + 5, a3 + 2 * lda);
                c5 = T.Fma(x, b0, c5);
                if (TColumns.Wide) d5 = T.Fma(x, b1, d5);
                x = Row<T, TRows>(a + 6, a6);
                c6 = T.Fma(x, b0, c6);
                if (TColumns.Wide) d6 = T.Fma(x, b1, d6);
                x = Row<T, TRows>(a + 7, a6 + lda);
                c7 = T.Fma(x, b0, c7);
                if (TColumns.Wide) d7 = T.Fma(x, b1, d7);
                x = Row<T, TRows>(a + 8, a6 + 2 * lda);
                c8 = T.Fma(x, b0, c8);
                if (TColumns.Wide) d8 = T.Fma(x, b1, d8);
                x = Row<T, TRows>(a + 9, a9);
                c9 = T.Fma(x, b0, c9);
                if (TColumns.Wide) d9 = T.Fma(x, b1, d9);
                x = Row<T, TRows>(a + 10, a9 + lda);
                c10 = T.Fma(x, b0, c10);
                if (TColumns.Wide) d10 = T.Fma(x, b1, d10);
                x = Row<T, TRows>(a + 11, a9 + 2 * lda);
                c11 = T.Fma(x, b0, c11);
                if (TColumns.Wide) d11 = T.Fma(x, b1, d11);
                x = Row<T, TRows>(a + 12, a12);
                c12 = T.Fma(x, b0, c12);
                if (TColumns.Wide) d12 = T.Fma(x, b1, d12);
                a += TRows.InPlace ? 1 : 13;
                if (TRows.InPlace)
                {
                    a3++;
                    a6++;
                    a9++;
                    a12++;
                }
                b += ldb;
            }
        }
        Put<T, TColumns>(c, c0, d0, add);
        Put<T, TColumns>(c + ldc, c1, d1, add);
        Put<T, TColumns>(c + 2 * ldc, c2, d2, add);
        Put<T, TColumns>(c + 3 * ldc, c3, d3, add);
        Put<T, TColumns>(c + 4 * ldc, c4, d4, add);
        Put<T, TColumns>(c + 5 * ldc, c5, d5, add);
        Put<T, TColumns>(c + 6 * ldc, c6, d6, add);
        Put<T, TColumns>(c + 7 * ldc, c7, d7, add);
        Put<T, TColumns>(c + 8 * ldc, c8, d8, add);
        Put<T, TColumns>(c + 9 * ldc, c9, d9, add);
        Put<T, TColumns>(c + 10 * ldc, c10, d10, add);
        Put<T, TColumns>(c + 11 * ldc, c11, d11, add);
        Put<T, TColumns>(c + 12 * ldc, c12, d12, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows12<T, TRows, TColumns>(int k, float* a, nint lda, float* b, nint ldb, float* panel, float* c, nint ldc, bool add, GemmRequests* requests)
        where T : struct, IVec<T> where TRows : struct, IGemmRows where TColumns : struct, IGemmColumns
    {
        float* a3 = a + 3 * lda, a6 = a + 6 * lda, a9 = a + 9 * lda;
        T c0 = T.Zero, d0 = T.Zero;
        T c1 = T.Zero, d1 = T.Zero;
        T c2 = T.Zero, d2 = T.Zero;
        T c3 = T.Zero, d3 = T.Zero;
        T c4 = T.Zero, d4 = T.Zero;
        T c5 = T.Zero, d5 = T.Zero;
        T c6 = T.Zero, d6 = T.Zero;
        T c7 = T.Zero, d7 = T.Zero;
        T c8 = T.Zero, d8 = T.Zero;
        T c9 = T.Zero, d9 = T.Zero;
        T c10 = T.Zero, d10 = T.Zero;
        T c11 = T.Zero, d11 = T.Zero;
        for (; k > 0; k -= GemmAhead.Steps)
        {
            if (requests != null) requests->Ask();
            for (int steps = Math.Min(k, GemmAhead.Steps); steps > 0; steps--)
            {
                T b0 = T.Load(b), b1 = TColumns.Wide ? T.Load(b + T.Count) : b0, x;
                if (TColumns.Packs)
                {
                    T.Store(panel, b0);
                    T.Store(panel + T.Count, b1);
                    panel += 2 * T.Count;
                }
                x = Row<T, TRows>(a, a);
                c0 = T.Fma(x, b0, c0);
                if (TColumns.Wide) d0 = T.Fma(x, b1, d0);
                x = Row<T, TRows>(a + 1, a + lda);
                c1 = T.Fma(x, b0, c1);
                if (TColumns.Wide) d1 = T.Fma(x, b1, d1);
                x = Row<T, TRows>(a + 2, a + 2 * lda);
                c2 = T.Fma(x, b0, c2);
                if (TColumns.Wide) d2 = T.Fma(x, b1, d2);
                x = Row<T, TRows>(a + 3, a3);
                c3 = T.Fma(x, b0, c3);
                if (TColumns.Wide) d3 = T.Fma(x, b1, d3);
                x = Row<T, TRows>(a + 4, a3 + lda);
                c4 = T.Fma(x, b0, c4);
                if (TColumns.Wide) d4 = T.Fma(x, b1, d4);
                x = Row<T, TRows>(a + 5, a3 + 2 * lda);
                c5 = T.Fma(x, b0, c5);
                if (TColumns.Wide) d5 = T.Fma(x, b1, d5);
                x = Row<T, TRows>(a + 6, a6);
                c6 = T.Fma(x, b0, c6);
                if (TColumns.Wide) d6 = T.Fma(x, b1, d6);
                x = Row<T, TRows>(a + 7, a6 + lda);
                c7 = T.Fma(x, b0, c7);
                if (TColumns.Wide) d7 = T.Fma(x, b1, d7);
                x = Row<T, TRows>(a + 8, a6 + 2 * lda);
                c8 = T.Fma(x, b0, c8);
                if (TColumns.Wide) d8 = T.Fma(x, b1, d8);
                x = Row<T, TRows>(a + 9, a9);
                c9 = T.Fma(x, b0, c9);
                if (TColumns.Wide) d9 = T.Fma(x, b1, d9);
                x = Row<T, TRows>(a + 10, a9 + lda);
                c10 = T.Fma(x, b0, c10);
                if (TColumns.Wide) d10 = T.Fma(x, b1, d10);
                x = Row<T, TRows>(a + 11, a9 + 2 * lda);
                c11 = T.Fma(x, b0, c11);
                if (TColumns.Wide) d11 = T.Fma(x, b1, d11);
                a += TRows.InPlace ? 1 : 12;
                if (TRows.InPlace)
                {
                    a3++;
                    a6++;
                    a9++;
                }
                b += ldb;
            }
        }
        Put<T, TColumns>(c, c0, d0, add);
        Put<T, TColumns>(c + ldc, c1, d1, add);
        Put<T, TColumns>(c + 2 * ldc, c2, d2, add);
        Put<T, TColumns>(c + 3 * ldc, c3, d3, add);
        Put<T, TColumns>(c + 4 * ldc, c4, d4, add);
        Put<T, TColumns>(c + 5 * ldc, c5, d5, add);
        Put<T, TColumns>(c + 6 * ldc, c6, d6, add);
        Put<T, TColumns>(c + 7 * ldc, c7, d7, add);
        Put<T, TColumns>(c + 8 * ldc, c8, d8, add);
        Put<T, TColumns>(c + 9 * ldc, c9, d9, add);
        Put<T, TColumns>(c + 10 * ldc, c10, d10, add);
        Put<T, TColumns>(c + 11 * ldc, c11, d11, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows8<T, TRows, TColumns>(int k, float* a, nint lda, float* b, nint ldb, float* panel, float* c, nint ldc, bool add, GemmRequests* requests)
        where T : struct, IVec<T> where TRows : struct, IGemmRows where TColumns : struct, IGemmColumns
    {
        float* a3 = a + 3 * lda, a6 = a + 6 * lda;
        T c0 = T.Zero, d0 = T.Zero;
        T c1 = T.Zero, d1 = T.Zero;
        T c2 = T.Zero, d2 = T.Zero;
        T c3 = T.Zero, d3 = T.Zero;
        T c4 = T.Zero, d4 = T.Zero;
        T c5 = T.Zero, d5 = T.Zero;
        T c6 = T.Zero, d6 = T.Zero;
        T c7 = T.Zero, d7 = T.Zero;
        for (; k > 0; k -= GemmAhead.Steps)
        {
            if (requests != null) requests->Ask();
            for (int steps = Math.Min(k, GemmAhead.Steps); steps > 0; steps--)
            {
                T b0 = T.Load(b), b1 = TColumns.Wide ? T.Load(b + T.Count) : b0, x;
                if (TColumns.Packs)
                {
                    T.Store(panel, b0);
                    T.Store(panel + T.Count, b1);
                    panel += 2 * T.Count;
                }
                x = Row<T, TRows>(a, a);
                c0 = T.Fma(x, b0, c0);
                if (TColumns.Wide) d0 = T.Fma(x, b1, d0);
                x = Row<T, TRows>(a + 1, a + lda);
                c1 = T.Fma(x, b0, c1);
                if (TColumns.Wide) d1 = T.Fma(x, b1, d1);
                x = Row<T, TRows>(a + 2, a + 2 * lda);
                c2 = T.Fma(x, b0, c2);
                if (TColumns.Wide) d2 = T.Fma(x, b1, d2);
                x = Row<T, TRows>(a + 3, a3);
                c3 = T.Fma(x, b0, c3);
                if (TColumns.Wide) d3 = T.Fma(x, b1, d3);
                x = Row<T, TRows>(a + 4, a3 + lda);
                c4 = T.Fma(x, b0, c4);
                if (TColumns.Wide) d4 = T.Fma(x, b1, d4);
                x = Row<T, TRows>(a + 5, a3 + 2 * lda);
                c5 = T.Fma(x, b0, c5);
                if (TColumns.Wide) d5 = T.Fma(x, b1, d5);
                x = Row<T, TRows>(a + 6, a6);
                c6 = T.Fma(x, b0, c6);
                if (TColumns.Wide) d6 = T.Fma(x, b1, d6);
                x = Row<T, TRows>(a + 7, a6 + lda);
                c7 = T.Fma(x, b0, c7);
                if (TColumns.Wide) d7 = T.Fma(x, b1, d7);
                a += TRows.InPlace ? 1 : 8;
                if (TRows.InPlace)
                {
                    a3++;
                    a6++;
                }
                b += ldb;
            }
        }
        Put<T, TColumns>(c, c0, d0, add);
        Put<T, TColumns>(c + ldc, c1, d1, add);
        Put<T, TColumns>(c + 2 * ldc, c2, d2, add);
        Put<T, TColumns>(c + 3 * ldc, c3, d3, add);
        Put<T, TColumns>(c + 4 * ldc, c4, d4, add);
        Put<T, TColumns>(c + 5 * ldc, c5, d5, add);
        Put<T, TColumns>(c + 6 * ldc, c6, d6, add);
        Put<T, TColumns>(c + 7 * ldc, c7, d7, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows6<T, TRows, TColumns>(int k, float* a, nint lda, float* b, nint ldb, float* panel, float* c, nint ldc, bool add, GemmRequests* requests)
        where T : struct, IVec<T> where TRows : struct, IGemmRows where TColumns : struct, IGemmColumns
    {
        float* a3 = a + 3 * lda;
        T c0 = T.Zero, d0 = T.Zero;
        T c1 = T.Zero, d1 = T.Zero;
        T c2 = T.Zero, d2 = T.Zero;
        T c3 = T.Zero, d3 = T.Zero;
        T c4 = T.Zero, d4 = T.Zero;
        T c5 = T.Zero, d5 = T.Zero;
        for (; k > 0; k -= GemmAhead.Steps)
        {
            if (requests != null) requests->Ask();
            for (int steps = Math.Min(k, GemmAhead.Steps); steps > 0; steps--)
            {
                T b0 = T.Load(b), b1 = TColumns.Wide ? T.Load(b + T.Count) : b0, x;
                if (TColumns.Packs)
                {
                    T.Store(panel, b0);
                    T.Store(panel + T.Count, b1);
                    panel += 2 * T.Count;
                }
                x = Row<T, TRows>(a, a);
                c0 = T.Fma(x, b0, c0);
                if (TColumns.Wide) d0 = T.Fma(x, b1, d0);
                x = Row<T, TRows>(a + 1, a + lda);
                c1 = T.Fma(x, b0, c1);
                if (TColumns.Wide) d1 = T.Fma(x, b1, d1);
                x = Row<T, TRows>(a + 2, a + 2 * lda);
                c2 = T.Fma(x, b0, c2);
                if (TColumns.Wide) d2 = T.Fma(x, b1, d2);
                x = Row<T, TRows>(a + 3, a3);
                c3 = T.Fma(x, b0, c3);
                if (TColumns.Wide) d3 = T.Fma(x, b1, d3);
                x = Row<T, TRows>(a + 4, a3 + lda);
                c4 = T.Fma(x, b0, c4);
                if (TColumns.Wide) d4 = T.Fma(x, b1, d4);
                x = Row<T, TRows>(a + 5, a3 + 2 * lda);
                c5 = T.Fma(x, b0, c5);
                if (TColumns.Wide) d5 = T.Fma(x, b1, d5);
                a += TRows.InPlace ? 1 : 6;
                if (TRows.InPlace)
                {
                    a3++;
                }
                b += ldb;
            }
        }
        Put<T, TColumns>(c, c0, d0, add);
        Put<T, TColumns>(c + ldc, c1, d1, add);
        Put<T, TColumns>(c + 2 * ldc, c2, d2, add);
        Put<T, TColumns>(c + 3 * ldc, c3, d3, add);
        Put<T, TColumns>(c + 4 * ldc, c4, d4, add);
        Put<T, TColumns>(c + 5 * ldc, c5, d5, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<T, TRows, TColumns>(int k, float* a, nint lda, float* b, nint ldb, float* panel, float* c, nint ldc, bool add, GemmRequests* requests)
        where T : struct, IVec<T> where TRows : struct, IGemmRows where TColumns : struct, IGemmColumns
    {
        float* a3 = a + 3 * lda;
        T c0 = T.Zero, d0 = T.Zero;
        T c1 = T.Zero, d1 = T.Zero;
        T c2 = T.Zero, d2 = T.Zero;
        T c3 = T.Zero, d3 = T.Zero;
        for (; k > 0; k -= GemmAhead.Steps)
        {
            if (requests != null) requests->Ask();
            for (int steps = Math.Min(k, GemmAhead.Steps); steps > 0; steps--)
            {
                T b0 = T.Load(b), b1 = TColumns.Wide ? T.Load(b + T.Count) : b0, x;
                if (TColumns.Packs)
                {
                    T.Store(panel, b0);
                    T.Store(panel + T.Count, b1);
                    panel += 2 * T.Count;
                }
                x = Row<T, TRows>(a, a);
                c0 = T.Fma(x, b0, c0);
                if (TColumns.Wide) d0 = T.Fma(x, b1, d0);
                x = Row<T, TRows>(a + 1, a + lda);
                c1 = T.Fma(x, b0, c1);
                if (TColumns.Wide) d1 = T.Fma(x, b1, d1);
                x = Row<T, TRows>(a + 2, a + 2 * lda);
                c2 = T.Fma(x, b0, c2);
                if (TColumns.Wide) d2 = T.Fma(x, b1, d2);
                x = Row<T, TRows>(a + 3, a3);
                c3 = T.Fma(x, b0, c3);
                if (TColumns.Wide) d3 = T.Fma(x, b1, d3);
                a += TRows.InPlace ? 1 : 4;
                if (TRows.InPlace)
                {
                    a3++;
                }
                b += ldb;
            }
        }
        Put<T, TColumns>(c, c0, d0, add);
        Put<T, TColumns>(c + ldc, c1, d1, add);
        Put<T, TColumns>(c + 2 * ldc, c2, d2, add);
        Put<T, TColumns>(c + 3 * ldc, c3, d3, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2<T, TRows, TColumns>(int k, float* a, nint lda, float* b, nint ldb, float* panel, float* c, nint ldc, bool add, GemmRequests* requests)
        where T : struct, IVec<T> where TRows : struct, IGemmRows where TColumns : struct, IGemmColumns
    {
        T c0 = T.Zero, d0 = T.Zero;
        T c1 = T.Zero, d1 = T.Zero;
        for (; k > 0; k -= GemmAhead.Steps)
        {
            if (requests != null) requests->Ask();
            for (int steps = Math.Min(k, GemmAhead.Steps); steps > 0; steps--)
            {
                T b0 = T.Load(b), b1 = TColumns.Wide ? T.Load(b + T.Count) : b0, x;
                if (TColumns.Packs)
                {
                    T.Store(panel, b0);
                    T.Store(panel + T.Count, b1);
                    panel += 2 * T.Count;
                }
                x = Row<T, TRows>(a, a);
                c0 = T.Fma(x, b0, c0);
                if (TColumns.Wide) d0 = T.Fma(x, b1, d0);
                x = Row<T, TRows>(a + 1, a + lda);
                c1 = T.Fma(x, b0, c1);
                if (TColumns.Wide) d1 = T.Fma(x, b1, d1);
                a += TRows.InPlace ? 1 : 2;
                b += ldb;
            }
        }
        Put<T, TColumns>(c, c0, d0, add);
        Put<T, TColumns>(c + ldc, c1, d1, add);
    }
}
