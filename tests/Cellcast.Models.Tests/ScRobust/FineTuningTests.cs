using Cellcast.AnnData;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>Training on labels, what it leaves, and labels of new cells.</summary>
public sealed class FineTuningTests : IDisposable
{
    private static readonly FineTuningOptions s_options = new() { Genes = 40, BatchCells = 16, Epochs = 8, LearningRate = 2e-3, Seed = 4 };
    private static readonly string[] s_classes = ["even", "odd"];
    private readonly CpuDevice _device = new(2);
    private readonly TemporaryDirectory _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Cells_that_were_not_trained_on_get_the_right_labels(int layers)
    {
        var result = Train(80, s_options with { Epochs = 16 }, layers);
        Assert.Equal((72, 8), (result.TrainingCells, result.ValidationCells));
        // The first 80 cells are those of training.
        var cells = PretrainingTests.Cells(140);
        var labels = result.Annotator.Annotate(_device, cells, 0, NoProgress.Instance).Labels;
        Assert.InRange(Enumerable.Range(80, 60).Count(c => labels[c] == s_classes[c % 2]), 57, 60);
    }

    [Fact]
    public void The_published_way_has_no_evidence_and_labels_right_too()
    {
        var result = Train(80, FineTuningOptions.Published with { Genes = 40, BatchCells = 16, Epochs = 16, LearningRate = 2e-3, Seed = 4 });
        Assert.False(result.Annotator.UsesEvidence);
        var labels = result.Annotator.Annotate(_device, PretrainingTests.Cells(140), 0, NoProgress.Instance).Labels;
        Assert.InRange(Enumerable.Range(80, 60).Count(c => labels[c] == s_classes[c % 2]), 57, 60);
    }

    [Fact]
    public void With_shrinking_steps_the_last_state_is_the_one_that_is_kept()
    {
        var result = Train(60);
        Assert.Equal(s_options.Epochs, result.Summary.BestEpoch);
        Assert.Equal(s_options.Epochs, result.History.Count);
    }

    [Fact]
    public void Evidence_alone_labels_right_where_the_encoder_has_learned_nothing()
    {
        var result = Train(80, s_options with { Epochs = 1, LearningRate = 1e-9 });
        var labels = result.Annotator.Annotate(_device, PretrainingTests.Cells(140), 0, NoProgress.Instance).Labels;
        Assert.True(result.Annotator.UsesEvidence);
        Assert.InRange(Enumerable.Range(80, 60).Count(c => labels[c] == s_classes[c % 2]), 55, 60);
    }

    [Fact]
    public void Probabilities_add_up_to_one_and_confidence_is_that_of_the_best()
    {
        var found = Train(60).Annotator.Annotate(_device, PretrainingTests.Cells(60), null, NoProgress.Instance);
        for (int c = 0; c < 60; c++)
        {
            Assert.Equal(1, found.Probabilities[2 * c] + found.Probabilities[2 * c + 1], 5);
            Assert.Equal(Math.Max(found.Probabilities[2 * c], found.Probabilities[2 * c + 1]), (float)found.Confidence[c]);
            Assert.Equal(found.Best[c], s_classes[found.Probabilities[2 * c] >= found.Probabilities[2 * c + 1] ? 0 : 1]);
        }
    }

    [Fact]
    public void Below_the_threshold_a_cell_is_unknown()
    {
        var annotator = Train(60).Annotator;
        var cells = PretrainingTests.Cells(60);
        var found = annotator.Annotate(_device, cells, null, NoProgress.Instance);
        Assert.InRange(annotator.Threshold, 0.5, 1);
        for (int c = 0; c < 60; c++) Assert.Equal(found.Confidence[c] < annotator.Threshold ? CellAnnotator.Unknown : found.Best[c], found.Labels[c]);
        Assert.All(annotator.Annotate(_device, cells, 1.1, NoProgress.Instance).Labels, l => Assert.Equal(CellAnnotator.Unknown, l));
    }

