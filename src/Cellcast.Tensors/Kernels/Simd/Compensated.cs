using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>A sum per element that carries its rounding error along (Kahan): as good as double precision, at any vector width.</summary>
internal struct Compensated<T> where T : struct, IVec<T>
{
    private T _sum;
    private T _error;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(T x)
    {
        T y = x - _error, sum = _sum + y;
        _error = sum - _sum - y;
        _sum = sum;
    }

    /// <summary>Sum over the elements.</summary>
    public readonly double Total => T.SumAcross(_sum) - T.SumAcross(_error);
}
