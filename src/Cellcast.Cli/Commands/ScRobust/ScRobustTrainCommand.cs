using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary><c>cellcast scrobust train</c>: a classifier of cells from labelled ones.</summary>
internal sealed class ScRobustTrainCommand : CellcastCommand
{
    private static readonly FineTuningOptions s_defaults = new();
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Option<string> _cells = new("--cells", "-c") { Description = "Labelled cells with raw counts or log-normalised values.", HelpName = "FILE", Required = true };
    private readonly Option<string> _label = new("--label") { Description = "Column of obs with the labels.", HelpName = "COLUMN", Required = true };
    private readonly Option<string?> _encoder = new("--encoder", "-e") { Description = "Folder with a trained encoder to start from; from scratch when left out.", HelpName = "DIR" };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer to use; X when left out.", HelpName = "NAME" };
    private readonly Option<int> _minCells = NumberOptions.Whole("--min-cells", "Cells that a class must have; smaller ones are set aside.", 5, 2);
    private readonly ScRobustTrainingOptions _training = new();
    private readonly ChoiceOption<GeneRanking> _order = ScRobustOptions.Order(s_defaults.Order);
    private readonly Option<int> _earlyStop = NumberOptions.Whole("--early-stop", "With --protocol published: epochs without a better macro-F1 of the held-out cells after which training stops.", s_defaults.Patience);
    private readonly Option<double> _dropout = NumberOptions.RealBelow("--dropout", "Share of numbers that dropout sets to 0.", s_defaults.Dropout, 0, 1);
    private readonly Option<double> _held = NumberOptions.RealBelow("--held-out", "Share of each class that chooses temperature and threshold, and with --protocol published the epoch.", s_defaults.ValidationShare, 0, 1);
    private readonly Option<int> _checkpoint = NumberOptions.Whole("--checkpoint-every", "Least seconds between two checkpoints.", 30, 0);

    public ScRobustTrainCommand() : base("train", "Train a classifier on labelled cells, from an encoder or from scratch.", OutputKind.ResumableFolder, usesSeed: true)
    {
        foreach (Option o in (Option[])[_cells, _label, _encoder, _layer, _minCells]) Options.Add(o);
        _training.AddTo(this);
        foreach (Option o in (Option[])[_order, _earlyStop, _dropout, _held, _checkpoint]) Options.Add(o);
        AddExample("cellcast scrobust train --cells labelled.h5ad --label cell_type --encoder encoder --out classifier", "fine-tune an encoder");
        AddExample("cellcast scrobust train --cells labelled.h5ad --label cell_type --out classifier", "from scratch");
        AddExample("cellcast scrobust train --cells labelled.h5ad --label cell_type --encoder encoder --protocol published --out classifier", "as published");
    }

