using MathNet.Numerics;

namespace Cellcast.Analysis.Statistics;

/// <summary>Tail probabilities that stay accurate where 1 - CDF would round to zero.</summary>
public static class Distributions
{
    /// <summary>P(|T| >= |t|) of Student's t.</summary>
    public static double TwoSidedStudent(double t, double degreesOfFreedom)
    {
        if (double.IsNaN(t) || !(degreesOfFreedom > 0)) return double.NaN;
        if (double.IsInfinity(t)) return 0;
        // The incomplete beta function of 1 - x, taken directly so that large t keep their digits.
        return SpecialFunctions.BetaRegularized(degreesOfFreedom / 2, 0.5, degreesOfFreedom / (degreesOfFreedom + t * t));
    }

    /// <summary>P(|Z| >= |z|) of the standard normal.</summary>
    public static double TwoSidedNormal(double z) => SpecialFunctions.Erfc(Math.Abs(z) / Math.Sqrt(2));
}
