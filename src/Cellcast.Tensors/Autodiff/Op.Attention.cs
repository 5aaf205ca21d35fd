namespace Cellcast.Tensors.Autodiff;

public static partial class Op
{
    /// <summary>Several dense layers on the same rows, their results side by side: [x w_1' + b_1, x w_2' + b_2, ...].</summary>
    /// <param name="x">Inputs, one row per item.</param>
    /// <param name="weights">Each outputs x inputs.</param>
    /// <param name="biases">As many, null where there is none.</param>
    public static Tensor Projections(Tensor x, Tensor[] weights, Tensor?[] biases)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(biases);
        var tape = Tape.Of([x, .. weights]);
        RequirePairs(weights, biases);
        int outputs = 0;
        bool required = x.RequiresGradient;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i].Columns != x.Columns || (biases[i] is { } b && b.Length != weights[i].Rows)) throw Mismatch(nameof(Projections), x, weights[i]);
            outputs += weights[i].Rows;
            required |= weights[i].RequiresGradient || biases[i] is { RequiresGradient: true };
        }
        var device = Tokens(tape);
        var y = tape.Result([x.Rows, outputs], required);
        device.Projections(x, weights, biases, y);
        if (y.RequiresGradient)
            tape.Add(nameof(Projections), y, y =>
            {
                bool accumulate = false;
                var dx = x.RequiresGradient ? x.GradientForUpdate(out accumulate) : null;
                Tensor?[] dweights = [.. weights.Select(Wanted)], dbiases = [.. biases.Select(b => b is null ? null : Wanted(b))];
                device.ProjectionsGradient(x, weights, y.Gradient, dx, accumulate, dweights, dbiases);
            });
        return y;
    }

    /// <summary><see cref="Projections"/> of a first layer's normalised inputs, LayerNormAffine(TokenEmbedding(table)), computed once per different gene and spread over the tokens (values not negative): exact, and
    /// cheaper by as much as a batch has more tokens than different genes.</summary>
    /// <param name="table">Embedding, vocabulary x columns.</param>
    /// <param name="scale">Scale of the normalisation.</param>
    /// <param name="shift">Shift of the normalisation.</param>
    /// <param name="tokens">The batch. Read again by the backward pass: do not change it before.</param>
    /// <param name="weights">Each outputs x columns.</param>
    /// <param name="biases">As many, null where there is none.</param>
    /// <param name="epsilon">As in <see cref="LayerNormAffine"/>.</param>
    /// <returns>tokens x all outputs.</returns>
    public static Tensor TableProjections(Tensor table, Tensor scale, Tensor shift, TokenBatch tokens, Tensor[] weights, Tensor?[] biases, float epsilon = 1e-6f)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(biases);
        var tape = Tape.Of(table, scale, shift);
        RequirePairs(weights, biases);
        if (scale.Length != table.Columns || shift.Length != table.Columns || table.Columns < 2) throw Mismatch(nameof(TableProjections), table, scale, shift);
        int outputs = 0;
        bool required = table.RequiresGradient || scale.RequiresGradient || shift.RequiresGradient;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i].Columns != table.Columns || (biases[i] is { } b && b.Length != weights[i].Rows)) throw Mismatch(nameof(TableProjections), table, weights[i]);
            outputs += weights[i].Rows;
            required |= weights[i].RequiresGradient || biases[i] is { RequiresGradient: true };
        }
        tokens.IndexGenes(table.Rows);
        var device = Tokens(tape);
        var y = tape.Result([tokens.Tokens, outputs], required);
        var room = tape.NewTensor(checked((int)device.TableProjectionsRoom(table, tokens, outputs)));
        device.TableProjections(table, scale, shift, epsilon, tokens, weights, biases, room, y);
        if (y.RequiresGradient)
            tape.Add(nameof(TableProjections), y, y =>
            {
                Tensor?[] dweights = [.. weights.Select(Wanted)], dbiases = [.. biases.Select(b => b is null ? null : Wanted(b))];
                device.TableProjectionsGradient(table, scale, shift, epsilon, tokens, weights, room, y.Gradient, Wanted(table), Wanted(scale), Wanted(shift), dweights, dbiases);
            });
        return y;
    }

    /// <summary>Scaled dot-product attention within each sequence, head by head: dropout(softmax(q k' / sqrt(d))) v (Vaswani et al. 2017). Scores are never stored.</summary>
    /// <param name="qkv">tokens x 3 columns: queries, keys and values side by side, each with all heads side by side.</param>
    /// <param name="tokens">Where sequences begin.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="noise">Dropout of the probabilities; the one of query i, head h and key j in sequence s is decided by word (i heads + h) length + j (length rounded up to 64) of part s.</param>
    /// <returns>tokens x columns.</returns>
    public static Tensor SelfAttention(Tensor qkv, TokenBatch tokens, int heads, DropoutNoise noise = default)
    {
        var tape = Tape.Of(qkv);
        ArgumentNullException.ThrowIfNull(tokens);
        RequireAttention(nameof(SelfAttention), qkv, tokens, heads);
        var device = Tokens(tape);
        var y = tape.Result([qkv.Rows, qkv.Columns / 3], qkv.RequiresGradient);
        var logSums = tape.NewTensor(qkv.Rows, heads);
        device.Attention(qkv, tokens, heads, noise, y, logSums);
        if (y.RequiresGradient)
            tape.Add(nameof(SelfAttention), y, y =>
            {
                var d = qkv.GradientForUpdate(out bool accumulate);
                var target = accumulate ? tape.NewTensor(qkv.Shape) : d;
                device.AttentionGradient(qkv, tokens, heads, noise, y, logSums, y.Gradient, target);
                if (accumulate) tape.Device.Copy(target, d, accumulate: true);
            });
        return y;
    }

    /// <summary>Queries carried over to the space of unprojected keys: r[h] = W_k[h]' q[h] / sqrt(d), so that q[h] . (W_k[h] n) / sqrt(d) = r[h] . n. A bias of the keys adds the same
    /// to all scores of a query and drops out of the softmax.</summary>
    /// <param name="q">Items x (heads x d).</param>
    /// <param name="keyWeight">(heads x d) x inputs.</param>
    /// <param name="heads">Number of heads.</param>
    /// <returns>Items x (heads x inputs).</returns>
    public static Tensor HeadQueries(Tensor q, Tensor keyWeight, int heads)
    {
        var tape = Tape.Of(q, keyWeight);
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        if (q.Columns != keyWeight.Rows || q.Columns % heads != 0) throw Mismatch(nameof(HeadQueries), q, keyWeight);
        var device = Tokens(tape);
        var y = tape.Result([q.Rows, heads * keyWeight.Columns], q.RequiresGradient || keyWeight.RequiresGradient);
        device.HeadQueries(q, keyWeight, heads, y);
        if (y.RequiresGradient) tape.Add(nameof(HeadQueries), y, y => device.HeadQueriesGradient(q, keyWeight, heads, y.Gradient, Wanted(q), Wanted(keyWeight)));
        return y;
    }

    /// <summary>Attention of one query per sequence and head to token rows that are projected neither to keys nor to values: sum_t a[t] n[t] with a = dropout(softmax_t(r . n[t])).</summary>
    /// <param name="n">tokens x columns.</param>
    /// <param name="r">sequences x (heads x columns), from <see cref="HeadQueries"/>.</param>
    /// <param name="tokens">Where sequences begin.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="noise">Dropout, as in <see cref="SelfAttention"/> for query 0.</param>
    /// <returns>sequences x (heads x columns + heads): the pooled rows of all heads, then each head's sum of a, which is not 1 under dropout.</returns>
    public static Tensor PooledAttention(Tensor n, Tensor r, TokenBatch tokens, int heads, DropoutNoise noise = default)
    {
        var tape = Tape.Of(n, r);
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        if (n.Rows != tokens.Tokens || r.Rows != tokens.Sequences || r.Columns != heads * n.Columns) throw Mismatch(nameof(PooledAttention), n, r);
        var device = Tokens(tape);
        var y = tape.Result([r.Rows, heads * n.Columns + heads], n.RequiresGradient || r.RequiresGradient);
        var p = tape.NewTensor(n.Rows, heads);
        var kept = noise.IsActive ? tape.NewTensor(n.Rows, heads) : p;
        device.PooledAttention(n, r, tokens, heads, noise, p, kept, y);
        if (y.RequiresGradient)
            tape.Add(nameof(PooledAttention), y, y => device.PooledAttentionGradient(n, r, tokens, heads, noise, p, kept, y.Gradient, Wanted(n), Wanted(r)));
        return y;
    }

    /// <summary><see cref="PooledAttention"/> for a first layer whose queries are the same in all sequences, straight from the embedding table: with u the unit vector of a gene, z = u - mean(u) and
    /// the token's value v >= 0, what is normalised is c z, c = v / (v sd(u) + epsilon), so that scores are c (r . z) and what is pooled is c z. Exact; costs a sparse gather instead of dense rows.</summary>
    /// <param name="table">Embedding, vocabulary x columns (a multiple of 32).</param>
    /// <param name="r">heads x columns, the scale of the normalisation already in it.</param>
    /// <param name="tokens">The batch. Read again by the backward pass: do not change it before.</param>
    /// <param name="noise">Dropout, as in <see cref="SelfAttention"/> for query 0.</param>
    /// <param name="epsilon">As in <see cref="LayerNormAffine"/>.</param>
    /// <returns>As <see cref="PooledAttention"/>.</returns>
    public static Tensor TableAttention(Tensor table, Tensor r, TokenBatch tokens, DropoutNoise noise = default, float epsilon = 1e-6f)
    {
        var tape = Tape.Of(table, r);
        ArgumentNullException.ThrowIfNull(tokens);
        if (r.Rows < 1 || r.Columns != table.Columns || table.Columns % Kernels.TableAttention.SliceColumns != 0) throw Mismatch(nameof(TableAttention), table, r);
        tokens.IndexGenes(table.Rows);
        int heads = r.Rows;
        var device = Tokens(tape);
        var y = tape.Result([tokens.Sequences, heads * table.Columns + heads], table.RequiresGradient || r.RequiresGradient);
        var room = tape.NewTensor(checked((int)device.TableAttentionRoom(table, tokens, heads)));
        device.TableAttention(table, r, tokens, heads, epsilon, noise, room, y);
        if (y.RequiresGradient)
            tape.Add(nameof(TableAttention), y, y => device.TableAttentionGradient(table, r, tokens, heads, epsilon, noise, room, y.Gradient, Wanted(table), Wanted(r)));
        return y;
    }

    /// <summary>What <see cref="PooledAttention"/> of rows scale o n + shift would give, from that of rows n.</summary>
    /// <param name="pooled">As <see cref="PooledAttention"/> returns it.</param>
    /// <param name="scale">One number per column.</param>
    /// <param name="shift">One number per column.</param>
    /// <param name="heads">Number of heads.</param>
    public static Tensor ScalePooled(Tensor pooled, Tensor scale, Tensor shift, int heads)
    {
        var tape = Tape.Of(pooled, scale, shift);
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        if (pooled.Columns != heads * scale.Length + heads || shift.Length != scale.Length) throw Mismatch(nameof(ScalePooled), pooled, scale, shift);
        var device = Tokens(tape);
        var y = tape.Result(pooled.Shape, pooled.RequiresGradient || scale.RequiresGradient || shift.RequiresGradient);
        device.ScalePooled(pooled, scale, shift, heads, y);
        if (y.RequiresGradient)
            tape.Add(nameof(ScalePooled), y, y => device.ScalePooledGradient(pooled, scale, shift, heads, y.Gradient, Wanted(pooled), Wanted(scale), Wanted(shift)));
        return y;
    }

    /// <summary>The heads' outputs side by side: W_v[h] pooled[h] + b_v[h] weight[h].</summary>
    /// <param name="pooled">As <see cref="PooledAttention"/> returns it.</param>
    /// <param name="valueWeight">(heads x d) x inputs.</param>
    /// <param name="valueBias">heads x d numbers.</param>
    /// <param name="heads">Number of heads.</param>
    /// <returns>sequences x (heads x d).</returns>
    public static Tensor HeadValues(Tensor pooled, Tensor valueWeight, Tensor valueBias, int heads)
    {
        var tape = Tape.Of(pooled, valueWeight, valueBias);
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        if (pooled.Columns != heads * valueWeight.Columns + heads || valueWeight.Rows % heads != 0 || valueBias.Length != valueWeight.Rows)
            throw Mismatch(nameof(HeadValues), pooled, valueWeight, valueBias);
        var device = Tokens(tape);
        var y = tape.Result([pooled.Rows, valueWeight.Rows], pooled.RequiresGradient || valueWeight.RequiresGradient || valueBias.RequiresGradient);
        device.HeadValues(pooled, valueWeight, valueBias, heads, y);
        if (y.RequiresGradient)
            tape.Add(nameof(HeadValues), y, y =>
                device.HeadValuesGradient(pooled, valueWeight, valueBias, heads, y.Gradient, Wanted(pooled), Wanted(valueWeight), Wanted(valueBias)));
        return y;
    }

    /// <summary>Probabilities of <see cref="SelfAttention"/> in one sequence and head, without dropout: length x length, row = query. For looking at; no gradient.</summary>
    /// <param name="qkv">As in <see cref="SelfAttention"/>.</param>
    /// <param name="tokens">Where sequences begin.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="sequence">Which sequence.</param>
    /// <param name="head">Which head.</param>
    public static float[] AttentionProbabilities(Tensor qkv, TokenBatch tokens, int heads, int sequence, int head)
    {
        var tape = Tape.Of(qkv);
        ArgumentNullException.ThrowIfNull(tokens);
        RequireAttention(nameof(AttentionProbabilities), qkv, tokens, heads);
        if ((uint)sequence >= (uint)tokens.Sequences) throw new ArgumentOutOfRangeException(nameof(sequence), sequence, $"there are {tokens.Sequences} sequences");
        if ((uint)head >= (uint)heads) throw new ArgumentOutOfRangeException(nameof(head), head, $"there are {heads} heads");
        return Tokens(tape).AttentionProbabilities(qkv, tokens, heads, sequence, head);
    }

    private static void RequireAttention(string name, Tensor qkv, TokenBatch tokens, int heads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        if (qkv.Rows != tokens.Tokens || qkv.Columns % (3L * heads) != 0) throw Mismatch(name, qkv);
    }

    private static void RequirePairs(Tensor[] weights, Tensor?[] biases)
    {
        if (weights.Length != biases.Length) throw new ArgumentException($"{weights.Length} weights and {biases.Length} biases", nameof(biases));
    }
}
