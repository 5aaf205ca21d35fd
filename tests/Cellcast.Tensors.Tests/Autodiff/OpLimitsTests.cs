using Cellcast.Tensors.Autodiff;

namespace Cellcast.Tensors.Tests.Autodiff;

/// <summary>What operations withstand beyond ordinary numbers, and what they refuse.</summary>
public sealed class OpLimitsTests
{
    [Fact]
    public void Softmax_log_sum_exp_and_cross_entropy_neither_overflow_nor_lose_small_shares()
    {
        using var device = new CpuDevice(1);
        var tape = new Tape(device);
        var p = new Parameter("p", 2, 3);
        new float[] { 1e30f, -1e30f, 1e30f, -10_000, -10_001, -10_002 }.CopyTo(p.Span);
        var x = tape.Use(p);
        Assert.Equal([0.5f, 0, 0.5f], Op.SoftmaxRows(x).ToArray()[..3]);
        Assert.Equal(0.66524096f, Op.SoftmaxRows(x).Span[3], 1e-6f);
        Assert.Equal([1f, 0], [Op.SoftmaxColumns(x).Span[0], Op.SoftmaxColumns(x).Span[3]]);
        Assert.Equal(-10_000 + 0.4076f, Op.LogSumExp(x).Span[1], 2e-3f);
        var loss = Op.CrossEntropy(Op.SliceRows(x, 1, 1), [2]);
        Assert.Equal(2.4076060f, loss.ToScalar(), 2e-3f);
        tape.Backward(loss);
        Assert.All(p.Gradient.ToArray(), g => Assert.True(float.IsFinite(g)));
        Assert.Equal([0.66524096f, 0.24472847f, 0.09003057f - 1], p.Gradient.ToArray()[3..].Select(g => MathF.Round(g, 6)), (a, b) => Math.Abs(a - b) < 2e-6f);
    }

    [Fact]
    public void Activations_have_their_limits_at_large_arguments()
    {
        using var device = new CpuDevice(1);
        float[] values = [-1e30f, -100, 100, 1e30f];
        foreach (var (operation, expected) in new (Func<Tensor, Tensor>, float[])[]
        {
            (Op.Softplus, [0, 0, 100, 1e30f]), (Op.Sigmoid, [0, 0, 1, 1]), (Op.Tanh, [-1, -1, 1, 1]), (Op.Gelu, [0, 0, 100, 1e30f]), (Op.Elu, [-1, -1, 100, 1e30f]), (Op.Relu, [0, 0, 100, 1e30f]),
        })
        {
            var p = new Parameter("p", 4);
            values.CopyTo(p.Span);
            var tape = new Tape(device);
            var y = operation(tape.Use(p));
            for (int i = 0; i < 4; i++) Assert.Equal(expected[i], y.Span[i], 1e-6f * Math.Max(1, Math.Abs(expected[i])));
            tape.Backward(Op.Sum(Op.Scale(y, 1e-30f)));
            Assert.All(p.Gradient.ToArray(), g => Assert.True(float.IsFinite(g)));
        }
    }

    [Fact]
    public void Rows_without_spread_or_length_do_not_become_NaN()
    {
        using var device = new CpuDevice(1);
        var zeros = new Parameter("zeros", 2, 4);
        zeros.Span[4..].Fill(3);
        var one = new Parameter("one", 4);
        one.Span.Fill(1);
        foreach (var operation in new Func<Tensor, Tensor>[] { x => Op.LayerNorm(x), x => Op.LayerNormAffine(x, one, one), x => Op.NormalizeRows(x) })
        {
            var tape = new Tape(device);
            zeros.ClearGradient();
            var y = operation(tape.Use(zeros));
            tape.Backward(Op.Sum(Op.Square(y)));
            Assert.All(y.ToArray().Concat(zeros.Gradient.ToArray()), v => Assert.True(float.IsFinite(v), $"{v}"));
        }
    }

