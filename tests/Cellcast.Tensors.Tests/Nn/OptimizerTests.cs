using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Tests.Nn;

public sealed class OptimizerTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Steps_follow_the_published_formula(bool decoupled)
    {
        using var device = new CpuDevice(2);
        var p = new Parameter("p", 37, 5);
        RandomFill.Normal(RandomKey.From(1, "p"), p.Span);
        double[] x = [.. p.ToArray().Select(v => (double)v)], m = new double[x.Length], v = new double[x.Length];
        const double Rate = 0.03, Decay = 0.1, Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-6;
        AdamOptimizer optimizer = decoupled ? new AdamW([p], Rate, Beta1, Beta2, Epsilon, Decay) : new Adam([p], Rate, Beta1, Beta2, Epsilon, Decay);
        for (int t = 1; t <= 20; t++)
        {
            float[] g = new float[p.Length];
            RandomFill.Normal(RandomKey.From(1, "g").Split(t), g);
            optimizer.ClearGradients();
            g.CopyTo(p.Gradient.Span);
            optimizer.Step(device);
            for (int i = 0; i < x.Length; i++)
            {
                double slope = g[i] + (decoupled ? 0 : Decay * x[i]);
                if (decoupled) x[i] *= 1 - Rate * Decay;
                m[i] = Beta1 * m[i] + (1 - Beta1) * slope;
                v[i] = Beta2 * v[i] + (1 - Beta2) * slope * slope;
                x[i] -= Rate * m[i] / (1 - Math.Pow(Beta1, t)) / (Math.Sqrt(v[i] / (1 - Math.Pow(Beta2, t))) + Epsilon);
            }
        }
        for (int i = 0; i < x.Length; i++) Assert.Equal(x[i], p.Span[i], 1e-5);
    }

    [Fact]
    public void Frozen_parameters_and_those_without_a_gradient_stay_bit_for_bit()
    {
        using var device = new CpuDevice(1);
        Parameter trained = new("trained", 4), frozen = new("frozen", 4), unused = new("unused", 4), foreign = new("foreign", 4);
        foreach (var p in new[] { trained, frozen, unused, foreign }) p.Span.Fill(0.5f);
        frozen.Frozen = true;
        var optimizer = new AdamW([trained, frozen, unused], learningRate: 0.1, weightDecay: 0.5);
        var tape = new Tape(device);
        for (int step = 0; step < 3; step++)
        {
            optimizer.ClearGradients();
            tape.Backward(Op.Sum(Op.Multiply(Op.Multiply(tape.Use(trained), frozen), foreign)));
            optimizer.Step(device);
            tape.Reset();
        }
        Assert.All(trained.ToArray(), v => Assert.NotEqual(0.5f, v));
        foreach (var p in new[] { frozen, unused, foreign }) Assert.All(p.ToArray(), v => Assert.Equal(0.5f, v));
        Assert.False(frozen.HasGradient);
        Assert.True(foreign.HasGradient);
        Assert.Throws<InvalidOperationException>(() => frozen.Gradient);
    }

    [Fact]
    public void A_resumed_run_continues_bit_for_bit()
    {
        using var device = new CpuDevice(1);
        float[] Train(int stopAfter)
        {
            var layer = new Linear("layer", 6, 4, RandomKey.From(1, "init"));
            var optimizer = new AdamW(layer.Parameters, 0.05);
            var tape = new Tape(device);
            for (int step = 0; step < 10; step++)
            {
                if (step == stopAfter)
                {
                    var (weights, moments) = (layer.ExportState(), optimizer.ExportState());
                    layer = new Linear("layer", 6, 4, RandomKey.From(99, "other"));
                    layer.ImportState(weights);
                    optimizer = new AdamW(layer.Parameters, 0.05);
                    optimizer.ImportState(moments);
                }
                float[] x = new float[30];
                RandomFill.Normal(RandomKey.From(1, "x").Split(step), x);
                optimizer.ClearGradients();
                tape.Backward(Op.Sum(Op.Square(Op.Tanh(layer.Forward(tape.Input(x, 5, 6))))));
                optimizer.Step(device);
                tape.Reset();
            }
            return [.. layer.Weight.ToArray(), .. layer.Bias.ToArray()];
        }
        Assert.Equal(Train(-1), Train(4));
    }

    [Fact]
    public void A_state_that_does_not_fit_is_refused()
    {
        var optimizer = new Adam([new Parameter("p", 3)]);
        var state = optimizer.ExportState();
        state["p/first_moment"] = Tensor.Zeros(2);
        Assert.Contains("p/first_moment", Assert.Throws<InvalidDataException>(() => optimizer.ImportState(state)).Message);
    }

    [Fact]
    public void Clipping_scales_all_gradients_together_and_only_down()
    {
        using var device = new CpuDevice(1);
        Parameter a = new("a", 2), b = new("b", 1);
        var optimizer = new Adam([a, b]);
        new float[] { 3, 0 }.CopyTo(a.Gradient.Span);
        b.Gradient.Span[0] = 4;
        Assert.Equal(5, optimizer.ClipGradientNorm(device, 10), 1e-9);
        Assert.Equal([3f, 0], a.Gradient.ToArray());
        Assert.Equal(5, optimizer.ClipGradientNorm(device, 1), 1e-9);
        Assert.Equal(0.6f, a.Gradient.Span[0], 1e-6f);
        Assert.Equal(0.8f, b.Gradient.Span[0], 1e-6f);
    }
}
