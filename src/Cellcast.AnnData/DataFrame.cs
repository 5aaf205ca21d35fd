using System.Diagnostics.CodeAnalysis;

namespace Cellcast.AnnData;

/// <summary>Row names and named columns in order: <c>obs</c>, <c>var</c>, or a table in <c>obsm</c> or <c>uns</c>.</summary>
public sealed class DataFrame : Element
{
    private readonly OrderedDictionary<string, Column> _columns = new(StringComparer.Ordinal);

    /// <param name="index">Row names; kept, not copied. They need not be unique (see <see cref="NameIndex"/>).</param>
    /// <param name="indexName">Name of the index, null when it has none.</param>
    public DataFrame(string[] index, string? indexName = null)
    {
        ArgumentNullException.ThrowIfNull(index);
        Index = index;
        IndexName = indexName;
    }

    /// <summary>Row names.</summary>
    public string[] Index { get; }

    /// <summary>Name of the index, null when it has none.</summary>
    public string? IndexName { get; }

    /// <summary>Number of rows.</summary>
    public int Length => Index.Length;

    /// <summary>Column names in order.</summary>
    public IReadOnlyList<string> ColumnNames => _columns.Keys;

    /// <summary>Number of columns.</summary>
    public int ColumnCount => _columns.Count;

    /// <summary>The column of that name; setting replaces it in place or adds it at the end.</summary>
    /// <exception cref="KeyNotFoundException">There is none (when getting).</exception>
    /// <exception cref="ArgumentException">Its length differs from the table's (when setting).</exception>
    public Column this[string name]
    {
        get => _columns[name];
        set
        {
            ArgumentNullException.ThrowIfNull(name);
            ArgumentNullException.ThrowIfNull(value);
            if (value.Length != Length) throw new ArgumentException($"column '{name}' has {value.Length} rows, the table {Length}", nameof(value));
            _columns[name] = value;
        }
    }

    /// <summary>Adds or replaces a numeric column.</summary>
    public void Set(string name, Array values) => this[name] = values switch
    {
        bool[] b => new BooleanColumn(b),
        string?[] s => new StringColumn(s),
        _ => new NumericColumn(values),
    };

    /// <summary>Whether there is such a column.</summary>
    public bool Contains(string name) => _columns.ContainsKey(name);

    /// <summary>The column of that name, if any.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out Column? column) => _columns.TryGetValue(name, out column);

    /// <summary>Takes a column out; false where there is none.</summary>
    public bool Remove(string name) => _columns.Remove(name);

    /// <summary>The column of that name, or an error that names the columns there are.</summary>
    /// <param name="name">Column name.</param>
    /// <param name="file">The file to name in the error.</param>
    /// <param name="slot">The slot to name in the error, <c>obs</c> or <c>var</c>.</param>
    /// <exception cref="InputException">There is none.</exception>
    public Column Require(string name, string file, string slot = "obs")
    {
        if (_columns.TryGetValue(name, out var c)) return c;
        string there = ColumnCount == 0 ? "it has no columns" : $"it has {string.Join(", ", ColumnNames.Take(20).Select(n => $"'{n}'"))}{(ColumnCount > 20 ? ", …" : "")}";
        throw new InputException($"'{file}': {slot} has no column '{name}'; {there}.");
    }

    /// <summary>The chosen rows, in that order, in a new table.</summary>
    public DataFrame Select(ReadOnlySpan<int> rows)
    {
        var index = new string[rows.Length];
        for (int i = 0; i < rows.Length; i++) index[i] = Index[rows[i]];
        var result = new DataFrame(index, IndexName);
        foreach (var (name, column) in _columns) result._columns.Add(name, column.Select(rows));
        return result;
    }

    /// <inheritdoc/>
    public override string Describe() => $"table of {Length} rows and {ColumnCount} columns";
}
