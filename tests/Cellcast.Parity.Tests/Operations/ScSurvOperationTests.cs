using Cellcast.TestSupport;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Io;
using Cellcast.Tensors.Nn;
using static Cellcast.Tensors.Autodiff.Op;

namespace Cellcast.Parity.Tests.Operations;

/// <summary>Operations and optimiser against the published implementation in double precision, without any of our model code in between.</summary>
public sealed class ScSurvOperationTests
{
    [Theory]
    [InlineData("small")]
    [InlineData("deep")]
    public void Encoder_block_gives_the_published_posterior(string fixture)
    {
        using var f = new Published(fixture);
        var tape = new Tape(f.Device);
        var (mu, sigma) = f.Encode(tape);
        AssertClose(f.Expected("forward/mu"), mu, 1e-5);
        AssertClose(f.Expected("forward/sigma"), sigma, 1e-5);
        AssertClose(f.Expected("forward/z"), Reparameterize(mu, sigma, f.Noise(tape, 0)), 1e-5);
        AssertClose([f.Expected("forward/kl_per_element").Sum()], KlStandardNormal(mu, sigma), 1e-6);
    }

    [Theory]
    [InlineData("small")]
    [InlineData("deep")]
    public void Decoders_give_the_published_rates_and_shares(string fixture)
    {
        using var f = new Published(fixture);
        var tape = new Tape(f.Device);
        var z = f.Latent(tape, 0);
        AssertClose(f.Expected("forward/x_hat"), f.Rates(tape, z), 1e-5);
        AssertClose(f.Expected("forward/p_bulk"), Transpose(SoftmaxColumns(f.Head("dec_z2p_bulk", z))), 1e-5);
        AssertClose(f.Expected("forward/p_spatial"), Transpose(SoftmaxColumns(f.Head("dec_z2p_spatial", z))), 1e-5);
        AssertClose(f.Expected("forward/beta_z"), f.Head("dec_beta_z", z), 1e-5);
    }

    [Theory]
    [InlineData("small", "sc_poisson")]
    [InlineData("deep", "sc_poisson")]
    [InlineData("small", "sc_nb")]
    [InlineData("deep", "sc_nb")]
    [InlineData("small", "bulk")]
    [InlineData("deep", "bulk")]
    [InlineData("small", "spatial")]
    [InlineData("deep", "spatial")]
    public void Losses_and_all_their_gradients_are_the_published_ones(string fixture, string loss)
    {
        using var f = new Published(fixture);
        f.TrainOnly(loss);
        var tape = new Tape(f.Device);
        var y = f.Loss(tape, loss, 0);
        AssertClose(f.Expected(loss + "/loss"), y, 1e-5);
        tape.Backward(y);
        string[] names = [.. f.Names(loss + "/grad/")];
        Assert.NotEmpty(names);
        foreach (string name in names)
            if (name == ShiftOfShares(loss)) AssertVanishes(f[name].Gradient, f[name.Replace(".bias", ".weight")].Gradient, name);
            else AssertClose(f.Expected($"{loss}/grad/{name}"), f[name].Gradient, 1e-4, name);
        Assert.Equal(names, f.Parameters.Where(p => p.HasGradient).Select(p => p.Name).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("small", "sc", "sc_poisson")]
    [InlineData("deep", "sc", "sc_poisson")]
    [InlineData("small", "bulk", "bulk")]
    [InlineData("deep", "bulk", "bulk")]
    public void Five_steps_of_AdamW_end_at_the_published_weights(string fixture, string stage, string loss)
    {
        using var f = new Published(fixture);
        f.TrainOnly(loss);
        var optimizer = new AdamW(f.Parameters, learningRate: 0.01);
        var tape = new Tape(f.Device);
        double[] losses = f.Expected($"adamw5/{stage}/losses");
        for (int step = 0; step < 5; step++)
        {
            optimizer.ClearGradients();
            var y = f.Loss(tape, loss, step);
            AssertClose([losses[step]], y, 1e-5, $"loss before step {step}");
            tape.Backward(y);
            optimizer.Step(f.Device);
            tape.Reset();
        }
        foreach (string name in f.Names($"adamw5/{stage}/"))
            if (name != "losses" && name != ShiftOfShares(loss)) AssertClose(f.Expected($"adamw5/{stage}/{name}"), f[name], 1e-4, name);
    }

    [Theory]
    [InlineData("small")]
    [InlineData("deep")]
    public void Count_likelihoods_agree_element_by_element_when_summed(string fixture)
    {
        using var f = new Published(fixture);
        var tape = new Tape(f.Device);
        var z = f.Latent(tape, 0);
        var h = f.Hidden("dec_z2x", "z2h", f.WithBatch(tape, z));
        AssertClose([f.Expected("forward/poisson_nll").Sum()], PoissonDecoderLoss(h, f["dec_z2x.h2ld.weight"], f["dec_z2x.h2ld.bias"], f.SizeFactors("x"), f.Sparse("x")), 1e-6);
        AssertClose([f.Expected("forward/nb_nll_x").Sum()],
            NegativeBinomialDecoderLoss(h, f["dec_z2x.h2ld.weight"], f["dec_z2x.h2ld.bias"], Softplus(tape.Use(f["logtheta_x"])), f.SizeFactors("x"), f.Sparse("x")), 1e-6);
        AssertClose([f.Expected("forward/nb_nll_bulk").Sum()], f.Loss(tape, "bulk", 0), 1e-6);
    }

    /// <summary>A softmax over cells does not change when a number is added to the logits of all cells, so the gradient of that bias is nothing but rounding (and Adam,
    /// which divides by its size, follows the rounding).</summary>
    private static string ShiftOfShares(string loss) => $"dec_z2p_{loss}.h2ld.bias";

    private static void AssertVanishes(Tensor gradient, Tensor beside, string what)
    {
        double Norm(Tensor t) => Math.Sqrt(t.ToArray().Sum(v => (double)v * v));
        Assert.True(Norm(gradient) <= 1e-5 * Norm(beside), $"{what}: {Norm(gradient):g3} beside {Norm(beside):g3}");
    }

    /// <summary>Norm of the difference over the norm.</summary>
    private static void AssertClose(double[] expected, Tensor actual, double tolerance, string what = "")
    {
        Assert.Equal(expected.Length, actual.Length);
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += (expected[i] - actual.Span[i]) * (expected[i] - actual.Span[i]);
            norm += expected[i] * expected[i];
        }
        Assert.True(Math.Sqrt(difference) <= tolerance * Math.Sqrt(norm), $"{what} differs by {Math.Sqrt(difference / norm):g3}");
    }

