using System.Globalization;
using Cellcast.Analysis.Cohorts;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Survival;

namespace Cellcast.Analysis.Clinical;

/// <summary>Names of the columns of a cohort's obs that say what is modelled and how patients count.</summary>
public sealed record OutcomeRequest
{
    /// <summary>Kind of outcome.</summary>
    public OutcomeKind Kind { get; init; } = OutcomeKind.Survival;

    /// <summary>Survival or censoring time; for survival.</summary>
    public string Time { get; init; } = "survival_time";

    /// <summary>Status; for survival.</summary>
    public string Event { get; init; } = "vital_status";

    /// <summary>The outcome; for a binary or continuous one.</summary>
    public string? Response { get; init; }

    /// <summary>Groups with a baseline hazard of their own; null for none; survival only.</summary>
    public string? Strata { get; init; }

    /// <summary>Time from which a patient is under observation (left truncation); null when all are from the origin; survival only.</summary>
    public string? Entry { get; init; }

    /// <summary>Case weights; null for 1 each.</summary>
    public string? Weights { get; init; }
}

/// <summary>Reads outcomes from columns of a cohort's obs, and says which patient is wrong.</summary>
public static class OutcomeColumns
{
    /// <summary>The outcome of all patients.</summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="request">The columns.</param>
    /// <exception cref="InputException">A column is absent, or a value cannot be used: the message names the patient.</exception>
    public static Outcome Read(AnnotatedData cohort, OutcomeRequest request)
    {
        ArgumentNullException.ThrowIfNull(cohort);
        ArgumentNullException.ThrowIfNull(request);
        string file = cohort.Source ?? "the cohort";
        if (cohort.ObservationCount == 0) throw new InputException($"'{file}' has no patients; give a cohort with at least one row.");
        double[]? weights = request.Weights is null ? null : Weights(cohort, request.Weights);
        if (request.Kind != OutcomeKind.Survival)
        {
            if (request.Strata is not null || request.Entry is not null) throw new InputException($"a {request.Kind.ToString().ToLowerInvariant()} outcome has neither strata nor entry times; use strata as a covariate instead.");
            string response = request.Response ?? throw new InputException($"a {request.Kind.ToString().ToLowerInvariant()} outcome needs the column that holds it; name it.");
            if (request.Kind == OutcomeKind.Continuous)
            {
                double[] values = Numbers(cohort, response, "outcome");
                if (values.Length > 1 && values.All(v => v == values[0])) throw new InputException($"'{file}', obs column '{response}': all {values.Length} patients have {Text(values[0])}, so there is nothing to explain; name another column with --response.");
                return Outcome.Of((ReadOnlySpan<double>)values, weights);
            }
            return Outcome.Of((ReadOnlySpan<bool>)Binary(cohort, response), weights);
        }
        SurvivalData data = FollowUp(cohort, request.Time, request.Event, request.Strata is null ? null : StrataOf(cohort, request.Strata).Codes, request.Entry, weights);
        if (data.EventCount == 0)
            throw new InputException($"'{file}', obs column '{request.Event}': none of the {data.Count} patients has an event, so nothing can be learned about survival; check how the column is coded, or name another one with --event.");
        return Outcome.Of(data);
    }

    /// <summary>Follow-up of all patients, whether or not any has an event.</summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="time">Column of the time.</param>
    /// <param name="status">Column of the status.</param>
    /// <param name="strata">Stratum of each patient, or null.</param>
    /// <param name="entry">Column of the time of entry, or null.</param>
    /// <param name="weights">Weights (<see cref="Weights"/>), or null.</param>
    /// <exception cref="InputException">A value is missing or cannot be used.</exception>
    public static SurvivalData FollowUp(AnnotatedData cohort, string time, string status, int[]? strata, string? entry, double[]? weights)
    {
        double[] followed = Times(cohort, time);
        bool[] died = Events(cohort, status);
        double[]? entered = entry is null ? null : Numbers(cohort, entry, "entry time");
        for (int i = 0; i < followed.Length; i++)
            if (entered is not null && entered[i] >= followed[i])
                throw At(cohort, entry!, i, $"enters at {Text(entered[i])} but is followed to {Text(followed[i])} only; the entry must come before, correct it or remove that patient");
        return new SurvivalData(followed, died, weights, strata, entered);
    }

    /// <summary>Case weights, finite and at least 0.</summary>
    /// <exception cref="InputException">A weight is missing or cannot be used.</exception>
    public static double[] Weights(AnnotatedData cohort, string column)
    {
        double[] weights = Numbers(cohort, column, "weight", least: 0);
        if (weights.Length > 0 && weights.All(w => w == 0)) throw new InputException($"'{cohort.Source ?? "the cohort"}', obs column '{column}': all {weights.Length} weights are 0, so nobody counts; correct them.");
        return weights;
    }

