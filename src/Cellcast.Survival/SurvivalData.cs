namespace Cellcast.Survival;

/// <summary>Right-censored follow-up of subjects, checked once: every time is finite and positive, every weight finite and not negative.</summary>
public sealed class SurvivalData
{
    private readonly double[] _time;
    private readonly bool[] _event;
    private readonly double[]? _weight;
    private readonly int[]? _stratum;

    /// <summary>Checks and copies the follow-up of n subjects.</summary>
    /// <param name="time">Time to death or to last follow-up, in any unit, greater than zero; n values.</param>
    /// <param name="events">True where the subject died, false where it was censored; n values.</param>
    /// <param name="weights">Case weights, or empty for 1 each.</param>
    /// <param name="strata">Stratum of each subject (any numbers), or empty for one stratum.</param>
    /// <exception cref="SurvivalDataException">Lengths differ, there is no subject, or a value is not usable.</exception>
    public SurvivalData(ReadOnlySpan<double> time, ReadOnlySpan<bool> events, ReadOnlySpan<double> weights = default, ReadOnlySpan<int> strata = default)
    {
        int n = time.Length;
        if (n == 0) throw new SurvivalDataException("there is no subject: give at least one survival time");
        RequireLength(events.Length, n, "event indicators");
        if (!weights.IsEmpty) RequireLength(weights.Length, n, "weights");
        if (!strata.IsEmpty) RequireLength(strata.Length, n, "strata");
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
        _time = time.ToArray();
        _event = events.ToArray();
        _weight = weights.IsEmpty ? null : weights.ToArray();
        _stratum = strata.IsEmpty ? null : strata.ToArray();
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

    /// <summary>The chosen subjects, in the order given.</summary>
    /// <param name="subjects">Indices from 0; may repeat.</param>
    public SurvivalData Subset(ReadOnlySpan<int> subjects)
    {
        var time = new double[subjects.Length];
        var events = new bool[subjects.Length];
        double[]? weight = _weight is null ? null : new double[subjects.Length];
        int[]? stratum = _stratum is null ? null : new int[subjects.Length];
        for (int k = 0; k < subjects.Length; k++)
        {
            int i = subjects[k];
            time[k] = _time[i];
            events[k] = _event[i];
            if (weight is not null) weight[k] = _weight![i];
            if (stratum is not null) stratum[k] = _stratum![i];
        }
        return new SurvivalData(time, events, weight, stratum);
    }

    internal double WeightOf(int i) => _weight is null ? 1 : _weight[i];

    internal int StratumOf(int i) => _stratum is null ? 0 : _stratum[i];

    internal void RequireEvents(string purpose)
    {
        for (int i = 0; i < Count; i++)
            if (_event[i] && WeightOf(i) > 0) return;
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
