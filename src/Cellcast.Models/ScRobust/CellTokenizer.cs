using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>What happens where a cell expresses fewer genes than asked for.</summary>
public enum Padding
{
    /// <summary>It has fewer tokens: its vector depends on its genes only.</summary>
    Masked,
    /// <summary>As published: padding tokens of value 0 that are attended to, up to the number asked for.</summary>
    Published,
}

/// <summary>Turns cells into token sequences. Nothing is allocated per cell.</summary>
public static class CellTokenizer
{
    /// <summary>Appends a cell: its cell token and its first genes, in the order in which the set holds them.</summary>
    /// <param name="batch">Appended to.</param>
    /// <param name="cells">The cells, from <see cref="CellSet.In"/>.</param>
    /// <param name="cell">Which.</param>
    /// <param name="genes">Most genes.</param>
    /// <param name="padding">Where it has fewer.</param>
    public static void Append(TokenBatch batch, CellSet cells, int cell, int genes, Padding padding)
    {
        ArgumentNullException.ThrowIfNull(cells);
        Append(batch, cells.GenesOf(cell), cells.ValuesOf(cell), genes, padding);
    }

    /// <summary>Appends a cell: its cell token and its first genes.</summary>
    /// <param name="batch">Appended to.</param>
    /// <param name="ids">Token ids of the genes that it expresses, in the order in which they are taken.</param>
    /// <param name="values">Their values.</param>
    /// <param name="genes">Most genes.</param>
    /// <param name="padding">Where it has fewer.</param>
    public static void Append(TokenBatch batch, ReadOnlySpan<int> ids, ReadOnlySpan<float> values, int genes, Padding padding)
    {
        ArgumentNullException.ThrowIfNull(batch);
        int used = Math.Min(genes, ids.Length);
        batch.Append(1 + (padding == Padding.Published ? genes : used), out var tokenGenes, out var tokenValues);
        (tokenGenes[0], tokenValues[0]) = (GeneVocabulary.CellToken, GeneVocabulary.CellTokenValue);
        ids[..used].CopyTo(tokenGenes[1..]);
        values[..used].CopyTo(tokenValues[1..]);
        tokenGenes[(1 + used)..].Fill(GeneVocabulary.Mask);
        tokenValues[(1 + used)..].Clear();
    }

    /// <summary>Appends a cell as if it did not express one of its genes.</summary>
    /// <param name="batch">Appended to.</param>
    /// <param name="cells">The cells, from <see cref="CellSet.In"/>.</param>
    /// <param name="cell">Which.</param>
    /// <param name="without">Token id of the gene; one that the cell does not express changes nothing.</param>
    /// <param name="genes">Most genes.</param>
    /// <param name="padding">Where it has fewer.</param>
    public static void AppendWithout(TokenBatch batch, CellSet cells, int cell, int without, int genes, Padding padding)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(cells);
        var ids = cells.GenesOf(cell);
        int at = ids.IndexOf(without);
        if (at < 0)
        {
            Append(batch, cells, cell, genes, padding);
            return;
        }
        int used = Math.Min(genes, ids.Length - 1), before = Math.Min(at, used);
        batch.Append(1 + (padding == Padding.Published ? genes : used), out var tokenGenes, out var tokenValues);
        (tokenGenes[0], tokenValues[0]) = (GeneVocabulary.CellToken, GeneVocabulary.CellTokenValue);
        ids[..before].CopyTo(tokenGenes[1..]);
        cells.ValuesOf(cell)[..before].CopyTo(tokenValues[1..]);
        if (used > before)
        {
            ids.Slice(at + 1, used - before).CopyTo(tokenGenes[(1 + before)..]);
            cells.ValuesOf(cell).Slice(at + 1, used - before).CopyTo(tokenValues[(1 + before)..]);
        }
        tokenGenes[(1 + used)..].Fill(GeneVocabulary.Mask);
        tokenValues[(1 + used)..].Clear();
    }

    /// <summary>Appends a random view of a cell: its cell token and genes drawn uniformly with replacement from those it expresses, the cell token counting as one of them.</summary>
    /// <param name="batch">Appended to.</param>
    /// <param name="cells">The cells.</param>
    /// <param name="cell">Which.</param>
    /// <param name="genes">How many draws.</param>
    /// <param name="key">Names the draws of this view.</param>
    public static void AppendView(TokenBatch batch, CellSet cells, int cell, int genes, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(cells);
        var ids = cells.GenesOf(cell);
        var values = cells.ValuesOf(cell);
        batch.Append(1 + genes, out var tokenGenes, out var tokenValues);
        (tokenGenes[0], tokenValues[0]) = (GeneVocabulary.CellToken, GeneVocabulary.CellTokenValue);
        for (int t = 1; t <= genes; t++)
        {
            int i = (int)(((ulong)key.Bits(t) * (uint)(ids.Length + 1)) >> 32);
            (tokenGenes[t], tokenValues[t]) = i < ids.Length ? (ids[i], values[i]) : (GeneVocabulary.CellToken, GeneVocabulary.CellTokenValue);
        }
    }
}
