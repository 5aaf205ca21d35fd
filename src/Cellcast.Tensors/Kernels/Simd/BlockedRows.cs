namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Chosen rows of a sparse matrix, cut into blocks of columns: entry arrays, and for each row the first entry of each block. Rows whose
/// columns are not in order are copied and sorted first.</summary>
internal readonly unsafe struct BlockedRows : IDisposable
{
    private readonly Scratch _starts;
    private readonly SortedRows _sorted;

    /// <param name="workers">Threads.</param>
    /// <param name="rowStart">First entry of each row of the matrix.</param>
    /// <param name="offset">Position of the first entry in memory.</param>
    /// <param name="columns">Column of each entry.</param>
    /// <param name="values">Value of each entry.</param>
    /// <param name="rows">Row numbers of the minibatch.</param>
    /// <param name="first">The first of them that is wanted.</param>
    /// <param name="count">How many are wanted.</param>
    /// <param name="batch">How many the minibatch has.</param>
    /// <param name="totalColumns">Columns of the matrix.</param>
    /// <param name="columnsPerBlock">Columns of a block.</param>
    /// <param name="known">Remembers the starts of the whole minibatch; or null.</param>
    public BlockedRows(Workers workers, long* rowStart, long offset, int* columns, float* values, int* rows, int first, int count, int batch, int totalColumns, int columnsPerBlock, BlockStarts? known)
    {
        ColumnBlocks = (totalColumns + columnsPerBlock - 1) / columnsPerBlock;
        Columns = columns;
        Values = values;
        if (known is not null && BlockStarts.Serves(columnsPerBlock))
        {
            int* found = known.Find(workers, rowStart, offset, columns, rows, batch, totalColumns);
            if (found != null)
            {
                Stride = known.Stride;
                Step = columnsPerBlock / BlockStarts.Columns;
                Starts = found + (nint)first * Stride;
                return;
            }
        }
        Stride = ColumnBlocks + 1;
        Step = 1;
        _starts = Scratch.Rent((long)count * Stride);
        Starts = (int*)_starts.Pointer;
        int unsorted = 0;
        workers.For(RowBoundaries.Blocks(count), new RowBoundaries(rowStart, offset, columns, rows + first, count, ColumnBlocks, columnsPerBlock, Starts, &unsorted));
        if (unsorted == 0) return;
        _sorted = new SortedRows(rowStart, offset, columns, values, rows + first, count);
        Columns = _sorted.Columns;
        Values = _sorted.Values;
        workers.For(RowBoundaries.Blocks(count), new RowBoundaries(_sorted.RowStart, 0, Columns, _sorted.Rows, count, ColumnBlocks, columnsPerBlock, Starts, &unsorted));
    }

    public int ColumnBlocks { get; }

    /// <summary>First entry of block b in row r at r <see cref="Stride"/> + b <see cref="Step"/>, its end one step further.</summary>
    public int* Starts { get; }

    public int Stride { get; }

    public int Step { get; }

    public int* Columns { get; }

    public float* Values { get; }

    public void Dispose()
    {
        _starts.Dispose();
        _sorted.Dispose();
    }
}
