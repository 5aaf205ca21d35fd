using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>scRobust's unit vectors: u = (e + 1e-12) / (|e| + 1e-12).</summary>
internal static unsafe class UnitRows
{
    public const float Epsilon = 1e-12f;

    /// <summary>Length of a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Length<T>(float* e, int n) where T : struct, IVec<T> => (float)Math.Sqrt(RowMath.Dot<T>(e, e, n));

    /// <summary>1 / (|e| + 1e-12).</summary>
    public static float Inverse(float length) => 1 / (length + Epsilon);

    /// <summary>Adds the gradient with respect to e, given the one with respect to u.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGradient<T>(float* e, float length, float* du, float* de, int n) where T : struct, IVec<T>
    {
        float inverse = Inverse(length);
        double along = RowMath.Dot<T>(e, du, n) + Epsilon * RowMath.Sum<T>(du, n);
        float radial = length > 0 ? (float)(along * inverse * inverse / length) : 0;
        T a = T.Create(inverse), b = T.Create(-radial);
        int i = 0;
        for (; i <= n - T.Count; i += T.Count)
            T.Store(de + i, T.Load(de + i) + T.Fma(a, T.Load(du + i), b * T.Load(e + i)));
        if (i < n) T.StorePartial(de + i, T.LoadPartial(de + i, n - i) + T.Fma(a, T.LoadPartial(du + i, n - i), b * T.LoadPartial(e + i, n - i)), n - i);
    }
}
