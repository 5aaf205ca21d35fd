namespace Cellcast.Survival;

/// <summary>Net benefit at one threshold.</summary>
/// <param name="Threshold">Predicted risk from which a subject is treated: at it, one treated in need is worth Threshold / (1 - Threshold) treated in vain.</param>
/// <param name="Model">Net benefit per subject when those at or above the threshold are treated.</param>
/// <param name="All">Net benefit when everyone is treated.</param>
/// <param name="Treated">Share of the subjects at or above the threshold.</param>
public sealed record NetBenefit(double Threshold, double Model, double All, double Treated);

/// <summary>
/// Decision curve: would treating by the predicted risk do more good than treating everyone or no one (whose net benefit is 0)?
/// Net benefit = true positives / n - false positives / n x p / (1 - p). Sources: Vickers and Elkin (2006); Vickers, Cronin, Elkin and Gonen (2008) for survival, where
/// the share that dies is the Kaplan-Meier estimate among those at or above the threshold.
/// </summary>
public static class DecisionCurve
{
    /// <summary>Of deaths up to a horizon.</summary>
    /// <param name="data">Follow-up of n subjects.</param>
    /// <param name="risk">Predicted probability of dying by the horizon, n values between 0 and 1.</param>
    /// <param name="horizon">The time, at most the last follow-up.</param>
    /// <param name="thresholds">Thresholds between 0 and 1.</param>
    /// <exception cref="SurvivalDataException">A value is not usable.</exception>
    public static IReadOnlyList<NetBenefit> Compute(SurvivalData data, ReadOnlySpan<double> risk, double horizon, ReadOnlySpan<double> thresholds)
    {
        ArgumentNullException.ThrowIfNull(data);
        data.RequireMatching(risk.Length, "risks");
        double[] r = Checked(risk);
        double last = 0, total = 0;
        for (int i = 0; i < r.Length; i++)
        {
            last = Math.Max(last, data.Time[i]);
            total += data.WeightOf(i);
        }
        if (!(horizon > 0) || horizon > last) throw new SurvivalDataException($"the horizon {horizon} is not between 0 and the last follow-up at {last}: choose an earlier one");
        double dead = 1 - KaplanMeier.Estimate(data).SurvivalAt(horizon);
        return Curve(thresholds, dead, threshold =>
        {
            int[] treated = [.. Enumerable.Range(0, r.Length).Where(i => r[i] >= threshold && data.WeightOf(i) > 0)];
            return treated.Length == 0 ? (0, 0) : (treated.Sum(data.WeightOf) / total, 1 - KaplanMeier.Estimate(data.Subset(treated)).SurvivalAt(horizon));
        });
    }

    /// <summary>Of a binary outcome.</summary>
    /// <param name="outcome">The outcomes, n values.</param>
    /// <param name="risk">Predicted probability of yes, n values between 0 and 1.</param>
    /// <param name="thresholds">Thresholds between 0 and 1.</param>
    /// <param name="weights">How much each subject counts, n values, or empty for 1 each.</param>
    /// <exception cref="SurvivalDataException">A value is not usable.</exception>
    public static IReadOnlyList<NetBenefit> Compute(ReadOnlySpan<bool> outcome, ReadOnlySpan<double> risk, ReadOnlySpan<double> thresholds, ReadOnlySpan<double> weights = default)
    {
        if (outcome.Length != risk.Length || outcome.Length == 0) throw new SurvivalDataException($"there are {outcome.Length} outcomes but {risk.Length} risks: give one per subject, in the same order");
        double[] r = Checked(risk);
        bool[] yes = outcome.ToArray();
        ScoreWeights weight = ScoreWeights.Of(weights, r.Length);
        double Sum(Func<int, bool> which) => Enumerable.Range(0, r.Length).Where(which).Sum(i => weight[i]);
        return Curve(thresholds, Sum(i => yes[i]) / weight.Effective, threshold =>
        {
            double treated = Sum(i => r[i] >= threshold);
            return treated == 0 ? (0, 0) : (treated / weight.Effective, Sum(i => yes[i] && r[i] >= threshold) / treated);
        });
    }

    private static List<NetBenefit> Curve(ReadOnlySpan<double> thresholds, double prevalence, Func<double, (double Treated, double InNeed)> of)
    {
        var curve = new List<NetBenefit>();
        foreach (double p in thresholds)
        {
            if (p is not (> 0 and < 1)) throw new SurvivalDataException($"the threshold {p} is not a probability: thresholds lie between 0 and 1");
            double odds = p / (1 - p);
            var (treated, inNeed) = of(p);
            curve.Add(new NetBenefit(p, treated * (inNeed - (1 - inNeed) * odds), prevalence - (1 - prevalence) * odds, treated));
        }
        return curve;
    }

    private static double[] Checked(ReadOnlySpan<double> risk)
    {
        for (int i = 0; i < risk.Length; i++)
            if (!(risk[i] is >= 0 and <= 1)) throw new SurvivalDataException($"the predicted risk of {SurvivalData.Subject(i, risk.Length)} is {risk[i]}: probabilities lie between 0 and 1");
        return risk.ToArray();
    }
}
