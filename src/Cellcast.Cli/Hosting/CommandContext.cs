using System.CommandLine;
using System.Text.Json.Nodes;
using Cellcast.Cli.Progress;
using Spectre.Console;

namespace Cellcast.Cli.Hosting;

/// <summary>What a running command may use.</summary>
internal sealed class CommandContext
{
    private readonly RunDirectory? _directory;
    private readonly IAnsiConsole _output = Terminal.OutputConsole();

    internal CommandContext(CellcastCommand command, ParseResult arguments, RunDirectory? directory, RunLog log, ProgressDisplay progress, CancellationToken cancellation)
    {
        Command = command;
        Arguments = arguments;
        _directory = directory;
        Log = log;
        Progress = progress;
        Cancellation = cancellation;
        Threads = arguments.GetValue(command.Threads);
        Seed = command.Options.Contains(command.Seed) ? arguments.GetValue(command.Seed) : 0;
        Overwrite = command.Output != OutputKind.None && arguments.GetValue(command.Overwrite);
        InputsAtStart = Commands.Reporting.InputFiles.Look(command.MayBeRead(arguments));
        Resume = command.Output == OutputKind.ResumableFolder && arguments.GetValue(command.Resume);
    }

    internal CellcastCommand Command { get; }

    /// <summary>Values of the command's own options: <c>context.Arguments.GetValue(option)</c>.</summary>
    internal ParseResult Arguments { get; }

    /// <summary>Files on the command line, by full path, as they were when the run began.</summary>
    internal IReadOnlyDictionary<string, (long Bytes, DateTime Written)> InputsAtStart { get; }

    internal int Threads { get; }

    internal long Seed { get; }

    internal bool Overwrite { get; }

    internal bool Resume { get; }

    /// <summary>Cancelled by Ctrl-C. Pass it on; let the <see cref="OperationCanceledException"/> through.</summary>
    internal CancellationToken Cancellation { get; }

    /// <summary>Lines for the user on standard error, and into <c>run.log</c>.</summary>
    internal RunLog Log { get; }

    /// <summary>Progress of long work, on standard error.</summary>
    internal ProgressDisplay Progress { get; }

    /// <summary>Standard output, for tables that the user asked for. Taking it ends a live display that would otherwise be drawn over them.</summary>
    internal IAnsiConsole Output
    {
        get
        {
            Progress.Settle();
            return _output;
        }
    }

    /// <summary>What <c>--json</c> adds to its line.</summary>
    internal JsonObject Result { get; } = [];

    /// <summary>The folder of results, of commands that have one.</summary>
    internal RunDirectory Directory => _directory ?? throw new InvalidOperationException($"'{Command.Name}' has no output folder");

    /// <summary>Refuses a target file that must not be replaced or cannot be written, before any work is done.</summary>
    internal void CheckOutputFile(string path)
    {
        if (System.IO.Directory.Exists(path)) throw new UsageException($"'{path}' is a folder: name a file.");
        if (File.Exists(path) && !Overwrite) throw new UsageException($"'{path}' exists already: choose another name or give --overwrite.");
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!System.IO.Directory.Exists(folder)) throw new UsageException($"the folder '{folder}' of the output file does not exist: create it first.");
    }
}
