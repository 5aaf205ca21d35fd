namespace Cellcast.Tensors.Autodiff;

/// <summary>Differentiable operations, to be used with <c>using static</c> so that a model reads like its paper:
/// <c>Gelu(LayerNorm(Linear(x, w, b)))</c>.</summary>
/// <remarks>At least one operand must be on a <see cref="Tape"/>; parameters may be passed as they are. A result requires a gradient if an operand does, and only then
/// is anything recorded.</remarks>
public static partial class Op
{
    /// <summary>e^x.</summary>
    public static Tensor Exp(Tensor x) => Unary(UnaryKind.Exp, x);

    /// <summary>Natural logarithm.</summary>
    public static Tensor Log(Tensor x) => Unary(UnaryKind.Log, x);

    /// <summary>log(1 + e^x).</summary>
    public static Tensor Softplus(Tensor x) => Unary(UnaryKind.Softplus, x);

    /// <summary>1 / (1 + e^-x).</summary>
    public static Tensor Sigmoid(Tensor x) => Unary(UnaryKind.Sigmoid, x);

    /// <summary>Hyperbolic tangent.</summary>
    public static Tensor Tanh(Tensor x) => Unary(UnaryKind.Tanh, x);

    /// <summary>x Phi(x) with the normal distribution function itself (Hendrycks and Gimpel 2016).</summary>
    public static Tensor Gelu(Tensor x) => Unary(UnaryKind.Gelu, x);

    /// <summary>The approximation of <see cref="Gelu"/> by tanh.</summary>
    public static Tensor GeluTanh(Tensor x) => Unary(UnaryKind.GeluTanh, x);

    /// <summary>x where positive, e^x - 1 elsewhere.</summary>
    public static Tensor Elu(Tensor x) => Unary(UnaryKind.Elu, x);

    /// <summary>x where positive, 0 elsewhere.</summary>
    public static Tensor Relu(Tensor x) => Unary(UnaryKind.Relu, x);

    /// <summary>x squared.</summary>
    public static Tensor Square(Tensor x) => Unary(UnaryKind.Square, x);

    /// <summary>Square root.</summary>
    public static Tensor Sqrt(Tensor x) => Unary(UnaryKind.Sqrt, x);

    /// <summary>a + b. The second operand may be a row (one number per column, shape [columns] or [1, columns]), a column (shape [rows, 1]) or a single number (shape [1]).</summary>
    public static Tensor Add(Tensor a, Tensor b) => Binary(BinaryKind.Add, a, b);

    /// <summary>a - b; shapes as in <see cref="Add"/>.</summary>
    public static Tensor Subtract(Tensor a, Tensor b) => Binary(BinaryKind.Subtract, a, b);

    /// <summary>a b, number by number; shapes as in <see cref="Add"/>.</summary>
    public static Tensor Multiply(Tensor a, Tensor b) => Binary(BinaryKind.Multiply, a, b);

    /// <summary>a / b, number by number; shapes as in <see cref="Add"/>.</summary>
    public static Tensor Divide(Tensor a, Tensor b) => Binary(BinaryKind.Divide, a, b);

    /// <summary>x times a constant.</summary>
    public static Tensor Scale(Tensor x, float factor) => Affine(x, factor, 0, nameof(Scale));

    /// <summary>x plus a constant.</summary>
    public static Tensor AddScalar(Tensor x, float summand) => Affine(x, 1, summand, nameof(AddScalar));

    /// <summary>x with each number set to 0 with a probability and the others divided by the probability to stay, so that the mean stays.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="probability">To be dropped; 0 returns x itself.</param>
    /// <param name="key">Names the random choice: split a new one for every step and place.</param>
    public static Tensor Dropout(Tensor x, float probability, Random.RandomKey key)
    {
        if (!(probability >= 0 && probability < 1)) throw new ArgumentOutOfRangeException(nameof(probability), probability, "a probability below 1 is needed");
        if (probability == 0) return x;
        var tape = Tape.Of(x);
        var y = tape.Result(x.Shape, x.RequiresGradient);
        tape.Device.Dropout(x, probability, key, y, accumulate: false);
        if (y.RequiresGradient)
            tape.Add(nameof(Dropout), y, y => tape.Device.Dropout(y.Gradient, probability, key, x.GradientForUpdate(out bool accumulate), accumulate));
        return y;
    }

    private static Tensor Unary(UnaryKind kind, Tensor x)
    {
        var tape = Tape.Of(x);
        var y = tape.Result(x.Shape, x.RequiresGradient);
        tape.Device.Unary(kind, x, y);
        if (y.RequiresGradient) tape.Add(kind.ToString(), y, y => tape.Device.UnaryGradient(kind, x, y, y.Gradient, x.GradientForUpdate(out bool accumulate), accumulate));
        return y;
    }

    private static Tensor Affine(Tensor x, float scale, float shift, string name)
    {
        var tape = Tape.Of(x);
        var y = tape.Result(x.Shape, x.RequiresGradient);
        tape.Device.Affine(x, scale, shift, y);
        if (y.RequiresGradient) tape.Add(name, y, y => AddScaled(tape, y.Gradient, scale, x));
        return y;
    }

    private static Tensor Binary(BinaryKind kind, Tensor a, Tensor b)
    {
        var tape = Tape.Of(a, b);
        var broadcast = BroadcastOf(kind, a, b);
        var y = tape.Result(a.Shape, a.RequiresGradient || b.RequiresGradient);
        tape.Device.Binary(kind, a, b, broadcast, y);
        if (y.RequiresGradient)
            tape.Add(kind.ToString(), y, y =>
            {
                bool accumulate = false;
                var da = a.RequiresGradient ? a.GradientForUpdate(out accumulate) : null;
                tape.Device.BinaryGradient(kind, a, b, broadcast, y, y.Gradient, da, accumulate, Wanted(b));
            });
        return y;
    }

    private static Broadcast BroadcastOf(BinaryKind kind, Tensor a, Tensor b)
    {
        if (a.Shape.SequenceEqual(b.Shape)) return Broadcast.None;
        if (b.Shape.Length == 1 && b.Length == 1) return Broadcast.Scalar;
        if (b.Length == b.Columns && b.Columns == a.Columns) return Broadcast.Row;
        if (b.Columns == 1 && b.Rows == a.Rows) return Broadcast.Column;
        throw new ArgumentException($"{kind}: the shape {b.ShapeText} cannot be spread over {a.ShapeText}");
    }

    /// <summary>The gradient to add to, or null where none is wanted.</summary>
    private static Tensor? Wanted(Tensor x) => x.RequiresGradient ? x.Gradient : null;

    /// <summary>Adds alpha x to the gradient of an operand.</summary>
    private static void AddScaled(Tape tape, Tensor x, float alpha, Tensor operand)
    {
        var gradient = operand.GradientForUpdate(out bool accumulate);
        if (accumulate) tape.Device.AddScaled(x, alpha, gradient);
        else tape.Device.Affine(x, alpha, 0, gradient);
    }

    private static ArgumentException Mismatch(string operation, params ReadOnlySpan<Tensor> operands)
    {
        var shapes = new List<string>();
        foreach (var t in operands) shapes.Add(t.ShapeText);
        return new ArgumentException($"{operation}: the shapes {string.Join(" and ", shapes)} do not fit together");
    }
}
