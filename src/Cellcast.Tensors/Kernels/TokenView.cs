using Cellcast.Tensors.Autodiff;

namespace Cellcast.Tensors.Kernels;

/// <summary>Pointers into an indexed <see cref="TokenBatch"/>, whose arrays do not move (they live on the pinned heap).</summary>
internal unsafe readonly struct TokenView
{
    public readonly int Sequences, Tokens, UniqueCount, Longest;
    public readonly int* Offsets, Slots, Unique, SlotStarts, SlotTokens, SequenceOfToken, Genes;
    public readonly float* Values;

    public TokenView(TokenBatch batch)
    {
        (Sequences, Tokens, UniqueCount, Longest) = (batch.Sequences, batch.Tokens, batch.UniqueCount, batch.Longest);
        Offsets = Pinned(batch.Offsets);
        Slots = Pinned(batch.Slots);
        Unique = Pinned(batch.Unique);
        SlotStarts = Pinned(batch.SlotStarts);
        SlotTokens = Pinned(batch.SlotTokens);
        SequenceOfToken = Pinned(batch.SequenceOfToken);
        Genes = Pinned(batch.Genes);
        fixed (float* v = batch.Values) Values = v;
    }

    private static int* Pinned(ReadOnlySpan<int> span)
    {
        fixed (int* p = span) return p;
    }
}
