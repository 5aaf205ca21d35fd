namespace Cellcast.Tensors.Kernels;

/// <summary>Products of a sparse matrix, or of chosen rows of it, with a dense matrix.</summary>
public static class SparseDense
{
    /// <summary>Y = X[rows] W + bias for a minibatch of rows of X.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Sparse, cells x G.</param>
    /// <param name="rows">Rows of X that make up the minibatch, in any order, repeats allowed.</param>
    /// <param name="w">Dense, G x h, row-major: one row per column of X.</param>
    /// <param name="h">Columns of W.</param>
    /// <param name="bias">h values added to every row, or empty.</param>
    /// <param name="y">rows x h, replaced.</param>
    public static void Forward(Workers workers, CsrView x, ReadOnlySpan<int> rows, ReadOnlySpan<float> w, int h, ReadOnlySpan<float> bias, Span<float> y)
    {
        Guard.Length(w.Length, (long)x.Columns * h);
        Guard.Length(y.Length, (long)rows.Length * h);
        if (!bias.IsEmpty) Guard.Length(bias.Length, h);
        Reference.SparseForward(x, rows, w, h, bias, y);
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
    public static void BackwardWeights(Workers workers, CsrView x, ReadOnlySpan<int> rows, ReadOnlySpan<float> dy, int h, Span<float> dw, bool accumulate = false, Span<byte> touched = default)
    {
        Guard.Length(dw.Length, (long)x.Columns * h);
        Guard.Length(dy.Length, (long)rows.Length * h);
        if (!touched.IsEmpty) Guard.Length(touched.Length, x.Columns);
        Reference.SparseBackwardWeights(x, rows, dy, h, dw, accumulate, touched);
    }
}
