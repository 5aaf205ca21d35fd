using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;
using static Cellcast.Tensors.Autodiff.Op;

namespace Cellcast.Models.ScRobust;

/// <summary>Linear, ELU, dropout, linear: the heads of scRobust.</summary>
public sealed class Head : Module
{
    private readonly Linear _first, _second;

    /// <summary>A head with random weights.</summary>
    /// <param name="name">Its name in weight files.</param>
    /// <param name="inputs">Columns of the input, and of the hidden layer.</param>
    /// <param name="outputs">Columns of the output.</param>
    /// <param name="key">Names the random numbers.</param>
    public Head(string name, int inputs, int outputs, RandomKey key)
    {
        _first = Register(new Linear(name + ".fc.0", inputs, inputs, key));
        _second = Register(new Linear(name + ".fc.3", inputs, outputs, key));
    }

    /// <summary>Rows x inputs to rows x outputs.</summary>
    /// <param name="x">Rows.</param>
    /// <param name="noise">Dropout between the layers.</param>
    public Tensor Forward(Tensor x, DropoutNoise noise = default) => _second.Forward(DropoutRows(Elu(_first.Forward(x)), noise));
}

/// <summary>Both losses of self-supervised training on two views of the same cells.</summary>
/// <param name="Contrastive">Cross-entropy of finding the other view of the same cell by cosine similarity, a single number.</param>
/// <param name="Expression">Mean squared error of values predicted from the first view, a single number.</param>
public readonly record struct PretrainingLosses(Tensor Contrastive, Tensor Expression);

/// <summary>The network of self-supervised training: encoder, contrastive head, expression head.</summary>
public sealed class ContrastivePretraining : Module
{
    private readonly Head _contrastive, _expression;
    private readonly float _temperature;

    /// <summary>Heads with random weights on an encoder.</summary>
    /// <param name="encoder">The encoder, trained along.</param>
    /// <param name="key">Names the random numbers.</param>
    /// <param name="temperature">Divides the similarities.</param>
    public ContrastivePretraining(CellEncoder encoder, RandomKey key, double temperature = 0.07)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        _temperature = (float)temperature;
        Encoder = Register(encoder);
        _contrastive = Register(new Head("cl_fc", encoder.Size.Hidden, encoder.Size.Hidden, key));
        _expression = Register(new Head("ge_fc", encoder.Size.Hidden, encoder.Size.Hidden, key));
    }

    /// <summary>The encoder.</summary>
    public CellEncoder Encoder { get; }

    /// <summary>Losses of one batch.</summary>
    /// <param name="tape">Where operations are recorded.</param>
    /// <param name="views">First views of all cells, then second views in the same order.</param>
    /// <param name="targets">What is to be predicted from the first views: for each cell genes of its second view and others, with their values.</param>
    /// <param name="noise">Dropout.</param>
    public PretrainingLosses Losses(Tape tape, TokenBatch views, TokenBatch targets, DropoutNoise noise = default)
    {
        ArgumentNullException.ThrowIfNull(tape);
        ArgumentNullException.ThrowIfNull(targets);
        Tensor cells = Encoder.CellTokens(tape, views, noise.For("encoder"));
        Tensor contrastive = CrossEntropy(Similarities(tape, cells, noise), Partners(views.Sequences));
        return new PretrainingLosses(contrastive, MeanSquaredError(Expression(cells, targets, noise), tape.Input(targets.Values, targets.Tokens)));
    }

    /// <summary>Cosine similarities of all views over the temperature, those of a view with itself out of reach.</summary>
    /// <returns>views x views.</returns>
    internal Tensor Similarities(Tape tape, Tensor cells, DropoutNoise noise)
    {
        Tensor z = NormalizeRows(_contrastive.Forward(cells, noise.For("contrastive head")));
        Tensor self = tape.NewTensor(z.Rows, z.Rows);
        self.Span.Clear();
        for (int i = 0; i < z.Rows; i++) self.Span[i * z.Rows + i] = -1e9f;
        return Add(Scale(MatMul(z, z, transposeB: true), 1 / _temperature), self);
    }

    /// <summary>Predicted values of the targets, from the first views.</summary>
    internal Tensor Expression(Tensor cells, TokenBatch targets, DropoutNoise noise) =>
        GeneDots(_expression.Forward(SliceRows(cells, 0, targets.Sequences), noise.For("expression head")), Encoder.Embedding, targets);

    internal static int[] Partners(int views)
    {
        int[] partners = new int[views];
        for (int i = 0; i < views; i++) partners[i] = (i + views / 2) % views;
        return partners;
    }
}
