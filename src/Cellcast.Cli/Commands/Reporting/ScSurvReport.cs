using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Turns the results of scSurv into what a report shows.</summary>
internal static class ScSurvReport
{
    internal static ReportData From(ScSurvReportSource source)
    {
        OutcomeMeaning meaning = OutcomeMeaning.Of(source);
        PatientSection? patients = meaning.IsSurvival ? SurvivalSection.From(source) : null;
        OutcomeSection? outcome = meaning.IsSurvival ? null : OutcomePatients.From(source, meaning);
        CellSection cells = CellPictures.Cells(source, meaning);
        ContributionSection contributions = Contributions(source, meaning);
        SpotSection? spots = source.Spots is null ? null : CellPictures.Spots(source, source.Spots, meaning);
        return new ReportData
        {
            Title = source.Name.Length == 0 ? "scSurv" : $"scSurv: {source.Name}",
            Subtitle = meaning.Question,
            Version = source.Metrics["version"]?.ToString() ?? "",
            Summary = ScSurvSummary.Of(source, meaning, patients, outcome, contributions, spots),
            Cells = cells,
            Contributions = contributions,
            Genes = Genes(source, meaning),
            Patients = patients,
            Outcome = outcome,
            Spots = spots,
            Training = Training(source),
            Run = Run(source),
        };
    }

    private static ContributionSection Contributions(ScSurvReportSource source, OutcomeMeaning meaning)
    {
        float[] beta = CellPictures.Contribution(source);
        List<Grouping> groupings = [.. CellPictures.Groups(source.Cells.Obs, source.LabelColumn, source.SampleColumn).Select(g => Distribution.Group(g, beta)).Where(g => g.Items.Count > 0)];
        double median = CellPictures.MedianContribution(source);
        double[] Relative(DataFrame t, string column) => [.. Columns.Numbers(t, column).Select(v => v - median)];
        bool sure = source.CellTypes is { } with && with.Contains("mean_lower") && with.Contains("mean_upper");
        ReportTable? table = source.CellTypes is not { } t ? null : new ReportTable(
        [
            ReportColumn.Of("cell_type", "cell type", t.Index),
            ReportColumn.Of("cells", "cells", Columns.Numbers(t, "cells"), ColumnFormat.Integer),
            ReportColumn.Of("share_of_reference", "of the reference", Columns.Numbers(t, "share_of_reference"), ColumnFormat.Percent, "Share of the single cells that are of this type."),
            ReportColumn.Of("share_of_patients", "of the patients", Columns.Numbers(t, "share_of_patients"), ColumnFormat.Percent, "Mean estimated share of this type in the patients' bulk samples."),
            ReportColumn.Of("mean_relative", "mean contribution", Relative(t, "mean"), help: $"Relative to the median cell. Higher: {meaning.Higher}."),
            .. !sure ? [] : new[]
            {
                ReportColumn.Of("mean", "against the average", Columns.Numbers(t, "mean"), help: "Mean contribution relative to the average cell of the average patient."),
                ReportColumn.Of("mean_lower", "95 % from", Columns.Numbers(t, "mean_lower"), help: "Lower end of the interval of the column before."),
                ReportColumn.Of("mean_upper", "to", Columns.Numbers(t, "mean_upper"), help: "Upper end of that interval."),
            },
            ReportColumn.Of("median_relative", "median", Relative(t, "median"), help: "Relative to the median cell."),
            ReportColumn.Of("sd", "sd of the cells", Columns.Numbers(t, "sd"), help: "How much the cells of the type differ among each other."),
            // Where there are intervals over patients, a test over cells only misleads.
            .. sure ? [] : (ReportColumn[])[ReportColumn.Of("q", "q", Columns.Numbers(t, "q"), ColumnFormat.Probability, "Test of the cells of this type against all others, adjusted for the number of types. Cells are not independent: read it as an order of magnitude.")],
        ]);
        NamedIntervals? intervals = table is null || !sure ? null : new NamedIntervals(Intervals(source.CellTypes!), "contribution relative to the average cell of the average patient",
            $"Mean of each cell type with its 95 % interval: how well the patients determine it. To the right: {meaning.Higher}. An interval that crosses the dashed line leaves open on which side of the average the type is. The zero is another one than above, where cells are compared with the median cell.");
        return new ContributionSection("contribution relative to the median cell", 0, groupings, table, $"To the right: {meaning.Higher}.{(LearnedFromAll(source) is { } all ? $" {all}" : "")}", intervals);
    }

