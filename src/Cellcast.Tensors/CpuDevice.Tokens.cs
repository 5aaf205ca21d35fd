using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors;

public sealed unsafe partial class CpuDevice : ITokenDevice
{
    // Tensors live on the pinned heap, so their addresses stay.
    private static float* At(Tensor? t)
    {
        if (t is null) return null;
        fixed (float* p = t.Span) return p;
    }

    void ITokenDevice.TokenEmbedding(Tensor table, TokenBatch tokens, Tensor lengths, Tensor x) =>
        Kernels.TokenEmbedding.Forward(Workers, new TokenView(tokens), At(table), table.Columns, At(lengths), At(x));

    void ITokenDevice.TokenEmbeddingGradient(Tensor table, TokenBatch tokens, Tensor lengths, Tensor dx, Tensor dtable) =>
        Kernels.TokenEmbedding.Backward(Workers, new TokenView(tokens), At(table), table.Columns, At(lengths), At(dx), At(dtable));

    void ITokenDevice.GeneDots(Tensor cells, Tensor table, TokenBatch tokens, Tensor y) =>
        Kernels.GeneDots.Forward(Workers, new TokenView(tokens), At(cells), At(table), table.Columns, At(y));

    void ITokenDevice.GeneDotsGradient(Tensor cells, Tensor table, TokenBatch tokens, Tensor dy, Tensor? dcells, Tensor? dtable) =>
        Kernels.GeneDots.Backward(Workers, new TokenView(tokens), At(cells), At(table), table.Columns, At(dy), At(dcells), At(dtable));

    void ITokenDevice.DropoutRows(Tensor x, ReadOnlySpan<int> places, in DropoutNoise noise, Tensor y, bool accumulate)
    {
        fixed (int* p = places) KeepWords.Rows(Workers, At(x), x.Rows, x.Columns, p, noise, At(y), accumulate);
    }

    // Rows of a feed-forward part that are between its two layers at the same time: their hidden values stay in a second- or third-level cache.
    private const int FeedForwardRows = 1024;

    void ITokenDevice.FeedForward(Tensor x, Tensor expand, Tensor expandBias, Tensor contract, Tensor contractBias, ReadOnlySpan<int> places, in DropoutNoise noise, Tensor hidden, Tensor y)
    {
        int n = x.Columns, m = expand.Rows;
        using var rented = Borrow(Math.Min(x.Rows, FeedForwardRows) * m);
        for (int r = 0; r < x.Rows; r += FeedForwardRows)
        {
            int rows = Math.Min(FeedForwardRows, x.Rows - r);
            Span<float> h = hidden.Span.Slice(r * m, rows * m), a = rented.Span[..(rows * m)];
            Gemm.Multiply(Workers, false, true, rows, m, n, x.Span.Slice(r * n, rows * n), n, expand.Span, n, h, m, false, new BiasEpilogue(At(expandBias)));
            VectorMath.GeluTanh(Workers, h, a);
            DropRows(a, rows, m, r, places, noise);
            Gemm.Multiply(Workers, false, true, rows, n, m, a, m, contract.Span, m, y.Span.Slice(r * n, rows * n), n, false, new BiasEpilogue(At(contractBias)));
        }
    }

    void ITokenDevice.FeedForwardGradient(Tensor x, Tensor expand, Tensor contract, ReadOnlySpan<int> places, in DropoutNoise noise, Tensor hidden, Tensor dy,
        Tensor? dx, Tensor? dexpand, Tensor? dexpandBias, Tensor? dcontract, Tensor? dcontractBias)
    {
        int n = x.Columns, m = expand.Rows, most = Math.Min(x.Rows, FeedForwardRows) * m;
        using var rented = Borrow(most);
        for (int r = 0; r < x.Rows; r += FeedForwardRows)
        {
            int rows = Math.Min(FeedForwardRows, x.Rows - r);
            Span<float> h = hidden.Span.Slice(r * m, rows * m), a = rented.Span[..(rows * m)], g = dy.Span.Slice(r * n, rows * n), input = x.Span.Slice(r * n, rows * n);
            if (dcontract is not null)
            {
                VectorMath.GeluTanh(Workers, h, a);
                DropRows(a, rows, m, r, places, noise);
                Gemm.Multiply(Workers, true, false, n, m, rows, g, n, a, m, dcontract.Span, m, accumulate: true);
            }
            if (dcontractBias is not null) ColumnSums.Add(Workers, At(dy) + (nint)r * n, rows, n, n, At(dcontractBias));
            if (dx is null && dexpand is null && dexpandBias is null) continue;
            Gemm.Multiply(Workers, false, false, rows, m, n, g, n, contract.Span, m, a, m);
            DropRows(a, rows, m, r, places, noise);
            VectorMath.GeluTanhBackward(Workers, h, a, a);
            if (dexpand is not null) Gemm.Multiply(Workers, true, false, m, n, rows, a, m, input, n, dexpand.Span, n, accumulate: true);
            if (dexpandBias is not null)
                fixed (float* pa = a) ColumnSums.Add(Workers, pa, rows, m, m, At(dexpandBias));
            if (dx is not null) Gemm.Multiply(Workers, false, false, rows, n, m, a, m, expand.Span, n, dx.Span.Slice(r * n, rows * n), n, accumulate: true);
        }
    }