    /// <summary>The published network written with operations, on the weights of a fixture.</summary>
    private sealed class Published : IDisposable
    {
        private readonly SafetensorsFile _file;
        private readonly SortedDictionary<string, Parameter> _parameters = new(StringComparer.Ordinal);
        private readonly int _blocks;

        public Published(string fixture)
        {
            _file = SafetensorsFile.Open(TestPaths.Fixture("scsurv", fixture + ".safetensors"));
            _blocks = int.Parse(_file.Metadata["layers"]);
            foreach (string name in Names("weights/"))
            {
                var values = _file.ReadTensor("weights/" + name);
                var p = new Parameter(name, values.Shape.ToArray());
                values.Span.CopyTo(p.Span);
                _parameters.Add(name, p);
            }
        }

        public CpuDevice Device { get; } = new(2);

        public IEnumerable<Parameter> Parameters => _parameters.Values;

        public Parameter this[string name] => _parameters[name];

        public double[] Expected(string name) => _file.ReadDoubles(name);

        public IEnumerable<string> Names(string prefix) => _file.Entries.Where(e => e.Name.StartsWith(prefix, StringComparison.Ordinal)).Select(e => e.Name[prefix.Length..]);

        public SparseRows Sparse(string input)
        {
            var x = _file.ReadTensor("input/" + input);
            return SparseRows.FromDense(x.Span, x.Rows, x.Columns);
        }

        public float[] SizeFactors(string input)
        {
            var x = _file.ReadTensor("input/" + input);
            return [.. Enumerable.Range(0, x.Rows).Select(r => x.Span.Slice(r * x.Columns, x.Columns).ToArray().Average())];
        }

        public Tensor Noise(Tape tape, int draw)
        {
            var eps = _file.ReadTensor("input/eps");
            int cells = eps.Shape[1], z = eps.Shape[2];
            return tape.Input(eps.Span.Slice(draw * cells * z, cells * z), cells, z);
        }

