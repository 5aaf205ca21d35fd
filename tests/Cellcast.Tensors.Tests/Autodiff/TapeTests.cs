using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;
using static Cellcast.Tensors.Autodiff.Op;

namespace Cellcast.Tensors.Tests.Autodiff;

public sealed class TapeTests
{
    [Fact]
    public void A_model_reads_like_its_paper_and_learns()
    {
        using var device = new CpuDevice(1);
        var key = RandomKey.From(1, "test");
        var first = new Linear("first", 3, 8, key);
        var second = new Linear("second", 8, 1, key);
        var optimizer = new AdamW([.. first.Parameters, .. second.Parameters], learningRate: 0.02);
        var x = new float[30];
        RandomFill.Normal(key.Split("x"), x);
        var target = new float[10];
        for (int i = 0; i < 10; i++) target[i] = x[3 * i] * x[3 * i + 1];
        var tape = new Tape(device);
        float start = 0, end = 0;
        for (int step = 0; step < 200; step++)
        {
            var prediction = second.Forward(Gelu(LayerNorm(Linear(tape.Input(x, 10, 3), first.Weight, first.Bias))));
            var loss = MeanSquaredError(prediction, tape.Input(target, 10, 1));
            tape.Backward(loss);
            optimizer.Step(device);
            if (step == 0) start = loss.ToScalar();
            end = loss.ToScalar();
            optimizer.ClearGradients();
            tape.Reset();
        }
        Assert.True(end < 0.2f * start, $"{start} -> {end}");
    }
}
