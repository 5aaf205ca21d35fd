using System.CommandLine;

namespace Cellcast.Cli.Commands;

/// <summary>All commands, in the order of the help text. A new command is one file in this folder and one line here.</summary>
internal static class CommandRegistry
{
    internal static RootCommand Create()
    {
        var root = new RootCommand("Which single cells decide a patient's outcome: from count files to cells that matter for survival.");
        foreach (var command in Commands()) root.Subcommands.Add(command);
        return root;
    }

    private static IEnumerable<Command> Commands() =>
    [
        new DemoCommand(),
        new InspectCommand(),
        new ConvertCommand(),
        new CohortCommand(),
        new SimulateCommand(),
        new Analysis.AnalyzeCommand(),
        new Analysis.EnrichCommand(),
        new ScSurv.ScSurvCommands(),
        new ScRobust.ScRobustCommands(),
        new Reporting.ReportCommand(),
        new BenchCommand(),
        new DoctorCommand(),
    ];
}
