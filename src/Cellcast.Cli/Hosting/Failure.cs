using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Survival;

namespace Cellcast.Cli.Hosting;

/// <summary>How a run failed: the one place that turns an exception into an exit code and one sentence.</summary>
/// <param name="Code">Exit code.</param>
/// <param name="Sentence">What the user reads.</param>
/// <param name="IsDefect">Nobody foresaw this exception: its details belong into the log.</param>
internal sealed record Failure(ExitCode Code, string Sentence, bool IsDefect = false)
{
    // errno values behind IOException.HResult on Unix, and the Windows codes for the same.
    private const int NoSpace = 28, QuotaExceeded = 122, ReadOnlyFileSystem = 30, FileTooLarge = 27;
    private const int WindowsDiskFull = unchecked((int)0x80070070), WindowsHandleDiskFull = unchecked((int)0x80070027);

    internal static Failure From(Exception exception) => exception switch
    {
        AggregateException { InnerExceptions: { Count: > 0 } inner } => From(MostTelling(inner)),
        System.Reflection.TargetInvocationException { InnerException: { } inner } => From(inner),
        TypeInitializationException { InnerException: { } inner } => From(inner),
        UsageException e => new(ExitCode.WrongUsage, e.Message),
        UnfitMachineException e => new(ExitCode.BadInput, AsSentence(e.Message)),
        SurvivalDataException e => new(ExitCode.BadInput, AsSentence(e.Message)),
        InputException e => new(ExitCode.BadInput, AsSentence(e.Message)),
        OutputException e => new(ExitCode.OutOfMemoryOrDisk, AsSentence(e.Message)),
        NotFiniteException e => new(ExitCode.DidNotConverge, AsSentence(e.Message)),
        OperationCanceledException => new(ExitCode.Interrupted, "interrupted."),
        OutOfMemoryException or InsufficientExecutionStackException => new(ExitCode.OutOfMemoryOrDisk,
            "out of memory: close other programs, use fewer genes or cells, or a machine with more memory."),
        FileNotFoundException { FileName: { } file } => new(ExitCode.BadInput, $"'{file}' does not exist: check the path."),
        DirectoryNotFoundException e => new(ExitCode.BadInput, AsSentence(e.Message)),
        UnauthorizedAccessException e => new(ExitCode.OutOfMemoryOrDisk, $"{Trimmed(e.Message)}: check the permissions or choose another place."),
        IOException e when IsDiskFull(e) => new(ExitCode.OutOfMemoryOrDisk, $"{Trimmed(e.Message)}: free some space or choose another place with --out."),
        IOException e when e.HResult == ReadOnlyFileSystem => new(ExitCode.OutOfMemoryOrDisk, $"{Trimmed(e.Message)}: choose another place with --out."),
        IOException e => new(ExitCode.OutOfMemoryOrDisk, AsSentence(e.Message)),
        _ => new(ExitCode.Unexpected, $"unexpected {exception.GetType().Name}: {AsSentence(exception.Message)}", IsDefect: true),
    };

    private static bool IsDiskFull(IOException e) =>
        e.HResult is NoSpace or QuotaExceeded or FileTooLarge or WindowsDiskFull or WindowsHandleDiskFull;

    /// <summary>Of exceptions thrown side by side, a foreseen one explains more than a cancellation that it caused.</summary>
    private static Exception MostTelling(System.Collections.ObjectModel.ReadOnlyCollection<Exception> exceptions) =>
        exceptions.FirstOrDefault(e => e is not OperationCanceledException) ?? exceptions[0];

    private static string Trimmed(string message) => AsSentence(message).TrimEnd('.').Replace(" : ", ": ", StringComparison.Ordinal);

    /// <summary>A message on one line that ends like a sentence.</summary>
    private static string AsSentence(string message)
    {
        string line = string.Join(' ', message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
        return line.EndsWith('.') || line.EndsWith('?') || line.EndsWith('!') ? line : line + ".";
    }
}
