namespace Cellcast.Tensors.Autodiff;

public static partial class Op
{
    /// <summary>Every row to mean 0 and variance 1, without scale and shift: (x - mean) / sqrt(variance + epsilon), biased variance (Ba, Kiros and Hinton 2016).</summary>
    public static Tensor LayerNorm(Tensor x, float epsilon = 1e-5f)
    {
        var tape = Tape.Of(x);
        var y = tape.Result(x.Shape, x.RequiresGradient);
        var inverse = tape.NewTensor(x.Rows);
        tape.Device.LayerNorm(x, epsilon, y, inverse);
        if (y.RequiresGradient) tape.Add(nameof(LayerNorm), y, y => tape.Device.LayerNormGradient(y, inverse, y.Gradient, x.GradientForUpdate(out bool accumulate), accumulate));
        return y;
    }

    /// <summary>scale (x - mean) / (sd + epsilon) + shift, with the unbiased sd of every row: the Transformer's norm in scRobust.</summary>
    /// <param name="x">Rows of at least two numbers.</param>
    /// <param name="scale">One number per column.</param>
    /// <param name="shift">One number per column.</param>
    /// <param name="epsilon">Added to the sd.</param>
    public static Tensor LayerNormAffine(Tensor x, Tensor scale, Tensor shift, float epsilon = 1e-6f)
    {
        var tape = Tape.Of(x, scale, shift);
        if (scale.Length != x.Columns || shift.Length != x.Columns) throw Mismatch(nameof(LayerNormAffine), x, scale, shift);
        if (x.Columns < 2) throw new ArgumentException("an unbiased standard deviation needs at least two columns", nameof(x));
        var y = tape.Result(x.Shape, x.RequiresGradient || scale.RequiresGradient || shift.RequiresGradient);
        var mean = tape.NewTensor(x.Rows);
        var deviation = tape.NewTensor(x.Rows);
        tape.Device.LayerNormAffine(x, scale, shift, epsilon, y, mean, deviation);
        if (y.RequiresGradient)
            tape.Add(nameof(LayerNormAffine), y, y =>
                tape.Device.LayerNormAffineGradient(x, mean, deviation, scale, epsilon, y.Gradient, Wanted(x), Wanted(scale), Wanted(shift)));
        return y;
    }

    /// <summary>Every row divided by its Euclidean length, or by epsilon where that is larger.</summary>
    public static Tensor NormalizeRows(Tensor x, float epsilon = 1e-12f)
    {
        var tape = Tape.Of(x);
        var y = tape.Result(x.Shape, x.RequiresGradient);
        var lengths = tape.NewTensor(x.Rows);
        tape.Device.NormalizeRows(x, epsilon, y, lengths);
        if (y.RequiresGradient) tape.Add(nameof(NormalizeRows), y, y => tape.Device.NormalizeRowsGradient(y, lengths, epsilon, y.Gradient, x.GradientForUpdate(out bool accumulate), accumulate));
        return y;
    }

    /// <summary>exp(x), every row divided by its sum.</summary>
    public static Tensor SoftmaxRows(Tensor x)
    {
        var tape = Tape.Of(x);
        var y = tape.Result(x.Shape, x.RequiresGradient);
        tape.Device.SoftmaxRows(x, y);
        if (y.RequiresGradient) tape.Add(nameof(SoftmaxRows), y, y => tape.Device.SoftmaxRowsGradient(y, y.Gradient, x.GradientForUpdate(out bool accumulate), accumulate));
        return y;
    }

    /// <summary>exp(x), every column divided by its sum.</summary>
    public static Tensor SoftmaxColumns(Tensor x)
    {
        var tape = Tape.Of(x);
        var y = tape.Result(x.Shape, x.RequiresGradient);
        tape.Device.SoftmaxColumns(x, y);
        if (y.RequiresGradient) tape.Add(nameof(SoftmaxColumns), y, y => tape.Device.SoftmaxColumnsGradient(y, y.Gradient, x.GradientForUpdate(out bool accumulate), accumulate));
        return y;
    }

