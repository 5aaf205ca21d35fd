using MathNet.Numerics;
using MathNet.Numerics.Distributions;

namespace Cellcast.Survival;

/// <summary>A test's statistic, its degrees of freedom and its p-value.</summary>
/// <param name="Statistic">Chi-squared distributed under the null hypothesis.</param>
/// <param name="DegreesOfFreedom">Degrees of freedom of that distribution.</param>
/// <param name="PValue">Probability of a statistic at least as large.</param>
public sealed record ChiSquaredTest(double Statistic, int DegreesOfFreedom, double PValue)
{
    internal static ChiSquaredTest Of(double statistic, int degreesOfFreedom) =>
        new(statistic, degreesOfFreedom, Distributions.ChiSquaredUpperTail(statistic, degreesOfFreedom));
}

internal static class Distributions
{
    /// <summary>Upper tail, accurate where 1 - CDF would round to zero.</summary>
    public static double ChiSquaredUpperTail(double x, double degreesOfFreedom) => double.IsNaN(x) || degreesOfFreedom == 0
        ? double.NaN
        : x <= 0 ? 1 : degreesOfFreedom == 1 ? SpecialFunctions.Erfc(Math.Sqrt(x / 2)) : SpecialFunctions.GammaUpperRegularized(degreesOfFreedom / 2, x / 2);

    public static double NormalQuantile(double p) => Normal.InvCDF(0, 1, p);

    public static double TwoSidedNormal(double z) => SpecialFunctions.Erfc(Math.Abs(z) / Math.Sqrt(2));

    /// <summary>The normal quantile that leaves (1 - level) / 2 above it.</summary>
    public static double TwoSidedQuantile(double level) => level is > 0 and < 1
        ? NormalQuantile(0.5 + level / 2)
        : throw new ArgumentOutOfRangeException(nameof(level), level, "a confidence level lies between 0 and 1, e.g. 0.95");
}
