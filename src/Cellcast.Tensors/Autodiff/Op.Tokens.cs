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
        ArgumentNullException.ThrowIfNull(tokens);
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

    /// <summary>The feed-forward part of a Transformer: drop(gelu(x w_1' + b_1)) w_2' + b_2 with the tanh form of gelu. Only the hidden rows before the activation are kept.</summary>
    /// <param name="x">Rows.</param>
    /// <param name="expand">w_1, hidden x columns.</param>
    /// <param name="expandBias">b_1.</param>
    /// <param name="contract">w_2, columns x hidden.</param>
    /// <param name="contractBias">b_2.</param>
    /// <param name="noise">Dropout of the hidden rows.</param>
    /// <param name="places">As in <see cref="DropoutRows"/>.</param>
    /// <returns>As x.</returns>
    public static Tensor FeedForward(Tensor x, Tensor expand, Tensor expandBias, Tensor contract, Tensor contractBias, DropoutNoise noise = default, ReadOnlyMemory<int> places = default)
    {
        var tape = Tape.Of(x, expand, expandBias, contract, contractBias);
        if (x.Columns != expand.Columns || expandBias.Length != expand.Rows || contract.Columns != expand.Rows || contract.Rows != x.Columns || contractBias.Length != x.Columns)
            throw Mismatch(nameof(FeedForward), x, expand, expandBias, contract, contractBias);
        if (places.Length != 0 && places.Length != x.Rows) throw new ArgumentException($"{places.Length} places for {x.Rows} rows", nameof(places));
        var device = Tokens(tape);
        var y = tape.Result(x.Shape, x.RequiresGradient || expand.RequiresGradient || expandBias.RequiresGradient || contract.RequiresGradient || contractBias.RequiresGradient);
        var hidden = tape.NewTensor(x.Rows, expand.Rows);
        device.FeedForward(x, expand, expandBias, contract, contractBias, places.Span, noise, hidden, y);
        if (y.RequiresGradient)
            tape.Add(nameof(FeedForward), y, y => device.FeedForwardGradient(x, expand, contract, places.Span, noise, hidden, y.Gradient,
                Wanted(x), Wanted(expand), Wanted(expandBias), Wanted(contract), Wanted(contractBias)));
        return y;
    }

    /// <summary>x + dropout(y), as in <see cref="DropoutRows"/>: what closes a residual branch.</summary>
    /// <param name="x">Rows, or a single row for all.</param>
    /// <param name="y">Rows.</param>
    /// <param name="noise">How much and by which random numbers.</param>
    /// <param name="places">As in <see cref="DropoutRows"/>.</param>
    public static Tensor AddDropped(Tensor x, Tensor y, DropoutNoise noise, ReadOnlyMemory<int> places = default)
    {
        var tape = Tape.Of(x, y);
        if (!noise.IsActive || x.Rows != y.Rows) return Add(DropoutRows(y, noise, places), x);
        if (x.Columns != y.Columns || (places.Length != 0 && places.Length != x.Rows)) throw Mismatch(nameof(AddDropped), x, y);
        var device = Tokens(tape);
        var sum = tape.Result(y.Shape, x.RequiresGradient || y.RequiresGradient);
        tape.Device.Copy(x, sum, accumulate: false);
        device.DropoutRows(y, places.Span, noise, sum, accumulate: true);
        if (sum.RequiresGradient)
            tape.Add(nameof(AddDropped), sum, sum =>
            {
                if (x.RequiresGradient) tape.Device.Copy(sum.Gradient, x.GradientForUpdate(out bool accumulate), accumulate);
                if (y.RequiresGradient) device.DropoutRows(sum.Gradient, places.Span, noise, y.GradientForUpdate(out bool added), added);
            });
        return sum;
    }

    private static ITokenDevice Tokens(Tape tape) =>
        tape.Device as ITokenDevice ?? throw new NotSupportedException($"{tape.Device.GetType().Name} does not compute on token sequences");
}
