namespace Cellcast.Survival;

/// <summary>The scale on which confidence limits of a survival curve are symmetric.</summary>
public enum ConfidenceScale
{
    /// <summary>log S: the usual default.</summary>
    Log,

    /// <summary>log(-log S): limits stay between 0 and 1.</summary>
    LogLog,

    /// <summary>S itself, clipped to 0 and 1.</summary>
    Plain,
}

/// <summary>The product-limit estimate of a survival curve. Sources: Kaplan and Meier (1958); Greenwood (1926) for its variance.</summary>
public sealed class KaplanMeier
{
    private readonly double[] _time;
    private readonly double[] _survival;

    private KaplanMeier(double[] time, double[] survival, double[] atRisk, double[] events, double[] censored, double[] error, double[] lower, double[] upper)
    {
        (_time, _survival, NumberAtRisk, Events, Censored) = (time, survival, atRisk, events, censored);
        (LogStandardError, Lower, Upper) = (error, lower, upper);
    }

    /// <summary>All distinct follow-up times, ascending, also those with censorings only.</summary>
    public IReadOnlyList<double> Time => _time;

    /// <summary>Probability of surviving beyond each time.</summary>
    public IReadOnlyList<double> Survival => _survival;

    /// <summary>Weight of the subjects at risk just before each time.</summary>
    public IReadOnlyList<double> NumberAtRisk { get; }

    /// <summary>Weight of the deaths at each time.</summary>
    public IReadOnlyList<double> Events { get; }

    /// <summary>Weight of the subjects censored at each time.</summary>
    public IReadOnlyList<double> Censored { get; }

    /// <summary>Greenwood's standard error of log S; infinite where S is 0.</summary>
    public IReadOnlyList<double> LogStandardError { get; }

    /// <summary>Lower confidence limits; NaN where S is 0 on the log and log-log scales.</summary>
    public IReadOnlyList<double> Lower { get; }

    /// <summary>Upper confidence limits; NaN where S is 0 on the log and log-log scales.</summary>
    public IReadOnlyList<double> Upper { get; }

    /// <summary>Estimates one curve for all subjects; strata are not told apart (take a subset for each).
    /// With entry times a subject counts at risk from its entry on, and the curve is of those who would survive to the earliest entry.</summary>
    /// <param name="data">Follow-up; deaths are not required.</param>
    /// <param name="scale">Scale of the confidence limits.</param>
    /// <param name="level">Confidence level.</param>
    public static KaplanMeier Estimate(SurvivalData data, ConfidenceScale scale = ConfidenceScale.Log, double level = 0.95)
    {
        ArgumentNullException.ThrowIfNull(data);
        double z = Distributions.TwoSidedQuantile(level);
        int[] order = BaselineHazard.SortedByTime(data);
        int n = order.Length;
        var time = new List<double>();
        var events = new List<double>();
        var censored = new List<double>();
        for (int first = 0; first < n;)
        {
            double t = data.Time[order[first]], deaths = 0, leaving = 0;
            for (; first < n && data.Time[order[first]] == t; first++)
            {
                double w = data.WeightOf(order[first]);
                if (data.Event[order[first]]) deaths += w;
                else leaving += w;
            }
            if (deaths + leaving == 0) continue;
            time.Add(t);
            events.Add(deaths);
            censored.Add(leaving);
        }
        int m = time.Count;
        double[] atRisk = new double[m], survival = new double[m], error = new double[m], lower = new double[m], upper = new double[m];
        for (int k = m - 1; k >= 0; k--) atRisk[k] = events[k] + censored[k] + (k + 1 < m ? atRisk[k + 1] : 0);
        double[] followed = [.. atRisk];
        if (!data.Entry.IsEmpty)
        {
            // Less those who have not entered yet.
            int[] latestFirst = [.. order.OrderByDescending(data.EntryOf).ThenBy(i => i)];
            double absent = 0;
            for (int k = m - 1, next = 0; k >= 0; k--)
            {
                for (; next < n && data.EntryOf(latestFirst[next]) >= time[k]; next++) absent += data.WeightOf(latestFirst[next]);
                atRisk[k] -= absent;
            }
        }
        double s = 1, variance = 0;
        for (int k = 0; k < m; k++)
        {
            // All at risk may die, the last ones or, with late entries, earlier ones: their share is exactly 1, whatever the rounding of the weights.
            bool all = (censored[k] == 0 && k == m - 1) || (events[k] > 0 && atRisk[k] - events[k] <= 1e-12 * followed[k]);
            s = all ? 0 : s * (1 - events[k] / atRisk[k]);
            variance += events[k] == 0 ? 0 : all ? double.PositiveInfinity : events[k] / (atRisk[k] * (atRisk[k] - events[k]));
            survival[k] = s;
            error[k] = Math.Sqrt(variance);
            (lower[k], upper[k]) = Limits(s, error[k], z, scale);
        }
        return new KaplanMeier([.. time], survival, atRisk, [.. events], [.. censored], error, lower, upper);
    }

