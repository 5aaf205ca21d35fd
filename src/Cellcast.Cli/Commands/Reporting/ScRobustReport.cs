using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.Models.ScRobust;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Turns a cross-validation of cell types into what a report shows.</summary>
internal static class ScRobustReport
{
    /// <summary>Beyond this many, matrices no longer help; the others are in <c>confusion.csv</c>.</summary>
    private const int MostConfusions = 8;

    internal static ReportData From(ScRobustReportSource source)
    {
        string[] methods = [.. source.Scores.Select(s => s.Method).Distinct().OrderBy(m => m == Evaluation.Model ? 0 : 1)];
        double[] dropouts = [.. source.Scores.Select(s => s.Dropout).Distinct().Order()];
        return new ReportData
        {
            Title = source.Name.Length == 0 ? "scRobust" : $"scRobust: {source.Name}",
            Subtitle = "How well cell types are told apart, beside simpler methods in the same tests",
            Version = source.Metrics["version"]?.ToString() ?? "",
            Summary = Summary(source, methods, dropouts),
            Cells = ScRobustCells.Section(source),
            TrainingRuns = ScRobustCells.Training(source),
            Evaluation = new EvaluationSection
            {
                Note = Note(source),
                Summary = Table(source, methods, dropouts),
                ClassScores = Classes(source, methods),
                Confusions = [.. Confusions(source, methods, dropouts)],
                Robustness = dropouts.Length < 2 ? null : new RobustnessCurves("share of expressed genes removed", "macro-F1", [.. methods.Select(m => Curve(source, m, dropouts))]),
            },
            Run = Run(source),
        };
    }

    private static ReportSummary Summary(ScRobustReportSource source, string[] methods, double[] dropouts)
    {
        var numbers = new List<Headline>();
        var findings = new List<string>();
        var cautions = new List<string>();
        int classes = (source.Metrics["classes"] as JsonArray)?.Count ?? 0;
        double clean = Mean(source, methods[0], dropouts[0]);
        foreach (double d in dropouts)
            numbers.Add(new($"Macro-F1, {ScRobustReportSource.Removed(d)}", F1(Mean(source, methods[0], d)), Of(source, methods[0], d) is { Length: > 1 } tests ? $"sd {F1(Deviation(tests))} over {tests.Length} tests" : null));
        if (source.Metrics["cells"] is { } cells) numbers.Add(new("Cells", cells.GetValue<double>().ToString("#,0", CultureInfo.InvariantCulture), $"{classes} cell types"));
        foreach (double d in dropouts)
        {
            if (methods.Length < 2) break;
            string best = methods.Skip(1).MaxBy(m => Mean(source, m, d))!;
            double ours = Mean(source, methods[0], d), theirs = Mean(source, best, d);
            findings.Add($"{(d == 0 ? "With all genes" : $"With {ScRobustReportSource.Removed(d)}")}, {methods[0]} reaches a macro-F1 of {F1(ours)}; the best of the others, {best}, {F1(theirs)}.");
            if (theirs >= ours) cautions.Add($"{(d == 0 ? "With all genes" : $"With {ScRobustReportSource.Removed(d)}")}, {best} is at least as good: the simpler method will do there.");
        }
        if (dropouts.Length > 1 && clean > 0)
            findings.Add($"With {ScRobustReportSource.Removed(dropouts[^1])}, {methods[0]} keeps {(Mean(source, methods[0], dropouts[^1]) / clean).ToString("0 %", CultureInfo.InvariantCulture)} of its macro-F1"
                + (methods.Length > 1 ? $"; {string.Join(", ", methods.Skip(1).Select(m => $"{m} {(Mean(source, m, dropouts[^1]) / Mean(source, m, dropouts[0])).ToString("0 %", CultureInfo.InvariantCulture)}"))}." : "."));
        if (Weakest(source, methods[0]) is { Length: > 0 } weak) findings.Add($"Hardest cell types: {string.Join(", ", weak.Select(w => $"{Clip(w.Class)} (F1 {F1(w.F1)})"))}.");
        cautions.Add("Labels are taken as the truth: where they are uncertain, so are these figures. Macro-F1 gives a rare cell type the weight of a common one.");
        if (source.Metrics["start"]?.ToString() == "encoder") cautions.Add("The encoder that all folds start from was trained without labels, possibly also on the test cells.");
        return new ReportSummary(numbers, findings, cautions);
    }

    private static string Note(ScRobustReportSource source)
    {
        string folds = source.Metrics["folds"]?.ToString() ?? "?", repeats = source.Metrics["repeats"]?.ToString() ?? "1";
        string how = folds == "1" ? "Trained on one file, tested on another" : $"{folds} folds" + (repeats == "1" ? "" : $", {repeats} times");
        return $"{how}. Everything that is chosen by looking at labels is chosen on training cells; genes are removed from the counts of test cells, which are then normalised as usual.";
    }

