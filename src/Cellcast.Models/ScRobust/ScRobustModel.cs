using Cellcast.Analysis.Counts;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>How cells are embedded.</summary>
public sealed record EmbeddingOptions
{
    /// <summary>With published padding, how many genes a cell has where no number is given.</summary>
    public const int PublishedGenes = 1000;

    /// <summary>Most genes of a cell; null for all that it expresses, or for <see cref="PublishedGenes"/> with published padding.</summary>
    public int? Genes { get; init; }

    /// <summary>Which genes come first.</summary>
    public GeneRanking Order { get; init; } = GeneRanking.Hug;

    /// <summary>How token outputs become one vector.</summary>
    public Pooling Pooling { get; init; } = Pooling.Cls;

    /// <summary>Where a cell has fewer genes; null for what the encoder was trained with.</summary>
    public Padding? Padding { get; init; }

    /// <summary>Whether the vectors go through the encoder's <see cref="ScRobustModel.VectorMap"/>, where it has one; only those of the cell token do.</summary>
    public bool Mapped { get; init; } = true;

    /// <summary>Seed of a random order.</summary>
    public long Seed { get; init; }

    /// <summary>Most genes of a cell under a padding.</summary>
    internal int GenesWith(Padding padding) => Genes ?? (padding == ScRobust.Padding.Published ? PublishedGenes : int.MaxValue);
}

/// <summary>An encoder with all that is needed to use it on new cells: the genes behind its token ids, how counts become values, figures of its training cells.</summary>
public sealed class ScRobustModel
{
    private const int TokensPerBatch = 32_768;

    // Where all genes of a cell are used, batches are as large as if cells had so many: their size must not depend on the cells.
    private const int UsualGenes = 2000;

    /// <summary>Puts the parts together.</summary>
    /// <param name="encoder">The network.</param>
    /// <param name="vocabulary">Its genes.</param>
    /// <param name="preprocessing">How counts become values.</param>
    /// <param name="padding">What it was trained with.</param>
    /// <param name="statistics">Figures of its training cells, or null where they are not known (imported weights).</param>
    /// <param name="map">Map of its vectors, or null; it belongs to these very weights.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public ScRobustModel(CellEncoder encoder, GeneVocabulary vocabulary, CellPreprocessing preprocessing, Padding padding, GeneStatistics? statistics, VectorMap? map = null)
    {
        ArgumentNullException.ThrowIfNull(encoder);
        ArgumentNullException.ThrowIfNull(vocabulary);
        if (encoder.Size.Vocabulary != vocabulary.Count)
            throw new ArgumentException($"the encoder has {encoder.Size.Vocabulary} token ids and the vocabulary {vocabulary.Count}", nameof(vocabulary));
        if (statistics is not null && (statistics.ZeroFraction.Count != vocabulary.Genes.Count || statistics.StandardDeviation.Count != vocabulary.Genes.Count))
            throw new ArgumentException($"there are figures of {statistics.ZeroFraction.Count} genes and {vocabulary.Genes.Count} genes", nameof(statistics));
        if (map is not null && map.Columns != encoder.Size.Hidden)
            throw new ArgumentException($"the map is for vectors of {map.Columns} numbers and the encoder gives {encoder.Size.Hidden}", nameof(map));
        (Encoder, Vocabulary, Preprocessing, Padding, Statistics, VectorMap) = (encoder, vocabulary, preprocessing, padding, statistics, map);
    }

    /// <summary>The network.</summary>
    public CellEncoder Encoder { get; }

    /// <summary>Its genes.</summary>
    public GeneVocabulary Vocabulary { get; }

    /// <summary>How counts become values.</summary>
    public CellPreprocessing Preprocessing { get; }

    /// <summary>What it was trained with.</summary>
    public Padding Padding { get; }

    /// <summary>Figures of its training cells, or null.</summary>
    public GeneStatistics? Statistics { get; }

    /// <summary>Map of the encoder's vectors, or null.</summary>
    public VectorMap? VectorMap { get; }

