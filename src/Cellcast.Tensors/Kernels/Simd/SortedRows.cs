namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Copies of some rows of a sparse matrix with their entries in the order of columns, for files that do not keep it.</summary>
internal readonly unsafe struct SortedRows : IDisposable
{
    private readonly Scratch _starts;
    private readonly Scratch _rows;
    private readonly Scratch _columns;
    private readonly Scratch _values;

    public SortedRows(long* rowStart, long offset, int* columns, float* values, int* rows, int count)
    {
        long entries = 0;
        for (int i = 0; i < count; i++) entries += rowStart[rows[i] + 1] - rowStart[rows[i]];
        _starts = Scratch.Rent(2L * (count + 1));
        _rows = Scratch.Rent(count);
        _columns = Scratch.Rent(entries);
        _values = Scratch.Rent(entries);
        long p = 0;
        for (int i = 0; i < count; i++)
        {
            int begin = (int)(rowStart[rows[i]] - offset), length = (int)(rowStart[rows[i] + 1] - rowStart[rows[i]]);
            RowStart[i] = p;
            Rows[i] = i;
            var c = new Span<int>(Columns + p, length);
            var v = new Span<float>(Values + p, length);
            new ReadOnlySpan<int>(columns + begin, length).CopyTo(c);
            new ReadOnlySpan<float>(values + begin, length).CopyTo(v);
            c.Sort(v);
            p += length;
        }
        RowStart[count] = p;
    }

    public long* RowStart => (long*)_starts.Pointer;

    public int* Rows => (int*)_rows.Pointer;

    public int* Columns => (int*)_columns.Pointer;

    public float* Values => _values.Pointer;

    public void Dispose()
    {
        _starts.Dispose();
        _rows.Dispose();
        _columns.Dispose();
        _values.Dispose();
    }
}
