using System.Text.RegularExpressions;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Cohorts;

/// <summary>How the names of samples in the counts and the keys of a clinical table are brought together.</summary>
/// <param name="Column">Column of the clinical table.</param>
/// <param name="Words">What was done to the names, for the report.</param>
/// <param name="Form">Brings a name of either side into the form that is compared.</param>
internal sealed partial record ClinicalKey(string Column, string Words, Func<string, string> Form)
{
    private static readonly (string Words, Func<string, string> Form)[] s_forms =
    [
        ("as they are", n => n),
        ("ignoring case and punctuation, which R changes", Unmangled),
        ("by TCGA sample (type and number of the first 15 characters)", n => SampleOf(Unmangled(n))),
        ("by TCGA patient (first three parts of the barcode)", n => TcgaBarcode.PatientOf(Unmangled(n)) ?? n),
    ];

    [GeneratedRegex("[^A-Za-z0-9]+")]
    private static partial Regex Punctuation();

    /// <summary>The column and form in which most samples are found; a stated column is not second-guessed.</summary>
    /// <exception cref="InputException">No sample is found.</exception>
    internal static ClinicalKey Find(IReadOnlyList<string> samples, string countsPath, TextTable clinical, string? stated)
    {
        string[] columns = stated is null ? clinical.Header : [stated];
        if (stated is not null) clinical.Require(stated);
        (int Matched, ClinicalKey Key)? best = null;
        foreach (string column in columns)
            foreach (var (words, form) in s_forms)
            {
                var keys = clinical.Require(column).Select(form).ToHashSet(StringComparer.Ordinal);
                int matched = samples.Count(s => keys.Contains(form(s)));
                if (matched > 0 && (best is null || matched > best.Value.Matched)) best = (matched, new ClinicalKey(column, words, form));
            }
        if (best is { } b) return b.Key;
        string example = stated is null ? "" : $" ('{clinical.Require(stated).FirstOrDefault()}', …)";
        throw new InputException($"no sample of '{countsPath}' ('{samples[0]}', …) is named in {(stated is null ? "any column" : $"column '{stated}'")} of '{clinical.Path}'{example}; check that the files belong together and choose the column of patients.");
    }

    // R turns '-' into '.' and puts an X before a leading digit.
    private static string Unmangled(string name)
    {
        string n = Punctuation().Replace(name, "-").Trim('-').ToUpperInvariant();
        return n.Length > 1 && n[0] == 'X' && char.IsAsciiDigit(n[1]) ? n[1..] : n;
    }

    private static string SampleOf(string name)
    {
        if (TcgaBarcode.PatientOf(name) is not { } patient || TcgaBarcode.SampleTypeOf(name) is null) return name;
        return name[..(patient.Length + 3)];
    }
}
