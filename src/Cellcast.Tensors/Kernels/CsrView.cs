namespace Cellcast.Tensors.Kernels;

/// <summary>A sparse matrix in compressed rows that lies in somebody else's arrays. Column numbers within a row need not be sorted,
/// but no column may occur twice in one row. A view of a range of rows is the same arrays with a slice of <see cref="RowStart"/>.</summary>
public readonly ref struct CsrView
{
    /// <summary>Makes a view.</summary>
    /// <param name="rowStart">Rows + 1 positions; the entries of row r are positions rowStart[r] to rowStart[r + 1] - 1.</param>
    /// <param name="columnIndices">Column of each entry.</param>
    /// <param name="values">Value of each entry.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="offset">Position that the first element of <paramref name="columnIndices"/> and <paramref name="values"/> has; not 0 where only a part of the entries is in memory.</param>
    public CsrView(ReadOnlySpan<long> rowStart, ReadOnlySpan<int> columnIndices, ReadOnlySpan<float> values, int columns, long offset = 0)
    {
        if (rowStart.IsEmpty) throw new ArgumentException("a sparse matrix needs at least one row position");
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        Guard.SameLength(columnIndices.Length, values.Length);
        if (rowStart[0] < offset || rowStart[^1] - offset > values.Length) throw new ArgumentException("the row positions reach beyond the entries");
        RowStart = rowStart;
        ColumnIndices = columnIndices;
        Values = values;
        Columns = columns;
        Offset = offset;
    }

    /// <summary>Position of the first entry of each row, and the end of the last.</summary>
    public ReadOnlySpan<long> RowStart { get; }

    /// <summary>Column of each entry.</summary>
    public ReadOnlySpan<int> ColumnIndices { get; }

    /// <summary>Value of each entry.</summary>
    public ReadOnlySpan<float> Values { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Position of the first element of the entry arrays.</summary>
    public long Offset { get; }

    /// <summary>Number of rows.</summary>
    public int Rows => RowStart.Length - 1;
}
