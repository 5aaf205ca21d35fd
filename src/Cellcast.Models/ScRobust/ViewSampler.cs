using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>Draws the views of cells that self-supervised training compares. Every draw is keyed by the cell it is for; nothing is allocated per cell.</summary>
internal sealed class ViewSampler
{
    // Other cells' genes are drawn until one is found that this cell lacks, so often at most.
    private const int Tries = 8;

    private readonly CellSet _cells;
    private readonly PretrainingOptions _options;
    private readonly int[] _others;
    private readonly int[] _order;
    private readonly CellNeighbors? _neighbors;
    private readonly MoleculeThinning _thinning = new();
    private readonly TokenBatch _view = new();

    /// <param name="cells">The cells.</param>
    /// <param name="others">Training cells, whose genes are asked for where a cell does not express them.</param>
    /// <param name="options">How views are drawn.</param>
    /// <param name="neighbors">Cells whose views may stand for the second views of others, or null.</param>
    internal ViewSampler(CellSet cells, int[] others, PretrainingOptions options, CellNeighbors? neighbors = null)
    {
        (_cells, _others, _options, _neighbors) = (cells, others, options, neighbors);
        int longest = 0;
        for (int c = 0; c < cells.Count; c++) longest = Math.Max(longest, cells.GenesOf(c).Length);
        _order = new int[longest];
    }

    /// <summary>Fills a batch.</summary>
    /// <param name="views">First views of all cells, then second views in the same order.</param>
    /// <param name="targets">What is to be predicted from the first views: the second views, and genes that the cells do not express.</param>
    /// <param name="cells">Which cells.</param>
    /// <param name="key">Names the draws.</param>
    internal void Fill(TokenBatch views, TokenBatch targets, ReadOnlySpan<int> cells, RandomKey key)
    {
        views.Clear();
        targets.Clear();
        foreach (int c in cells) AppendView(views, c, 0, key);
        foreach (int first in cells)
        {
            int c = _neighbors?.Partner(first, _options.NeighborShare, key.Split("partner").Split(first)) ?? first;
            int length = AppendView(views, c, 1, key), zeros = (int)Math.Round(_options.Zeros * (length - 1));
            targets.Append(length + zeros, out var genes, out var values);
            _view.Genes.CopyTo(genes);
            _view.Values.CopyTo(values);
            FillZeros(genes[length..], values[length..], c, key.Split(2).Split(c));
        }
    }

    /// <summary>Appends a view and leaves it, with the values that the cell has, in <see cref="_view"/>.</summary>
    /// <returns>Its number of tokens.</returns>
    private int AppendView(TokenBatch batch, int cell, int view, RandomKey key)
    {
        _view.Clear();
        if (_options.Views == ViewSampling.Overlapping) CellTokenizer.AppendView(_view, _cells, cell, _options.GenesPerView, key.Split(view).Split(cell));
        else DrawHalf(cell, view, key.Split(cell));
        batch.Append(_view.Tokens, out var genes, out var values);
        _view.Genes.CopyTo(genes);
        _view.Values.CopyTo(values);
        return _view.Tokens;
    }

    /// <summary>The cell token and some of the cell's genes, at most half of them; both views come from the same shuffle, the second after the first.</summary>
    private void DrawHalf(int cell, int view, RandomKey key)
    {
        var ids = _cells.GenesOf(cell);
        var values = _cells.ValuesOf(cell);
        if (_options.SmallestDepth < 1)
        {
            DrawShallow(cell, view, key);
            return;
        }
        int n = ids.Length, skip = view == 0 ? 0 : Size(n, 0, key), used = Size(n, view, key);
        var order = _order.AsSpan(0, n);
        for (int i = 0; i < n; i++) order[i] = i;
        for (int i = 0; i < skip + used; i++)
        {
            int j = i + Below(key.Bits(i), n - i);
            (order[i], order[j]) = (order[j], order[i]);
        }
        _view.Append(1 + used, out var genes, out var tokens);
        (genes[0], tokens[0]) = (GeneVocabulary.CellToken, GeneVocabulary.CellTokenValue);
        for (int t = 0; t < used; t++)
        {
            int i = order[skip + t];
            (genes[t + 1], tokens[t + 1]) = (ids[i], values[i]);
        }
    }

    /// <summary>The same of a cell that was sequenced less deeply: each view has a depth of its own.</summary>
    private void DrawShallow(int cell, int view, RandomKey key)
    {
        var ids = _cells.GenesOf(cell);
        int n = ids.Length, half = (n + 1) / 2, from = view == 0 ? 0 : half, to = view == 0 ? half : n, alive = 0;
        double depth = Math.Exp(Math.Log(_options.SmallestDepth) * Share(key.Split(view).Bits(1)));
        _thinning.Take(_cells, cell, depth, key.Split(view).Split("molecules"));
        var order = _order.AsSpan(0, n);
        for (int i = 0; i < n; i++) order[i] = i;
        for (int i = 0; i < to && i < n - 1; i++)
        {
            int j = i + Below(key.Bits(i), n - i);
            (order[i], order[j]) = (order[j], order[i]);
        }
        for (int i = from; i < to; i++)
            if (_thinning.Values[order[i]] > 0) order[from + alive++] = order[i];
        // One gene is left, with the value that it had, where none is.
        bool none = alive == 0 && from < to;
        if (none) alive = 1;
        int used = Size(Math.Min(alive, _options.GenesPerView), key.Split(view));
        _view.Append(1 + used, out var genes, out var tokens);
        (genes[0], tokens[0]) = (GeneVocabulary.CellToken, GeneVocabulary.CellTokenValue);
        for (int t = 0; t < used; t++)
        {
            int i = order[from + t];
            (genes[t + 1], tokens[t + 1]) = (ids[i], none ? _cells.ValuesOf(cell)[i] : _thinning.Values[i]);
        }
    }

    /// <summary>How many genes a view of a cell with n genes gets.</summary>
    private int Size(int n, int view, RandomKey key) => Size(Math.Min(view == 0 ? (n + 1) / 2 : n / 2, _options.GenesPerView), key.Split(view));

    private int Size(int most, RandomKey key)
    {
        double share = Math.Exp(Math.Log(_options.SmallestView) * Share(key.Bits(0)));
        return Math.Clamp((int)Math.Round(most * share), Math.Min(1, most), most);
    }

    private void FillZeros(Span<int> genes, Span<float> values, int cell, RandomKey key)
    {
        values.Clear();
        var own = _cells.GenesOf(cell);
        for (int t = 0; t < genes.Length; t++)
        {
            // The padding token, whose embedding nothing else needs, where a cell expresses whatever others do.
            genes[t] = GeneVocabulary.Pad;
            for (int i = 0; i < Tries; i++)
            {
                var theirs = _cells.GenesOf(_others[Below(key.Bits(2 * (t * Tries + i)), _others.Length)]);
                if (theirs.IsEmpty) continue;
                int gene = theirs[Below(key.Bits(2 * (t * Tries + i) + 1), theirs.Length)];
                if (own.BinarySearch(gene) >= 0) continue;
                genes[t] = gene;
                break;
            }
        }
    }

    private static double Share(uint bits) => bits * (1.0 / 4294967296);

    private static int Below(uint bits, int count) => (int)(((ulong)bits * (uint)count) >> 32);
}
