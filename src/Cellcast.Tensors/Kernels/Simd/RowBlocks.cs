namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>How many rows make one block of work: a fixed number of elements, so some microseconds, whatever the shape.</summary>
internal static class RowBlocks
{
    private const int Elements = 1 << 14;

    public static int RowsPerBlock(int columns) => Math.Max(1, Elements / Math.Max(1, columns));

    public static int Blocks(int rows, int columns)
    {
        int per = RowsPerBlock(columns);
        return (rows + per - 1) / per;
    }
}

/// <summary>Work on one row of a matrix at a time.</summary>
internal interface IRowMap
{
    void Row<T>(int row) where T : struct, IVec<T>;
}

/// <summary>Runs an <see cref="IRowMap"/> over blocks of rows.</summary>
internal readonly struct RowKernel<TMap>(TMap map, int rows, int columns) : IVectorKernel where TMap : struct, IRowMap
{
    public void Run<T>(int block) where T : struct, IVec<T>
    {
        int per = RowBlocks.RowsPerBlock(columns), last = Math.Min(rows, (block + 1) * per);
        for (int r = block * per; r < last; r++) map.Row<T>(r);
    }

    public static void For(Workers workers, TMap map, int rows, int columns) =>
        workers.ForVectors(RowBlocks.Blocks(rows, columns), new RowKernel<TMap>(map, rows, columns));
}