    /// <summary>The cells of a file on this model's vocabulary.</summary>
    /// <param name="data">The file.</param>
    /// <param name="progress">Is told what was found.</param>
    /// <param name="layer">The matrix; null for X.</param>
    /// <exception cref="InputException">The values or the gene names are of no use to this model.</exception>
    public CellSet Read(AnnotatedData data, ITrainingProgress progress, string? layer = null) => ReadSome(data, progress, layer, null);

    /// <summary>As above, for some cells of a matrix whose values have been looked at.</summary>
    internal CellSet ReadSome(AnnotatedData data, ITrainingProgress progress, string? layer, CountSummary? known) =>
        CellSet.From([NormalizedCells.From(data, Preprocessing, progress, layer, known)], Vocabulary, progress);

    /// <summary>Cells of one batch of <see cref="Embed"/>.</summary>
    internal static int BatchOf(int genes) => Math.Clamp(TokensPerBatch / (Math.Min(genes, UsualGenes) + 1), 1, 256);

    /// <summary>The order in which genes are taken: from this model's training cells, or from the given cells where those are not known.</summary>
    /// <param name="ranking">Which.</param>
    /// <param name="cells">Cells to take figures from.</param>
    /// <param name="seed">Seed of a random order.</param>
    public GeneOrder OrderOf(GeneRanking ranking, CellSet cells, long seed)
    {
        ArgumentNullException.ThrowIfNull(cells);
        return GeneOrder.Of(ranking, Vocabulary, Statistics ?? GeneStatistics.Of(cells, [.. Enumerable.Range(0, cells.Count)]), RandomKey.From(seed, "scrobust gene order"));
    }

    /// <summary>Vectors of cells.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="cells">The cells, on this model's vocabulary.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <returns>cells x hidden.</returns>
    public float[] Embed(Device device, CellSet cells, EmbeddingOptions options, ITrainingProgress progress, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        Padding padding = options.Padding ?? Padding;
        int genes = options.GenesWith(padding);
        ArgumentOutOfRangeException.ThrowIfLessThan(genes, 1, nameof(options));
        int hidden = Encoder.Size.Hidden, batchCells = BatchOf(genes);
        CellSet ordered = cells.In(OrderOf(options.Order, cells, options.Seed));
        var vectors = new float[checked(cells.Count * hidden)];
        var tape = new Tape(device, recordGradients: false);
        var batch = new TokenBatch();
        for (int first = 0; first < cells.Count; first += batchCells)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Math.Min(batchCells, cells.Count - first);
            batch.Clear();
            for (int c = first; c < first + count; c++) CellTokenizer.Append(batch, ordered, c, genes, padding);
            var target = vectors.AsSpan(first * hidden, count * hidden);
            Vectors(tape, batch, options, target);
            progress.Report(new TrainingUpdate("embed", 0, 0) { Step = first + count, StepsPerEpoch = cells.Count });
        }
        return vectors;
    }

    /// <summary>Vectors of a batch of tokenised cells; the tape is reset.</summary>
    internal void Vectors(Tape tape, TokenBatch batch, EmbeddingOptions options, Span<float> target)
    {
        if (options.Pooling == Pooling.Cls)
        {
            Encoder.CellTokens(tape, batch).Span.CopyTo(target);
            if (options.Mapped) VectorMap?.Apply(target);
        }
        else TokenPooling.Pool(Encoder.AllTokens(tape, batch).Span, batch, options.Pooling, target);
        tape.Reset();
    }

    /// <summary>Writes <c>encoder.safetensors</c> and <c>encoder.json</c>.</summary>
    /// <param name="folder">Where.</param>
    public void Save(string folder) => ScRobustFiles.Save(this, folder);

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="folder">Where.</param>
    /// <exception cref="InputException">There is no encoder, or its parts do not fit together.</exception>
    public static ScRobustModel Load(string folder) => ScRobustFiles.Load(folder);
}
