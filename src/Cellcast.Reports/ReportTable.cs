using System.Text.Json.Serialization;

namespace Cellcast.Reports;

/// <summary>A table that can be searched, sorted and saved.</summary>
/// <param name="Columns">Columns of one length; the first names the row.</param>
public sealed record ReportTable(IReadOnlyList<ReportColumn> Columns);

/// <summary>A column of a table: texts or numbers (NaN: missing).</summary>
public sealed record ReportColumn
{
    private ReportColumn(string key, string title, string? help, ColumnFormat format, string[]? text, double[]? numbers) =>
        (Key, Title, Help, Format, Text, Numbers) = (key, title, help, format, text, numbers);

    /// <summary>Name in a saved file.</summary>
    public string Key { get; }

    /// <summary>Heading.</summary>
    public string Title { get; }

    /// <summary>Explanation of the heading.</summary>
    public string? Help { get; }

    /// <summary>How numbers are written.</summary>
    public ColumnFormat Format { get; }

    /// <summary>The texts, or null.</summary>
    [JsonConverter(typeof(PackedTexts))]
    public string[]? Text { get; }

    /// <summary>The numbers, or null.</summary>
    public double[]? Numbers { get; }

    /// <summary>A column of texts.</summary>
    public static ReportColumn Of(string key, string title, IEnumerable<string?> values, string? help = null) =>
        new(key, title, help, ColumnFormat.Text, [.. values.Select(v => v ?? "")], null);

    /// <summary>A column of numbers.</summary>
    public static ReportColumn Of(string key, string title, IEnumerable<double> values, ColumnFormat format = ColumnFormat.Number, string? help = null) =>
        new(key, title, help, format, null, [.. values]);
}

/// <summary>How numbers of a column are written.</summary>
public enum ColumnFormat
{
    /// <summary>A text.</summary>
    Text,

    /// <summary>Three significant digits.</summary>
    Number,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A p or q value.</summary>
    Probability,

    /// <summary>A share.</summary>
    Percent,
}
