namespace Cellcast.Tensors.Kernels;

/// <summary>Functions of every element of a vector.</summary>
public static class VectorMath
{
    /// <summary>e^x, of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Exp(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)Math.Exp(v);
        }
    }

    /// <summary>Natural logarithm, of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Log(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)Math.Log(v);
        }
    }

    /// <summary>log(1 + x), of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Log1p(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)Reference.LogOnePlus(v);
        }
    }

    /// <summary>log(1 + e^x), stable for any x, of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Softplus(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)Reference.Softplus(v);
        }
    }

    /// <summary>1 / (1 + e^-x), of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Sigmoid(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)Reference.Sigmoid(v);
        }
    }

    /// <summary>Hyperbolic tangent, of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Tanh(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)Math.Tanh(v);
        }
    }

    /// <summary>Error function, of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Erf(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)Reference.Erf(v);
        }
    }

    /// <summary>Exact GELU, x Phi(x), of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Gelu(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)Reference.Gelu(v);
        }
    }

    /// <summary>GELU in its tanh form, of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void GeluTanh(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)Reference.GeluTanh(v);
        }
    }

    /// <summary>x where positive, e^x - 1 elsewhere, of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Elu(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)(v > 0 ? v : Math.Exp(v) - 1);
        }
    }

    /// <summary>max(x, 0), of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Relu(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)(v > 0 ? v : 0);
        }
    }

    /// <summary>log Gamma(x), x > 0, of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void LogGamma(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)Reference.LogGamma(v);
        }
    }

    /// <summary>psi(x), x > 0, of every element.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Arguments.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>, may be the same memory.</param>
    public static void Digamma(Workers workers, ReadOnlySpan<float> x, Span<float> y)
    {
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++)
        {
            double v = x[i];
            y[i] = (float)Reference.Digamma(v);
        }
    }

    /// <summary>dx = dy times the derivative of <see cref="Softplus"/>, given its input x.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="saved">The input x of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void SoftplusBackward(Workers workers, ReadOnlySpan<float> saved, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false)
    {
        Guard.SameLength(saved.Length, dy.Length);
        Guard.SameLength(saved.Length, dx.Length);
        for (int i = 0; i < saved.Length; i++)
        {
            double v = saved[i];
            dx[i] = (accumulate ? dx[i] : 0f) + (float)(dy[i] * (Reference.Sigmoid(v)));
        }
    }

    /// <summary>dx = dy times the derivative of <see cref="Sigmoid"/>, given its output y.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="saved">The output y of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void SigmoidBackward(Workers workers, ReadOnlySpan<float> saved, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false)
    {
        Guard.SameLength(saved.Length, dy.Length);
        Guard.SameLength(saved.Length, dx.Length);
        for (int i = 0; i < saved.Length; i++)
        {
            double v = saved[i];
            dx[i] = (accumulate ? dx[i] : 0f) + (float)(dy[i] * (v * (1.0 - v)));
        }
    }

    /// <summary>dx = dy times the derivative of <see cref="Tanh"/>, given its output y.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="saved">The output y of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void TanhBackward(Workers workers, ReadOnlySpan<float> saved, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false)
    {
        Guard.SameLength(saved.Length, dy.Length);
        Guard.SameLength(saved.Length, dx.Length);
        for (int i = 0; i < saved.Length; i++)
        {
            double v = saved[i];
            dx[i] = (accumulate ? dx[i] : 0f) + (float)(dy[i] * (1.0 - (double)v * v));
        }
    }

    /// <summary>dx = dy times the derivative of <see cref="Gelu"/>, given its input x.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="saved">The input x of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void GeluBackward(Workers workers, ReadOnlySpan<float> saved, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false)
    {
        Guard.SameLength(saved.Length, dy.Length);
        Guard.SameLength(saved.Length, dx.Length);
        for (int i = 0; i < saved.Length; i++)
        {
            double v = saved[i];
            dx[i] = (accumulate ? dx[i] : 0f) + (float)(dy[i] * (Reference.GeluDerivative(v)));
        }
    }

    /// <summary>dx = dy times the derivative of <see cref="GeluTanh"/>, given its input x.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="saved">The input x of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void GeluTanhBackward(Workers workers, ReadOnlySpan<float> saved, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false)
    {
        Guard.SameLength(saved.Length, dy.Length);
        Guard.SameLength(saved.Length, dx.Length);
        for (int i = 0; i < saved.Length; i++)
        {
            double v = saved[i];
            dx[i] = (accumulate ? dx[i] : 0f) + (float)(dy[i] * (Reference.GeluTanhDerivative(v)));
        }
    }

    /// <summary>dx = dy times the derivative of <see cref="Elu"/>, given its output y.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="saved">The output y of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void EluBackward(Workers workers, ReadOnlySpan<float> saved, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false)
    {
        Guard.SameLength(saved.Length, dy.Length);
        Guard.SameLength(saved.Length, dx.Length);
        for (int i = 0; i < saved.Length; i++)
        {
            double v = saved[i];
            dx[i] = (accumulate ? dx[i] : 0f) + (float)(dy[i] * ((v > 0 ? 1 : v + 1.0)));
        }
    }

    /// <summary>dx = dy times the derivative of <see cref="Relu"/>, given its input x or output y.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="saved">The input x or output y of the forward pass.</param>
    /// <param name="dy">Gradient with respect to the output.</param>
    /// <param name="dx">Gradient with respect to the input; may be the same memory as <paramref name="dy"/>.</param>
    /// <param name="accumulate">Add to dx instead of replacing it.</param>
    public static void ReluBackward(Workers workers, ReadOnlySpan<float> saved, ReadOnlySpan<float> dy, Span<float> dx, bool accumulate = false)
    {
        Guard.SameLength(saved.Length, dy.Length);
        Guard.SameLength(saved.Length, dx.Length);
        for (int i = 0; i < saved.Length; i++)
        {
            double v = saved[i];
            dx[i] = (accumulate ? dx[i] : 0f) + (float)(dy[i] * ((v > 0 ? 1 : 0)));
        }
    }

    /// <summary>log Gamma(x + theta) - log Gamma(theta) of every pair, for x at least 0 and theta > 0, without cancellation.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Counts.</param>
    /// <param name="theta">As many as <paramref name="x"/>.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>.</param>
    public static void LogGammaDifference(Workers workers, ReadOnlySpan<float> x, ReadOnlySpan<float> theta, Span<float> y)
    {
        Guard.SameLength(x.Length, theta.Length);
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++) y[i] = (float)Reference.LogGammaDifference(x[i], theta[i]);
    }

    /// <summary>psi(x + theta) - psi(theta) of every pair, for x at least 0 and theta > 0, without cancellation.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">Counts.</param>
    /// <param name="theta">As many as <paramref name="x"/>.</param>
    /// <param name="y">Values; as long as <paramref name="x"/>.</param>
    public static void DigammaDifference(Workers workers, ReadOnlySpan<float> x, ReadOnlySpan<float> theta, Span<float> y)
    {
        Guard.SameLength(x.Length, theta.Length);
        Guard.SameLength(x.Length, y.Length);
        for (int i = 0; i < x.Length; i++) y[i] = (float)Reference.DigammaDifference(x[i], theta[i]);
    }
}
