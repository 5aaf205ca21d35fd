using System.Collections.Concurrent;
using System.Diagnostics;

namespace Cellcast.TestSupport;

/// <summary>What a finished child process said.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
public sealed record ProcessResult(int ExitCode, string Output, string Error);

/// <summary>Runs other programs in tests: the field's readers, R, our own command line in a child process.</summary>
public static class ExternalTool
{
    private static readonly ConcurrentDictionary<string, bool> s_present = new();

    /// <summary>Debian's Python, which sees Debian's python3-* packages.</summary>
    public const string Python = "/usr/bin/python3";

    /// <summary>Whether a tool can be run: <c>anndata</c>, <c>sklearn</c> (Python modules), <c>survival</c>, <c>metafor</c> (R packages) or a program's name.</summary>
    public static bool IsPresent(string tool) => s_present.GetOrAdd(tool, static t => t switch
    {
        "anndata" or "sklearn" or "torch" or "h5py" or "leidenalg" => CanRun(Python, "-c", "import " + t),
        "survival" or "metafor" => CanRun("Rscript", "-e", $"library({t})"),
        _ => CanRun("sh", "-c", "command -v " + t),
    });

    /// <summary>How long a test waits for another program before it takes it for hung: far longer than any needs on a busy machine.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromMinutes(30);

    /// <summary>Runs a program to its end; one that takes longer than <see cref="Limit"/> is killed.</summary>
    public static ProcessResult Run(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, string? workingDirectory = null)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = workingDirectory ?? "",
        };
        foreach (string a in arguments) start.ArgumentList.Add(a);
        foreach (var (k, v) in environment ?? new Dictionary<string, string>()) start.Environment[k] = v;
        using var p = Process.Start(start)!;
        var output = p.StandardOutput.ReadToEndAsync();
        var error = p.StandardError.ReadToEndAsync();
        if (!p.WaitForExit(Limit))
        {
            p.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} did not end within {Limit.TotalMinutes} minutes");
        }
        p.WaitForExit();
        return new ProcessResult(p.ExitCode, output.Result, error.Result);
    }

    /// <summary>Runs a Python script given as text with Debian's Python.</summary>
    public static ProcessResult RunPython(string script, params string[] arguments) => Run(Python, ["-c", script, .. arguments]);

    /// <summary>Runs tests of an assembly once more, in a process whose environment differs.</summary>
    /// <param name="assembly">Path of the test assembly.</param>
    /// <param name="filter">Which tests; see <c>dotnet vstest --TestCaseFilter</c>.</param>
    /// <param name="variable">Environment variable that is 0 there.</param>
    public static ProcessResult RunTestsWithout(string assembly, string filter, string variable) =>
        // On a busy machine the runner must not give up waiting for its own child.
        Run("dotnet", ["vstest", assembly, "--TestCaseFilter:" + filter], new Dictionary<string, string> { [variable] = "0", ["VSTEST_CONNECTION_TIMEOUT"] = "1200" });

    /// <summary>Whether a program is there and ends well.</summary>
    public static bool CanRun(string program, params string[] arguments)
    {
        try { return Run(program, arguments).ExitCode == 0; }
        catch (System.ComponentModel.Win32Exception) { return false; }
    }
}
