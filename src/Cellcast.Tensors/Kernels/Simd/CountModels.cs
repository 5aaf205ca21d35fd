using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Some counts with what belongs to each, as arrays in a first-level cache, padded to whole vectors with harmless numbers.</summary>
internal unsafe struct CountRun
{
    /// <summary>Longest run.</summary>
    public const int Length = 512;

    /// <summary>Arrays of <see cref="Length"/> that a run needs.</summary>
    public const int Arrays = 17;

    public float* Z, Size, X, Theta, Constant, Digamma, Loss, DLogit, DTheta, Mean, Slope, Work;

    public CountRun(float* memory)
    {
        Z = memory;
        Size = memory + Length;
        X = memory + 2 * Length;
        Theta = memory + 3 * Length;
        Constant = memory + 4 * Length;
        Digamma = memory + 5 * Length;
        Loss = memory + 6 * Length;
        DLogit = memory + 7 * Length;
        DTheta = memory + 8 * Length;
        Mean = memory + 9 * Length;
        Slope = memory + 10 * Length;
        Work = memory + 11 * Length;
    }
}

/// <summary>A likelihood of counts with mean m softplus(z) + 1e-10. A constant for the compiler.</summary>
internal interface ICountModel
{
    static abstract bool HasDispersion { get; }
}

/// <summary>First steps of the likelihood of a vector of genes in some cells, over arrays that stay in a first-level cache. As one formula a likelihood is a chain of so many operations that the
/// processor sees only two of them at a time and waits for their results.</summary>
internal static class RateSteps
{
    /// <summary>Vectors of work that a run of elements needs for each.</summary>
    public const int Work = 2;

    /// <summary>e^-|z|.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static unsafe void Exponentials<T>(int cells, float* z, int stride, T bias, float* e) where T : struct, IVec<T>
    {
        for (int c = 0; c < cells; c++, z += stride, e += T.Count) T.Store(e, VectorFunctions.ExpOfNegative(-T.Abs(T.Load(z) + bias)));
    }

    /// <summary>size softplus(z) + 1e-10.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static unsafe void Means<T>(int cells, float* z, int stride, T bias, float* size, float* e, float* means) where T : struct, IVec<T>
    {
        T offset = T.Create((float)NegativeBinomialLoss.Offset);
        for (int c = 0; c < cells; c++, z += stride, e += T.Count, means += T.Count)
            T.Store(means, T.Fma(T.Create(size[c]), T.Max(T.Zero, T.Load(z) + bias) + VectorFunctions.Log1pOfUnit(T.Load(e)), offset));
    }
}

