using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;
using Cellcast.Tensors;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary><c>cellcast scrobust evaluate</c>: how well cell types are told apart, beside baselines in the same folds.</summary>
internal sealed class ScRobustEvaluateCommand : CellcastCommand
{
    private static readonly FineTuningOptions s_training = new();
    private static readonly EvaluationOptions s_defaults = new();
    private static readonly EncoderSize s_size = new() { Vocabulary = 0 };
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Option<string> _cells = new("--cells", "-c") { Description = "Labelled cells with raw counts or, without --dropout, log-normalised values.", HelpName = "FILE", Required = true };
    private readonly Option<string> _label = new("--label") { Description = "Column of obs with the labels.", HelpName = "COLUMN", Required = true };
    private readonly Option<string?> _encoder = new("--encoder", "-e") { Description = "Folder with a trained encoder that every fold starts from; from scratch when left out.", HelpName = "DIR" };
    private readonly Option<string?> _test = new("--test") { Description = "Test on the cells of this file instead of folds: another technology, another species.", HelpName = "FILE" };
    private readonly Option<bool> _upperCase = new("--uppercase") { Description = "From scratch: take gene names in upper case, which makes most mouse symbols those of their human orthologues." };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer to use; X when left out.", HelpName = "NAME" };
    private readonly Option<int> _folds = ScRobustOptions.Whole("--folds", "Parts that the cells are cut into.", s_defaults.Folds, 2);
    private readonly Option<int> _repeats = ScRobustOptions.Whole("--repeats", "How often, each time cut anew.", s_defaults.Repeats);
    private readonly Option<string?> _dropout = new("--dropout") { Description = "Also test with these shares of the expressed genes removed from the counts of the test cells.", HelpName = "X,X,…" };
    private readonly Option<int> _minCells = ScRobustOptions.Whole("--min-cells", "Cells that a class must have; smaller ones are set aside.", 10, 4);
    private readonly Option<int> _genes = ScRobustOptions.Whole("--genes", "Most genes of a cell.", s_training.Genes);
    private readonly Option<int> _batch = ScRobustOptions.Whole("--batch", "Cells per step.", s_training.BatchCells);
    private readonly Option<int> _epochs = ScRobustOptions.Whole("--epochs", "Most epochs.", s_training.Epochs);
    private readonly Option<double> _learningRate = ScRobustOptions.Number("--lr", "Step size of Adam.", s_training.LearningRate, 1e-12, double.PositiveInfinity);
    private readonly Option<int> _layers = ScRobustOptions.Whole("--layers", "From scratch: Transformer blocks.", s_size.Layers);
    private readonly Option<int> _hidden = ScRobustOptions.Whole("--hidden", "From scratch: columns of a cell vector.", s_size.Hidden, 2);
    private readonly Option<int> _heads = ScRobustOptions.Whole("--heads", "From scratch: attention heads; must divide --hidden.", s_size.Heads);

