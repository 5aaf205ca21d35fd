namespace Cellcast.AnnData;

/// <summary>A sparse matrix whose rows are made, read or unpacked when they are asked for, so that it may be larger than memory or than 2^31 values: <see cref="H5ad.StoredMatrix"/>,
/// <see cref="PackedMatrix"/>, <see cref="GeneratedMatrix"/>. Values are float32.</summary>
public abstract class StreamedMatrix : Matrix
{
    private protected StreamedMatrix(int rows, int columns) : base(rows, columns) { }

    /// <inheritdoc/>
    public override Type ElementType => typeof(float);

    /// <summary>Number of stored values; null where that is not known before all rows have been made.</summary>
    public abstract long? StoredCount { get; }

    /// <inheritdoc/>
    public override SparseMatrix SelectRows(ReadOnlySpan<int> rows)
    {
        var block = new RowBlock();
        ReadRows(rows, block);
        return new SparseMatrix(rows.Length, Columns, block.RowPointers.ToArray(), block.Indices.ToArray(), block.Values.ToArray());
    }

    /// <inheritdoc/>
    public override SparseMatrix SelectColumns(ReadOnlySpan<int> columns)
    {
        var chosen = new ColumnChoice(Columns, columns);
        return Gather(chosen.Count, null, chosen.Apply);
    }

    /// <inheritdoc/>
    /// <exception cref="InputException">The matrix is too big for memory; use it row by row.</exception>
    public override SparseMatrix ToSparse(out long rounded)
    {
        rounded = 0;
        return Gather(Columns, StoredCount, _ => { });
    }

    private SparseMatrix Gather(int columns, long? stored, Action<RowBlock> change)
    {
        if (stored > Array.MaxLength) throw new InputException($"a matrix of {Rows} x {Columns} with {stored} stored values is too big to be held at once.");
        var pointers = new long[Rows + 1];
        var (indices, values) = (new int[stored ?? 0], new float[stored ?? 0]);
        long done = 0;
        ForEachBlock((first, block) =>
        {
            change(block);
            long end = done + block.StoredCount;
            if (end > indices.LongLength)
            {
                if (end > Array.MaxLength) throw new InputException($"a matrix of {Rows} x {columns} has too many stored values to be held at once.");
                int size = (int)Math.Min(Array.MaxLength, Math.Max(end, 2 * done));
                Array.Resize(ref indices, size);
                Array.Resize(ref values, size);
            }
            block.Indices.Span.CopyTo(indices.AsSpan((int)done));
            block.Values.Span.CopyTo(values.AsSpan((int)done));
            ReadOnlySpan<long> p = block.RowPointers.Span;
            for (int r = 0; r < block.Count; r++) pointers[first + r + 1] = done + p[r + 1];
            done = end;
        });
        if (done < indices.LongLength)
        {
            Array.Resize(ref indices, (int)done);
            Array.Resize(ref values, (int)done);
        }
        return new SparseMatrix(Rows, columns, pointers, indices, values);
    }

    /// <inheritdoc/>
    public override string Describe() => $"{Rows} x {Columns} sparse float32{(StoredCount is { } n ? $", {n} stored" : "")}";
}

/// <summary>A choice of columns, to be applied to blocks of rows.</summary>
public sealed class ColumnChoice
{
    private readonly int[] _place;
    private readonly bool _rising = true;

    /// <param name="columns">Number of columns of the matrix.</param>
    /// <param name="chosen">The chosen ones, in their new order, each once.</param>
    public ColumnChoice(int columns, ReadOnlySpan<int> chosen)
    {
        _place = new int[columns];
        Array.Fill(_place, -1);
        for (int i = 0; i < chosen.Length; i++)
        {
            if (_place[chosen[i]] >= 0) throw new ArgumentException($"column {chosen[i]} was chosen twice", nameof(chosen));
            _place[chosen[i]] = i;
            _rising &= i == 0 || chosen[i] > chosen[i - 1];
        }
        Count = chosen.Length;
    }

    /// <summary>How many columns are chosen.</summary>
    public int Count { get; }

