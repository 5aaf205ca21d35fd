using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Benchmarks;

/// <summary>Ceilings and kernels of this machine.</summary>
/// <param name="Ceilings">One per number of threads.</param>
/// <param name="Kernels">All results.</param>
public sealed record KernelReport(IReadOnlyList<MachineCeilings> Ceilings, IReadOnlyList<KernelResult> Kernels)
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>The report for machines.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, s_json);

    /// <summary>The report for people: one line per kernel and number of threads.</summary>
    public string ToTable()
    {
        var t = new StringBuilder();
        foreach (MachineCeilings c in Ceilings)
        {
            t.AppendLine(CultureInfo.InvariantCulture, $"ceiling, {c.Threads} thread{(c.Threads == 1 ? "" : "s")} ({c.InstructionSet} in use): {c.GigaflopsPerSecond:F0} GFLOP/s (512-bit {c.Gigaflops512:F0}, 256-bit {c.Gigaflops256:F0}, 128-bit {c.Gigaflops128:F0}), memory {c.ReadGigabytesPerSecond:F1} GB/s read, {c.CopyGigabytesPerSecond:F1} GB/s copy{(c.Threads > 1 ? string.Create(CultureInfo.InvariantCulture, $", a cache line from core to core {c.HandOverNanoseconds:F0} ns") : "")}");
        }
        t.AppendLine();
        int width = Math.Max(6, Kernels.Count == 0 ? 0 : Kernels.Max(k => k.Name.Length));
        t.AppendLine(CultureInfo.InvariantCulture, $"{"kernel".PadRight(width)}  threads   best ms  median ms  ns/element  GFLOP/s     GB/s  of ceiling   best  line, ns  goal");
        foreach (KernelResult k in Kernels)
            t.AppendLine(CultureInfo.InvariantCulture, $"{k.Name.PadRight(width)}  {k.Threads,7}  {k.Seconds * 1e3,8:F3}  {k.MedianSeconds * 1e3,9:F3}  {k.NanosecondsPerElement,10:F3}  {Number(k.GigaflopsPerSecond),7}  {Number(k.GigabytesPerSecond),7}  {k.ShareOfCeiling,10:P0}  {k.BestShareOfCeiling,5:P0}  {(k.Threads > 1 ? k.HandOverNanoseconds : null),8:F0}  {Verdict(k)}");
        t.AppendLine();
        t.AppendLine("of ceiling: median over runs, each beside the ceiling just before and after it, so that a slow moment of the machine slows both; GFLOP/s and GB/s are of the best run");
        if (Kernels.Any(k => k.Threads > 1))
            t.AppendLine("line: what a cache line takes from core to core meanwhile; beyond some 100 ns the cores probably share no third-level cache (those of a virtual machine may be moved at any moment), and products on several threads lose up to a fifth");
        foreach (var goal in Kernels.Where(k => k.Goal is not null).GroupBy(k => (k.Threads, k.Goal)))
        {
            string[] missed = [.. goal.Where(k => k.MeetsGoal == false).Select(k => string.Create(CultureInfo.InvariantCulture, $"{k.Name} ({k.ShareOfCeiling:P1})"))];
            t.AppendLine(CultureInfo.InvariantCulture, $"goal of {goal.Key.Goal:P0} of the ceiling on {goal.Key.Threads} thread{(goal.Key.Threads == 1 ? "" : "s")}: met by {goal.Count() - missed.Length} of {goal.Count()}{(missed.Length == 0 ? "" : "; missed by " + string.Join(", ", missed))}");
        }
        return t.ToString();

        static string Verdict(KernelResult k) => k.Goal is { } goal ? string.Create(CultureInfo.InvariantCulture, $"{goal:P0} {(k.MeetsGoal == true ? "met" : "missed")}") : "";
        static string Number(double? v) => v is { } x ? x.ToString("F1", CultureInfo.InvariantCulture) : "";
    }
}

/// <summary>Runs kernels at stated sizes and compares them with the machine's ceiling.</summary>
public static class KernelBenchmarks
{
    private const int FewestTurns = 9, MostTurns = 10_000, HandOvers = 5;

    /// <summary>Measures ceilings, then cases, for each number of threads.</summary>
    /// <param name="threadCounts">Numbers of threads.</param>
    /// <param name="secondsPerCase">Time for each case.</param>
    /// <param name="filter">Which cases; null for all.</param>
    /// <param name="progress">Told each result as it comes; may be null.</param>
    /// <param name="cancellation">Ends the run between two cases.</param>
    public static KernelReport Run(IReadOnlyList<int> threadCounts, double secondsPerCase = 0.5, Func<KernelCase, bool>? filter = null, IProgress<KernelResult>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(threadCounts);
        List<MachineCeilings> ceilings = [];
        List<KernelResult> results = [];
        foreach (int threads in threadCounts)
        {
            using var workers = new Workers(threads);
            MachineCeilings ceiling = MachineCeilings.Measure(workers);
            ceilings.Add(ceiling);
            using var probe = new CeilingProbe(workers);
            foreach (KernelCase c in KernelCases.All)
            {
                cancellation.ThrowIfCancellationRequested();
                if (filter?.Invoke(c) == false) continue;
                KernelResult r = Measure(c, workers, probe, secondsPerCase);
                results.Add(r);
                progress?.Report(r);
            }
        }
        return new KernelReport(ceilings, results);
    }

    private static KernelResult Measure(KernelCase c, Workers workers, CeilingProbe probe, double seconds)
    {
        Action work = c.Prepare(workers);
        for (int i = 0; i < 3; i++) work();
        Func<double> ceiling = c.Flops > 0 ? probe.Flops : probe.Copy;
        double size = c.Flops > 0 ? c.Flops : c.Bytes;
        List<double> times = [], shares = [], handOvers = [];
        long start = Stopwatch.GetTimestamp();
        double before = ceiling();
        while (times.Count < FewestTurns || (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds && times.Count < MostTurns))
        {
            long t = Stopwatch.GetTimestamp();
            work();
            double time = Stopwatch.GetElapsedTime(t).TotalSeconds, after = ceiling();
            times.Add(time);
            shares.Add(size / time / ((before + after) / 2));
            before = after;
            if (Stopwatch.GetElapsedTime(start).TotalSeconds >= handOvers.Count * seconds / HandOvers) handOvers.Add(probe.HandOver());
        }
        times.Sort();
        shares.Sort();
        handOvers.Sort();
        double best = times[0];
        return new KernelResult(c.Group, c.Name, workers.Count, MachineVectors.Name, best, times[times.Count / 2], c.Flops > 0 ? c.Flops / best / 1e9 : null, c.Bytes > 0 ? c.Bytes / best / 1e9 : null,
            best * 1e9 / c.Elements, shares[shares.Count / 2], shares[(shares.Count - 1) * 9 / 10], shares.Count, handOvers[handOvers.Count / 2] * 1e9, c.GoalOn(workers.Count));
    }
}
