using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>Cross-validation: who is tested where, what removal of genes removes, and that nothing leaks.</summary>
public sealed class EvaluationTests : IDisposable
{
    private static readonly EvaluationOptions s_options = new() { Folds = 3, Dropout = [0.8], LogisticC = [0.1, 1], Seed = 2, Training = new FineTuningOptions { Genes = 40, BatchCells = 16, Epochs = 6, LearningRate = 2e-3 } };
    private static readonly string[] s_classes = ["even", "odd"];
    private readonly CpuDevice _device = new(2);

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Every_method_is_tested_on_every_cell_once_per_repeat_and_tells_clear_classes_apart()
    {
        var result = Run(Data(60), s_options with { Repeats = 2 });
        Assert.Equal(6 * 2 * 2 * 3, result.Scores.Count);
        Assert.All(result.Confusion, c => Assert.Equal(120, c.Matrix.Classes.Sum(k => k.Support)));
        foreach (var method in result.Scores.Where(s => s.Dropout == 0).GroupBy(s => s.Method)) Assert.InRange(method.Average(s => s.MacroF1), 0.85, 1);
        foreach (var method in result.Scores.GroupBy(s => s.Method))
            Assert.True(method.Where(s => s.Dropout > 0).Average(s => s.MacroF1) < method.Where(s => s.Dropout == 0).Average(s => s.MacroF1), method.Key);
    }

    [Fact]
    public void Labels_that_mean_nothing_are_not_learned()
    {
        var random = new RandomStream(RandomKey.From(5, "labels"));
        int[] labels = [.. Enumerable.Range(0, 120).Select(c => c % 2)];
        random.Shuffle<int>(labels);
        var result = Run(Data(120), s_options with { Dropout = [] }, labels);
        // Of 120 cells at chance 1/2 fewer than one time in a thousand 78 are called right.
        foreach (var method in result.Confusion) Assert.InRange(method.Matrix.Accuracy, 0, 0.65);
    }

    [Fact]
    public void The_same_seed_gives_the_same_scores_for_any_number_of_threads()
    {
        using var one = new CpuDevice(1);
        Assert.Equal(Run(Data(40), s_options).Scores, Run(Data(40), s_options, device: one, threads: 1).Scores);
    }

