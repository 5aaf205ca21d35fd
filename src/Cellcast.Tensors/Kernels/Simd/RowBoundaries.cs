using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Finds, for each cell of a batch, where each block of columns begins in its row, and whether the row is sorted. One block is 32 cells.</summary>
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
            int* start = _starts + (nint)c * (columnBlocks + 1);
            int e = begin;
            for (int b = 0; b < columnBlocks; b++)
            {
                int boundary = b * columnsPerBlock;
                e = Find(e, end, boundary);
                start[b] = e;
            }
            start[columnBlocks] = end;
        }
    }

    /// <summary>First entry from <paramref name="e"/> on whose column is not below the boundary. Within the last sixteen it counts how many are, since where a block ends is hard to predict.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Find(int e, int end, int boundary)
    {
        while (e + 16 <= end && _columns[e + 15] < boundary) e += 16;
        while (e + 8 <= end)
        {
            int below = BitOperations.PopCount(Vector256.LessThan(Vector256.Load(_columns + e), Vector256.Create(boundary)).ExtractMostSignificantBits());
            e += below;
            if (below < 8) return e;
        }
        while (e < end && _columns[e] < boundary) e++;
        return e;
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