    public ScRobustEvaluateCommand() : base("evaluate", "Cross-validate cell types, beside logistic regression, nearest centroid and k nearest neighbours.", OutputKind.Folder, usesSeed: true)
    {
        _dropout.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && Shares(r.Tokens[0].Value) is null) r.AddError($"--dropout takes numbers above 0 and below 1 with commas between them, such as 0.5,0.8, not '{r.Tokens[0].Value}'.");
        });
        foreach (Option o in (Option[])[_cells, _label, _test, _encoder, _upperCase, _layer, _folds, _repeats, _dropout, _minCells, _genes, _batch, _epochs, _learningRate, _layers, _hidden, _heads]) Options.Add(o);
        AddExample("cellcast scrobust evaluate --cells labelled.h5ad --label cell_type --encoder encoder --dropout 0.5,0.8,0.9 --out evaluation", "the usual call");
        AddExample("cellcast scrobust evaluate --cells human.h5ad --test mouse.h5ad --uppercase --label cell_type --out evaluation", "across species");
    }

    protected internal override void Run(CommandContext context)
    {
        ParseResult a = context.Arguments;
        string? encoder = a.GetValue(_encoder);
        int folds = a.GetValue(_folds), minimum = a.GetValue(_minCells), hidden = a.GetValue(_hidden), heads = a.GetValue(_heads);
        if (a.GetValue(_test) is not null && a.GetResult(_folds) is { Implicit: false }) throw new UsageException("--folds and --test exclude each other: with --test all cells of --cells are trained on.");
        if (a.GetValue(_test) is null && minimum < folds) throw new UsageException($"--min-cells {minimum} is less than --folds {folds}: every fold needs a cell of every class.");
        if (encoder is null && hidden % heads != 0) throw new UsageException($"--heads {heads} does not divide --hidden {hidden}: choose heads that do.");
        if (encoder is not null && ((Option[])[_layers, _hidden, _heads, _upperCase]).FirstOrDefault(o => a.GetResult(o) is { Implicit: false }) is { } size)
            throw new UsageException($"{size.Name} and --encoder exclude each other: an encoder brings it along.");
        var options = new EvaluationOptions
        {
            Folds = folds,
            Repeats = a.GetValue(_repeats),
            Dropout = Shares(a.GetValue(_dropout) ?? "") ?? [],
            Seed = context.Seed,
            Training = new FineTuningOptions { Genes = a.GetValue(_genes), BatchCells = a.GetValue(_batch), Epochs = a.GetValue(_epochs), LearningRate = a.GetValue(_learningRate) },
        };
        CellPreprocessing preprocessing = encoder is null ? new CellPreprocessing { UpperCase = a.GetValue(_upperCase) } : ScRobustModel.Load(encoder).Preprocessing;
        AnnotatedData data = ScRobustOptions.Read(context, a.GetValue(_cells)!);
        LabelledCells labelled = LabelledCells.Of(data, a.GetValue(_label)!, minimum, context.Progress);
        AnnotatedData chosen = labelled.Rows.Length == data.ObservationCount ? data : data.SelectObservations(labelled.Rows);
        using var device = new CpuDevice(context.Threads);
        EvaluationResult result;
        if (a.GetValue(_test) is { } other)
        {
            var (test, truth) = ReadTest(context, other, a.GetValue(_label)!, labelled.Classes);
            result = Evaluation.Across(device, chosen, a.GetValue(_layer), labelled.Labels, labelled.Classes, test, truth, preprocessing, Fresh, options, context.Threads, context.Progress, context.Cancellation);
        }
        else result = Evaluation.Run(device, chosen, a.GetValue(_layer), labelled.Labels, labelled.Classes, preprocessing, Fresh, options, context.Threads, context.Progress, context.Cancellation);
        Write(context, result, labelled, options, encoder is not null, a.GetValue(_test) is not null);

        ScRobustModel Fresh(NormalizedCells training)
        {
            if (encoder is not null) return ScRobustModel.Load(encoder);
            var vocabulary = GeneVocabulary.Of([training]);
            return FineTuning.Fresh(vocabulary, preprocessing, new EncoderSize { Vocabulary = vocabulary.Count, Layers = a.GetValue(_layers), Hidden = hidden, Heads = heads }, context.Seed);
        }
    }

    /// <summary>The cells of another file whose class is one of those that were trained on.</summary>
    private static (AnnotatedData Data, int[] Labels) ReadTest(CommandContext context, string path, string column, string[] classes)
    {
        AnnotatedData data = ScRobustOptions.Read(context, path);
        string?[] labels = data.Obs.Require(column, path).ToText();
        int[] found = [.. labels.Select(l => l is null ? -1 : Array.BinarySearch(classes, l, StringComparer.Ordinal))];
        int[] rows = [.. Enumerable.Range(0, found.Length).Where(r => found[r] >= 0)];
        if (rows.Length == 0) throw new InputException($"'{path}', obs['{column}']: no cell is of a class that was trained on ({string.Join(", ", classes.Take(10).Select(c => $"'{c}'"))}{(classes.Length > 10 ? ", …" : "")}); give both files the same names of classes.");
        if (rows.Length < found.Length) context.Log.Info($"{path}: {found.Length - rows.Length:N0} of {found.Length:N0} cells are of no class that was trained on and are set aside.");
        return (rows.Length == found.Length ? data : data.SelectObservations(rows), [.. rows.Select(r => found[r])]);
    }

    private static void Write(CommandContext context, EvaluationResult result, LabelledCells labelled, EvaluationOptions options, bool pretrained, bool acrossFiles)
    {
        var s = result.Scores;
        new CsvFile().Add("method", s.Select(x => x.Method).ToArray()).Add("dropout", s.Select(x => x.Dropout).ToArray()).Add("repeat", s.Select(x => x.Repeat).ToArray()).Add("fold", s.Select(x => x.Fold).ToArray())
            .Add("macro_f1", s.Select(x => x.MacroF1).ToArray()).Add("weighted_f1", s.Select(x => x.WeightedF1).ToArray()).Add("accuracy", s.Select(x => x.Accuracy).ToArray()).Add("auc", s.Select(x => x.Auc).ToArray())
            .Write(context.Directory.File("scores.csv"));
        var pairs = result.Confusion.SelectMany(c => Enumerable.Range(0, c.Matrix.Labels.Count).SelectMany(t => Enumerable.Range(0, c.Matrix.Labels.Count).Select(p => (c.Method, c.Dropout, True: c.Matrix.Labels[t], Called: c.Matrix.Labels[p], Cells: c.Matrix.Counts[t, p])))).ToArray();
        new CsvFile().Add("method", pairs.Select(x => x.Method).ToArray()).Add("dropout", pairs.Select(x => x.Dropout).ToArray()).Add("true", pairs.Select(x => x.True).ToArray())
            .Add("called", pairs.Select(x => x.Called).ToArray()).Add("cells", pairs.Select(x => x.Cells).ToArray()).Write(context.Directory.File("confusion.csv"));

        var summary = result.Confusion.Select(c => (c.Method, c.Dropout, Folds: s.Where(x => x.Method == c.Method && x.Dropout == c.Dropout).ToArray())).ToArray();
        var methods = new JsonArray();
        foreach (var (method, dropout, folds) in summary)
        {
            double mean = folds.Average(f => f.MacroF1), sd = Math.Sqrt(folds.Average(f => (f.MacroF1 - mean) * (f.MacroF1 - mean)));
            context.Log.Info(FormattableString.Invariant($"{(dropout == 0 ? "all genes" : FormattableString.Invariant($"{dropout:0.##} removed"))}, {method}: macro-F1 {mean:0.000} (sd {sd:0.000} over {folds.Length} tests), accuracy {folds.Average(f => f.Accuracy):0.000}"));
            methods.Add(new JsonObject
            {
                ["method"] = method,
                ["dropout"] = dropout,
                ["macro_f1"] = mean,
                ["macro_f1_sd"] = sd,
                ["weighted_f1"] = folds.Average(f => f.WeightedF1),
                ["accuracy"] = folds.Average(f => f.Accuracy),
                ["auc"] = folds.Average(f => f.Auc) is var auc && double.IsFinite(auc) ? auc : null,
            });
        }
        foreach (double dropout in summary.Select(x => x.Dropout).Distinct())
        {
            double Of(string m) => summary.First(x => x.Method == m && x.Dropout == dropout).Folds.Average(f => f.MacroF1);
            string best = summary.Where(x => x.Dropout == dropout && x.Method != Evaluation.Model).MaxBy(x => x.Folds.Average(f => f.MacroF1)).Method;
            if (Of(best) >= Of(Evaluation.Model))
                context.Log.Warning(FormattableString.Invariant($"{(dropout == 0 ? "with all genes" : FormattableString.Invariant($"with {dropout:0.##} of the genes removed"))}, {best} is at least as good as the model ({Of(best):0.000} to {Of(Evaluation.Model):0.000})."));
        }
        IReadOnlyDictionary<string, string> settings = context.Command.Settings(context.Arguments);
        var metrics = new JsonObject
        {
            ["model"] = "scrobust",
            ["version"] = CommandHost.Version,
            ["seed"] = options.Seed,
            ["start"] = pretrained ? "encoder" : "scratch",
            ["cells"] = labelled.Rows.Length,
            ["classes"] = new JsonArray([.. labelled.Classes.Select(c => (JsonNode)JsonValue.Create(c))]),
            ["folds"] = acrossFiles ? 1 : options.Folds,
            ["repeats"] = options.Repeats,
            ["methods"] = methods,
            ["options"] = new JsonObject([.. settings.Where(o => o.Value.Length > 0).Select(o => KeyValuePair.Create(o.Key, (JsonNode?)(Path.IsPathRooted(o.Value) ? InputFiles.NameOf(o.Value) : o.Value)))]),
            ["inputs"] = InputFiles.Describe(settings, context.Cancellation),
            ["warnings"] = new JsonArray([.. context.Log.Warnings.Select(w => (JsonNode)w)]),
        };
        AtomicFile.WriteText(context.Directory.File("metrics.json"), metrics.ToJsonString(s_json) + "\n");
        context.Result["methods"] = methods.DeepClone();
        ReportFiles.TryWrite(context, () => ScRobustReport.From(new ScRobustReportSource
        {
            Name = Path.GetFileName(context.Directory.FullPath),
            Scores = [.. s.Select(x => new ScRobustReportSource.Score(x.Method, x.Dropout, x.MacroF1, x.WeightedF1, x.Accuracy, x.Auc))],
            Calls = [.. pairs.Select(x => new ScRobustReportSource.Call(x.Method, x.Dropout, x.True, x.Called, x.Cells))],
            Metrics = JsonNode.Parse(metrics.ToJsonString())!.AsObject(),
        }));
    }

    private static double[]? Shares(string text)
    {
        if (text.Length == 0) return [];
        var shares = new SortedSet<double>();
        foreach (string part in text.Split(','))
            if (double.TryParse(part, CultureInfo.InvariantCulture, out double x) && x is > 0 and < 1) shares.Add(x);
            else return null;
        return [.. shares];
    }
}
