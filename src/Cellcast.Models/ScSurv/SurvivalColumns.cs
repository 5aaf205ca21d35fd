using System.Globalization;
using Cellcast.AnnData;

namespace Cellcast.Models.ScSurv;

/// <summary>Reads survival from columns of a cohort's obs, and says which patient is wrong.</summary>
public static class SurvivalColumns
{
    /// <summary>Survival or censoring times, all above 0.</summary>
    public static double[] Time(AnnotatedData cohort, string column)
    {
        ArgumentNullException.ThrowIfNull(cohort);
        string file = cohort.Source ?? "the cohort";
        Column c = cohort.Obs.Require(column, file);
        var time = new double[c.Length];
        for (int i = 0; i < time.Length; i++)
        {
            string? text = c.Text(i);
            if (text is null || !double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out time[i]) || !double.IsFinite(time[i]))
                throw new InputException($"'{file}', obs column '{column}': patient '{cohort.Obs.Index[i]}' (row {i + 1}) has {(text is null ? "no survival time" : $"'{text}', which is no number")}; fill it in or remove that patient.");
            if (time[i] <= 0)
                throw new InputException($"'{file}', obs column '{column}': patient '{cohort.Obs.Index[i]}' (row {i + 1}) has survival time {text}, but times must be above 0; correct it or remove that patient.");
        }
        return time;
    }

    /// <summary>Events: Dead / Alive, Deceased / Living, 1 / 0, true / false, yes / no, in any case.</summary>
    public static bool[] Event(AnnotatedData cohort, string column)
    {
        ArgumentNullException.ThrowIfNull(cohort);
        string file = cohort.Source ?? "the cohort";
        Column c = cohort.Obs.Require(column, file);
        var died = new bool[c.Length];
        for (int i = 0; i < died.Length; i++)
        {
            string? text = c.Text(i);
            died[i] = text?.Trim().ToLowerInvariant() switch
            {
                "dead" or "deceased" or "1" or "1.0" or "true" or "yes" => true,
                "alive" or "living" or "0" or "0.0" or "false" or "no" => false,
                null => throw new InputException($"'{file}', obs column '{column}': patient '{cohort.Obs.Index[i]}' (row {i + 1}) has no status; fill in Dead or Alive, or remove that patient."),
                _ => throw new InputException($"'{file}', obs column '{column}': patient '{cohort.Obs.Index[i]}' (row {i + 1}) has status '{text}'; use Dead / Alive, 1 / 0 or true / false, or name another column with --event."),
            };
        }
        return died;
    }

    /// <summary>Parts of the cohort as the user set them.</summary>
    public static Split[] SplitOf(AnnotatedData cohort, string column, bool[] died)
    {
        ArgumentNullException.ThrowIfNull(cohort);
        ArgumentNullException.ThrowIfNull(died);
        string file = cohort.Source ?? "the cohort";
        Column c = cohort.Obs.Require(column, file);
        var split = new Split[c.Length];
        for (int i = 0; i < split.Length; i++)
            split[i] = c.Text(i)?.Trim().ToLowerInvariant() switch
            {
                "train" or "training" => Split.Train,
                "validation" or "valid" or "val" => Split.Validation,
                "test" => Split.Test,
                var text => throw new InputException($"'{file}', obs column '{column}': patient '{cohort.Obs.Index[i]}' (row {i + 1}) has '{text}'; use train, validation or test."),
            };
        foreach (Split s in (Split[])[Split.Train, Split.Validation])
            if (Enumerable.Range(0, split.Length).Count(i => split[i] == s && died[i]) is var events && events < Splits.MinimumEvents)
                throw new InputException($"'{file}', obs column '{column}': the {s.ToString().ToLowerInvariant()} part has {events} events; at least {Splits.MinimumEvents} are needed.");
        return split;
    }
}
