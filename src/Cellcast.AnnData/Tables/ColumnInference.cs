using System.Globalization;

namespace Cellcast.AnnData.Tables;

/// <summary>Decides what a column of text holds.</summary>
public static class ColumnInference
{
    private const NumberStyles Real = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    /// <summary>
    /// Turns text into the narrowest kind that loses nothing: truth values (<c>true</c> / <c>false</c> in any case), whole numbers (int64),
    /// numbers (float64, missing values NaN), else labels. Labels that repeat, or that have gaps, become categorical; labels that
    /// are all different stay strings. Whole numbers with leading zeros (<c>007</c>) are labels. Truth values with gaps become the labels
    /// <c>True</c> and <c>False</c>.
    /// </summary>
    /// <param name="text">One entry per row; null, empty, <c>NA</c>, <c>NaN</c>, GDC's <c>'--</c> and the like are missing.</param>
    public static Column Infer(IReadOnlyList<string?> text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var cells = new string?[text.Count];
        int missing = 0;
        bool truth = true, whole = true, real = true;
        for (int i = 0; i < cells.Length; i++)
        {
            string? t = text[i]?.Trim();
            if (t is null || MissingValue.Is(t))
            {
                missing++;
                continue;
            }
            cells[i] = t;
            truth = truth && bool.TryParse(t, out _);
            whole = whole && IsWhole(t);
            real = real && IsReal(t);
        }
        if (missing == cells.Length) return new NumericColumn(Enumerable.Repeat(double.NaN, cells.Length).ToArray());
        if (truth) return Truth(cells, missing);
        if (whole && missing == 0) return new NumericColumn(Array.ConvertAll(cells, c => long.Parse(c!, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture)));
        if (real) return new NumericColumn(Array.ConvertAll(cells, c => c is null ? double.NaN : Number(c)));
        bool repeats = missing > 0 || cells.Distinct(StringComparer.Ordinal).Count() < cells.Length;
        return repeats ? CategoricalColumn.FromLabels(cells) : new StringColumn(cells);
    }

    /// <summary>Whether a cell stands for a missing value: empty, NA, N/A, NaN, null, None, GDC's <c>'--</c>, TCGA's <c>[Not Available]</c> …</summary>
    public static bool IsMissing(string? text) => text is null || MissingValue.Is(text.Trim());

    private static Column Truth(string?[] cells, int missing) => missing == 0
        ? new BooleanColumn(Array.ConvertAll(cells, c => bool.Parse(c!)))
        : CategoricalColumn.FromLabels(Array.ConvertAll(cells, c => c is null ? null : bool.Parse(c) ? "True" : "False"));

    private static bool HasLeadingZero(string t)
    {
        int digit = t[0] is '-' or '+' ? 1 : 0;
        return t.Length > digit + 1 && t[digit] == '0' && char.IsAsciiDigit(t[digit + 1]);
    }

    private static bool IsWhole(string t) => !HasLeadingZero(t) && long.TryParse(t, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    private static bool IsReal(string t) => !HasLeadingZero(t) && (IsInfinity(t) || double.TryParse(t, Real, CultureInfo.InvariantCulture, out double d) && double.IsFinite(d));

    private static double Number(string t) => IsInfinity(t) ? t[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity : double.Parse(t, Real, CultureInfo.InvariantCulture);

    private static bool IsInfinity(string t) => t.TrimStart('-', '+').Equals("inf", StringComparison.OrdinalIgnoreCase);
}
