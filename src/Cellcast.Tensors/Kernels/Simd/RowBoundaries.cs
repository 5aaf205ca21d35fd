using System.Numerics;
using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Finds, for each cell of a batch, where each block of columns (a power of two of them) begins in its row, and whether the row is sorted. One block is 32 cells.</summary>
internal readonly unsafe struct RowBoundaries(long* rowStart, long offset, int* columns, int* rows, int cells, int columnBlocks, int columnsPerBlock, int* starts, int* unsorted) : IBlockWork
{
    private const int CellsPerBlock = 32;

    private readonly long* _rowStart = rowStart;
    private readonly int* _columns = columns, _rows = rows, _starts = starts, _unsorted = unsorted;

    public static int Blocks(int cells) => (cells + CellsPerBlock - 1) / CellsPerBlock;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int block)
    {
        int last = Math.Min(cells, (block + 1) * CellsPerBlock);
        for (int c = block * CellsPerBlock; c < last; c++)
        {
            int begin = (int)(_rowStart[_rows[c]] - offset), end = (int)(_rowStart[_rows[c] + 1] - offset);
            // Rows of a minibatch lie anywhere: the next one is asked for while this one is read.
            if (c + 1 < last) CacheWalk.Fetch(_columns + (_rowStart[_rows[c + 1]] - offset), (int)(_rowStart[_rows[c + 1] + 1] - _rowStart[_rows[c + 1]]) * sizeof(int));
            if (!IsSorted(_columns + begin, end - begin)) *_unsorted = 1;
            Find(begin, end, _starts + (nint)c * (columnBlocks + 1));
        }
    }

    /// <summary>Each entry says where the block after its own begins, and the last one of a block is right: where a block ends is hard to predict, and here nothing is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Find(int begin, int end, int* start)
    {
        int shift = BitOperations.Log2((uint)columnsPerBlock), e = begin;
        new Span<int>(start, columnBlocks + 1).Clear();
        int* after = start + 1, columns = _columns;
        for (; e + 4 <= end; e += 4)
        {
            after[columns[e] >> shift] = e + 1;
            after[columns[e + 1] >> shift] = e + 2;
            after[columns[e + 2] >> shift] = e + 3;
            after[columns[e + 3] >> shift] = e + 4;
        }
        for (; e < end; e++) after[columns[e] >> shift] = e + 1;
        int at = start[0] = begin;
        for (int b = 1; b <= columnBlocks; b++) start[b] = at = Math.Max(at, start[b]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsSorted(int* columns, int count)
    {
        int e = 0;
        for (; e + 1 + Vector<int>.Count <= count; e += Vector<int>.Count)
            if (!Vector.LessThanAll(*(Vector<int>*)(columns + e), *(Vector<int>*)(columns + e + 1))) return false;
        for (; e + 1 < count; e++)
            if (columns[e] >= columns[e + 1]) return false;
        return true;
    }
}
