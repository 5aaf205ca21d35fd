using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Tests.Kernels;

/// <summary>The error bounds that <see cref="VectorMath"/> states, against double precision.</summary>
public class VectorMathTests
{
    public delegate void Function(Workers workers, ReadOnlySpan<float> x, Span<float> y);

    private const int Points = 60_001;

    /// <summary>Equal steps between two numbers.</summary>
    private static float[] Steps(double from, double to)
    {
        var x = new float[Points];
        for (int i = 0; i < Points; i++) x[i] = (float)(from + (to - from) * i / (Points - 1));
        return x;
    }

    /// <summary>Equal ratios between two positive numbers.</summary>
    private static float[] Ratios(double from, double to)
    {
        var x = new float[Points];
        for (int i = 0; i < Points; i++) x[i] = (float)(from * Math.Pow(to / from, i / (Points - 1.0)));
        return x;
    }

    private static double Ulp(double value)
    {
        double a = Math.Max(Math.Abs(value), 1.17549435e-38);
        return Math.Pow(2, Math.Floor(Math.Log2(a)) - 23);
    }

    private static void WithinUlps(Function function, Func<double, double> exact, float[] x, double ulps) =>
        Within(function, exact, x, value => ulps * Ulp(value));

    private static void Within(Function function, Func<double, double> exact, float[] x, Func<double, double> allowed)
    {
        var y = new float[x.Length];
        function(Workers.Inline, x, y);
        double worst = 0;
        int at = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double expected = exact(x[i]), share = Math.Abs(y[i] - expected) / allowed(expected);
            if (share > worst || double.IsNaN(share)) (worst, at) = (share, i);
            if (double.IsNaN(share)) break;
        }
        Assert.True(worst <= 1, $"x = {x[at]:R}: {y[at]:R}, exactly {exact(x[at]):R}, {worst} times the stated bound");
    }

    [Fact]
    public void Exp_is_within_one_ulp()
    {
        WithinUlps(VectorMath.Exp, Math.Exp, Steps(-87.33, 88.72), 1.05);
        WithinUlps(VectorMath.Exp, Math.Exp, Steps(-104, -87.33), 1.5);
        WithinUlps(VectorMath.Exp, Math.Exp, Steps(-1, 1), 1.05);
        Assert.Equal([0f, 1f, float.PositiveInfinity, float.PositiveInfinity, float.NaN, 0f],
            Values(VectorMath.Exp, -110f, 0f, 89f, float.PositiveInfinity, float.NaN, float.NegativeInfinity));
    }

    [Fact]
    public void Log_is_within_two_ulp()
    {
        WithinUlps(VectorMath.Log, Math.Log, Ratios(1e-44, 3e38), 1.05);
        WithinUlps(VectorMath.Log, Math.Log, Steps(0.5, 2), 2);
        Assert.Equal([float.NegativeInfinity, float.NaN, float.PositiveInfinity, float.NaN, 0f, float.NegativeInfinity],
            Values(VectorMath.Log, 0f, -1f, float.PositiveInfinity, float.NaN, 1f, -0f));
    }

    [Fact]
    public void Log1p_is_within_three_ulp()
    {
        WithinUlps(VectorMath.Log1p, Reference.LogOnePlus, Ratios(1e-30, 1e30), 3);
        WithinUlps(VectorMath.Log1p, Reference.LogOnePlus, Steps(-0.9999, 1), 3);
        Assert.Equal([float.NegativeInfinity, float.NaN, float.PositiveInfinity, float.NaN, 0f],
            Values(VectorMath.Log1p, -1f, -1.5f, float.PositiveInfinity, float.NaN, 0f));
    }

    [Fact]
    public void Softplus_and_sigmoid_are_within_three_ulp()
    {
        WithinUlps(VectorMath.Softplus, Reference.Softplus, Steps(-87, 100), 2);
        WithinUlps(VectorMath.Sigmoid, Reference.Sigmoid, Steps(-87, 100), 3);
        float[] y = Values(VectorMath.Softplus, -1000f, 1000f, float.NegativeInfinity, float.PositiveInfinity, float.NaN);
        Assert.True(y[0] is >= 0 and < 1e-37f && y[2] is >= 0 and < 1e-37f);
        Assert.Equal([1000f, float.PositiveInfinity, float.NaN], [y[1], y[3], y[4]]);
        float[] s = Values(VectorMath.Sigmoid, -1000f, 1000f, float.PositiveInfinity, float.NaN);
        Assert.True(s[0] is >= 0 and < 1e-37f);
        Assert.Equal([1f, 1f, float.NaN], s[1..]);
    }

    [Fact]
    public void Tanh_and_erf_are_within_their_bounds()
    {
        WithinUlps(VectorMath.Tanh, Math.Tanh, Steps(-10, 10), 3);
        WithinUlps(VectorMath.Tanh, Math.Tanh, Ratios(1e-20, 1), 3);
        WithinUlps(VectorMath.Erf, Reference.Erf, Steps(-5, 5), 2);
        WithinUlps(VectorMath.Erf, Reference.Erf, Ratios(1e-20, 1), 2);
        Assert.Equal([-1f, 1f, float.NaN], Values(VectorMath.Tanh, float.NegativeInfinity, float.PositiveInfinity, float.NaN));
        Assert.Equal([-1f, 1f, float.NaN], Values(VectorMath.Erf, float.NegativeInfinity, float.PositiveInfinity, float.NaN));
    }

    [Fact]
    public void Gelu_keeps_its_relative_accuracy_in_the_tail()
    {
        WithinUlps(VectorMath.Gelu, Reference.Gelu, Steps(-5, 10), HasFusedMultiplyAdd ? 6 : 20);
        WithinUlps(VectorMath.Gelu, Reference.Gelu, Steps(-13, -5), HasFusedMultiplyAdd ? 6 : 120);
        Assert.Equal([float.PositiveInfinity, float.NaN, 0f], Values(VectorMath.Gelu, float.PositiveInfinity, float.NaN, 0f));
        Assert.Equal(0f, Values(VectorMath.Gelu, float.NegativeInfinity)[0], 1e-10f);
    }

    [Fact]
    public void Tanh_form_of_gelu_is_within_its_bound()
    {
        Within(VectorMath.GeluTanh, Reference.GeluTanh, Steps(-3, 10), v => 1e-6 * Math.Abs(v));
        Within(VectorMath.GeluTanh, Reference.GeluTanh, Steps(-20, -3), _ => 1e-7);
    }

    [Fact]
    public void Elu_is_within_two_ulp() =>
        WithinUlps(VectorMath.Elu, x => x > 0 ? x : x > -1e-5 ? x + x * x / 2 : Math.Exp(x) - 1, Steps(-20, 2), 2);

    [Fact]
    public void Derivatives_are_accurate()
    {
        float[] x = Steps(-12, 12), ones = new float[Points];
        Array.Fill(ones, 1f);
        Function Of(Action<float[], float[]> f) => (_, _, y) =>
        {
            var r = new float[Points];
            f(ones, r);
            r.CopyTo(y);
        };
        Within(Of((dy, dx) => VectorMath.GeluBackward(Workers.Inline, x, dy, dx)), Reference.GeluDerivative, x, v => 2e-7 * Math.Max(1, Math.Abs(v)));
        Within(Of((dy, dx) => VectorMath.GeluTanhBackward(Workers.Inline, x, dy, dx)), Reference.GeluTanhDerivative, x, v => 3e-7 * Math.Max(1, Math.Abs(v)));
        Within(Of((dy, dx) => VectorMath.SoftplusBackward(Workers.Inline, x, dy, dx)), Reference.Sigmoid, x, v => 4e-7 * v);
        float[] y = new float[Points];
        VectorMath.Tanh(Workers.Inline, x, y);
        Within(Of((dy, dx) => VectorMath.TanhBackward(Workers.Inline, y, dy, dx)), v => 1 - Math.Pow(Math.Tanh(v), 2), x, _ => 2e-7);
        VectorMath.Sigmoid(Workers.Inline, x, y);
        Within(Of((dy, dx) => VectorMath.SigmoidBackward(Workers.Inline, y, dy, dx)), v => Reference.Sigmoid(v) * Reference.Sigmoid(-v), x, _ => 1e-7);
        VectorMath.Elu(Workers.Inline, x, y);
        Within(Of((dy, dx) => VectorMath.EluBackward(Workers.Inline, y, dy, dx)), v => v > 0 ? 1 : Math.Exp(v), x, _ => 1e-7);
    }

    [Fact]
    public void Backward_adds_when_asked()
    {
        float[] x = Samples.Uniform(1, 1003, -3, 3), dy = Samples.Uniform(2, 1003), start = Samples.Uniform(3, 1003), replaced = new float[1003], added = [.. start];
        VectorMath.GeluBackward(Workers.Inline, x, dy, replaced);
        VectorMath.GeluBackward(Workers.Inline, x, dy, added, accumulate: true);
        for (int i = 0; i < x.Length; i++) Assert.Equal(start[i] + replaced[i], added[i]);
    }

    [Fact]
    public void Log_gamma_and_digamma_are_within_their_bounds()
    {
        foreach (float[] x in new[] { Ratios(1e-30, 1e30), Steps(0.01, 20), Ratios(1, 1e7) })
        {
            Within(VectorMath.LogGamma, Reference.LogGamma, x, v => 5e-7 * Math.Max(1, Math.Abs(v)));
            Within(VectorMath.Digamma, Reference.Digamma, x, v => 4e-7 * Math.Max(1, Math.Abs(v)));
        }
        Assert.Equal([float.PositiveInfinity, float.NaN, float.PositiveInfinity, float.NaN], Values(VectorMath.LogGamma, 0f, -1f, float.PositiveInfinity, float.NaN));
        Assert.Equal([float.NegativeInfinity, float.NaN, float.PositiveInfinity, float.NaN], Values(VectorMath.Digamma, 0f, -1f, float.PositiveInfinity, float.NaN));
    }

    [Fact]
    public void Differences_of_gamma_functions_do_not_cancel()
    {
        float[] counts = [0, 1, 2, 3, 7, 20, 63, 64, 150, 1000, 12345, 1e5f, 1e6f, 1e7f, 0.5f, 3.25f];
        float[] thetas = Ratios(1e-10, 1e8)[..];
        var x = new float[Points];
        var y = new float[Points];
        foreach (float count in counts)
        {
            Array.Fill(x, count);
            VectorMath.LogGammaDifference(Workers.Inline, x, thetas, y);
            for (int i = 0; i < Points; i += 7)
            {
                double expected = Reference.LogGammaDifference(count, thetas[i]);
                Assert.True(Math.Abs(y[i] - expected) <= 4e-7 * Math.Max(Math.Max(1, Math.Abs(expected)), Math.Abs(Math.Log(thetas[i]))), $"log Gamma, x {count} theta {thetas[i]:R}: {y[i]:R}, exactly {expected:R}");
            }
            VectorMath.DigammaDifference(Workers.Inline, x, thetas, y);
            for (int i = 0; i < Points; i += 7)
            {
                double expected = Reference.DigammaDifference(count, thetas[i]);
                if (count < 1e-3 * thetas[i] && thetas[i] > 1e3) continue;
                Assert.True(Math.Abs(y[i] - expected) <= 1e-6 * Math.Abs(expected), $"psi, x {count} theta {thetas[i]:R}: {y[i]:R}, exactly {expected:R}");
            }
        }
    }

    [Fact]
    public void Every_length_and_thread_count_gives_the_same_bits()
    {
        float[] x = Samples.Uniform(4, 70_003, -5, 5), whole = new float[x.Length];
        VectorMath.Gelu(Workers.Inline, x, whole);
        using var workers = new Workers(3);
        var parallel = new float[x.Length];
        VectorMath.Gelu(workers, x, parallel);
        Assert.Equal(Samples.Bits(whole), Samples.Bits(parallel));
        for (int n = 0; n < 70; n++)
        {
            var part = new float[n + 2];
            part[n] = part[n + 1] = 77;
            VectorMath.Gelu(Workers.Inline, x.AsSpan(0, n), part.AsSpan(0, n));
            Assert.Equal(Samples.Bits(whole.AsSpan(0, n)), Samples.Bits(part.AsSpan(0, n)));
            Assert.Equal([77f, 77f], part[n..]);
        }
    }

    private static bool HasFusedMultiplyAdd => System.Runtime.Intrinsics.X86.Fma.IsSupported || System.Runtime.Intrinsics.Arm.AdvSimd.IsSupported;

    private static float[] Values(Function f, params float[] x)
    {
        var y = new float[x.Length];
        f(Workers.Inline, x, y);
        return y;
    }
}