        /// <summary>Freezes what the stage of a loss does not train.</summary>
        public void TrainOnly(string loss)
        {
            string[] trained = loss switch
            {
                "sc_poisson" or "sc_nb" => ["enc_z.", "dec_z2x.", "logtheta_x"],
                "bulk" => ["dec_z2p_bulk.", "log_bulk_"],
                _ => ["dec_z2p_spatial.", "log_spatial_"],
            };
            foreach (var p in Parameters) p.Frozen = !trained.Any(t => p.Name.StartsWith(t, StringComparison.Ordinal));
        }

        public Tensor Loss(Tape tape, string loss, int draw)
        {
            if (loss is "bulk") return Deconvolution(tape, draw, "dec_z2p_bulk", "bulk");
            if (loss is "spatial") return Deconvolution(tape, draw, "dec_z2p_spatial", "spatial");
            var (mu, sigma) = Encode(tape);
            var h = Hidden("dec_z2x", "z2h", WithBatch(tape, Reparameterize(mu, sigma, Noise(tape, draw))));
            Parameter w = this["dec_z2x.h2ld.weight"], b = this["dec_z2x.h2ld.bias"];
            var counts = loss == "sc_nb"
                ? NegativeBinomialDecoderLoss(h, w, b, Softplus(tape.Use(this["logtheta_x"])), SizeFactors("x"), Sparse("x"))
                : PoissonDecoderLoss(h, w, b, SizeFactors("x"), Sparse("x"));
            return Add(KlStandardNormal(mu, sigma), counts);
        }

        public (Tensor Mu, Tensor Sigma) Encode(Tape tape)
        {
            // The first layer in the layout that counts want: inputs x outputs.
            var w = Transpose(tape.Use(this["enc_z.x2h.f.0.weight"]));
            var h = Blocks("enc_z", Gelu(LayerNorm(SparseLinear(tape, Sparse("x"), Codes(), w, this["enc_z.x2h.f.0.bias"]))));
            return (Linear(h, this["enc_z.h2mu.weight"], this["enc_z.h2mu.bias"]), Softplus(Linear(h, this["enc_z.h2logvar.weight"], this["enc_z.h2logvar.bias"])));
        }

        public Tensor Latent(Tape tape, int draw)
        {
            var (mu, sigma) = Encode(tape);
            return Reparameterize(mu, sigma, Noise(tape, draw));
        }

        public Tensor WithBatch(Tape tape, Tensor z) => ConcatColumns(z, OneHot(tape, Codes(), _file.ReadTensor("input/batch_onehot").Columns));

        public Tensor Rates(Tape tape, Tensor z) => Softplus(Head("dec_z2x", WithBatch(tape, z)));

        public Tensor Head(string part, Tensor z) => Linear(Hidden(part, "z2h", z), this[part + ".h2ld.weight"], this[part + ".h2ld.bias"]);

        public Tensor Hidden(string part, string first, Tensor x) => Blocks(part, Gelu(LayerNorm(Linear(x, this[$"{part}.{first}.f.0.weight"], this[$"{part}.{first}.f.0.bias"]))));

        public void Dispose()
        {
            _file.Dispose();
            Device.Dispose();
        }

        private Tensor Blocks(string part, Tensor h)
        {
            for (int i = 0; i < _blocks - 1; i++) h = Gelu(LayerNorm(Linear(h, this[$"{part}.seq_nn.f.{i}.f.0.weight"], this[$"{part}.seq_nn.f.{i}.f.0.bias"])));
            return h;
        }

        private Tensor Deconvolution(Tape tape, int draw, string part, string input)
        {
            var z = Latent(tape, draw);
            var shares = SoftmaxColumns(Head(part, z));
            var mixed = MatMul(shares, Rates(tape, z), transposeA: true);
            var (scale, offset, theta) = (Positive($"log_{input}_coeff"), Positive($"log_{input}_coeff_add"), Positive($"log_{input}_theta"));
            var sizes = tape.Input(SizeFactors(input), mixed.Rows, 1);
            var mean = Multiply(Add(Multiply(mixed, scale), offset), sizes);
            var counts = _file.ReadTensor("input/" + input);
            return NegativeBinomialLoss(mean, theta, tape.Input(counts.Span, counts.Rows, counts.Columns));

            Tensor Positive(string name) => Softplus(tape.Use(this[name]));
        }

        private int[] Codes()
        {
            var onehot = _file.ReadTensor("input/batch_onehot");
            return [.. Enumerable.Range(0, onehot.Rows).Select(r => Array.IndexOf(onehot.Span.Slice(r * onehot.Columns, onehot.Columns).ToArray(), 1))];
        }
    }
}
