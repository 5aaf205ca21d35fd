namespace Cellcast.Tensors;

/// <summary>Some rows of a matrix in compressed sparse row form, in place: a minibatch of cells without a copy.</summary>
/// <remarks>Row i holds <c>Values[p]</c> in column <c>Indices[p]</c> for p from <c>RowPointers[r]</c> to <c>RowPointers[r + 1]</c>, where r is
/// <c>Rows[i]</c>, or <c>First + i</c> where no row numbers were given. Columns within a row may come in any order but only once.</remarks>
public readonly struct SparseRows
{
    private readonly long[] _rowPointers;
    private readonly int[] _indices;
    private readonly float[] _values;
    private readonly int[]? _rows;
    private readonly int _first;

    /// <summary>Chosen rows of a matrix.</summary>
    /// <param name="rowPointers">Start of each row, and the end of the last: one more than the matrix has rows.</param>
    /// <param name="indices">Column of each stored value.</param>
    /// <param name="values">The stored values.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="rows">Row numbers, in any order, repeats allowed.</param>
    /// <exception cref="ArgumentException">The parts do not fit each other.</exception>
    public SparseRows(long[] rowPointers, int[] indices, float[] values, int columns, int[] rows) : this(rowPointers, indices, values, columns, rows, 0, rows?.Length ?? 0)
    {
        ArgumentNullException.ThrowIfNull(rows);
        foreach (int r in rows)
            if ((uint)r >= (uint)(rowPointers.Length - 1)) throw new ArgumentException($"row {r} of a matrix with {rowPointers.Length - 1} rows", nameof(rows));
    }

    /// <summary>A range of rows of a matrix.</summary>
    /// <param name="rowPointers">Start of each row, and the end of the last: one more than the matrix has rows.</param>
    /// <param name="indices">Column of each stored value.</param>
    /// <param name="values">The stored values.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="first">First row.</param>
    /// <param name="count">How many rows.</param>
    /// <exception cref="ArgumentException">The parts do not fit each other.</exception>
    public SparseRows(long[] rowPointers, int[] indices, float[] values, int columns, int first, int count) : this(rowPointers, indices, values, columns, null, first, count)
    {
        if (first < 0 || count < 0 || (long)first + count > rowPointers.Length - 1)
            throw new ArgumentException($"rows {first} to {first + count - 1} of a matrix with {rowPointers.Length - 1} rows", nameof(first));
    }

    /// <summary>All rows of a matrix.</summary>
    /// <param name="rowPointers">Start of each row, and the end of the last: one more than the matrix has rows.</param>
    /// <param name="indices">Column of each stored value.</param>
    /// <param name="values">The stored values.</param>
    /// <param name="columns">Number of columns.</param>
    /// <exception cref="ArgumentException">The parts do not fit each other.</exception>
    public SparseRows(long[] rowPointers, int[] indices, float[] values, int columns) : this(rowPointers, indices, values, columns, 0, (rowPointers?.Length ?? 1) - 1)
    {
    }

    private SparseRows(long[] rowPointers, int[] indices, float[] values, int columns, int[]? rows, int first, int count)
    {
        ArgumentNullException.ThrowIfNull(rowPointers);
        ArgumentNullException.ThrowIfNull(indices);
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        if (rowPointers.Length == 0 || rowPointers[0] != 0 || rowPointers[^1] > indices.Length || rowPointers[^1] > values.Length)
            throw new ArgumentException($"row pointers must run from 0 to at most the number of stored values ({Math.Min(indices.Length, values.Length)})", nameof(rowPointers));
        _rowPointers = rowPointers;
        _indices = indices;
        _values = values;
        _rows = rows;
        _first = first;
        Count = count;
        Columns = columns;
    }

    /// <summary>How many rows.</summary>
    public int Count { get; }

    /// <summary>How many columns.</summary>
    public int Columns { get; }

    /// <summary>Row pointers of the whole matrix.</summary>
    public ReadOnlySpan<long> RowPointers => _rowPointers;

    /// <summary>Column indices of the whole matrix.</summary>
    public ReadOnlySpan<int> Indices => _indices;

    /// <summary>Stored values of the whole matrix.</summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>Row numbers in the matrix; empty where a range was given.</summary>
    public ReadOnlySpan<int> Rows => _rows;

    /// <summary>First row of the range; 0 where row numbers were given.</summary>
    public int First => _first;

    /// <summary>Row number in the matrix.</summary>
    /// <param name="row">From 0 to <see cref="Count"/> - 1.</param>
    public int RowNumber(int row) => _rows is null ? _first + row : _rows[row];

    /// <summary>Columns in which a row stores a value.</summary>
    /// <param name="row">From 0 to <see cref="Count"/> - 1.</param>
    public ReadOnlySpan<int> IndicesOf(int row)
    {
        var (start, length) = ExtentOf(row);
        return new ReadOnlySpan<int>(_indices, start, length);
    }

    /// <summary>Values that a row stores.</summary>
    /// <param name="row">From 0 to <see cref="Count"/> - 1.</param>
    public ReadOnlySpan<float> ValuesOf(int row)
    {
        var (start, length) = ExtentOf(row);
        return new ReadOnlySpan<float>(_values, start, length);
    }

    /// <summary>How many values all rows together store.</summary>
    public long StoredCount
    {
        get
        {
            long n = 0;
            for (int i = 0; i < Count; i++) n += ExtentOf(i).Length;
            return n;
        }
    }

    /// <summary>The stored values of a dense matrix that are not zero.</summary>
    /// <param name="dense">Row by row.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    public static SparseRows FromDense(ReadOnlySpan<float> dense, int rows, int columns)
    {
        var pointers = new long[rows + 1];
        var indices = new List<int>();
        var values = new List<float>();
        for (int r = 0; r < rows; r++)
        {
            var row = dense.Slice(r * columns, columns);
            for (int c = 0; c < columns; c++)
                if (row[c] != 0)
                {
                    indices.Add(c);
                    values.Add(row[c]);
                }
            pointers[r + 1] = values.Count;
        }
        return new SparseRows(pointers, [.. indices], [.. values], columns);
    }

    private (int Start, int Length) ExtentOf(int row)
    {
        int r = RowNumber(row);
        return ((int)_rowPointers[r], (int)(_rowPointers[r + 1] - _rowPointers[r]));
    }
}
