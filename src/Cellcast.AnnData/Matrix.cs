namespace Cellcast.AnnData;

/// <summary>A two-dimensional matrix of <c>X</c>, a layer, <c>obsm</c> and so on: <see cref="SparseMatrix"/>, <see cref="SparseMatrix64"/>, <see cref="DenseMatrix"/>,
/// or one whose rows are made when they are asked for (<see cref="StreamedMatrix"/>, <see cref="GeneratedArray"/>).</summary>
public abstract class Matrix : Element
{
    private protected Matrix(int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        (Rows, Columns) = (rows, columns);
    }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Stored element type.</summary>
    public abstract Type ElementType { get; }

    /// <summary>The chosen rows, in that order (repeats allowed).</summary>
    public abstract Matrix SelectRows(ReadOnlySpan<int> rows);

    /// <summary>The chosen columns, in that order (no repeats).</summary>
    public abstract Matrix SelectColumns(ReadOnlySpan<int> columns);

    /// <summary>
    /// The matrix as models take it: sparse float32 (itself when it already is). Zeros of a dense matrix are left out. Values
    /// that float32 cannot hold exactly (integers above 2^24, most float64) are rounded to nearest.
    /// </summary>
    /// <param name="rounded">How many values were rounded: say so to the user when it is not 0 and exact counts are expected.</param>
    /// <exception cref="InputException">A finite value is beyond the range of float32 (3.4e38), or the matrix holds no numbers.</exception>
    public abstract SparseMatrix ToSparse(out long rounded);

    /// <summary>See <see cref="ToSparse(out long)"/>.</summary>
    public SparseMatrix ToSparse() => ToSparse(out _);

    /// <summary>Rows that make up a block of moderate size: what a loop over all rows asks for at a time.</summary>
    public int RowsPerBlock => (int)Math.Clamp((1L << 24) / Math.Max(1, Columns), 64, 8192);

    /// <summary>Reads neighbouring rows as sparse float32, rounded to nearest where float32 does not hold a value.</summary>
    /// <param name="first">First row.</param>
    /// <param name="count">How many.</param>
    /// <param name="block">Receives them; what was in it is gone.</param>
    /// <exception cref="InputException">The rows lie in a file that is damaged, or the matrix holds no numbers.</exception>
    public void ReadRows(int first, int count, RowBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (first > Rows - count) throw new ArgumentOutOfRangeException(nameof(count), $"rows {first} to {first + (long)count - 1} of {Rows}");
        block.Clear();
        FillRows(first, count, block);
    }

    /// <summary>Reads chosen rows, in that order, as <see cref="ReadRows(int, int, RowBlock)"/> does.</summary>
    /// <param name="rows">Row numbers, repeats allowed.</param>
    /// <param name="block">Receives them; what was in it is gone.</param>
    public void ReadRows(ReadOnlySpan<int> rows, RowBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        foreach (int r in rows)
            if ((uint)r >= (uint)Rows) throw new ArgumentOutOfRangeException(nameof(rows), $"row {r} of {Rows}");
        block.Clear();
        FillRows(rows, block);
    }

    /// <summary>Makes room for chosen rows that lie in memory, so that several threads can fill it: <see cref="FillPlace"/> for every place gives what
    /// <see cref="ReadRows(ReadOnlySpan{int}, RowBlock)"/> would.</summary>
    /// <param name="rows">Row numbers, repeats allowed.</param>
    /// <param name="block">Receives places for them; what was in it is gone.</param>
    /// <returns>False where rows are not at hand one by one (they lie in a file, or are made on demand); the block is then as it was.</returns>
    public bool TryLayRows(ReadOnlySpan<int> rows, RowBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        if (!RowsLieInMemory) return false;
        foreach (int r in rows)
            if ((uint)r >= (uint)Rows) throw new ArgumentOutOfRangeException(nameof(rows), $"row {r} of {Rows}");
        block.Lay(rows, this);
        return true;
    }

    /// <summary>Reads one row into its place in a block that <see cref="TryLayRows"/> has laid out. Different places may be filled at the same time.</summary>
    /// <param name="row">The row that was laid there.</param>
    /// <param name="block">The block.</param>
    /// <param name="place">Its place.</param>
    public void FillPlace(int row, RowBlock block, int place)
    {
        ArgumentNullException.ThrowIfNull(block);
        block.At(place, out var indices, out var values);
        if (!RowsLieInMemory || LengthInMemory(row) != indices.Length) throw new ArgumentException($"place {place} was not laid out for row {row}", nameof(place));
        CopyRow(row, indices, values);
    }

    /// <summary>Calls <paramref name="use"/> with all rows in order, a block at a time.</summary>
    /// <param name="use">Is given the number of the first row and the block, which is used again afterwards.</param>
    /// <param name="cancellation">Checked between blocks.</param>
    public void ForEachBlock(Action<int, RowBlock> use, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(use);
        var block = new RowBlock();
        for (int first = 0; first < Rows; first += RowsPerBlock)
        {
            cancellation.ThrowIfCancellationRequested();
            ReadRows(first, Math.Min(RowsPerBlock, Rows - first), block);
            use(first, block);
        }
    }

