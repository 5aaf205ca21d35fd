using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>The exponential function where a softmax needs it.</summary>
internal static class VectorExp
{
    /// <summary>e^x for x at most 0 or a little above, to about two units in the last place; 0 below -87.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T NotPositive<T>(T x) where T : struct, IVec<T>
    {
        // x = n log 2 + r with |r| <= log(2) / 2, the product in two parts so that r is exact; e^r by its series to r^7.
        T clipped = T.Max(x, T.Create(-87f));
        T n = T.Round(clipped * T.Create(1.44269504f));
        T r = T.Fma(n, T.Create(-0.693145752f), clipped);
        r = T.Fma(n, T.Create(-1.42860677e-6f), r);
        T p = T.Fma(r, T.Create(1f / 5040), T.Create(1f / 720));
        p = T.Fma(p, r, T.Create(1f / 120));
        p = T.Fma(p, r, T.Create(1f / 24));
        p = T.Fma(p, r, T.Create(1f / 6));
        p = T.Fma(p, r, T.Create(0.5f));
        p = T.Fma(p, r, T.Create(1f));
        p = T.Fma(p, r, T.Create(1f));
        T power = T.ShiftLeft(T.AddInt(T.ToInt(n), T.CreateBits(127)), 23);
        return T.Select(T.Less(x, T.Create(-87f)), T.Zero, p * power);
    }
}