    /// <summary>Probability of surviving beyond a time.</summary>
    /// <param name="time">The time.</param>
    public double SurvivalAt(double time)
    {
        int k = Array.BinarySearch(_time, time);
        if (k < 0) k = ~k - 1;
        return k < 0 ? 1 : _survival[k];
    }

    /// <summary>Probability of surviving to a time, deaths at that very time not counted.</summary>
    /// <param name="time">The time.</param>
    public double SurvivalBefore(double time)
    {
        int k = Array.BinarySearch(_time, time);
        if (k < 0) k = ~k;
        return k == 0 ? 1 : _survival[k - 1];
    }

    /// <summary>Median survival time with its confidence limits; NaN where a curve does not fall to one half.</summary>
    public (double Estimate, double Lower, double Upper) Median => Quantile(0.5);

    /// <summary>The time by which a share of the subjects has died, with its confidence limits; NaN where a curve does not fall so far.
    /// Where a curve is flat at exactly the level, the middle of the flat piece.</summary>
    /// <param name="share">Share of deaths, between 0 and 1.</param>
    public (double Estimate, double Lower, double Upper) Quantile(double share)
    {
        if (share is not (> 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(share), share, "the share of deaths lies between 0 and 1");
        return (Crossing(Survival, 1 - share), Crossing(Lower, 1 - share), Crossing(Upper, 1 - share));
    }

    /// <summary>Area under the curve up to a time: the mean survival time if everyone were followed until then and no longer.</summary>
    /// <param name="horizon">The time, at most the last follow-up.</param>
    public double RestrictedMean(double horizon)
    {
        if (!(horizon > 0) || horizon > _time[^1])
            throw new SurvivalDataException($"the horizon {horizon} is not between 0 and the last follow-up at {_time[^1]}: choose an earlier one");
        double area = 0, s = 1, from = 0;
        for (int k = 0; k < _time.Length && _time[k] < horizon; k++)
        {
            area += s * (_time[k] - from);
            (s, from) = (_survival[k], _time[k]);
        }
        return area + s * (horizon - from);
    }

    private double Crossing(IReadOnlyList<double> curve, double level)
    {
        const double tolerance = 1.5e-8;
        for (int k = 0; k < curve.Count; k++)
        {
            if (!(curve[k] < level + tolerance)) continue;
            if (Math.Abs(curve[k] - level) < tolerance)
                for (int l = k + 1; l < curve.Count; l++)
                    if (curve[l] < curve[k]) return (_time[k] + _time[l]) / 2;
            return _time[k];
        }
        return double.NaN;
    }

    private static (double Lower, double Upper) Limits(double s, double error, double z, ConfidenceScale scale)
    {
        if (s == 1) return (1, 1);
        switch (scale)
        {
            case ConfidenceScale.Plain:
                double plain = s == 0 ? 0 : z * s * error;
                return (Math.Max(0, s - plain), Math.Min(1, s + plain));
            case ConfidenceScale.LogLog:
                if (s == 0) return (double.NaN, double.NaN);
                double middle = Math.Log(-Math.Log(s)), half = z * error / Math.Log(s); // negative
                return (Math.Exp(-Math.Exp(middle - half)), Math.Exp(-Math.Exp(middle + half)));
            default:
                if (s == 0) return (double.NaN, double.NaN);
                return (s * Math.Exp(-z * error), Math.Min(1, s * Math.Exp(z * error)));
        }
    }
}
