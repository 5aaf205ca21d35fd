using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Cli.Hosting;
using Cellcast.Models.Benchmark;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Simulation;
using Cellcast.Tensors;
using Spectre.Console;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary><c>cellcast scsurv benchmark</c>: how right each method is on cohorts whose answer is known.</summary>
internal sealed class ScSurvBenchmarkCommand : CellcastCommand
{
    private static readonly BenchmarkGrid s_default = new();
    private static readonly ScSurvOptions s_options = new();

    private readonly Option<string?> _from = new("--from") { Description = "Mix the cohorts from the cells of this file (raw counts, labelled) instead of simulating cells.", HelpName = "FILE" };
    private readonly Option<string?> _label = new("--label") { Description = "With --from: column of obs with the cell types.", HelpName = "COLUMN" };
    private readonly Option<string?> _batch = new("--batch") { Description = "With --from: column of obs with the samples.", HelpName = "COLUMN" };
    private readonly Option<string> _patients = ListOption.Create("--patients", "Sizes of the cohorts.", s_default.Patients.Select(v => (double)v));
    private readonly Option<string> _events = ListOption.Create("--events", "Shares of patients with an observed event.", s_default.EventShares);
    private readonly Option<string> _types = ListOption.Create("--types", "Numbers of simulated cell types.", s_default.Types.Select(v => (double)v));
    private readonly Option<string> _platform = ListOption.Create("--platform", "Efficiency of genes differs between bulk and cells: on, off, or sd of its logarithm.", ["on"]);
    private readonly Option<string> _batchEffects = ListOption.Create("--batch-effects", "Efficiency of genes differs between the samples of cells: on, off, or sd of its logarithm.", ["on"]);
    private readonly Option<string> _missing = ListOption.Create("--missing-types", "Numbers of cell types that the reference lacks.", s_default.MissingTypes.Select(v => (double)v));
    private readonly Option<string> _effects = ListOption.Create("--effects", "Sds of the log hazard that the cells explain; 0 for no signal.", s_default.Effects);
    private readonly Option<int> _seeds = NumberOptions.Whole("--seeds", "Seeds, from --seed on.", 3);
    private readonly Option<string> _methods = ListOption.Create("--methods", $"Methods: {string.Join(", ", BenchmarkMethods.All.Select(m => m.Name))}.", BenchmarkMethods.All.Select(m => m.Name));
    private readonly Option<int> _cells = NumberOptions.Whole("--cells", "Simulated cells of the reference.", s_default.Base.Cells);
    private readonly Option<int> _genes = NumberOptions.Whole("--genes", "Simulated genes; with --from, the most variable genes to use.", s_default.Base.Genes);
    private readonly Option<int> _gradientTypes = new("--gradient-types") { Description = "Types with an inner gradient that the contribution follows.", HelpName = "N", DefaultValueFactory = _ => s_default.Base.GradientTypes };
    private readonly Option<double> _cellsApart = new("--cells-apart") { Description = "With --from: share of the cells of every type that patients are mixed from and that the reference then lacks; 0 for the reference's own cells.", HelpName = "N", DefaultValueFactory = _ => 0.5 };
    private readonly Option<int> _testPatients = NumberOptions.Whole("--test-patients", "Further patients, for the held-out concordance.", s_default.TestPatients);
    private readonly Option<int> _maxEpochs = NumberOptions.Whole("--max-epochs", "Most epochs of a training stage.", s_options.MaxEpochs);
    private readonly Option<bool> _quick = new("--quick") { Description = "A small grid of a few minutes; options that are given change it." };

    public ScSurvBenchmarkCommand() : base("benchmark", "Simulate cohorts with a known answer, fit them with every method, compare.", OutputKind.ResumableFolder, usesSeed: true)
    {
        foreach (Option o in (Option[])[_from, _label, _batch, _patients, _events, _types, _platform, _batchEffects, _missing, _effects, _seeds, _methods, _cells, _genes, _gradientTypes, _cellsApart, _testPatients, _maxEpochs, _quick])
            Options.Add(o);
        AddExample("cellcast scsurv benchmark --quick --out benchmark", "a small grid, a few minutes");
        AddExample("cellcast scsurv benchmark --from tumour.h5ad --label cell_type --batch donor --patients 100,300 --events 0.5 --out benchmark", "cohorts mixed from real cells");
    }

