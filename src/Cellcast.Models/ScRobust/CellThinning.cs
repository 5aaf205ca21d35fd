using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>Cells that lose a random part of their expressed genes, as shallow sequencing would have it: the genes are taken from the counts, and what stays is scaled to the same total again.
/// Whether a gene stays depends on the key and the gene only.</summary>
public sealed class CellThinning
{
    private int[] _genes = [];
    private float[] _values = [];
    private int[] _places = [];
    private float[] _tokenValues = [];
    private int _count;

    /// <summary>The genes that stayed, in their order.</summary>
    public ReadOnlySpan<int> Genes => _genes.AsSpan(0, _count);

    /// <summary>Their values after the loss.</summary>
    public ReadOnlySpan<float> Values => _values.AsSpan(0, _count);

    /// <summary>Their places in the whole cell.</summary>
    public ReadOnlySpan<int> Places => _places.AsSpan(0, _count);

    /// <summary>Thins a cell. One gene stays at least.</summary>
    /// <param name="genes">Genes that it expresses.</param>
    /// <param name="values">log(1 + scaled count) of each, above 0.</param>
    /// <param name="share">Chance of every gene to be lost, below 1.</param>
    /// <param name="key">Names the random choice.</param>
    public void Take(ReadOnlySpan<int> genes, ReadOnlySpan<float> values, double share, RandomKey key)
    {
        if (!(share is >= 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(share), share, "a share of at least 0 and below 1 is needed");
        if (_genes.Length < genes.Length) (_genes, _values, _places) = (new int[genes.Length], new float[genes.Length], new int[genes.Length]);
        uint threshold = (uint)(share * 4294967296.0), largest = 0;
        int last = 0;
        double before = 0, after = 0;
        _count = 0;
        for (int i = 0; i < genes.Length; i++)
        {
            double linear = Math.Exp(values[i]) - 1;
            uint bits = share > 0 ? key.Bits(genes[i]) : uint.MaxValue;
            before += linear;
            if (bits >= largest) (largest, last) = (bits, i);
            if (bits < threshold) continue;
            after += linear;
            (_genes[_count], _places[_count++]) = (genes[i], i);
        }
        if (_count == 0 && genes.Length > 0) (_genes[0], _places[0], _count, after) = (genes[last], last, 1, Math.Exp(values[last]) - 1);
        double scale = before / after;
        for (int i = 0; i < _count; i++) _values[i] = _count == genes.Length ? values[i] : (float)Math.Log(1 + scale * (Math.Exp(values[_places[i]]) - 1));
    }

    /// <summary>The values as tokens take them: those of a cell that comes as shallow as this. Presence stays presence; values relative to a cell's mean are relative to the mean of what is left.</summary>
    /// <param name="preprocessing">Of the encoder.</param>
    internal ReadOnlySpan<float> TokenValues(CellPreprocessing preprocessing)
    {
        if ((!preprocessing.RelativeValues && !preprocessing.Presence) || _count == 0) return Values;
        if (_tokenValues.Length < _count) _tokenValues = new float[_values.Length];
        var values = _tokenValues.AsSpan(0, _count);
        if (preprocessing.Presence) values.Fill(1);
        else
        {
            Values.CopyTo(values);
            CellSet.Relative(values);
        }
        return values;
    }

    /// <summary>A random share, evenly spread from 0 to the largest.</summary>
    /// <param name="most">The largest.</param>
    /// <param name="key">Names the random choice.</param>
    public static double Share(double most, RandomKey key) => most * (key.Bits(0) / 4294967296.0);

    /// <summary>The cells as they are, then copies of them in each of which every cell has lost a random share of its genes.</summary>
    /// <param name="values">Cells x genes, log-normalised, all stored values above 0.</param>
    /// <param name="copies">How many.</param>
    /// <param name="most">Largest share; shares are evenly spread from 0 to it.</param>
    /// <param name="key">Names the random choice.</param>
    /// <returns>(1 + copies) times as many cells.</returns>
    public static SparseMatrix WithCopies(SparseMatrix values, int copies, double most, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(values);
        var pointers = new long[checked(values.Rows * (1 + copies)) + 1];
        var indices = new List<int>(values.Indices.Length * (1 + copies / 2));
        var kept = new List<float>(indices.Capacity);
        var thinning = new CellThinning();
        for (int copy = 0; copy <= copies; copy++)
            for (int r = 0; r < values.Rows; r++)
            {
                RandomKey cell = key.Split(copy).Split(r);
                thinning.Take(values.RowIndices(r), values.RowValues(r), copy == 0 ? 0 : Share(most, cell.Split("share")), cell.Split("genes"));
                indices.AddRange(thinning.Genes);
                kept.AddRange(thinning.Values);
                pointers[copy * values.Rows + r + 1] = indices.Count;
            }
        return new SparseMatrix(values.Rows * (1 + copies), values.Columns, pointers, [.. indices], [.. kept]);
    }
}
