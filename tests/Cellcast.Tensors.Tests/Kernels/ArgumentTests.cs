using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Random;

namespace Cellcast.Tensors.Tests.Kernels;

/// <summary>What does not fit is refused in words before anything is read or written: behind the entry points there are pointers.</summary>
public class ArgumentTests
{
    private static readonly Workers W = Workers.Inline;

    private static string Refused(Action call) => Assert.ThrowsAny<ArgumentException>(call).Message;

    [Fact]
    public void Matrices_with_negative_sizes_or_too_few_numbers_are_refused()
    {
        float[] six = new float[6], five = new float[5];
        Assert.Contains("-2 x -3", Refused(() => Elementwise.AddRowVector(W, six, -2, -3, six, six)));
        Assert.Contains("at least 6", Refused(() => Elementwise.ScaleRows(W, six, 2, 3, six, five)));
        Assert.Contains("-1", Refused(() => Elementwise.GatherRows(W, six, -1, [0], six)));
        Assert.Contains("-1", Refused(() => Elementwise.ScatterAddRows(W, six, -1, [0], six)));
        Assert.Contains("at least 6", Refused(() => Reductions.ColumnSums(W, five, 2, 3, six)));
        Assert.Contains("-2 x -3", Refused(() => Reductions.RowDots(W, six, six, -2, -3, six)));
        Assert.Contains("at least 6", Refused(() => Softmax.Columns(W, six, 2, 3, five)));
        Assert.Contains("at least 6", Refused(() => LayerNorm.Backward(W, six, six, five, 2, 3, six)));
        Assert.Contains("at least 2", Refused(() => LayerNorm.ForwardUnbiased(W, six, 6, 1, six, six, 1e-6f, six, default, default)));
        Assert.Contains("must be equal", Refused(() => VectorMath.Exp(W, six, five)));
        Assert.Contains("must be equal", Refused(() => OptimizerSteps.Adam(W, six, six, five, six, default)));
        Assert.Contains("at least 6", Refused(() => NegativeBinomialLoss.Evaluate(W, six, six, five, 2, 3, 0, default, default)));
        Assert.Contains("-2 x -3", Refused(() => NegativeBinomialLoss.Evaluate(W, six, six, six, -2, -3, 0, default, default)));
        Assert.Contains("probability", Refused(() => RandomFill.Dropout(null, default, 1, six, six, false)));
        Assert.Contains("probability", Refused(() => RandomFill.Dropout(null, default, float.NaN, six, six, false)));
    }

    [Theory]
    [InlineData("column 3 of 3", new long[] { 0, 2, 3 }, new[] { 0, 3, 1 })]
    [InlineData("column -1", new long[] { 0, 2, 3 }, new[] { 0, 1, -1 })]
    [InlineData("rows that overlap backwards", new long[] { 0, 3, 2 }, new[] { 0, 1, 2 })]
    [InlineData("rows beyond the entries", new long[] { 0, 9, 3 }, new[] { 0, 1, 2 })]
    public void A_sparse_matrix_that_points_outside_is_refused_by_every_kernel(string _, long[] start, int[] columns)
    {
        float[] values = [1, 2, 3], dense = new float[3 * 4], rows = new float[2 * 4], bias = new float[4], genes = new float[3], sizes = [1, 1];
        int[] both = [0, 1];
        Refused(() => SparseDense.Forward(W, new CsrView(start, columns, values, 3), both, dense, 4, bias, rows));
        Refused(() => SparseDense.BackwardWeights(W, new CsrView(start, columns, values, 3), both, rows, 4, dense));
        Refused(() => CountDecoderLoss.Poisson(W, rows, 4, dense, genes, new CsrView(start, columns, values, 3), both, sizes, 0, default));
        Refused(() => CountDecoderLoss.NegativeBinomial(W, rows, 4, dense, genes, new CsrView(start, columns, values, 3), both, sizes, genes, 0, default));
        Assert.Equal(12, dense.Length);
        // What is not asked for does not matter.
        SparseDense.Forward(W, new CsrView([0, 1, 2], [1, 7], [1f, 1f], 3), [0], dense, 4, bias, rows);
    }

    [Fact]
    public void Points_that_are_not_there_are_refused()
    {
        float[] x = [0, 1, 2], weights = [1];
        Assert.Contains("number 0 is 3", Refused(() => StudentForces.Attraction(x, x, 0, [3], weights)));
        Assert.Contains("-1", Refused(() => StudentForces.Attraction(x, x, 0, [-1], weights)));
        Assert.Contains("3 points", Refused(() => StudentForces.Attraction(x, x, 3, [0], weights)));
        // Also far from the first vector of numbers.
        int[] many = new int[101];
        many[97] = 3;
        Assert.Contains("number 97 is 3", Refused(() => StudentForces.Attraction(x, x, 0, many, new float[101])));
    }

