using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.Hdf5;
using Cellcast.Cli.Hosting;
using Spectre.Console;

namespace Cellcast.Cli.Commands;

/// <summary><c>cellcast doctor</c>: does this machine have what the other commands need?</summary>
internal sealed class DoctorCommand : CellcastCommand
{
    public DoctorCommand() : base("doctor", "Check this machine: runtime, libhdf5, processor, memory, temporary space.") =>
        AddExample("cellcast doctor --json", "what to attach to a bug report");

    protected internal override void Run(CommandContext context)
    {
        List<Check> checks = [Program(), Runtime(), Hdf5(), Processor(context.Threads), Memory(), TemporaryFolder()];
        var table = new Table().Border(TableBorder.Simple).AddColumns("", "what", "found");
        foreach (var check in checks)
            table.AddRow(new Text(check.IsGood ? "ok" : "PROBLEM", new Style(check.IsGood ? Color.Green : Color.Red)), new Text(check.Name), new Text(check.Found));
        context.Output.Write(table);
        context.Result["checks"] = new JsonArray([.. checks.Select(c => new JsonObject { ["name"] = c.Name, ["ok"] = c.IsGood, ["found"] = c.Found })]);
        if (checks.Find(c => !c.IsGood) is { } bad) throw new UnfitMachineException($"{bad.Name}: {bad.Found}");
    }

    private static Check Program() => new("cellcast", true, $"{CommandHost.Version}, {AppContext.BaseDirectory}");

    private static Check Runtime() => new(".NET", true, $"{RuntimeInformation.FrameworkDescription}, {RuntimeInformation.RuntimeIdentifier}, {RuntimeInformation.OSDescription}");

    private static Check Hdf5()
    {
        try
        {
            var (version, path) = Hdf5Library.Describe();
            return new("libhdf5", true, path is null ? version.ToString() : $"{version}, {path}");
        }
        catch (InputException e) { return new("libhdf5", false, e.Message); }
    }

    private static Check Processor(int threads)
    {
        string width = Vector512.IsHardwareAccelerated ? "AVX-512" : Vector256.IsHardwareAccelerated ? "AVX2" : Vector128.IsHardwareAccelerated ? "128-bit vectors" : "no vectors: everything will be slow";
        return new("processor", true, $"{ModelName()}{RuntimeInformation.ProcessArchitecture}, {width}, {Environment.ProcessorCount} logical cores, {threads} used");
    }

    private static string ModelName()
    {
        try
        {
            string? line = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal));
            return line is null ? "" : line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim() + ", ";
        }
        catch (IOException) { return ""; }
    }

    private static Check Memory()
    {
        long limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return new("memory", limit >= 1L << 30, Gigabytes(limit) + " for this process" + (limit >= 1L << 30 ? "" : ": at least 1 GiB is needed"));
    }

    private static Check TemporaryFolder()
    {
        string folder = Path.GetTempPath();
        try
        {
            string file = Path.Combine(folder, $"cellcast-doctor-{Environment.ProcessId}");
            File.WriteAllText(file, "written by cellcast doctor");
            File.Delete(file);
            return new("temporary folder", true, $"{folder}, {Gigabytes(new DriveInfo(folder).AvailableFreeSpace)} free");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new("temporary folder", false, $"{folder} cannot be written ({e.Message.TrimEnd('.')}): set TMPDIR to a folder that can");
        }
    }

    private static string Gigabytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.0} GiB");

    private sealed record Check(string Name, bool IsGood, string Found);
}