    protected internal override void Run(CommandContext context)
    {
        if (context.Resume && context.Directory.IsComplete)
        {
            context.Log.Info("the run in this folder is complete: nothing to resume.");
            return;
        }
        ParseResult a = context.Arguments;
        string? from = a.GetValue(_from);
        if (from is null)
        {
            foreach (Option option in (Option[])[_label, _batch, _cellsApart])
                if (Given(a, option)) throw new UsageException($"{option.Name} belongs to --from: name the file of cells too.");
        }
        else
        {
            if (a.GetValue(_label) is null) throw new UsageException("--from needs --label, the column of obs with the cell types.");
            foreach (Option option in (Option[])[_types, _batchEffects, _cells])
                if (Given(a, option)) throw new UsageException($"{option.Name} describes simulated cells: with --from the cells are those of the file.");
        }
        BenchmarkGrid grid = Grid(a, context.Seed, from is not null);
        if (grid.Problem(from is null) is { } problem) throw new UsageException("--" + OwnName(problem));
        BenchmarkMethod[] methods = [.. ListOption.Words(a, _methods).Select(Method)];
        BenchmarkReference? reference = from is null ? null : new BenchmarkReference(Read(context, from), a.GetValue(_label)!, a.GetValue(_batch));

        var options = new ScSurvOptions { MaxEpochs = a.GetValue(_maxEpochs), Genes = from is null ? int.MaxValue : Given(a, _genes) ? a.GetValue(_genes) : s_options.Genes };
        var store = new CaseFiles(Path.Combine(context.Directory.CheckpointFolder, "cohorts"));
        using var device = new CpuDevice(context.Threads);
        context.Log.Info($"{grid.Cases().Count()} cohorts, {methods.Length} methods: {string.Join(", ", methods.Select(BenchmarkMethods.Name))}");
        IReadOnlyList<BenchmarkScore> scores = AccuracyBenchmark.Run(device, grid, reference, methods, options, store, context.Threads, context.Progress, context.Cancellation);

        IReadOnlyList<BenchmarkSummary> summary = BenchmarkTables.Summarize(scores);
        BenchmarkTables.Results(scores).Write(context.Directory.File("results.csv"));
        BenchmarkTables.Types(scores).Write(context.Directory.File("types.csv"));
        BenchmarkTables.Summary(summary).Write(context.Directory.File("summary.csv"));
        BenchmarkTables.Times(scores).Write(context.Directory.File("times.csv"));
        Show(context, scores, summary);
        context.Result["cohorts"] = scores.Select(s => s.Case).Distinct().Count();
        context.Result["failed"] = scores.Count(s => s.Note.Length > 0);
    }

