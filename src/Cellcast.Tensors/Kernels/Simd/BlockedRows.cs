namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Chosen rows of a sparse matrix, cut into blocks of columns: entry arrays, and for each row the first entry of each block. Rows whose
/// columns are not in order are copied and sorted first.</summary>
internal readonly unsafe struct BlockedRows : IDisposable
{
    private readonly Scratch _starts;
    private readonly SortedRows _sorted;

    public BlockedRows(Workers workers, long* rowStart, long offset, int* columns, float* values, int* rows, int count, int totalColumns, int columnsPerBlock)
    {
        ColumnBlocks = (totalColumns + columnsPerBlock - 1) / columnsPerBlock;
        _starts = Scratch.Rent((long)count * (ColumnBlocks + 1));
        Columns = columns;
        Values = values;
        int unsorted = 0;
        workers.For(RowBoundaries.Blocks(count), new RowBoundaries(rowStart, offset, columns, rows, count, ColumnBlocks, columnsPerBlock, Starts, &unsorted));
        if (unsorted == 0) return;
        _sorted = new SortedRows(rowStart, offset, columns, values, rows, count);
        Columns = _sorted.Columns;
        Values = _sorted.Values;
        workers.For(RowBoundaries.Blocks(count), new RowBoundaries(_sorted.RowStart, 0, Columns, _sorted.Rows, count, ColumnBlocks, columnsPerBlock, Starts, &unsorted));
    }

    public int ColumnBlocks { get; }

    /// <summary>Row by row, one more than there are blocks.</summary>
    public int* Starts => (int*)_starts.Pointer;

    public int* Columns { get; }

    public float* Values { get; }

    public void Dispose()
    {
        _starts.Dispose();
        _sorted.Dispose();
    }
}
