using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Counts;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary><c>cellcast scrobust pretrain</c>: trains an encoder on cells without labels.</summary>
internal sealed class ScRobustPretrainCommand : CellcastCommand
{
    private static readonly PretrainingOptions s_defaults = new();
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Option<string[]> _cells = new("--cells", "-c") { Description = "Cells with raw counts or log-normalised values; several files are combined by gene name.", HelpName = "FILE...", Required = true, AllowMultipleArgumentsPerToken = true };
    private readonly Option<bool> _published = new("--published") { Description = "Train as published: overlapping views, random start, logged values, small constant steps. Options given beside it count." };
    private readonly ChoiceOption<TokenValues?> _values = new("--values", "What a gene's value is: relative to the cell's mean (usual), logged (as published) or presence, whether it is above 0 (usual for files of 0 and 1, such as accessibility peaks).",
        ("relative", TokenValues.Relative), ("logged", TokenValues.Logged), ("presence", TokenValues.Presence));
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer to use; X when left out.", HelpName = "NAME" };
    private readonly Option<bool> _upperCase = new("--uppercase") { Description = "Take gene names in upper case, which makes most mouse symbols those of their human orthologues." };
    private readonly Option<int> _minGenes = NumberOptions.Whole("--min-genes", "Genes that a cell must express to be used.", 10);
    private readonly Option<int> _layers = NumberOptions.Whole("--layers", "Transformer blocks.", s_defaults.Layers);
    private readonly Option<int> _hidden = NumberOptions.Whole("--hidden", "Columns of a cell vector.", s_defaults.Hidden, 2);
    private readonly Option<int> _heads = NumberOptions.Whole("--heads", "Attention heads; must divide --hidden.", s_defaults.Heads);
    private readonly Option<int> _genesPerView = NumberOptions.Whole("--genes-per-view", "Genes drawn for one view of a cell.", s_defaults.GenesPerView);
    private readonly Option<int> _batch = NumberOptions.Whole("--batch", "Cells per step.", s_defaults.BatchCells, 2);
    private readonly Option<int> _epochs = NumberOptions.Whole("--epochs", "Most epochs.", s_defaults.Epochs);
    private readonly Option<int> _earlyStop = NumberOptions.Whole("--early-stop", "Epochs without a lower contrastive loss of the validation cells after which training stops.", s_defaults.Patience);
    private readonly Option<double> _learningRate = NumberOptions.RealBelow("--lr", "Step size of Adam.", s_defaults.LearningRate, 1e-12, double.PositiveInfinity);
    private readonly Option<double> _dropout = NumberOptions.RealBelow("--dropout", "Share of numbers that dropout sets to 0.", s_defaults.Dropout, 0, 1);
    private readonly Option<double> _halfValue = NumberOptions.RealBelow("--half-value", "Value (log scale) at which a gene counts half of the most it can; 0: only whether it is expressed counts.", s_defaults.HalfValue, 0, double.PositiveInfinity);
    private readonly ChoiceOption<EncoderStart> _start = new("--start", "Where the embedding of the genes starts: at the principal components of the training cells, or at random.", s_defaults.Start, ("components", EncoderStart.Components), ("random", EncoderStart.Random));
    private readonly ChoiceOption<ViewSampling> _views = new("--views", "Views without common genes (disjoint), or each drawn on its own (overlapping).", s_defaults.Views, ("disjoint", ViewSampling.Disjoint), ("overlapping", ViewSampling.Overlapping));
    private readonly Option<double> _smallestView = NumberOptions.RealBelow("--smallest-view", "Smallest share of its genes that a view keeps.", s_defaults.SmallestView, 1e-3, 1.0001);
    private readonly Option<double> _smallestDepth = NumberOptions.RealBelow("--smallest-depth", "Smallest share of a cell's molecules that a view without common genes is drawn from, drawn anew for every view; 1: views are as deep as the cell.", s_defaults.SmallestDepth, 1e-3, 1.0001);
    private readonly Option<double> _neighborShare = NumberOptions.RealBelow("--neighbor-share", "Share of the cells whose second view is that of a near cell: one of each other's nearest along the principal components.", s_defaults.NeighborShare, 0, 1.0001);
    private readonly Option<int> _neighbors = NumberOptions.Whole("--neighbors", "Of how many nearest cells a near cell is one.", s_defaults.Neighbors);
    private readonly Option<double> _zeros = NumberOptions.RealBelow("--zeros", "Genes that a cell does not express among those predicted, per gene that it does.", s_defaults.Zeros, 0, 100);
    private readonly Option<double> _expressionWeight = NumberOptions.RealBelow("--expression-weight", "Weight of the expression loss; that of the contrastive loss is 1.", s_defaults.ExpressionWeight, 0, double.PositiveInfinity);
    private readonly Option<double> _temperature = NumberOptions.RealBelow("--temperature", "Divides the similarities of the contrastive loss.", s_defaults.Temperature, 1e-3, double.PositiveInfinity);
    private readonly Option<double> _warmUp = NumberOptions.RealBelow("--warm-up", "Share of the steps in which the step size rises.", s_defaults.WarmUp, 0, 1);
    private readonly Option<bool> _constant = new("--constant-lr") { Description = "Keep the step size instead of letting it fall along a cosine." };
    private readonly ChoiceOption<bool?> _map = ScRobustOptions.YesOrNo("--map", "Learn a map of the vectors that makes distances those of the expression that can be read from them, without depth, and bounds their length (true unless --published is given); embed applies it.");
    private readonly Option<int> _checkpoint = NumberOptions.Whole("--checkpoint-every", "Least seconds between two checkpoints.", 30, 0);

