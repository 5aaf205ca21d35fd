namespace Cellcast.Tensors.Autodiff;

public static partial class Op
{
    /// <summary>Inputs of tokens: value times the unit vector of the gene's row, v (e + 1e-12) / (|e| + 1e-12).</summary>
    /// <param name="tape">The tape of the result.</param>
    /// <param name="table">Embedding, vocabulary x columns.</param>
    /// <param name="tokens">The batch. Read again by the backward pass: do not change it before.</param>
    /// <returns>tokens x columns.</returns>
    public static Tensor TokenEmbedding(Tape tape, Tensor table, TokenBatch tokens)
    {
        ArgumentNullException.ThrowIfNull(tape);
        tokens.IndexGenes(table.Rows);
        var device = Tokens(tape);
        var y = tape.Result([tokens.Tokens, table.Columns], table.RequiresGradient);
        var lengths = tape.NewTensor(tokens.UniqueCount);
        device.TokenEmbedding(table, tokens, lengths, y);
        if (y.RequiresGradient) tape.Add(nameof(TokenEmbedding), y, y => device.TokenEmbeddingGradient(table, tokens, lengths, y.Gradient, table.Gradient));
        return y;
    }

    /// <summary>Scalar product of each cell's vector with the table's row of every token of its sequence: predicted expression.</summary>
    /// <param name="cells">One row per sequence.</param>
    /// <param name="table">Embedding, vocabulary x columns.</param>
    /// <param name="tokens">The batch. Read again by the backward pass: do not change it before.</param>
    /// <returns>One number per token, a vector.</returns>
    public static Tensor GeneDots(Tensor cells, Tensor table, TokenBatch tokens)
    {
        var tape = Tape.Of(cells, table);
        ArgumentNullException.ThrowIfNull(tokens);
        if (cells.Rows != tokens.Sequences || cells.Columns != table.Columns) throw Mismatch(nameof(GeneDots), cells, table);
        tokens.IndexGenes(table.Rows);
        var device = Tokens(tape);
        var y = tape.Result([tokens.Tokens], cells.RequiresGradient || table.RequiresGradient);
        device.GeneDots(cells, table, tokens, y);
        if (y.RequiresGradient) tape.Add(nameof(GeneDots), y, y => device.GeneDotsGradient(cells, table, tokens, y.Gradient, Wanted(cells), Wanted(table)));
        return y;
    }

    /// <summary>Dropout in which the number in row r, column c is decided by the random word at place[r] columns + c (columns rounded up to 64), so that a row that is computed alone
    /// meets the same noise as among all others.</summary>
    /// <param name="x">Rows.</param>
    /// <param name="noise">How much and by which random numbers.</param>
    /// <param name="places">Place of each row; empty for 0, 1, .... Read again by the backward pass: do not change them before.</param>
    public static Tensor DropoutRows(Tensor x, DropoutNoise noise, ReadOnlyMemory<int> places = default)
    {
        var tape = Tape.Of(x);
        if (places.Length != 0 && places.Length != x.Rows) throw new ArgumentException($"{places.Length} places for {x.Rows} rows", nameof(places));
        if (!noise.IsActive) return x;
        var device = Tokens(tape);
        var y = tape.Result(x.Shape, x.RequiresGradient);
        device.DropoutRows(x, places.Span, noise, y, accumulate: false);
        if (y.RequiresGradient) tape.Add(nameof(DropoutRows), y, y => device.DropoutRows(y.Gradient, places.Span, noise, x.GradientForUpdate(out bool accumulate), accumulate));
        return y;
    }

    private static ITokenDevice Tokens(Tape tape) =>
        tape.Device as ITokenDevice ?? throw new NotSupportedException($"{tape.Device.GetType().Name} does not compute on token sequences");
}
