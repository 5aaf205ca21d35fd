using Cellcast.AnnData;
using Cellcast.Models.Training;

namespace Cellcast.Models.ScRobust;

/// <summary>Cells as (token id, value) pairs on a vocabulary, sparse.</summary>
public sealed class CellSet
{
    private readonly long[] _pointers;
    private readonly int[] _genes;
    private readonly float[] _values, _scales;

    private CellSet(GeneVocabulary vocabulary, long[] pointers, int[] genes, float[] values, float[] scales) => (Vocabulary, _pointers, _genes, _values, _scales) = (vocabulary, pointers, genes, values, scales);

    /// <summary>The vocabulary.</summary>
    public GeneVocabulary Vocabulary { get; }

    /// <summary>How many cells.</summary>
    public int Count => _pointers.Length - 1;

    /// <summary>Token ids of the genes that a cell expresses.</summary>
    /// <param name="cell">Its number.</param>
    public ReadOnlySpan<int> GenesOf(int cell) => _genes.AsSpan((int)_pointers[cell], (int)(_pointers[cell + 1] - _pointers[cell]));

    /// <summary>Their values, all above 0.</summary>
    /// <param name="cell">Its number.</param>
    public ReadOnlySpan<float> ValuesOf(int cell) => _values.AsSpan((int)_pointers[cell], (int)(_pointers[cell + 1] - _pointers[cell]));

    /// <summary>What a cell's values are to be multiplied with to be log1p of normalised counts; 1 where they are that (see <see cref="CellPreprocessing.RelativeValues"/>).</summary>
    /// <param name="cell">Its number.</param>
    public float ScaleOf(int cell) => _scales[cell];

    /// <summary>Whether a cell's values are over their mean.</summary>
    internal bool RelativeValues { get; private init; }

    /// <summary>A cell's values as log1p of normalised counts, whatever its tokens take of them.</summary>
    /// <param name="cell">Its number.</param>
    /// <param name="buffer">Where they are put if need be; grows.</param>
    internal ReadOnlySpan<float> LogValuesOf(int cell, ref float[] buffer)
    {
        var values = ValuesOf(cell);
        float scale = _scales[cell];
        if (scale == 1) return values;
        if (buffer.Length < values.Length) buffer = new float[Math.Max(values.Length, 2 * buffer.Length)];
        for (int i = 0; i < values.Length; i++) buffer[i] = values[i] * scale;
        return buffer.AsSpan(0, values.Length);
    }

    /// <summary>The cells of some files one after the other; genes outside the vocabulary are left out, and said.</summary>
    /// <param name="files">The files.</param>
    /// <param name="vocabulary">The vocabulary.</param>
    /// <param name="progress">Is told what did not match.</param>
    /// <exception cref="InputException">A file shares no gene with the vocabulary.</exception>
    public static CellSet From(IReadOnlyList<NormalizedCells> files, GeneVocabulary vocabulary, ITrainingProgress progress)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(vocabulary);
        ArgumentNullException.ThrowIfNull(progress);
        var pointers = new long[files.Sum(f => f.Values.Rows) + 1];
        var genes = new int[files.Sum(f => f.Values.StoredCount)];
        var values = new float[genes.Length];
        var scales = new float[pointers.Length - 1];
        Array.Fill(scales, 1);
        long write = 0;
        int cell = 0;
        foreach (NormalizedCells file in files)
        {
            int[] ids = [.. file.Genes.Select(vocabulary.IdOf)];
            int known = ids.Count(i => i >= 0);
            if (known == 0)
                throw new InputException($"'{file.Source}' ({GeneNames.Describe(file.Genes)}) has no gene of the model's vocabulary ({GeneNames.Describe(vocabulary.Genes)}); the gene names must be of the same kind and species.");
            if (files.Count == 1 && known < Math.Max(ids.Length, vocabulary.Genes.Count))
                progress.Message($"{file.Source}: {known:N0} of the {vocabulary.Genes.Count:N0} genes of the vocabulary are in the file, {ids.Length - known:N0} genes of the file are not in the vocabulary and are left out.");
            for (int r = 0; r < file.Values.Rows; r++)
            {
                var from = file.Values.RowIndices(r);
                var v = file.Values.RowValues(r);
                long start = write;
                for (int k = 0; k < from.Length; k++)
                    if (ids[from[k]] >= 0) (genes[write], values[write++]) = (ids[from[k]], v[k]);
                Array.Sort(genes, values, (int)start, (int)(write - start));
                if (file.Preprocessing.RelativeValues && write > start) scales[cell] = Relative(values.AsSpan((int)start, (int)(write - start)));
                pointers[++cell] = write;
            }
        }
        return new CellSet(vocabulary, pointers, genes[..(int)write], values[..(int)write], scales) { RelativeValues = files.Any(f => f.Preprocessing.RelativeValues) };
    }

    /// <summary>The same cells with each cell's genes in another order.</summary>
    /// <param name="order">The order.</param>
    public CellSet In(GeneOrder order)
    {
        ArgumentNullException.ThrowIfNull(order);
        var genes = (int[])_genes.Clone();
        var values = (float[])_values.Clone();
        var ranks = new int[genes.Length];
        for (int i = 0; i < genes.Length; i++) ranks[i] = order.RankOf(genes[i]);
        for (int c = 0; c < Count; c++)
        {
            int start = (int)_pointers[c], length = (int)(_pointers[c + 1] - start);
            Array.Sort(ranks, values, start, length);
            for (int i = start; i < start + length; i++) genes[i] = order.GeneAt(ranks[i]);
        }
        return new CellSet(Vocabulary, _pointers, genes, values, _scales) { RelativeValues = RelativeValues };
    }

    /// <summary>Divides values by their mean, and returns it.</summary>
    internal static float Relative(Span<float> values)
    {
        double sum = 0;
        foreach (float v in values) sum += v;
        float mean = (float)(sum / values.Length);
        for (int i = 0; i < values.Length; i++) values[i] /= mean;
        return mean;
    }
}
