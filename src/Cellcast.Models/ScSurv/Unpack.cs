using Cellcast.AnnData;
using Cellcast.Tensors;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Models.ScSurv;

/// <summary>Unpacks the counts of a minibatch, on all threads where they lie in memory. One block is some rows.</summary>
internal readonly struct Unpack : IBlockWork
{
    private const int RowsPerBlock = 32;

    private readonly Matrix _counts;
    private readonly int[] _rows;
    private readonly RowBlock _block;

    private Unpack(Matrix counts, int[] rows, RowBlock block) => (_counts, _rows, _block) = (counts, rows, block);

    /// <summary>What <see cref="Matrix.ReadRows(ReadOnlySpan{int}, RowBlock)"/> gives.</summary>
    internal static void Rows(Matrix counts, int[] rows, RowBlock block, Device device)
    {
        if (!counts.TryLayRows(rows, block))
        {
            counts.ReadRows(rows, block);
            return;
        }
        Workers workers = device is CpuDevice cpu ? cpu.Workers : Workers.Inline;
        workers.For((rows.Length + RowsPerBlock - 1) / RowsPerBlock, new Unpack(counts, rows, block));
    }

    /// <inheritdoc/>
    public void Run(int block)
    {
        int last = Math.Min(_rows.Length, (block + 1) * RowsPerBlock);
        for (int i = block * RowsPerBlock; i < last; i++) _counts.FillPlace(_rows[i], _block, i);
    }
}