    protected internal override void Run(CommandContext context)
    {
        if (context.Resume && context.Directory.IsComplete)
        {
            context.Log.Info("the run in this folder is complete: nothing to resume.");
            return;
        }
        ParseResult a = context.Arguments;
        FineTuningOptions options = _training.Of(a) with
        {
            Order = _order.Of(a),
            Patience = a.GetValue(_earlyStop),
            Dropout = a.GetValue(_dropout),
            ValidationShare = a.GetValue(_held),
            Seed = context.Seed,
        };
        _training.Check(a, a.GetValue(_encoder) is not null);
        if (options.ShrinkingSteps && a.GetResult(_earlyStop) is { Implicit: false }) throw new UsageException("--early-stop belongs to --protocol published: otherwise all epochs are done.");
        AnnotatedData data = ScRobustOptions.Read(context, a.GetValue(_cells)!);
        LabelledCells labelled = LabelledCells.Of(data, a.GetValue(_label)!, a.GetValue(_minCells), context.Progress);
        AnnotatedData chosen = labelled.Rows.Length == data.ObservationCount ? data : data.SelectObservations(labelled.Rows);
        var (start, cells) = Start(a, context, chosen);
        context.Log.Info($"{cells.Count:N0} cells of {labelled.Classes.Length} classes, {cells.Vocabulary.Genes.Count:N0} genes");

        using var device = new CpuDevice(context.Threads);
        RunDirectory directory = context.Directory;
        var checkpoint = new CheckpointFile(Path.Combine(directory.CheckpointFolder, "train.safetensors"), TimeSpan.FromSeconds(a.GetValue(_checkpoint)));
        Snapshot? resume = directory.IsResumed ? checkpoint.Load() : null;
        if (resume is not null) context.Log.Info($"resuming after epoch {resume.History.Count}");
        FineTuningResult result = FineTuning.Run(device, start, cells, labelled.Labels, labelled.Classes, options, checkpoint, resume, context.Progress, context.Cancellation);

        result.Annotator.Save(Path.GetDirectoryName(directory.File("classifier.json"))!);
        new CsvFile().Add("epoch", result.History.Select(h => h.Epoch).ToArray()).Add("training_loss", result.History.Select(h => h.TrainingLoss).ToArray())
            .Add("validation_macro_f1", result.History.Select(h => h.ValidationMacroF1).ToArray()).Write(directory.File("history.csv"));
        JsonObject metrics = Metrics(result, a.GetValue(_encoder), options);
        InputFiles.AddTo(metrics, context);
        AtomicFile.WriteText(directory.File("metrics.json"), metrics.ToJsonString(s_json) + "\n");
        context.Log.Info(FormattableString.Invariant($"{(options.ShrinkingSteps ? "last" : "best")} epoch {result.Summary.BestEpoch} of {result.Summary.Epochs}: macro-F1 {result.Validation.MacroF1:0.000}, accuracy {result.Validation.Accuracy:0.000} on {result.ValidationCells:N0} held-out cells{(options.ShrinkingSteps ? "" : ", which chose that epoch: test on other cells")}"));
        context.Log.Info(FormattableString.Invariant($"temperature {result.Annotator.Temperature:0.00}; below a confidence of {result.Annotator.Threshold:0.000} a cell is '{CellAnnotator.Unknown}' ({result.UnknownShare:P1} of the held-out cells)"));
        context.Result["held_out"] = metrics["held_out"]!.DeepClone();
    }

    private (ScRobustModel Start, CellSet Cells) Start(ParseResult a, CommandContext context, AnnotatedData data)
    {
        string? layer = a.GetValue(_layer);
        if (a.GetValue(_encoder) is { } folder)
        {
            ScRobustModel model = ScRobustModel.Load(folder);
            return (model, model.Read(data, context.Progress, layer));
        }
        CellPreprocessing preprocessing = _training.Preprocessing(a);
        NormalizedCells[] files = [NormalizedCells.From(data, preprocessing, context.Progress, layer)];
        var vocabulary = GeneVocabulary.Of(files);
        EncoderSize size = _training.SizeFor(vocabulary, a);
        return (FineTuning.Fresh(vocabulary, preprocessing, size, context.Seed), CellSet.From(files, vocabulary, context.Progress));
    }

    private static JsonObject Metrics(FineTuningResult result, string? encoder, FineTuningOptions options) => new()
    {
        ["version"] = CommandHost.Version,
        ["seed"] = options.Seed,
        ["start"] = encoder is null ? "scratch" : "encoder",
        ["classes"] = new JsonArray([.. result.Annotator.Classes.Select(c => (JsonNode)JsonValue.Create(c))]),
        ["training"] = ScRobustTrainingOptions.Describe(options),
        ["dimensions"] = new JsonObject
        {
            ["training_cells"] = result.TrainingCells,
            ["held_out_cells"] = result.ValidationCells,
            ["vocabulary_genes"] = result.Annotator.Model.Vocabulary.Genes.Count,
            ["genes_per_cell"] = options.Genes,
        },
        ["stages"] = new JsonArray(new JsonObject { ["name"] = result.Summary.Name, ["epochs"] = result.Summary.Epochs, ["best_epoch"] = result.Summary.BestEpoch, ["seconds"] = Math.Round(result.Summary.Seconds, 3) }),
        ["held_out"] = new JsonObject
        {
            ["macro_f1"] = result.Validation.MacroF1,
            ["weighted_f1"] = result.Validation.WeightedF1,
            ["accuracy"] = result.Validation.Accuracy,
            ["unknown"] = result.UnknownShare,
        },
        ["calibration"] = new JsonObject { ["temperature"] = result.Annotator.Temperature, ["threshold"] = result.Annotator.Threshold },
    };
}
