using Cellcast.Models.ScRobust;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Parity.Tests.ScRobust;

/// <summary>The encoder, its heads and its training computed as by the published implementation, whose float64 values are in the fixtures.</summary>
public sealed class EncoderParityTests
{
    private const double LossTolerance = 1e-5;
    private const double GradientTolerance = 1e-4;

    public static TheoryData<int> Layers => [1, 2, 3];

    [Theory]
    [MemberData(nameof(Layers))]
    public void All_tokens_of_the_last_layer_are_equal(int layers)
    {
        var net = new Net(layers);
        Close(net.Oracle["forward/tokens"], net.Encoder.AllTokens(net.Tape, net.Views).Span, LossTolerance);
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Cell_vectors_and_poolings_are_equal(int layers)
    {
        var net = new Net(layers);
        Close(net.Oracle["forward/cls"], net.Encoder.CellTokens(net.Tape, net.Views).Span, LossTolerance);
        Tensor all = net.Encoder.AllTokens(net.Tape, net.Views);
        foreach (var (name, pooling) in new[] { ("cls", Pooling.Cls), ("pool_sum", Pooling.Sum), ("pool_mean", Pooling.Mean), ("pool_max", Pooling.Max) })
        {
            var pooled = new float[net.Views.Sequences * all.Columns];
            TokenPooling.Pool(all.Span, net.Views, pooling, pooled);
            Close(net.Oracle["forward/" + name], pooled, LossTolerance);
        }
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Attention_of_the_last_layer_is_equal(int layers)
    {
        var net = new Net(layers);
        int heads = net.Encoder.Size.Heads, length = net.Views.Longest;
        var expected = net.Oracle["forward/attention_last"];
        for (int s = 0; s < net.Views.Sequences; s++)
            for (int h = 0; h < heads; h++)
                Close(expected.AsSpan((s * heads + h) * length * length, length * length), net.Encoder.LastAttention(net.Tape, net.Views, s, h), LossTolerance);
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Pretraining_losses_and_all_gradients_are_equal(int layers)
    {
        var net = new Net(layers);
        var losses = net.Pretraining.Losses(net.Tape, net.Views, net.SecondViews);
        Close(net.Oracle["pretrain/contrastive_loss"], losses.Contrastive.Span, LossTolerance);
        Close(net.Oracle["pretrain/expression_loss"], losses.Expression.Span, LossTolerance);
        net.Tape.Backward(Op.Add(losses.Contrastive, losses.Expression));
        net.CheckGradients("pretrain/grad/", net.Pretraining);
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Five_steps_of_Adam_are_equal(int layers)
    {
        var net = new Net(layers);
        var adam = new Adam(net.Pretraining.Parameters, 1e-3);
        var expected = net.Oracle["adam5/losses"];
        for (int step = 0; step < 5; step++)
        {
            adam.ClearGradients();
            var losses = net.Pretraining.Losses(net.Tape, net.Views, net.SecondViews);
            Close(expected.AsSpan(2 * step, 1), losses.Contrastive.Span, 1e-4);
            Close(expected.AsSpan(2 * step + 1, 1), losses.Expression.Span, 1e-4);
            net.Tape.Backward(Op.Add(losses.Contrastive, losses.Expression));
            adam.Step(net.Device);
            net.Tape.Reset();
        }
        foreach (var (name, value) in net.Pretraining.ExportState()) Close(net.Oracle["adam5/" + name], value.Span, 1e-4, name);
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Classifier_loss_and_all_gradients_are_equal(int layers)
    {
        var net = new Net(layers);
        var head = new Head("fc", net.Encoder.Size.Hidden, net.Oracle.Shape("classifier/fc.fc.3.bias")[0], RandomKey.From(0, "classifier"));
        head.ImportState(net.Weights("classifier/"));
        Tensor logits = head.Forward(net.Encoder.CellTokens(net.Tape, net.Views));
        Close(net.Oracle["classify/logits"], logits.Span, LossTolerance);
        Tensor loss = Op.CrossEntropy(logits, [.. net.Oracle["input/labels"].Select(v => (int)v)]);
        Close(net.Oracle["classify/loss"], loss.Span, LossTolerance);
        net.Tape.Backward(loss);
        foreach (var p in head.Parameters) Close(net.Oracle["classify/grad/" + p.Name], p.Gradient.Span, GradientTolerance, p.Name);
        net.CheckGradients("classify/grad/", net.Encoder);
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Gradients_through_all_tokens_are_those_through_the_cell_tokens(int layers)
    {
        var net = new Net(layers);
        var head = new Head("fc", net.Encoder.Size.Hidden, net.Oracle.Shape("classifier/fc.fc.3.bias")[0], RandomKey.From(0, "classifier"));
        head.ImportState(net.Weights("classifier/"));
        Tensor cells = Op.GatherRows(net.Tape, net.Encoder.AllTokens(net.Tape, net.Views), net.Views.CellPlaces);
        net.Tape.Backward(Op.CrossEntropy(head.Forward(cells), [.. net.Oracle["input/labels"].Select(v => (int)v)]));
        net.CheckGradients("classify/grad/", net.Encoder);
    }

    private static void Close(ReadOnlySpan<double> expected, ReadOnlySpan<float> actual, double tolerance, string what = "")
    {
        Assert.Equal(expected.Length, actual.Length);
        double squares = 0, difference = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            squares += expected[i] * expected[i];
            difference += (expected[i] - actual[i]) * (expected[i] - actual[i]);
        }
        // A gradient that is zero in exact arithmetic (biases of keys) is noise in the oracle.
        Assert.True(Math.Sqrt(difference) <= tolerance * Math.Sqrt(squares) + 1e-12, $"{what}: relative difference {Math.Sqrt(difference / squares):g3}");
    }

    private sealed class Net
    {
        public Net(int layers)
        {
            Oracle = new OracleFile(TestPaths.Fixture("scrobust", $"layers{layers}.safetensors"));
            int[] table = Oracle.Shape("weights/encoder.embedding.embedding.weight");
            var size = new EncoderSize { Vocabulary = table[0], Hidden = table[1], Heads = Oracle.Shape("forward/attention_last")[1], Layers = layers };
            Encoder = new CellEncoder(size, RandomKey.From(0, "encoder"), "encoder.");
            Pretraining = new ContrastivePretraining(Encoder, RandomKey.From(0, "heads"));
            Pretraining.ImportState(Weights("weights/"));
            Tape = new Tape(Device);
            int length = Oracle.Shape("input/genes")[1], cells = Oracle.Shape("input/genes")[0] / 2;
            int[] genes = [.. Oracle["input/genes"].Select(v => (int)v)];
            float[] values = Oracle.Single("input/scales");
            for (int s = 0; s < 2 * cells; s++)
            {
                Views.Append(genes.AsSpan(s * length, length), values.AsSpan(s * length, length));
                if (s >= cells) SecondViews.Append(genes.AsSpan(s * length, length), values.AsSpan(s * length, length));
            }
        }

        public OracleFile Oracle { get; }
        public CpuDevice Device { get; } = new(2);
        public Tape Tape { get; }
        public CellEncoder Encoder { get; }
        public ContrastivePretraining Pretraining { get; }
        public TokenBatch Views { get; } = new();
        public TokenBatch SecondViews { get; } = new();

        public Dictionary<string, Tensor> Weights(string prefix) =>
            Oracle.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(n => n[prefix.Length..], n => Tensor.From(Oracle.Single(n), Oracle.Shape(n)));

        public void CheckGradients(string prefix, Module module)
        {
            foreach (var p in module.Parameters) Close(Oracle[prefix + p.Name], p.Gradient.Span, GradientTolerance, p.Name);
        }
    }
}
