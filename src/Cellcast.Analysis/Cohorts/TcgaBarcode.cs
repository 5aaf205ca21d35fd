using System.Text.RegularExpressions;

namespace Cellcast.Analysis.Cohorts;

/// <summary>Barcodes such as <c>TCGA-02-0047-01A-01R-1849-01</c>: project, site, participant, then sample type and vial.</summary>
public static partial class TcgaBarcode
{
    // Of GDC's code table, those that occur with RNA sequencing.
    private static readonly Dictionary<string, string> s_types = new(StringComparer.Ordinal)
    {
        ["01"] = "Primary Tumor",
        ["02"] = "Recurrent Tumor",
        ["03"] = "Primary Blood Derived Cancer - Peripheral Blood",
        ["04"] = "Recurrent Blood Derived Cancer - Bone Marrow",
        ["05"] = "Additional - New Primary",
        ["06"] = "Metastatic",
        ["07"] = "Additional Metastatic",
        ["09"] = "Primary Blood Derived Cancer - Bone Marrow",
        ["11"] = "Solid Tissue Normal",
        ["40"] = "Recurrent Blood Derived Cancer - Peripheral Blood",
    };

    [GeneratedRegex(@"^(TCGA|TARGET)-[A-Z0-9]{2}-[A-Z0-9]{4,6}(?=-|$)")]
    private static partial Regex PatientPattern();

    [GeneratedRegex(@"^(TCGA|TARGET)-[A-Z0-9]{2}-[A-Z0-9]{4,6}-(\d\d)")]
    private static partial Regex SamplePattern();

    /// <summary>The patient part (<c>TCGA-02-0047</c>); null for other names.</summary>
    public static string? PatientOf(string name) => PatientPattern().Match(name) is { Success: true } m ? m.Value : null;

    /// <summary>The sample type in GDC's words; null for a name without one.</summary>
    public static string? SampleTypeOf(string name) =>
        SamplePattern().Match(name) is { Success: true } m ? s_types.GetValueOrDefault(m.Groups[2].Value, "code " + m.Groups[2].Value) : null;
}
