using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Transcendental functions of a vector. Polynomials are our own minimax fits (Lawson iteration in extended precision, coefficients rounded
/// to float32 one after another); their errors stand beside them.</summary>
internal static class VectorFunctions
{
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;
    private const float Log2E = 1.44269504f;

    /// <summary>e^x. Overflow gives infinity, underflow goes through the subnormal numbers to zero, NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Exp<T>(T x) where T : struct, IVec<T>
    {
        // The constant comes first: x86 returns the second operand where one is NaN.
        x = T.Max(T.Create(-105f), T.Min(T.Create(89f), x));
        T n = T.Round(x * T.Create(Log2E));
        T p = ExpPolynomial(Remainder(x, n));
        // 2^n in two factors: n reaches beyond the exponents of float32 on both sides.
        T i = T.ToInt(n), half = T.ShiftRightArithmetic(i, 1);
        return p * PowerOfTwo(half) * PowerOfTwo(T.SubtractInt(i, half));
    }

    /// <summary>e^x for x at most 0; below about -87 the result is as for -87 (1.6e-38) rather than subnormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T ExpOfNegative<T>(T x) where T : struct, IVec<T>
    {
        x = T.Max(T.Create(-87f), x);
        T n = T.Round(x * T.Create(Log2E));
        return ExpPolynomial(Remainder(x, n)) * PowerOfTwo(T.ToInt(n));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Remainder<T>(T x, T n) where T : struct, IVec<T> => T.Fma(n, T.Create(-Ln2Low), T.Fma(n, T.Create(-Ln2High), x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T PowerOfTwo<T>(T n) where T : struct, IVec<T> => T.ShiftLeft(T.AddInt(n, T.CreateBits(127)), 23);

    /// <summary>e^r for |r| up to log(2)/2, relative error 3e-9.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T ExpPolynomial<T>(T r) where T : struct, IVec<T>
    {
        T q = T.Fma(T.Create(0.00138207339f), r, T.Create(0.00836867746f));
        q = T.Fma(q, r, T.Create(0.0416682661f));
        q = T.Fma(q, r, T.Create(0.166665211f));
        q = T.Fma(q, r, T.Create(0.49999994f));
        return T.Fma(r * r, q, r) + T.Create(1f);
    }

    /// <summary>e^x - 1 for x at most 0, relative accuracy kept near 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T ExpMinusOneOfNegative<T>(T x) where T : struct, IVec<T>
    {
        x = T.Max(T.Create(-87f), x);
        T n = T.Round(x * T.Create(Log2E));
        T r = Remainder(x, n);
        T q = T.Fma(T.Create(0.000197617162f), r, T.Create(0.00139323203f));
        q = T.Fma(q, r, T.Create(0.00833354611f));
        q = T.Fma(q, r, T.Create(0.0416664928f));
        q = T.Fma(q, r, T.Create(0.166666657f));
        q = T.Fma(q, r, T.Create(0.5f));
        T p = T.Fma(r * r, q, r), s = PowerOfTwo(T.ToInt(n));
        return T.Fma(p, s, s - T.Create(1f));
    }

    /// <summary>log(x) for normal positive finite x; elsewhere some finite number without meaning.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LogOfPositive<T>(T x) where T : struct, IVec<T>
    {
        Split(x, out T exponent, out T mantissa);
        return LogOfParts(mantissa - T.Create(1f), T.FromInt(exponent));
    }

    /// <summary>log(u) given u and t = u - 1 to full accuracy: where u is near 1 only t is used. Same domain as <see cref="LogOfPositive"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LogNearOne<T>(T u, T t) where T : struct, IVec<T>
    {
        Split(u, out T exponent, out T mantissa);
        T e = T.FromInt(exponent);
        return LogOfParts(T.Select(T.Equal(e, T.Zero), t, mantissa - T.Create(1f)), e);
    }

    /// <summary>Natural logarithm with the special cases of IEEE 754: log(0) = -infinity, NaN below 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log<T>(T x) where T : struct, IVec<T>
    {
        T small = T.Less(x, T.Create(1.17549435e-38f));
        T y = LogOfPositive(T.Select(small, x * T.Create(8388608f), x)) - (small & T.Create(15.942385f));
        return LogSpecial(x, y);
    }

    /// <summary>log(1 + x) with log1p(-1) = -infinity, NaN below -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log1p<T>(T x) where T : struct, IVec<T>
    {
        T u = x + T.Create(1f);
        return LogSpecial(u, LogNearOne(u, x));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T LogSpecial<T>(T x, T y) where T : struct, IVec<T>
    {
        y = T.Select(T.Less(x, T.Create(float.PositiveInfinity)), y, x);
        y = T.Select(T.Less(x, T.Zero), T.Create(float.NaN), y);
        return T.Select(T.Equal(x, T.Zero), T.Create(float.NegativeInfinity), y);
    }

    /// <summary>x = mantissa 2^exponent with the mantissa between sqrt(1/2) and sqrt(2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Split<T>(T x, out T exponent, out T mantissa) where T : struct, IVec<T>
    {
        exponent = T.ShiftRightArithmetic(T.SubtractInt(x, T.CreateBits(0x3f3504f3)), 23);
        mantissa = T.SubtractInt(x, T.ShiftLeft(exponent, 23));
    }

    /// <summary>log(1 + f) + e log(2), the polynomial's relative error 6e-9.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T LogOfParts<T>(T f, T e) where T : struct, IVec<T>
    {
        T p = T.Fma(T.Create(-0.0763639957f), f, T.Create(0.127621993f));
        p = T.Fma(p, f, T.Create(-0.131596133f));
        p = T.Fma(p, f, T.Create(0.142015815f));
        p = T.Fma(p, f, T.Create(-0.166234091f));
        p = T.Fma(p, f, T.Create(0.200012416f));
        p = T.Fma(p, f, T.Create(-0.250008196f));
        p = T.Fma(p, f, T.Create(0.333333313f));
        T f2 = f * f;
        T y = T.Fma(e, T.Create(Ln2Low), f2 * f * p);
        y = T.Fma(T.Create(-0.5f), f2, y);
        return T.Fma(e, T.Create(Ln2High), f + y);
    }

    /// <summary>softplus(z) = log(1 + e^z) and its derivative 1 / (1 + e^-z), which share everything costly. NaN gives NaN in both.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Softplus<T>(T z, out T sigmoid) where T : struct, IVec<T>
    {
        T e = ExpOfNegative(-T.Abs(z)), r = T.Create(1f) / (T.Create(1f) + e);
        sigmoid = T.Select(T.Less(z, T.Zero), e * r, r);
        return T.Max(T.Zero, z) + Log1pOfUnit(e);
    }

    /// <summary>log(1 + e^z).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Softplus<T>(T z) where T : struct, IVec<T> => T.Max(T.Zero, z) + Log1pOfUnit(ExpOfNegative(-T.Abs(z)));

    /// <summary>log(1 + t) for t between 0 and 1, relative error 5e-9.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Log1pOfUnit<T>(T t) where T : struct, IVec<T>
    {
        T p = T.Fma(T.Create(-0.0033065395f), t, T.Create(0.0201503336f));
        p = T.Fma(p, t, T.Create(-0.0575615279f));
        p = T.Fma(p, t, T.Create(0.10670013f));
        p = T.Fma(p, t, T.Create(-0.153490975f));
        p = T.Fma(p, t, T.Create(0.196931928f));
        p = T.Fma(p, t, T.Create(-0.24958156f));
        p = T.Fma(p, t, T.Create(0.333304703f));
        p = T.Fma(p, t, T.Create(-0.499999315f));
        return T.Fma(t * t, p, t);
    }

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sigmoid<T>(T x) where T : struct, IVec<T>
    {
        T e = ExpOfNegative(-T.Abs(x)), r = T.Create(1f) / (T.Create(1f) + e);
        return T.Select(T.Less(x, T.Zero), e * r, r);
    }

    /// <summary>tanh(x): odd polynomial below 0.625, 1 - 2 / (e^2|x| + 1) above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Tanh<T>(T x) where T : struct, IVec<T>
    {
        T a = T.Abs(x), x2 = x * x;
        T p = T.Fma(T.Create(-0.00569800194f), x2, T.Create(0.0206323005f));
        p = T.Fma(p, x2, T.Create(-0.0537374318f));
        p = T.Fma(p, x2, T.Create(0.133314118f));
        p = T.Fma(p, x2, T.Create(-0.333332807f));
        T near = T.Fma(p * x2, x, x);
        T e = ExpOfNegative(T.Create(-2f) * a), far = (T.Create(1f) - e) / (T.Create(1f) + e);
        return T.Select(T.Less(a, T.Create(0.625f)), near, far | (x & T.CreateBits(int.MinValue)));
    }

    /// <summary>Phi(-t) for t at least 0, Phi the normal distribution function, and phi(t) = e^(-t^2/2) / sqrt(2 pi).</summary>
    /// <remarks>Phi(-t) = e^(-t^2/2) q P(q) with q = 1 / (1 + 0.35 t); relative error of P 3e-8.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T NormalTail<T>(T t, out T density) where T : struct, IVec<T>
    {
        t = T.Min(T.Create(14.5f), t);
        T square = t * t, low = T.Fma(t, t, -square);
        T e = Exp(T.Create(-0.5f) * square);
        // The rounding error of t^2 would be magnified by the exponential.
        e = T.Fma(e, T.Create(-0.5f) * low, e);
        density = e * T.Create(0.398942280f);
        T q = T.Create(1f) / T.Fma(T.Create(0.35f), t, T.Create(1f));
        T p = T.Fma(T.Create(-0.0291586388f), q, T.Create(0.144034654f));
        p = T.Fma(p, q, T.Create(-0.255846739f));
        p = T.Fma(p, q, T.Create(0.159328461f));
        p = T.Fma(p, q, T.Create(-0.0232182946f));
        p = T.Fma(p, q, T.Create(0.105554961f));
        p = T.Fma(p, q, T.Create(0.119820684f));
        p = T.Fma(p, q, T.Create(0.139863595f));
        p = T.Fma(p, q, T.Create(0.139621302f));
        return e * q * p;
    }

    /// <summary>Phi(x) and phi(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T NormalDistribution<T>(T x, out T density) where T : struct, IVec<T>
    {
        T tail = NormalTail(T.Abs(x), out density);
        return T.Select(T.Less(x, T.Zero), tail, T.Create(1f) - tail);
    }

    /// <summary>x Phi(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Gelu<T>(T x) where T : struct, IVec<T> =>
        // At minus infinity the product of infinity and a vanishing tail is taken as at a large finite number.
        T.Max(T.Create(-1e30f), x) * NormalDistribution(x, out _);

    /// <summary>Phi(x) + x phi(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T GeluDerivative<T>(T x) where T : struct, IVec<T>
    {
        T phi = NormalDistribution(x, out T density);
        return T.Fma(T.Max(T.Create(-1e6f), T.Min(T.Create(1e6f), x)), density, phi);
    }

    /// <summary>GELU in its tanh form: x / (1 + e^-2u), u = sqrt(2/pi) (x + 0.044715 x^3).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T GeluTanh<T>(T x) where T : struct, IVec<T> => T.Max(T.Create(-1e10f), x) * Sigmoid(GeluTanhArgument(x));

    /// <summary>Derivative of <see cref="GeluTanh"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T GeluTanhDerivative<T>(T x) where T : struct, IVec<T>
    {
        T bounded = T.Max(T.Create(-1e6f), T.Min(T.Create(1e6f), x)), u = GeluTanhArgument(bounded);
        T e = ExpOfNegative(-T.Abs(u)), r = T.Create(1f) / (T.Create(1f) + e), negative = T.Less(u, T.Zero);
        T slope = T.Fma(T.Create(3 * 0.0713548163f), bounded * bounded, T.Create(1.59576912f));
        // s (1 - s) = (r)(e r) without the cancellation of 1 - s.
        return T.Fma(bounded * slope, r * (e * r), T.Select(negative, e * r, r));
    }

    /// <summary>2 sqrt(2/pi) (x + 0.044715 x^3).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T GeluTanhArgument<T>(T x) where T : struct, IVec<T> => x * T.Fma(T.Create(0.0713548163f), x * x, T.Create(1.59576912f));

    /// <summary>Error function: odd polynomial below 1, 1 - 2 Phi(-sqrt(2) x) above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Erf<T>(T x) where T : struct, IVec<T>
    {
        T a = T.Abs(x), x2 = x * x;
        T p = T.Fma(T.Create(7.80690389e-05f), x2, T.Create(-0.00079978531f));
        p = T.Fma(p, x2, T.Create(0.0051871622f));
        p = T.Fma(p, x2, T.Create(-0.0268533472f));
        p = T.Fma(p, x2, T.Create(0.112835787f));
        p = T.Fma(p, x2, T.Create(-0.37612626f));
        p = T.Fma(p, x2, T.Create(0.128379166f));
        T near = T.Fma(p, x, x);
        T far = T.Fma(T.Create(-2f), NormalTail(a * T.Create(1.41421356f), out _), T.Create(1f));
        T y = T.Select(T.Less(a, T.Create(1f)), near, far | (x & T.CreateBits(int.MinValue)));
        return T.Select(T.Equal(x, x), y, x);
    }

    /// <summary>s(1/v) with log Gamma(y) = (y - 1/2) log y - y + log(2 pi)/2 + s(y), for v = 1/y between 0 and 1; absolute error 1.4e-9.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T StirlingCorrection<T>(T v) where T : struct, IVec<T>
    {
        T p = T.Fma(T.Create(0.000127372987f), v, T.Create(-0.000596345169f));
        p = T.Fma(p, v, T.Create(0.00099995418f));
        p = T.Fma(p, v, T.Create(-2.09978771e-05f));
        p = T.Fma(p, v, T.Create(-0.00278319512f));
        p = T.Fma(p, v, T.Create(1.42526574e-06f));
        p = T.Fma(p, v, T.Create(0.0833332539f));
        return p * v;
    }

    /// <summary>log y - psi(y) for v = 1/y between 0 and 1; relative error 2.4e-8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T DigammaCorrection<T>(T v) where T : struct, IVec<T>
    {
        T p = T.Fma(T.Create(0.000731560867f), v, T.Create(-0.00306333043f));
        p = T.Fma(p, v, T.Create(0.00435549719f));
        p = T.Fma(p, v, T.Create(0.000310720003f));
        p = T.Fma(p, v, T.Create(-0.00847122911f));
        p = T.Fma(p, v, T.Create(2.00110026e-05f));
        p = T.Fma(p, v, T.Create(0.0833324492f));
        p = T.Fma(p, v, T.Create(0.5f));
        return p * v;
    }

    /// <summary>log Gamma(x), x > 0. Below 1 by log Gamma(x + 1) - log x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LogGamma<T>(T x) where T : struct, IVec<T>
    {
        T one = T.Create(1f), below = T.Less(x, one), y = T.Select(below, x + one, x);
        // Near 1 and 2 log y from y - 1, which is exact there, keeps the absolute error at one rounding of a number below 1.
        T log = LogNearOne(y, T.Select(below, x, x - one));
        T r = T.Fma(y - T.Create(0.5f), log, T.Create(0.918938533f) - y) + StirlingCorrection(one / y);
        r -= below & LogOfPositive(T.Max(T.Create(1.2e-38f), x));
        r = T.Select(T.Less(x, T.Create(1e37f)), r, T.Create(float.PositiveInfinity));
        r = T.Select(T.Equal(x, T.Zero), T.Create(float.PositiveInfinity), r);
        return T.Select(T.LessOrEqual(T.Zero, x), r, T.Create(float.NaN));
    }

    /// <summary>psi(x), x > 0. Below 1 by psi(x + 1) - 1/x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Digamma<T>(T x) where T : struct, IVec<T>
    {
        T one = T.Create(1f), below = T.Less(x, one), y = T.Select(below, x + one, x);
        T log = LogNearOne(y, T.Select(below, x, x - one));
        T r = log - DigammaCorrection(one / y) - (below & (one / x));
        r = T.Select(T.Less(x, T.Create(float.PositiveInfinity)), r, x);
        return T.Select(T.LessOrEqual(T.Zero, x), r, T.Create(float.NaN));
    }

    /// <summary>log Gamma(x + theta) - log Gamma(theta), x at least 0, theta > 0: the leading terms of both are subtracted before they are computed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LogGammaDifference<T>(T x, T theta) where T : struct, IVec<T>
    {
        T one = T.Create(1f), y = x + theta;
        T thetaBelow = T.Less(theta, one), yBelow = T.Less(y, one);
        T a = theta + (thetaBelow & one), b = y + (yBelow & one);
        // b - a without the rounding of x + theta, which matters where theta is large.
        T d = x + (yBelow & one) - (thetaBelow & one), inverse = one / a;
        T r = T.Fma(a - T.Create(0.5f), LogNearOne(b * inverse, d * inverse), d * (LogNearOne(b, b - one) - one));
        r += StirlingCorrection(one / b) - StirlingCorrection(inverse);
        r += (thetaBelow & LogOfPositive(theta)) - (yBelow & LogOfPositive(y));
        return T.Select(T.LessOrEqual(x, T.Zero), x & T.Zero, r);
    }

    /// <summary>psi(x + theta) - psi(theta), x at least 0, theta > 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T DigammaDifference<T>(T x, T theta) where T : struct, IVec<T>
    {
        T one = T.Create(1f), y = x + theta;
        T thetaBelow = T.Less(theta, one), yBelow = T.Less(y, one);
        T a = theta + (thetaBelow & one), b = y + (yBelow & one);
        T d = x + (yBelow & one) - (thetaBelow & one), inverse = one / a;
        T r = LogNearOne(b * inverse, d * inverse) + DigammaCorrection(inverse) - DigammaCorrection(one / b);
        r += T.Select(yBelow, x / y, one & thetaBelow) / theta;
        return T.Select(T.LessOrEqual(x, T.Zero), x & T.Zero, r);
    }
}
