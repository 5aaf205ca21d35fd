using System.Runtime.InteropServices;

namespace Cellcast.Cli.Hosting;

/// <summary>Ctrl-C, SIGTERM and a closed terminal: the first asks the run to stop at the next safe point, the second ends the process.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;
    private readonly Action _firstTime;
    private int _signals;

    internal Interruption(Action firstTime)
    {
        _firstTime = firstTime;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnSignal),
        ];
    }

    internal CancellationToken Token => _source.Token;

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref _signals) > 1)
        {
            // Not Environment.Exit: it would wait for finalizers while native code may be stuck.
            Console.Error.WriteLine("cellcast: killed.");
            Console.Error.Flush();
            ProcessExit.Now((int)ExitCode.Interrupted);
        }
        _firstTime();
        try { _source.Cancel(); }
        catch (ObjectDisposedException) { } // the run had just ended
    }

    public void Dispose()
    {
        foreach (var r in _registrations) r.Dispose();
        _source.Dispose();
    }
}

/// <summary>Ends the process at once, as <c>_exit</c> does.</summary>
internal static partial class ProcessExit
{
    internal static void Now(int code)
    {
        if (OperatingSystem.IsWindows()) Environment.Exit(code);
        Exit(code);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);
}
