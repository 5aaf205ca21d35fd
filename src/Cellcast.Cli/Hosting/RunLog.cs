using System.Globalization;
using Cellcast.Cli.Progress;

namespace Cellcast.Cli.Hosting;

/// <summary>The log of a run: short lines on standard error, the same with times in <c>run.log</c> once the folder of results has begun.
/// Until then lines wait in memory, so that a start that fails leaves no file behind.</summary>
internal sealed class RunLog : IDisposable
{
    private readonly Lock _lock = new();
    private readonly bool _quiet;
    private readonly List<string> _waiting = [], _warnings = [];
    private readonly HoldPoint? _hold;
    private StreamWriter? _file;

    internal RunLog(bool quiet, HoldPoint? hold = null) => (_quiet, _hold) = (quiet, hold);

    /// <summary>Path of the log file once there is one.</summary>
    internal string? FilePath { get; private set; }

    internal void Info(string text) => Write(text, "info", _quiet ? null : text);

    internal void Warning(string text)
    {
        lock (_lock) _warnings.Add(text);
        Write(text, "warning", "warning: " + text);
    }

    /// <summary>All warnings so far.</summary>
    internal IReadOnlyList<string> Warnings
    {
        get
        {
            lock (_lock) return [.. _warnings];
        }
    }

    internal void Error(string text) => Write(text, "error", "error: " + text);

    /// <summary>Only into the file: details that nobody wants on the screen.</summary>
    internal void Detail(string text) => Write(text, "detail", null);

    /// <summary>Starts the file, with everything said so far.</summary>
    internal void OpenFile(string path, bool append)
    {
        lock (_lock)
        {
            if (_file is not null) return;
            _file = new StreamWriter(new FileStream(path, append ? FileMode.Append : FileMode.Create, FileAccess.Write, FileShare.Read)) { AutoFlush = true };
            FilePath = path;
            foreach (string line in _waiting) WriteLine(line);
            _waiting.Clear();
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            try { _file?.Dispose(); }
            catch (IOException) { } // a full disk was reported by whoever wrote the results
            _file = null;
        }
    }

    private void Write(string text, string level, string? onScreen)
    {
        string line = string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-dd'T'HH:mm:ss.fff'Z'} {level,-7} {text}");
        lock (_lock)
        {
            if (_file is null) _waiting.Add(line);
            else WriteLine(line);
        }
        if (onScreen is not null) Terminal.ErrorLine("cellcast: " + onScreen);
        _hold?.Pass(text);
    }

    private void WriteLine(string line)
    {
        try { _file!.WriteLine(line); }
        catch (IOException) { } // the log must not end the run
    }
}
