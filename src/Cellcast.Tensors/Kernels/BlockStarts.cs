using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Where blocks of columns begin in each row of a minibatch: found once, by the first kernel that asks, and then there for all that go over the same rows. The owner of the rows
/// keeps one and gives it to one <see cref="SparseRows"/> after the other; the memory is used again.</summary>
public sealed unsafe class BlockStarts
{
    /// <summary>Columns of a block; kernels with wider ones skip some.</summary>
    internal const int Columns = 64;

    /// <summary>Widest block of a kernel: rows end with as many positions as that takes.</summary>
    private const int WidestBlock = 8;

    private HostStorage? _starts;
    private int _rows = -1, _columns;
    private bool _sorted;

    /// <summary>Number of the minibatch that is served.</summary>
    internal long Serving { get; private set; }

    /// <summary>Forgets what was found, since other rows come; returns their number.</summary>
    internal long Begin()
    {
        _rows = -1;
        return ++Serving;
    }

    /// <summary>Positions per row.</summary>
    internal int Stride { get; private set; }

    /// <summary>Whether a kernel with blocks of so many columns can use them.</summary>
    internal static bool Serves(int columnsPerBlock) => columnsPerBlock % Columns == 0 && columnsPerBlock <= WidestBlock * Columns;

    /// <summary>Row by row the first entry of each block, and ends of the row; null where the columns of some row are not in order.</summary>
    internal int* Find(Workers workers, long* rowStart, long offset, int* columns, int* rows, int count, int totalColumns)
    {
        if (_rows >= 0)
        {
            if (_rows != count || _columns != totalColumns) throw new InvalidOperationException($"starts of blocks were found for {_rows} rows of {_columns} columns, not for {count} of {totalColumns}");
            return _sorted ? (int*)_starts!.Pointer : null;
        }
        int widest = WidestBlock * Columns, blocks = (totalColumns + widest - 1) / widest * WidestBlock;
        Stride = blocks + 1;
        if (_starts is null || _starts.Capacity < (long)count * Stride) _starts = new HostStorage(checked(count * Stride), cleared: false);
        int unsorted = 0;
        workers.For(RowBoundaries.Blocks(count), new RowBoundaries(rowStart, offset, columns, rows, count, blocks, Columns, (int*)_starts.Pointer, &unsorted));
        (_rows, _columns, _sorted) = (count, totalColumns, unsorted == 0);
        return _sorted ? (int*)_starts.Pointer : null;
    }
}
