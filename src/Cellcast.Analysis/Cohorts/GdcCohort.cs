using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Cohorts;

/// <summary>A cohort from a download of the Genomic Data Commons: a folder of count files, the sample sheet, and the clinical tables.</summary>
public static class GdcCohort
{
    private static readonly string[] s_patientColumns = ["case_submitter_id", "cases.submitter_id", "submitter_id", "bcr_patient_barcode"];

    /// <summary>Reads a folder. Files may lie in a folder each, as the transfer tool leaves them, or side by side, packed or not.</summary>
    /// <param name="folder">The folder; the sample sheet and <c>clinical.tsv</c> may be in it or be given.</param>
    /// <param name="options">Sample types, places of the tables, gene map.</param>
    /// <param name="threads">Threads that read; the result does not depend on it.</param>
    /// <exception cref="InputException">Something is missing or damaged, or no patient is left; the message says what to do.</exception>
    public static Cohort Build(string folder, CohortOptions? options = null, int threads = 0)
    {
        options ??= new CohortOptions();
        var report = new CohortReport();
        if (!Directory.Exists(folder)) throw new InputException($"'{folder}': no such folder.");
        string[] everything = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        string sheetPath = options.SampleSheet ?? Find(everything, f => f.StartsWith("gdc_sample_sheet", StringComparison.Ordinal) && f.EndsWith(".tsv", StringComparison.Ordinal), folder, "sample sheet (gdc_sample_sheet….tsv)");
        string clinicalPath = options.Clinical ?? FindClinical(everything, folder);
        var (files, kind) = CountFiles(everything, folder, report);
        var sheet = GdcSampleSheet.Read(sheetPath);
        var genes = options.GeneMap is { } map ? GeneMap.Read(map) : null;

        var (clinical, survival) = ReadClinical(clinicalPath, everything, options, report);
        var candidates = Candidates(files, sheet, clinical, kind, report);
        var (chosen, times, events) = SampleSelection.Choose(candidates, clinical, survival, options.SampleTypes, report);
        SampleCandidate[] samples = [.. chosen.Select(i => candidates[i])];
        var counts = ReadCounts(samples, kind, options.StarColumn, folder, threads);
        return CohortAssembly.Make(counts, samples, times, events, clinical, folder, genes, report);
    }

    private static (string[] Files, GdcCountKind Kind) CountFiles(string[] everything, string folder, CohortReport report)
    {
        string[] star = OfKind(GdcCountKind.Star), htseq = OfKind(GdcCountKind.HtSeq);
        if (star.Length > 0 && htseq.Length > 0) report.Dropped("HTSeq files left out, since there are STAR files", [.. htseq.Select(f => Path.GetFileName(f))]);
        if (star.Length > 0) return (star, GdcCountKind.Star);
        if (htseq.Length > 0) return (htseq, GdcCountKind.HtSeq);
        throw new InputException($"'{folder}': holds no count files (*.rna_seq.augmented_star_gene_counts.tsv or *.htseq.counts.gz).");

        string[] OfKind(GdcCountKind kind) => [.. everything.Where(f => GdcCountFile.KindOf(Path.GetFileName(f)) == kind)];
    }

    private static string Find(string[] everything, Func<string, bool> isOne, string folder, string what)
    {
        string[] there = [.. everything.Where(f => isOne(Path.GetFileName(f)))];
        if (there.Length == 1) return there[0];
        throw new InputException(there.Length == 0
            ? $"'{folder}': holds no {what}; download it from the GDC portal's cart and put it there or state its path."
            : $"'{folder}': holds several of the {what}: '{Path.GetFileName(there[0])}', '{Path.GetFileName(there[1])}'; state which.");
    }

    private static string FindClinical(string[] everything, string folder)
    {
        if (!everything.Any(f => Path.GetFileName(f) == "clinical.tsv") && everything.FirstOrDefault(f => Path.GetFileName(f).StartsWith("clinical", StringComparison.Ordinal) && f.EndsWith(".tar.gz", StringComparison.Ordinal)) is { } packed)
            throw new InputException($"'{packed}': is a packed archive; unpack it (tar xzf) so that clinical.tsv lies beside the count files.");
        return Find(everything, f => f == "clinical.tsv", folder, "clinical table (clinical.tsv)");
    }

