namespace Cellcast.AnnData;

/// <summary>
/// Compressed sparse rows with float32 values, canonical: within a row the column indices rise strictly. Explicitly stored zeros
/// are allowed and count as zeros. Never turned dense.
/// </summary>
public sealed class SparseMatrix : Matrix
{
    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="indPtr">Row r lies at <c>indPtr[r] .. indPtr[r + 1]</c>; <paramref name="rows"/> + 1 entries. Kept, not copied, as are the others.</param>
    /// <param name="indices">Column of every stored value, rising strictly within a row.</param>
    /// <param name="values">The stored values.</param>
    /// <exception cref="ArgumentException">The parts do not form a canonical matrix; <see cref="FromUnsorted"/> takes unsorted rows.</exception>
    public SparseMatrix(int rows, int columns, long[] indPtr, int[] indices, float[] values) : base(rows, columns)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (Csr.Problem(rows, columns, indPtr, indices, values.LongLength, requireSorted: true) is { } problem) throw new ArgumentException(problem);
        (IndPtr, Indices, Values) = (indPtr, indices, values);
    }

    /// <summary>Row r lies at <c>IndPtr[r] .. IndPtr[r + 1]</c>.</summary>
    public long[] IndPtr { get; }

    /// <summary>Column of every stored value.</summary>
    public int[] Indices { get; }

    /// <summary>The stored values.</summary>
    public float[] Values { get; }

    /// <summary>Number of stored values.</summary>
    public long StoredCount => Values.LongLength;

    /// <inheritdoc/>
    public override Type ElementType => typeof(float);

    /// <summary>Columns of the stored values of a row.</summary>
    public ReadOnlySpan<int> RowIndices(int row) => Indices.AsSpan((int)IndPtr[row], (int)(IndPtr[row + 1] - IndPtr[row]));

    /// <summary>Stored values of a row.</summary>
    public ReadOnlySpan<float> RowValues(int row) => Values.AsSpan((int)IndPtr[row], (int)(IndPtr[row + 1] - IndPtr[row]));

    private protected override bool RowsLieInMemory => true;

    internal override int LengthInMemory(int row) => (int)(IndPtr[row + 1] - IndPtr[row]);

    private protected override void CopyRow(int row, Span<int> indices, Span<float> values)
    {
        RowIndices(row).CopyTo(indices);
        RowValues(row).CopyTo(values);
    }

    private protected override void FillRows(int first, int count, RowBlock block)
    {
        for (int r = first; r < first + count; r++) block.Append(RowIndices(r), RowValues(r));
    }

    /// <summary>One value; a binary search in its row.</summary>
    public float this[int row, int column]
    {
        get
        {
            int k = RowIndices(row).BinarySearch(column);
            return k < 0 ? 0 : RowValues(row)[k];
        }
    }

    /// <summary>Takes rows whose columns are unsorted or repeated (repeats are added up) and makes them canonical, in place where possible.</summary>
    /// <exception cref="ArgumentException">The parts do not form a matrix.</exception>
    public static SparseMatrix FromUnsorted(int rows, int columns, long[] indPtr, int[] indices, float[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (Csr.Problem(rows, columns, indPtr, indices, values.LongLength, requireSorted: false) is { } problem) throw new ArgumentException(problem);
        Csr.Canonicalise(rows, indPtr, ref indices, ref values);
        return new SparseMatrix(rows, columns, indPtr, indices, values);
    }

    /// <summary>Builds from (row, column, value) entries in any order; entries of the same place are added up.</summary>
    public static SparseMatrix FromCoordinates(int rows, int columns, ReadOnlySpan<int> row, ReadOnlySpan<int> column, ReadOnlySpan<float> value)
    {
        if (row.Length != column.Length || row.Length != value.Length) throw new ArgumentException("rows, columns and values differ in number");
        var indPtr = new long[rows + 1];
        foreach (int r in row)
        {
            if ((uint)r >= (uint)rows) throw new ArgumentException($"row {r} is outside 0 … {rows - 1}");
            indPtr[r + 1]++;
        }
        for (int r = 0; r < rows; r++) indPtr[r + 1] += indPtr[r];
        long[] next = indPtr[..rows];
        var (indices, values) = (new int[row.Length], new float[row.Length]);
        for (int i = 0; i < row.Length; i++)
        {
            long k = next[row[i]]++;
            (indices[k], values[k]) = (column[i], value[i]);
        }
        return FromUnsorted(rows, columns, indPtr, indices, values);
    }

    /// <summary>Leaves the zeros of a dense row-major array out.</summary>
    public static SparseMatrix FromDense(int rows, int columns, float[] values) => new DenseMatrix(rows, columns, values).ToSparse();

    /// <inheritdoc/>
    public override SparseMatrix SelectRows(ReadOnlySpan<int> rows)
    {
        var (p, i, v) = Csr.SelectRows(IndPtr, Indices, Values, rows);
        return new SparseMatrix(rows.Length, Columns, p, i, v);
    }

    /// <inheritdoc/>
    public override SparseMatrix SelectColumns(ReadOnlySpan<int> columns)
    {
        var (p, i, v) = Csr.SelectColumns(Rows, Columns, IndPtr, Indices, Values, columns);
        return new SparseMatrix(Rows, columns.Length, p, i, v);
    }

    /// <summary>Columns become rows; linear in the stored values.</summary>
    public SparseMatrix Transpose()
    {
        var (p, i, v) = Csr.Transpose(Rows, Columns, IndPtr, Indices, Values);
        return new SparseMatrix(Columns, Rows, p, i, v);
    }

    /// <summary>The same matrix without explicitly stored zeros; itself when it has none.</summary>
    public SparseMatrix WithoutZeros()
    {
        long zeros = 0;
        foreach (float v in Values)
            if (v == 0) zeros++;
        if (zeros == 0) return this;
        var (p, indices, values) = (new long[Rows + 1], new int[StoredCount - zeros], new float[StoredCount - zeros]);
        long k = 0;
        for (int r = 0; r < Rows; r++)
        {
            for (long j = IndPtr[r]; j < IndPtr[r + 1]; j++)
                if (Values[j] != 0) (indices[k], values[k++]) = (Indices[j], Values[j]);
            p[r + 1] = k;
        }
        return new SparseMatrix(Rows, Columns, p, indices, values);
    }

    /// <summary>Sum of every row, added in double precision in column order.</summary>
    public double[] RowSums()
    {
        var sums = new double[Rows];
        for (int r = 0; r < Rows; r++)
        {
            double s = 0;
            foreach (float v in RowValues(r)) s += v;
            sums[r] = s;
        }
        return sums;
    }

    /// <summary>Sum, mean, variance and number of non-zeros of every column, in two passes over the stored values.</summary>
    public ColumnStatistics ColumnStatistics() => Cellcast.AnnData.ColumnStatistics.Of(this);

    /// <inheritdoc/>
    public override SparseMatrix ToSparse(out long rounded)
    {
        rounded = 0;
        return this;
    }

    /// <summary>All values as a dense row-major array; only for small matrices (tests, printing).</summary>
    public float[] ToDense()
    {
        var d = new float[checked(Rows * Columns)];
        for (int r = 0; r < Rows; r++)
            for (long k = IndPtr[r]; k < IndPtr[r + 1]; k++) d[r * Columns + Indices[k]] = Values[k];
        return d;
    }

    /// <inheritdoc/>
    public override string Describe() => $"{Rows} x {Columns} sparse float32, {StoredCount} stored";
}

