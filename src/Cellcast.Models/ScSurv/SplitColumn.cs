using Cellcast.AnnData;

namespace Cellcast.Models.ScSurv;

/// <summary>Reads the parts of a cohort from a column of its obs, and says which patient is wrong.</summary>
public static class SplitColumn
{
    /// <summary>Parts of the cohort as the user set them.</summary>
    public static Split[] Read(AnnotatedData cohort, string column, bool[] died)
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
                throw new InputException($"'{file}', obs column '{column}': the {s.ToString().ToLowerInvariant()} part has {events} event{(events == 1 ? "" : "s")}; at least {Splits.MinimumEvents} are needed.");
        return split;
    }
}
