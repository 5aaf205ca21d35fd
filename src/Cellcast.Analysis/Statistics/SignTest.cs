using MathNet.Numerics;

namespace Cellcast.Analysis.Statistics;

/// <summary>The exact sign test: are positive values as frequent as negative ones?</summary>
public static class SignTest
{
    /// <summary>Two-sided p-value; 1 without values.</summary>
    /// <param name="positive">Number of positive values.</param>
    /// <param name="negative">Number of negative values; zeros are in neither.</param>
    public static double TwoSided(int positive, int negative)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(positive);
        ArgumentOutOfRangeException.ThrowIfNegative(negative);
        int n = positive + negative, more = Math.Max(positive, negative);
        // P(X >= k) of n fair coins is an incomplete beta function, whose small values keep their digits.
        return n == 0 || 2 * more == n ? 1 : Math.Min(1, 2 * SpecialFunctions.BetaRegularized(more, n - more + 1, 0.5));
    }
}