    /// <summary>Survival or censoring times, all above 0.</summary>
    /// <exception cref="InputException">A time is missing, no number, or not above 0.</exception>
    public static double[] Times(AnnotatedData cohort, string column)
    {
        double[] time = Numbers(cohort, column, "survival time");
        for (int i = 0; i < time.Length; i++)
            if (time[i] <= 0) throw At(cohort, column, i, $"has survival time {Text(time[i])}, but times must be above 0; correct it or remove that patient");
        return time;
    }

    /// <summary>Events, in all spellings that <see cref="EventStatus"/> knows.</summary>
    /// <exception cref="InputException">A status is missing or not understood.</exception>
    public static bool[] Events(AnnotatedData cohort, string column)
    {
        ArgumentNullException.ThrowIfNull(cohort);
        Column status = cohort.Obs.Require(column, cohort.Source ?? "the cohort");
        var died = new bool[status.Length];
        for (int i = 0; i < died.Length; i++)
            died[i] = EventStatus.Parse(status.Text(i)) ?? throw At(cohort, column, i, status.Text(i) is { } text && !MissingValue.Is(text.Trim())
                ? $"has status '{text}'; use {EventStatus.Accepted}, or name another column with --event" : "has no status; fill in Dead or Alive, or remove that patient");
        return died;
    }

    /// <summary>A column of yes and no: 1 / 0, true / false, yes / no, or any two levels, of which the second in order is yes.</summary>
    /// <exception cref="InputException">A value is missing, or there are more or fewer than two levels.</exception>
    public static bool[] Binary(AnnotatedData cohort, string column)
    {
        ArgumentNullException.ThrowIfNull(cohort);
        Column c = cohort.Obs.Require(column, cohort.Source ?? "the cohort");
        var text = new string[c.Length];
        for (int i = 0; i < text.Length; i++)
            text[i] = c.Text(i)?.Trim() is { } t && !MissingValue.Is(t) ? t : throw At(cohort, column, i, "has no outcome; fill it in or remove that patient");
        string[] levels = c is CategoricalColumn { Ordered: true } ordered ? [.. ordered.Categories.Where(text.Contains)] : [.. text.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (levels.Length != 2)
            throw new InputException($"'{cohort.Source ?? "the cohort"}', obs column '{column}': a binary outcome has two levels, but this column has {levels.Length}{(levels.Length > 12 ? "" : $" ({string.Join(", ", levels)})")}; name another column or use a continuous outcome.");
        bool? first = EventStatus.Parse(levels[0]), second = EventStatus.Parse(levels[1]);
        string yes = first is true && second is false ? levels[0] : levels[1];
        return [.. text.Select(t => t == yes)];
    }

    /// <summary>A column of numbers without gaps.</summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="column">Name of the column.</param>
    /// <param name="what">What a number is, for errors.</param>
    /// <param name="least">Least value allowed.</param>
    /// <exception cref="InputException">A value is missing, no finite number, or too small.</exception>
    public static double[] Numbers(AnnotatedData cohort, string column, string what, double least = double.NegativeInfinity)
    {
        ArgumentNullException.ThrowIfNull(cohort);
        Column c = cohort.Obs.Require(column, cohort.Source ?? "the cohort");
        var values = new double[c.Length];
        for (int i = 0; i < values.Length; i++)
        {
            string? text = c.Text(i);
            if (text is null || MissingValue.Is(text.Trim())) throw At(cohort, column, i, $"has no {what}; fill it in or remove that patient");
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out values[i]) || !double.IsFinite(values[i]))
                throw At(cohort, column, i, $"has {what} '{text}', which is no finite number; correct it or remove that patient");
            if (values[i] < least) throw At(cohort, column, i, $"has {what} {text}, but it must be at least {Text(least)}; correct it or remove that patient");
        }
        return values;
    }

    /// <summary>Strata: the levels of a column without gaps, in ordinal order.</summary>
    /// <exception cref="InputException">A patient belongs to none.</exception>
    public static CategoricalColumn StrataOf(AnnotatedData cohort, string column)
    {
        ArgumentNullException.ThrowIfNull(cohort);
        Column c = cohort.Obs.Require(column, cohort.Source ?? "the cohort");
        var labels = new string[c.Length];
        for (int i = 0; i < labels.Length; i++)
            labels[i] = c.Text(i)?.Trim() is { } t && !MissingValue.Is(t) ? t : throw At(cohort, column, i, "belongs to no stratum; fill it in or remove that patient");
        return CategoricalColumn.FromLabels(labels);
    }

    private static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static InputException At(AnnotatedData cohort, string column, int row, string wrong) =>
        new($"'{cohort.Source ?? "the cohort"}', obs column '{column}': patient '{cohort.Obs.Index[row]}' (row {row + 1}) {wrong}.");
}
