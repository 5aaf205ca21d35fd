using System.Runtime.CompilerServices;
using Cellcast.Tensors.Kernels.Simd;
using F = Cellcast.Tensors.Kernels.Simd.VectorFunctions;

namespace Cellcast.Tensors.Kernels;

/// <summary>Functions of every element of a vector. Error bounds are against double precision and hold at every vector width; NaN gives NaN.</summary>
public static class VectorMath
{
    /// <summary>e^x. Within 1 ulp (1.5 where the result is subnormal). Overflow gives infinity; NaN stays NaN.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Exp(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<ExpMap>(workers, x, y);

    /// <summary>Natural logarithm. Within 1 ulp where |log x| > 0.01 (elsewhere 2 ulp). log(0) = -infinity, NaN for negative numbers.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Log(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<LogMap>(workers, x, y);

    /// <summary>log(1 + x). Within 3 ulp. -infinity at -1, NaN below.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Log1p(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<Log1pMap>(workers, x, y);

    /// <summary>log(1 + e^x) for any x. Within 2 ulp; below -87 it stays at e^-87.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Softplus(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<SoftplusMap>(workers, x, y);

    /// <summary>1 / (1 + e^-x). Within 3 ulp; below -87 it stays at e^-87.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Sigmoid(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<SigmoidMap>(workers, x, y);

    /// <summary>Hyperbolic tangent. Within 3 ulp.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Tanh(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<TanhMap>(workers, x, y);

    /// <summary>Error function. Within 2 ulp.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Erf(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<ErfMap>(workers, x, y);

    /// <summary>Exact GELU, x Phi(x). Within 6 ulp for x &gt; -13 where the machine has a fused multiply-add (else up to 120 ulp in that tail); 0 at -infinity to within 1e-10.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Gelu(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<GeluMap>(workers, x, y);

    /// <summary>GELU in its tanh form, 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). Relative error up to 1e-6 for x &gt; -3; absolute error 1e-7 elsewhere.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void GeluTanh(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<GeluTanhMap>(workers, x, y);

    /// <summary>x where positive, e^x - 1 elsewhere. Within 2 ulp.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Elu(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<EluMap>(workers, x, y);

    /// <summary>max(x, 0).</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Relu(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<ReluMap>(workers, x, y);

    /// <summary>log Gamma(x), x &gt; 0. Error up to 5e-7 max(1, |log Gamma|). Infinity at 0, NaN below.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void LogGamma(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<LogGammaMap>(workers, x, y);

    /// <summary>psi(x), x &gt; 0. Error up to 4e-7 max(1, |psi|). -infinity at 0, NaN below.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Digamma(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<DigammaMap>(workers, x, y);

    /// <summary>x squared.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Square(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<SquareMap>(workers, x, y);

    /// <summary>Square root, correctly rounded.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Sqrt(Workers workers, ReadOnlySpan<float> x, Span<float> y) => Maps.Map<SqrtMap>(workers, x, y);

    /// <summary>dx = dy times the derivative of <see cref="Softplus"/>, or dx += it.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">The input x, of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void SoftplusBackward(Workers workers, ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false) =>
        Maps.MapInto<SoftplusBackwardMap>(workers, x, dy, dx, accumulate);

    /// <summary>dx = dy times the derivative of <see cref="Sigmoid"/>, or dx += it.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="y">The output y, of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void SigmoidBackward(Workers workers, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false) =>
        Maps.MapInto<SigmoidBackwardMap>(workers, y, dy, dx, accumulate);

    /// <summary>dx = dy times the derivative of <see cref="Tanh"/>, or dx += it.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="y">The output y, of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void TanhBackward(Workers workers, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false) =>
        Maps.MapInto<TanhBackwardMap>(workers, y, dy, dx, accumulate);

    /// <summary>dx = dy times the derivative of <see cref="Gelu"/>, or dx += it.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">The input x, of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void GeluBackward(Workers workers, ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false) =>
        Maps.MapInto<GeluBackwardMap>(workers, x, dy, dx, accumulate);

