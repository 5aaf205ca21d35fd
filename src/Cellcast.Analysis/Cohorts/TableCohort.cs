using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Cohorts;

/// <summary>A cohort from a table (or any other file) of counts and a clinical table.</summary>
public static class TableCohort
{
    /// <summary>Joins counts and clinical data.</summary>
    /// <param name="countsPath">Counts, samples in rows or columns: anything <see cref="AnyFile"/> reads.</param>
    /// <param name="clinicalPath">csv or tsv with one row per patient or sample.</param>
    /// <param name="options">Columns and gene map.</param>
    /// <exception cref="InputException">A file is damaged, nothing can be joined, or a column is missing.</exception>
    public static Cohort Build(string countsPath, string clinicalPath, CohortOptions? options = null)
    {
        options ??= new CohortOptions();
        var report = new CohortReport();
        // What cannot work should fail before a large table is read.
        var table = TextTable.Read(clinicalPath);
        if (table.Rows == 0) throw new InputException($"'{clinicalPath}': has a header but no rows.");
        var survival = SurvivalColumns.Find(clinicalPath, table.Header, options);
        var genes = options.GeneMap is { } map ? GeneMap.Read(map) : null;
        var counts = AnyFile.Read(countsPath, new AnyFileOptions { Table = options.Table });
        if (counts.X is null) throw new InputException($"'{countsPath}': has no matrix X.");
        foreach (string w in counts.Warnings) report.Say(w);
        return Join(counts, table, survival, genes, options, report, $"{countsPath} and {clinicalPath}");
    }

    internal static Cohort Join(AnnotatedData counts, TextTable table, SurvivalColumns survival, GeneMap? genes, CohortOptions options, CohortReport report, string source)
    {
        string[] samples = counts.Obs.Index;
        var key = ClinicalKey.Find(samples, counts.Source!, table, options.Patient);
        report.Say($"samples of '{Path.GetFileName(counts.Source)}' joined with '{key.Column}' of '{Path.GetFileName(table.Path)}', {key.Words}");
        var clinical = ClinicalRecords.From(table, key.Column, survival.Columns, report);

        var rowOf = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < clinical.Keys.Length; i++)
        {
            // Two samples of one patient share their survival; anything else would be a guess.
            if (rowOf.TryAdd(key.Form(clinical.Keys[i]), i)) continue;
            int first = rowOf[key.Form(clinical.Keys[i])];
            if (survival.Of(clinical, first) != survival.Of(clinical, i))
                throw new InputException($"'{table.Path}': '{clinical.Keys[first]}' and '{clinical.Keys[i]}' in '{key.Column}' have different survival but are the same name when compared {key.Words}; make the names of counts and clinical table agree.");
        }
        string[]? patients = clinical.Columns.TryGetValue("_PATIENT", out var column) ? column.Select((p, i) => p ?? clinical.Keys[i]).ToArray() : null;
        var candidates = samples.Select(s =>
        {
            int row = rowOf.GetValueOrDefault(key.Form(s), -1);
            string barcode = s.Replace('.', '-');
            string patient = (row >= 0 ? patients?[row] : null) ?? TcgaBarcode.PatientOf(barcode) ?? key.Form(s);
            return new SampleCandidate(s, patient, TcgaBarcode.SampleTypeOf(barcode), row);
        }).ToArray();
        report.Count($"samples in '{Path.GetFileName(counts.Source)}'", samples.Length);
        var (chosen, times, events) = SampleSelection.Choose(candidates, clinical, survival, options.SampleTypes, report);
        return CohortAssembly.Make(counts.SelectObservations(chosen), [.. chosen.Select(i => candidates[i])], times, events, clinical, source, genes, report);
    }
}