    [Fact]
    public void Folds_hold_their_share_of_every_class()
    {
        int[] labels = [.. Enumerable.Repeat(0, 52), .. Enumerable.Repeat(1, 11)];
        int[] fold = Evaluation.Folds(labels, 2, 5, RandomKey.From(1, "folds"));
        for (int f = 0; f < 5; f++)
        {
            Assert.InRange(Enumerable.Range(0, 63).Count(c => fold[c] == f && labels[c] == 0), 10, 11);
            Assert.InRange(Enumerable.Range(0, 63).Count(c => fold[c] == f && labels[c] == 1), 2, 3);
        }
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void The_wanted_share_of_the_expressed_genes_of_every_cell_is_removed_and_the_rest_stays(double share)
    {
        var data = Data(20);
        SparseMatrix before = data.MatrixOf(null).ToSparse(), after = Evaluation.Without(data, null, share, RandomKey.From(1, "removed")).MatrixOf(null).ToSparse();
        for (int c = 0; c < 20; c++)
        {
            int expressed = before.RowIndices(c).Length;
            Assert.Equal(expressed - (int)Math.Round(share * expressed), after.RowIndices(c).Length);
            var kept = Enumerable.Range(0, expressed).ToDictionary(k => before.RowIndices(c)[k], k => before.RowValues(c)[k]);
            for (int k = 0; k < after.RowIndices(c).Length; k++) Assert.Equal(kept[after.RowIndices(c)[k]], after.RowValues(c)[k]);
        }
    }

    [Fact]
    public void Genes_are_removed_from_counts_only()
    {
        var data = Data(30);
        SparseMatrix x = data.MatrixOf(null).ToSparse();
        var logged = new AnnotatedData(data.Obs, data.Var, new SparseMatrix(x.Rows, x.Columns, x.IndPtr, x.Indices, [.. x.Values.Select(v => MathF.Log(1 + v))])) { Source = "logged.h5ad" };
        Assert.Contains("raw counts", Assert.Throws<InputException>(() => Run(logged, s_options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_train_dropout_there_is_no_second_logistic_regression()
    {
        var result = Run(Data(30), s_options with { Dropout = [], Training = s_options.Training with { TrainDropout = 0, Epochs = 1 } });
        Assert.Equal(["scrobust", "logistic regression", "nearest centroid", "k nearest neighbours", "naive Bayes"], result.Confusion.Select(c => c.Method));
    }

    [Fact]
    public void Finished_folds_are_not_done_again_and_change_nothing()
    {
        var store = new Folds();
        var whole = Run(Data(40), s_options, store: store);
        Assert.Equal(3, store.Kept.Count);
        store.Kept.Remove((1, 2));
        store.Saved = 0;
        var resumed = Run(Data(40), s_options, store: store);
        Assert.Equal(1, store.Saved);
        Assert.Equal(whole.Scores, resumed.Scores);
        foreach (var (a, b) in whole.Confusion.Zip(resumed.Confusion))
        {
            Assert.Equal((a.Method, a.Dropout), (b.Method, b.Dropout));
            Assert.Equal(a.Matrix.Counts, b.Matrix.Counts);
        }
        Assert.Contains("--overwrite", Assert.Throws<InputException>(() => Run(Data(40), s_options with { ThinnedCopies = 2 }, store: store)).Message, StringComparison.Ordinal);
        Assert.Throws<InputException>(() => Run(Data(42), s_options, store: store));
    }

    [Fact]
    public void Folds_come_back_from_their_files_to_the_bit_and_damaged_files_are_said()
    {
        using var folder = new TemporaryDirectory();
        var fold = new FoldResult("print", [0, 1, 1], [new FoldCalls(new FoldScore("scrobust", 0.1, 1, 2, 1 / 3.0, Math.PI, 0.7, double.NaN), [1, 1, 0])]);
        new FoldFiles(folder.Path, resume: false).Save(1, 2, fold);
        var back = new FoldFiles(folder.Path, resume: true).Load(1, 2)!;
        Assert.Equal(fold.Truth, back.Truth);
        Assert.Equal(fold.Calls[0].Called, back.Calls[0].Called);
        Assert.Equal(fold.Calls[0].Score, back.Calls[0].Score);
        Assert.Null(new FoldFiles(folder.Path, resume: false).Load(1, 2));
        Assert.Null(new FoldFiles(folder.Path, resume: true).Load(1, 3));
        File.WriteAllText(folder["fold-1-3.json"], "{ half");
        Assert.Contains("fold-1-3.json", Assert.Throws<InputException>(() => new FoldFiles(folder.Path, resume: true).Load(1, 3)).Message, StringComparison.Ordinal);
    }

    /// <summary>What the defaults are for: real cells keep four fifths of the macro-F1 when four fifths of their genes are lost, and clearly more than as published.</summary>
    [SharedDataFact("pbmc68k_reduced.h5ad")]
    public void Real_cells_that_lose_most_of_their_genes_are_still_told_apart()
    {
        var data = H5adFile.Read(TestPaths.SharedData("pbmc68k_reduced.h5ad"));
        var labelled = LabelledCells.Of(data, "label", 10, NoProgress.Instance);
        data = data.SelectObservations(labelled.Rows);
        double[] Of(FineTuningOptions training)
        {
            var options = new EvaluationOptions { Folds = 3, Dropout = [0.8], Baselines = false, Seed = 3, Training = training };
            var result = Evaluation.Run(_device, data, null, labelled.Labels, labelled.Classes, new CellPreprocessing(), Start, options, new NoFolds(), 2, NoProgress.Instance);
            return [.. result.Scores.GroupBy(s => s.Dropout).OrderBy(g => g.Key).Select(g => g.Average(s => s.MacroF1))];
        }
        double[] robust = Of(new FineTuningOptions()), published = Of(FineTuningOptions.Published);
        Assert.InRange(robust[0], 0.70, 0.85);
        Assert.InRange(robust[1] / robust[0], 0.75, 1);
        Assert.True(robust[1] > published[1] + 0.2, $"{robust[1]} against {published[1]}");

        static ScRobustModel Start(NormalizedCells training)
        {
            var vocabulary = GeneVocabulary.Of([training]);
            return FineTuning.Fresh(vocabulary, new CellPreprocessing(), new EncoderSize { Vocabulary = vocabulary.Count, Hidden = 64 }, 4);
        }
    }

    private EvaluationResult Run(AnnotatedData data, EvaluationOptions options, int[]? labels = null, Device? device = null, int threads = 2, IFoldStore? store = null) =>
        Evaluation.Run(device ?? _device, data, null, labels ?? [.. Enumerable.Range(0, data.ObservationCount).Select(c => c % 2)], s_classes, new CellPreprocessing(), Fresh, options, store ?? new NoFolds(), threads, NoProgress.Instance);

    private static ScRobustModel Fresh(NormalizedCells training)
    {
        var vocabulary = GeneVocabulary.Of([training]);
        return FineTuning.Fresh(vocabulary, new CellPreprocessing(), new EncoderSize { Vocabulary = vocabulary.Count, Hidden = 32, Heads = 4 }, 4);
    }

    private sealed class Folds : IFoldStore
    {
        internal Dictionary<(int, int), FoldResult> Kept { get; } = [];

        internal int Saved { get; set; }

        public FoldResult? Load(int repeat, int fold) => Kept.GetValueOrDefault((repeat, fold));

        public void Save(int repeat, int fold, FoldResult result)
        {
            Kept[(repeat, fold)] = result;
            Saved++;
        }
    }

    private static AnnotatedData Data(int count)
    {
        const int Genes = 50;
        var random = new RandomStream(RandomKey.From(8, "cells"));
        var counts = new float[count * Genes];
        for (int c = 0; c < count; c++)
            for (int g = 0; g < Genes; g++)
                counts[c * Genes + g] = random.NextPoisson(g < 10 || g % 2 == c % 2 ? 1 + g % 5 : 0.5);
        return new AnnotatedData(new DataFrame([.. Enumerable.Range(0, count).Select(i => "cell" + i)]), new DataFrame([.. Enumerable.Range(0, Genes).Select(i => "gene" + i)]),
            SparseMatrix.FromDense(count, Genes, counts))
        { Source = "toy.h5ad" };
    }
}
