using System.Numerics;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Finds, for each cell of a batch, where each block of columns begins in its row, and whether the row is sorted. One block is 32 cells.</summary>
internal readonly unsafe struct RowBoundaries(long* rowStart, long offset, int* columns, int* rows, int cells, int columnBlocks, int columnsPerBlock, int* starts, int* unsorted) : IBlockWork
{
    private const int CellsPerBlock = 32;

    private readonly long* _rowStart = rowStart;
    private readonly int* _columns = columns, _rows = rows, _starts = starts, _unsorted = unsorted;

    public static int Blocks(int cells) => (cells + CellsPerBlock - 1) / CellsPerBlock;

    public void Run(int block)
    {
        int last = Math.Min(cells, (block + 1) * CellsPerBlock);
        for (int c = block * CellsPerBlock; c < last; c++)
        {
            int begin = (int)(_rowStart[_rows[c]] - offset), end = (int)(_rowStart[_rows[c] + 1] - offset);
            if (!IsSorted(_columns + begin, end - begin)) *_unsorted = 1;
            int* start = _starts + (nint)c * (columnBlocks + 1);
            int e = begin;
            for (int b = 0; b < columnBlocks; b++)
            {
                int boundary = b * columnsPerBlock;
                while (e + 16 <= end && _columns[e + 15] < boundary) e += 16;
                while (e < end && _columns[e] < boundary) e++;
                start[b] = e;
            }
            start[columnBlocks] = end;
        }
    }

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
