using Cellcast.Tensors.Autodiff;

namespace Cellcast.Tensors;

/// <summary>What a device must be able to do for encoders of token sequences, beside <see cref="Device"/>. Results replace what was there; gradients are added unless they say otherwise.</summary>
internal interface ITokenDevice
{
    /// <summary>x = v (e + 1e-12) / (|e| + 1e-12); lengths keeps |e| of every different gene for the gradient.</summary>
    void TokenEmbedding(Tensor table, TokenBatch tokens, Tensor lengths, Tensor x);

    /// <summary>Gradient of <see cref="TokenEmbedding"/>.</summary>
    void TokenEmbeddingGradient(Tensor table, TokenBatch tokens, Tensor lengths, Tensor dx, Tensor dtable);

    /// <summary>y[t] = cells[i] . table[gene of t] over the given sequences, cell i being that of sequence <paramref name="tokens"/> i.</summary>
    void GeneDots(Tensor cells, Tensor table, TokenBatch tokens, Tensor y);

    /// <summary>Gradients of <see cref="GeneDots"/> that are asked for.</summary>
    void GeneDotsGradient(Tensor cells, Tensor table, TokenBatch tokens, Tensor dy, Tensor? dcells, Tensor? dtable);

    /// <summary>Dropout of rows at given places; see <see cref="Op.DropoutRows"/>.</summary>
    void DropoutRows(Tensor x, ReadOnlySpan<int> places, in DropoutNoise noise, Tensor y, bool accumulate);

    /// <summary>drop(gelu(x expand' + b)) contract' + b'; the rows before the activation are kept; see <see cref="Op.FeedForward"/>.</summary>
    void FeedForward(Tensor x, Tensor expand, Tensor expandBias, Tensor contract, Tensor contractBias, ReadOnlySpan<int> places, in DropoutNoise noise, Tensor hidden, Tensor y);

    /// <summary>Gradients of <see cref="FeedForward"/> that are asked for.</summary>
    void FeedForwardGradient(Tensor x, Tensor expand, Tensor contract, ReadOnlySpan<int> places, in DropoutNoise noise, Tensor hidden, Tensor dy,
        Tensor? dx, Tensor? dexpand, Tensor? dexpandBias, Tensor? dcontract, Tensor? dcontractBias);

    /// <summary>Several dense layers on the same rows, their results side by side; biases may be absent.</summary>
    void Projections(Tensor x, ReadOnlySpan<Tensor> weights, ReadOnlySpan<Tensor?> biases, Tensor y);

    /// <summary>Gradients of <see cref="Projections"/> that are asked for; the one with respect to x replaces what was there unless accumulating.</summary>
    void ProjectionsGradient(Tensor x, ReadOnlySpan<Tensor> weights, Tensor dy, Tensor? dx, bool accumulate, ReadOnlySpan<Tensor?> dweights, ReadOnlySpan<Tensor?> dbiases);

    /// <summary>Room for what <see cref="TableProjections"/> keeps for its gradient, in floats.</summary>
    long TableProjectionsRoom(Tensor table, TokenBatch tokens, int outputs);

    /// <summary><see cref="Projections"/> of normalised token inputs, straight from the embedding table; see <see cref="Op.TableProjections"/>.</summary>
    void TableProjections(Tensor table, Tensor scale, Tensor shift, float epsilon, TokenBatch tokens, ReadOnlySpan<Tensor> weights, ReadOnlySpan<Tensor?> biases, Tensor room, Tensor y);

    /// <summary>Gradients of <see cref="TableProjections"/> that are asked for.</summary>
    void TableProjectionsGradient(Tensor table, Tensor scale, Tensor shift, float epsilon, TokenBatch tokens, ReadOnlySpan<Tensor> weights, Tensor room, Tensor dy, Tensor? dtable, Tensor? dscale, Tensor? dshift,
        ReadOnlySpan<Tensor?> dweights, ReadOnlySpan<Tensor?> dbiases);

    /// <summary>softmax(q k' / sqrt(d)) v within each sequence and head; qkv has the three side by side.</summary>
    void Attention(Tensor qkv, TokenBatch tokens, int heads, in DropoutNoise noise, Tensor y, Tensor logSums);

    /// <summary>Gradient of <see cref="Attention"/>, overwritten.</summary>
    void AttentionGradient(Tensor qkv, TokenBatch tokens, int heads, in DropoutNoise noise, Tensor y, Tensor logSums, Tensor dy, Tensor dqkv);

    /// <summary>Probabilities of one head in one sequence, without dropout.</summary>
    float[] AttentionProbabilities(Tensor qkv, TokenBatch tokens, int heads, int sequence, int head);

    /// <summary>Each head's query taken through the head's key weights; see <see cref="Op.HeadQueries"/>.</summary>
    void HeadQueries(Tensor q, Tensor keyWeight, int heads, Tensor r);

    /// <summary>Gradients of <see cref="HeadQueries"/> that are asked for.</summary>
    void HeadQueriesGradient(Tensor q, Tensor keyWeight, int heads, Tensor dr, Tensor? dq, Tensor? dkeyWeight);

    /// <summary>Each head's pooled row taken through the head's value weights; see <see cref="Op.HeadValues"/>.</summary>
    void HeadValues(Tensor pooled, Tensor valueWeight, Tensor valueBias, int heads, Tensor y);

    /// <summary>Gradients of <see cref="HeadValues"/> that are asked for.</summary>
    void HeadValuesGradient(Tensor pooled, Tensor valueWeight, Tensor valueBias, int heads, Tensor dy, Tensor? dpooled, Tensor? dvalueWeight, Tensor? dvalueBias);

    /// <summary>Pooled rows times a scale per column plus a shift per column times the sum of weights; see <see cref="Op.ScalePooled"/>.</summary>
    void ScalePooled(Tensor pooled, Tensor scale, Tensor shift, int heads, Tensor y);

    /// <summary>Gradients of <see cref="ScalePooled"/> that are asked for.</summary>
    void ScalePooledGradient(Tensor pooled, Tensor scale, Tensor shift, int heads, Tensor dy, Tensor? dpooled, Tensor? dscale, Tensor? dshift);

    /// <summary>Attention of one query per sequence and head to unprojected rows; see <see cref="Op.PooledAttention"/>. Probabilities before and after dropout are kept.</summary>
    void PooledAttention(Tensor n, Tensor r, TokenBatch tokens, int heads, in DropoutNoise noise, Tensor probabilities, Tensor kept, Tensor pooled);

    /// <summary>Gradients of <see cref="PooledAttention"/> that are asked for.</summary>
    void PooledAttentionGradient(Tensor n, Tensor r, TokenBatch tokens, int heads, in DropoutNoise noise, Tensor probabilities, Tensor kept, Tensor dpooled, Tensor? dn, Tensor? dr);

    /// <summary>Room for what <see cref="TableAttention"/> keeps for its gradient, in floats.</summary>
    long TableAttentionRoom(Tensor table, TokenBatch tokens, int heads);

    /// <summary><see cref="PooledAttention"/> straight from the embedding table; see <see cref="Op.TableAttention"/>.</summary>
    void TableAttention(Tensor table, Tensor r, TokenBatch tokens, int heads, float epsilon, in DropoutNoise noise, Tensor room, Tensor pooled);

    /// <summary>Gradients of <see cref="TableAttention"/> that are asked for.</summary>
    void TableAttentionGradient(Tensor table, Tensor r, TokenBatch tokens, int heads, float epsilon, in DropoutNoise noise, Tensor room, Tensor dpooled, Tensor? dtable, Tensor? dr);
}
