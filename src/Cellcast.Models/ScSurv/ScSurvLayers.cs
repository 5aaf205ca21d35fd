using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;
using static Cellcast.Tensors.Autodiff.Op;

namespace Cellcast.Models.ScSurv;

/// <summary>GELU(LayerNorm(W x + b)); LayerNorm without scale and shift, exact GELU.</summary>
public sealed class Block : Module
{
    private readonly Linear _linear;

    internal Block(string name, int inputs, int outputs, RandomKey key) => _linear = Register(new Linear(name + ".f.0", inputs, outputs, key));

    /// <summary>rows x inputs to rows x outputs.</summary>
    public Tensor Forward(Tensor x) => Gelu(LayerNorm(_linear.Forward(x)));

    internal static Block[] Chain(string name, int width, int count, RandomKey key) =>
        [.. Enumerable.Range(0, count).Select(i => new Block($"{name}.seq_nn.f.{i}", width, width, key))];
}

/// <summary>q(z | x, o): the encoder, whose first layer reads counts and sample indicators as they are stored.</summary>
public sealed class Encoder : Module
{
    private readonly SparseLinear _input;
    private readonly Block[] _blocks;
    private readonly Linear _mu;
    private readonly Linear _sigma;

    internal Encoder(string name, int inputs, int hidden, int latent, int blocks, RandomKey key)
    {
        _input = Register(new SparseLinear(name + ".x2h.f.0", inputs, hidden, key));
        _blocks = Block.Chain(name, hidden, blocks - 1, key);
        foreach (Block b in _blocks) Register(b);
        _mu = Register(new Linear(name + ".h2mu", hidden, latent, key));
        _sigma = Register(new Linear(name + ".h2logvar", hidden, latent, key));
    }

    /// <summary>Mean and standard deviation of the latent state, each C x z.</summary>
    /// <param name="tape">Where operations are recorded.</param>
    /// <param name="x">Raw counts, C x G; not logged.</param>
    /// <param name="samples">Sample of each cell, -1 for none.</param>
    public (Tensor Mu, Tensor Sigma) Forward(Tape tape, SparseRows x, ReadOnlyMemory<int> samples)
    {
        Tensor h = Gelu(LayerNorm(_input.Forward(tape, x, samples)));
        foreach (Block b in _blocks) h = b.Forward(h);
        return (_mu.Forward(h), Softplus(_sigma.Forward(h)));
    }
}

/// <summary>Blocks and a linear output: every decoder of scSurv.</summary>
public sealed class Decoder : Module
{
    private readonly Block _input;
    private readonly Block[] _blocks;

    internal Decoder(string name, int inputs, int hidden, int outputs, int blocks, RandomKey key)
        : this(new Block(name + ".z2h", inputs, hidden, key), Block.Chain(name, hidden, blocks - 1, key), new Linear(name + ".h2ld", hidden, outputs, key))
    {
    }

    private Decoder(Block input, Block[] blocks, Linear output)
    {
        _input = Register(input);
        _blocks = blocks;
        foreach (Block b in _blocks) Register(b);
        Output = Register(output);
    }

    /// <summary>The last, linear layer.</summary>
    public Linear Output { get; }

    /// <summary>Columns of the output.</summary>
    public int Outputs => Output.Bias.Length;

    /// <summary>The same hidden layers with another output layer: other patients in the same space.</summary>
    public Decoder WithOutput(Linear output) => new(_input, _blocks, output);

    /// <summary>Hidden state before the last layer, rows x h.</summary>
    public Tensor HiddenOf(Tensor z)
    {
        Tensor h = _input.Forward(z);
        foreach (Block b in _blocks) h = b.Forward(h);
        return h;
    }

    /// <summary>Output without activation, rows x outputs.</summary>
    public Tensor Forward(Tensor z) => Output.Forward(HiddenOf(z));

    /// <summary>True if both compute the same hidden states because they are made of the same layers.</summary>
    internal bool SharesHiddenWith(Decoder other) => _input == other._input && _blocks == other._blocks;

    /// <summary>Sets the gradient of the output bias to the zero that it is: a softmax over cells and a partial likelihood do not change when a
    /// constant is added to a patient's logits or to all contributions. Left in, rounding errors would be blown up by Adam to full steps.</summary>
    public void ZeroInvariantGradient()
    {
        if (!Output.Bias.Frozen) Output.Bias.Gradient.Span.Clear();
    }
}

/// <summary>Scale a, offset b and dispersion theta of each gene; start at 0 and are used through softplus.</summary>
public sealed class GeneParameters : Module
{
    internal GeneParameters(string kind, int genes)
        : this(new Parameter($"log_{kind}_coeff", genes), new Parameter($"log_{kind}_coeff_add", genes), new Parameter($"log_{kind}_theta", genes))
    {
    }

    internal GeneParameters(Parameter scale, Parameter offset, Parameter dispersion) =>
        (Scale, Offset, Dispersion) = (Register(scale), Register(offset), Register(dispersion));

    /// <summary>Platform efficiency of each gene, before softplus.</summary>
    public Parameter Scale { get; }

    /// <summary>Expression that no cell explains, before softplus.</summary>
    public Parameter Offset { get; }

    /// <summary>Total count of the negative binomial, before softplus.</summary>
    public Parameter Dispersion { get; }
}