    [Fact]
    public void A_saved_classifier_labels_as_before_and_its_parts_belong_together()
    {
        var annotator = Train(60).Annotator;
        annotator.Save(_folder.Path);
        var loaded = CellAnnotator.Load(_folder.Path);
        var cells = PretrainingTests.Cells(30);
        Assert.Equal(s_classes, loaded.Classes);
        var (a, b) = (annotator.Annotate(_device, cells, null, NoProgress.Instance), loaded.Annotate(_device, cells, null, NoProgress.Instance));
        Assert.Equal(a.Probabilities, b.Probabilities);
        Assert.Equal(a.Labels, b.Labels);
        Train(60, s_options with { Seed = 9 }).Annotator.Model.Save(_folder.Path);
        Assert.Contains("not of the same training", Assert.Throws<InputException>(() => CellAnnotator.Load(_folder.Path)).Message, StringComparison.Ordinal);
        Assert.Contains("holds no classifier", Assert.Throws<InputException>(() => CellAnnotator.Load(_folder["elsewhere"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Interrupted_after_an_epoch_and_resumed_it_ends_the_same_to_the_bit()
    {
        var whole = Train(60);
        using var stop = new CancellationTokenSource();
        var store = new StopAfter(3, stop);
        Assert.Throws<OperationCanceledException>(() => Train(60, store: store, cancellation: stop.Token));
        var resumed = Train(60, resume: store.Last);
        Assert.Equal(whole.History, resumed.History);
        Assert.Equal((whole.Annotator.Temperature, whole.Annotator.Threshold), (resumed.Annotator.Temperature, resumed.Annotator.Threshold));
        Assert.Equal(whole.Annotator.Model.Encoder.Embedding.ToArray(), resumed.Annotator.Model.Encoder.Embedding.ToArray());
        Assert.Throws<InputException>(() => Train(60, s_options with { Seed = 5 }, resume: store.Last));
    }

    [Fact]
    public void The_order_of_genes_comes_from_the_training_cells_only()
    {
        var cells = PretrainingTests.Cells(60);
        int[] labels = Labels(60);
        var statistics = Train(60).Annotator.Model.Statistics!;
        var (training, validation) = FineTuning.Split(labels, 2, s_options);
        Assert.Equal(60, training.Union(validation).Count());
        Assert.Equal(3, validation.Count(c => labels[c] == 0));
        Assert.Equal(GeneStatistics.Of(cells, training).ZeroFraction, statistics.ZeroFraction);
        Assert.NotEqual(GeneStatistics.Of(cells, [.. Enumerable.Range(0, 60)]).ZeroFraction, statistics.ZeroFraction);
    }

    [Fact]
    public void Calibration_finds_the_temperature_that_logits_were_made_with()
    {
        var random = new RandomStream(RandomKey.From(1, "calibration"));
        const int Cells = 20_000, Classes = 3;
        var logits = new double[Cells * Classes];
        var labels = new int[Cells];
        var p = new double[Classes];
        for (int c = 0; c < Cells; c++)
        {
            var z = logits.AsSpan(c * Classes, Classes);
            for (int k = 0; k < Classes; k++) z[k] = 6 * random.NextUniform();
            Calibration.Probabilities(z, 2.5, p);
            double u = random.NextUniform();
            labels[c] = u < p[0] ? 0 : u < p[0] + p[1] ? 1 : 2;
        }
        Assert.InRange(Calibration.Temperature(logits, labels, Classes), 2.4, 2.6);
    }

    [Fact]
    public void A_few_cells_that_are_all_right_do_not_make_certain()
    {
        double[] logits = [3, 0, 0, 3, 3, 0, 0, 3];
        double temperature = Calibration.Temperature(logits, [0, 1, 0, 1], 2);
        // The chance of being right that maximises the likelihood is 5 / 6.
        Assert.Equal(Math.Log(5), 3 / temperature, 6);
    }

    [Fact]
    public void The_threshold_keeps_the_wanted_share()
    {
        double[] confidence = [.. Enumerable.Range(1, 100).Select(i => i / 100.0)];
        double threshold = Calibration.Threshold(confidence, 0.95);
        Assert.Equal(95, confidence.Count(c => c >= threshold));
        Assert.Equal(0.01, Calibration.Threshold(confidence, 1));
        Assert.Equal(1, Calibration.Threshold(confidence, 1e-12));
        Assert.Equal(0, Calibration.Threshold([], 0.95));
    }

    [Fact]
    public void Small_classes_and_cells_without_label_are_set_aside()
    {
        var data = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, 8).Select(i => "c" + i)]), new DataFrame(["g"]), SparseMatrix.FromDense(8, 1, new float[8])) { Source = "toy.h5ad" };
        data.Obs["kind"] = CategoricalColumn.FromLabels(["b", "a", null, "b", "a", "rare", "b", "a"]);
        var labelled = LabelledCells.Of(data, "kind", 3, NoProgress.Instance);
        Assert.Equal(["a", "b"], labelled.Classes);
        Assert.Equal([0, 1, 3, 4, 6, 7], labelled.Rows);
        Assert.Equal([1, 0, 1, 0, 1, 0], labelled.Labels);
        Assert.Contains("--min-cells", Assert.Throws<InputException>(() => LabelledCells.Of(data, "kind", 4, NoProgress.Instance)).Message, StringComparison.Ordinal);
        Assert.Contains("'other'", Assert.Throws<InputException>(() => LabelledCells.Of(data, "other", 3, NoProgress.Instance)).Message, StringComparison.Ordinal);
    }

    private FineTuningResult Train(int count, FineTuningOptions? options = null, int layers = 1, ICheckpointStore? store = null, Snapshot? resume = null, CancellationToken cancellation = default)
    {
        var cells = PretrainingTests.Cells(count);
        var start = FineTuning.Fresh(cells.Vocabulary, new CellPreprocessing(), new EncoderSize { Vocabulary = cells.Vocabulary.Count, Hidden = 32, Heads = 4, Layers = layers }, 4);
        return FineTuning.Run(_device, start, cells, Labels(count), s_classes, options ?? s_options, store ?? new NoCheckpoints(), resume, NoProgress.Instance, cancellation);
    }

    private static int[] Labels(int count) => [.. Enumerable.Range(0, count).Select(c => c % 2)];

    private sealed class StopAfter(int epochs, CancellationTokenSource stop) : ICheckpointStore
    {
        public Snapshot? Last { get; private set; }

        public TimeSpan Interval => TimeSpan.Zero;

        public void Save(Snapshot snapshot)
        {
            Last = snapshot;
            if (snapshot.History.Count == epochs) stop.Cancel();
        }
    }
}
