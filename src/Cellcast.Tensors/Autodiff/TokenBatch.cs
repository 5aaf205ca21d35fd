namespace Cellcast.Tensors.Autodiff;

/// <summary>Some sequences of (gene, value) tokens of different lengths, one after the other: the input of a cell encoder. Position 0 of every sequence is its
/// cell token. Its memory is used again from batch to batch.</summary>
/// <remarks>Not for several threads at once, and not to be changed between a forward pass and the backward pass that belongs to it.</remarks>
public sealed class TokenBatch
{
    private int[] _genes = [];
    private float[] _values = [];
    private int[] _offsets = GC.AllocateArray<int>(1, pinned: true);
    private int[] _slots = [];
    private int[] _unique = [];
    private int[] _slotStarts = GC.AllocateArray<int>(1, pinned: true);
    private int[] _slotTokens = [];
    private int[] _sequenceOfToken = [];
    private int[] _slotOfGene = [];
    private bool _indexed;
    private int _vocabulary;

    /// <summary>How many sequences.</summary>
    public int Sequences { get; private set; }

    /// <summary>How many tokens all sequences have together.</summary>
    public int Tokens { get; private set; }

    /// <summary>Length of the longest sequence.</summary>
    public int Longest { get; private set; }

    /// <summary>Start of each sequence, and the end of the last.</summary>
    public ReadOnlySpan<int> Offsets => _offsets.AsSpan(0, Sequences + 1);

    /// <summary>Start of each sequence, which is the place of its cell token, in a form that closures can hold.</summary>
    public ReadOnlyMemory<int> CellPlaces => _offsets.AsMemory(0, Sequences);

    /// <summary>Vocabulary id of each token.</summary>
    public ReadOnlySpan<int> Genes => _genes.AsSpan(0, Tokens);

    /// <summary>Value of each token.</summary>
    public ReadOnlySpan<float> Values => _values.AsSpan(0, Tokens);

    /// <summary>How many different genes the tokens have.</summary>
    /// <param name="vocabulary">Number of ids.</param>
    /// <exception cref="ArgumentException">A token's id is outside the vocabulary.</exception>
    public int DifferentGenes(int vocabulary)
    {
        IndexGenes(vocabulary);
        return UniqueCount;
    }

    /// <summary>Forgets all sequences.</summary>
    public void Clear()
    {
        Sequences = Tokens = Longest = 0;
        _indexed = false;
    }

    /// <summary>Appends a sequence to be filled by the caller.</summary>
    /// <param name="length">Its number of tokens, at least 1.</param>
    /// <param name="genes">Where its vocabulary ids go.</param>
    /// <param name="values">Where its values go.</param>
    public void Append(int length, out Span<int> genes, out Span<float> values)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        _indexed = false;
        Grow(ref _genes, Tokens + length);
        Grow(ref _values, Tokens + length);
        Grow(ref _offsets, Sequences + 2);
        genes = _genes.AsSpan(Tokens, length);
        values = _values.AsSpan(Tokens, length);
        Tokens += length;
        _offsets[++Sequences] = Tokens;
        Longest = Math.Max(Longest, length);
    }

    /// <summary>Appends a sequence.</summary>
    /// <param name="genes">Vocabulary ids, the cell token's first.</param>
    /// <param name="values">As many values.</param>
    public void Append(ReadOnlySpan<int> genes, ReadOnlySpan<float> values)
    {
        if (genes.Length != values.Length) throw new ArgumentException($"{genes.Length} genes and {values.Length} values", nameof(values));
        Append(genes.Length, out var g, out var v);
        genes.CopyTo(g);
        values.CopyTo(v);
    }

    /// <summary>The different genes of the batch, ascending; available after <see cref="IndexGenes"/>.</summary>
    internal ReadOnlySpan<int> Unique => _indexed ? _unique.AsSpan(0, UniqueCount) : default;

    /// <summary>How many different genes there are.</summary>
    internal int UniqueCount { get; private set; }

    /// <summary>For each token the place of its gene in <see cref="Unique"/>. Empty, as all that follow, before <see cref="IndexGenes"/>.</summary>
    internal ReadOnlySpan<int> Slots => _indexed ? _slots.AsSpan(0, Tokens) : default;

    /// <summary>For each different gene where its tokens begin in <see cref="SlotTokens"/>.</summary>
    internal ReadOnlySpan<int> SlotStarts => _indexed ? _slotStarts.AsSpan(0, UniqueCount + 1) : default;

    /// <summary>Tokens ordered by gene, then by place.</summary>
    internal ReadOnlySpan<int> SlotTokens => _indexed ? _slotTokens.AsSpan(0, Tokens) : default;

    /// <summary>For each token its sequence.</summary>
    internal ReadOnlySpan<int> SequenceOfToken => _indexed ? _sequenceOfToken.AsSpan(0, Tokens) : default;

    /// <summary>Groups the tokens by gene, once per batch.</summary>
    /// <param name="vocabulary">Number of ids.</param>
    /// <exception cref="ArgumentException">A token's id is outside the vocabulary.</exception>
    internal void IndexGenes(int vocabulary)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(vocabulary);
        // Ids below a smaller vocabulary are below a larger one.
        if (_indexed && vocabulary >= _vocabulary) return;
        Grow(ref _slotOfGene, vocabulary);
        var count = _slotOfGene.AsSpan(0, vocabulary);
        count.Clear();
        foreach (int g in Genes)
        {
            if ((uint)g >= (uint)vocabulary) throw new ArgumentException($"token id {g} with a vocabulary of {vocabulary}");
            count[g]++;
        }
        Grow(ref _unique, Math.Min(vocabulary, Tokens));
        Grow(ref _slotStarts, Math.Min(vocabulary, Tokens) + 1);
        Grow(ref _slots, Tokens);
        Grow(ref _slotTokens, Tokens);
        Grow(ref _sequenceOfToken, Tokens);
        UniqueCount = 0;
        int start = 0;
        for (int g = 0; g < vocabulary; g++)
        {
            int n = count[g];
            if (n == 0) continue;
            _unique[UniqueCount] = g;
            _slotStarts[UniqueCount] = start;
            count[g] = UniqueCount++;
            start += n;
        }
        // Starts move while the tokens are dealt out and are put back after.
        for (int s = 0; s < Sequences; s++)
            for (int t = _offsets[s]; t < _offsets[s + 1]; t++)
            {
                int slot = count[_genes[t]];
                _slots[t] = slot;
                _sequenceOfToken[t] = s;
                _slotTokens[_slotStarts[slot]++] = t;
            }
        for (int u = UniqueCount; u > 0; u--) _slotStarts[u] = _slotStarts[u - 1];
        _slotStarts[0] = 0;
        (_indexed, _vocabulary) = (true, vocabulary);
    }

    private static void Grow<T>(ref T[] array, int length) where T : unmanaged
    {
        if (array.Length >= length) return;
        // Pinned, so that kernels may hold pointers.
        var larger = GC.AllocateArray<T>(Math.Max(length, array.Length + array.Length / 2), pinned: true);
        array.CopyTo(larger, 0);
        array = larger;
    }
}