    /// <summary>Says so where contributions were learned from patients whose predictions came from a fit without them; null otherwise.</summary>
    private static string? LearnedFromAll(ScSurvReportSource source)
    {
        double? from = source.Metrics["dimensions"]?["contribution_patients"]?.GetValue<double>();
        return from == source.Patients.Length && source.Patients.Contains("split") && Columns.Texts(source.Patients, "split").Contains("test")
            ? $"Contributions were learned from all {from:0} patients; what is said of held-out patients comes from a fit without them." : null;
    }

    private static NamedInterval[] Intervals(DataFrame t)
    {
        double[] mean = Columns.Numbers(t, "mean"), lower = Columns.Numbers(t, "mean_lower"), upper = Columns.Numbers(t, "mean_upper");
        return [.. Enumerable.Range(0, t.Length).Where(i => double.IsFinite(lower[i] + upper[i])).OrderByDescending(i => mean[i]).Select(i => new NamedInterval(t.Index[i], new Interval(mean[i], lower[i], upper[i])))];
    }

    private static GeneSection Genes(ScSurvReportSource source, OutcomeMeaning meaning)
    {
        DataFrame g = source.Genes;
        ReportColumn Numbers(string key, string title, ColumnFormat format, string help) => ReportColumn.Of(key, title, Columns.Numbers(g, key), format, help);
        return new GeneSection
        {
            Table = new ReportTable(
            [
                ReportColumn.Of("gene", "gene", g.Index),
                Numbers("pearson", "correlation", ColumnFormat.Number, $"Pearson correlation over cells of the gene's decoded rate with the contribution. Positive: {meaning.Higher}."),
                Numbers("pearson_q", "q", ColumnFormat.Probability, "Adjusted for the number of genes (Benjamini-Hochberg)."),
                Numbers("spearman", "rank correlation", ColumnFormat.Number, "Spearman correlation of the same."),
                Numbers("spearman_q", "q of ranks", ColumnFormat.Probability, "Adjusted for the number of genes."),
                Numbers("mean_rate", "mean rate", ColumnFormat.Number, "Mean decoded rate over cells, relative to the mean count per gene of a cell."),
            ]),
            Title = meaning.IsSurvival ? "Prognostic genes" : "Genes",
            ColorLabel = meaning.IsSurvival ? "correlation: negative = favourable, positive = adverse" : $"correlation: positive = {Clip(meaning.Higher)}",
            NameColumn = "gene",
            XColumn = "mean_rate",
            XLabel = "mean rate over cells",
            XLogarithmic = true,
            YColumn = "pearson",
            YLabel = "correlation with the contribution",
            QColumn = "pearson_q",
            Note = "Each point is a gene. Correlations are over cells, which share patients and types: q values tell genes apart, they are not evidence over patients. Click a point to find the gene in the table.",
        };
    }

