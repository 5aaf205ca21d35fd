using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Products of a sparse matrix, or of chosen rows of it, with a dense matrix.</summary>
public static unsafe class SparseDense
{
    /// <summary>Y = X[rows] W + bias for a minibatch of rows of X.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Sparse, cells x G.</param>
    /// <param name="rows">Rows of X that make up the minibatch, in any order, repeats allowed.</param>
    /// <param name="w">Dense, G x h, row-major: one row per column of X.</param>
    /// <param name="h">Columns of W.</param>
    /// <param name="bias">h values added to every row, or empty.</param>
    /// <param name="y">rows x h, replaced.</param>
    /// <param name="starts">Remembers from kernel to kernel what is found out about these rows of X; or null.</param>
    public static void Forward(Workers workers, CsrView x, ReadOnlySpan<int> rows, ReadOnlySpan<float> w, int h, ReadOnlySpan<float> bias, Span<float> y, BlockStarts? starts = null)
    {
        Guard.Rows(w.Length, x.Columns, h);
        Guard.Rows(y.Length, rows.Length, h);
        if (!bias.IsEmpty) Guard.Length(bias.Length, h);
        Guard.Sparse(x, rows);
        if (rows.IsEmpty || h == 0) return;
        fixed (float* pw = w, pb = bias, py = y, pv = x.Values)
        fixed (int* pc = x.ColumnIndices, pr = rows)
        fixed (long* ps = x.RowStart)
        {
            int stride = PaddedCopy.Stride(h);
            using Scratch padded = Scratch.Rent((long)x.Columns * stride);
            RowKernel<PaddedCopy>.For(workers, new PaddedCopy(pw, padded.Pointer, h, stride), x.Columns, h);
            using var entries = new BlockedRows(workers, ps, x.Offset, pc, pv, pr, 0, rows.Length, rows.Length, x.Columns, SparseBlocks.Columns(stride, x.Columns, EntriesPerRow(x, rows)), starts);
            int rowsPerBlock = SparseForward.RowsOfBlock(rows.Length, workers.Count);
            workers.ForVectors((rows.Length + rowsPerBlock - 1) / rowsPerBlock, new SparseForward
            {
                RowsPerBlock = rowsPerBlock,
                Rows = rows.Length,
                ColumnBlocks = entries.ColumnBlocks,
                Starts = entries.Starts,
                StartsStride = entries.Stride,
                StartsStep = entries.Step,
                Columns = entries.Columns,
                Values = entries.Values,
                W = padded.Pointer,
                Stride = stride,
                H = h,
                Bias = pb,
                Y = py,
            });
        }
    }

    /// <summary>dW = X[rows]^T dY, or dW += X[rows]^T dY: the gradient of <see cref="Forward"/> with respect to W.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Sparse, cells x G.</param>
    /// <param name="rows">The minibatch.</param>
    /// <param name="dy">rows x h.</param>
    /// <param name="h">Columns of dY and dW.</param>
    /// <param name="dw">G x h.</param>
    /// <param name="accumulate">Add to dW instead of replacing it.</param>
    /// <param name="touched">G bytes set to 1 where the minibatch has an entry in that column and 0 elsewhere, or empty: rows of dW with 0 have no gradient.</param>
    /// <param name="starts">As in <see cref="Forward"/>.</param>
    public static void BackwardWeights(Workers workers, CsrView x, ReadOnlySpan<int> rows, ReadOnlySpan<float> dy, int h, Span<float> dw, bool accumulate = false, Span<byte> touched = default, BlockStarts? starts = null)
    {
        Guard.Rows(dw.Length, x.Columns, h);
        Guard.Rows(dy.Length, rows.Length, h);
        if (!touched.IsEmpty) Guard.Length(touched.Length, x.Columns);
        Guard.Sparse(x, rows);
        if (h == 0 || x.Columns == 0) return;
        fixed (float* pdy = dy, pdw = dw, pv = x.Values)
        fixed (int* pc = x.ColumnIndices, pr = rows)
        fixed (long* ps = x.RowStart)
        fixed (byte* pt = touched)
        {
            int stride = PaddedCopy.Stride(h);
            using Scratch padded = Scratch.Rent((long)rows.Length * stride);
            RowKernel<PaddedCopy>.For(workers, new PaddedCopy(pdy, padded.Pointer, h, stride), rows.Length, h);
            int columnsPerBlock = SparseBlocks.Columns(stride, x.Columns, EntriesPerRow(x, rows));
            using var entries = new BlockedRows(workers, ps, x.Offset, pc, pv, pr, 0, rows.Length, rows.Length, x.Columns, columnsPerBlock, starts);
            workers.ForVectors(entries.ColumnBlocks, new SparseBackward
            {
                Rows = rows.Length,
                TotalColumns = x.Columns,
                ColumnsPerBlock = columnsPerBlock,
                Starts = entries.Starts,
                StartsStride = entries.Stride,
                StartsStep = entries.Step,
                Columns = entries.Columns,
                Values = entries.Values,
                DY = padded.Pointer,
                Stride = stride,
                H = h,
                DW = pdw,
                Accumulate = accumulate,
                Touched = pt,
            });
        }
    }

    private static double EntriesPerRow(CsrView x, ReadOnlySpan<int> rows)
    {
        long entries = 0;
        foreach (int r in rows) entries += x.RowStart[r + 1] - x.RowStart[r];
        return (double)entries / Math.Max(1, rows.Length);
    }
}
