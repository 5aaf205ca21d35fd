using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors;

public sealed partial class CpuDevice
{
    /// <inheritdoc/>
    public override void Fill(Tensor y, float value) => y.Span.Fill(value);

    /// <inheritdoc/>
    public override void Copy(Tensor x, Tensor y, bool accumulate)
    {
        if (accumulate) AddScaled(x, 1, y);
        else x.Span.CopyTo(y.Span);
    }

    /// <inheritdoc/>
    public override void AddScaled(Tensor x, float alpha, Tensor y) => Elementwise.Axpy(Workers, alpha, x.Span, y.Span);

    /// <inheritdoc/>
    public override void Affine(Tensor x, float scale, float shift, Tensor y) => Elementwise.Scale(Workers, scale, x.Span, y.Span, shift);

    /// <inheritdoc/>
    public override void Unary(UnaryKind kind, Tensor x, Tensor y)
    {
        switch (kind)
        {
            case UnaryKind.Exp: VectorMath.Exp(Workers, x.Span, y.Span); break;
            case UnaryKind.Log: VectorMath.Log(Workers, x.Span, y.Span); break;
            case UnaryKind.Softplus: VectorMath.Softplus(Workers, x.Span, y.Span); break;
            case UnaryKind.Sigmoid: VectorMath.Sigmoid(Workers, x.Span, y.Span); break;
            case UnaryKind.Tanh: VectorMath.Tanh(Workers, x.Span, y.Span); break;
            case UnaryKind.Gelu: VectorMath.Gelu(Workers, x.Span, y.Span); break;
            case UnaryKind.GeluTanh: VectorMath.GeluTanh(Workers, x.Span, y.Span); break;
            case UnaryKind.Elu: VectorMath.Elu(Workers, x.Span, y.Span); break;
            case UnaryKind.Relu: VectorMath.Relu(Workers, x.Span, y.Span); break;
            case UnaryKind.Square: Elementwise.Multiply(Workers, x.Span, x.Span, y.Span); break;
            case UnaryKind.Sqrt: BroadcastLoops.Run<SqrtOfFirst>(Workers, x, x, Broadcast.None, y); break;
            default: throw new ArgumentOutOfRangeException(nameof(kind));
        }
    }

    /// <inheritdoc/>
    public override void UnaryGradient(UnaryKind kind, Tensor x, Tensor y, Tensor dy, Tensor dx, bool accumulate)
    {
        switch (kind)
        {
            case UnaryKind.Exp: Product<MultiplyTwo>(y, dy, dx, accumulate); break;
            case UnaryKind.Log: Product<DivideSecondByFirst>(x, dy, dx, accumulate); break;
            case UnaryKind.Softplus: VectorMath.SoftplusBackward(Workers, x.Span, dy.Span, dx.Span, accumulate); break;
            case UnaryKind.Sigmoid: VectorMath.SigmoidBackward(Workers, y.Span, dy.Span, dx.Span, accumulate); break;
            case UnaryKind.Tanh: VectorMath.TanhBackward(Workers, y.Span, dy.Span, dx.Span, accumulate); break;
            case UnaryKind.Gelu: VectorMath.GeluBackward(Workers, x.Span, dy.Span, dx.Span, accumulate); break;
            case UnaryKind.GeluTanh: VectorMath.GeluTanhBackward(Workers, x.Span, dy.Span, dx.Span, accumulate); break;
            case UnaryKind.Elu: VectorMath.EluBackward(Workers, y.Span, dy.Span, dx.Span, accumulate); break;
            case UnaryKind.Relu: VectorMath.ReluBackward(Workers, x.Span, dy.Span, dx.Span, accumulate); break;
            case UnaryKind.Square: Product<TwiceProduct>(x, dy, dx, accumulate); break;
            case UnaryKind.Sqrt: Product<HalfQuotient>(y, dy, dx, accumulate); break;
            default: throw new ArgumentOutOfRangeException(nameof(kind));
        }
    }

    /// <inheritdoc/>
    public override void Binary(BinaryKind kind, Tensor a, Tensor b, Broadcast broadcast, Tensor y)
    {
        switch (kind)
        {
            case BinaryKind.Add: BroadcastLoops.Run<AddTwo>(Workers, a, b, broadcast, y); break;
            case BinaryKind.Subtract: BroadcastLoops.Run<SubtractTwo>(Workers, a, b, broadcast, y); break;
            case BinaryKind.Multiply: BroadcastLoops.Run<MultiplyTwo>(Workers, a, b, broadcast, y); break;
            case BinaryKind.Divide: BroadcastLoops.Run<DivideTwo>(Workers, a, b, broadcast, y); break;
            default: throw new ArgumentOutOfRangeException(nameof(kind));
        }
    }

    /// <inheritdoc/>
    public override void BinaryGradient(BinaryKind kind, Tensor a, Tensor b, Broadcast broadcast, Tensor y, Tensor dy, Tensor? da, bool accumulateA, Tensor? db)
    {
        if (da is not null)
        {
            if (kind is BinaryKind.Add or BinaryKind.Subtract) Copy(dy, da, accumulateA);
            else if (kind == BinaryKind.Multiply) BroadcastLoops.Run<MultiplyTwo>(Workers, dy, b, broadcast, da, accumulateA);
            else BroadcastLoops.Run<DivideTwo>(Workers, dy, b, broadcast, da, accumulateA);
        }
        if (db is null) return;
        using var scratch = Borrow(b.Length);
        var sums = scratch.Span;
        switch (kind)
        {
            case BinaryKind.Add or BinaryKind.Subtract: Fold(dy, null, broadcast, sums); break;
            case BinaryKind.Multiply: Fold(dy, a, broadcast, sums); break;
            default:
                // d(a / b) / db = -y / b.
                Fold(dy, y, broadcast, sums);
                Elementwise.Divide(Workers, sums, b.Span, sums);
                break;
        }
        Elementwise.Axpy(Workers, kind is BinaryKind.Subtract or BinaryKind.Divide ? -1 : 1, sums, db.Span);
    }

    /// <summary>Sums of x, or of x times a factor, over everything that one number was spread over.</summary>
    private void Fold(Tensor x, Tensor? factor, Broadcast broadcast, Span<float> sums)
    {
        switch (broadcast)
        {
            case Broadcast.None when factor is null: x.Span.CopyTo(sums); break;
            case Broadcast.None: Elementwise.Multiply(Workers, x.Span, factor.Span, sums); break;
            case Broadcast.Row when factor is null: Reductions.ColumnSums(Workers, x.Span, x.Rows, x.Columns, sums); break;
            case Broadcast.Row: Reductions.ColumnDots(Workers, x.Span, factor.Span, x.Rows, x.Columns, sums); break;
            case Broadcast.Column when factor is null: Reductions.RowSums(Workers, x.Span, x.Rows, x.Columns, sums); break;
            case Broadcast.Column: Reductions.RowDots(Workers, x.Span, factor.Span, x.Rows, x.Columns, sums); break;
            default: sums[0] = (float)(factor is null ? Reductions.Sum(Workers, x.Span) : Reductions.Dot(Workers, x.Span, factor.Span)); break;
        }
    }

    private void Product<TFunction>(Tensor saved, Tensor dy, Tensor dx, bool accumulate) where TFunction : struct, IBinaryFunction =>
        BroadcastLoops.Run<TFunction>(Workers, saved, dy, Broadcast.None, dx, accumulate);
}
