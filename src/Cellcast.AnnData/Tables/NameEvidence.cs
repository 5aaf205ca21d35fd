using System.Text.RegularExpressions;

namespace Cellcast.AnnData.Tables;

/// <summary>Guesses from names alone: do they name genes or samples, and of which species.</summary>
public static partial class NameEvidence
{
    // Genes that practically every expression table has; compared in upper case, so that mouse symbols match too.
    private static readonly HashSet<string> s_wellKnown = new(StringComparer.OrdinalIgnoreCase)
    {
        "ACTB", "GAPDH", "B2M", "TP53", "TRP53", "EGFR", "MYC", "CD3D", "CD3E", "CD4", "CD8A", "CD14", "CD19", "CD68", "CD74", "MS4A1", "NKG7",
        "PTPRC", "EPCAM", "VIM", "FN1", "COL1A1", "COL1A2", "KRT18", "KRT19", "MALAT1", "NEAT1", "XIST", "TSPAN6", "DPM1", "SCYL3", "A1BG",
        "A2M", "PTEN", "BRCA1", "BRCA2", "KRAS", "FTL", "FTH1", "EEF1A1", "TMSB4X", "TMSB10", "S100A8", "S100A9", "LYZ", "HBB", "INS", "GCG",
        "ALB", "APOE", "GFAP", "PECAM1", "VWF", "PDGFRA", "PDGFRB", "MKI67", "TOP2A", "PCNA", "JUN", "FOS", "AAAS", "AACS", "AARS", "ABCA1",
    };

    /// <summary>How much a set of names looks like genes (towards 1) or like samples, cells or patients (towards -1).</summary>
    public static double Likeness(IReadOnlyList<string> names)
    {
        double genes = 0, samples = 0;
        int n = 0;
        foreach (string name in Sample(names))
        {
            n++;
            if (EnsemblPattern().IsMatch(name)) genes++;
            else if (SamplePattern().IsMatch(name)) samples++;
            else if (s_wellKnown.Contains(name) || GenePattern().IsMatch(name)) genes++;
            // A symbol may be anything, and so may a sample called KO3: weak evidence.
            else if (LooksLikeSymbol(name)) genes += 0.3;
        }
        return n == 0 ? 0 : (genes - samples) / n;
    }

    /// <summary><c>human</c> (most symbols in capitals, or <c>ENSG</c>), <c>mouse</c> (first letter only, or <c>ENSMUSG</c>), or null.</summary>
    public static string? GuessSpecies(IReadOnlyList<string> names)
    {
        int human = 0, mouse = 0, n = 0;
        foreach (string name in Sample(names))
        {
            n++;
            if (name.StartsWith("ENSMUSG", StringComparison.Ordinal)) mouse++;
            else if (EnsemblHuman().IsMatch(name)) human++;
            else if (name.Length > 2 && char.IsAsciiLetterUpper(name[0]) && char.IsAsciiLetterLower(name[1]) && LooksLikeSymbol(name)) mouse++;
            else if (name.Length > 2 && char.IsAsciiLetterUpper(name[1]) && LooksLikeSymbol(name)) human++;
        }
        if (n == 0) return null;
        return human > 3 * mouse && human * 3 > n ? "human" : mouse > 3 * human && mouse * 3 > n ? "mouse" : null;
    }

    private static bool LooksLikeSymbol(string name) => SymbolPattern().IsMatch(name);

    // At most 2,000 names, evenly spaced: the first genes of many files are not typical of the rest.
    private static IEnumerable<string> Sample(IReadOnlyList<string> names)
    {
        const int most = 2000;
        int step = Math.Max(1, names.Count / most);
        for (int i = 0; i < names.Count; i += step) yield return names[i];
    }

    [GeneratedRegex(@"^ENS[A-Z]{0,6}G\d{9,13}(\.\d+)?(_PAR_Y)?$")]
    private static partial Regex EnsemblPattern();

    [GeneratedRegex(@"^ENSG\d")]
    private static partial Regex EnsemblHuman();

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9]{1,9}([-.@][A-Za-z0-9]{1,6}){0,2}$")]
    private static partial Regex SymbolPattern();

    [GeneratedRegex(@"^(gene|hgnc|probe)[-_. ]?\d+$|^(RP[SL]\d|MT-[A-Z]|LINC\d|MIR\d|HLA-|KRT\d|SLC\d|ZNF\d|TMEM\d|IGH|IGK|OR\d+[A-Z]\d)", RegexOptions.IgnoreCase)]
    private static partial Regex GenePattern();

    [GeneratedRegex(@"^(TCGA|TARGET|GTEX)[-.]|^[ACGTN]{8,}([-_.]\w+)*$|^\w+[-_:#][ACGT]{10,}|^([SED]RR|[SED]RS|SAM[NED]+|GSM)\d+|^(sample|patient|pat|cell|case|donor|subject|spot|bulk|tumou?r|normal|control|ctrl|mix(ture)?|s|p|c)[-_. ]?\d+|^[0-9a-f]{8}-[0-9a-f]{4}-", RegexOptions.IgnoreCase)]
    private static partial Regex SamplePattern();
}
