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

    /// <summary>Adds the gradient with respect to e, given those with respect to the centred vector z = u - mean(u) and to its sd.</summary>
    /// <param name="e">Row of the table.</param>
    /// <param name="length">Its length.</param>
    /// <param name="mean">Mean of u.</param>
    /// <param name="deviation">Unbiased sd of u.</param>
    /// <param name="dz">Gradient with respect to z; overwritten.</param>
    /// <param name="ddeviation">Gradient with respect to the sd.</param>
    /// <param name="z">Room for a row.</param>
    /// <param name="de">Added to.</param>
    /// <param name="n">Columns.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGradientOfCentred<T>(float* e, float length, float mean, float deviation, float* dz, float ddeviation, float* z, float* de, int n) where T : struct, IVec<T>
    {
        RowMath.Affine<T>(1, -(float)(RowMath.Sum<T>(dz, n) / n), dz, dz, n);
        if (deviation > 0)
        {
            RowMath.Affine<T>(Inverse(length), -mean, e, z, n);
            RowMath.Axpy<T>(ddeviation / (deviation * (n - 1)), z, dz, n);
        }
        AddGradient<T>(e, length, dz, de, n);
    }
}
