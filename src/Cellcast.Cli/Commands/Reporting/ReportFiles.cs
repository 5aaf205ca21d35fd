using Cellcast.AnnData;
using Cellcast.Cli.Hosting;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Puts a report and its MultiQC sections into files.</summary>
internal static class ReportFiles
{
    internal const string Page = "report.html";

    /// <summary>Writes <c>report.html</c> and <c>multiqc/*_mqc.json</c>.</summary>
    /// <param name="data">What to show.</param>
    /// <param name="path">Where a file of that name goes.</param>
    internal static void Write(ReportData data, Func<string, string> path)
    {
        AtomicFile.Write(path(Page), stream => ReportWriter.Write(stream, data));
        foreach (var (name, json) in MultiQc.Sections(data)) AtomicFile.WriteText(path("multiqc/" + name), json);
    }

    /// <summary>Writes the report of a run that has just ended. Hours of training must not be lost over a picture of them: what goes wrong here is a warning.</summary>
    internal static void TryWrite(CommandContext context, Func<ReportData> make)
    {
        try
        {
            Write(make(), context.Directory.File);
        }
        catch (Exception e) when (e is not (OperationCanceledException or OutputException or OutOfMemoryException))
        {
            context.Log.Warning($"the report could not be made ({e.Message.TrimEnd('.')}); the results are complete, and 'cellcast report' tries again.");
            context.Log.Detail(e.ToString());
        }
    }
}
