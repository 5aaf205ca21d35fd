using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cellcast.Reports;

/// <summary>The same results as custom content of MultiQC, which collects all files that end in <c>_mqc.json</c>.</summary>
public static class MultiQc
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.Default };

    private const int MostPooledRows = 50;
    private const string Diverging = "RdBu-rev";

    /// <summary>File names and their contents. The sample is the report's title.</summary>
    public static IReadOnlyList<(string Name, string Json)> Sections(ReportData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        var files = new List<(string, string)>();
        string sample = data.Title;
        if (data.Patients is { } patients)
        {
            General(data, patients, sample, files);
            PatientPart first = patients.Parts[0];
            Add(files, "survival", "Survival by risk group", $"Kaplan-Meier curves, {first.Title.ToLowerInvariant()}.", "linegraph",
                new JsonObject { ["id"] = "cellcast_survival_plot", ["title"] = $"cellcast: survival, {first.Title.ToLowerInvariant()}", ["xlab"] = patients.TimeLabel, ["ylab"] = "share surviving", ["ymin"] = 0, ["ymax"] = 1 },
                Curves(first.Curves.Select(c => ($"{sample}, {c.Label}", Steps(c)))));
        }
        if (data.Patients is null && data.Outcome is null) General(data, sample, files);
        if (data.Outcome is { } outcome) Outcome(data, outcome, sample, files);
        if (data.Evaluation is { } evaluation) Evaluation(evaluation, sample, files);
        foreach (PooledKind kind in data.Pooled?.Kinds ?? [])
        {
            var rows = new JsonObject();
            foreach (Forest f in kind.Forests.OrderByDescending(f => f.Called).ThenByDescending(f => Math.Abs(f.Mean.Value)).Take(MostPooledRows))
                rows[f.Name] = new JsonObject { ["mean"] = Rounded(f.Mean.Value), ["lower"] = Rounded(f.Mean.Lower), ["upper"] = Rounded(f.Mean.Upper), ["cohorts"] = f.Cohorts.Count, ["called"] = f.Called ? (f.Mean.Value > 0 ? "adverse" : "favourable") : "" };
            if (rows.Count > 0)
                Add(files, "pooled_" + Safe(kind.Title), $"Cohorts: {kind.Title.ToLowerInvariant()}", $"Mean over cohorts, 95 % interval: {kind.Label}. Above 0: adverse.", "table",
                    new JsonObject { ["id"] = $"cellcast_pooled_{Safe(kind.Title)}_table", ["title"] = $"cellcast: {kind.Title.ToLowerInvariant()} over cohorts", ["col1_header"] = kind.Title }, rows, headers: PooledColumns(kind));
        }
        if (data.Contributions is { Groupings: [var grouping, ..] })
        {
            var row = new JsonObject();
            foreach (Distribution d in grouping.Items) row[d.Label] = Math.Round(d.Median, 6);
            Add(files, "cell_types", "Contribution of cell types", $"Median contribution of the cells of each type. {data.Contributions.Note.Replace("To the right", "Higher", StringComparison.Ordinal)}", "table",
                new JsonObject { ["id"] = "cellcast_cell_types_plot", ["title"] = "cellcast: contribution of cell types", ["format"] = "{:,.3f}", ["scale"] = Diverging, ["shared_key"] = "cellcast_contribution" },
                new JsonObject { [sample] = row });
        }
        foreach (TrainingStage s in data.Training ?? [])
            Add(files, "training_" + Safe(s.Name), $"Training: {s.Title}", $"{Capital(s.LossLabel)} by epoch.", "linegraph",
                new JsonObject { ["id"] = $"cellcast_training_{Safe(s.Name)}_plot", ["title"] = $"cellcast: training, {s.Title}", ["xlab"] = "epoch", ["ylab"] = s.LossLabel },
                Curves([($"{sample}, training", s.Epoch.Zip(s.Loss)), .. s.LossLabel == s.ValidationLabel ? new[] { ($"{sample}, validation", s.Epoch.Zip(s.Validation)) } : []]));
        foreach (TrainingRuns t in data.TrainingRuns ?? [])
            Add(files, "training_" + Safe(t.YLabel), $"Training: {t.YLabel}", $"{Capital(t.YLabel)} by epoch, one line per training.", "linegraph",
                new JsonObject { ["id"] = $"cellcast_training_{Safe(t.YLabel)}_plot", ["title"] = $"cellcast: training, {t.YLabel}", ["xlab"] = "epoch", ["ylab"] = t.YLabel },
                Curves(t.Runs.Select(r => ($"{sample}, {r.Name}", r.Epoch.Zip(r.Values)))));
        return files;
    }

    /// <summary>Columns of the general statistics for what has neither patients nor an outcome.</summary>
    private static void General(ReportData data, string sample, List<(string, string)> files)
    {
        var row = new JsonObject();
        var headers = new JsonArray();
        void Column(string key, string title, string description, double value, string format, double? max = null)
        {
            if (!double.IsFinite(value)) return;
            row[key] = Math.Round(value, 6);
            var header = new JsonObject { ["title"] = title, ["description"] = description, ["min"] = 0, ["format"] = format };
            if (max is not null) header["max"] = max;
            headers.Add(new JsonObject { [key] = header });
        }
        if (data.Evaluation?.Robustness is { Models: [var model, ..] } r)
            for (int k = 0; k < model.X.Count; k++)
                Column(FormattableString.Invariant($"macro_f1_{model.X[k] * 100:0}_removed"), FormattableString.Invariant($"F1 {model.X[k]:P0} removed"), $"{r.YLabel} of {model.Name}, {r.XLabel} {model.X[k].ToString(CultureInfo.InvariantCulture)}", model.Mean[k], "{:,.3f}", 1);
        else if (data.Evaluation?.Summary?.Columns.FirstOrDefault(c => c.Key == "macro_f1")?.Numbers is [var f1, ..])
            Column("macro_f1", "Macro-F1", "Mean F1 over cell types, held-out cells", f1, "{:,.3f}", 1);
        if (data.Quality is { } quality)
            foreach (QualityMetric m in quality.Metrics)
                if (m.Median is { } median) Column("median_" + Safe(m.Name), m.Name, $"Median of the cells: {m.Label}", median, "{:,.1f}");
        if (data.Markers?.Clusters?.Columns[0] is { } clusters) Column("clusters", "Clusters", "Clusters of cells", clusters.Text?.Length ?? clusters.Numbers!.Length, "{:,.0f}");
        if (data.Cells is { } cells) Column("cells", Capital(cells.Kind), Capital(cells.Kind), cells.Count, "{:,.0f}");
        General(files, headers, row, sample);
    }

    private static void General(ReportData data, PatientSection patients, string sample, List<(string, string)> files)
    {
        var row = new JsonObject();
        var headers = new JsonArray();
        foreach (PatientPart p in patients.Parts)
        {
            if (p.Concordance is not { } c) continue;
            row["concordance_" + p.Key] = Math.Round(c.Value, 6);
            headers.Add(new JsonObject { ["concordance_" + p.Key] = new JsonObject { ["title"] = "C " + p.Key, ["description"] = "Concordance, " + p.Title.ToLowerInvariant(), ["min"] = 0, ["max"] = 1, ["format"] = "{:,.3f}" } });
        }
        Count(row, headers, "patients", "Patients", patients.Parts[^1].Patients);
        if (data.Cells is { } cells) Count(row, headers, "cells", "Cells", cells.Count);
        General(files, headers, row, sample);
    }

    private static void Outcome(ReportData data, OutcomeSection outcome, string sample, List<(string, string)> files)
    {
        var row = new JsonObject();
        var headers = new JsonArray();
        foreach (OutcomePart p in outcome.Parts)
        {
            if (p.Score is not { } c) continue;
            string key = $"{Safe(outcome.ScoreName)}_{p.Key}";
            row[key] = Math.Round(c.Value, 6);
            headers.Add(new JsonObject { [key] = new JsonObject { ["title"] = $"{outcome.ScoreName} {p.Key}", ["description"] = $"{outcome.ScoreName} of {outcome.Name}, {p.Title.ToLowerInvariant()}", ["min"] = outcome.Binary ? 0 : -1, ["max"] = 1, ["format"] = "{:,.3f}" } });
        }
        Count(row, headers, "patients", "Patients", outcome.Parts.Sum(p => p.Patients));
        if (data.Cells is { } cells) Count(row, headers, "cells", "Cells", cells.Count);
        General(files, headers, row, sample);
        if (outcome.Parts[0].Roc is { } roc)
            Add(files, "roc", "ROC curve", $"{outcome.Name}, {outcome.Parts[0].Title.ToLowerInvariant()}.", "linegraph",
                new JsonObject { ["id"] = "cellcast_roc_plot", ["title"] = "cellcast: ROC curve", ["xlab"] = "false positive rate", ["ylab"] = "true positive rate", ["ymin"] = 0, ["ymax"] = 1 },
                Curves([(sample, roc.FalsePositive.Zip(roc.TruePositive))]));
    }

    private static void Count(JsonObject row, JsonArray headers, string key, string title, int count)
    {
        row[key] = count;
        headers.Add(new JsonObject { [key] = new JsonObject { ["title"] = title, ["description"] = title, ["min"] = 0, ["format"] = "{:,.0f}", ["scale"] = "Greys" } });
    }

    // MultiQC merges files of one id and keeps the columns of the last: only runs with the same columns may share it.
    private static void General(List<(string, string)> files, JsonArray headers, JsonObject row, string sample)
    {
        if (headers.Count == 0) return;
        string columns = string.Join('_', headers.Select(h => h!.AsObject().First().Key));
        Add(files, "general", "cellcast", "", "generalstats", headers, new JsonObject { [sample] = row }, "general_" + columns);
    }

    private static void Evaluation(EvaluationSection evaluation, string sample, List<(string, string)> files)
    {
        if (evaluation.ClassScores is { } classes)
        {
            var all = new JsonObject();
            foreach (ModelScores m in classes.Models)
            {
                var row = new JsonObject();
                foreach (var (name, value) in classes.Classes.Zip(m.Mean)) row[name] = double.IsFinite(value) ? Math.Round(value, 6) : null;
                all[$"{sample}, {m.Name}"] = row;
            }
            Add(files, "classes", "Cell types: " + classes.Name, "Of each cell type, for the model and its baselines.", "table",
                new JsonObject { ["id"] = "cellcast_classes_plot", ["title"] = "cellcast: " + classes.Name, ["min"] = 0, ["max"] = 1, ["format"] = "{:,.3f}" }, all);
        }
        if (evaluation.Robustness is { } r)
            Add(files, "robustness", "Cell types with missing genes", $"{Capital(r.YLabel)} by {r.XLabel}.", "linegraph",
                new JsonObject { ["id"] = "cellcast_robustness_plot", ["title"] = "cellcast: missing genes", ["xlab"] = r.XLabel, ["ylab"] = r.YLabel, ["ymin"] = 0, ["ymax"] = 1 },
                Curves(r.Models.Select(m => ($"{sample}, {m.Name}", m.X.Zip(m.Mean)))));
    }

    // One heading of MultiQC for all sections, so that those of a run lie together.
    private static void Add(List<(string, string)> files, string id, string name, string description, string kind, JsonNode configuration, JsonNode content, string? shared = null, JsonObject? headers = null)
    {
        var section = new JsonObject
        {
            ["id"] = "cellcast_" + (shared ?? id),
            ["parent_id"] = "cellcast",
            ["parent_name"] = "Cellcast",
            ["parent_description"] = "Patients' outcomes traced to single cells, and labels of cells. Each run has more to show in its own report.html.",
            ["section_name"] = name,
            ["description"] = description,
            ["plot_type"] = kind,
            ["pconfig"] = configuration,
        };
        if (headers is not null) section["headers"] = headers;
        section["data"] = content;
        files.Add(($"cellcast_{id}_mqc.json", Text(section)!.ToJsonString(s_json) + "\n"));
    }

    /// <summary>MultiQC takes all texts for markup, also names of samples and columns: those of files stay text.</summary>
    private static JsonNode? Text(JsonNode? node) => node switch
    {
        JsonObject o => Named(o),
        JsonArray a => new JsonArray([.. a.Select(Text)]),
        JsonValue v when v.GetValueKind() == JsonValueKind.String => JsonValue.Create(Text(v.GetValue<string>())),
        _ => node?.DeepClone(),
    };

    private static JsonObject Named(JsonObject section)
    {
        var named = new JsonObject();
        foreach (var (name, value) in section) named[Text(name)] = Text(value);
        return named;
    }

    private static string Text(string text) => text.Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);

    private static JsonObject PooledColumns(PooledKind kind)
    {
        JsonObject Effect(string title, string description) => new() { ["title"] = title, ["description"] = description, ["format"] = "{:,.3f}", ["scale"] = Diverging, ["shared_key"] = "cellcast_pooled_" + Safe(kind.Title) };
        return new JsonObject
        {
            ["mean"] = Effect("mean", kind.Label),
            ["lower"] = Effect("lower", "Lower end of the 95 % interval of the mean"),
            ["upper"] = Effect("upper", "Upper end of the 95 % interval of the mean"),
            ["cohorts"] = new JsonObject { ["title"] = "cohorts", ["description"] = "Cohorts that have it", ["format"] = "{:,.0f}", ["scale"] = false },
            ["called"] = new JsonObject { ["title"] = "called", ["description"] = "Adverse or favourable in all cohorts, whichever is left out", ["scale"] = false },
        };
    }

    private static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];

    private static JsonObject Curves(IEnumerable<(string Name, IEnumerable<(double, double)> Points)> curves)
    {
        var all = new JsonObject();
        foreach (var (name, points) in curves)
        {
            // MultiQC wants an object with the first coordinates as keys.
            var curve = new JsonObject();
            foreach (var (x, y) in points)
                if (double.IsFinite(x) && double.IsFinite(y)) curve[x.ToString("R", CultureInfo.InvariantCulture)] = y;
            all[name] = curve;
        }
        return all;
    }

    // Keys are unique: the upper end of a step stands a hair before the lower one.
    private static IEnumerable<(double, double)> Steps(SurvivalCurve c)
    {
        const double Before = 1 - 1e-9;
        double s = 1;
        yield return (0, 1);
        for (int k = 0; k < c.Time.Length; k++)
        {
            if (c.Survival[k] == s) continue;
            yield return (c.Time[k] * Before, s);
            yield return (c.Time[k], s = c.Survival[k]);
        }
        if (c.Time.Length > 0) yield return (c.Time[^1], s);
    }

    private static JsonValue? Rounded(double value) => double.IsFinite(value) ? JsonValue.Create(Math.Round(value, 6)) : null;

    private static string Safe(string name) => string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '_'));
}
