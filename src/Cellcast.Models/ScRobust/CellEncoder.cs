using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>scRobust's encoder (Park and Lee 2024): a cell is a set of (gene, value) tokens after a cell token; the cell's vector is what the last block makes of the cell token.
/// Token inputs are value times the unit vector of the gene; there is no position encoding and no final norm.</summary>
public sealed class CellEncoder : Module
{
    private readonly TransformerBlock[] _blocks;
    private readonly TokenBatch _cellToken = new();

    /// <summary>An encoder with random weights: the embedding standard normal, dense layers uniform on +-1/sqrt(inputs).</summary>
    /// <param name="size">Sizes.</param>
    /// <param name="key">Names the random numbers, together with the parameters' names.</param>
    /// <param name="prefix">Put before the parameters' names in weight files.</param>
    public CellEncoder(EncoderSize size, RandomKey key, string prefix = "")
    {
        ArgumentNullException.ThrowIfNull(size);
        size.Check();
        Size = size;
        Embedding = Register(new Parameter(prefix + "embedding.embedding.weight", size.Vocabulary, size.Hidden));
        RandomFill.Normal(key.Split(Embedding.Name), Embedding.Span);
        _blocks = [.. Enumerable.Range(0, size.Layers).Select(i => Register(new TransformerBlock($"{prefix}transformer_blocks.{i}", size, i == 0 ? size.InputEpsilon : EncoderSize.NormEpsilon, key)))];
        _cellToken.Append([GeneVocabulary.CellToken], [GeneVocabulary.CellTokenValue]);
    }

    /// <summary>Sizes.</summary>
    public EncoderSize Size { get; }

    /// <summary>One row per token id, vocabulary x hidden.</summary>
    public Parameter Embedding { get; }

    /// <summary>Makes every block start as an average of its inputs; see <see cref="ComponentStart"/>.</summary>
    internal void StartAsAverage()
    {
        for (int i = 0; i < _blocks.Length; i++) _blocks[i].StartAsAverage(i == 0 ? (float)(1 + Size.HalfValue) : 1);
    }

    /// <summary>Outputs of all tokens.</summary>
    /// <param name="tape">Where operations are recorded; with <see cref="Tape.RecordsGradients"/> off, nothing is.</param>
    /// <param name="tokens">The batch; not to be changed before the backward pass.</param>
    /// <param name="noise">Dropout; none when embedding.</param>
    /// <returns>tokens x hidden.</returns>
    public Tensor AllTokens(Tape tape, TokenBatch tokens, DropoutNoise noise = default)
    {
        Tensor x = Inputs(tape, tokens);
        for (int i = 0; i < _blocks.Length; i++) x = _blocks[i].Forward(x, tokens, noise.For(i));
        return x;
    }

    /// <summary>Outputs of the cell tokens: the cells' vectors. Equal to those rows of <see cref="AllTokens"/> to rounding, dropout included, at a fraction of the cost.</summary>
    /// <param name="tape">Where operations are recorded; with <see cref="Tape.RecordsGradients"/> off, nothing is.</param>
    /// <param name="tokens">The batch; not to be changed before the backward pass.</param>
    /// <param name="noise">Dropout; none when embedding.</param>
    /// <returns>sequences x hidden.</returns>
    public Tensor CellTokens(Tape tape, TokenBatch tokens, DropoutNoise noise = default)
    {
        ArgumentNullException.ThrowIfNull(tape);
        ArgumentNullException.ThrowIfNull(tokens);
        if (_blocks.Length == 1 && Size.Hidden % 32 == 0 && BeginsWithCellTokens(tokens))
            return _blocks[0].ForwardFromTable(tape.Use(Embedding), Inputs(tape, _cellToken), tokens, noise.For(0));
        Tensor x = Inputs(tape, tokens);
        for (int i = 0; i < _blocks.Length - 1; i++)
            x = i == 0 && MoreTokensThanGenes(tokens) ? _blocks[i].ForwardFirst(tape.Use(Embedding), x, tokens, noise.For(i)) : _blocks[i].Forward(x, tokens, noise.For(i));
        return _blocks[^1].ForwardCellTokens(tape, x, tokens, noise.For(_blocks.Length - 1));
    }

    /// <summary>Attention probabilities of the last block for one sequence and head, length x length, row = query.</summary>
    /// <param name="tape">Holds the steps to the last block.</param>
    /// <param name="tokens">The batch.</param>
    /// <param name="sequence">Which sequence.</param>
    /// <param name="head">Which head.</param>
    public float[] LastAttention(Tape tape, TokenBatch tokens, int sequence, int head)
    {
        Tensor x = Inputs(tape, tokens);
        for (int i = 0; i < _blocks.Length - 1; i++) x = _blocks[i].Forward(x, tokens, DropoutNoise.None);
        return _blocks[^1].Probabilities(x, tokens, sequence, head);
    }

    private Tensor Inputs(Tape tape, TokenBatch tokens) => Op.TokenEmbedding(tape, Embedding, tokens);

    private bool MoreTokensThanGenes(TokenBatch tokens) => tokens.DifferentGenes(Size.Vocabulary) < tokens.Tokens;

    private static bool BeginsWithCellTokens(TokenBatch tokens)
    {
        foreach (int at in tokens.CellPlaces.Span)
            if (tokens.Genes[at] != GeneVocabulary.CellToken || tokens.Values[at] != GeneVocabulary.CellTokenValue) return false;
        return true;
    }
}