    public ScRobustPretrainCommand() : base("pretrain", "Train an encoder on cells without labels.", OutputKind.ResumableFolder, usesSeed: true)
    {
        foreach (Option o in (Option[])[_cells, _published, _values, _layer, _upperCase, _minGenes, _layers, _hidden, _heads, _genesPerView, _batch, _epochs, _earlyStop, _learningRate, _dropout, _halfValue, _start, _views, _smallestView, _smallestDepth, _neighborShare, _neighbors, _zeros, _expressionWeight, _temperature, _warmUp, _constant, _map, _checkpoint])
            Options.Add(o);
        AddExample("cellcast scrobust pretrain --cells cells.h5ad --out encoder", "the usual call");
        AddExample("cellcast scrobust pretrain --cells peaks.h5ad --out encoder", "accessibility peaks of single cells (0 and 1)");
        AddExample("cellcast scrobust pretrain --cells human.h5ad mouse.h5ad --uppercase --out encoder", "two species on one vocabulary");
    }

    protected internal override void Run(CommandContext context)
    {
        if (context.Resume && context.Directory.IsComplete)
        {
            context.Log.Info("the run in this folder is complete: nothing to resume.");
            return;
        }
        ParseResult a = context.Arguments;
        PretrainingOptions published = PretrainingOptions.Published;
        var options = new PretrainingOptions
        {
            Layers = a.GetValue(_layers),
            Hidden = Chosen(_hidden, published.Hidden),
            Heads = Chosen(_heads, published.Heads),
            GenesPerView = Chosen(_genesPerView, published.GenesPerView),
            BatchCells = a.GetValue(_batch),
            Epochs = Chosen(_epochs, published.Epochs),
            Patience = Chosen(_earlyStop, published.Patience),
            LearningRate = Chosen(_learningRate, published.LearningRate),
            Dropout = a.GetValue(_dropout),
            HalfValue = Chosen(_halfValue, published.HalfValue),
            Start = IsPublished(_start) ? published.Start : _start.Of(a),
            Views = IsPublished(_views) ? published.Views : _views.Of(a),
            SmallestView = Chosen(_smallestView, published.SmallestView),
            SmallestDepth = Chosen(_smallestDepth, published.SmallestDepth),
            NeighborShare = Chosen(_neighborShare, published.NeighborShare),
            Neighbors = a.GetValue(_neighbors),
            Zeros = Chosen(_zeros, published.Zeros),
            ExpressionWeight = Chosen(_expressionWeight, published.ExpressionWeight),
            Temperature = Chosen(_temperature, published.Temperature),
            WarmUp = Chosen(_warmUp, published.WarmUp),
            Cosine = !a.GetValue(_constant) && !a.GetValue(_published),
            Mapped = _map.Of(a) ?? (a.GetValue(_published) ? published.Mapped : s_defaults.Mapped),
            Seed = context.Seed,
        };
        if (options.Hidden % options.Heads != 0) throw new UsageException($"--heads {options.Heads} does not divide --hidden {options.Hidden}: choose heads that do.");

        AnnotatedData[] read = [.. a.GetValue(_cells)!.Select(f => ScRobustOptions.Read(context, f))];
        TokenValues kind = _values.Of(a) ?? (CountSummary.Of(read[0].MatrixOf(a.GetValue(_layer))).Kind == ValueKind.Binary ? TokenValues.Presence : a.GetValue(_published) ? TokenValues.Logged : TokenValues.Relative);
        var preprocessing = new CellPreprocessing { UpperCase = a.GetValue(_upperCase), Presence = kind == TokenValues.Presence, RelativeValues = kind == TokenValues.Relative };
        NormalizedCells[] files = [.. read.Select(d => NormalizedCells.From(d, preprocessing, context.Progress, a.GetValue(_layer)).WithGenes(a.GetValue(_minGenes), context.Progress))];
        CellSet cells = CellSet.From(files, GeneVocabulary.Of(files), context.Progress);
        context.Log.Info($"{cells.Count:N0} cells, {cells.Vocabulary.Genes.Count:N0} genes{(files.Length > 1 ? $" of {files.Length} files" : "")}");

        Pretraining.RequireCells(cells);

        using var device = new CpuDevice(context.Threads);
        RunDirectory directory = context.Directory;
        var checkpoint = new CheckpointFile(Path.Combine(directory.CheckpointFolder, "pretrain.safetensors"), TimeSpan.FromSeconds(a.GetValue(_checkpoint)));
        Snapshot? resume = directory.IsResumed ? checkpoint.Load() : null;
        if (resume is not null) context.Log.Info($"resuming after epoch {resume.History.Count}");
        PretrainingResult result = Pretraining.Run(device, cells, preprocessing, options, checkpoint, resume, context.Progress, context.Cancellation);

        result.Model.Save(Path.GetDirectoryName(directory.File("encoder.json"))!);
        History(result.History).Write(directory.File("history.csv"));
        JsonObject metrics = Metrics(result, options, preprocessing, cells, files);
        InputFiles.AddTo(metrics, context, a.GetValue(_cells)!.Select(f => KeyValuePair.Create(_cells.Name, Path.GetFullPath(f))));
        AtomicFile.WriteText(directory.File("metrics.json"), metrics.ToJsonString(s_json) + "\n");
        PretrainingEpoch best = result.History[result.Summary.BestEpoch - 1];
        context.Log.Info(FormattableString.Invariant($"best epoch {best.Epoch} of {result.History.Count}: contrastive loss {best.ValidationContrastive:0.0000}, expression loss {best.ValidationExpression:0.0000} on {result.ValidationCells:N0} validation cells"));
        context.Result["best"] = metrics["best"]!.DeepClone();

        // What was not given is ours or, with --published, the published setting.
        bool IsPublished(Option option) => a.GetValue(_published) && a.GetResult(option) is null or { Implicit: true };

        T Chosen<T>(Option<T> option, T asPublished) => IsPublished(option) ? asPublished : a.GetValue(option)!;
    }