    [Fact]
    public void Count_losses_stay_finite_where_rates_vanish()
    {
        using var device = new CpuDevice(1);
        Parameter h = new("h", 2, 1), w = new("w", 2, 1), b = new("b", 2), theta = new("theta", 2), mu = new("mu", 2, 2);
        h.Span.Fill(1);
        b.Span[0] = -200; // softplus of it is 0 in float32
        b.Span[1] = 50;
        var counts = SparseRows.FromDense([3, 0, 0, 7], 2, 2);
        foreach (var loss in new Func<Tape, Tensor>[]
        {
            t => Op.PoissonDecoderLoss(t.Use(h), w, b, [1, 2], counts),
            t => Op.NegativeBinomialDecoderLoss(t.Use(h), w, b, theta, [1, 2], counts),
            t => Op.NegativeBinomialLoss(t.Use(mu), theta, t.Input([3, 0, 0, 7], 2, 2)),
        })
        {
            var tape = new Tape(device);
            var y = loss(tape);
            tape.Backward(y);
            Assert.True(float.IsFinite(y.ToScalar()) && y.ToScalar() > 0, $"{y.ToScalar()}");
            foreach (var p in new[] { h, w, b, theta, mu })
                if (p.HasGradient) Assert.All(p.Gradient.ToArray(), g => Assert.True(float.IsFinite(g), $"{p.Name}: {g}"));
        }
    }

    [Fact]
    public void Empty_minibatches_give_empty_results()
    {
        using var device = new CpuDevice(2);
        var w = new Parameter("w", 5, 4);
        var tape = new Tape(device);
        var none = SparseRows.FromDense([], 0, 5);
        var y = Op.SoftmaxColumns(Op.Gelu(Op.LayerNorm(Op.SparseLinear(tape, none, ReadOnlyMemory<int>.Empty, w))));
        Assert.Equal([0, 4], y.Shape.ToArray());
        tape.Backward(Op.Sum(y));
        Assert.All(w.Gradient.ToArray(), g => Assert.Equal(0, g));
    }