    /// <summary>Leaves the other columns of a block out and gives the chosen ones their new numbers.</summary>
    public void Apply(RowBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        block.Renumber(_place, _rising);
    }
}

/// <summary>A sparse matrix whose rows follow from their numbers: simulated cells, values computed from another matrix.</summary>
public sealed class GeneratedMatrix : StreamedMatrix
{
    private readonly Action<int, int, RowBlock> _generate;

    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="generate">Appends a range of rows (first, count) to a block; the same range gives the same rows whenever it is called.</param>
    public GeneratedMatrix(int rows, int columns, Action<int, int, RowBlock> generate) : base(rows, columns)
    {
        ArgumentNullException.ThrowIfNull(generate);
        _generate = generate;
    }

    /// <inheritdoc/>
    public override long? StoredCount => null;

    private protected override void FillRows(int first, int count, RowBlock block) => _generate(first, count, block);
}

/// <summary>A dense array of float32 whose rows are computed when they are asked for, as they are when it is written.</summary>
public sealed class GeneratedArray : Matrix
{
    private readonly Action<int, int, Memory<float>> _generate;

    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="generate">Fills a range of rows (first, count), row by row.</param>
    /// <param name="rowsAtOnce">Ranges begin at multiples of this many rows and are as long, except the last.</param>
    public GeneratedArray(int rows, int columns, Action<int, int, Memory<float>> generate, int rowsAtOnce) : base(rows, columns)
    {
        ArgumentNullException.ThrowIfNull(generate);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowsAtOnce, 1);
        (_generate, RowsAtOnce) = (generate, rowsAtOnce);
    }

    /// <summary>Rows that are computed at a time.</summary>
    public int RowsAtOnce { get; }

    /// <inheritdoc/>
    public override Type ElementType => typeof(float);

    /// <summary>Calls <paramref name="use"/> with all rows in order: first row, how many, their values.</summary>
    public void ForEachBlock(Action<int, int, ReadOnlyMemory<float>> use)
    {
        ArgumentNullException.ThrowIfNull(use);
        var buffer = new float[checked(Math.Min(RowsAtOnce, Math.Max(1, Rows)) * Columns)];
        for (int first = 0; first < Rows; first += RowsAtOnce)
        {
            int count = Math.Min(RowsAtOnce, Rows - first);
            var values = buffer.AsMemory(0, count * Columns);
            _generate(first, count, values);
            use(first, count, values);
        }
    }

    /// <summary>All rows.</summary>
    public DenseMatrix ToDense()
    {
        var all = new float[checked(Rows * Columns)];
        ForEachBlock((first, _, values) => values.CopyTo(all.AsMemory(first * Columns)));
        return new DenseMatrix(Rows, Columns, all);
    }

    /// <inheritdoc/>
    public override Matrix SelectRows(ReadOnlySpan<int> rows)
    {
        int[] wanted = [.. Enumerable.Range(0, rows.Length)], numbers = rows.ToArray();
        Array.Sort(wanted, (a, b) => numbers[a].CompareTo(numbers[b]));
        var chosen = new float[checked(numbers.Length * Columns)];
        int next = 0;
        ForEachBlock((first, count, values) =>
        {
            for (; next < wanted.Length && numbers[wanted[next]] < first + count; next++)
                values.Slice((numbers[wanted[next]] - first) * Columns, Columns).CopyTo(chosen.AsMemory(wanted[next] * Columns));
        });
        return new DenseMatrix(numbers.Length, Columns, chosen);
    }

    /// <inheritdoc/>
    public override Matrix SelectColumns(ReadOnlySpan<int> columns) => ToDense().SelectColumns(columns);

    /// <inheritdoc/>
    public override SparseMatrix ToSparse(out long rounded) => ToDense().ToSparse(out rounded);

    private protected override void FillRows(int first, int count, RowBlock block)
    {
        int[] rows = [.. Enumerable.Range(first, count)];
        var inner = new RowBlock();
        SelectRows(rows).ReadRows(0, count, inner);
        block.Append(inner);
    }

    /// <inheritdoc/>
    public override string Describe() => $"{Rows} x {Columns} float32 array";
}
