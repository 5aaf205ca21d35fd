using Cellcast.Analysis.Workflow;
using Cellcast.Models.Training;

namespace Cellcast.Cli.Commands.Analysis;

/// <summary>Shows the steps of an analysis as the display shows stages of a training.</summary>
internal sealed class AnalyzeProgress(ITrainingProgress display) : IAnalysisProgress
{
    private const int Parts = 100;

    public void Step(string step, double share) => display.Report(new TrainingUpdate(step, 0, 0) { Step = (int)(share * Parts), StepsPerEpoch = Parts });

    public void Done(string step, string outcome) => display.StageDone(step, 0, outcome);

    public void Message(string text) => display.Message(text);

    public void Warning(string text) => display.Warning(text);
}
