using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>A sum per element that carries its rounding errors along (Knuth's two-sum, which holds whichever summand is larger): as good as double
/// precision, at any vector width.</summary>
internal struct Compensated<T> where T : struct, IVec<T>
{
    private T _sum;
    private T _error;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(T x)
    {
        T sum = _sum + x, part = sum - _sum;
        _error += _sum - (sum - part) + (x - part);
        _sum = sum;
    }

    /// <summary>The sum, element by element.</summary>
    public readonly T Value
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _sum + _error;
    }

    /// <summary>Sum over the elements.</summary>
    public readonly double Total => T.SumAcross(_sum) + T.SumAcross(_error);

    /// <summary>The sum, element by element, in double precision.</summary>
    public readonly unsafe void CopyTo(double* to, int count)
    {
        float* sums = stackalloc float[16], errors = stackalloc float[16];
        T.Store(sums, _sum);
        T.Store(errors, _error);
        for (int i = 0; i < count; i++) to[i] = (double)sums[i] + errors[i];
    }
}
