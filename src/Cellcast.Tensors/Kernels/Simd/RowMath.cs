using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Loops over one row, for use inside kernels.</summary>
internal static unsafe class RowMath
{
    /// <summary>Sum of the elements, pairwise: faster than one after the other in double precision, for sums that were taken in single precision so far.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SumOf<T>(T a) where T : struct, IVec<T>
    {
        if (typeof(T) == typeof(F512)) return Vector512.Sum(Unsafe.BitCast<T, Vector512<float>>(a));
        if (typeof(T) == typeof(F256)) return Vector256.Sum(Unsafe.BitCast<T, Vector256<float>>(a));
        return Vector128.Sum(Unsafe.BitCast<T, Vector128<float>>(a));
    }

    /// <summary>a . b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Dot<T>(float* a, float* b, int n) where T : struct, IVec<T>
    {
        T s0 = T.Zero, s1 = T.Zero;
        int i = 0;
        for (; i <= n - 2 * T.Count; i += 2 * T.Count)
        {
            s0 = T.Fma(T.Load(a + i), T.Load(b + i), s0);
            s1 = T.Fma(T.Load(a + i + T.Count), T.Load(b + i + T.Count), s1);
        }
        if (i <= n - T.Count)
        {
            s0 = T.Fma(T.Load(a + i), T.Load(b + i), s0);
            i += T.Count;
        }
        if (i < n) s1 = T.Fma(T.LoadPartial(a + i, n - i), T.LoadPartial(b + i, n - i), s1);
        return SumOf(s0 + s1);
    }

    /// <summary>Sum of a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Sum<T>(float* a, int n) where T : struct, IVec<T>
    {
        T s = T.Zero;
        int i = 0;
        for (; i <= n - T.Count; i += T.Count) s += T.Load(a + i);
        if (i < n) s += T.LoadPartial(a + i, n - i);
        return SumOf(s);
    }

    /// <summary>y += alpha x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Axpy<T>(float alpha, float* x, float* y, int n) where T : struct, IVec<T>
    {
        T f = T.Create(alpha);
        int i = 0;
        for (; i <= n - T.Count; i += T.Count) T.Store(y + i, T.Fma(f, T.Load(x + i), T.Load(y + i)));
        if (i < n) T.StorePartial(y + i, T.Fma(f, T.LoadPartial(x + i, n - i), T.LoadPartial(y + i, n - i)), n - i);
    }

    /// <summary>y = alpha x + beta.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Affine<T>(float alpha, float beta, float* x, float* y, int n) where T : struct, IVec<T>
    {
        T f = T.Create(alpha), s = T.Create(beta);
        int i = 0;
        for (; i <= n - T.Count; i += T.Count) T.Store(y + i, T.Fma(f, T.Load(x + i), s));
        if (i < n) T.StorePartial(y + i, T.Fma(f, T.LoadPartial(x + i, n - i), s), n - i);
    }

    /// <summary>y = a b, number by number; y may be either.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply<T>(float* a, float* b, float* y, int n) where T : struct, IVec<T>
    {
        int i = 0;
        for (; i <= n - T.Count; i += T.Count) T.Store(y + i, T.Load(a + i) * T.Load(b + i));
        for (; i < n; i++) y[i] = a[i] * b[i];
    }

    /// <summary>y += a b, number by number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void MultiplyAdd<T>(float* a, float* b, float* y, int n) where T : struct, IVec<T>
    {
        int i = 0;
        for (; i <= n - T.Count; i += T.Count) T.Store(y + i, T.Fma(T.Load(a + i), T.Load(b + i), T.Load(y + i)));
        for (; i < n; i++) y[i] += a[i] * b[i];
    }
}
