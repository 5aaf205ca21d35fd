using System.CommandLine;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.Cli.Hosting;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary><c>cellcast report</c>: makes the report of a finished run again.</summary>
internal sealed class ReportCommand : CellcastCommand
{
    private const string Commands = "'cellcast scsurv fit', 'cellcast demo', 'cellcast scrobust evaluate', 'cellcast analyze' or 'cellcast scsurv pan'";

    private readonly Argument<string> _folder = new("DIR") { Description = $"Folder that {Commands} has filled." };
    private readonly Option<string?> _to = new("--to") { Description = "Folder for report.html and multiqc/; DIR itself when left out.", HelpName = "DIR" };

    public ReportCommand() : base("report", "Make report.html, one file to look at and to mail, from the results of a finished run.")
    {
        Arguments.Add(_folder);
        Options.Add(_to);
        AddExample("cellcast report fit", "writes fit/report.html and fit/multiqc/");
    }

    protected internal override void Run(CommandContext context)
    {
        string folder = context.Arguments.GetValue(_folder)!, target = context.Arguments.GetValue(_to) ?? folder;
        ReportData report = PanReportSource.IsIn(folder) ? PanReport.From(PanReportSource.Read(folder)) : OfMetrics(folder, context.Threads);
        ReportFiles.Write(report, name => Path.Combine(target, name));
        string page = Path.Combine(Path.GetFullPath(target), ReportFiles.Page);
        context.Log.Info($"the report is {page}");
        context.Result["report"] = page;
    }

    private static ReportData OfMetrics(string folder, int threads)
    {
        JsonObject metrics = ScSurvReportSource.ReadMetrics(folder, Commands);
        return Model(metrics) switch
        {
            "scsurv" => ScSurvReport.From(ScSurvReportSource.Read(folder, metrics, threads)),
            "scrobust" => ScRobustReport.From(ScRobustReportSource.Read(folder, metrics)),
            "analyze" => AnalysisReport.From(AnalysisReportSource.Read(folder, metrics, threads)),
            _ => throw new InputException($"'{folder}': its metrics.json is of no command that reports are made for; name a folder that {Commands} has filled."),
        };
    }

    private static string? Model(JsonObject metrics) => metrics["model"] is JsonValue v && v.TryGetValue(out string? name) ? name : null;
}
