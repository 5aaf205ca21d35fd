namespace Cellcast.Survival;

/// <summary>
/// Cumulative baseline hazard of a proportional hazards model and the survival curves that follow from it. Sources: Breslow (1974); Efron (1977) for ties.
/// Kept as a logarithm relative to the linear predictors it was estimated with, so extreme linear predictors do not overflow.
/// </summary>
public sealed class BaselineHazard
{
    private readonly double[] _times;
    private readonly double[] _log;

    private BaselineHazard(double[] times, double[] log) => (_times, _log) = (times, log);

    /// <summary>All distinct follow-up times, ascending.</summary>
    public IReadOnlyList<double> Times => _times;

    /// <summary>Logarithm of the cumulative baseline hazard at each of <see cref="Times"/>; minus infinity before the first death. With the times it is the
    /// whole state: see <see cref="Restore"/>.</summary>
    public IReadOnlyList<double> LogCumulativeHazard => _log;

    /// <summary>A baseline hazard from what <see cref="Times"/> and <see cref="LogCumulativeHazard"/> gave.</summary>
    /// <exception cref="SurvivalDataException">The lengths differ, the times do not ascend, or the hazard falls.</exception>
    public static BaselineHazard Restore(ReadOnlySpan<double> times, ReadOnlySpan<double> logCumulativeHazard)
    {
        if (times.Length != logCumulativeHazard.Length) throw new SurvivalDataException($"{times.Length} times do not go with {logCumulativeHazard.Length} hazards");
        for (int k = 1; k < times.Length; k++)
            if (!(times[k] > times[k - 1]) || !(logCumulativeHazard[k] >= logCumulativeHazard[k - 1])) throw new SurvivalDataException($"a cumulative hazard cannot fall and its times must ascend: see time {times[k]}");
        return new BaselineHazard(times.ToArray(), logCumulativeHazard.ToArray());
    }

    /// <summary>Cumulative hazard of a subject at each of <see cref="Times"/>.</summary>
    /// <param name="eta">The subject's linear predictor, on the scale of those the hazard was estimated with.</param>
    public double[] CumulativeHazard(double eta = 0) => [.. _log.Select(l => Math.Exp(l + eta))];

    /// <summary>Estimates the baseline hazard from linear predictors, whatever model gave them.</summary>
    /// <param name="data">Follow-up of n subjects in one stratum.</param>
    /// <param name="eta">Finite linear predictors, n values.</param>
    /// <param name="ties">How tied deaths are treated.</param>
    /// <exception cref="SurvivalDataException">A linear predictor is not finite, or strata are mixed.</exception>
    public static BaselineHazard Estimate(SurvivalData data, ReadOnlySpan<double> eta, TieMethod ties = TieMethod.Breslow)
    {
        ArgumentNullException.ThrowIfNull(data);
        data.RequireMatching(eta.Length, "linear predictors");
        int n = data.Count;
        for (int i = 0; i < n; i++)
        {
            if (!double.IsFinite(eta[i])) throw new SurvivalDataException($"the linear predictor of {SurvivalData.Subject(i, n)} is {eta[i]}: only finite values can be used");
            if (data.StratumOf(i) != data.StratumOf(0)) throw new SurvivalDataException("the subjects are in several strata, each with a baseline hazard of its own: estimate one stratum at a time");
        }
        double[] times = [.. Enumerable.Range(0, n).Select(i => data.Time[i]).Distinct().Order()];
        var log = new double[times.Length];
        Array.Fill(log, double.NegativeInfinity);
        if (Enumerable.Range(0, n).Any(i => data.Event[i] && data.WeightOf(i) > 0))
        {
            var likelihood = new PartialLikelihood(data, ties);
            likelihood.Evaluate(eta);
            for (int g = 0; g < likelihood.DeathTimeCount; g++) log[Array.BinarySearch(times, likelihood.DeathTimes[g])] = likelihood.LogHazardAt(g);
        }
        for (int k = 1; k < log.Length; k++) log[k] = LogSum(log[k - 1], log[k]);
        return new BaselineHazard(times, log);
    }

    /// <summary>Cumulative baseline hazard at any time: a step function, 0 before the first death.</summary>
    /// <param name="time">The time.</param>
    public double At(double time) => Math.Exp(LogAt(time));

    /// <summary>Probability that a subject survives beyond a time.</summary>
    /// <param name="time">The time.</param>
    /// <param name="eta">The subject's linear predictor, on the scale of those the hazard was estimated with.</param>
    public double Survival(double time, double eta) => Math.Exp(-Math.Exp(LogAt(time) + eta));

    /// <summary>A subject's survival curve at <see cref="Times"/>.</summary>
    /// <param name="eta">The subject's linear predictor.</param>
    public double[] SurvivalCurve(double eta) => [.. _log.Select(l => Math.Exp(-Math.Exp(l + eta)))];

    /// <summary>First of <see cref="Times"/> at which a subject's survival is at or below one half; NaN when the curve never falls so far.</summary>
    /// <param name="eta">The subject's linear predictor.</param>
    public double MedianSurvival(double eta)
    {
        for (int k = 0; k < _times.Length; k++)
            if (Math.Exp(_log[k] + eta) >= Math.Log(2)) return _times[k];
        return double.NaN;
    }

    internal static int[] SortedByTime(SurvivalData data) => [.. Enumerable.Range(0, data.Count).OrderBy(i => data.Time[i]).ThenBy(i => i)];

    private double LogAt(double time)
    {
        int k = Array.BinarySearch(_times, time);
        if (k < 0) k = ~k - 1;
        return k < 0 ? double.NegativeInfinity : _log[k];
    }

    private static double LogSum(double a, double b)
    {
        if (double.IsNegativeInfinity(b)) return a;
        if (double.IsNegativeInfinity(a)) return b;
        double top = Math.Max(a, b);
        return top + Math.Log(Math.Exp(a - top) + Math.Exp(b - top));
    }
}
