namespace Cellcast.Tensors.Kernels;

public static partial class Reference
{
    /// <inheritdoc cref="SparseDense.Forward"/>
    public static void SparseForward(CsrView x, ReadOnlySpan<int> rows, ReadOnlySpan<float> w, int h, ReadOnlySpan<float> bias, Span<float> y)
    {
        var sums = new double[h];
        for (int i = 0; i < rows.Length; i++)
        {
            for (int j = 0; j < h; j++) sums[j] = bias.IsEmpty ? 0 : bias[j];
            for (long e = x.RowStart[rows[i]]; e < x.RowStart[rows[i] + 1]; e++)
            {
                int p = (int)(e - x.Offset);
                for (int j = 0; j < h; j++) sums[j] += (double)x.Values[p] * w[x.ColumnIndices[p] * h + j];
            }
            for (int j = 0; j < h; j++) y[i * h + j] = (float)sums[j];
        }
    }

    /// <inheritdoc cref="SparseDense.BackwardWeights"/>
    public static void SparseBackwardWeights(CsrView x, ReadOnlySpan<int> rows, ReadOnlySpan<float> dy, int h, Span<float> dw, bool accumulate, Span<byte> touched)
    {
        if (!accumulate) dw[..(x.Columns * h)].Clear();
        if (!touched.IsEmpty) touched[..x.Columns].Clear();
        for (int i = 0; i < rows.Length; i++)
        {
            for (long e = x.RowStart[rows[i]]; e < x.RowStart[rows[i] + 1]; e++)
            {
                int p = (int)(e - x.Offset), g = x.ColumnIndices[p];
                if (!touched.IsEmpty) touched[g] = 1;
                for (int j = 0; j < h; j++) dw[g * h + j] += x.Values[p] * dy[i * h + j];
            }
        }
    }
}