/// <summary>Poisson: mean - x log(mean). Counts cost so little beside what every element does that they are no case of their own.</summary>
internal readonly struct PoissonModel : ICountModel
{
    public static bool HasDispersion => false;

    /// <summary>Minus log likelihood without log(x!) of a vector of genes in some cells, which replaces the logits by its derivative.</summary>
    /// <param name="cells">Cells.</param>
    /// <param name="z">Logits without bias.</param>
    /// <param name="stride">Elements from cell to cell.</param>
    /// <param name="bias">Biases.</param>
    /// <param name="size">Size factors of the cells.</param>
    /// <param name="x">Counts, zeros included.</param>
    /// <param name="countStride">Elements from cell to cell.</param>
    /// <param name="work">Room for cells x <see cref="RateSteps.Work"/> vectors.</param>
    /// <param name="dBias">Sum of the derivatives, to be added to.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe T Run<T>(int cells, float* z, int stride, T bias, float* size, float* x, int countStride, float* work, ref T dBias) where T : struct, IVec<T>
    {
        float* means = work + cells * T.Count;
        RateSteps.Exponentials(cells, z, stride, bias, work);
        RateSteps.Means(cells, z, stride, bias, size, work, means);
        dBias = Slopes(cells, z, stride, bias, size, x, countStride, work, means, dBias);
        return Losses<T>(cells, x, countStride, means);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe T Slopes<T>(int cells, float* z, int stride, T bias, float* size, float* x, int countStride, float* e, float* means, T sum) where T : struct, IVec<T>
    {
        T one = T.Create(1f);
        for (int c = 0; c < cells; c++, z += stride, x += countStride, e += T.Count, means += T.Count)
        {
            // One division for the sigmoid and for 1 / mean.
            T t = T.Load(e), d = one + t, mean = T.Load(means), both = one / (d * mean), r = both * mean;
            T slope = T.Create(size[c]) * T.Select(T.Less(T.Load(z) + bias, T.Zero), t * r, r);
            T dLogit = T.Fma(-(T.Load(x) * (both * d)), slope, slope);
            T.Store(z, dLogit);
            sum += dLogit;
        }
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe T Losses<T>(int cells, float* x, int countStride, float* means) where T : struct, IVec<T>
    {
        T sum = T.Zero;
        for (int c = 0; c < cells; c++, x += countStride, means += T.Count)
        {
            T mean = T.Load(means);
            sum += T.Fma(-T.Load(x), VectorFunctions.LogOfPositive(mean), mean);
        }
        return sum;
    }
}

/// <summary>Negative binomial with mean and dispersion, split into what every element costs (as if its count were 0) and what a count adds.</summary>
internal readonly struct NegativeBinomialModel : ICountModel
{
    public static bool HasDispersion => true;

    /// <summary>Minus log likelihood of zeros of a vector of genes in some cells, which replaces the logits by its derivative.</summary>
    /// <param name="cells">Cells.</param>
    /// <param name="z">Logits without bias.</param>
    /// <param name="stride">Elements from cell to cell.</param>
    /// <param name="bias">Biases.</param>
    /// <param name="size">Size factors of the cells.</param>
    /// <param name="theta">Dispersions.</param>
    /// <param name="work">Room for cells x <see cref="RateSteps.Work"/> vectors.</param>
    /// <param name="dTheta">Sum of the derivatives with respect to the dispersions, to be added to.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe T Zeros<T>(int cells, float* z, int stride, T bias, float* size, T theta, float* work, ref T dTheta) where T : struct, IVec<T>
    {
        float* means = work + cells * T.Count;
        RateSteps.Exponentials(cells, z, stride, bias, work);
        RateSteps.Means(cells, z, stride, bias, size, work, means);
        Slopes(cells, z, stride, bias, size, theta, work, means);
        T logs = Logs(cells, work, means, ref dTheta);
        return -(theta * logs);
    }

    /// <summary>The derivative in place of the logits, and theta / (theta + mean) and that less 1 in place of exponentials and means.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Slopes<T>(int cells, float* z, int stride, T bias, float* size, T theta, float* e, float* means) where T : struct, IVec<T>
    {
        T one = T.Create(1f);
        for (int c = 0; c < cells; c++, z += stride, e += T.Count, means += T.Count)
        {
            // One division for the sigmoid and for the share of theta.
            T t = T.Load(e), d = one + t, mean = T.Load(means), sum = theta + mean, both = one / (d * sum), r = both * sum, inverse = both * d, share = theta * inverse;
            T.Store(z, share * (T.Create(size[c]) * T.Select(T.Less(T.Load(z) + bias, T.Zero), t * r, r)));
            T.Store(e, share);
            T.Store(means, -(mean * inverse));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe T Logs<T>(int cells, float* shares, float* less, ref T dTheta) where T : struct, IVec<T>
    {
        T sum = T.Zero, derivative = T.Zero;
        for (int c = 0; c < cells; c++, shares += T.Count, less += T.Count)
        {
            T t = T.Load(less), log = VectorFunctions.LogNearOne(T.Load(shares), t);
            sum += log;
            derivative += t - log;
        }
        dTheta += derivative;
        return sum;
    }

    /// <summary>What counts x > 0 add to the above, without log(x!): loss, gradient with respect to logit and dispersion of each.</summary>
    public static unsafe void Added<T>(int count, in CountRun run) where T : struct, IVec<T>
    {
        Means<T>(count, run);
        NegativeBinomialTerms.Counts<T>(count, run.X, run.Mean, run.Theta, run.Constant, run.Digamma, run.Loss, run.DLogit, run.DTheta, run.Work);
        Subtract<T>(count, run);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Means<T>(int count, in CountRun run) where T : struct, IVec<T>
    {
        for (int i = 0; i < count; i += T.Count)
        {
            T size = T.Load(run.Size + i), rate = VectorFunctions.Softplus(T.Load(run.Z + i), out T sigmoid);
            T.Store(run.Mean + i, T.Fma(size, rate, T.Create((float)NegativeBinomialLoss.Offset)));
            T.Store(run.Slope + i, size * sigmoid);
        }
    }

    /// <summary>Takes off what the element was charged as a zero, adds the rest of log(x!) and turns the gradient with respect to the mean into one of the logit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Subtract<T>(int count, in CountRun run) where T : struct, IVec<T>
    {
        for (int i = 0; i < count; i += T.Count)
        {
            T x = T.Load(run.X + i), zero = NegativeBinomialTerms.Zero(T.Load(run.Mean + i), T.Load(run.Theta + i), out T dMean, out T dTheta);
            T.Store(run.Loss + i, T.Load(run.Loss + i) - zero - x * (VectorFunctions.LogOfPositive(x) - T.Create(1f)));
            T.Store(run.DLogit + i, (T.Load(run.DLogit + i) - dMean) * T.Load(run.Slope + i));
            T.Store(run.DTheta + i, T.Load(run.DTheta + i) - dTheta);
        }
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

    /// <summary><see cref="Constant"/> and <see cref="Digamma"/> of many.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static unsafe void OfTheta<T>(int count, float* theta, float* constant, float* digamma) where T : struct, IVec<T>
    {
        for (int i = 0; i < count; i += T.Count)
        {
            T.Store(constant + i, Constant(T.Load(theta + i)));
            T.Store(digamma + i, Digamma(T.Load(theta + i)));
        }
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

    /// <summary>Minus log likelihood of counts, without R(x) = log(x!) - x log(x) + x, and its derivatives. Counts are 0 or at least 1.</summary>
    /// <remarks>In steps over arrays that stay in a first-level cache: as one expression it is more than the compiler is willing to inline.</remarks>
    /// <param name="count">Elements, a multiple of the vector.</param>
    /// <param name="x">Counts.</param>
    /// <param name="mean">mu.</param>
    /// <param name="theta">theta.</param>
    /// <param name="constant">K(theta).</param>
    /// <param name="digamma">log(theta) - psi(theta).</param>
    /// <param name="loss">Minus log likelihoods.</param>
    /// <param name="dMean">Derivatives with respect to mu.</param>
    /// <param name="dTheta">Derivatives with respect to theta.</param>
    /// <param name="work">Room for 6 x count.</param>
    public static unsafe void Counts<T>(int count, float* x, float* mean, float* theta, float* constant, float* digamma, float* loss, float* dMean, float* dTheta, float* work)
        where T : struct, IVec<T>
    {
        float* ratioSum = work + count, ratioMean = work + 2 * count, offSum = work + 3 * count, offMean = work + 4 * count, inverse = work + 5 * count;
        Ratios<T>(count, x, mean, theta, dMean, work, inverse, ratioSum, offSum, ratioMean, offMean);
        LogsNearOne<T>(count, ratioSum, offSum, ratioSum);
        LogsNearOne<T>(count, ratioMean, offMean, ratioMean);
        Assemble<T>(count, x, work, inverse, ratioSum, ratioMean, offSum, constant, digamma, loss, dTheta);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Ratios<T>(int count, float* px, float* pmean, float* ptheta, float* dMean, float* py, float* pinverse, float* ratioSum, float* offSum, float* ratioMean, float* offMean)
        where T : struct, IVec<T>
    {
        T one = T.Create(1f);
        for (int i = 0; i < count; i += T.Count)
        {
            T x = T.Load(px + i), mean = T.Load(pmean + i), theta = T.Load(ptheta + i);
            T y = x + theta, d = x - mean, inverseSum = one / (theta + mean), inverseMean = one / mean, slope = d * inverseSum;
            T.Store(py + i, y);
            T.Store(pinverse + i, one / y);
            T.Store(ratioSum + i, y * inverseSum);
            T.Store(offSum + i, slope);
            T.Store(ratioMean + i, x * inverseMean);
            T.Store(offMean + i, d * inverseMean);
            T.Store(dMean + i, -(theta * (slope * inverseMean)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void LogsNearOne<T>(int count, float* u, float* t, float* y) where T : struct, IVec<T>
    {
        for (int i = 0; i < count; i += T.Count) T.Store(y + i, VectorFunctions.LogNearOne(T.Load(u + i), T.Load(t + i)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Assemble<T>(int count, float* px, float* py, float* pinverse, float* logSum, float* logMean, float* offSum, float* constant, float* digamma, float* loss, float* dTheta)
        where T : struct, IVec<T>
    {
        for (int i = 0; i < count; i += T.Count)
        {
            T x = T.Load(px + i), y = T.Load(py + i), v = T.Load(pinverse + i), first = T.Load(logSum + i), counted = T.Less(T.Zero, x);
            T rest = T.Fma(T.Create(0.5f), VectorFunctions.LogOfPositive(y), T.Load(constant + i) - VectorFunctions.StirlingCorrection(v));
            rest = T.Fma(x, T.Load(logMean + i), rest);
            T.Store(loss + i, (counted & rest) - y * first);
            T.Store(dTheta + i, T.Load(offSum + i) - first + (counted & (VectorFunctions.DigammaCorrection(v) - T.Load(digamma + i))));
        }
    }
}
