using Cellcast.Models.ScSurv;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;
using static Cellcast.Tensors.Autodiff.Op;

namespace Cellcast.Parity.Tests.ScSurv;

/// <summary>Every loss, every gradient and five optimiser steps equal the published implementation's in float64.</summary>
public sealed class ScSurvParityTests : IDisposable
{
    private const double LossTolerance = 1e-5, GradientTolerance = 1e-4;
    private readonly CpuDevice _device = new(2);

    public static TheoryData<string> Files => ["small", "deep"];

    public void Dispose() => _device.Dispose();

    [Theory]
    [MemberData(nameof(Files))]
    public void Latent_states_rates_shares_and_contributions_are_the_published_ones(string file)
    {
        var c = new Case(file, _device);
        var (mu, sigma) = c.Encode();
        AssertClose(mu, c.Oracle["forward/mu"], 1e-5);
        AssertClose(sigma, c.Oracle["forward/sigma"], 1e-5);
        Tensor z = Reparameterize(mu, sigma, c.Noise(0));
        AssertClose(z, c.Oracle["forward/z"], 1e-5);
        AssertClose(c.Module.Rates(z, c.OneHot), c.Oracle["forward/x_hat"], 1e-5);
        AssertClose(Transpose(ScSurvModule.Shares(c.Module.Bulk, z)), c.Oracle["forward/p_bulk"], 1e-5);
        AssertClose(Transpose(ScSurvModule.Shares(c.Module.Spatial!, z)), c.Oracle["forward/p_spatial"], 1e-5);
        AssertClose(c.Module.Contribution(z), c.Oracle["forward/beta_z"], 1e-5);
    }

    [Theory]
    [InlineData("small", "sc_poisson")]
    [InlineData("small", "sc_nb")]
    [InlineData("small", "bulk")]
    [InlineData("small", "spatial")]
    [InlineData("small", "hazard_efron")]
    [InlineData("small", "hazard_breslow")]
    [InlineData("deep", "sc_poisson")]
    [InlineData("deep", "sc_nb")]
    [InlineData("deep", "bulk")]
    [InlineData("deep", "spatial")]
    [InlineData("deep", "hazard_efron")]
    [InlineData("deep", "hazard_breslow")]
    public void Loss_and_all_its_gradients_are_the_published_ones(string file, string loss)
    {
        var c = new Case(file, _device);
        IReadOnlyList<Parameter> trained = c.Train(loss);
        Tensor value = c.Loss(loss, 0);
        Assert.InRange(value.ToScalar() / c.Oracle[loss + "/loss"][0], 1 - LossTolerance, 1 + LossTolerance);
        c.Tape.Backward(value);
        c.Module.ZeroInvariantGradients();
        string prefix = loss + "/grad/";
        string[] expected = [.. c.Oracle.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(n => n[prefix.Length..]).Order(StringComparer.Ordinal)];
        Assert.Equal(expected, trained.Select(p => p.Name).Order(StringComparer.Ordinal));
        foreach (Parameter p in trained) AssertGradient(p, c.Oracle[prefix + p.Name]);
        Assert.All(c.Module.Parameters.Except(trained), p => Assert.False(p.HasGradient, p.Name));
    }

    [Theory]
    [InlineData("small", "sc", "sc_poisson", 0.01)]
    [InlineData("small", "bulk", "bulk", 0.01)]
    [InlineData("small", "hazard", "hazard_efron", 1e-4)]
    [InlineData("deep", "sc", "sc_poisson", 0.01)]
    [InlineData("deep", "bulk", "bulk", 0.01)]
    [InlineData("deep", "hazard", "hazard_efron", 1e-4)]
    public void Five_AdamW_steps_lead_to_the_published_losses_and_weights_and_move_nothing_else(string file, string stage, string loss, double learningRate)
    {
        var c = new Case(file, _device);
        IReadOnlyList<Parameter> trained = c.Train(loss);
        var before = c.Module.Parameters.Except(trained).ToDictionary(p => p.Name, p => p.ToArray());
        var optimizer = new AdamW(trained, learningRate, weightDecay: 0.01);
        double[] losses = c.Oracle[$"adamw5/{stage}/losses"];
        for (int step = 0; step < losses.Length; step++)
        {
            optimizer.ClearGradients();
            Tensor value = c.Loss(loss, step);
            Assert.InRange(value.ToScalar() / losses[step], 1 - LossTolerance, 1 + LossTolerance);
            c.Tape.Backward(value);
            c.Module.ZeroInvariantGradients();
            optimizer.Step(_device);
            c.Reset();
        }
        var state = c.Module.ExportState();
        foreach (Parameter p in trained) AssertClose(state[p.Name], c.Oracle[$"adamw5/{stage}/{p.Name}"], 1e-4);
        foreach (var (name, values) in before) Assert.Equal(values, c.Module.Parameters.Single(p => p.Name == name).ToArray());
    }

    private static void AssertClose(Tensor actual, double[] expected, double tolerance) =>
        Assert.InRange(Deviation.Relative(actual.Span, expected), 0, tolerance);