    private static ReportTable Table(ScRobustReportSource source, string[] methods, double[] dropouts)
    {
        var rows = dropouts.SelectMany(d => methods.Select(m => (Method: m, Dropout: d, Scores: Of(source, m, d)))).Where(r => r.Scores.Length > 0).ToArray();
        return new ReportTable(
        [
            ReportColumn.Of("method", "method", rows.Select(r => r.Method)),
            ReportColumn.Of("dropout", "genes removed", rows.Select(r => r.Dropout), ColumnFormat.Percent, "Share of the expressed genes of each test cell that was removed."),
            ReportColumn.Of("macro_f1", "macro-F1", rows.Select(r => r.Scores.Average(s => s.MacroF1)), help: "Mean over cell types of the harmonic mean of precision and recall; mean over tests."),
            ReportColumn.Of("macro_f1_sd", "sd", rows.Select(r => Deviation(r.Scores)), help: "Standard deviation over tests."),
            ReportColumn.Of("weighted_f1", "weighted F1", rows.Select(r => r.Scores.Average(s => s.WeightedF1))),
            ReportColumn.Of("accuracy", "accuracy", rows.Select(r => r.Scores.Average(s => s.Accuracy)), ColumnFormat.Percent),
            ReportColumn.Of("auc", "AUC", rows.Select(r => r.Scores.Average(s => s.Auc)), help: "Area under the curve, one type against another, weighted."),
        ]);
    }

    private static ClassScores? Classes(ScRobustReportSource source, string[] methods)
    {
        string[] classes = [.. source.Calls.Select(c => c.True).Distinct()];
        if (classes.Length == 0) return null;
        return new ClassScores("F1 with all genes", classes, [.. methods.Select(m =>
        {
            var f1 = ClassF1(source, m);
            return new ModelScores(m, [.. classes.Select(c => f1.GetValueOrDefault(c, double.NaN))], [.. classes.Select(_ => (double?)null)]);
        })]);
    }

    private static Dictionary<string, double> ClassF1(ScRobustReportSource source, string method)
    {
        var calls = source.Calls.Where(c => c.Method == method && c.Dropout == 0).ToArray();
        return calls.Select(c => c.True).Distinct().ToDictionary(c => c, c =>
        {
            double right = calls.Where(x => x.True == c && x.Called == c).Sum(x => x.Cells);
            return 2 * right / Math.Max(1, calls.Where(x => x.True == c).Sum(x => x.Cells) + calls.Where(x => x.Called == c).Sum(x => x.Cells));
        });
    }

    private static (string Class, double F1)[] Weakest(ScRobustReportSource source, string method) =>
        [.. ClassF1(source, method).Select(p => (p.Key, p.Value)).OrderBy(p => p.Value).Take(3)];

    private static IEnumerable<Reports.ConfusionMatrix> Confusions(ScRobustReportSource source, string[] methods, double[] dropouts)
    {
        // The model at every share of removed genes, then the others with all genes.
        var wanted = dropouts.Select(d => (Method: methods[0], Dropout: d)).Concat(methods.Skip(1).Select(m => (Method: m, Dropout: dropouts[0]))).Take(MostConfusions);
        foreach (var (method, dropout) in wanted)
        {
            var calls = source.Calls.Where(c => c.Method == method && c.Dropout == dropout).ToArray();
            string[] labels = [.. calls.Select(c => c.True).Distinct()];
            var cells = calls.ToDictionary(c => (c.True, c.Called), c => c.Cells);
            if (labels.Length > 0)
                yield return new($"{method}, {ScRobustReportSource.Removed(dropout)}", labels, [.. labels.SelectMany(t => labels.Select(p => cells.GetValueOrDefault((t, p))))]);
        }
    }

    private static RobustnessCurve Curve(ScRobustReportSource source, string method, double[] dropouts) =>
        new(method, dropouts, [.. dropouts.Select(d => Mean(source, method, d))], [.. dropouts.Select(d => Deviation(Of(source, method, d)) is var sd && double.IsFinite(sd) ? sd : (double?)null)]);

    private static RunSection Run(ScRobustReportSource source)
    {
        JsonObject m = source.Metrics;
        return new RunSection
        {
            Facts = [new("program", $"cellcast {m["version"]}"), new("model", "scRobust"), new("start", m["start"]?.ToString() == "encoder" ? "a trained encoder" : "from scratch"), new("seed", m["seed"]?.ToString() ?? ""),
                new("folds", m["folds"]?.ToString() ?? ""), new("repeats", m["repeats"]?.ToString() ?? "")],
            Options = [.. (m["options"] as JsonObject ?? []).Where(o => o.Value is not null).Select(o => new Fact(o.Key, o.Value!.ToString()))],
            Files = [.. InputFiles.Records(m)],
            Warnings = [.. (m["warnings"] as JsonArray ?? []).Select(w => w?.ToString() ?? "")],
        };
    }

    private static ScRobustReportSource.Score[] Of(ScRobustReportSource source, string method, double dropout) => [.. source.Scores.Where(s => s.Method == method && s.Dropout == dropout)];

    private static double Mean(ScRobustReportSource source, string method, double dropout) => Of(source, method, dropout) is { Length: > 0 } s ? s.Average(x => x.MacroF1) : double.NaN;

    private static double Deviation(ScRobustReportSource.Score[] scores)
    {
        if (scores.Length < 2) return double.NaN;
        double mean = scores.Average(s => s.MacroF1);
        return Math.Sqrt(scores.Sum(s => (s.MacroF1 - mean) * (s.MacroF1 - mean)) / (scores.Length - 1));
    }

    private static string F1(double v) => double.IsFinite(v) ? v.ToString("0.000", CultureInfo.InvariantCulture) : "not known";

    private static string Clip(string name) => name.Length <= 40 ? name : name[..39] + "…";
}