    /// <summary>dx = dy times the derivative of <see cref="GeluTanh"/>, or dx += it.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">The input x, of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void GeluTanhBackward(Workers workers, ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false) =>
        Maps.MapInto<GeluTanhBackwardMap>(workers, x, dy, dx, accumulate);

    /// <summary>dx = dy times the derivative of <see cref="Elu"/>, or dx += it.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="y">The output y, of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void EluBackward(Workers workers, ReadOnlySpan<float> y, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false) =>
        Maps.MapInto<EluBackwardMap>(workers, y, dy, dx, accumulate);

    /// <summary>dx = dy times the derivative of <see cref="Relu"/>, or dx += it.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">The input x, or its output y, of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void ReluBackward(Workers workers, ReadOnlySpan<float> x, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false) =>
        Maps.MapInto<ReluBackwardMap>(workers, x, dy, dx, accumulate);

    /// <summary>log Gamma(x + theta) - log Gamma(theta) of every pair, x at least 0 and theta > 0, without cancellation. Error up to 4e-7 max(1, |value|, |log theta|); exactly 0 at x = 0.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Counts.</param>
    /// <param name="theta">As many as <paramref name="x"/>.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>.</param>
    public static void LogGammaDifference(Workers workers, ReadOnlySpan<float> x, ReadOnlySpan<float> theta, Span<float> y) => Maps.Map<LogGammaDifferenceMap>(workers, x, theta, y);

    /// <summary>psi(x + theta) - psi(theta) of every pair, x at least 0 and theta > 0, without cancellation. Relative error up to 1e-6 for x at least 1e-3 theta or theta below 1e3; exactly 0 at x = 0.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Counts.</param>
    /// <param name="theta">As many as <paramref name="x"/>.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>.</param>
    public static void DigammaDifference(Workers workers, ReadOnlySpan<float> x, ReadOnlySpan<float> theta, Span<float> y) => Maps.Map<DigammaDifferenceMap>(workers, x, theta, y);

    private readonly struct ExpMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => F.Exp(a);
    }

    private readonly struct LogMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => F.Log(a);
    }

    private readonly struct Log1pMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => F.Log1p(a);
    }

    private readonly struct SoftplusMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => F.Softplus(a);
    }

    private readonly struct SigmoidMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => F.Sigmoid(a);
    }

    private readonly struct TanhMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => F.Tanh(a);
    }

    private readonly struct ErfMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => F.Erf(a);
    }

    private readonly struct GeluMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => F.Gelu(a);
    }

    private readonly struct GeluTanhMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => F.GeluTanh(a);
    }

    private readonly struct EluMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => T.Select(T.Less(a, T.Zero), F.ExpMinusOneOfNegative(a), a);
    }

    private readonly struct ReluMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => T.Max(T.Zero, a);
    }

    private readonly struct LogGammaMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => F.LogGamma(a);
    }

    private readonly struct DigammaMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => F.Digamma(a);
    }

    private readonly struct SquareMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => a * a;
    }

    private readonly struct SqrtMap : IMap1
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a) where T : struct, IVec<T> => T.Sqrt(a);
    }

    private readonly struct SoftplusBackwardMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => b * F.Sigmoid(a);
    }

    private readonly struct SigmoidBackwardMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => b * (a * (T.Create(1f) - a));
    }

    private readonly struct TanhBackwardMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => b * T.Fma(-a, a, T.Create(1f));
    }

    private readonly struct GeluBackwardMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => b * F.GeluDerivative(a);
    }

    private readonly struct GeluTanhBackwardMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => b * F.GeluTanhDerivative(a);
    }

    private readonly struct EluBackwardMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => T.Select(T.Less(a, T.Zero), b * (a + T.Create(1f)), b);
    }

    private readonly struct ReluBackwardMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => T.Less(T.Zero, a) & b;
    }

    private readonly struct LogGammaDifferenceMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => F.LogGammaDifference(a, b);
    }

    private readonly struct DigammaDifferenceMap : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public T Apply<T>(T a, T b) where T : struct, IVec<T> => F.DigammaDifference(a, b);
    }
}
