using System.Collections.Frozen;

namespace Cellcast.AnnData.Tables;

/// <summary>What tables write where they know nothing.</summary>
public static class MissingValue
{
    private static readonly FrozenSet<string> s_forms = new[]
    {
        "", "NA", "N/A", "#N/A", "NaN", "nan", "na", "n/a", "null", "NULL", "None", "<NA>", "--", "'--", "[Not Available]",
        "[Not Applicable]", "[Unknown]", "[Not Evaluated]", "[Discrepancy]",
    }.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Length of the longest form.</summary>
    public const int Longest = 18;

    /// <summary>Whether trimmed text stands for a missing value.</summary>
    public static bool Is(string text) => text.Length <= Longest && s_forms.Contains(text);
}
