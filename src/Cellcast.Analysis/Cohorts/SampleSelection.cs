using Cellcast.AnnData;

namespace Cellcast.Analysis.Cohorts;

/// <summary>A sample that may become a patient's row.</summary>
/// <param name="Sample">Name of the sample.</param>
/// <param name="Patient">Its patient.</param>
/// <param name="Type">Sample type in GDC's words; null where unknown.</param>
/// <param name="ClinicalRow">Row of the clinical table, -1 where there is none.</param>
/// <param name="Rank">Samples of a patient with a lower rank come first (0 fresh or frozen, 1 paraffin).</param>
/// <param name="File">Decides between samples that are equal otherwise.</param>
internal sealed record SampleCandidate(string Sample, string Patient, string? Type, int ClinicalRow, int Rank = 0, string File = "");

/// <summary>From samples to one per patient with known survival.</summary>
internal static class SampleSelection
{
    /// <summary>
    /// Keeps samples of the wanted types whose patient has a survival time above 0 and a status, and of each patient one: the earlier type of the
    /// list, then frozen before paraffin, then the ordinally smallest sample and file name. The result is in the order of the patients' names.
    /// </summary>
    /// <returns>Positions in <paramref name="candidates"/>, and the survival of each.</returns>
    internal static (int[] Chosen, double[] Times, bool[] Events) Choose(IReadOnlyList<SampleCandidate> candidates, ClinicalRecords clinical, SurvivalColumns survival,
        IReadOnlyList<string> types, CohortReport report)
    {
        int[] left = OfTypes([.. Enumerable.Range(0, candidates.Count)], candidates, types, report);
        left = Keep(left, candidates, c => c.ClinicalRow >= 0, "samples without clinical data left out", report);
        report.Say(survival.Words);
        var outcome = left.ToDictionary(i => i, i => survival.Of(clinical, candidates[i].ClinicalRow));
        left = Keep(left, candidates, (_, i) => outcome[i].Event is not null, "samples of patients without vital status left out", report);
        left = Keep(left, candidates, (_, i) => outcome[i].Time is not null, "samples of patients without survival time left out", report);
        left = Keep(left, candidates, (_, i) => outcome[i].Time > 0, "samples of patients with a survival time of 0 or less left out", report);

        var chosen = new List<int>();
        var others = new List<string>();
        foreach (var group in left.GroupBy(i => candidates[i].Patient, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            int[] ordered = [.. group.OrderBy(i => TypeRank(candidates[i].Type, types)).ThenBy(i => candidates[i].Rank)
                .ThenBy(i => candidates[i].Sample, StringComparer.Ordinal).ThenBy(i => candidates[i].File, StringComparer.Ordinal)];
            chosen.Add(ordered[0]);
            others.AddRange(ordered[1..].Select(i => candidates[i].Sample));
        }
        report.Dropped("further samples of a patient left out (of each the first by sample type, frozen before paraffin, then name)", others);
        if (chosen.Count == 0) throw new InputException($"no patient is left: {string.Join("; ", report.Notes.Where(n => n.IsLoss))}.");
        return ([.. chosen], [.. chosen.Select(i => outcome[i].Time!.Value)], [.. chosen.Select(i => outcome[i].Event!.Value)]);
    }

    private static int[] OfTypes(int[] all, IReadOnlyList<SampleCandidate> candidates, IReadOnlyList<string> types, CohortReport report)
    {
        if (types.Count == 0) return all;
        int[] wanted = [.. all.Where(i => candidates[i].Type is not { } t || types.Contains(t, StringComparer.OrdinalIgnoreCase))];
        if (wanted.Length == 0 && all.Length > 0)
            throw new InputException($"no sample is of type {string.Join(" or ", types.Select(t => $"'{t}'"))}; choose among {Census(all, candidates)}.");
        int[] unwanted = [.. all.Except(wanted)];
        if (unwanted.Length > 0)
            report.Dropped($"samples of other types than {string.Join(" or ", types.Select(t => $"'{t}'"))} left out: {Census(unwanted, candidates)}", [.. unwanted.Select(i => candidates[i].Sample)]);
        return wanted;
    }

    private static string Census(int[] some, IReadOnlyList<SampleCandidate> candidates) =>
        string.Join(", ", some.GroupBy(i => candidates[i].Type!).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Count()} '{g.Key}'"));

    private static int[] Keep(int[] some, IReadOnlyList<SampleCandidate> candidates, Func<SampleCandidate, bool> wanted, string what, CohortReport report) =>
        Keep(some, candidates, (c, _) => wanted(c), what, report);

    private static int[] Keep(int[] some, IReadOnlyList<SampleCandidate> candidates, Func<SampleCandidate, int, bool> wanted, string what, CohortReport report)
    {
        int[] kept = [.. some.Where(i => wanted(candidates[i], i))];
        report.Dropped(what, [.. some.Except(kept).Select(i => candidates[i].Sample)]);
        return kept;
    }

    private static int TypeRank(string? type, IReadOnlyList<string> types)
    {
        for (int i = 0; i < types.Count; i++)
            if (types[i].Equals(type, StringComparison.OrdinalIgnoreCase)) return i;
        return types.Count;
    }
}
