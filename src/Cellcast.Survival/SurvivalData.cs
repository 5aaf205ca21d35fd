namespace Cellcast.Survival;

/// <summary>Right-censored, optionally left-truncated follow-up of subjects, checked once: every time is finite and positive, every weight finite and not negative,
/// every entry before the subject's time. A subject is at risk at time t when entry &lt; t and t is at most its time.</summary>
public sealed class SurvivalData
{
    private readonly double[] _time;
    private readonly bool[] _event;
    private readonly double[]? _weight;
    private readonly int[]? _stratum;
    private readonly double[]? _entry;

    /// <summary>Checks and copies the follow-up of n subjects.</summary>
    /// <param name="time">Time to death or to last follow-up, in any unit, greater than zero; n values.</param>
    /// <param name="events">True where the subject died, false where it was censored; n values.</param>
    /// <param name="weights">Case weights, or empty for 1 each.</param>
    /// <param name="strata">Stratum of each subject (any numbers), or empty for one stratum.</param>
    /// <param name="entry">Time from which each subject is under observation (left truncation), finite and less than its time, or empty when all are from the origin on.</param>
    /// <exception cref="SurvivalDataException">Lengths differ, there is no subject, or a value is not usable.</exception>
    public SurvivalData(ReadOnlySpan<double> time, ReadOnlySpan<bool> events, ReadOnlySpan<double> weights = default, ReadOnlySpan<int> strata = default, ReadOnlySpan<double> entry = default)
    {
        int n = time.Length;
        if (n == 0) throw new SurvivalDataException("there is no subject: give at least one survival time");
        RequireLength(events.Length, n, "event indicators");
        if (!weights.IsEmpty) RequireLength(weights.Length, n, "weights");
        if (!strata.IsEmpty) RequireLength(strata.Length, n, "strata");
        if (!entry.IsEmpty) RequireLength(entry.Length, n, "entry times");
        for (int i = 0; i < n; i++)
        {
            if (double.IsNaN(time[i]))
                throw new SurvivalDataException($"the survival time of {Subject(i, n)} is missing: fill it in or leave the subject out");
            if (double.IsInfinity(time[i]))
                throw new SurvivalDataException($"the survival time of {Subject(i, n)} is infinite: give the last follow-up as a censored time");
            if (time[i] <= 0)
                throw new SurvivalDataException($"the survival time of {Subject(i, n)} is {time[i]}: times must be greater than 0, correct it or leave the subject out");
        }
        for (int i = 0; i < weights.Length; i++)
            if (!(weights[i] >= 0) || double.IsInfinity(weights[i]))
                throw new SurvivalDataException($"the weight of {Subject(i, n)} is {weights[i]}: weights must be finite and not negative");
        for (int i = 0; i < entry.Length; i++)
        {
            if (!double.IsFinite(entry[i]))
                throw new SurvivalDataException($"the entry time of {Subject(i, n)} is {(double.IsNaN(entry[i]) ? "missing" : "infinite")}: fill it in (0 for a subject under observation from the origin) or leave the subject out");
            if (entry[i] >= time[i])
                throw new SurvivalDataException($"{Subject(i, n)} enters at {entry[i]} but is followed to {time[i]} only: the entry must come before the survival time, correct it or leave the subject out");
        }
        _time = time.ToArray();
        _event = events.ToArray();
        _weight = weights.IsEmpty ? null : weights.ToArray();
        _stratum = strata.IsEmpty ? null : strata.ToArray();
        _entry = entry.IsEmpty ? null : entry.ToArray();
    }

    /// <summary>Number of subjects.</summary>
    public int Count => _time.Length;

    /// <summary>Number of deaths, unweighted.</summary>
    public int EventCount => _event.AsSpan().Count(true);

    /// <summary>Times, n values.</summary>
    public ReadOnlySpan<double> Time => _time;

    /// <summary>Death indicators, n values.</summary>
    public ReadOnlySpan<bool> Event => _event;

    /// <summary>Case weights, n values, or empty when all are 1.</summary>
    public ReadOnlySpan<double> Weights => _weight;

    /// <summary>Strata, n values, or empty when there is one.</summary>
    public ReadOnlySpan<int> Strata => _stratum;

    /// <summary>Entry times, n values, or empty when there is no left truncation.</summary>
    public ReadOnlySpan<double> Entry => _entry;

    /// <summary>The chosen subjects, in the order given.</summary>
    /// <param name="subjects">Indices from 0; may repeat.</param>
    public SurvivalData Subset(ReadOnlySpan<int> subjects)
    {
        var time = new double[subjects.Length];
        var events = new bool[subjects.Length];
        double[]? weight = _weight is null ? null : new double[subjects.Length];
        int[]? stratum = _stratum is null ? null : new int[subjects.Length];
        double[]? entry = _entry is null ? null : new double[subjects.Length];
        for (int k = 0; k < subjects.Length; k++)
        {
            int i = subjects[k];
            time[k] = _time[i];
            events[k] = _event[i];
            if (weight is not null) weight[k] = _weight![i];
            if (stratum is not null) stratum[k] = _stratum![i];
            if (entry is not null) entry[k] = _entry![i];
        }
        return new SurvivalData(time, events, weight, stratum, entry);
    }

    internal double WeightOf(int i) => _weight is null ? 1 : _weight[i];

    internal int StratumOf(int i) => _stratum is null ? 0 : _stratum[i];

    internal double EntryOf(int i) => _entry is null ? double.NegativeInfinity : _entry[i];

    /// <summary>The strata, ascending; one (0) when there are none.</summary>
    internal int[] DistinctStrata => _stratum is null ? [0] : [.. _stratum.Distinct().Order()];

    internal void RequireEvents(string purpose)
    {
        for (int i = 0; i < Count; i++)
            if (_event[i] && WeightOf(i) > 0) return;
        if (EventCount > 0) throw new SurvivalDataException($"each of the {EventCount} subjects with an event has weight 0: {purpose} needs at least one death that counts, check the weights");
        throw new SurvivalDataException($"none of the {Count} subjects has an event: {purpose} needs at least one death, check how the event column is coded");
    }

    internal void RequireMatching(int length, string what)
    {
        RequireLength(length, Count, what);
    }

    internal static string Subject(int i, int n) => $"subject {i + 1} of {n}";

    private static void RequireLength(int length, int n, string what)
    {
        if (length != n) throw new SurvivalDataException($"there are {n} survival times but {length} {what}: give one per subject, in the same order");
    }
}
