using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Per-gene numbers of a count model for some genes.</summary>
internal readonly struct GeneTerms<T>(T theta, T constant, T digamma) where T : struct, IVec<T>
{
    /// <summary>Dispersion with its offset.</summary>
    public readonly T Theta = theta;

    /// <summary><see cref="NegativeBinomialTerms.Constant"/> of it.</summary>
    public readonly T Constant = constant;

    /// <summary>log(theta) - psi(theta).</summary>
    public readonly T Digamma = digamma;
}

/// <summary>A likelihood of counts with mean m softplus(z) + 1e-10, split into what every element costs (as if its count were 0) and what a count adds.</summary>
internal interface ICountModel
{
    static abstract bool HasDispersion { get; }

    /// <summary>Minus log likelihood of a zero with its derivatives.</summary>
    static abstract T Zero<T>(T z, T size, T theta, out T dLogit, out T dTheta) where T : struct, IVec<T>;

    /// <summary>What a count x > 0 adds to the above, without log(x!).</summary>
    static abstract T Added<T>(T z, T size, T x, in GeneTerms<T> gene, out T dLogit, out T dTheta) where T : struct, IVec<T>;
}

/// <summary>Poisson: mean - x log(mean).</summary>
internal readonly struct PoissonModel : ICountModel
{
    public static bool HasDispersion => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Zero<T>(T z, T size, T theta, out T dLogit, out T dTheta) where T : struct, IVec<T>
    {
        T rate = VectorFunctions.Softplus(z, out T sigmoid);
        dLogit = size * sigmoid;
        dTheta = T.Zero;
        return T.Fma(size, rate, T.Create((float)NegativeBinomialLoss.Offset));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Added<T>(T z, T size, T x, in GeneTerms<T> gene, out T dLogit, out T dTheta) where T : struct, IVec<T>
    {
        T rate = VectorFunctions.Softplus(z, out T sigmoid);
        T mean = T.Fma(size, rate, T.Create((float)NegativeBinomialLoss.Offset));
        dLogit = -(x / mean * (size * sigmoid));
        dTheta = T.Zero;
        return -(x * VectorFunctions.LogOfPositive(mean));
    }
}

/// <summary>Negative binomial with mean and dispersion.</summary>
internal readonly struct NegativeBinomialModel : ICountModel
{
    public static bool HasDispersion => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Zero<T>(T z, T size, T theta, out T dLogit, out T dTheta) where T : struct, IVec<T>
    {
        T rate = VectorFunctions.Softplus(z, out T sigmoid);
        T mean = T.Fma(size, rate, T.Create((float)NegativeBinomialLoss.Offset));
        T inverse = T.Create(1f) / (theta + mean), share = theta * inverse, t = -(mean * inverse);
        T log = VectorFunctions.LogNearOne(share, t);
        dLogit = share * (size * sigmoid);
        dTheta = t - log;
        return -(theta * log);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Added<T>(T z, T size, T x, in GeneTerms<T> gene, out T dLogit, out T dTheta) where T : struct, IVec<T>
    {
        T rate = VectorFunctions.Softplus(z, out T sigmoid);
        T mean = T.Fma(size, rate, T.Create((float)NegativeBinomialLoss.Offset));
        T loss = NegativeBinomialTerms.Count(x, mean, gene, out T dMean, out dTheta) - x * (VectorFunctions.LogOfPositive(x) - T.Create(1f));
        T zero = NegativeBinomialTerms.Zero(mean, gene.Theta, out T dMeanZero, out T dThetaZero);
        dLogit = (dMean - dMeanZero) * (size * sigmoid);
        dTheta -= dThetaZero;
        return loss - zero;
    }
}

/// <summary>The negative binomial of one count, arranged so that nothing large is subtracted from anything large: with y = x + theta, D = theta + mu, d = x - mu,
/// <c>-log NB = -y log(y/D) + x log(x/mu) + log(y)/2 - s(y) + K(theta) + R(x)</c>, s the Stirling correction, K of theta alone and R of x alone.</summary>
internal static class NegativeBinomialTerms
{
    /// <summary>K(theta) = log Gamma(theta) - theta log(theta) + theta - log(2 pi)/2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Constant<T>(T theta) where T : struct, IVec<T>
    {
        T one = T.Create(1f), below = T.Less(theta, one), log = VectorFunctions.LogOfPositive(theta);
        T next = theta + one, v = one / T.Select(below, next, theta);
        T large = T.Create(-0.5f) * log;
        T small = T.Fma(theta + T.Create(0.5f), VectorFunctions.LogNearOne(next, theta), -one) - T.Fma(theta, log, log);
        return T.Select(below, small, large) + VectorFunctions.StirlingCorrection(v);
    }

    /// <summary>log(theta) - psi(theta).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Digamma<T>(T theta) where T : struct, IVec<T>
    {
        T one = T.Create(1f), below = T.Less(theta, one), next = theta + one, v = one / T.Select(below, next, theta);
        T shift = VectorFunctions.LogOfPositive(theta) - VectorFunctions.LogNearOne(next, theta) + one / theta;
        return VectorFunctions.DigammaCorrection(v) + (below & shift);
    }

    /// <summary>Minus log likelihood of x = 0 and its derivatives.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Zero<T>(T mean, T theta, out T dMean, out T dTheta) where T : struct, IVec<T>
    {
        T inverse = T.Create(1f) / (theta + mean), t = -(mean * inverse);
        dMean = theta * inverse;
        T log = VectorFunctions.LogNearOne(dMean, t);
        dTheta = t - log;
        return -(theta * log);
    }

    /// <summary>Minus log likelihood of x at least 0, without R(x) = log(x!) - x log(x) + x, and its derivatives. x is 0 or at least 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Count<T>(T x, T mean, in GeneTerms<T> gene, out T dMean, out T dTheta) where T : struct, IVec<T>
    {
        T y = x + gene.Theta, sum = gene.Theta + mean, d = x - mean, counted = T.Less(T.Zero, x);
        T one = T.Create(1f), inverseSum = one / sum, inverseMean = one / mean, v = one / y;
        T slope = d * inverseSum;
        T first = VectorFunctions.LogNearOne(y * inverseSum, slope);
        T second = VectorFunctions.LogNearOne(x * inverseMean, d * inverseMean);
        dMean = -(gene.Theta * (slope * inverseMean));
        dTheta = slope - first + (counted & (VectorFunctions.DigammaCorrection(v) - gene.Digamma));
        T rest = T.Fma(x, second, T.Fma(T.Create(0.5f), VectorFunctions.LogOfPositive(y), gene.Constant - VectorFunctions.StirlingCorrection(v)));
        return (counted & rest) - y * first;
    }
}
