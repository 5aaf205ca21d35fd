using Cellcast.Analysis.Counts;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Models.Training;
using Cellcast.Tensors;

namespace Cellcast.Models.ScRobust;

/// <summary>
/// The cells of a file on a model's vocabulary, some thousands at a time, so that the file may be of any size. What depends on all cells (what kind of values they are;
/// for encoders without figures of their training cells, the order of the genes) is found out in passes over the file before.
/// </summary>
public sealed class CellStream
{
    private const int UsualSlab = 8192;

    private readonly ScRobustModel _given;
    private readonly AnnotatedData _data;
    private readonly ITrainingProgress _progress;
    private readonly Matrix _matrix;
    private readonly CountSummary _found;
    private readonly RowBlock _block = new();

    /// <param name="model">The model.</param>
    /// <param name="data">The cells; the matrix may be a <see cref="StreamedMatrix"/>.</param>
    /// <param name="progress">Is told what was found, once.</param>
    /// <param name="layer">The matrix; null for X.</param>
    /// <exception cref="InputException">The values or the gene names are of no use to this model.</exception>
    public CellStream(ScRobustModel model, AnnotatedData data, ITrainingProgress progress, string? layer = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(progress);
        (_given, _data, _progress, Model) = (model, data, progress, model);
        Matrix matrix = data.MatrixOf(layer);
        _matrix = matrix is DenseMatrix ? matrix.ToSparse() : matrix;
        _found = CountSummary.Of(_matrix);
        // The error of a whole file names its other matrices.
        if (_found.Kind is ValueKind.Scaled or ValueKind.NotFinite or ValueKind.Empty) _ = model.Read(data, progress, layer);
        Slab(0, 0, progress, layer);
    }

    /// <summary>The model; where it came without figures of its training cells and an order was needed, with those of these cells.</summary>
    public ScRobustModel Model { get; private set; }

    /// <summary>How many cells.</summary>
    public int Count => _data.ObservationCount;

    /// <summary>Neighbouring cells.</summary>
    /// <param name="first">Number of the first.</param>
    /// <param name="count">How many.</param>
    public CellSet Read(int first, int count) => Slab(first, count, NoProgress.Instance, null);

    /// <summary>Vectors of all cells, computed when their rows are asked for, as they are when a file is written.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <returns>cells x hidden; the same bits as <see cref="ScRobustModel.Embed"/> of all cells at once.</returns>
    public GeneratedArray Vectors(Device device, EmbeddingOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequireOrder(options.Order);
        return new GeneratedArray(Count, Model.Encoder.Size.Hidden, (first, count, values) =>
            Model.Embed(device, Read(first, count), options, new Onward(_progress, first, Count), cancellation).CopyTo(values), SlabOf(ScRobustModel.BatchOf(options.GenesWith(options.Padding ?? Model.Padding))));
    }

    /// <summary>Labels of all cells, slab by slab.</summary>
    /// <param name="annotator">The classifier; this stream is of its model.</param>
    /// <param name="device">Computes.</param>
    /// <param name="threshold">Least confidence of a label; null for the classifier's.</param>
    /// <param name="use">Is given the number of the first cell of each slab, and what is said of its cells.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <returns>Probabilities, cells x classes, computed when their rows are asked for; <paramref name="use"/> is called then.</returns>
    public GeneratedArray Annotate(CellAnnotator annotator, Device device, double? threshold, Action<int, Annotations> use, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(annotator);
        ArgumentNullException.ThrowIfNull(use);
        // Without figures of the training cells the classifier orders genes by the cells it is given: by all of them.
        bool whole = annotator.Model.Statistics is null && annotator.Order != GeneRanking.Random;
        return new GeneratedArray(Count, annotator.Classes.Count, (first, count, values) =>
        {
            Annotations found = annotator.Annotate(device, Read(first, count), threshold, new Onward(_progress, first, Count), cancellation);
            found.Probabilities.CopyTo(values);
            use(first, found);
        }, whole ? Math.Max(1, Count) : SlabOf(annotator.BatchCells));
    }

    /// <summary>What marker lists say of all cells, slab by slab.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="lists">The lists.</param>
    /// <param name="use">Is given the number of the first cell of each slab, and what is said of its cells; coverage is of all cells so far.</param>
    /// <param name="cancellation">Checked between batches.</param>
    /// <returns>Scores, cells x lists, computed when their rows are asked for; <paramref name="use"/> is called then.</returns>
    public GeneratedArray Score(Device device, IReadOnlyList<GeneSet> lists, Action<int, MarkerResult> use, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(lists);
        ArgumentNullException.ThrowIfNull(use);
        var expressed = new bool[Model.Vocabulary.Count];
        return new GeneratedArray(Count, lists.Count, (first, count, values) =>
        {
            MarkerResult found = MarkerAnnotation.Score(device, Model, Read(first, count), lists, new Onward(_progress, first, Count), expressed, cancellation);
            found.Scores.CopyTo(values);
            use(first, found);
        }, UsualSlab);
    }

    /// <summary>Whole batches, so that cells meet the same others in a batch as when all are in memory.</summary>
    private static int SlabOf(int batch) => (UsualSlab + batch - 1) / batch * batch;

    private void RequireOrder(GeneRanking order)
    {
        if (Model.Statistics is not null || order == GeneRanking.Random) return;
        var figures = GeneStatistics.Of(_given.Vocabulary.Genes.Count, Slabs);
        Model = new ScRobustModel(_given.Encoder, _given.Vocabulary, _given.Preprocessing, _given.Padding, figures, _given.VectorMap);
    }

    private IEnumerable<CellSet> Slabs()
    {
        for (int first = 0; first < Count; first += UsualSlab) yield return Read(first, Math.Min(UsualSlab, Count - first));
    }

    private CellSet Slab(int first, int count, ITrainingProgress progress, string? layer)
    {
        _matrix.ReadRows(first, count, _block);
        var rows = new SparseMatrix(count, _matrix.Columns, _block.RowPointers.ToArray(), _block.Indices.ToArray(), _block.Values.ToArray());
        var slab = new AnnotatedData(new DataFrame(_data.Obs.Index[first..(first + count)]), _data.Var, rows) { Source = _data.Source };
        if (layer is not null and not "X") slab.Layers[layer] = rows;
        return _given.ReadSome(slab, progress, layer, _found);
    }

    /// <summary>Passes steps on as those of all cells.</summary>
    private sealed class Onward(ITrainingProgress all, int first, int total) : ITrainingProgress
    {
        public void Report(in TrainingUpdate update) => all.Report(update with { Step = first + update.Step, StepsPerEpoch = total });

        public void StageDone(string stage, int epochs, string outcome) => all.StageDone(stage, epochs, outcome);

        public void Message(string text) => all.Message(text);

        public void Warning(string text) => all.Warning(text);
    }
}
