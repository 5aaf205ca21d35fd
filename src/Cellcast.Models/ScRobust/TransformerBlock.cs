using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;
using static Cellcast.Tensors.Autodiff.Op;

namespace Cellcast.Models.ScRobust;

/// <summary>Layer normalisation a (x - mean) / (sd + epsilon) + b with the unbiased sd.</summary>
internal sealed class Normalisation : Module
{
    internal Normalisation(string name, int columns, float epsilon = EncoderSize.NormEpsilon)
    {
        Epsilon = epsilon;
        Scale = Register(new Parameter(name + ".a_2", columns));
        Shift = Register(new Parameter(name + ".b_2", columns));
        Scale.Span.Fill(1);
    }

    internal Parameter Scale { get; }

    internal Parameter Shift { get; }

    internal float Epsilon { get; }

    internal Tensor Forward(Tensor x) => LayerNormAffine(x, Scale, Shift, Epsilon);
}

/// <summary>Pre-norm Transformer block: x += drop(attention(norm(x))), x += drop(feed-forward(norm(x))), x = drop(x).</summary>
/// <remarks>A bias of the keys changes no softmax, so none is computed; the parameter exists for the weight files and stays as it is.</remarks>
internal sealed class TransformerBlock : Module
{
    private readonly int _heads;
    private readonly Linear _query, _key, _value, _output, _expand, _contract;
    private readonly Normalisation _attentionNorm, _feedForwardNorm;

    internal TransformerBlock(string name, EncoderSize size, float inputEpsilon, RandomKey key)
    {
        int hidden = size.Hidden;
        _heads = size.Heads;
        _query = Register(new Linear(name + ".attention.linear_layers.0", hidden, hidden, key));
        _key = Register(new Linear(name + ".attention.linear_layers.1", hidden, hidden, key));
        _value = Register(new Linear(name + ".attention.linear_layers.2", hidden, hidden, key));
        _output = Register(new Linear(name + ".attention.output_linear", hidden, hidden, key));
        _expand = Register(new Linear(name + ".feed_forward.w_1", hidden, size.FeedForward, key));
        _contract = Register(new Linear(name + ".feed_forward.w_2", size.FeedForward, hidden, key));
        _attentionNorm = Register(new Normalisation(name + ".input_sublayer.norm", hidden, inputEpsilon));
        _feedForwardNorm = Register(new Normalisation(name + ".output_sublayer.norm", hidden));
    }

    /// <summary>Starts as an average: what a token takes from the others is the mean of their normalised inputs, unchanged, and the feed-forward part adds nothing yet.</summary>
    /// <param name="gain">Times so much.</param>
    internal void StartAsAverage(float gain)
    {
        foreach (Parameter p in (Parameter[])[_query.Weight, _query.Bias!, _value.Weight, _output.Weight, _value.Bias!, _output.Bias!, _contract.Weight, _contract.Bias!]) p.Span.Clear();
        foreach (Parameter p in (Parameter[])[_value.Weight, _output.Weight])
            for (int i = 0; i < p.Columns; i++) p.Span[i * p.Columns + i] = p == _output.Weight ? gain : 1;
    }

    /// <summary>All tokens: tokens x hidden to tokens x hidden.</summary>
    internal Tensor Forward(Tensor x, TokenBatch tokens, DropoutNoise noise) =>
        AfterAttention(x, SelfAttention(QueriesKeysValues(x), tokens, _heads, noise.For("attention")), noise);

    /// <summary>All tokens of a first layer; queries, keys and values are computed once per gene.</summary>
    /// <param name="table">Embedding.</param>
    /// <param name="x">Inputs made from it.</param>
    /// <param name="tokens">The batch.</param>
    /// <param name="noise">Dropout.</param>
    internal Tensor ForwardFirst(Tensor table, Tensor x, TokenBatch tokens, DropoutNoise noise)
    {
        Tensor qkv = TableProjections(table, _attentionNorm.Scale, _attentionNorm.Shift, tokens, [_query.Weight, _key.Weight, _value.Weight], [_query.Bias, null, _value.Bias], _attentionNorm.Epsilon);
        return AfterAttention(x, SelfAttention(qkv, tokens, _heads, noise.For("attention")), noise);
    }

    /// <summary>The cell tokens only: tokens x hidden to sequences x hidden. Queries, output and feed-forward exist for one token of each sequence, keys and values for none.</summary>
    internal Tensor ForwardCellTokens(Tape tape, Tensor x, TokenBatch tokens, DropoutNoise noise)
    {
        Tensor n = _attentionNorm.Forward(x);
        Tensor r = HeadQueries(_query.Forward(GatherRows(tape, n, tokens.CellPlaces)), _key.Weight, _heads);
        Tensor pooled = PooledAttention(n, r, tokens, _heads, noise.For("attention"));
        return AfterPooling(GatherRows(tape, x, tokens.CellPlaces), pooled, tokens, noise);
    }

    /// <summary>The cell tokens of a first layer, straight from the embedding table, where all sequences begin with the same token.</summary>
    /// <param name="table">Embedding.</param>
    /// <param name="cell">Input of that token, 1 x hidden.</param>
    /// <param name="tokens">The batch.</param>
    /// <param name="noise">Dropout.</param>
    internal Tensor ForwardFromTable(Tensor table, Tensor cell, TokenBatch tokens, DropoutNoise noise)
    {
        Tensor q = _query.Forward(_attentionNorm.Forward(cell));
        Tensor r = Multiply(Reshape(HeadQueries(q, _key.Weight, _heads), _heads, cell.Columns), _attentionNorm.Scale);
        Tensor pooled = TableAttention(table, r, tokens, noise.For("attention"), _attentionNorm.Epsilon);
        return AfterPooling(cell, ScalePooled(pooled, _attentionNorm.Scale, _attentionNorm.Shift, _heads), tokens, noise);
    }

    /// <summary>Attention probabilities without dropout, for one sequence and head: length x length.</summary>
    internal float[] Probabilities(Tensor x, TokenBatch tokens, int sequence, int head) => AttentionProbabilities(QueriesKeysValues(x), tokens, _heads, sequence, head);

    private Tensor QueriesKeysValues(Tensor x) =>
        Projections(_attentionNorm.Forward(x), [_query.Weight, _key.Weight, _value.Weight], [_query.Bias, null, _value.Bias]);

    private Tensor AfterAttention(Tensor x, Tensor attended, DropoutNoise noise) =>
        FeedForwardPart(AddDropped(x, _output.Forward(attended), noise.For("attention output")), noise, default);

    private Tensor AfterPooling(Tensor x, Tensor pooled, TokenBatch tokens, DropoutNoise noise)
    {
        Tensor attended = HeadValues(pooled, _value.Weight, _value.Bias, _heads);
        return FeedForwardPart(AddDropped(x, _output.Forward(attended), noise.For("attention output"), tokens.CellPlaces), noise, tokens.CellPlaces);
    }

    private Tensor FeedForwardPart(Tensor x, DropoutNoise noise, ReadOnlyMemory<int> places)
    {
        Tensor y = FeedForward(_feedForwardNorm.Forward(x), _expand.Weight, _expand.Bias, _contract.Weight, _contract.Bias, noise.For("feed-forward"), places);
        return DropoutRows(AddDropped(x, y, noise.For("feed-forward output"), places), noise.For("block"), places);
    }
}