    private static (ClinicalRecords, SurvivalColumns) ReadClinical(string path, string[] everything, CohortOptions options, CohortReport report)
    {
        var table = TextTable.Read(path);
        string patient = options.Patient ?? table.FirstOf(s_patientColumns)
            ?? throw new InputException($"'{path}': no column names the patient ({string.Join(", ", s_patientColumns.Select(c => $"'{c}'"))}); state it.");
        var records = ClinicalRecords.From(table, patient, [], report);
        string beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, "follow_up.tsv");
        string? followUp = File.Exists(beside) ? beside : everything.FirstOrDefault(f => Path.GetFileName(f) == "follow_up.tsv");
        GatherLatest(records, table, patient, ["days_to_last_follow_up", "diagnoses.days_to_last_follow_up", "days_to_death", "demographic.days_to_death"]);
        GatherDead(records, table, patient, ["vital_status", "demographic.vital_status"], report);
        if (followUp is not null)
        {
            var visits = TextTable.Read(followUp);
            if (visits.FirstOf(s_patientColumns) is { } key && visits.FirstOf("follow_ups.days_to_follow_up", "days_to_follow_up") is { } days)
            {
                records.Columns[SurvivalColumns.FollowUpColumn] = new string?[records.Keys.Length];
                GatherLatest(records, visits, key, [days], SurvivalColumns.FollowUpColumn);
                report.Say($"follow-up visits taken from '{Path.GetFileName(followUp)}'");
            }
        }
        return (records, SurvivalColumns.Find(path, [.. records.Columns.Keys], options));
    }

    // Of several rows of a patient, the latest day counts.
    private static void GatherLatest(ClinicalRecords records, TextTable table, string key, string[] columns, string? into = null)
    {
        string[] keys = table.Require(key);
        foreach (string column in columns)
        {
            if (table.Find(column) is not { } cells) continue;
            string?[] target = records.Columns[into ?? column];
            for (int r = 0; r < cells.Length; r++)
            {
                int row = records.RowOf(keys[r]);
                if (row < 0 || ClinicalRecords.IsMissing(cells[r])) continue;
                if (target[row] is null || Day(table.Path, keys[r], column, cells[r]) > Day(table.Path, keys[r], column, target[row]!)) target[row] = cells[r];
            }
        }
    }

    private static double Day(string path, string patient, string column, string text) =>
        double.TryParse(text, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out double d) ? d
        : throw new InputException($"'{path}': '{patient}' has '{text}' in '{column}', which is not a number of days.");

    // Whoever is recorded as dead in any row is dead.
    private static void GatherDead(ClinicalRecords records, TextTable table, string key, string[] columns, CohortReport report)
    {
        string[] keys = table.Require(key);
        foreach (string column in columns)
        {
            if (table.Find(column) is not { } cells) continue;
            var contradictory = new List<string>();
            for (int r = 0; r < cells.Length; r++)
            {
                int row = records.RowOf(keys[r]);
                if (row < 0 || EventStatus.Parse(cells[r]) is not { } dead || EventStatus.Parse(records.Columns[column][row]) is not { } taken || dead == taken) continue;
                contradictory.Add(keys[r]);
                if (dead) records.Columns[column][row] = cells[r];
            }
            report.Kept($"are recorded both alive and dead in '{column}'; taken as dead", [.. contradictory.Distinct()]);
        }
    }

    private static SampleCandidate[] Candidates(string[] files, Dictionary<string, GdcSheetLine> sheet, ClinicalRecords clinical, GdcCountKind kind, CohortReport report)
    {
        report.Count($"{(kind == GdcCountKind.Star ? "STAR" : "HTSeq")} count files", files.Length);
        var candidates = new List<SampleCandidate>();
        var unlisted = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string file in files)
        {
            string name = GdcCountFile.WithoutGz(Path.GetFileName(file));
            if (!sheet.TryGetValue(name, out var line)) unlisted.Add(Path.GetFileName(file));
            else if (seen.Add(name)) candidates.Add(new SampleCandidate(line.Sample, line.Patient, line.Type, clinical.RowOf(line.Patient), line.Rank, file));
        }
        report.Dropped("count files that the sample sheet does not list left out", unlisted);
        report.Dropped("count files of the sample sheet missing in the folder", [.. sheet.Where(l => GdcCountFile.KindOf(l.Key) == kind && !seen.Contains(l.Key)).Select(l => l.Value.FileName)]);
        if (candidates.Count == 0) throw new InputException($"no count file is listed in the sample sheet ('{unlisted[0]}', … are not); give the sheet of the same cart.");
        return [.. candidates];
    }

    private static AnnotatedData ReadCounts(SampleCandidate[] samples, GdcCountKind kind, string starColumn, string folder, int threads)
    {
        var genes = GdcCountFile.ReadGenes(samples[0].File, kind);
        var rows = new (int[] Genes, float[] Counts)[samples.Length];
        var failures = new InputException?[samples.Length];
        Parallel.For(0, samples.Length, new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : -1 }, i =>
        {
            try
            {
                float[] counts = GdcCountFile.ReadCounts(samples[i].File, kind, genes, starColumn);
                int[] nonZero = [.. Enumerable.Range(0, counts.Length).Where(g => counts[g] != 0)];
                rows[i] = (nonZero, Array.ConvertAll(nonZero, g => counts[g]));
            }
            catch (InputException e) { failures[i] = e; }
        });
        // The first in order, whichever thread met its own first.
        if (failures.FirstOrDefault(f => f is not null) is { } failure) throw failure;

        var indPtr = new long[samples.Length + 1];
        for (int i = 0; i < rows.Length; i++) indPtr[i + 1] = indPtr[i] + rows[i].Genes.Length;
        var x = new SparseMatrix(samples.Length, genes.Ids.Length, indPtr, [.. rows.SelectMany(r => r.Genes)], [.. rows.SelectMany(r => r.Counts)]);
        var var = new DataFrame(genes.Ids);
        if (genes.Symbols is { } symbols) var["gene_name"] = new StringColumn(symbols);
        return new AnnotatedData(new DataFrame([.. samples.Select(s => s.Sample)]), var, x) { Source = folder };
    }
}
