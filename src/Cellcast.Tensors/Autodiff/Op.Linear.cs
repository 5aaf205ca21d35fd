namespace Cellcast.Tensors.Autodiff;

public static partial class Op
{
    /// <summary>Matrix product a b, of a or its transpose and b or its transpose. Dimensions before the last count as rows.</summary>
    /// <param name="a">Left factor.</param>
    /// <param name="b">Right factor.</param>
    /// <param name="transposeA">Use a transposed.</param>
    /// <param name="transposeB">Use b transposed.</param>
    /// <returns>Matrix of (rows of the left factor) x (columns of the right factor).</returns>
    public static Tensor MatMul(Tensor a, Tensor b, bool transposeA = false, bool transposeB = false)
    {
        var tape = Tape.Of(a, b);
        var (m, inner) = transposeA ? (a.Columns, a.Rows) : (a.Rows, a.Columns);
        var (innerB, n) = transposeB ? (b.Columns, b.Rows) : (b.Rows, b.Columns);
        if (inner != innerB) throw Mismatch(nameof(MatMul), a, b);
        var y = tape.Result([m, n], a.RequiresGradient || b.RequiresGradient);
        tape.Device.MatMul(a, transposeA, b, transposeB, y, accumulate: false);
        if (y.RequiresGradient)
            tape.Add(nameof(MatMul), y, y =>
            {
                var dy = y.Gradient;
                if (a.RequiresGradient)
                {
                    var da = a.GradientForUpdate(out bool accumulate);
                    if (transposeA) tape.Device.MatMul(b, transposeB, dy, true, da, accumulate);
                    else tape.Device.MatMul(dy, false, b, !transposeB, da, accumulate);
                }
                if (b.RequiresGradient)
                {
                    var db = b.GradientForUpdate(out bool accumulate);
                    if (transposeB) tape.Device.MatMul(dy, true, a, transposeA, db, accumulate);
                    else tape.Device.MatMul(a, !transposeA, dy, false, db, accumulate);
                }
            });
        return y;
    }

    /// <summary>x w' + b: a dense layer with its weight as PyTorch keeps it.</summary>
    /// <param name="x">Inputs, one row per item; dimensions before the last count as rows.</param>
    /// <param name="weight">One row per output, one column per input.</param>
    /// <param name="bias">One number per output, or null.</param>
    /// <returns>As x, with as many columns as there are outputs.</returns>
    public static Tensor Linear(Tensor x, Tensor weight, Tensor? bias = null)
    {
        var tape = Tape.Of(x, weight, bias);
        if (x.Columns != weight.Columns) throw Mismatch(nameof(Linear), x, weight);
        if (bias is not null && bias.Length != weight.Rows) throw Mismatch(nameof(Linear), weight, bias);
        int[] shape = x.Shape.ToArray();
        shape[^1] = weight.Rows;
        var y = tape.Result(shape, x.RequiresGradient || weight.RequiresGradient || bias is { RequiresGradient: true });
        tape.Device.MatMul(x, false, weight, true, y, accumulate: false);
        if (bias is not null) tape.Device.Binary(BinaryKind.Add, y, bias, Broadcast.Row, y);
        if (y.RequiresGradient)
            tape.Add(nameof(Linear), y, y =>
            {
                var dy = y.Gradient;
                if (bias is { RequiresGradient: true }) tape.Device.ColumnSum(dy, bias.GradientForUpdate(out bool accumulate), accumulate);
                if (weight.RequiresGradient) tape.Device.MatMul(dy, true, x, false, weight.GradientForUpdate(out bool accumulate), accumulate);
                if (x.RequiresGradient) tape.Device.MatMul(dy, false, weight, false, x.GradientForUpdate(out bool accumulate), accumulate);
            });
        return y;
    }

    /// <summary>[x, one-hot(codes)] w + b for sparse rows x: the first layer on counts, at the cost of the stored values only.</summary>
    /// <param name="tape">The tape of the result.</param>
    /// <param name="x">Inputs.</param>
    /// <param name="codes">For every row which of the appended columns is 1, or -1 for none; empty where no columns are appended. Read again by the backward pass: do not change it before.</param>
    /// <param name="weight">One row per input (columns of x, then one-hot columns), one column per output.</param>
    /// <param name="bias">One number per output, or null.</param>
    public static Tensor SparseLinear(Tape tape, SparseRows x, ReadOnlyMemory<int> codes, Tensor weight, Tensor? bias = null)
    {
        ArgumentNullException.ThrowIfNull(tape);
        int extra = weight.Rows - x.Columns;
        if (extra < 0 || (bias is not null && bias.Length != weight.Columns))
            throw new ArgumentException($"{nameof(SparseLinear)}: {x.Columns} columns and a weight of {weight.ShapeText} do not fit together");
        if (codes.Length != 0 && codes.Length != x.Count) throw new ArgumentException($"{codes.Length} codes for {x.Count} rows", nameof(codes));
        foreach (int c in codes.Span)
            if (c < -1 || c >= extra) throw new ArgumentException($"code {c} with {extra} one-hot columns", nameof(codes));
        var y = tape.Result([x.Count, weight.Columns], weight.RequiresGradient || bias is { RequiresGradient: true });
        tape.Device.SparseLinear(x, codes.Span, weight, bias, y);
        if (y.RequiresGradient)
            tape.Add(nameof(SparseLinear), y, y =>
            {
                if (bias is { RequiresGradient: true }) tape.Device.ColumnSum(y.Gradient, bias.GradientForUpdate(out bool accumulate), accumulate);
                if (weight.RequiresGradient) tape.Device.SparseLinearWeightGradient(x, codes.Span, y.Gradient, weight.GradientForUpdate(out bool accumulate), accumulate);
            });
        return y;
    }
}
