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

/// <summary>The product-limit estimate of a survival curve. Sources: Kaplan and Meier (1958); Greenwood (1926) for its variance; Jaeckel (1972) for the infinitesimal jackknife, which takes
/// that place where subjects are weighted: weights say what a subject stands for, not how many subjects there are, and only their ratios count in the limits.</summary>
public sealed class KaplanMeier
{
    private readonly double[] _time;
    private readonly double[] _survival;

    private KaplanMeier(double[] time, double[] survival, double[] atRisk, double[] events, double[] censored, double[] error, double[] lower, double[] upper)
    {
        (_time, _survival, NumberAtRisk, Events, Censored) = (time, survival, atRisk, events, censored);
        (LogStandardError, Lower, Upper) = (error, lower, upper);
    }

    /// <summary>All distinct follow-up times, ascending, also those with censorings only; and times of entry, where asked for.</summary>
    public IReadOnlyList<double> Time => _time;

    /// <summary>Probability of surviving beyond each time.</summary>
    public IReadOnlyList<double> Survival => _survival;

    /// <summary>Weight of the subjects under observation at each time: entered before it, and followed up to it or longer.</summary>
    public IReadOnlyList<double> NumberAtRisk { get; }

    /// <summary>Weight of the deaths at each time.</summary>
    public IReadOnlyList<double> Events { get; }

    /// <summary>Weight of the subjects censored at each time.</summary>
    public IReadOnlyList<double> Censored { get; }

    /// <summary>Standard error of log S, infinite where S is 0: Greenwood's, or that of the infinitesimal jackknife where subjects have weights other than 1.</summary>
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
    /// <param name="entries">Whether times after 0 at which subjects enter are listed too, so that <see cref="NumberAtRisk"/> changes at listed times only.</param>
    public static KaplanMeier Estimate(SurvivalData data, ConfidenceScale scale = ConfidenceScale.Log, double level = 0.95, bool entries = false)
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
        if (entries) AddEntries(data, time, events, censored);
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
        var steps = new double[m];
        double s = 1;
        for (int k = 0; k < m; k++)
        {
            // All at risk may die, the last ones or, with late entries, earlier ones: their share is exactly 1, whatever the rounding of the weights.
            bool all = events[k] > 0 && ((censored[k] == 0 && k == m - 1) || atRisk[k] - events[k] <= 1e-12 * followed[k]);
            survival[k] = s = events[k] == 0 ? s : all ? 0 : s * (1 - events[k] / atRisk[k]);
            steps[k] = events[k] == 0 ? 0 : all ? double.PositiveInfinity : events[k] / (atRisk[k] * (atRisk[k] - events[k]));
        }
        double[] variance = data.Weights.ContainsAnyExcept(1) ? Jackknife(data, [.. time], events, atRisk, steps) : Greenwood(steps);
        for (int k = 0; k < m; k++)
        {
            error[k] = Math.Sqrt(variance[k]);
            (lower[k], upper[k]) = Limits(survival[k], error[k], z, scale);
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

    /// <summary>Times after 0 at which somebody enters and nobody leaves.</summary>
    private static void AddEntries(SurvivalData data, List<double> time, List<double> events, List<double> censored)
    {
        var entries = new SortedSet<double>();
        for (int i = 0; i < data.Entry.Length; i++)
            if (data.Entry[i] > 0 && data.WeightOf(i) > 0) entries.Add(data.Entry[i]);
        foreach (double t in entries)
        {
            int at = time.BinarySearch(t);
            if (at >= 0) continue;
            time.Insert(~at, t);
            events.Insert(~at, 0);
            censored.Insert(~at, 0);
        }
    }

    /// <summary>Variance of log S by Greenwood's formula: the sum of d / (n (n - d)).</summary>
    private static double[] Greenwood(double[] steps)
    {
        var variance = new double[steps.Length];
        double sum = 0;
        for (int k = 0; k < steps.Length; k++) variance[k] = sum += steps[k];
        return variance;
    }

    /// <summary>Variance of log S by the infinitesimal jackknife: the sum over subjects of (w dlogS/dw)^2. A subject at risk from entry on adds the steps d / (n (n - d)) up to now or up to its own time,
    /// and less 1 / (n - d) once it has died; with unit weights and no late entry that is Greenwood's formula.</summary>
    private static double[] Jackknife(SurvivalData data, double[] time, List<double> events, double[] atRisk, double[] steps)
    {
        int m = time.Length;
        double[] sum = Greenwood(steps), variance = new double[m];
        // Sums over those at risk of w^2, w^2 b and w^2 b^2, where b is what the steps had come to at entry; and over those who have left, of their squares.
        double[] weight = new double[m + 1], shift = new double[m + 1], square = new double[m + 1], left = new double[m];
        for (int i = 0; i < data.Count; i++)
        {
            double w = data.WeightOf(i) * data.WeightOf(i);
            if (w == 0) continue;
            int exit = Array.BinarySearch(time, data.Time[i]), entry = Array.BinarySearch(time, data.EntryOf(i));
            entry = entry < 0 ? ~entry : entry + 1; // the first time after it
            double before = entry == 0 ? 0 : sum[entry - 1];
            // From where nobody is left on, nothing is known.
            if (double.IsInfinity(before)) continue;
            weight[entry] += w;
            shift[entry] += w * before;
            square[entry] += w * before * before;
            weight[exit] -= w;
            shift[exit] -= w * before;
            square[exit] -= w * before * before;
            double last = sum[exit] - before - (data.Event[i] ? 1 / (atRisk[exit] - events[exit]) : 0);
            left[exit] += w * last * last;
        }
        double a = 0, b = 0, c = 0, gone = 0;
        for (int k = 0; k < m; k++)
        {
            (a, b, c, gone) = (a + weight[k], b + shift[k], c + square[k], gone + left[k]);
            variance[k] = double.IsInfinity(sum[k]) ? double.PositiveInfinity : Math.Max(0, a * sum[k] * sum[k] - 2 * b * sum[k] + c) + gone;
        }
        return variance;
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
