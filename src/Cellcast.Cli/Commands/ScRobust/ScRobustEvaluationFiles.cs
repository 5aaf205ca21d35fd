using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary>What <c>scrobust evaluate</c> leaves: <c>scores.csv</c> (every test of every method), <c>curves.csv</c> (means over tests against the share of removed genes), <c>classes.csv</c> (per class, all
/// tests taken together), <c>confusion.csv</c> (the same, true against called), <c>cells.csv</c> (what the model said of every test cell), <c>history.csv</c> (how it was trained in every fold),
/// <c>metrics.json</c> (settings and means) and the report.</summary>
internal static class ScRobustEvaluationFiles
{
    private const int SchemaVersion = 1;

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Means of one method at one share of removed genes.</summary>
    private sealed record Summary(string Method, double Dropout, int Tests, double MacroF1, double Sd, double WeightedF1, double Accuracy, double Auc)
    {
        /// <summary>Share of the method's macro-F1 on whole cells that is left.</summary>
        public double Kept { get; init; } = 1;
    }

    internal static void Write(CommandContext context, EvaluationResult result, ScRobustTestedCells cells, LabelledCells labelled, EvaluationOptions options, bool pretrained, bool acrossFiles)
    {
        Summary[] summaries = Summarise(result);
        Say(context, summaries);
        var calls = Calls(result);
        Scores(result).Write(context.Directory.File("scores.csv"));
        Curves(summaries).Write(context.Directory.File("curves.csv"));
        Classes(result).Write(context.Directory.File("classes.csv"));
        Confusion(calls).Write(context.Directory.File("confusion.csv"));
        CsvFile cellTable = cells.Cells(), history = cells.History();
        cellTable.Write(context.Directory.File("cells.csv"));
        history.Write(context.Directory.File("history.csv"));
        var methods = new JsonArray([.. summaries.Select(s => (JsonNode)Describe(s))]);
        IReadOnlyDictionary<string, string> settings = context.Command.Settings(context.Arguments);
        var metrics = new JsonObject
        {
            ["model"] = "scrobust",
            ["schema_version"] = SchemaVersion,
            ["version"] = CommandHost.Version,
            ["seed"] = options.Seed,
            ["start"] = pretrained ? "encoder" : "scratch",
            ["training"] = ScRobustTrainingOptions.Describe(options.Training),
            ["cells"] = labelled.Rows.Length,
            ["classes"] = new JsonArray([.. labelled.Classes.Select(c => (JsonNode)JsonValue.Create(c))]),
            ["folds"] = acrossFiles ? 1 : options.Folds,
            ["repeats"] = options.Repeats,
            ["methods"] = methods,
            ["maps"] = cells.Describe(),
            ["options"] = InputFiles.Options(settings),
        };
        InputFiles.AddTo(metrics, context, settings);
        AtomicFile.WriteText(context.Directory.File("metrics.json"), metrics.ToJsonString(s_json) + "\n");
        context.Result["methods"] = methods.DeepClone();
        ReportFiles.TryWrite(context, () => ScRobustReport.From(new ScRobustReportSource
        {
            Name = Path.GetFileName(context.Directory.FullPath),
            Scores = [.. result.Scores.Select(x => new ScRobustReportSource.Score(x.Method, x.Dropout, x.MacroF1, x.WeightedF1, x.Accuracy, x.Auc))],
            Calls = [.. calls.Select(x => new ScRobustReportSource.Call(x.Method, x.Dropout, x.True, x.Called, x.Cells))],
            Cells = cellTable.ToDataFrame(),
            History = history.ToDataFrame(),
            Metrics = JsonNode.Parse(metrics.ToJsonString())!.AsObject(),
        }));
    }

    private static Summary[] Summarise(EvaluationResult result)
    {
        Summary[] all = [.. result.Confusion.Select(c =>
        {
            FoldScore[] tests = [.. result.Scores.Where(x => x.Method == c.Method && x.Dropout == c.Dropout)];
            double mean = tests.Average(f => f.MacroF1);
            return new Summary(c.Method, c.Dropout, tests.Length, mean, tests.Length < 2 ? double.NaN : Math.Sqrt(tests.Sum(f => (f.MacroF1 - mean) * (f.MacroF1 - mean)) / (tests.Length - 1)), tests.Average(f => f.WeightedF1), tests.Average(f => f.Accuracy), tests.Average(f => f.Auc));
        })];
        return [.. all.Select(s => s with { Kept = s.MacroF1 / all.First(w => w.Method == s.Method && w.Dropout == 0).MacroF1 })];
    }

    private static CsvFile Scores(EvaluationResult result)
    {
        var s = result.Scores;
        return new CsvFile().Add("method", s.Select(x => x.Method).ToArray()).Add("dropout", s.Select(x => x.Dropout).ToArray()).Add("repeat", s.Select(x => x.Repeat).ToArray()).Add("fold", s.Select(x => x.Fold).ToArray())
            .Add("macro_f1", s.Select(x => x.MacroF1).ToArray()).Add("weighted_f1", s.Select(x => x.WeightedF1).ToArray()).Add("accuracy", s.Select(x => x.Accuracy).ToArray()).Add("auc", s.Select(x => x.Auc).ToArray());
    }

    private static CsvFile Curves(Summary[] s) => new CsvFile().Add("method", s.Select(x => x.Method).ToArray()).Add("dropout", s.Select(x => x.Dropout).ToArray())
        .Add("macro_f1", s.Select(x => x.MacroF1).ToArray()).Add("macro_f1_sd", s.Select(x => x.Sd).ToArray()).Add("kept", s.Select(x => x.Kept).ToArray())
        .Add("weighted_f1", s.Select(x => x.WeightedF1).ToArray()).Add("accuracy", s.Select(x => x.Accuracy).ToArray()).Add("auc", s.Select(x => x.Auc).ToArray());

    private static CsvFile Classes(EvaluationResult result)
    {
        var c = result.Confusion.SelectMany(x => x.Matrix.Classes.Select(k => (x.Method, x.Dropout, Class: k))).ToArray();
        return new CsvFile().Add("method", c.Select(x => x.Method).ToArray()).Add("dropout", c.Select(x => x.Dropout).ToArray()).Add("class", c.Select(x => x.Class.Label).ToArray())
            .Add("cells", c.Select(x => x.Class.Support).ToArray()).Add("precision", c.Select(x => x.Class.Precision).ToArray()).Add("recall", c.Select(x => x.Class.Recall).ToArray()).Add("f1", c.Select(x => x.Class.F1).ToArray());
    }

    private static (string Method, double Dropout, string True, string Called, int Cells)[] Calls(EvaluationResult result) =>
        [.. result.Confusion.SelectMany(c => c.Matrix.Labels.SelectMany((t, i) => c.Matrix.Labels.Select((p, j) => (c.Method, c.Dropout, t, p, c.Matrix.Counts[i, j]))))];

    private static CsvFile Confusion((string Method, double Dropout, string True, string Called, int Cells)[] pairs) => new CsvFile()
        .Add("method", pairs.Select(x => x.Method).ToArray()).Add("dropout", pairs.Select(x => x.Dropout).ToArray()).Add("true", pairs.Select(x => x.True).ToArray())
        .Add("called", pairs.Select(x => x.Called).ToArray()).Add("cells", pairs.Select(x => x.Cells).ToArray());

    private static JsonObject Describe(Summary s) => new()
    {
        ["method"] = s.Method,
        ["dropout"] = s.Dropout,
        ["macro_f1"] = s.MacroF1,
        ["macro_f1_sd"] = double.IsFinite(s.Sd) ? s.Sd : null,
        ["kept"] = double.IsFinite(s.Kept) ? s.Kept : null,
        ["weighted_f1"] = s.WeightedF1,
        ["accuracy"] = s.Accuracy,
        ["auc"] = double.IsFinite(s.Auc) ? s.Auc : null,
    };

    private static void Say(CommandContext context, Summary[] summaries)
    {
        foreach (Summary s in summaries)
            context.Log.Info(FormattableString.Invariant($"{(s.Dropout == 0 ? "all genes" : FormattableString.Invariant($"{s.Dropout:0.##} removed"))}, {s.Method}: macro-F1 {s.MacroF1:0.000}{(s.Tests < 2 ? "" : FormattableString.Invariant($" (sd {s.Sd:0.000} over {s.Tests} tests)"))}, accuracy {s.Accuracy:0.000}"));
        foreach (var at in summaries.GroupBy(s => s.Dropout))
        {
            Summary model = at.First(s => s.Method == Evaluation.Model);
            if (at.Where(s => s.Method != Evaluation.Model).MaxBy(s => s.MacroF1) is { } best && best.MacroF1 >= model.MacroF1)
                context.Log.Warning(FormattableString.Invariant($"{(at.Key == 0 ? "with all genes" : FormattableString.Invariant($"with {at.Key:0.##} of the genes removed"))}, {best.Method} is at least as good as the model ({best.MacroF1:0.000} to {model.MacroF1:0.000})."));
        }
    }
}