    /// <summary>Logarithm of the sum of exp over every row.</summary>
    /// <returns>A column, [rows, 1].</returns>
    public static Tensor LogSumExp(Tensor x)
    {
        var tape = Tape.Of(x);
        var y = tape.Result([x.Rows, 1], x.RequiresGradient);
        tape.Device.LogSumExpRows(x, y);
        if (y.RequiresGradient) tape.Add(nameof(LogSumExp), y, y => tape.Device.LogSumExpRowsGradient(x, y, y.Gradient, x.GradientForUpdate(out bool accumulate), accumulate));
        return y;
    }

    /// <summary>Sum of all numbers.</summary>
    /// <returns>A single number.</returns>
    public static Tensor Sum(Tensor x)
    {
        var tape = Tape.Of(x);
        var y = tape.Result([1], x.RequiresGradient);
        tape.Device.Sum(x, y, accumulate: false);
        if (y.RequiresGradient) tape.Add(nameof(Sum), y, y => Spread(tape, x, y.Gradient, Broadcast.Scalar));
        return y;
    }

    /// <summary>Mean of all numbers.</summary>
    /// <returns>A single number.</returns>
    public static Tensor Mean(Tensor x) => Scale(Sum(x), 1f / x.Length);

    /// <summary>Sum of every row.</summary>
    /// <returns>A column, [rows, 1].</returns>
    public static Tensor RowSum(Tensor x)
    {
        var tape = Tape.Of(x);
        var y = tape.Result([x.Rows, 1], x.RequiresGradient);
        tape.Device.RowSum(x, y, accumulate: false);
        if (y.RequiresGradient) tape.Add(nameof(RowSum), y, y => Spread(tape, x, y.Gradient, Broadcast.Column));
        return y;
    }

    /// <summary>Sum of every column.</summary>
    /// <returns>A vector, [columns].</returns>
    public static Tensor ColumnSum(Tensor x)
    {
        var tape = Tape.Of(x);
        var y = tape.Result([x.Columns], x.RequiresGradient);
        tape.Device.ColumnSum(x, y, accumulate: false);
        if (y.RequiresGradient) tape.Add(nameof(ColumnSum), y, y => Spread(tape, x, y.Gradient, Broadcast.Row));
        return y;
    }

    /// <summary>Scalar product of every row of a with the same row of b.</summary>
    /// <returns>A column, [rows, 1].</returns>
    public static Tensor DotRows(Tensor a, Tensor b)
    {
        var tape = Tape.Of(a, b);
        if (a.Rows != b.Rows || a.Columns != b.Columns) throw Mismatch(nameof(DotRows), a, b);
        var y = tape.Result([a.Rows, 1], a.RequiresGradient || b.RequiresGradient);
        tape.Device.DotRows(a, b, y);
        if (y.RequiresGradient)
            tape.Add(nameof(DotRows), y, y =>
            {
                var product = tape.NewTensor(a.Shape);
                if (a.RequiresGradient)
                {
                    tape.Device.Binary(BinaryKind.Multiply, b, y.Gradient, Broadcast.Column, product);
                    tape.Device.Copy(product, a.GradientForUpdate(out bool accumulate), accumulate);
                }
                if (b.RequiresGradient)
                {
                    tape.Device.Binary(BinaryKind.Multiply, a, y.Gradient, Broadcast.Column, product);
                    tape.Device.Copy(product, b.GradientForUpdate(out bool accumulate), accumulate);
                }
            });
        return y;
    }

    private static void Spread(Tape tape, Tensor x, Tensor gradient, Broadcast broadcast)
    {
        var dx = x.Gradient;
        tape.Device.Binary(BinaryKind.Add, dx, gradient, broadcast, dx);
    }
}
