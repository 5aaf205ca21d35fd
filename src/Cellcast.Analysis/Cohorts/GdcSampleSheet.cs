using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Cohorts;

/// <summary>A line of GDC's sample sheet.</summary>
internal sealed record GdcSheetLine(string FileName, string Patient, string Sample, string? Type, int Rank);

/// <summary>Reads <c>gdc_sample_sheet*.tsv</c>, with <c>Sample Type</c> or, since 2024, <c>Tissue Type</c> and <c>Tumor Descriptor</c>.</summary>
internal static class GdcSampleSheet
{
    /// <summary>The lines by file name without <c>.gz</c>.</summary>
    internal static Dictionary<string, GdcSheetLine> Read(string path)
    {
        var table = TextTable.Read(path);
        string[] files = table.Require("File Name"), cases = table.Require("Case ID"), samples = table.Require("Sample ID");
        string[]? types = table.Find("Sample Type"), tissue = table.Find("Tissue Type"), descriptor = table.Find("Tumor Descriptor"), preservation = table.Find("Preservation Method");
        var lines = new Dictionary<string, GdcSheetLine>(StringComparer.Ordinal);
        for (int i = 0; i < files.Length; i++)
        {
            string sample = First(samples[i]);
            string? type = types is not null ? First(types[i])
                : tissue is not null ? TypeOf(First(tissue[i]), descriptor is null ? "" : First(descriptor[i]), sample)
                : TcgaBarcode.SampleTypeOf(sample);
            int rank = preservation is not null && preservation[i].Contains("FFPE", StringComparison.OrdinalIgnoreCase) ? 1 : 0;
            lines[GdcCountFile.WithoutGz(files[i])] = new GdcSheetLine(files[i], First(cases[i]), sample, type, rank);
        }
        return lines;
    }

    // Several entities of one file are listed with commas; for expression they are the same one repeated.
    private static string First(string cell) => cell.Split(',')[0].Trim();

    private static string TypeOf(string tissue, string descriptor, string sample)
    {
        if (tissue.Equals("Normal", StringComparison.OrdinalIgnoreCase)) return "Solid Tissue Normal";
        if (TcgaBarcode.SampleTypeOf(sample) is { } coded && !coded.StartsWith("code", StringComparison.Ordinal)) return coded;
        return descriptor.ToLowerInvariant() switch
        {
            "primary" => "Primary Tumor",
            "metastatic" => "Metastatic",
            "recurrence" => "Recurrent Tumor",
            "new primary" => "Additional - New Primary",
            _ => descriptor.Length == 0 ? tissue : $"{descriptor} {tissue}",
        };
    }
}
