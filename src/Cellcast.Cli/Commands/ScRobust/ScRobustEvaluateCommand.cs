using System.CommandLine;
using Cellcast.AnnData;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary><c>cellcast scrobust evaluate</c>: how well cell types are told apart, beside baselines in the same folds.</summary>
internal sealed class ScRobustEvaluateCommand : CellcastCommand
{
    private static readonly EvaluationOptions s_defaults = new();

    private readonly Option<string> _cells = new("--cells", "-c") { Description = "Labelled cells with raw counts or, without --dropout, log-normalised values.", HelpName = "FILE", Required = true };
    private readonly Option<string> _label = new("--label") { Description = "Column of obs with the labels.", HelpName = "COLUMN", Required = true };
    private readonly Option<string?> _encoder = new("--encoder", "-e") { Description = "Folder with a trained encoder that every fold starts from; from scratch when left out.", HelpName = "DIR" };
    private readonly Option<string?> _test = new("--test") { Description = "Test on the cells of this file instead of folds: another technology, another species.", HelpName = "FILE" };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer to use; X when left out.", HelpName = "NAME" };
    private readonly Option<int> _folds = NumberOptions.Whole("--folds", "Parts that the cells are cut into.", s_defaults.Folds, 2);
    private readonly Option<int> _repeats = NumberOptions.Whole("--repeats", "How often, each time cut anew.", s_defaults.Repeats);
    private readonly Option<string?> _dropout = ScRobustOptions.Shares("--dropout", "Also test with these shares of the expressed genes removed from the counts of the test cells.");
    private readonly ChoiceOption<bool> _baselines = new("--baselines", "Whether the baselines are trained and tested too.", true, ("true", true), ("false", false));
    private readonly Option<int> _minCells = NumberOptions.Whole("--min-cells", "Cells that a class must have; smaller ones are set aside.", 10, 4);
    private readonly ScRobustTrainingOptions _training = new();

    public ScRobustEvaluateCommand() : base("evaluate", "Cross-validate cell types, beside logistic regression, nearest centroid, k nearest neighbours and naive Bayes.", OutputKind.ResumableFolder, usesSeed: true)
    {
        foreach (Option o in (Option[])[_cells, _label, _test, _encoder, _layer, _folds, _repeats, _dropout, _baselines, _minCells]) Options.Add(o);
        _training.AddTo(this);
        AddExample("cellcast scrobust evaluate --cells labelled.h5ad --label cell_type --encoder encoder --dropout 0.5,0.8,0.9 --out evaluation", "the usual call");
        AddExample("cellcast scrobust evaluate --cells labelled.h5ad --label cell_type --protocol published --repeats 5 --out evaluation", "as published");
        AddExample("cellcast scrobust evaluate --cells human.h5ad --test mouse.h5ad --uppercase --label cell_type --out evaluation", "across species");
    }

    protected internal override void Run(CommandContext context)
    {
        if (context.Resume && context.Directory.IsComplete)
        {
            context.Log.Info("the run in this folder is complete: nothing to resume.");
            return;
        }
        ParseResult a = context.Arguments;
        string? encoder = a.GetValue(_encoder);
        int folds = a.GetValue(_folds), minimum = a.GetValue(_minCells);
        if (a.GetValue(_test) is not null && a.GetResult(_folds) is { Implicit: false }) throw new UsageException("--folds and --test exclude each other: with --test all cells of --cells are trained on.");
        if (a.GetValue(_test) is null && minimum < folds) throw new UsageException($"--min-cells {minimum} is less than --folds {folds}: every fold needs a cell of every class.");
        _training.Check(a, encoder is not null);
        var options = new EvaluationOptions
        {
            Folds = folds,
            Repeats = a.GetValue(_repeats),
            Dropout = ScRobustOptions.Shares(a.GetValue(_dropout))!,
            Seed = context.Seed,
            Baselines = _baselines.Of(a),
            Training = _training.Of(a),
        };
        CellPreprocessing preprocessing = encoder is null ? _training.Preprocessing(a) : ScRobustModel.Load(encoder).Preprocessing;
        AnnotatedData data = ScRobustOptions.Read(context, a.GetValue(_cells)!);
        LabelledCells labelled = LabelledCells.Of(data, a.GetValue(_label)!, minimum, context.Progress);
        AnnotatedData chosen = labelled.Rows.Length == data.ObservationCount ? data : data.SelectObservations(labelled.Rows);
        using var device = new CpuDevice(context.Threads);
        var store = new FoldFiles(context.Directory.CheckpointFolder, context.Directory.IsResumed);
        EvaluationResult result;
        AnnotatedData tested = chosen;
        int[] truth = labelled.Labels;
        if (a.GetValue(_test) is { } other)
        {
            (tested, truth) = ReadTest(context, other, a.GetValue(_label)!, labelled.Classes);
            result = Evaluation.Across(device, chosen, a.GetValue(_layer), labelled.Labels, labelled.Classes, tested, truth, preprocessing, Fresh, options, store, context.Threads, context.Progress, context.Cancellation);
        }
        else result = Evaluation.Run(device, chosen, a.GetValue(_layer), labelled.Labels, labelled.Classes, preprocessing, Fresh, options, store, context.Threads, context.Progress, context.Cancellation);
        var cells = new ScRobustTestedCells(tested.Obs.Index, [.. truth.Select(k => labelled.Classes[k])], labelled.Classes, result.Folds, Maps());
        ScRobustEvaluationFiles.Write(context, result, cells, labelled, options, encoder is not null, a.GetValue(_test) is not null);

        IReadOnlyList<EvaluationMap> Maps()
        {
            try
            {
                return EvaluationMaps.Of(device, encoder is null ? null : ScRobustModel.Load(encoder), NormalizedCells.From(tested, preprocessing, NoProgress.Instance, a.GetValue(_layer)), result, options.Training.Evidence, context.Seed, context.Threads, context.Cancellation);
            }
            catch (InputException e)
            {
                // The evaluation must not be lost over a picture of its cells.
                context.Log.Warning($"the test cells could not be laid out: {e.Message}");
                return [];
            }
        }

        ScRobustModel Fresh(NormalizedCells training)
        {
            if (encoder is not null) return ScRobustModel.Load(encoder);
            var vocabulary = GeneVocabulary.Of([training]);
            return FineTuning.Fresh(vocabulary, preprocessing, _training.SizeFor(vocabulary, a), context.Seed);
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
}
