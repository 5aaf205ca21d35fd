using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>The innermost loops of the matrix product: a tile of some rows by two vectors of columns lives in registers while k runs.
/// One broadcast feeds two multiply-adds, so that loads do not limit.</summary>
/// <remarks>Written out row by row because only named locals are sure to stay in registers.</remarks>
internal static unsafe class GemmTiles
{
    /// <summary>Rows of a full tile.</summary>
    public static int FullRows<T>() where T : struct, IVec<T> => T.Count == 16 ? 12 : 6;

    /// <summary>Height of the tile that covers the last <paramref name="rows"/> rows of a matrix.</summary>
    public static int PaddedRows<T>(int rows) where T : struct, IVec<T> =>
        T.Count == 16 ? (rows + 3) / 4 * 4 : rows <= 2 ? 2 : rows <= 4 ? 4 : 6;

    /// <summary>c = A b or c += A b for a tile of 2, 4, 6, 8 or 12 rows.</summary>
    /// <param name="rows">Rows of the tile, one of <see cref="PaddedRows"/>.</param>
    /// <param name="k">Length of the sums.</param>
    /// <param name="a">Packed, k x rows.</param>
    /// <param name="b">Packed, k x two vectors.</param>
    /// <param name="c">The tile.</param>
    /// <param name="ldc">Elements from row to row of the tile.</param>
    /// <param name="add">Add to the tile.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run<T>(int rows, int k, float* a, float* b, float* c, nint ldc, bool add) where T : struct, IVec<T>
    {
        switch (rows)
        {
            case 12: Rows12<T>(k, a, b, c, ldc, add); break;
            case 8: Rows8<T>(k, a, b, c, ldc, add); break;
            case 6: Rows6<T>(k, a, b, c, ldc, add); break;
            case 4: Rows4<T>(k, a, b, c, ldc, add); break;
            default: Rows2<T>(k, a, b, c, ldc, add); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<T>(float* c, T left, T right, bool add) where T : struct, IVec<T>
    {
        if (add)
        {
            left += T.Load(c);
            right += T.Load(c + T.Count);
        }
        T.Store(c, left);
        T.Store(c + T.Count, right);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows12<T>(int k, float* a, float* b, float* c, nint ldc, bool add) where T : struct, IVec<T>
    {
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
        for (; k > 0; k--)
        {
            T b0 = T.Load(b), b1 = T.Load(b + T.Count), x;
            x = T.Create(a[0]);
            c0 = T.Fma(x, b0, c0);
            d0 = T.Fma(x, b1, d0);
            x = T.Create(a[1]);
            c1 = T.Fma(x, b0, c1);
            d1 = T.Fma(x, b1, d1);
            x = T.Create(a[2]);
            c2 = T.Fma(x, b0, c2);
            d2 = T.Fma(x, b1, d2);
            x = T.Create(a[3]);
            c3 = T.Fma(x, b0, c3);
            d3 = T.Fma(x, b1, d3);
            x = T.Create(a[4]);
            c4 = T.Fma(x, b0, c4);
            d4 = T.Fma(x, b1, d4);
            x = T.Create(a[5]);
            c5 = T.Fma(x, b0, c5);
            d5 = T.Fma(x, b1, d5);
            x = T.Create(a[6]);
            c6 = T.Fma(x, b0, c6);
            d6 = T.Fma(x, b1, d6);
            x = T.Create(a[7]);
            c7 = T.Fma(x, b0, c7);
            d7 = T.Fma(x, b1, d7);
            x = T.Create(a[8]);
            c8 = T.Fma(x, b0, c8);
            d8 = T.Fma(x, b1, d8);
            x = T.Create(a[9]);
            c9 = T.Fma(x, b0, c9);
            d9 = T.Fma(x, b1, d9);
            x = T.Create(a[10]);
            c10 = T.Fma(x, b0, c10);
            d10 = T.Fma(x, b1, d10);
            x = T.Create(a[11]);
            c11 = T.Fma(x, b0, c11);
            d11 = T.Fma(x, b1, d11);
            a += 12;
            b += 2 * T.Count;
        }
        Put(c, c0, d0, add);
        Put(c + ldc, c1, d1, add);
        Put(c + 2 * ldc, c2, d2, add);
        Put(c + 3 * ldc, c3, d3, add);
        Put(c + 4 * ldc, c4, d4, add);
        Put(c + 5 * ldc, c5, d5, add);
        Put(c + 6 * ldc, c6, d6, add);
        Put(c + 7 * ldc, c7, d7, add);
        Put(c + 8 * ldc, c8, d8, add);
        Put(c + 9 * ldc, c9, d9, add);
        Put(c + 10 * ldc, c10, d10, add);
        Put(c + 11 * ldc, c11, d11, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows8<T>(int k, float* a, float* b, float* c, nint ldc, bool add) where T : struct, IVec<T>
    {
        T c0 = T.Zero, d0 = T.Zero;
        T c1 = T.Zero, d1 = T.Zero;
        T c2 = T.Zero, d2 = T.Zero;
        T c3 = T.Zero, d3 = T.Zero;
        T c4 = T.Zero, d4 = T.Zero;
        T c5 = T.Zero, d5 = T.Zero;
        T c6 = T.Zero, d6 = T.Zero;
        T c7 = T.Zero, d7 = T.Zero;
        for (; k > 0; k--)
        {
            T b0 = T.Load(b), b1 = T.Load(b + T.Count), x;
            x = T.Create(a[0]);
            c0 = T.Fma(x, b0, c0);
            d0 = T.Fma(x, b1, d0);
            x = T.Create(a[1]);
            c1 = T.Fma(x, b0, c1);
            d1 = T.Fma(x, b1, d1);
            x = T.Create(a[2]);
            c2 = T.Fma(x, b0, c2);
            d2 = T.Fma(x, b1, d2);
            x = T.Create(a[3]);
            c3 = T.Fma(x, b0, c3);
            d3 = T.Fma(x, b1, d3);
            x = T.Create(a[4]);
            c4 = T.Fma(x, b0, c4);
            d4 = T.Fma(x, b1, d4);
            x = T.Create(a[5]);
            c5 = T.Fma(x, b0, c5);
            d5 = T.Fma(x, b1, d5);
            x = T.Create(a[6]);
            c6 = T.Fma(x, b0, c6);
            d6 = T.Fma(x, b1, d6);
            x = T.Create(a[7]);
            c7 = T.Fma(x, b0, c7);
            d7 = T.Fma(x, b1, d7);
            a += 8;
            b += 2 * T.Count;
        }
        Put(c, c0, d0, add);
        Put(c + ldc, c1, d1, add);
        Put(c + 2 * ldc, c2, d2, add);
        Put(c + 3 * ldc, c3, d3, add);
        Put(c + 4 * ldc, c4, d4, add);
        Put(c + 5 * ldc, c5, d5, add);
        Put(c + 6 * ldc, c6, d6, add);
        Put(c + 7 * ldc, c7, d7, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows6<T>(int k, float* a, float* b, float* c, nint ldc, bool add) where T : struct, IVec<T>
    {
        T c0 = T.Zero, d0 = T.Zero;
        T c1 = T.Zero, d1 = T.Zero;
        T c2 = T.Zero, d2 = T.Zero;
        T c3 = T.Zero, d3 = T.Zero;
        T c4 = T.Zero, d4 = T.Zero;
        T c5 = T.Zero, d5 = T.Zero;
        for (; k > 0; k--)
        {
            T b0 = T.Load(b), b1 = T.Load(b + T.Count), x;
            x = T.Create(a[0]);
            c0 = T.Fma(x, b0, c0);
            d0 = T.Fma(x, b1, d0);
            x = T.Create(a[1]);
            c1 = T.Fma(x, b0, c1);
            d1 = T.Fma(x, b1, d1);
            x = T.Create(a[2]);
            c2 = T.Fma(x, b0, c2);
            d2 = T.Fma(x, b1, d2);
            x = T.Create(a[3]);
            c3 = T.Fma(x, b0, c3);
            d3 = T.Fma(x, b1, d3);
            x = T.Create(a[4]);
            c4 = T.Fma(x, b0, c4);
            d4 = T.Fma(x, b1, d4);
            x = T.Create(a[5]);
            c5 = T.Fma(x, b0, c5);
            d5 = T.Fma(x, b1, d5);
            a += 6;
            b += 2 * T.Count;
        }
        Put(c, c0, d0, add);
        Put(c + ldc, c1, d1, add);
        Put(c + 2 * ldc, c2, d2, add);
        Put(c + 3 * ldc, c3, d3, add);
        Put(c + 4 * ldc, c4, d4, add);
        Put(c + 5 * ldc, c5, d5, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows4<T>(int k, float* a, float* b, float* c, nint ldc, bool add) where T : struct, IVec<T>
    {
        T c0 = T.Zero, d0 = T.Zero;
        T c1 = T.Zero, d1 = T.Zero;
        T c2 = T.Zero, d2 = T.Zero;
        T c3 = T.Zero, d3 = T.Zero;
        for (; k > 0; k--)
        {
            T b0 = T.Load(b), b1 = T.Load(b + T.Count), x;
            x = T.Create(a[0]);
            c0 = T.Fma(x, b0, c0);
            d0 = T.Fma(x, b1, d0);
            x = T.Create(a[1]);
            c1 = T.Fma(x, b0, c1);
            d1 = T.Fma(x, b1, d1);
            x = T.Create(a[2]);
            c2 = T.Fma(x, b0, c2);
            d2 = T.Fma(x, b1, d2);
            x = T.Create(a[3]);
            c3 = T.Fma(x, b0, c3);
            d3 = T.Fma(x, b1, d3);
            a += 4;
            b += 2 * T.Count;
        }
        Put(c, c0, d0, add);
        Put(c + ldc, c1, d1, add);
        Put(c + 2 * ldc, c2, d2, add);
        Put(c + 3 * ldc, c3, d3, add);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Rows2<T>(int k, float* a, float* b, float* c, nint ldc, bool add) where T : struct, IVec<T>
    {
        T c0 = T.Zero, d0 = T.Zero;
        T c1 = T.Zero, d1 = T.Zero;
        for (; k > 0; k--)
        {
            T b0 = T.Load(b), b1 = T.Load(b + T.Count), x;
            x = T.Create(a[0]);
            c0 = T.Fma(x, b0, c0);
            d0 = T.Fma(x, b1, d0);
            x = T.Create(a[1]);
            c1 = T.Fma(x, b0, c1);
            d1 = T.Fma(x, b1, d1);
            a += 2;
            b += 2 * T.Count;
        }
        Put(c, c0, d0, add);
        Put(c + ldc, c1, d1, add);
    }
}