    private static List<TrainingStage>? Training(ScSurvReportSource source)
    {
        if (source.History is not { Length: > 0 } h) return null;
        double[] epoch = Columns.Numbers(h, "epoch"), loss = Columns.Numbers(h, "training_loss"), validation = Columns.Numbers(h, "validation"), mean = Columns.Numbers(h, "running_mean");
        JsonArray stages = source.Metrics["stages"] as JsonArray ?? [];
        return [.. Enumerable.Range(0, h.Length).GroupBy(i => h.Index[i]).Select(rows =>
        {
            JsonNode? summary = stages.FirstOrDefault(s => s?["name"]?.ToString() == rows.Key);
            bool hazard = rows.Key == "hazard";
            return new TrainingStage
            {
                Name = rows.Key,
                Title = rows.Key switch { "cells" => "Single cells", "bulk" => "Bulk cohort", "spots" or "spatial" => "Tissue section", "hazard" => "Hazard", var other => other },
                LossLabel = hazard ? "partial likelihood loss" : "loss",
                ValidationLabel = hazard ? "validation concordance" : "loss",
                Seconds = summary?["seconds"]?.GetValue<double>(),
                BestEpoch = summary?["best_epoch"]?.GetValue<int>(),
                Epoch = Take(epoch, rows),
                Loss = Take(loss, rows),
                Validation = Take(validation, rows),
                RunningMean = Take(mean, rows),
            };
        })];

        static double[] Take(double[] values, IEnumerable<int> rows) => [.. rows.Select(i => values[i])];
    }

    private static RunSection Run(ScSurvReportSource source)
    {
        JsonObject m = source.Metrics;
        var facts = new List<Fact> { new("program", $"cellcast {m["version"]}"), new("model", "scSurv"), new("protocol", Protocol(m["protocol"]?.ToString())), new("seed", m["seed"]?.ToString() ?? "") };
        foreach (var (name, value) in m["dimensions"] as JsonObject ?? [])
            if (name != "contribution_patients" && value?.ToString() is not (null or "0")) facts.Add(new(name, value?.GetValueKind() == System.Text.Json.JsonValueKind.Number ? value.GetValue<double>().ToString("#,0", CultureInfo.InvariantCulture) : ""));
        if (LearnedFromAll(source) is { } all) facts.Add(new("contributions", all));
        foreach (JsonNode? s in m["stages"] as JsonArray ?? []) facts.Add(new($"stage {s?["name"]}", string.Create(CultureInfo.InvariantCulture, $"{s?["epochs"]} epochs, {s?["steps"]} steps, {s?["seconds"]?.GetValue<double>():0.0} s")));
        foreach (var (name, value) in m["correlation"] as JsonObject ?? [])
            if (value is not null) facts.Add(new($"fit of {name}", string.Create(CultureInfo.InvariantCulture, $"median correlation over genes {value.GetValue<double>():0.000}")));
        List<FileRecord> files = [.. InputFiles.Records(m)];
        if (files.Count == 0)
            files = [.. source.Settings.Where(s => Path.IsPathRooted(s.Value)).Select(s => new FileRecord(s.Key.TrimStart('-'), InputFiles.NameOf(s.Value), null, null, "hash not recorded by the run"))];
        return new RunSection
        {
            Facts = facts,
            Options = [.. source.Settings.Where(s => s.Value.Length > 0).Select(s => new Fact(s.Key, Path.IsPathRooted(s.Value) ? InputFiles.NameOf(s.Value) : s.Value))],
            Files = files,
            Warnings = [.. (m["warnings"] as JsonArray ?? []).Select(w => WithoutFolders(w?.ToString() ?? "", source.Settings))],
        };
    }

    private static string Clip(string text) => text.Length <= 40 ? text : text[..39] + "…";

    private static string WithoutFolders(string text, IReadOnlyDictionary<string, string> settings)
    {
        foreach (string path in settings.Values)
            if (Path.IsPathRooted(path)) text = text.Replace(path, InputFiles.NameOf(path), StringComparison.Ordinal);
        return text;
    }

    private static string Protocol(string? name) => name switch
    {
        "heldout" or "held_out" => "held out: test patients are kept out of gene selection and of every training stage",
        "transductive" => "transductive: counts (not the survival) of the test patients take part in the training",
        _ => name ?? "",
    };
}