    private BenchmarkGrid Grid(ParseResult a, long seed, bool fromFile)
    {
        BenchmarkGrid start = a.GetValue(_quick) ? BenchmarkGrid.Quick : s_default;
        IReadOnlyList<T> Axis<T>(Option<string> option, IReadOnlyList<T> otherwise, Func<double, T> convert) =>
            Given(a, option) ? [.. ListOption.Words(a, option).Select(w => convert(ListOption.Number(option, w)))] : otherwise;
        int Whole(double value) => value == Math.Floor(value) && Math.Abs(value) < 1e6 ? (int)value : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"{value} is no whole number: patients and types are counted."));
        return start with
        {
            Patients = Axis(_patients, start.Patients, Whole),
            EventShares = Axis(_events, start.EventShares, v => v),
            Types = fromFile ? [s_default.Base.Types] : Axis(_types, start.Types, Whole),
            PlatformEffects = Given(a, _platform) ? [.. ListOption.Words(a, _platform).Select(w => Switch(_platform, w, s_default.Base.PlatformEffect))] : start.PlatformEffects,
            BatchEffects = fromFile ? [0] : Given(a, _batchEffects) ? [.. ListOption.Words(a, _batchEffects).Select(w => Switch(_batchEffects, w, s_default.Base.BatchEffect))] : start.BatchEffects,
            MissingTypes = Axis(_missing, start.MissingTypes, Whole),
            Effects = Axis(_effects, start.Effects, v => v),
            Seeds = [.. Enumerable.Range(0, a.GetValue(_seeds)).Select(i => seed + i)],
            TestPatients = Given(a, _testPatients) ? a.GetValue(_testPatients) : start.TestPatients,
            Base = start.Base with
            {
                Cells = Given(a, _cells) ? a.GetValue(_cells) : start.Base.Cells,
                Genes = Given(a, _genes) ? a.GetValue(_genes) : start.Base.Genes,
                GradientTypes = Given(a, _gradientTypes) ? a.GetValue(_gradientTypes) : start.Base.GradientTypes,
                CellsApart = fromFile ? a.GetValue(_cellsApart) : 0,
            },
        };
    }

    private static void Show(CommandContext context, IReadOnlyList<BenchmarkScore> scores, IReadOnlyList<BenchmarkSummary> summary)
    {
        (string Name, Func<BenchmarkCase, object> Of)[] axes =
        [
            ("patients", c => c.Patients), ("events", c => c.EventShare), ("types", c => c.Types), ("platform", c => c.PlatformEffect),
            ("batch", c => c.BatchEffect), ("missing", c => c.MissingTypes), ("effect", c => c.Effect),
        ];
        // Only what differs between the cohorts is worth a column.
        var shown = axes.Where((x, i) => i < 2 || summary.Select(s => x.Of(s.Case)).Distinct().Count() > 1).ToArray();
        var seconds = scores.GroupBy(s => (s.Case with { Seed = 0 }, s.Method)).ToDictionary(g => g.Key, g => g.Where(s => double.IsFinite(s.Seconds)).Select(s => s.Seconds).DefaultIfEmpty(double.NaN).Average());
        var table = new Table().Border(TableBorder.Simple).Title("mean (sd over seeds)");
        table.AddColumns([.. shown.Select(x => x.Name), "method", "r types", "r cells", "r within", "r shares", "concordance", "less oracle's", "seconds"]);
        foreach (BenchmarkSummary s in summary)
            table.AddRow([.. shown.Select(x => Convert.ToString(x.Of(s.Case), CultureInfo.InvariantCulture)!), s.Method + (s.Failed > 0 ? $" ({s.Failed} too small)" : ""),
                .. ((int[])[0, 1, 2, 3, 4, 6]).Select(m => Value(s, m)), Text(seconds[(s.Case with { Seed = 0 }, s.Method)], "0.0")]);
        context.Output.Write(table);
    }

    private static string Value(BenchmarkSummary s, int measure) =>
        double.IsNaN(s.Mean[measure]) ? "-" : Text(s.Mean[measure], "0.00") + (double.IsNaN(s.Deviation[measure]) ? "" : $" ({Text(s.Deviation[measure], "0.00")})");

    private static string Text(double value, string format) => double.IsNaN(value) ? "-" : value.ToString(format, CultureInfo.InvariantCulture);

    /// <summary>Problems of a simulation name its parameters, some of which have another name here.</summary>
    private static string OwnName(string problem)
    {
        foreach (var (parameter, option) in ((string, string)[])[("event-share ", "events "), ("effect ", "effects "), ("platform-effect ", "platform "), ("batch-effect ", "batch-effects ")])
            if (problem.StartsWith(parameter, StringComparison.Ordinal)) return option + problem[parameter.Length..];
        return problem;
    }

    private static AnnotatedData Read(CommandContext context, string path)
    {
        context.Log.Info($"reading {path}");
        AnnotatedData data = H5adFile.Read(path, H5adReadOptions.WithoutRest with { Threads = context.Threads });
        foreach (string warning in data.Warnings) context.Log.Warning(warning);
        return data;
    }

    private static BenchmarkMethod Method(string word) => BenchmarkMethods.All.FirstOrDefault(m => m.Name.Equals(word, StringComparison.OrdinalIgnoreCase)) is { Name: not null } found
        ? found.Method
        : throw new UsageException($"--methods knows {string.Join(", ", BenchmarkMethods.All.Select(m => m.Name))}, not '{word}'.");

    private static double Switch(Option<string> option, string word, double on) => word.ToLowerInvariant() switch
    {
        "on" => on,
        "off" => 0,
        _ => ListOption.Number(option, word),
    };

    private static bool Given(ParseResult a, Option option) => a.GetResult(option) is { Implicit: false };

    /// <summary>Finished cohorts as JSON files of the run's checkpoint.</summary>
    private sealed class CaseFiles(string folder) : IBenchmarkStore
    {
        private static readonly JsonSerializerOptions s_json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

        public IReadOnlyList<BenchmarkScore>? Load(BenchmarkCase which)
        {
            string path = PathOf(which);
            if (!File.Exists(path)) return null;
            try { return JsonSerializer.Deserialize<BenchmarkScore[]>(File.ReadAllText(path), s_json); }
            catch (JsonException e) { throw new InputException($"'{path}': the finished cohort cannot be read ({e.Message.TrimEnd('.')}); delete the file and resume again.", e); }
        }

        public void Save(BenchmarkCase which, IReadOnlyList<BenchmarkScore> scores)
        {
            Directory.CreateDirectory(folder);
            AtomicFile.WriteText(PathOf(which), JsonSerializer.Serialize(scores, s_json));
        }

        private string PathOf(BenchmarkCase which) => Path.Combine(folder, which.Name + ".json");
    }
}