/// <summary>Compressed sparse rows with float64 values, canonical: for matrices whose values float32 cannot hold exactly (distances, integers above 2^24).</summary>
public sealed class SparseMatrix64 : Matrix
{
    /// <inheritdoc cref="SparseMatrix(int, int, long[], int[], float[])"/>
    public SparseMatrix64(int rows, int columns, long[] indPtr, int[] indices, double[] values) : base(rows, columns)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (Csr.Problem(rows, columns, indPtr, indices, values.LongLength, requireSorted: true) is { } problem) throw new ArgumentException(problem);
        (IndPtr, Indices, Values) = (indPtr, indices, values);
    }

    /// <summary>Row r lies at <c>IndPtr[r] .. IndPtr[r + 1]</c>.</summary>
    public long[] IndPtr { get; }

    /// <summary>Column of every stored value.</summary>
    public int[] Indices { get; }

    /// <summary>The stored values.</summary>
    public double[] Values { get; }

    /// <inheritdoc/>
    public override Type ElementType => typeof(double);

    private protected override void FillRows(int first, int count, RowBlock block)
    {
        for (int r = first; r < first + count; r++)
        {
            int start = (int)IndPtr[r], length = (int)(IndPtr[r + 1] - start);
            block.Append(length, out var indices, out var values);
            Indices.AsSpan(start, length).CopyTo(indices);
            for (int k = 0; k < length; k++) values[k] = (float)Values[start + k];
        }
    }

    /// <inheritdoc/>
    public override SparseMatrix64 SelectRows(ReadOnlySpan<int> rows)
    {
        var (p, i, v) = Csr.SelectRows(IndPtr, Indices, Values, rows);
        return new SparseMatrix64(rows.Length, Columns, p, i, v);
    }

    /// <inheritdoc/>
    public override SparseMatrix64 SelectColumns(ReadOnlySpan<int> columns)
    {
        var (p, i, v) = Csr.SelectColumns(Rows, Columns, IndPtr, Indices, Values, columns);
        return new SparseMatrix64(Rows, columns.Length, p, i, v);
    }

    /// <inheritdoc/>
    public override SparseMatrix ToSparse(out long rounded)
    {
        rounded = 0;
        var values = new float[Values.LongLength];
        for (long i = 0; i < values.LongLength; i++) values[i] = Narrow(Values[i], ref rounded);
        return new SparseMatrix(Rows, Columns, IndPtr, Indices, values);
    }

    /// <inheritdoc/>
    public override string Describe() => $"{Rows} x {Columns} sparse float64, {Values.LongLength} stored";
}
