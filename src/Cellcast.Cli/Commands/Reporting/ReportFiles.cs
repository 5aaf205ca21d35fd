using Cellcast.AnnData;
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
}
