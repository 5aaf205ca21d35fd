using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Gradients of UMAP's cross entropy along the difference of two positions, as functions of its squared length.</summary>
internal readonly struct LayoutForce<T> where T : struct, IVec<T>
{
    private const float Clipping = 4, Softening = 0.001f, Smallest = 1e-30f;

    private readonly T _a, _b, _attraction, _repulsion;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public LayoutForce(in LayoutStep step)
    {
        _a = T.Create(step.A);
        _b = T.Create(step.B);
        _attraction = T.Create(-2 * step.A * step.B);
        _repulsion = T.Create(2 * step.B * step.Repulsion);
    }

    /// <summary>-2 a b d^(2b-2) / (1 + a d^(2b)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Attraction(T squared)
    {
        squared = T.Max(T.Create(Smallest), squared);
        T power = Power(squared);
        return _attraction * power / (squared * T.Fma(_a, power, T.Create(1)));
    }

    /// <summary>2 b gamma / ((0.001 + d^2) (1 + a d^(2b))).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Repulsion(T squared)
    {
        squared = T.Max(T.Create(Smallest), squared);
        return _repulsion / ((squared + T.Create(Softening)) * T.Fma(_a, Power(squared), T.Create(1)));
    }

    /// <summary>Steps of at most 4 in each direction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Clip(T gradient) => T.Max(T.Create(-Clipping), T.Min(T.Create(Clipping), gradient));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Power(T squared) => VectorFunctions.Exp(_b * VectorFunctions.LogOfPositive(squared));
}
