using System.CommandLine;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary><c>cellcast scrobust</c>: the group of the commands for cell vectors.</summary>
internal sealed class ScRobustCommands : Command
{
    public ScRobustCommands() : base("scrobust", "Cell vectors that need only a few of the genes (scRobust).")
    {
        Subcommands.Add(new ScRobustPretrainCommand());
        Subcommands.Add(new ScRobustEmbedCommand());
        Subcommands.Add(new ScRobustTrainCommand());
        Subcommands.Add(new ScRobustAnnotateCommand());
        Subcommands.Add(new ScRobustEvaluateCommand());
        Subcommands.Add(new ScRobustMarkersCommand());
        Subcommands.Add(new ScRobustImportCommand());
        Subcommands.Add(new ScRobustExportCommand());
    }
}
