using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>Self-supervised training, its resumption, and the encoder that it leaves.</summary>
public sealed class PretrainingTests : IDisposable
{
    private static readonly PretrainingOptions s_options = new() { Hidden = 32, Heads = 4, GenesPerView = 12, BatchCells = 16, Epochs = 6, Patience = 6, LearningRate = 1e-3, Seed = 4 };
    private readonly CpuDevice _device = new(2);
    private readonly TemporaryDirectory _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Both_losses_fall_and_the_best_state_is_kept()
    {
        var options = PretrainingOptions.Published with { Hidden = 32, Heads = 4, GenesPerView = 50, BatchCells = 16, Epochs = 20, Patience = 20, LearningRate = 1e-3, Dropout = 0, Seed = 4 };
        var result = Train(options);
        // A guess among the 15 other views of the 8 validation cells costs log 15; telling the two kinds of cells apart alone takes log 2 off.
        Assert.InRange(result.History.Min(h => h.ValidationContrastive), 0, Math.Log(15) - 0.5);
        Assert.InRange(result.History[^1].ValidationExpression, 0, 0.5 * result.History[0].ValidationExpression);
        var best = result.History.MinBy(h => h.ValidationContrastive)!;
        Assert.Equal(best.Epoch, result.Summary.BestEpoch);
        // Training that ends at the best epoch ends in the same state.
        var shorter = Train(options with { Epochs = best.Epoch });
        Assert.Equal(shorter.Model.Encoder.Embedding.ToArray(), result.Model.Encoder.Embedding.ToArray());
    }

    [Fact]
    public void With_views_that_have_no_gene_in_common_the_losses_fall_too()
    {
        var history = Train(s_options with { Epochs = 20, Patience = 20, GenesPerView = 50 }).History;
        Assert.InRange(history.Min(h => h.ValidationContrastive), 0, history[0].ValidationContrastive - 0.05);
        Assert.InRange(history[^1].ValidationExpression, 0, 0.7 * history[0].ValidationExpression);
    }

