namespace Cellcast.Survival;

/// <summary>Baseline hazards of a model with strata, one per stratum; a stratum without deaths of its own gets the hazard of all subjects.</summary>
public sealed class StratifiedBaseline
{
    private readonly Dictionary<int, BaselineHazard> _of = [];

    private StratifiedBaseline(BaselineHazard all) => All = all;

    /// <summary>The hazard of all subjects, strata not told apart.</summary>
    public BaselineHazard All { get; }

    /// <summary>Estimates the hazards from linear predictors, whatever model gave them.</summary>
    /// <param name="data">Follow-up of n subjects, with strata or without.</param>
    /// <param name="eta">Finite linear predictors, n values.</param>
    /// <param name="ties">How tied deaths are treated.</param>
    public static StratifiedBaseline Estimate(SurvivalData data, ReadOnlySpan<double> eta, TieMethod ties = TieMethod.Breslow)
    {
        ArgumentNullException.ThrowIfNull(data);
        data.RequireMatching(eta.Length, "linear predictors");
        var result = new StratifiedBaseline(BaselineHazard.Estimate(new SurvivalData(data.Time, data.Event, data.Weights, entry: data.Entry), eta, ties));
        if (data.Strata.IsEmpty) return result;
        double[] values = eta.ToArray();
        foreach (int stratum in data.DistinctStrata)
        {
            int[] members = [.. Enumerable.Range(0, data.Count).Where(i => data.StratumOf(i) == stratum)];
            if (members.Any(i => data.Event[i] && data.WeightOf(i) > 0))
                result._of[stratum] = BaselineHazard.Estimate(data.Subset(members), [.. members.Select(i => values[i])], ties);
        }
        return result;
    }

    /// <summary>The baseline hazard of a stratum.</summary>
    /// <param name="stratum">The stratum, by the numbers of the data.</param>
    public BaselineHazard Of(int stratum) => _of.GetValueOrDefault(stratum, All);
}
