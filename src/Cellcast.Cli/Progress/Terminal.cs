using Spectre.Console;

namespace Cellcast.Cli.Progress;

/// <summary>The two streams of the process: what was asked for goes out on standard output, everything about the run on standard error.</summary>
internal static class Terminal
{
    // One console for standard error, so that log lines appear above a live display and not through it.
    private static readonly Lazy<IAnsiConsole> s_error = new(() => Create(Console.Error, Console.IsErrorRedirected));

    /// <summary>A live display makes sense: standard error is a terminal that understands cursor movement.</summary>
    internal static bool IsInteractive => !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    internal static IAnsiConsole ErrorConsole => s_error.Value;

    /// <summary>Tables for people: coloured on a terminal, plain and wide in a pipe.</summary>
    internal static IAnsiConsole OutputConsole()
    {
        var console = Create(Console.Out, Console.IsOutputRedirected);
        if (Console.IsOutputRedirected) console.Profile.Width = 160;
        return console;
    }

    internal static void ErrorLine(string text)
    {
        try
        {
            if (IsInteractive) ErrorConsole.WriteLine(text);
            else Console.Error.WriteLine(text);
        }
        catch (IOException) { } // nobody can be told
    }

    private static IAnsiConsole Create(TextWriter writer, bool redirected) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new AnsiConsoleOutput(writer),
        Interactive = InteractionSupport.No,
        Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
        ColorSystem = redirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
    });
}