    private static CsvFile History(IReadOnlyList<PretrainingEpoch> history) => new CsvFile()
        .Add("epoch", history.Select(h => h.Epoch).ToArray())
        .Add("training_contrastive", history.Select(h => h.TrainingContrastive).ToArray())
        .Add("training_expression", history.Select(h => h.TrainingExpression).ToArray())
        .Add("validation_contrastive", history.Select(h => h.ValidationContrastive).ToArray())
        .Add("validation_expression", history.Select(h => h.ValidationExpression).ToArray());

    private static JsonObject Metrics(PretrainingResult result, PretrainingOptions options, CellPreprocessing preprocessing, CellSet cells, NormalizedCells[] files)
    {
        PretrainingEpoch best = result.History[result.Summary.BestEpoch - 1];
        return new JsonObject
        {
            ["version"] = CommandHost.Version,
            ["seed"] = options.Seed,
            ["dimensions"] = new JsonObject
            {
                ["cells"] = cells.Count,
                ["training_cells"] = result.TrainingCells,
                ["validation_cells"] = result.ValidationCells,
                ["genes"] = cells.Vocabulary.Genes.Count,
                ["hidden"] = options.Hidden,
                ["heads"] = options.Heads,
                ["layers"] = options.Layers,
                ["genes_per_view"] = options.GenesPerView,
                ["batch"] = options.BatchCells,
            },
            ["mapped"] = result.Model.VectorMap is not null,
            ["values"] = (preprocessing.Presence ? TokenValues.Presence : preprocessing.RelativeValues ? TokenValues.Relative : TokenValues.Logged).ToString().ToLowerInvariant(),
            ["files"] = new JsonArray([.. files.Select(f => (JsonNode)new JsonObject { ["file"] = Path.GetFileName(f.Source), ["cells"] = f.Values.Rows })]),
            ["stages"] = new JsonArray(new JsonObject
            {
                ["name"] = result.Summary.Name,
                ["epochs"] = result.Summary.Epochs,
                ["steps"] = result.Summary.Steps,
                ["seconds"] = Math.Round(result.Summary.Seconds, 3),
                ["best"] = result.Summary.Best,
            }),
            ["best"] = new JsonObject
            {
                ["epoch"] = best.Epoch,
                ["validation_contrastive"] = (double)best.ValidationContrastive,
                ["validation_expression"] = (double)best.ValidationExpression,
            },
        };
    }

    /// <summary>What a gene's token value is.</summary>
    private enum TokenValues
    {
        Relative,
        Logged,
        Presence,
    }
}
