namespace Cellcast.AnnData;

/// <summary>
/// Some rows of a matrix as compressed sparse rows of float32, in buffers that are used again: what passes through where a matrix is too big to be held.
/// Within a row the columns rise strictly.
/// </summary>
public sealed class RowBlock
{
    private long[] _rowPointers = new long[65];
    private int[] _indices = [];
    private float[] _values = [];

    /// <summary>Number of rows.</summary>
    public int Count { get; private set; }

    /// <summary>Number of stored values of all rows.</summary>
    public int StoredCount => (int)_rowPointers[Count];

    /// <summary>Row r lies at <c>RowPointers[r] .. RowPointers[r + 1]</c>; valid until the block is changed, as are the others.</summary>
    public ReadOnlyMemory<long> RowPointers => _rowPointers.AsMemory(0, Count + 1);

    /// <summary>Column of every stored value.</summary>
    public ReadOnlyMemory<int> Indices => _indices.AsMemory(0, StoredCount);

    /// <summary>The stored values.</summary>
    public ReadOnlyMemory<float> Values => _values.AsMemory(0, StoredCount);

    /// <summary>Columns of the stored values of a row.</summary>
    public ReadOnlySpan<int> RowIndices(int row) => _indices.AsSpan((int)_rowPointers[row], (int)(_rowPointers[row + 1] - _rowPointers[row]));

    /// <summary>Stored values of a row.</summary>
    public ReadOnlySpan<float> RowValues(int row) => _values.AsSpan((int)_rowPointers[row], (int)(_rowPointers[row + 1] - _rowPointers[row]));

    /// <summary>Takes all rows out; the buffers stay.</summary>
    public void Clear() => Count = 0;

    /// <summary>Adds a row.</summary>
    /// <param name="indices">Its columns, rising strictly.</param>
    /// <param name="values">Its values.</param>
    public void Append(ReadOnlySpan<int> indices, ReadOnlySpan<float> values)
    {
        if (indices.Length != values.Length) throw new ArgumentException($"{indices.Length} columns and {values.Length} values", nameof(values));
        Append(indices.Length, out var toIndices, out var toValues);
        indices.CopyTo(toIndices);
        values.CopyTo(toValues);
    }

    /// <summary>Adds a row to be filled by the caller.</summary>
    /// <param name="length">Its number of stored values.</param>
    /// <param name="indices">Receives its columns, which must rise strictly.</param>
    /// <param name="values">Receives its values.</param>
    public void Append(int length, out Span<int> indices, out Span<float> values)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        int start = StoredCount;
        Reserve(Count + 1, (long)start + length);
        _rowPointers[++Count] = start + length;
        indices = _indices.AsSpan(start, length);
        values = _values.AsSpan(start, length);
    }

    /// <summary>Adds all rows of another block.</summary>
    public void Append(RowBlock rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        int start = StoredCount;
        Reserve(Count + rows.Count, (long)start + rows.StoredCount);
        rows.Indices.Span.CopyTo(_indices.AsSpan(start));
        rows.Values.Span.CopyTo(_values.AsSpan(start));
        for (int r = 0; r < rows.Count; r++) _rowPointers[Count + r + 1] = start + rows._rowPointers[r + 1];
        Count += rows.Count;
    }

    /// <summary>Takes explicitly stored zeros out.</summary>
    public void DropZeros()
    {
        if (!Values.Span.Contains(0f)) return;
        long write = 0, start = 0;
        for (int r = 0; r < Count; r++)
        {
            long end = _rowPointers[r + 1];
            for (long k = start; k < end; k++)
                if (_values[k] != 0) (_indices[write], _values[write++]) = (_indices[k], _values[k]);
            start = end;
            _rowPointers[r + 1] = write;
        }
    }

    /// <summary>The chosen columns, in that order, as a new numbering; rows stay canonical.</summary>
    /// <param name="place">New number of each column, -1 for columns that are left out.</param>
    /// <param name="rising">Whether the new numbers rise with the old ones.</param>
    internal void Renumber(int[] place, bool rising)
    {
        long write = 0, start = 0;
        for (int r = 0; r < Count; r++)
        {
            long end = _rowPointers[r + 1], first = write;
            for (long k = start; k < end; k++)
                if (place[_indices[k]] is >= 0 and var c) (_indices[write], _values[write++]) = (c, _values[k]);
            if (!rising) Array.Sort(_indices, _values, (int)first, (int)(write - first));
            start = end;
            _rowPointers[r + 1] = write;
        }
    }

    /// <summary>Checks the columns, sorts rows that are unsorted and adds repeats up.</summary>
    /// <param name="columns">Number of columns.</param>
    /// <param name="firstRow">Number of the first row, for messages.</param>
    /// <exception cref="ArgumentException">A column is out of range.</exception>
    internal void MakeCanonical(int columns, Func<int, int> firstRow)
    {
        bool canonical = true;
        for (int r = 0; r < Count; r++)
        {
            int previous = -1;
            foreach (int c in RowIndices(r))
            {
                if ((uint)c >= (uint)columns) throw new ArgumentException($"row {firstRow(r)} has index {c}, outside 0 … {columns - 1}");
                canonical &= c > previous;
                previous = c;
            }
        }
        if (!canonical) Csr.Canonicalise(Count, _rowPointers, ref _indices, ref _values);
    }

    /// <summary>Rows of stated lengths, to be filled in any order.</summary>
    internal void Lay(int rows, Func<int, int> lengthOf, out Memory<int> indices, out Memory<float> values)
    {
        Clear();
        Reserve(rows, 0);
        for (int r = 0; r < rows; r++) _rowPointers[r + 1] = _rowPointers[r] + lengthOf(r);
        Reserve(rows, _rowPointers[rows]);
        Count = rows;
        (indices, values) = (_indices.AsMemory(0, StoredCount), _values.AsMemory(0, StoredCount));
    }

    /// <summary>Rows of a matrix that lie in memory, each with its room, to be filled in any order with <see cref="Matrix.FillPlace"/>.</summary>
    internal void Lay(ReadOnlySpan<int> rows, Matrix matrix)
    {
        Clear();
        Reserve(rows.Length, 0);
        for (int i = 0; i < rows.Length; i++) _rowPointers[i + 1] = _rowPointers[i] + matrix.LengthInMemory(rows[i]);
        Reserve(rows.Length, _rowPointers[rows.Length]);
        Count = rows.Length;
    }

    internal void At(int row, out Span<int> indices, out Span<float> values)
    {
        int start = (int)_rowPointers[row], length = (int)(_rowPointers[row + 1] - start);
        indices = _indices.AsSpan(start, length);
        values = _values.AsSpan(start, length);
    }

    private void Reserve(int rows, long stored)
    {
        if (stored > Array.MaxLength) throw new InvalidOperationException($"a block of rows holds at most {Array.MaxLength} values; ask for fewer rows at a time");
        if (rows >= _rowPointers.Length) Array.Resize(ref _rowPointers, Math.Max(rows + 1, 2 * _rowPointers.Length));
        if (stored <= _indices.Length) return;
        int size = (int)Math.Min(Array.MaxLength, Math.Max(stored, _indices.Length + _indices.LongLength / 2));
        Array.Resize(ref _indices, size);
        Array.Resize(ref _values, size);
    }
}
