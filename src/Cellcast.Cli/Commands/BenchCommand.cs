using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Benchmarks;
using Cellcast.AnnData.H5ad;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;
using Cellcast.Models.ScSurv;
using Cellcast.Tensors;
using Cellcast.Tensors.Benchmarks;
using Spectre.Console;

namespace Cellcast.Cli.Commands;

/// <summary><c>cellcast bench</c>: what this machine can do, and what share of it the kernels and whole training steps reach.</summary>
internal sealed class BenchCommand : CellcastCommand
{
    private enum Part
    {
        All,
        Kernels,
        ScSurv,
        ScRobust,
        Analysis,
        H5ad,
    }

    private readonly ChoiceOption<Part> _part = new("--part", "What to measure.", Part.All, ("all", Part.All), ("kernels", Part.Kernels), ("scsurv", Part.ScSurv), ("scrobust", Part.ScRobust), ("analysis", Part.Analysis), ("h5ad", Part.H5ad));
    private readonly Option<string?> _file = new("--file") { Description = "With --part h5ad: the file to read and write (to the folder for temporary files).", HelpName = "FILE" };
    private readonly Option<double> _seconds = new("--seconds") { Description = "Time for each kernel.", HelpName = "X", DefaultValueFactory = _ => 0.3 };
    private readonly Option<int> _cells = new("--cells") { Description = "Cells for the part analysis, at least 2,000.", HelpName = "N", DefaultValueFactory = _ => 20_000 };
    private readonly Option<string?> _filter = new("--kernel") { Description = "Only kernels whose name contains this.", HelpName = "TEXT" };

    public BenchCommand() : base("bench", "Measure this machine: its ceilings, the kernels, neighbours and embeddings, and whole training steps of both models.")
    {
        Options.Add(_part);
        Options.Add(_seconds);
        Options.Add(_filter);
        Options.Add(_cells);
        Options.Add(_file);
        AddExample("cellcast bench --part scsurv", "seconds per epoch of each stage at 10,000 cells x 5,000 genes, 400 patients");
    }

    protected internal override void Run(CommandContext context)
    {
        Part part = _part.Of(context.Arguments);
        int cells = context.Arguments.GetValue(_cells);
        if (cells < 2000) throw new UsageException($"--cells takes a number of at least 2,000, not {cells}.");
        if (part == Part.H5ad != context.Arguments.GetValue(_file) is not null) throw new UsageException("--part h5ad and --file go together: the file is what is read and written.");
        if (part == Part.H5ad)
        {
            Files(context);
            return;
        }
        if (part is Part.All or Part.Kernels) Kernels(context);
        if (part is Part.All or Part.Analysis) Analysis(context, cells);
        using var device = new CpuDevice(context.Threads);
        if (part is Part.All or Part.ScSurv) ScSurvEpochs(context, device);
        if (part is Part.All or Part.ScRobust) ScRobustSteps(context, device);
    }

    private void Kernels(CommandContext context)
    {
        string text = context.Arguments.GetValue(_filter) ?? "";
        int[] threads = context.Threads > 1 ? [1, context.Threads] : [1];
        KernelReport report = KernelBenchmarks.Run(threads, context.Arguments.GetValue(_seconds), c => c.Name.Contains(text, StringComparison.OrdinalIgnoreCase), cancellation: context.Cancellation);
        context.Output.Profile.Out.Writer.WriteLine(report.ToTable());
        context.Result["kernels"] = JsonNode.Parse(report.ToJson());
    }

    private static void Analysis(CommandContext context, int cells)
    {
        IReadOnlyList<StepTiming> timings = EmbeddingBenchmark.Run(cells, context.Threads, context.Cancellation);
        var table = new Table().Border(TableBorder.Simple).Title($"analysis, {cells:N0} cells x 50 components").AddColumns("step", "seconds", "rate", "", "recall");
        foreach (StepTiming t in timings) table.AddRow(t.Step, t.Seconds.ToString("0.000", CultureInfo.InvariantCulture), t.Rate.ToString("0.0", CultureInfo.InvariantCulture), t.Unit, t.Recall.ToString("0.0000", CultureInfo.InvariantCulture));
        context.Output.Write(table);
        context.Result["analysis"] = JsonSerializer.SerializeToNode(timings);
    }

    private void Files(CommandContext context)
    {
        string file = context.Arguments.GetValue(_file)!;
        IReadOnlyList<H5adTiming> timings = H5adBenchmark.Run(file, context.Threads, cancellation: context.Cancellation);
        var table = new Table().Border(TableBorder.Simple).Title(Markup.Escape(Path.GetFileName(file))).AddColumns("what", "seconds", "processor seconds", "MB/s (8 bytes per stored value)");
        foreach (H5adTiming t in timings) table.AddRow(t.Name, t.Seconds.ToString("0.00", CultureInfo.InvariantCulture), t.ProcessorSeconds.ToString("0.00", CultureInfo.InvariantCulture), (t.Megabytes / t.Seconds).ToString("0", CultureInfo.InvariantCulture));
        context.Output.Write(table);
        context.Result["h5ad"] = JsonSerializer.SerializeToNode(timings);
    }

    private static void ScSurvEpochs(CommandContext context, Device device)
    {
        IReadOnlyList<EpochTiming> timings = ScSurvBenchmark.Run(device, cancellation: context.Cancellation);
        var table = new Table().Border(TableBorder.Simple).Title("scSurv, 10,000 cells x 5,000 genes, 400 patients").AddColumns("stage", "steps", "seconds per epoch (median)", "best", "goal on two cores", "speed of the machine meanwhile", "line from core to core, ns");
        foreach (EpochTiming t in timings) table.AddRow(t.Stage, t.Steps.ToString(CultureInfo.InvariantCulture), t.MedianSeconds.ToString("0.000", CultureInfo.InvariantCulture), t.Seconds.ToString("0.000", CultureInfo.InvariantCulture),
            string.Create(CultureInfo.InvariantCulture, $"{t.GoalSeconds:0.00} {(t.MeetsGoal == true ? "met" : "missed")}"), t.MachineSpeed.ToString("P0", CultureInfo.InvariantCulture), t.HandOverNanoseconds.ToString("0", CultureInfo.InvariantCulture));
        context.Output.Write(table);
        context.Result["scsurv"] = JsonSerializer.SerializeToNode(timings);
    }

    private static void ScRobustSteps(CommandContext context, Device device)
    {
        var table = new Table().Border(TableBorder.Simple).Title("scRobust, 128 cells x 2 views x 251 tokens, vocabulary 15,005, hidden 512").AddColumns("layers", "seconds per step", "GFLOP/s", "GB/s");
        var result = new JsonArray();
        foreach (var (layers, steps) in ((int, int)[])[(1, 10), (2, 2)])
        {
            context.Cancellation.ThrowIfCancellationRequested();
            PretrainingBenchmarkResult r = new PretrainingBenchmark(device, layers).Measure(steps);
            table.AddRow(layers.ToString(CultureInfo.InvariantCulture), r.Seconds.ToString("0.000", CultureInfo.InvariantCulture), r.GigaflopsPerSecond.ToString("0.0", CultureInfo.InvariantCulture), r.GigabytesPerSecond.ToString("0.0", CultureInfo.InvariantCulture));
            result.Add(new JsonObject { ["layers"] = layers, ["seconds"] = r.Seconds, ["gigaflops_per_second"] = r.GigaflopsPerSecond, ["gigabytes_per_second"] = r.GigabytesPerSecond });
        }
        context.Output.Write(table);
        context.Result["scrobust"] = result;
    }
}
