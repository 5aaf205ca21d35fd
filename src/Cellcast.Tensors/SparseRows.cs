using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors;

/// <summary>Some rows of a matrix in compressed sparse row form, in place: a minibatch of cells without a copy.</summary>
/// <remarks>Row i holds <c>Values[p]</c> in column <c>Indices[p]</c> for p from <c>RowPointers[r]</c> to <c>RowPointers[r + 1]</c>, where r is
/// <c>RowNumbers[i]</c>. Columns within a row may come in any order but only once.</remarks>
public readonly struct SparseRows
{
    private readonly ReadOnlyMemory<long> _rowPointers;
    private readonly ReadOnlyMemory<int> _indices;
    private readonly ReadOnlyMemory<float> _values;
    private readonly ReadOnlyMemory<int> _rowNumbers;
    private readonly BlockStarts? _starts;
    private readonly long _serving;

    /// <summary>Chosen rows of a matrix.</summary>
    /// <param name="rowPointers">Start of each row, and the end of the last: one more than the matrix has rows.</param>
    /// <param name="indices">Column of each stored value.</param>
    /// <param name="values">The stored values.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="rowNumbers">Row numbers, in any order, repeats allowed. Kept, not copied.</param>
    /// <exception cref="ArgumentException">The parts do not fit each other.</exception>
    public SparseRows(ReadOnlyMemory<long> rowPointers, ReadOnlyMemory<int> indices, ReadOnlyMemory<float> values, int columns, ReadOnlyMemory<int> rowNumbers)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        if (rowPointers.Length == 0 || rowPointers.Span[0] != 0 || rowPointers.Span[^1] != indices.Length || indices.Length != values.Length)
            throw new ArgumentException($"row pointers must run from 0 to the number of stored values ({indices.Length} columns, {values.Length} values)", nameof(rowPointers));
        foreach (int r in rowNumbers.Span)
            if ((uint)r >= (uint)(rowPointers.Length - 1)) throw new ArgumentException($"row {r} of a matrix with {rowPointers.Length - 1} rows", nameof(rowNumbers));
        _rowPointers = rowPointers;
        _indices = indices;
        _values = values;
        _rowNumbers = rowNumbers;
        Columns = columns;
    }

    /// <summary>A range of rows of a matrix.</summary>
    /// <param name="rowPointers">Start of each row, and the end of the last: one more than the matrix has rows.</param>
    /// <param name="indices">Column of each stored value.</param>
    /// <param name="values">The stored values.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="first">First row.</param>
    /// <param name="count">How many rows.</param>
    /// <exception cref="ArgumentException">The parts do not fit each other.</exception>
    public SparseRows(ReadOnlyMemory<long> rowPointers, ReadOnlyMemory<int> indices, ReadOnlyMemory<float> values, int columns, int first, int count)
        : this(rowPointers, indices, values, columns, Enumerable.Range(first, count).ToArray())
    {
    }

    /// <summary>All rows of a matrix.</summary>
    /// <param name="rowPointers">Start of each row, and the end of the last: one more than the matrix has rows.</param>
    /// <param name="indices">Column of each stored value.</param>
    /// <param name="values">The stored values.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="starts">Remembers from kernel to kernel what is found out about the rows, and now forgets what it knew of others; or null.</param>
    /// <exception cref="ArgumentException">The parts do not fit each other.</exception>
    public SparseRows(ReadOnlyMemory<long> rowPointers, ReadOnlyMemory<int> indices, ReadOnlyMemory<float> values, int columns, BlockStarts? starts = null)
        : this(rowPointers, indices, values, columns, 0, Math.Max(0, rowPointers.Length - 1))
    {
        _starts = starts;
        _serving = starts?.Begin() ?? 0;
    }

    /// <summary>How many rows.</summary>
    public int Count => _rowNumbers.Length;

    /// <summary>How many columns.</summary>
    public int Columns { get; }

    /// <summary>Row pointers of the whole matrix.</summary>
    public ReadOnlySpan<long> RowPointers => _rowPointers.Span;

    /// <summary>Column indices of the whole matrix.</summary>
    public ReadOnlySpan<int> Indices => _indices.Span;

    /// <summary>Stored values of the whole matrix.</summary>
    public ReadOnlySpan<float> Values => _values.Span;

    /// <summary>For every row its number in the matrix.</summary>
    public ReadOnlySpan<int> RowNumbers => _rowNumbers.Span;

    /// <summary>The whole matrix as kernels take it.</summary>
    public CsrView Matrix => new(RowPointers, Indices, Values, Columns);

    /// <summary>What kernels remember about these rows; null where nothing is remembered, or others are by now.</summary>
    internal BlockStarts? Starts => _starts?.Serving == _serving ? _starts : null;

    /// <summary>Columns in which a row stores a value.</summary>
    /// <param name="row">From 0 to <see cref="Count"/> - 1.</param>
    public ReadOnlySpan<int> IndicesOf(int row)
    {
        var (start, length) = ExtentOf(row);
        return Indices.Slice(start, length);
    }

    /// <summary>Values that a row stores.</summary>
    /// <param name="row">From 0 to <see cref="Count"/> - 1.</param>
    public ReadOnlySpan<float> ValuesOf(int row)
    {
        var (start, length) = ExtentOf(row);
        return Values.Slice(start, length);
    }

    /// <summary>Other rows of the same matrix.</summary>
    /// <param name="rowNumbers">Row numbers in the matrix, in any order, repeats allowed. Kept, not copied.</param>
    public SparseRows Choose(ReadOnlyMemory<int> rowNumbers) => new(_rowPointers, _indices, _values, Columns, rowNumbers);

    /// <summary>Sum of log x! over all values: the constant of a count likelihood, worth keeping.</summary>
    public double LogFactorials() => CountDecoderLoss.LogFactorials(Matrix, RowNumbers);

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
        return new SparseRows(pointers, indices.ToArray(), values.ToArray(), columns);
    }

    private (int Start, int Length) ExtentOf(int row)
    {
        int r = RowNumbers[row];
        long start = RowPointers[r];
        return ((int)start, (int)(RowPointers[r + 1] - start));
    }
}
