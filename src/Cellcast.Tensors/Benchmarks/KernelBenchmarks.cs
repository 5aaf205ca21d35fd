using System.Globalization;
using System.Text;
using System.Text.Json;
using Cellcast.Tensors.Kernels;

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
            t.AppendLine(CultureInfo.InvariantCulture, $"ceiling, {c.Threads} thread{(c.Threads == 1 ? "" : "s")} ({c.InstructionSet} in use): {c.GigaflopsPerSecond:F0} GFLOP/s (512-bit {c.Gigaflops512:F0}, 256-bit {c.Gigaflops256:F0}, 128-bit {c.Gigaflops128:F0}), memory {c.ReadGigabytesPerSecond:F1} GB/s read, {c.CopyGigabytesPerSecond:F1} GB/s copy");
        }
        t.AppendLine();
        int width = Math.Max(6, Kernels.Count == 0 ? 0 : Kernels.Max(k => k.Name.Length));
        t.AppendLine(CultureInfo.InvariantCulture, $"{"kernel".PadRight(width)}  threads   best ms  median ms  ns/element  GFLOP/s     GB/s  of ceiling");
        foreach (KernelResult k in Kernels)
            t.AppendLine(CultureInfo.InvariantCulture, $"{k.Name.PadRight(width)}  {k.Threads,7}  {k.Seconds * 1e3,8:F3}  {k.MedianSeconds * 1e3,9:F3}  {k.NanosecondsPerElement,10:F3}  {Number(k.GigaflopsPerSecond),7}  {Number(k.GigabytesPerSecond),7}  {k.ShareOfCeiling,9:P0}");
        return t.ToString();

        static string Number(double? v) => v is { } x ? x.ToString("F1", CultureInfo.InvariantCulture) : "";
    }
}

/// <summary>Runs kernels at stated sizes and compares them with the machine's ceiling.</summary>
public static class KernelBenchmarks
{
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
            foreach (KernelCase c in KernelCases.All)
            {
                cancellation.ThrowIfCancellationRequested();
                if (filter?.Invoke(c) == false) continue;
                KernelResult r = Measure(c, workers, ceiling, secondsPerCase);
                results.Add(r);
                progress?.Report(r);
            }
        }
        return new KernelReport(ceilings, results);
    }

    private static KernelResult Measure(KernelCase c, Workers workers, MachineCeilings ceiling, double seconds)
    {
        Timing t = BenchmarkTimer.Measure(c.Prepare(workers), seconds);
        double? gflops = c.Flops > 0 ? c.Flops / t.Best / 1e9 : null, gigabytes = c.Bytes > 0 ? c.Bytes / t.Best / 1e9 : null;
        double share = gflops / ceiling.GigaflopsPerSecond ?? gigabytes / ceiling.CopyGigabytesPerSecond ?? 0;
        return new KernelResult(c.Group, c.Name, workers.Count, ceiling.InstructionSet, t.Best, t.Median, gflops, gigabytes, t.Best * 1e9 / c.Elements, share);
    }
}