    /// <summary>Dropout in place of some rows, the first of which is row <paramref name="first"/> of all.</summary>
    private void DropRows(Span<float> x, int rows, int columns, int first, ReadOnlySpan<int> places, in DropoutNoise noise)
    {
        if (!noise.IsActive) return;
        fixed (float* p = x)
        fixed (int* at = places) KeepWords.Rows(Workers, p, rows, columns, at == null ? null : at + first, noise, p, accumulate: false, first);
    }

    void ITokenDevice.Projections(Tensor x, ReadOnlySpan<Tensor> weights, ReadOnlySpan<Tensor?> biases, Tensor y)
    {
        int first = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            Tensor w = weights[i];
            var part = y.Span[first..];
            if (biases[i] is { } b)
                Gemm.Multiply(Workers, false, true, x.Rows, w.Rows, x.Columns, x.Span, x.Columns, w.Span, w.Columns, part, y.Columns, false, new BiasEpilogue(At(b)));
            else
                Gemm.Multiply(Workers, false, true, x.Rows, w.Rows, x.Columns, x.Span, x.Columns, w.Span, w.Columns, part, y.Columns);
            first += w.Rows;
        }
    }

    void ITokenDevice.ProjectionsGradient(Tensor x, ReadOnlySpan<Tensor> weights, Tensor dy, Tensor? dx, bool accumulate, ReadOnlySpan<Tensor?> dweights, ReadOnlySpan<Tensor?> dbiases)
    {
        int first = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            Tensor w = weights[i];
            var part = dy.Span[first..];
            if (dx is not null)
                Gemm.Multiply(Workers, false, false, x.Rows, x.Columns, w.Rows, part, dy.Columns, w.Span, w.Columns, dx.Span, x.Columns, accumulate || i > 0);
            if (dweights[i] is { } dw)
                Gemm.Multiply(Workers, true, false, w.Rows, x.Columns, x.Rows, part, dy.Columns, x.Span, x.Columns, dw.Span, w.Columns, accumulate: true);
            if (dbiases[i] is { } db) ColumnSums.Add(Workers, At(dy) + first, x.Rows, w.Rows, dy.Columns, At(db));
            first += w.Rows;
        }
    }

    long ITokenDevice.TableProjectionsRoom(Tensor table, TokenBatch tokens, int outputs) => (long)tokens.UniqueCount * (table.Columns + outputs + 3) + outputs;

    void ITokenDevice.TableProjections(Tensor table, Tensor scale, Tensor shift, float epsilon, TokenBatch tokens, ReadOnlySpan<Tensor> weights, ReadOnlySpan<Tensor?> biases, Tensor room, Tensor y)
    {
        var p = ProjectionProblem(table, scale, epsilon, tokens, y.Columns, room);
        Kernels.TableProjections.BuildTable(Workers, p);
        int first = 0, genes = tokens.UniqueCount, n = table.Columns;
        var scaled = new Span<float>(p.Scaled, genes * n);
        for (int i = 0; i < weights.Length; i++)
        {
            Tensor w = weights[i];
            Gemm.Multiply(Workers, false, true, genes, w.Rows, n, scaled, n, w.Span, n, new Span<float>(p.Projected + first, genes * y.Columns - first), y.Columns);
            var constant = new Span<float>(p.Constant + first, w.Rows);
            Gemm.Multiply(Workers, false, true, 1, w.Rows, n, shift.Span, n, w.Span, n, constant, w.Rows);
            if (biases[i] is { } b) Elementwise.Add(Workers, constant, b.Span, constant);
            first += w.Rows;
        }
        Kernels.TableProjections.Spread(Workers, p, At(y));
    }

    void ITokenDevice.TableProjectionsGradient(Tensor table, Tensor scale, Tensor shift, float epsilon, TokenBatch tokens, ReadOnlySpan<Tensor> weights, Tensor room, Tensor dy, Tensor? dtable, Tensor? dscale,
        Tensor? dshift, ReadOnlySpan<Tensor?> dweights, ReadOnlySpan<Tensor?> dbiases)
    {
        int genes = tokens.UniqueCount, n = table.Columns, outputs = dy.Columns, first = 0;
        var p = ProjectionProblem(table, scale, epsilon, tokens, outputs, room);
        using var rented = Borrow(checked(genes * (outputs + n + 1) + outputs));
        fixed (float* dprojected = rented.Span)
        {
            float* dscaled = dprojected + (nint)genes * outputs, ddeviations = dscaled + (nint)genes * n, dconstant = ddeviations + genes;
            new Span<float>(dconstant, outputs).Clear();
            ColumnSums.Add(Workers, At(dy), dy.Rows, outputs, outputs, dconstant);
            Kernels.TableProjections.Collect(Workers, p, At(dy), dprojected, ddeviations);
            Span<float> scaled = new(p.Scaled, genes * n), ds = new(dscaled, genes * n);
            for (int i = 0; i < weights.Length; i++)
            {
                Tensor w = weights[i];
                var part = new Span<float>(dprojected + first, genes * outputs - first);
                var constant = new Span<float>(dconstant + first, w.Rows);
                Gemm.Multiply(Workers, false, false, genes, n, w.Rows, part, outputs, w.Span, n, ds, n, accumulate: i > 0);
                if (dweights[i] is { } dw)
                {
                    Gemm.Multiply(Workers, true, false, w.Rows, n, genes, part, outputs, scaled, n, dw.Span, n, accumulate: true);
                    Gemm.Multiply(Workers, false, false, w.Rows, n, 1, constant, 1, shift.Span, n, dw.Span, n, accumulate: true);
                }
                if (dshift is not null) Gemm.Multiply(Workers, false, false, 1, n, w.Rows, constant, w.Rows, w.Span, n, dshift.Span, n, accumulate: true);
                if (dbiases[i] is { } db) Elementwise.Add(Workers, db.Span, constant, db.Span);
                first += w.Rows;
            }
            Kernels.TableProjections.TableGradient(Workers, p, dscaled, ddeviations, At(dtable), At(dscale));
        }
    }

    private static TableProjections.Problem ProjectionProblem(Tensor table, Tensor scale, float epsilon, TokenBatch tokens, int outputs, Tensor room)
    {
        nint genes = tokens.UniqueCount;
        var p = new TableProjections.Problem { Tokens = new TokenView(tokens), Columns = table.Columns, Outputs = outputs, Epsilon = epsilon, Table = At(table), Scale = At(scale), Scaled = At(room) };
        p.Projected = p.Scaled + genes * table.Columns;
        p.Constant = p.Projected + genes * outputs;
        p.Lengths = p.Constant + outputs;
        p.Means = p.Lengths + genes;
        p.Deviations = p.Means + genes;
        return p;
    }

    void ITokenDevice.Attention(Tensor qkv, TokenBatch tokens, int heads, in DropoutNoise noise, Tensor y, Tensor logSums) =>
        TokenAttention.Forward(Workers, ProblemOf(qkv, tokens, heads, noise, logSums), At(y), y.Columns);

    void ITokenDevice.AttentionGradient(Tensor qkv, TokenBatch tokens, int heads, in DropoutNoise noise, Tensor y, Tensor logSums, Tensor dy, Tensor dqkv)
    {
        float* d = At(dqkv);
        TokenAttention.Backward(Workers, ProblemOf(qkv, tokens, heads, noise, logSums), At(y), At(dy), y.Columns, d, d + y.Columns, d + 2 * y.Columns);
    }

    private static TokenAttention.Problem ProblemOf(Tensor qkv, TokenBatch tokens, int heads, in DropoutNoise noise, Tensor? logSums)
    {
        int columns = qkv.Columns / 3;
        float* q = At(qkv);
        return new TokenAttention.Problem
        {
            Tokens = new TokenView(tokens),
            Heads = heads,
            HeadSize = columns / heads,
            Q = q,
            K = q + columns,
            V = q + 2 * columns,
            Stride = qkv.Columns,
            LogSums = At(logSums),
            Dropout = noise,
        };
    }

    float[] ITokenDevice.AttentionProbabilities(Tensor qkv, TokenBatch tokens, int heads, int sequence, int head)
    {
        int length = tokens.Offsets[sequence + 1] - tokens.Offsets[sequence];
        float[] p = new float[length * length];
        fixed (float* pp = p) TokenAttention.Probabilities(ProblemOf(qkv, tokens, heads, DropoutNoise.None, null), sequence, head, pp);
        return p;
    }

    void ITokenDevice.HeadQueries(Tensor q, Tensor keyWeight, int heads, Tensor r)
    {
        int hidden = q.Columns, d = hidden / heads, n = keyWeight.Columns;
        for (int h = 0; h < heads; h++)
            Gemm.Multiply(Workers, false, false, q.Rows, n, d, q.Span[(h * d)..], hidden, keyWeight.Span[(h * d * n)..], n, r.Span[(h * n)..], heads * n);
        Elementwise.Scale(Workers, (float)(1 / Math.Sqrt(d)), r.Span, r.Span);
    }

    void ITokenDevice.HeadQueriesGradient(Tensor q, Tensor keyWeight, int heads, Tensor dr, Tensor? dq, Tensor? dkeyWeight)
    {
        int hidden = q.Columns, d = hidden / heads, n = keyWeight.Columns;
        var scaled = _pool.Rent(dr.Length);
        var g = scaled.Span[..dr.Length];
        Elementwise.Scale(Workers, (float)(1 / Math.Sqrt(d)), dr.Span, g);
        for (int h = 0; h < heads; h++)
        {
            if (dq is not null)
                Gemm.Multiply(Workers, false, true, q.Rows, d, n, g[(h * n)..], heads * n, keyWeight.Span[(h * d * n)..], n, dq.Span[(h * d)..], hidden, accumulate: true);
            if (dkeyWeight is not null)
                Gemm.Multiply(Workers, true, false, d, n, q.Rows, q.Span[(h * d)..], hidden, g[(h * n)..], heads * n, dkeyWeight.Span[(h * d * n)..], n, accumulate: true);
        }
        _pool.Return(scaled);
    }

    void ITokenDevice.HeadValues(Tensor pooled, Tensor valueWeight, Tensor valueBias, int heads, Tensor y)
    {
        int n = valueWeight.Columns, d = valueWeight.Rows / heads, hidden = valueWeight.Rows;
        for (int h = 0; h < heads; h++)
            Gemm.Multiply(Workers, false, true, pooled.Rows, d, n, pooled.Span[(h * n)..], pooled.Columns, valueWeight.Span[(h * d * n)..], n, y.Span[(h * d)..], hidden);
        Span<float> ys = y.Span, bias = valueBias.Span, sums = pooled.Span;
        for (int r = 0; r < pooled.Rows; r++)
            for (int j = 0; j < hidden; j++) ys[r * hidden + j] += bias[j] * sums[r * pooled.Columns + heads * n + j / d];
    }

    void ITokenDevice.HeadValuesGradient(Tensor pooled, Tensor valueWeight, Tensor valueBias, int heads, Tensor dy, Tensor? dpooled, Tensor? dvalueWeight, Tensor? dvalueBias)
    {
        int n = valueWeight.Columns, d = valueWeight.Rows / heads, hidden = valueWeight.Rows;
        Span<float> bias = valueBias.Span, sums = pooled.Span, g = dy.Span;
        for (int h = 0; h < heads; h++)
        {
            if (dpooled is not null)
                Gemm.Multiply(Workers, false, false, pooled.Rows, n, d, g[(h * d)..], hidden, valueWeight.Span[(h * d * n)..], n, dpooled.Span[(h * n)..], pooled.Columns, accumulate: true);
            if (dvalueWeight is not null)
                Gemm.Multiply(Workers, true, false, d, n, pooled.Rows, g[(h * d)..], hidden, pooled.Span[(h * n)..], pooled.Columns, dvalueWeight.Span[(h * d * n)..], n, accumulate: true);
        }
        for (int r = 0; r < pooled.Rows; r++)
            for (int j = 0; j < hidden; j++)
            {
                int weight = r * pooled.Columns + heads * n + j / d;
                if (dpooled is not null) dpooled.Span[weight] += bias[j] * g[r * hidden + j];
                if (dvalueBias is not null) dvalueBias.Span[j] += sums[weight] * g[r * hidden + j];
            }
    }

    void ITokenDevice.ScalePooled(Tensor pooled, Tensor scale, Tensor shift, int heads, Tensor y) =>
        PooledRows.Scale(Workers, At(pooled), pooled.Rows, heads, scale.Length, At(scale), At(shift), At(y));

    void ITokenDevice.ScalePooledGradient(Tensor pooled, Tensor scale, Tensor shift, int heads, Tensor dy, Tensor? dpooled, Tensor? dscale, Tensor? dshift) =>
        PooledRows.ScaleGradient(Workers, At(pooled), pooled.Rows, heads, scale.Length, At(scale), At(shift), At(dy), At(dpooled), At(dscale), At(dshift));

    void ITokenDevice.PooledAttention(Tensor n, Tensor r, TokenBatch tokens, int heads, in DropoutNoise noise, Tensor probabilities, Tensor kept, Tensor pooled) =>
        Kernels.PooledAttention.Forward(Workers, ProblemOf(n, r, tokens, heads, noise, probabilities, kept), At(pooled));

    void ITokenDevice.PooledAttentionGradient(Tensor n, Tensor r, TokenBatch tokens, int heads, in DropoutNoise noise, Tensor probabilities, Tensor kept, Tensor dpooled, Tensor? dn, Tensor? dr) =>
        Kernels.PooledAttention.Backward(Workers, ProblemOf(n, r, tokens, heads, noise, probabilities, kept), At(dpooled), At(dn), At(dr));

    private static PooledAttention.Problem ProblemOf(Tensor n, Tensor r, TokenBatch tokens, int heads, in DropoutNoise noise, Tensor probabilities, Tensor kept) => new()
    {
        Tokens = new TokenView(tokens),
        Heads = heads,
        Columns = n.Columns,
        N = At(n),
        R = At(r),
        P = At(probabilities),
        Kept = At(kept),
        Dropout = noise,
    };

    long ITokenDevice.TableAttentionRoom(Tensor table, TokenBatch tokens, int heads)
    {
        long padded = Kernels.TableAttention.PaddedHeads(heads);
        return padded * table.Columns + (long)tokens.UniqueCount * (table.Columns + 3 + padded) + 3 * padded * tokens.Tokens + 64;
    }

    void ITokenDevice.TableAttention(Tensor table, Tensor r, TokenBatch tokens, int heads, float epsilon, in DropoutNoise noise, Tensor room, Tensor pooled)
    {
        var problem = TableProblem(table, tokens, heads, epsilon, noise, room);
        new Span<float>(problem.R, problem.Padded * table.Columns).Clear();
        r.Span.CopyTo(new Span<float>(problem.R, r.Length));
        Kernels.TableAttention.Forward(Workers, problem, At(pooled));
    }

    void ITokenDevice.TableAttentionGradient(Tensor table, Tensor r, TokenBatch tokens, int heads, float epsilon, in DropoutNoise noise, Tensor room, Tensor dpooled, Tensor? dtable, Tensor? dr)
    {
        var problem = TableProblem(table, tokens, heads, epsilon, noise, room);
        var scratch = _pool.Rent(checked((int)Kernels.TableAttention.BackwardFloats(problem)));
        fixed (float* p = scratch.Span) Kernels.TableAttention.Backward(Workers, problem, At(dpooled), p, At(dtable), At(dr));
        _pool.Return(scratch);
    }

    private static TableAttention.Problem TableProblem(Tensor table, TokenBatch tokens, int heads, float epsilon, in DropoutNoise noise, Tensor room)
    {
        int padded = Kernels.TableAttention.PaddedHeads(heads);
        nint unique = tokens.UniqueCount, count = tokens.Tokens;
        var p = new TableAttention.Problem { Tokens = new TokenView(tokens), Heads = heads, Columns = table.Columns, Dropout = noise, Epsilon = epsilon, Table = At(table) };
        p.Z = At(room);
        p.R = p.Z + unique * table.Columns;
        p.Lengths = p.R + padded * table.Columns;
        p.Means = p.Lengths + unique;
        p.Deviations = p.Means + unique;
        p.Scores = p.Deviations + unique;
        p.P = p.Scores + unique * padded;
        p.Kept = p.P + count * padded;
        p.Weights = p.Kept + count * padded;
        return p;
    }
}
