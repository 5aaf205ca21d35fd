namespace Cellcast.Tensors.Kernels;

/// <summary>Layer normalisation over the columns of each row: PyTorch's without scale and shift, and scRobust's.</summary>
public static class LayerNorm
{
    /// <summary>Y = (X - mean) / sqrt(var + eps), var the population variance of the row. In place is allowed.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">rows x columns.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="epsilon">Added to the variance; PyTorch's default is 1e-5.</param>
    /// <param name="y">rows x columns.</param>
    /// <param name="inverseSd">rows values, 1 / sqrt(var + eps), which the backward pass needs; or empty.</param>
    public static void Forward(Workers workers, ReadOnlySpan<float> x, int rows, int columns, float epsilon, Span<float> y, Span<float> inverseSd)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(y.Length, (long)rows * columns);
        if (!inverseSd.IsEmpty) Guard.Length(inverseSd.Length, rows);
        Reference.LayerNormForward(x, rows, columns, epsilon, y, inverseSd);
    }

    /// <summary>Gradient of <see cref="Forward"/>: dX = inverseSd (dY - mean(dY) - Y mean(dY o Y)). In place on dY is allowed.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="y">Output of the forward pass.</param>
    /// <param name="inverseSd">From the forward pass.</param>
    /// <param name="dy">Gradient with respect to Y.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="dx">Gradient with respect to X.</param>
    /// <param name="accumulate">Add to dX instead of replacing it.</param>
    public static void Backward(Workers workers, ReadOnlySpan<float> y, ReadOnlySpan<float> inverseSd, ReadOnlySpan<float> dy, int rows, int columns, Span<float> dx, bool accumulate = false)
    {
        Guard.Length(y.Length, (long)rows * columns);
        Guard.Length(dy.Length, (long)rows * columns);
        Guard.Length(dx.Length, (long)rows * columns);
        Guard.Length(inverseSd.Length, rows);
        Reference.LayerNormBackward(y, inverseSd, dy, rows, columns, dx, accumulate);
    }

    /// <summary>scRobust's form: Y = scale o (X - mean) / (sd + eps) + shift, sd the unbiased standard deviation of the row.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">rows x columns, at least two columns.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="scale">One value per column.</param>
    /// <param name="shift">One value per column.</param>
    /// <param name="epsilon">Added to the standard deviation; scRobust's is 1e-6.</param>
    /// <param name="y">rows x columns.</param>
    /// <param name="mean">rows values for the backward pass, or empty.</param>
    /// <param name="sd">rows values, the standard deviation without eps, for the backward pass, or empty.</param>
    public static void ForwardUnbiased(Workers workers, ReadOnlySpan<float> x, int rows, int columns, ReadOnlySpan<float> scale, ReadOnlySpan<float> shift, float epsilon,
        Span<float> y, Span<float> mean, Span<float> sd)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(y.Length, (long)rows * columns);
        Guard.Length(scale.Length, columns);
        Guard.Length(shift.Length, columns);
        if (!mean.IsEmpty) Guard.Length(mean.Length, rows);
        if (!sd.IsEmpty) Guard.Length(sd.Length, rows);
        Reference.LayerNormUnbiasedForward(x, rows, columns, scale, shift, epsilon, y, mean, sd);
    }

    /// <summary>Gradient of <see cref="ForwardUnbiased"/>. A row whose standard deviation is 0 gets the gradient of the mean alone.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Input of the forward pass.</param>
    /// <param name="mean">From the forward pass.</param>
    /// <param name="sd">From the forward pass.</param>
    /// <param name="scale">One value per column.</param>
    /// <param name="epsilon">As in the forward pass.</param>
    /// <param name="dy">Gradient with respect to Y.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="dx">Gradient with respect to X, or empty.</param>
    /// <param name="dscale">Gradient with respect to the scale, or empty.</param>
    /// <param name="dshift">Gradient with respect to the shift, or empty.</param>
    /// <param name="accumulate">Add to all three instead of replacing them.</param>
    public static void BackwardUnbiased(Workers workers, ReadOnlySpan<float> x, ReadOnlySpan<float> mean, ReadOnlySpan<float> sd, ReadOnlySpan<float> scale, float epsilon,
        ReadOnlySpan<float> dy, int rows, int columns, Span<float> dx, Span<float> dscale, Span<float> dshift, bool accumulate = false)
    {
        Guard.Length(x.Length, (long)rows * columns);
        Guard.Length(dy.Length, (long)rows * columns);
        Guard.Length(mean.Length, rows);
        Guard.Length(sd.Length, rows);
        Guard.Length(scale.Length, columns);
        if (!dx.IsEmpty) Guard.Length(dx.Length, (long)rows * columns);
        if (!dscale.IsEmpty) Guard.Length(dscale.Length, columns);
        if (!dshift.IsEmpty) Guard.Length(dshift.Length, columns);
        Reference.LayerNormUnbiasedBackward(x, mean, sd, scale, epsilon, dy, rows, columns, dx, dscale, dshift, accumulate);
    }
}
