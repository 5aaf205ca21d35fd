using System.Numerics;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Sizes of the fused count decoder. Cells and genes are cut into tiles that stay in a second-level cache with everything that is multiplied with them.</summary>
internal static class DecoderPlan
{
    /// <summary>Cells of a tile; a multiple of every tile height and width.</summary>
    public const int CellBlock = 192;

    /// <summary>Genes of a tile, and of one piece of parallel work.</summary>
    public const int GeneBlock = 256;

    /// <summary>Cells that are worked on at once: bounds the memory of the partial gradients.</summary>
    public const int CellBatch = 11 * CellBlock;

    public static int Round(int n, int unit) => (n + unit - 1) / unit * unit;
}

/// <summary>Finds, for each cell of a batch, where each block of genes begins in its row, and whether the row is sorted. One block is 32 cells.</summary>
internal readonly unsafe struct RowBoundaries(long* rowStart, long offset, int* columns, int* rows, int cells, int geneBlocks, int* starts, int* unsorted) : IBlockWork
{
    public const int CellsPerBlock = 32;

    private readonly long* _rowStart = rowStart;
    private readonly int* _columns = columns, _rows = rows, _starts = starts, _unsorted = unsorted;

    public void Run(int block)
    {
        int last = Math.Min(cells, (block + 1) * CellsPerBlock);
        for (int c = block * CellsPerBlock; c < last; c++)
        {
            int begin = (int)(_rowStart[_rows[c]] - offset), end = (int)(_rowStart[_rows[c] + 1] - offset);
            if (!IsSorted(_columns + begin, end - begin)) *_unsorted = 1;
            int* start = _starts + (nint)c * (geneBlocks + 1);
            int e = begin;
            for (int b = 0; b < geneBlocks; b++)
            {
                int boundary = b * DecoderPlan.GeneBlock;
                while (e + 16 <= end && _columns[e + 15] < boundary) e += 16;
                while (e < end && _columns[e] < boundary) e++;
                start[b] = e;
            }
            start[geneBlocks] = end;
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
