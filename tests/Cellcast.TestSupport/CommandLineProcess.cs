using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Cellcast.TestSupport;

/// <summary>A running <c>cellcast</c> that a test interrupts.</summary>
public sealed class CommandLineProcess : IDisposable
{
    // Whoever runs the tests in the background of a shell has them ignore Ctrl-C, and children inherit that: a program that is to be interrupted is started without it.
    private static readonly Lazy<string[]> s_start = new(() => ExternalTool.CanRun("env", "--default-signal=INT,TERM,HUP", "true") ? ["env", "--default-signal=INT,TERM,HUP", "dotnet"] : ["dotnet"]);

    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private readonly Task<string> _output;
    private readonly Task _reader;

    private CommandLineProcess(Process process)
    {
        _process = process;
        _output = process.StandardOutput.ReadToEndAsync();
        _reader = Task.Run(ReadErrorAsync);
    }

    /// <summary>Starts it.</summary>
    public static CommandLineProcess Start(params string[] arguments) => Start(null, arguments);

    /// <summary>
    /// Starts it and waits until it stands still where it first says a text, or first comes to <c>STAGE epoch N step M.</c> in training: neither a slow test nor
    /// a fast run changes where the next signal finds it. An interrupted run goes on from there as it does from anywhere.
    /// </summary>
    public static CommandLineProcess StartAndHold(string at, params string[] arguments)
    {
        var process = Start(at, arguments);
        try
        {
            process.WaitForError($"held at '{at}'");
            return process;
        }
        catch
        {
            process.Dispose();
            throw;
        }
    }

    /// <summary>Waits until standard error has had a text; fails when the process ends without having said it.</summary>
    public void WaitForError(string text)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            // In this order: all that an ended process said has been read.
            bool ended = _reader.IsCompleted;
            lock (_error)
                if (_error.ToString().Contains(text, StringComparison.Ordinal)) return;
            if (ended) throw new InvalidOperationException($"cellcast ended before it said '{text}': {_error}");
            if (watch.Elapsed > ExternalTool.Limit) throw new TimeoutException($"cellcast did not say '{text}': {_error}");
            Thread.Sleep(20);
        }
    }

    /// <summary>Sends a signal (<c>INT</c>, <c>TERM</c>, <c>KILL</c>); one that has ended gets none.</summary>
    public void Signal(string name)
    {
        if (!_process.HasExited) ExternalTool.Run("kill", ["-" + name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
    }

    /// <summary>Waits for the end.</summary>
    public ProcessResult WaitForExit()
    {
        if (!_process.WaitForExit(ExternalTool.Limit)) throw new TimeoutException($"cellcast did not end: {_error}");
        _reader.Wait();
        return new ProcessResult(_process.ExitCode, _output.Result, _error.ToString());
    }

    /// <summary>Kills it where it still runs, and waits until it is gone: nothing is written to its folders any more.</summary>
    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private static CommandLineProcess Start(string? holdAt, string[] arguments)
    {
        var start = new ProcessStartInfo(s_start.Value[0]) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string a in (string[])[.. s_start.Value[1..], TestPaths.CommandLine, .. arguments]) start.ArgumentList.Add(a);
        if (holdAt is not null) start.Environment["CELLCAST_HOLD_AT"] = holdAt;
        return new CommandLineProcess(Process.Start(start)!);
    }

    private async Task ReadErrorAsync()
    {
        var buffer = new char[1024];
        int n;
        while ((n = await _process.StandardError.ReadAsync(buffer)) > 0)
            lock (_error) _error.Append(buffer, 0, n);
    }
}
