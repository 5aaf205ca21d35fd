using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Analysis.Counts;

namespace Cellcast.Analysis.Cohorts;

/// <summary>Puts counts, survival and clinical columns of the chosen samples together.</summary>
internal static class CohortAssembly
{
    private const string SampleColumn = "sample", TypeColumn = "sample_type";

    /// <summary>Makes the cohort.</summary>
    /// <param name="counts">Counts of the chosen samples, in the order of <paramref name="chosen"/>.</param>
    /// <param name="chosen">The samples.</param>
    /// <param name="times">Survival time of each.</param>
    /// <param name="events">Event of each.</param>
    /// <param name="clinical">Clinical data.</param>
    /// <param name="source">What the cohort is from, kept in <c>uns['cohort']</c>.</param>
    /// <param name="genes">Gene map; null for the symbols of the files.</param>
    /// <param name="report">Told what happens.</param>
    internal static Cohort Make(AnnotatedData counts, IReadOnlyList<SampleCandidate> chosen, double[] times, bool[] events, ClinicalRecords clinical,
        string source, GeneMap? genes, CohortReport report)
    {
        CountCheck.RequireRawCounts(counts.X!.ToSparse(), counts, "counts", "sample");
        counts = GeneTranslation.Apply(counts, genes, report);
        var x = counts.X!.ToSparse();
        double[] totals = x.RowSums();
        int[] kept = [.. Enumerable.Range(0, chosen.Count).Where(i => totals[i] > 0)];
        report.Dropped("samples without any count left out", [.. Enumerable.Range(0, chosen.Count).Except(kept).Select(i => chosen[i].Sample)]);
        if (kept.Length == 0) throw new InputException($"'{counts.Source}': no sample has any count.");

        var obs = new DataFrame([.. kept.Select(i => chosen[i].Patient)], "patient");
        obs[SampleColumn] = new StringColumn([.. kept.Select(i => chosen[i].Sample)]);
        if (kept.Any(i => chosen[i].Type is not null)) obs[TypeColumn] = CategoricalColumn.FromLabels([.. kept.Select(i => chosen[i].Type)]);
        obs[Cohort.TimeColumn] = new NumericColumn(Array.ConvertAll(kept, i => times[i]));
        obs[Cohort.EventColumn] = new CategoricalColumn(Array.ConvertAll(kept, i => events[i] ? 1 : 0), [EventStatus.Alive, EventStatus.Dead]);
        AddClinical(obs, clinical, [.. kept.Select(i => chosen[i].ClinicalRow)], report);

        int dead = kept.Count(i => events[i]);
        report.Count($"patients, {dead} of whom died", kept.Length);
        string[] unused = [.. clinical.Keys.Except(kept.Where(i => chosen[i].ClinicalRow >= 0).Select(i => clinical.Keys[chosen[i].ClinicalRow]), StringComparer.Ordinal)];
        report.Dropped($"entries of '{Path.GetFileName(clinical.Path)}' not used", unused);

        var result = new AnnotatedData(obs, counts.Var, x.SelectRows(kept)) { Source = source, Warnings = counts.Warnings };
        result.Uns["cohort"] = new ElementMap { { "source", new Scalar(source) }, { "report", new NdArray(report.Notes.Select(n => n.ToString()).ToArray()) } };
        return new Cohort(result, report);
    }

    private static void AddClinical(DataFrame obs, ClinicalRecords clinical, int[] rows, CohortReport report)
    {
        int empty = 0;
        var shortNames = ShortNames(clinical.Columns.Keys);
        foreach (var (name, cells) in clinical.Columns)
        {
            string?[] values = Array.ConvertAll(rows, r => cells[r]);
            if (values.All(v => v is null))
            {
                empty++;
                continue;
            }
            string free = shortNames[name];
            // Ours are already there: the original survival and sample columns stay under another name only if they say something else.
            if (obs.TryGet(free, out var ours))
            {
                if (ours.ToText().SequenceEqual(ColumnInference.Infer(values).ToText())) continue;
                free = "clinical_" + free;
            }
            obs[free] = ColumnInference.Infer(values);
        }
        if (empty > 0) report.Count("clinical columns without any value left out", empty);
    }

    // GDC writes demographic.gender, diagnoses.tumor_grade …; the last part says enough where it is the only one of that name.
    private static Dictionary<string, string> ShortNames(IReadOnlyList<string> names)
    {
        var count = names.Select(Last).GroupBy(n => n, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
        return names.ToDictionary(n => n, n => Clean(IsGdc(n) && count[Last(n)] == 1 ? Last(n) : n), StringComparer.Ordinal);

        static bool IsGdc(string n) => n.Split('.')[0] is "cases" or "demographic" or "diagnoses" or "treatments" or "project" or "exposures" or "follow_ups" or "family_histories";
        static string Last(string n) => IsGdc(n) ? n[(n.LastIndexOf('.') + 1)..] : n;
        static string Clean(string n) => n.Length == 0 ? "column" : n == "_index" ? "index" : n.Replace('/', '_');
    }
}