    [Fact]
    public void Indices_and_codes_out_of_range_are_named()
    {
        using var device = new CpuDevice(1);
        var tape = new Tape(device);
        var w = new Parameter("w", 5, 4);
        var counts = SparseRows.FromDense([1, 2, 3, 4, 5, 6], 2, 3);
        Assert.Contains("row 5", Assert.Throws<ArgumentException>(() => Op.GatherRows(tape, w, new[] { 0, 5 })).Message);
        Assert.Contains("code 2", Assert.Throws<ArgumentException>(() => Op.SparseLinear(tape, counts, new[] { 0, 2 }, w)).Message);
        Assert.Contains("3 codes for 2 rows", Assert.Throws<ArgumentException>(() => Op.SparseLinear(tape, counts, new[] { 0, 1, 0 }, w)).Message);
        Assert.Contains("label 4", Assert.Throws<ArgumentException>(() => Op.CrossEntropy(tape.Use(w), [0, 1, 2, 3, 4])).Message);
        Assert.Contains("code 7", Assert.Throws<ArgumentException>(() => Op.OneHot(tape, [7], 3)).Message);
        Assert.Contains("columns 3 to 5", Assert.Throws<ArgumentOutOfRangeException>(() => Op.SliceColumns(tape.Use(w), 3, 3)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => Op.Dropout(tape.Use(w), 1, default));
    }

    [Fact]
    public void Sparse_rows_that_do_not_fit_their_matrix_are_refused()
    {
        long[] pointers = [0, 1, 3];
        int[] indices = [0, 1, 2];
        float[] values = [1, 2, 3];
        var all = new SparseRows(pointers, indices, values, 3);
        Assert.Equal(2, all.Count);
        Assert.Equal([2f, 3], all.Choose(new[] { 1, 1 }).ValuesOf(1).ToArray());
        Assert.Equal([1, 2], new SparseRows(pointers, indices, values, 3, 1, 1).IndicesOf(0).ToArray());
        Assert.Equal(Math.Log(2) + Math.Log(6), all.LogFactorials(), 1e-12);
        Assert.Contains("row 2", Assert.Throws<ArgumentException>(() => all.Choose(new[] { 2 })).Message);
        Assert.Contains("row -1", Assert.Throws<ArgumentException>(() => all.Choose(new[] { -1 })).Message);
        Assert.Throws<ArgumentException>(() => new SparseRows(pointers, indices, new float[2], 3));
        Assert.Throws<ArgumentException>(() => new SparseRows(new long[] { 0, 1, 4 }, indices, values, 3));
        Assert.Throws<ArgumentException>(() => new SparseRows(Array.Empty<long>(), indices, values, 3));
    }

    [Fact]
    public void Divergence_of_many_numbers_is_that_of_the_definition_and_infinite_where_a_deviation_is_nothing()
    {
        using var device = new CpuDevice(1);
        var random = new System.Random(1);
        int n = 3001;
        float[] mu = new float[n], sigma = new float[n];
        double expected = 0;
        for (int i = 0; i < n; i++)
        {
            mu[i] = (float)random.NextDouble() - 0.5f;
            // From 1e-38 to 1e18, and within a millionth of 1, where the terms nearly cancel.
            sigma[i] = i % 3 == 0 ? (float)Math.Pow(10, 56 * random.NextDouble() - 38) : i % 3 == 1 ? 1 + 1e-6f * random.Next(-5, 5) : (float)random.NextDouble() + 0.01f;
            double ratio = (double)sigma[i] * sigma[i];
            expected += 0.5 * (ratio + (double)mu[i] * mu[i] - 1 - Math.Log(ratio));
        }
        Assert.Equal(expected, Divergence(mu, sigma), 1e-12 * expected);
        float[] mild = [.. Enumerable.Range(0, 700).Select(i => 1 + 1e-4f * (i % 7 - 3))];
        double small = mild.Sum(s => 0.5 * ((double)s * s - 1 - Math.Log((double)s * s)));
        Assert.Equal(small, Divergence(new float[700], mild), 1e-12);
        sigma[7] = 0;
        Assert.Equal(double.PositiveInfinity, Divergence(mu, sigma));
        sigma[7] = float.NaN;
        Assert.Equal(double.NaN, Divergence(mu, sigma));

        double Divergence(float[] mu, float[] sigma) => device.KlStandardNormal(Tensor.From(mu), Tensor.From(sigma));
    }

    [Fact]
    public void What_kernels_remember_about_the_rows_of_a_minibatch_changes_no_bit_and_is_forgotten_with_them()
    {
        using CpuDevice one = new(1), three = new(3);
        const int genes = 1290, hidden = 100;
        var starts = new Cellcast.Tensors.Kernels.BlockStarts();
        SparseRows Batch(int seed, int cells, bool sorted, Cellcast.Tensors.Kernels.BlockStarts? remember)
        {
            var random = new System.Random(seed);
            var dense = new float[cells * genes];
            for (int i = 0; i < dense.Length; i++) dense[i] = random.Next(5) == 0 ? 1 + random.Next(9) : 0;
            var x = SparseRows.FromDense(dense, cells, genes);
            int[] columns = x.Indices.ToArray();
            float[] values = x.Values.ToArray();
            if (!sorted) (columns[0], columns[1], values[0], values[1]) = (columns[1], columns[0], values[1], values[0]);
            return new SparseRows(x.RowPointers.ToArray(), columns, values, genes, remember);
        }
        int[] Bits(CpuDevice device, SparseRows x)
        {
            var key = Cellcast.Tensors.Random.RandomKey.From(1, "weights");
            var first = new Cellcast.Tensors.Nn.SparseLinear("first", genes, hidden, key);
            var decoder = new Cellcast.Tensors.Nn.Linear("decoder", hidden, genes, key);
            var tape = new Tape(device);
            float[] sizes = [.. Enumerable.Repeat(0.5f, x.Count)];
            var loss = Op.PoissonDecoderLoss(Op.Tanh(first.Forward(tape, x, default)), decoder.Weight, decoder.Bias, sizes, x, 0);
            tape.Backward(loss);
            return [.. new[] { loss.ToScalar() }.Concat(first.Weight.Gradient.ToArray()).Concat(decoder.Weight.Gradient.ToArray()).Select(BitConverter.SingleToInt32Bits)];
        }
        // More rows, then fewer, then some that are not in order, then others again: the memory is the same.
        foreach (var (seed, cells, sorted) in new[] { (1, 40, true), (2, 70, true), (3, 33, true), (4, 33, false), (5, 50, true) })
        {
            int[] expected = Bits(one, Batch(seed, cells, sorted, null));
            Assert.Equal(expected, Bits(three, Batch(seed, cells, sorted, starts)));
            var twice = Batch(seed, cells, sorted, starts);
            Assert.Equal(expected, Bits(one, twice));
            Assert.Equal(expected, Bits(one, twice));
            // An earlier minibatch is computed without what is remembered of a later one.
            Batch(6, 20, true, starts).Choose(new[] { 0 });
            Assert.Equal(expected, Bits(one, twice));
        }
    }
}
