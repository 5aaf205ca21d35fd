namespace Cellcast.Survival;

/// <summary>
/// Cumulative/dynamic area under the ROC curve: how well a risk told those who died by a time from those alive after it, one half being chance. Pairs are compared within a stratum only. Those censored before are
/// represented by weights of inverse probability of censoring. Sources: Heagerty and Zheng (2005); Uno, Cai, Tian and Wei (2007); Hung and Chiang (2010).
/// </summary>
public sealed class TimeDependentAuc
{
    private TimeDependentAuc(double[] times, double[] values) => (Times, Values) = (times, values);

    /// <summary>The times, ascending.</summary>
    public IReadOnlyList<double> Times { get; }

    /// <summary>Area at each time; NaN where nobody has died by then or nobody is followed beyond.</summary>
    public IReadOnlyList<double> Values { get; }

    /// <summary>Computes the areas.</summary>
    /// <param name="data">Follow-up of n subjects, without entry times.</param>
    /// <param name="times">Times above 0, rising.</param>
    /// <param name="risk">n values, higher meaning an earlier death; only their order counts.</param>
    /// <param name="censoring">Subjects from whom the probability of censoring is estimated, such as the training set; null for the same.</param>
    /// <exception cref="SurvivalDataException">Lengths differ, a risk is NaN, a time is not usable, or nobody is followed to one of the deaths.</exception>
    public static TimeDependentAuc Compute(SurvivalData data, ReadOnlySpan<double> times, ReadOnlySpan<double> risk, SurvivalData? censoring = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        int n = data.Count;
        data.RequireMatching(risk.Length, "risks");
        double[] r = risk.ToArray();
        for (int i = 0; i < n; i++)
            if (double.IsNaN(r[i])) throw new SurvivalDataException($"the risk of {SurvivalData.Subject(i, n)} is not a number: the area under the curve needs a value for every subject");
        CensoringCurve curve = CensoringCurve.Estimate(censoring ?? data);
        int[] order = [.. Enumerable.Range(0, n).OrderBy(data.StratumOf).ThenBy(i => r[i]).ThenBy(i => i)];
        var values = new double[times.Length];
        for (int k = 0; k < times.Length; k++)
        {
            double t = times[k];
            if (!(t > 0) || double.IsInfinity(t) || (k > 0 && t <= times[k - 1])) throw new SurvivalDataException($"time {k + 1} is {t}: times must rise from above 0");
            double won = 0, pairs = 0, cases = 0, controls = 0;
            for (int first = 0; first < n;)
            {
                if (first > 0 && data.StratumOf(order[first]) != data.StratumOf(order[first - 1]))
                {
                    pairs += cases * controls;
                    (cases, controls) = (0, 0);
                }
                // Subjects of equal risk together: a tie counts one half.
                double ownCases = 0, ownControls = 0;
                int s = first;
                for (; s < n && r[order[s]] == r[order[first]] && data.StratumOf(order[s]) == data.StratumOf(order[first]); s++)
                {
                    int i = order[s];
                    if (data.Time[i] > t) ownControls += data.WeightOf(i);
                    else if (data.Event[i] && data.WeightOf(i) > 0)
                    {
                        double g = curve.Before(data.Time[i]);
                        if (!(g > 0)) throw new SurvivalDataException($"nobody is followed to the death at {data.Time[i]}: ask for earlier times only");
                        ownCases += data.WeightOf(i) / g;
                    }
                }
                won += ownCases * (controls + ownControls / 2);
                cases += ownCases;
                controls += ownControls;
                first = s;
            }
            pairs += cases * controls;
            values[k] = pairs > 0 ? won / pairs : double.NaN;
        }
        return new TimeDependentAuc(times.ToArray(), values);
    }
}
