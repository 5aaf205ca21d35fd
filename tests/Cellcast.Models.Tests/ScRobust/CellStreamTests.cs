using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>Cells that pass through slab by slab are treated as those that are all in memory.</summary>
public sealed class CellStreamTests : IDisposable
{
    private const int Genes = 60, Count = 18_000;
    private readonly CpuDevice _device = new(2);
    private readonly TemporaryDirectory _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(GeneRanking.Hug, Pooling.Cls)]
    [InlineData(GeneRanking.Hvg, Pooling.Mean)]
    [InlineData(GeneRanking.Random, Pooling.Cls)]
    public void Vectors_are_those_of_all_cells_at_once_to_the_bit(GeneRanking order, Pooling pooling)
    {
        var (whole, streamed, model) = Study();
        var options = new EmbeddingOptions { Genes = 25, Order = order, Pooling = pooling };
        float[] expected = model.Embed(_device, model.Read(whole, NoProgress.Instance), options, NoProgress.Instance);
        var stream = new CellStream(model, streamed, NoProgress.Instance);
        GeneratedArray vectors = stream.Vectors(_device, options);
        Assert.Equal(expected, vectors.ToDense().ToSingle());
        Assert.True(vectors.RowsAtOnce < Count, "one slab would show nothing");
    }

    [Fact]
    public void Labels_and_probabilities_are_those_of_all_cells_at_once()
    {
        var (whole, streamed, model) = Study();
        CellSet cells = model.Read(whole, NoProgress.Instance);
        var known = new ScRobustModel(model.Encoder, model.Vocabulary, model.Preprocessing, model.Padding, GeneStatistics.Of(cells, [.. Enumerable.Range(0, 500)]));
        int[] labels = [.. Enumerable.Range(0, 300).Select(c => c % 2)];
        CellSet some = known.Read(whole.SelectObservations([.. Enumerable.Range(0, 300)]), NoProgress.Instance);
        var start = FineTuning.Fresh(model.Vocabulary, model.Preprocessing, model.Encoder.Size, 4);
        CellAnnotator annotator = FineTuning.Run(_device, start, some, labels, ["even", "odd"], new FineTuningOptions { Genes = 25, BatchCells = 64, Epochs = 1, Seed = 4 }, new NoCheckpoints(), null, NoProgress.Instance).Annotator;
        Annotations expected = annotator.Annotate(_device, annotator.Model.Read(whole, NoProgress.Instance), null, NoProgress.Instance);
        var found = new string[Count];
        GeneratedArray probabilities = new CellStream(annotator.Model, streamed, NoProgress.Instance).Annotate(annotator, _device, null, (first, a) => a.Labels.CopyTo(found, first));
        Assert.Equal(expected.Probabilities, probabilities.ToDense().ToSingle());
        Assert.Equal(expected.Labels, found);
    }

    [Fact]
    public void Marker_scores_and_their_coverage_are_those_of_all_cells_at_once()
    {
        var (whole, streamed, model) = Study();
        // The last list is expressed by the last cell only.
        GeneSet[] lists = [new("a", ["gene1", "gene2", "gene7"]), new("b", ["gene30", "gene31"]), new("rare", ["gene59"])];
        MarkerResult expected = MarkerAnnotation.Score(_device, model, model.Read(whole, NoProgress.Instance), lists, NoProgress.Instance);
        var labels = new string[Count];
        IReadOnlyList<MarkerCoverage> coverage = [];
        float[] scores = new CellStream(model, streamed, NoProgress.Instance).Score(_device, lists, (first, r) =>
        {
            r.Labels.CopyTo(labels, first);
            coverage = r.Coverage;
        }).ToDense().ToSingle();
        Assert.Equal(expected.Labels, labels);
        Assert.Equal(expected.Coverage, coverage);
        for (int i = 0; i < scores.Length; i++) Assert.Equal(expected.Scores[i], scores[i], 1e-5f);
    }

    private (AnnotatedData Whole, AnnotatedData Streamed, ScRobustModel Model) Study()
    {
        var random = new RandomStream(RandomKey.From(8, "cells"));
        var counts = new float[Count * Genes];
        for (int i = 0; i < counts.Length; i++) counts[i] = i % Genes == Genes - 1 ? 0 : Math.Max(0, random.NextInt32(5) - 2);
        for (int c = 0; c < Count; c++) counts[c * Genes + c % 50] += 1;
        counts[^1] = 3;
        var data = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, Count).Select(i => "cell" + i)]), new DataFrame([.. Enumerable.Range(0, Genes).Select(i => "gene" + i)]), SparseMatrix.FromDense(Count, Genes, counts)) { Source = "toy.h5ad" };
        H5adFile.Write(_folder["cells.h5ad"], data);
        var vocabulary = GeneVocabulary.Of([NormalizedCells.From(data, new CellPreprocessing(), NoProgress.Instance)]);
        var encoder = new CellEncoder(new EncoderSize { Vocabulary = vocabulary.Count, Hidden = 16, Heads = 2, Layers = 1 }, RandomKey.From(5, "encoder"));
        return (data, H5adFile.Read(_folder["cells.h5ad"], new H5adReadOptions { Stream = true }), new ScRobustModel(encoder, vocabulary, new CellPreprocessing(), Padding.Masked, null));
    }
}
