using System.Globalization;
using Cellcast.AnnData;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Columns of result tables, whatever kind was inferred for them.</summary>
internal static class Columns
{
    /// <summary>A column as numbers, NaN where there is none.</summary>
    internal static double[] Numbers(DataFrame frame, string name) => frame.TryGet(name, out Column? c)
        ? c is NumericColumn n ? n.ToDouble() : Parse(c.ToText())
        : [.. Enumerable.Repeat(double.NaN, frame.Length)];

    /// <summary>A column as texts, empty where missing.</summary>
    internal static string[] Texts(DataFrame frame, string name) => frame.TryGet(name, out Column? c) ? [.. c.ToText().Select(t => t ?? "")] : [.. Enumerable.Repeat("", frame.Length)];

    internal static double[] Parse(IReadOnlyList<string?> texts) =>
        [.. texts.Select(t => double.TryParse(t, NumberStyles.Float, CultureInfo.InvariantCulture, out double v) ? v : t == "True" ? 1 : t == "False" ? 0 : double.NaN)];
}
