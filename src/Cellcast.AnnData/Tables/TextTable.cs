namespace Cellcast.AnnData.Tables;

/// <summary>A small table as text: clinical data, sample sheets, gene maps. For wide tables of numbers see <see cref="CountTable"/>.</summary>
public sealed class TextTable
{
    private readonly Dictionary<string, int> _position = new(StringComparer.Ordinal);

    private TextTable(string path, string[] header, string[][] columns)
    {
        (Path, Header, Columns) = (path, header, columns);
        for (int c = 0; c < header.Length; c++) _position.TryAdd(header[c], c);
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Column names, trimmed.</summary>
    public string[] Header { get; }

    /// <summary>Cells, trimmed, column by column.</summary>
    public string[][] Columns { get; }

    /// <summary>Number of rows.</summary>
    public int Rows => Columns[0].Length;

    /// <summary>Reads a table with a header, plain or gzip.</summary>
    /// <param name="path">The file.</param>
    /// <param name="delimiter">Delimiter, or null to detect it from the header.</param>
    /// <exception cref="InputException">No header, rows of different length, repeated column names.</exception>
    public static TextTable Read(string path, char? delimiter = null)
    {
        using var reader = new DelimitedReader(path, delimiter);
        if (!reader.Read()) throw new InputException($"'{path}': holds no table.");
        string[] header = reader.Texts();
        List<string>[]? cells = null;
        while (reader.Read())
        {
            if (cells is null)
            {
                // R writes no name above the row names.
                if (reader.Count == header.Length + 1) header = ["", .. header];
                cells = [.. header.Select(_ => new List<string>())];
            }
            if (reader.Count != header.Length)
                throw new InputException($"'{path}': line {reader.Line} has {reader.Count} fields where the header has {header.Length}.");
            for (int c = 0; c < header.Length; c++) cells[c].Add(reader.Text(c));
        }
        string? twice = header.GroupBy(h => h, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1 && g.Key.Length > 0)?.Key;
        if (twice is not null) throw new InputException($"'{path}': the column '{twice}' occurs twice; rename one of them.");
        return new TextTable(path, header, cells is null ? [.. header.Select(_ => Array.Empty<string>())] : [.. cells.Select(c => c.ToArray())]);
    }

    /// <summary>Whether there is such a column.</summary>
    public bool Contains(string column) => _position.ContainsKey(column);

    /// <summary>A column by name; null where there is none.</summary>
    public string[]? Find(string column) => _position.TryGetValue(column, out int c) ? Columns[c] : null;

    /// <summary>The first of several columns that exists; null where there is none.</summary>
    public string? FirstOf(params ReadOnlySpan<string> columns)
    {
        foreach (string c in columns)
            if (Contains(c)) return c;
        return null;
    }

    /// <summary>A column by name.</summary>
    /// <exception cref="InputException">There is none; the message lists those there are.</exception>
    public string[] Require(string column) => Find(column)
        ?? throw new InputException($"'{Path}': has no column '{column}'; it has {string.Join(", ", Header.Take(30).Select(h => $"'{h}'"))}{(Header.Length > 30 ? ", …" : "")}.");

    /// <summary>The table with kinds inferred (see <see cref="ColumnInference"/>).</summary>
    /// <param name="index">Column that names the rows; null for the first.</param>
    public DataFrame ToDataFrame(string? index = null)
    {
        string key = index ?? Header[0];
        var frame = new DataFrame(Require(key), key.Length == 0 ? null : key);
        for (int c = 0; c < Header.Length; c++)
            if (Header[c] != key) frame[Header[c]] = ColumnInference.Infer(Columns[c]);
        return frame;
    }
}