    /// <summary>Whether <see cref="LengthInMemory"/> and <see cref="CopyRow"/> work, from any thread.</summary>
    private protected virtual bool RowsLieInMemory => false;

    /// <summary>Stored values of a row.</summary>
    internal virtual int LengthInMemory(int row) => throw new NotSupportedException();

    private protected virtual void CopyRow(int row, Span<int> indices, Span<float> values) => throw new NotSupportedException();

    private protected abstract void FillRows(int first, int count, RowBlock block);

    private protected virtual void FillRows(ReadOnlySpan<int> rows, RowBlock block)
    {
        foreach (int r in rows) FillRows(r, 1, block);
    }

    private protected static float Narrow(double value, ref long rounded)
    {
        float f = (float)value;
        if (f != value && !double.IsNaN(value))
        {
            if (float.IsInfinity(f)) throw new InputException($"the value {value:R} does not fit float32; rescale the matrix or remove that value.");
            rounded++;
        }
        return f;
    }
}

/// <summary>A dense 2-D array, row-major, in its stored element type (numbers, bool or strings).</summary>
public sealed class DenseMatrix : Matrix
{
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="data">All elements, row-major, in a 1-D array; kept, not copied.</param>
    public DenseMatrix(int rows, int columns, Array data) : base(rows, columns)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (!ElementTypes.IsSupported(data.GetType().GetElementType()!)) throw new ArgumentException($"arrays of {data.GetType().GetElementType()} are not supported", nameof(data));
        if (data.LongLength != (long)rows * columns) throw new ArgumentException($"{data.LongLength} elements do not fill {rows} x {columns}", nameof(data));
        Data = data;
    }

    /// <summary>All elements, row-major.</summary>
    public Array Data { get; }

    /// <inheritdoc/>
    public override Type ElementType => Data.GetType().GetElementType()!;

    /// <summary>All elements as float32, row-major; the stored array itself when it is one.</summary>
    public float[] ToSingle() => ElementTypes.ToSingle(Data);

    /// <summary>All elements as float64, row-major; the stored array itself when it is one.</summary>
    public double[] ToDouble() => ElementTypes.ToDouble(Data);

    private protected override void FillRows(int first, int count, RowBlock block)
    {
        if (ElementType == typeof(string)) throw new InputException("a matrix of strings cannot be used as numbers.");
        var row = Array.CreateInstance(ElementType, Columns);
        for (int r = first; r < first + count; r++)
        {
            Array.Copy(Data, (long)r * Columns, row, 0, Columns);
            float[] values = ElementTypes.ToSingle(row);
            int stored = 0, next = 0;
            foreach (float v in values)
                if (v != 0) stored++;
            block.Append(stored, out var toIndices, out var toValues);
            for (int c = 0; c < values.Length; c++)
                if (values[c] != 0) (toIndices[next], toValues[next++]) = (c, values[c]);
        }
    }

    /// <inheritdoc/>
    public override Matrix SelectRows(ReadOnlySpan<int> rows) => new DenseMatrix(rows.Length, Columns, ElementTypes.Gather(Data, rows, Columns));

    /// <inheritdoc/>
    public override Matrix SelectColumns(ReadOnlySpan<int> columns)
    {
        var result = Array.CreateInstance(ElementType, checked(Rows * (long)columns.Length));
        for (int r = 0; r < Rows; r++)
            for (int c = 0; c < columns.Length; c++)
                Array.Copy(Data, (long)r * Columns + columns[c], result, (long)r * columns.Length + c, 1);
        return new DenseMatrix(Rows, columns.Length, result);
    }

    /// <inheritdoc/>
    public override SparseMatrix ToSparse(out long rounded)
    {
        rounded = 0;
        var indPtr = new long[Rows + 1];
        if (Data is float[] single)
        {
            for (int r = 0; r < Rows; r++)
            {
                long n = 0;
                foreach (float v in single.AsSpan(r * Columns, Columns))
                    if (v != 0) n++;
                indPtr[r + 1] = indPtr[r] + n;
            }
            var (indices, values) = (new int[indPtr[Rows]], new float[indPtr[Rows]]);
            for (int r = 0, k = 0; r < Rows; r++)
                for (int c = 0; c < Columns; c++)
                    if (single[r * Columns + c] is var v && v != 0) (indices[k], values[k++]) = (c, v);
            return new SparseMatrix(Rows, Columns, indPtr, indices, values);
        }
        if (ElementType == typeof(string)) throw new InputException("a matrix of strings cannot be used as numbers.");
        var (columnList, valueList) = (new List<int>(), new List<float>());
        var row = Array.CreateInstance(ElementType, Columns);
        for (int r = 0; r < Rows; r++)
        {
            Array.Copy(Data, (long)r * Columns, row, 0, Columns);
            double[] d = ElementTypes.ToDouble(row);
            for (int c = 0; c < Columns; c++)
            {
                if (d[c] == 0) continue;
                columnList.Add(c);
                valueList.Add(Narrow(d[c], ref rounded));
            }
            indPtr[r + 1] = columnList.Count;
        }
        return new SparseMatrix(Rows, Columns, indPtr, [.. columnList], [.. valueList]);
    }

    /// <inheritdoc/>
    public override string Describe() => $"{Rows} x {Columns} {ElementTypes.Name(ElementType)} array";
}
