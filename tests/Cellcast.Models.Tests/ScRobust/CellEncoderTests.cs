using Cellcast.Models.ScRobust;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>The short cuts to the cell tokens compute the same network as the way through all tokens, under the same noise, on any number of threads.</summary>
public sealed class CellEncoderTests
{
    private const int Vocabulary = 70;

    public static TheoryData<int, int, int> Sizes => new() { { 1, 32, 4 }, { 1, 96, 3 }, { 1, 64, 8 }, { 2, 32, 4 }, { 2, 40, 5 }, { 3, 32, 2 } };

    public static TheoryData<int, int, int, double> SizesAndHalfValues => new() { { 1, 32, 4, 0 }, { 1, 96, 3, 2 }, { 1, 64, 8, 10 }, { 2, 32, 4, 0 }, { 2, 40, 5, 3 }, { 3, 32, 2, 0.5 } };

    [Theory]
    [MemberData(nameof(SizesAndHalfValues))]
    public void Cell_tokens_and_their_gradients_are_those_of_the_way_through_all_tokens_under_the_same_dropout(int layers, int hidden, int heads, double halfValue)
    {
        using var device = new CpuDevice(2);
        var encoder = Encoder(layers, hidden, heads, halfValue);
        var tokens = Cells(9, 30);
        var noise = new DropoutNoise(0.3f, RandomKey.From(3, "noise"));
        var weights = Weights(tokens.Sequences * hidden);

        var (all, allGradients) = Run(device, encoder, tokens, weights, tape => Op.GatherRows(tape, encoder.AllTokens(tape, tokens, noise), tokens.CellPlaces));
        var (cells, cellGradients) = Run(device, encoder, tokens, weights, tape => encoder.CellTokens(tape, tokens, noise));

        Assert.True(Difference(all, cells) < 2e-6, $"outputs differ by {Difference(all, cells):g3}");
        foreach (var (name, gradient) in allGradients)
            Assert.True(Difference(gradient, cellGradients[name]) < 2e-5, $"gradients of {name} differ by {Difference(gradient, cellGradients[name]):g3}");
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Any_number_of_threads_gives_the_same_bits(int layers, int hidden, int heads)
    {
        var encoder = Encoder(layers, hidden, heads);
        var tokens = Cells(70, 40);
        var noise = new DropoutNoise(0.1f, RandomKey.From(3, "noise"));
        var weights = Weights(tokens.Sequences * hidden);
        using var one = new CpuDevice(1);
        using var three = new CpuDevice(3);
        var (expected, expectedGradients) = Run(one, encoder, tokens, weights, tape => encoder.CellTokens(tape, tokens, noise));
        var (actual, actualGradients) = Run(three, encoder, tokens, weights, tape => encoder.CellTokens(tape, tokens, noise));
        Assert.Equal(expected, actual);
        foreach (var (name, gradient) in expectedGradients) Assert.Equal(gradient, actualGradients[name]);
    }

    [Fact]
    public void A_share_of_the_output_is_dropped_and_the_rest_scaled_up()
    {
        using var device = new CpuDevice(1);
        var tape = new Tape(device);
        var x = tape.NewTensor(200, 100);
        x.Span.Fill(1);
        var y = Op.DropoutRows(x, new DropoutNoise(0.25f, RandomKey.From(1, "share")));
        Assert.All(y.ToArray(), v => Assert.True(v == 0 || Math.Abs(v - 4f / 3) < 1e-6));
        Assert.InRange(y.ToArray().Count(v => v == 0) / 20000.0, 0.24, 0.26);
    }

    [Fact]
    public void As_published_only_which_genes_are_expressed_matters_and_with_a_half_value_how_much_too()
    {
        using var device = new CpuDevice(1);
        var tape = new Tape(device, recordGradients: false);
        TokenBatch little = new(), much = new();
        little.Append([1, 20, 30, 40], [1, 0.5f, 2, 3]);
        much.Append([1, 20, 30, 40], [1, 3, 1, 0.5f]);
        Assert.True(Change(0) < 1e-4, $"{Change(0):g3}");
        Assert.True(Change(2) > 0.02, $"{Change(2):g3}");

        double Change(double halfValue)
        {
            var encoder = Encoder(1, 32, 4, halfValue);
            return Difference(encoder.CellTokens(tape, little).ToArray(), encoder.CellTokens(tape, much).ToArray());
        }
    }

    [Fact]
    public void The_order_of_the_genes_does_not_matter()
    {
        using var device = new CpuDevice(1);
        var encoder = Encoder(2, 32, 4);
        var forward = new TokenBatch();
        forward.Append([1, 20, 30, 40], [1, 0.5f, 2, 3]);
        var turned = new TokenBatch();
        turned.Append([1, 40, 20, 30], [1, 3, 0.5f, 2]);
        var tape = new Tape(device, recordGradients: false);
        Assert.True(Difference(encoder.CellTokens(tape, forward).ToArray(), encoder.CellTokens(tape, turned).ToArray()) < 1e-6);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_training_step_allocates_the_same_few_bytes_however_many_cells_it_has(int layers)
    {
        long Bytes(int cells)
        {
            using var device = new CpuDevice(1);
            var benchmark = new PretrainingBenchmark(device, layers, cells, genesPerView: 20, genes: 60, hidden: 32, heads: 4);
            for (int i = 0; i < 3; i++) benchmark.Step();
            // What happens once, whenever it happens, is no part of a step: the least of many counts.
            long least = long.MaxValue;
            for (int i = 0; i < 25; i++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                benchmark.Step();
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            return least;
        }

        long few = Bytes(8), many = Bytes(64);
        // Beyond the recorded operations only the numbers of the partners grow, four bytes a view.
        Assert.InRange(few, 1, 60_000);
        Assert.InRange(many - few, 0, 2 * 56 * 4);
    }

    [Fact]
    public void A_gene_outside_the_vocabulary_is_refused()
    {
        using var device = new CpuDevice(1);
        var tokens = new TokenBatch();
        tokens.Append([1, Vocabulary], [1, 1]);
        Assert.Throws<ArgumentException>(() => Encoder(1, 32, 4).CellTokens(new Tape(device), tokens));
    }

    private static CellEncoder Encoder(int layers, int hidden, int heads, double halfValue = 0)
    {
        var encoder = new CellEncoder(new EncoderSize { Vocabulary = Vocabulary, Hidden = hidden, Heads = heads, Layers = layers, HalfValue = halfValue }, RandomKey.From(1, "encoder"));
        // Scales and shifts away from 1 and 0, so that they show.
        foreach (var p in encoder.Parameters.Where(p => p.Name.Contains("norm", StringComparison.Ordinal)))
            for (int i = 0; i < p.Length; i++) p.Span[i] += 0.3f * MathF.Sin(i + p.Name.Length);
        return encoder;
    }

    private static TokenBatch Cells(int count, int longest)
    {
        var random = new RandomStream(RandomKey.From(2, "cells"));
        var batch = new TokenBatch();
        for (int c = 0; c < count; c++)
        {
            batch.Append(1 + random.NextInt32(longest), out var genes, out var values);
            for (int t = 0; t < genes.Length; t++) (genes[t], values[t]) = (4 + random.NextInt32(Vocabulary - 4), (float)random.NextUniform() * 3);
            (genes[0], values[0]) = (GeneVocabulary.CellToken, 1);
            if (genes.Length > 3) (genes[3], values[3]) = (GeneVocabulary.Mask, 0);
        }
        return batch;
    }

    private static float[] Weights(int count) => [.. Enumerable.Range(0, count).Select(i => MathF.Sin(0.7f * i))];

    private static (float[] Output, Dictionary<string, float[]> Gradients) Run(CpuDevice device, CellEncoder encoder, TokenBatch tokens, float[] weights, Func<Tape, Tensor> forward)
    {
        foreach (var p in encoder.Parameters) p.ClearGradient();
        var tape = new Tape(device);
        Tensor y = forward(tape);
        var output = y.ToArray();
        tape.Backward(Op.Sum(Op.Multiply(y, tape.Input(weights, y.Rows, y.Columns))));
        var gradients = encoder.Parameters.Where(p => p.HasGradient).ToDictionary(p => p.Name, p => p.Gradient.ToArray());
        tape.Reset();
        return (output, gradients);
    }

    private static double Difference(float[] a, float[] b)
    {
        double squares = 0, difference = 0;
        for (int i = 0; i < a.Length; i++)
        {
            squares += (double)a[i] * a[i];
            difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        }
        return Math.Sqrt(difference / squares);
    }
}
