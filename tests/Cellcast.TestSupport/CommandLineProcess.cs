using System.Diagnostics;
using System.Text;

namespace Cellcast.TestSupport;

/// <summary>A running <c>cellcast</c> that a test interrupts.</summary>
public sealed class CommandLineProcess : IDisposable
{
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
    public static CommandLineProcess Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (string a in (string[])[TestPaths.CommandLine, .. arguments]) start.ArgumentList.Add(a);
        return new CommandLineProcess(Process.Start(start)!);
    }

    /// <summary>Waits until standard error has had a text; fails when the process ends before.</summary>
    public void WaitForError(string text, int timeoutSeconds = 120)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            bool ended = _process.HasExited;
            lock (_error)
                if (_error.ToString().Contains(text, StringComparison.Ordinal)) return;
            if (ended) throw new InvalidOperationException($"cellcast ended before it said '{text}': {_error}");
            if (watch.Elapsed.TotalSeconds > timeoutSeconds) throw new TimeoutException($"cellcast did not say '{text}': {_error}");
            Thread.Sleep(20);
        }
    }

    /// <summary>Sends a signal (<c>INT</c>, <c>TERM</c>, <c>KILL</c>).</summary>
    public void Signal(string name) => ExternalTool.Run("kill", ["-" + name, _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);

    /// <summary>Waits for the end.</summary>
    public ProcessResult WaitForExit(int timeoutSeconds = 120)
    {
        if (!_process.WaitForExit(TimeSpan.FromSeconds(timeoutSeconds))) throw new TimeoutException($"cellcast did not end: {_error}");
        _reader.Wait();
        return new ProcessResult(_process.ExitCode, _output.Result, _error.ToString());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private async Task ReadErrorAsync()
    {
        var buffer = new char[1024];
        int n;
        while ((n = await _process.StandardError.ReadAsync(buffer)) > 0)
            lock (_error) _error.Append(buffer, 0, n);
    }
}
