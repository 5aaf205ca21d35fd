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

    [Fact]
    public void After_the_first_steps_a_step_allocates_nothing_that_grows_with_the_data()
    {
        using var device = new CpuDevice(1);
        long Allocated(int rows)
        {
            var key = RandomKey.From(1, "memory");
            var layer = new Linear("layer", 64, 96, key);
            var decoder = new Linear("decoder", 96, 200, key);
            var first = new SparseLinear("first", 203, 64, key);
            var theta = new Parameter("theta", 200);
            theta.Span.Fill(1);
            var optimizer = new AdamW([.. layer.Parameters, .. decoder.Parameters, .. first.Parameters, theta]);
            float[] dense = new float[rows * 200], sizes = new float[rows], noise = new float[rows * 96];
            for (int i = 0; i < dense.Length; i += 4) dense[i] = i % 5;
            Array.Fill(sizes, 1);
            int[] codes = new int[rows];
            var counts = SparseRows.FromDense(dense, rows, 200);
            var tape = new Tape(device);
            void Step()
            {
                optimizer.ClearGradients();
                var h = Gelu(LayerNorm(layer.Forward(first.Forward(tape, counts, codes))));
                var z = Reparameterize(h, Softplus(h), tape.Input(noise, rows, 96));
                z = Dropout(Multiply(SoftmaxRows(z), RowSum(z)), 0.1f, key);
                var p = SoftmaxColumns(z);
                tape.Backward(Add(Add(NegativeBinomialDecoderLoss(z, decoder.Weight, decoder.Bias, theta, sizes, counts, 0), KlStandardNormal(h, Softplus(h))), Sum(p)));
                optimizer.Step(device);
                tape.Reset();
            }
            for (int i = 0; i < 3; i++) Step();
            // Kernels keep scratch memory for the whole process, and other tests run beside this one: the least of several steps is what a step needs.
            long least = long.MaxValue;
            for (int i = 0; i < 10; i++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                Step();
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            return least;
        }
        long small = Allocated(50), large = Allocated(400);
        Assert.True(large <= small + 4096, $"{small} bytes per step of 50 rows, {large} of 400");
        Assert.True(small < 64 * 1024, $"{small} bytes per step");
    }

    [Fact]
    public void A_custom_operation_takes_part_like_any_other()
    {
        using var device = new CpuDevice(1);
        var p = new Parameter("p", 3, 2);
        RandomFill.Normal(RandomKey.From(1, "p"), p.Span);
        Tensor Cube(Tape tape, Tensor x) => tape.Record([x], x.Shape,
            y => { for (int i = 0; i < y.Length; i++) y.Span[i] = x.Span[i] * x.Span[i] * x.Span[i]; },
            y => { for (int i = 0; i < y.Length; i++) x.Gradient.Span[i] += 3 * x.Span[i] * x.Span[i] * y.Gradient.Span[i]; });
        Assert.All(GradientCheck.Run(device, [p], tape => Scale(Cube(tape, p), 2)).Gradients, e => Assert.InRange(e, 0, 1e-3));
        Assert.All(GradientCheck.Run(device, [p], tape => Cube(tape, p), x => [.. x[0].Select(v => v * v * v)]).Gradients, e => Assert.InRange(e, 0, 1e-5));
    }

    [Fact]
    public void A_wrong_gradient_is_found()
    {
        using var device = new CpuDevice(1);
        var p = new Parameter("p", 3);
        p.Span.Fill(1);
        Tensor Wrong(Tape tape, Tensor x) => tape.Record([x], x.Shape, y => x.Span.CopyTo(y.Span),
            y => { for (int i = 0; i < y.Length; i++) x.Gradient.Span[i] += 1.01f * y.Gradient.Span[i]; });
        Assert.InRange(GradientCheck.Run(device, [p], tape => Wrong(tape, p)).Gradients[0], 0.005, 0.02);
        Assert.InRange(GradientCheck.Run(device, [p], tape => Wrong(tape, p), x => x[0]).Gradients[0], 0.005, 0.02);
    }

    [Fact]
    public void A_tape_that_does_not_record_computes_the_same_values()
    {
        using var device = new CpuDevice(1);
        var layer = new Linear("layer", 4, 3, RandomKey.From(1, "init"));
        float[] x = [1, 2, 3, 4, 5, 6, 7, 8];
        var training = new Tape(device);
        var inference = new Tape(device, recordGradients: false);
        Assert.Equal(Gelu(layer.Forward(training.Input(x, 2, 4))).ToArray(), Gelu(layer.Forward(inference.Input(x, 2, 4))).ToArray());
        Assert.Equal(2, training.RecordedCount);
        Assert.Equal(0, inference.RecordedCount);
    }

    [Fact]
    public void Misuse_is_refused_with_a_reason()
    {
        using var device = new CpuDevice(1);
        var p = new Parameter("p", 2, 3);
        Tape tape = new(device), other = new(device);
        var x = tape.Input([1, 2, 3, 4, 5, 6], 2, 3);
        Assert.Contains("tape.Use", Assert.Throws<ArgumentException>(() => Exp(p)).Message);
        Assert.Contains("different tapes", Assert.Throws<ArgumentException>(() => Add(x, other.Input([1], 1))).Message);
        Assert.Contains("[2, 3] and [2, 3]", Assert.Throws<ArgumentException>(() => MatMul(x, p)).Message);
        Assert.Contains("[2] cannot be spread over [2, 3]", Assert.Throws<ArgumentException>(() => Add(x, Tensor.Zeros(2))).Message);
        Assert.Contains("do not fill", Assert.Throws<ArgumentException>(() => tape.Input([1, 2, 3], 2, 2)).Message);
        Assert.Contains("do not fill", Assert.Throws<ArgumentException>(() => Reshape(x, 5)).Message);
        Assert.Contains("single number", Assert.Throws<ArgumentException>(() => tape.Backward(Multiply(x, p))).Message);
        Assert.Contains("depends on nothing", Assert.Throws<InvalidOperationException>(() => tape.Backward(Sum(x))).Message);
        var loss = Sum(Multiply(x, p));
        tape.Backward(loss);
        Assert.Contains("already", Assert.Throws<InvalidOperationException>(() => tape.Backward(loss)).Message);
        tape.Reset();
        Assert.Contains("reset", Assert.Throws<InvalidOperationException>(() => x.Span[0]).Message);
        Assert.Contains("reset", Assert.Throws<InvalidOperationException>(() => loss.Gradient).Message);
    }

    [Fact]
    public void The_first_result_that_is_not_finite_is_named()
    {
        using var device = new CpuDevice(1);
        var p = new Parameter("p", 1, 2);
        var tape = new Tape(device);
        _ = Exp(Log(AddScalar(tape.Use(p), -1)));
        Assert.Equal("Log [1, 2]", tape.FirstNonFinite());
    }
}
