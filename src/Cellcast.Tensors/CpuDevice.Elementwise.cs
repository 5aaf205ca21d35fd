namespace Cellcast.Tensors;

public sealed partial class CpuDevice
{
    /// <inheritdoc/>
    public override void Copy(Tensor x, Tensor y, bool accumulate)
    {
        if (accumulate) AddScaled(x, 1, y);
        else x.Span.CopyTo(y.Span);
    }

    /// <inheritdoc/>
    public override void AddScaled(Tensor x, float alpha, Tensor y)
    {
        Span<float> xs = x.Span, ys = y.Span;
        for (int i = 0; i < xs.Length; i++) ys[i] += alpha * xs[i];
    }

    /// <inheritdoc/>
    public override void Affine(Tensor x, float scale, float shift, Tensor y)
    {
        Span<float> xs = x.Span, ys = y.Span;
        for (int i = 0; i < xs.Length; i++) ys[i] = scale * xs[i] + shift;
    }

    /// <inheritdoc/>
    public override void Unary(UnaryKind kind, Tensor x, Tensor y)
    {
        Span<float> xs = x.Span, ys = y.Span;
        for (int i = 0; i < xs.Length; i++) ys[i] = (float)Value(kind, xs[i]);
    }

    /// <inheritdoc/>
    public override void UnaryGradient(UnaryKind kind, Tensor x, Tensor y, Tensor dy, Tensor dx)
    {
        Span<float> xs = x.Span, ys = y.Span, dys = dy.Span, dxs = dx.Span;
        for (int i = 0; i < xs.Length; i++) dxs[i] += (float)(dys[i] * Slope(kind, xs[i], ys[i]));
    }

    /// <inheritdoc/>
    public override void Binary(BinaryKind kind, Tensor a, Tensor b, Broadcast broadcast, Tensor y)
    {
        Span<float> av = a.Span, bv = b.Span, yv = y.Span;
        int columns = a.Columns;
        for (int r = 0, i = 0; r < a.Rows; r++)
            for (int c = 0; c < columns; c++, i++)
            {
                float p = av[i], q = bv[IndexOf(broadcast, r, c, i)];
                yv[i] = kind switch { BinaryKind.Add => p + q, BinaryKind.Subtract => p - q, BinaryKind.Multiply => p * q, _ => p / q };
            }
    }

    /// <inheritdoc/>
    public override void BinaryGradient(BinaryKind kind, Tensor a, Tensor b, Broadcast broadcast, Tensor dy, Tensor? da, Tensor? db)
    {
        Span<float> av = a.Span, bv = b.Span, g = dy.Span;
        int columns = a.Columns;
        var sums = db is null ? [] : new double[db.Length];
        for (int r = 0, i = 0; r < a.Rows; r++)
            for (int c = 0; c < columns; c++, i++)
            {
                int j = IndexOf(broadcast, r, c, i);
                if (da is not null) da.Span[i] += kind switch { BinaryKind.Add or BinaryKind.Subtract => g[i], BinaryKind.Multiply => g[i] * bv[j], _ => g[i] / bv[j] };
                if (db is not null) sums[j] += kind switch { BinaryKind.Add => g[i], BinaryKind.Subtract => -g[i], BinaryKind.Multiply => g[i] * av[i], _ => -g[i] * av[i] / (bv[j] * bv[j]) };
            }
        for (int j = 0; j < sums.Length; j++) db!.Span[j] += (float)sums[j];
    }

    private static int IndexOf(Broadcast broadcast, int row, int column, int element) => broadcast switch
    {
        Broadcast.None => element,
        Broadcast.Row => column,
        Broadcast.Column => row,
        _ => 0,
    };

    private static double Value(UnaryKind kind, double x) => kind switch
    {
        UnaryKind.Exp => Math.Exp(x),
        UnaryKind.Log => Math.Log(x),
        UnaryKind.Softplus => ReferenceMath.Softplus(x),
        UnaryKind.Sigmoid => ReferenceMath.Sigmoid(x),
        UnaryKind.Tanh => Math.Tanh(x),
        UnaryKind.Gelu => x * ReferenceMath.NormalCdf(x),
        UnaryKind.GeluTanh => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
        UnaryKind.Elu => x > 0 ? x : Math.Exp(x) - 1,
        UnaryKind.Relu => Math.Max(x, 0),
        UnaryKind.Square => x * x,
        UnaryKind.Sqrt => Math.Sqrt(x),
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static double Slope(UnaryKind kind, double x, double y)
    {
        switch (kind)
        {
            case UnaryKind.Exp: return y;
            case UnaryKind.Log: return 1 / x;
            case UnaryKind.Softplus: return ReferenceMath.Sigmoid(x);
            case UnaryKind.Sigmoid: return y * (1 - y);
            case UnaryKind.Tanh: return 1 - y * y;
            case UnaryKind.Gelu: return ReferenceMath.NormalCdf(x) + x * ReferenceMath.NormalPdf(x);
            case UnaryKind.GeluTanh:
                double k = Math.Sqrt(2 / Math.PI);
                double t = Math.Tanh(k * (x + 0.044715 * x * x * x));
                return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * 0.044715 * x * x);
            case UnaryKind.Elu: return x > 0 ? 1 : y + 1;
            case UnaryKind.Relu: return x > 0 ? 1 : 0;
            case UnaryKind.Square: return 2 * x;
            case UnaryKind.Sqrt: return 0.5 / y;
            default: throw new ArgumentOutOfRangeException(nameof(kind));
        }
    }
}