    private static void AssertGradient(Parameter parameter, double[] expected)
    {
        // Files hold outputs x inputs; the sparse layer keeps the transposed.
        Tensor gradient = parameter.Gradient;
        float[] actual = gradient.ToArray();
        if (parameter.Name == "enc_z.x2h.f.0.weight")
        {
            int rows = gradient.Rows, columns = gradient.Columns;
            for (int r = 0; r < rows; r++)
                for (int k = 0; k < columns; k++) actual[k * rows + r] = gradient.Span[r * columns + k];
        }
        // Adding a constant to a patient's logits changes nothing: the exact gradient is 0, and so is ours.
        double norm = Math.Sqrt(expected.Sum(e => e * e));
        if (norm < 1e-12) Assert.All(actual, a => Assert.Equal(0, a));
        else Assert.True(Deviation.Relative(actual, expected) <= GradientTolerance, $"{parameter.Name}: {Deviation.Relative(actual, expected):E2}");
    }

    /// <summary>Weights, inputs and losses of one oracle file.</summary>
    private sealed class Case
    {
        private readonly SparseRows _x;
        private readonly int[] _samples;
        private readonly float[] _size;
        private readonly int _latent;
        private readonly int[] _train;
        private readonly SurvivalData _survival;

        internal Case(string file, Device device)
        {
            Oracle = new OracleFile(TestPaths.Fixture("scsurv", file + ".safetensors"));
            int[] x = Oracle.Shape("input/x");
            int blocks = Oracle.Names.Count(n => n.StartsWith("weights/enc_z.seq_nn", StringComparison.Ordinal) && n.EndsWith(".weight", StringComparison.Ordinal)) + 1;
            _latent = Oracle.Shape("weights/enc_z.h2mu.weight")[0];
            int samples = Oracle.Shape("input/batch_onehot")[1];
            Module = new ScSurvModule(new ScSurvSizes(x[1], samples, Oracle.Shape("input/bulk")[0], Oracle.Shape("input/spatial")[0], _latent, Oracle.Shape("weights/enc_z.h2mu.weight")[1], blocks), RandomKey.From(0, "parity"));
            Module.ImportState(Oracle.Names.Where(n => n.StartsWith("weights/", StringComparison.Ordinal)).ToDictionary(n => n["weights/".Length..], n => Tensor.From(Oracle.Single(n), Oracle.Shape(n))));
            _x = SparseRows.FromDense(Oracle.Single("input/x"), x[0], x[1]);
            float[] oneHot = Oracle.Single("input/batch_onehot");
            _samples = [.. Enumerable.Range(0, x[0]).Select(c => Array.IndexOf(oneHot[(c * samples)..((c + 1) * samples)], 1f))];
            _size = Mean(Oracle["input/x"], x[0]);
            _train = [.. Oracle["input/train_index"].Select(v => (int)v)];
            _survival = new SurvivalData([.. _train.Select(i => Oracle["input/survival_time"][i])], [.. _train.Select(i => Oracle["input/event"][i] == 1)]);
            Tape = new Tape(device);
        }

        internal OracleFile Oracle { get; }

        internal ScSurvModule Module { get; }

        internal Tape Tape { get; }

        internal Tensor OneHot => Tape.Input(Oracle.Single("input/batch_onehot"), Oracle.Shape("input/batch_onehot"));

        internal (Tensor Mu, Tensor Sigma) Encode() => Module.Encoder.Forward(Tape, _x, _samples);

        internal Tensor Noise(int draw)
        {
            int length = _samples.Length * _latent;
            return Tape.Input(Oracle.Single("input/eps").AsSpan(draw * length, length), _samples.Length, _latent);
        }

        internal IReadOnlyList<Parameter> Train(string loss)
        {
            IReadOnlyList<Parameter> trained = loss switch
            {
                "sc_poisson" => Module.CellParameters(CellLikelihood.Poisson),
                "sc_nb" => Module.CellParameters(CellLikelihood.NegativeBinomial),
                "bulk" => Module.BulkParameters,
                "spatial" => Module.SpatialParameters,
                _ => Module.HazardParameters,
            };
            Module.Freeze();
            foreach (Parameter p in trained) p.Frozen = false;
            return trained;
        }

        internal Tensor Loss(string loss, int draw)
        {
            if (loss is "sc_poisson" or "sc_nb")
                return Module.CellLoss(Tape, _x, _samples, OneHot, _size, Noise(draw), loss == "sc_nb" ? CellLikelihood.NegativeBinomial : CellLikelihood.Poisson);
            var (mu, sigma) = Encode();
            Tensor z = Reparameterize(mu, sigma, Noise(draw));
            if (loss is "bulk" or "spatial")
            {
                string counts = "input/" + loss;
                float[] size = Mean(Oracle[counts], Oracle.Shape(counts)[0]);
                return ScSurvModule.MixtureLoss(Tape, loss == "bulk" ? Module.Bulk : Module.Spatial!, loss == "bulk" ? Module.BulkGenes : Module.SpatialGenes!, z, Module.HiddenOfRates(z, OneHot),
                    (Module.Expression.Output.Weight, Module.Expression.Output.Bias),
                    Tape.Input(Oracle.Single(counts), Oracle.Shape(counts)), Tape.Input(size, size.Length, 1));
            }
            Tensor eta = MatMul(ScSurvModule.Shares(Module.Bulk, z), Module.Contribution(z), transposeA: true);
            return CoxLoss.Of(Tape, GatherRows(Tape, eta, _train), new PartialLikelihood(_survival, loss == "hazard_breslow" ? TieMethod.Breslow : TieMethod.Efron));
        }

        internal void Reset() => Tape.Reset();

        private static float[] Mean(double[] counts, int rows)
        {
            int columns = counts.Length / rows;
            return [.. Enumerable.Range(0, rows).Select(r => (float)counts[(r * columns)..((r + 1) * columns)].Average())];
        }
    }
}
