namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>An estimate with its uncertainty.</summary>
/// <param name="Value">The estimate.</param>
/// <param name="Sd">Standard deviation.</param>
/// <param name="Lower">Lower end of the 95 % interval.</param>
/// <param name="Upper">Upper end.</param>
/// <param name="ProbabilityPositive">Probability that it is above 0: for a contribution, that it is adverse.</param>
public readonly record struct UncertainValue(double Value, double Sd, double Lower, double Upper, double ProbabilityPositive)
{
    /// <summary>Draws: their standard deviation, 2.5 % and 97.5 % quantiles (linear interpolation), share above 0.</summary>
    /// <param name="value">The estimate that they belong to.</param>
    /// <param name="draws">At least 2.</param>
    public static UncertainValue OfDraws(double value, double[] draws)
    {
        ArgumentNullException.ThrowIfNull(draws);
        double mean = draws.Average();
        double[] sorted = [.. draws.Order()];
        double positive = draws.Count(d => d > 0) + 0.5 * draws.Count(d => d == 0);
        return new UncertainValue(value, Math.Sqrt(draws.Sum(d => (d - mean) * (d - mean)) / (draws.Length - 1)), At(sorted, 0.025), At(sorted, 0.975), positive / draws.Length);
    }

    /// <summary>The same with an independent normal error added.</summary>
    /// <param name="variance">Its variance.</param>
    internal UncertainValue Widened(double variance)
    {
        if (!(variance > 0)) return this;
        const double squared = 1.959963984540054 * 1.959963984540054;
        double sd = Math.Sqrt(Sd * Sd + variance);
        double tail = Analysis.Statistics.Distributions.TwoSidedNormal(Value / sd) / 2, positive = Value > 0 ? 1 - tail : tail;
        return new UncertainValue(Value, sd, Value - Math.Sqrt(Math.Pow(Value - Lower, 2) + squared * variance), Value + Math.Sqrt(Math.Pow(Upper - Value, 2) + squared * variance), positive);
    }

    private static double At(double[] sorted, double probability)
    {
        double position = probability * (sorted.Length - 1);
        int below = (int)position;
        return below + 1 < sorted.Length ? sorted[below] + (position - below) * (sorted[below + 1] - sorted[below]) : sorted[^1];
    }
}
