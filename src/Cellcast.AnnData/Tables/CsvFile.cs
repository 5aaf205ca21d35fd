using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Cellcast.AnnData.Tables;

/// <summary>
/// A table of named columns on its way into a csv or tsv file: how all results are written. Numbers in invariant form, the shortest
/// that reads back to the same bits; missing values (null, NaN) are empty; quotes only where needed; the file appears whole or not at all.
/// </summary>
public sealed class CsvFile
{
    private readonly List<(string Name, int Length, Func<int, string?> Cell)> _columns = [];

    /// <summary>Adds a column of text; null is missing, and an empty text is written as <c>""</c>.</summary>
    public CsvFile Add(string name, IReadOnlyList<string?> values) => Add(name, values, v => v);

    /// <summary>Adds a column of numbers; NaN is missing.</summary>
    public CsvFile Add(string name, IReadOnlyList<double> values) => Add(name, values, Text);

    /// <summary>Adds a column of numbers; NaN is missing.</summary>
    public CsvFile Add(string name, IReadOnlyList<float> values) => Add(name, values, Text);

    /// <summary>Adds a column of whole numbers.</summary>
    public CsvFile Add(string name, IReadOnlyList<int> values) => Add(name, values, v => v.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a column of whole numbers.</summary>
    public CsvFile Add(string name, IReadOnlyList<long> values) => Add(name, values, v => v.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a column of truth values, written <c>True</c> and <c>False</c>.</summary>
    public CsvFile Add(string name, IReadOnlyList<bool> values) => Add(name, values, v => v ? "True" : "False");

    /// <summary>Adds a column of a data frame.</summary>
    public CsvFile Add(string name, Column column)
    {
        ArgumentNullException.ThrowIfNull(column);
        return column switch
        {
            NumericColumn { Values: double[] d, Missing: null } => Add(name, d),
            NumericColumn { Values: float[] f, Missing: null } => Add(name, f),
            _ => Add(name, column.ToText()),
        };
    }

    /// <summary>A file with the row names of a data frame and all its columns.</summary>
    /// <param name="frame">The table.</param>
    /// <param name="index">Name of the column of row names; the frame's own, or empty, when left out.</param>
    public static CsvFile From(DataFrame frame, string? index = null)
    {
        ArgumentNullException.ThrowIfNull(frame);
        var file = new CsvFile().Add(index ?? frame.IndexName ?? "", frame.Index);
        foreach (string c in frame.ColumnNames) file.Add(c, frame[c]);
        return file;
    }

    /// <summary>The table as it will be read from the file: the first column names the rows, kinds are inferred (see <see cref="ColumnInference"/>).</summary>
    public DataFrame ToDataFrame()
    {
        if (_columns.Count == 0) throw new InvalidOperationException("a table without columns");
        var frame = new DataFrame(Texts(0), _columns[0].Name);
        for (int c = 1; c < _columns.Count; c++) frame[_columns[c].Name] = ColumnInference.Infer(Texts(c));
        return frame;

        string[] Texts(int c) => [.. Enumerable.Range(0, _columns[c].Length).Select(r => _columns[c].Cell(r) ?? "")];
    }

    /// <summary>Writes the file: tab-separated if it is called <c>.tsv</c> or <c>.txt</c>, compressed if its name ends in <c>.gz</c>.</summary>
    /// <exception cref="OutputException">It could not be written.</exception>
    public void Write(string path)
    {
        if (_columns.Count == 0) throw new InvalidOperationException("a table without columns");
        char delimiter = DelimiterOf(path);
        WriteText(path, w =>
        {
            WriteRecord(w, delimiter, _columns.Count, c => _columns[c].Name);
            for (int r = 0; r < _columns[0].Length; r++)
            {
                int row = r;
                WriteRecord(w, delimiter, _columns.Count, c => _columns[c].Cell(row));
            }
        });
    }

    /// <summary>Shortest text that reads back to the same number; null for NaN, <c>inf</c> and <c>-inf</c>.</summary>
    public static string? Text(double value) => double.IsFinite(value) ? value.ToString("R", CultureInfo.InvariantCulture) : NotFinite(value);

    /// <inheritdoc cref="Text(double)"/>
    public static string? Text(float value) => float.IsFinite(value) ? value.ToString("R", CultureInfo.InvariantCulture) : NotFinite(value);

    private static string? NotFinite(double value) => double.IsNaN(value) ? null : value > 0 ? "inf" : "-inf";

    private CsvFile Add<T>(string name, IReadOnlyList<T> values, Func<T, string?> text)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(values);
        if (_columns.Count > 0 && values.Count != _columns[0].Length)
            throw new ArgumentException($"column '{name}' has {values.Count} rows, the table {_columns[0].Length}", nameof(values));
        _columns.Add((name, values.Count, r => text(values[r])));
        return this;
    }

    /// <summary>Delimiter that a file of this name has.</summary>
    internal static char DelimiterOf(string path)
    {
        string name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        return name.EndsWith(".tsv", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".txt", StringComparison.OrdinalIgnoreCase) ? '\t' : ',';
    }

    /// <summary>Writes a text file atomically, compressed if its name ends in <c>.gz</c>.</summary>
    internal static void WriteText(string path, Action<TextWriter> write)
    {
        if (!path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
        {
            AtomicFile.WriteText(path, write);
            return;
        }
        AtomicFile.Write(path, stream =>
        {
            using var zip = new GZipStream(stream, CompressionLevel.Optimal, leaveOpen: true);
            using var writer = new StreamWriter(zip, new UTF8Encoding(false), 1 << 16) { NewLine = "\n" };
            write(writer);
        });
    }

    /// <summary>Writes one line; a null cell is left empty, an empty text is written as <c>""</c>.</summary>
    internal static void WriteRecord(TextWriter writer, char delimiter, int count, Func<int, string?> cell)
    {
        for (int c = 0; c < count; c++)
        {
            if (c > 0) writer.Write(delimiter);
            // An empty line would be skipped on reading.
            if ((cell(c) ?? (count == 1 ? "" : null)) is { } text) WriteField(writer, text, delimiter, first: c == 0);
        }
        writer.Write('\n');
    }

    private static void WriteField(TextWriter writer, string text, char delimiter, bool first)
    {
        // A header that starts with # would be taken for a comment.
        bool quote = text.Length == 0 || text.AsSpan().IndexOfAny("\"\n\r") >= 0 || text.Contains(delimiter)
            || char.IsWhiteSpace(text[0]) || char.IsWhiteSpace(text[^1]) || (first && text[0] == '#');
        if (!quote)
        {
            writer.Write(text);
            return;
        }
        writer.Write('"');
        writer.Write(text.Replace("\"", "\"\"", StringComparison.Ordinal));
        writer.Write('"');
    }
}