    [Fact]
    public void It_stops_when_the_validation_loss_no_longer_falls()
    {
        var result = Train(s_options with { Epochs = 400, Patience = 3, LearningRate = 0.02 });
        Assert.InRange(result.History.Count, 4, 399);
        Assert.Equal(result.Summary.BestEpoch + 3, result.History.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Interrupted_after_any_epoch_and_resumed_it_ends_the_same_to_the_bit(int layers)
    {
        var options = s_options with { Layers = layers };
        var whole = Train(options);
        var store = new Memory();
        using var stop = new CancellationTokenSource();
        store.Saved = s =>
        {
            if (s.History.Count == 3) stop.Cancel();
        };
        Assert.Throws<OperationCanceledException>(() => Train(options, store, null, stop.Token));
        Assert.Equal(3, store.Last!.History.Count);
        var resumed = Train(options, new Memory(), store.Last);
        Assert.Equal(whole.History, resumed.History);
        foreach (var (name, value) in whole.Model.Encoder.ExportState()) Assert.Equal(value.ToArray(), resumed.Model.Encoder.ExportState()[name].ToArray());
    }

    [Fact]
    public void It_starts_at_the_principal_components_of_the_training_cells()
    {
        // A single step of no size leaves the start.
        var cells = Cells(80);
        var model = Train(s_options with { Epochs = 1, LearningRate = 1e-12, ValidationShare = 0.05, WarmUp = 0 }).Model;
        float[] vectors = model.Embed(_device, cells, new EmbeddingOptions { Genes = 50 }, NoProgress.Instance);
        var sparse = new float[80 * 50];
        for (int c = 0; c < 80; c++)
            for (int k = 0; k < cells.GenesOf(c).Length; k++) sparse[c * 50 + cells.GenesOf(c)[k] - GeneVocabulary.FirstGene] = cells.ValuesOf(c)[k];
        var expression = SparseMatrix.FromDense(80, 50, sparse);
        float[] components = PrincipalComponents.Fit(expression, 20).Transform(expression);
        double start = CorrelationOfDistances(vectors, 32, components, 20, 80);
        float[] random = Train(s_options with { Epochs = 1, LearningRate = 1e-12, Start = EncoderStart.Random }).Model.Embed(_device, cells, new EmbeddingOptions { Genes = 50 }, NoProgress.Instance);
        Assert.InRange(start, Math.Max(0.97, CorrelationOfDistances(random, 32, components, 20, 80)), 1);
    }

    [Fact]
    public void The_step_size_rises_and_falls_along_a_cosine()
    {
        var options = new PretrainingOptions { LearningRate = 1, WarmUp = 0.1 };
        double[] rates = [.. Enumerable.Range(0, 100).Select(s => options.LearningRateAt(s, 100))];
        Assert.Equal(rates[..10], rates[..10].Order());
        Assert.Equal(rates[10..], rates[10..].OrderDescending());
        Assert.Equal(1, rates[10], 1e-12);
        Assert.Equal(0.5, rates[55], 1e-12);
        Assert.InRange(rates[99], 0, 1e-3);
        Assert.All(Enumerable.Range(0, 100), s => Assert.Equal(5e-5, PretrainingOptions.Published.LearningRateAt(s, 100)));
    }

    [Fact]
    public void A_checkpoint_of_other_options_is_refused()
    {
        var store = new Memory();
        Train(s_options, store);
        Assert.Throws<InputException>(() => Train(s_options with { Seed = 5 }, new Memory(), store.Last));
    }

    [Fact]
    public void Too_few_cells_are_refused() =>
        Assert.Throws<InputException>(() => Pretraining.Run(_device, Cells(3), new CellPreprocessing(), s_options, new NoCheckpoints(), null, NoProgress.Instance));

    [Theory]
    [InlineData(Pooling.Cls)]
    [InlineData(Pooling.Mean)]
    public void A_saved_encoder_embeds_as_before(Pooling pooling)
    {
        var model = Train(s_options).Model;
        model.Save(_folder.Path);
        var loaded = ScRobustModel.Load(_folder.Path);
        var cells = Cells(20);
        var options = new EmbeddingOptions { Genes = 10, Pooling = pooling };
        Assert.Equal(model.Embed(_device, cells, options, NoProgress.Instance), loaded.Embed(_device, cells, options, NoProgress.Instance));
    }

    [Fact]
    public void With_masked_padding_a_vector_does_not_depend_on_how_many_genes_were_asked_for_beyond_its_own()
    {
        var model = Train(s_options).Model;
        var cells = Cells(20);
        var vectors = Vectors(60, Padding.Masked);
        Assert.Equal(vectors, Vectors(200, Padding.Masked));
        Assert.NotEqual(vectors, Vectors(60, Padding.Published));

        float[] Vectors(int genes, Padding padding) => model.Embed(_device, cells, new EmbeddingOptions { Genes = genes, Padding = padding }, NoProgress.Instance);
    }

    [Fact]
    public void Weights_that_do_not_fit_the_description_are_an_error()
    {
        Train(s_options).Model.Save(_folder.Path);
        string description = _folder["encoder.json"], text = File.ReadAllText(description);
        File.WriteAllText(description, text.Replace("\"hidden\": 32", "\"hidden\": 64", StringComparison.Ordinal));
        Assert.Contains("shape", Assert.Throws<InputException>(() => ScRobustModel.Load(_folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(description, text.Replace("\"gene1\",", "", StringComparison.Ordinal));
        Assert.Contains("genes", Assert.Throws<InputException>(() => ScRobustModel.Load(_folder.Path)).Message, StringComparison.Ordinal);
        File.WriteAllText(description, text.Replace("\"schema_version\": 3", "\"schema_version\": 99", StringComparison.Ordinal));
        Assert.Contains("newer", Assert.Throws<InputException>(() => ScRobustModel.Load(_folder.Path)).Message, StringComparison.Ordinal);
        Assert.Throws<InputException>(() => ScRobustModel.Load(_folder["elsewhere"]));
    }

    private PretrainingResult Train(PretrainingOptions options, ICheckpointStore? store = null, Snapshot? resume = null, CancellationToken cancellation = default) =>
        Pretraining.Run(_device, Cells(80), new CellPreprocessing(), options, store ?? new NoCheckpoints(), resume, NoProgress.Instance, cancellation);

    /// <summary>Cells of two kinds, each with genes of its own and some in common; from one on they express a single gene.</summary>
    internal static CellSet Cells(int count, int singleGeneFrom = int.MaxValue, CellPreprocessing? preprocessing = null)
    {
        const int Genes = 50;
        var random = new RandomStream(RandomKey.From(8, "cells"));
        var counts = new float[count * Genes];
        for (int c = 0; c < count; c++)
            for (int g = 0; g < Genes; g++)
                counts[c * Genes + g] = c >= singleGeneFrom ? (g == c % Genes ? 3 : 0) : random.NextPoisson(g < 10 || g % 2 == c % 2 ? 1 + g % 5 : 0.05);
        for (int g = 0; g < Genes; g++) counts[g] += 1;
        var data = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, count).Select(i => "cell" + i)]), new DataFrame([.. Enumerable.Range(0, Genes).Select(i => "gene" + i)]),
            SparseMatrix.FromDense(count, Genes, counts))
        { Source = "toy.h5ad" };
        NormalizedCells[] files = [NormalizedCells.From(data, preprocessing ?? new CellPreprocessing(), NoProgress.Instance)];
        return CellSet.From(files, GeneVocabulary.Of(files), NoProgress.Instance);
    }

    private static double CorrelationOfDistances(float[] a, int columnsOfA, float[] b, int columnsOfB, int count)
    {
        var x = new List<double>();
        var y = new List<double>();
        for (int i = 0; i < count; i++)
            for (int j = 0; j < i; j++)
            {
                x.Add(Distance(a, columnsOfA, i, j));
                y.Add(Distance(b, columnsOfB, i, j));
            }
        return Correlation.Pearson([.. x], [.. y]).Coefficient;

        static double Distance(float[] v, int columns, int i, int j)
        {
            double sum = 0;
            for (int c = 0; c < columns; c++) sum += Math.Pow(v[i * columns + c] - v[j * columns + c], 2);
            return Math.Sqrt(sum);
        }
    }

    private sealed class Memory : ICheckpointStore
    {
        public Snapshot? Last { get; private set; }

        public Action<Snapshot>? Saved { get; set; }

        public TimeSpan Interval => TimeSpan.Zero;

        public void Save(Snapshot snapshot)
        {
            Last = snapshot;
            Saved?.Invoke(snapshot);
        }
    }
}