    [Fact]
    public void A_layout_of_a_graph_that_is_none_is_refused()
    {
        var step = new LayoutStep { Epoch = 1, LearningRate = 1, A = 1, B = 1, Repulsion = 1, NegativeSamples = 2, BothEnds = false, Key = RandomKey.From(1, "test") };
        float[] anchors = new float[8], positions = new float[4];
        uint[] rates = [GraphLayout.EveryEpoch, GraphLayout.EveryEpoch];
        string Move(int[] start, int[] neighbors, LayoutStep how) => Refused(() => GraphLayout.Move(W, new LayoutGraph(start, neighbors, rates), how, 2, anchors, positions));
        Assert.Contains("number 1 is 4", Move([0, 1, 2], [0, 4], step));
        Assert.Contains("number 0 is -1", Move([0, 1, 2], [-1, 0], step));
        Assert.Contains("vertex 1", Move([0, 2, 1], [0, 1], step));
        Assert.Contains("vertex 0", Move([-5, 1, 2], [0, 1], step));
        Assert.Contains("at least 3", Move([0, 1, 3], [0, 1], step));
        Assert.Contains("row position", Move([], [], step));
        Assert.Contains("Epoch", Move([0, 1, 2], [0, 1], step with { Epoch = 0 }));
        Assert.Contains("NegativeSamples", Move([0, 1, 2], [0, 1], step with { NegativeSamples = -1 }));
        Assert.Contains("same memory", Refused(() => GraphLayout.Move(W, new LayoutGraph([0, 1, 2], [0, 1], rates), step, 2, anchors, anchors)));
        Assert.Contains("divide", Refused(() => GraphLayout.Move(W, new LayoutGraph([0, 1, 2], [0, 1], rates), step, 2, new float[7], positions)));
    }

    [Fact]
    public void Mixtures_of_other_cells_than_those_decoded_are_refused()
    {
        float[] two = new float[2], six = new float[6];
        Assert.Contains("divide among 4 samples", Refused(() => MixtureDecoderLoss.Evaluate(W, new DecodedMixtures { Shares = six, Size = new float[4], Scale = two, Hidden = six, Weight = six, Bias = two, Shift = two, Dispersion = two, Counts = new float[8] }, 0, default, default)));
        Assert.Contains("divide among 3 cells", Refused(() => MixtureDecoderLoss.Evaluate(W, new DecodedMixtures { Shares = six, Size = two, Scale = two, Hidden = new float[7], Weight = six, Bias = two, Shift = two, Dispersion = two, Counts = new float[4] }, 0, default, default)));
    }

    [Fact]
    public void A_device_refuses_operands_that_cannot_be_spread()
    {
        using var device = new CpuDevice(1);
        Tensor a = Tensor.Zeros(2, 3), y = Tensor.Zeros(2, 3);
        Assert.Contains("[2, 3] and [2]", Refused(() => device.Binary(BinaryKind.Add, a, Tensor.Zeros(2), Broadcast.Row, y)));
        Assert.Contains("[2, 3] and [3]", Refused(() => device.Binary(BinaryKind.Add, a, Tensor.Zeros(3), Broadcast.Column, y)));
        Assert.Contains("[2, 2]", Refused(() => device.Binary(BinaryKind.Add, a, Tensor.Zeros(2, 3), Broadcast.None, Tensor.Zeros(2, 2))));
        Assert.Contains("[6]", Refused(() => device.UnaryGradient(UnaryKind.Exp, a, a, Tensor.Zeros(5), Tensor.Zeros(6), false)));
    }

    [Fact]
    public void Token_operations_refuse_what_does_not_fit_the_batch()
    {
        using var device = new CpuDevice(1);
        var tape = new Tape(device);
        var tokens = new TokenBatch();
        tokens.Append([1, 9], [1f, 2f]);
        Tensor large = tape.NewTensor(10, 32), small = tape.NewTensor(5, 32), n = tape.NewTensor(2, 32), qkv = tape.NewTensor(2, 96), column = tape.NewTensor(32);
        _ = Op.TokenEmbedding(tape, large, tokens);
        // The batch has been grouped for ten genes: a table of five has no row 9.
        Assert.Contains("token id 9 with a vocabulary of 5", Refused(() => Op.TokenEmbedding(tape, small, tokens)));
        Assert.Contains("token id 9", Refused(() => Op.GeneDots(tape.NewTensor(1, 32), small, tokens)));
        Assert.Equal([2, 32], Op.TokenEmbedding(tape, large, tokens).Shape.ToArray());

        Assert.Contains("heads", Refused(() => Op.SelfAttention(qkv, tokens, 0)));
        Assert.Contains("heads", Refused(() => Op.AttentionProbabilities(qkv, tokens, -1, 0, 0)));
        Assert.Contains("1 sequences", Refused(() => Op.AttentionProbabilities(qkv, tokens, 4, 1, 0)));
        Assert.Contains("4 heads", Refused(() => Op.AttentionProbabilities(qkv, tokens, 4, 0, 4)));
        Assert.Contains("do not fit", Refused(() => Op.AttentionProbabilities(tape.NewTensor(3, 96), tokens, 4, 0, 0)));
        Assert.Contains("heads", Refused(() => Op.HeadQueries(n, large, 0)));
        Assert.Contains("heads", Refused(() => Op.PooledAttention(n, tape.NewTensor(1, 0), tokens, 0)));
        Assert.Contains("heads", Refused(() => Op.ScalePooled(n, column, column, 0)));
        Assert.Contains("1 weights and 0 biases", Refused(() => Op.Projections(n, [tape.NewTensor(4, 32)], [])));
        Assert.Contains("[10, 32] and [5] and [32]", Refused(() => Op.TableProjections(large, tape.NewTensor(5), column, tokens, [tape.NewTensor(4, 32)], [null])));
    }
}
