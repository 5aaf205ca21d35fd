using System.CommandLine;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary><c>cellcast scsurv</c>: the group of the survival commands.</summary>
internal sealed class ScSurvCommands : Command
{
    public ScSurvCommands() : base("scsurv", "Which single cells decide how long a patient lives (scSurv).")
    {
        Subcommands.Add(new ScSurvFitCommand());
        Subcommands.Add(new ScSurvPredictCommand());
        Subcommands.Add(new ScSurvEvaluateCommand());
        Subcommands.Add(new ScSurvUncertaintyCommand());
        Subcommands.Add(new ScSurvPanCommand());
        Subcommands.Add(new ScSurvBenchmarkCommand());
        Subcommands.Add(new ScSurvPowerCommand());
    }
}
