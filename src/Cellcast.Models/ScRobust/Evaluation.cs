using Cellcast.Analysis.Counts;
using Cellcast.Analysis.Metrics;
using Cellcast.AnnData;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>Settings of a cross-validation.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Parts that the cells are cut into; each is tested once per repeat.</summary>
    public int Folds { get; init; } = 5;

    /// <summary>How often, each time cut anew.</summary>
    public int Repeats { get; init; } = 1;

    /// <summary>Shares of the expressed genes that are removed from the counts of the test cells, beside no removal.</summary>
    public IReadOnlyList<double> Dropout { get; init; } = [];

    /// <summary>How the model is trained. With <see cref="FineTuningOptions.TrainDropout"/> a second logistic regression is trained on cells that lose as many genes.</summary>
    public FineTuningOptions Training { get; init; } = new();

    /// <summary>Whether the baselines are trained and tested too.</summary>
    public bool Baselines { get; init; } = true;

    /// <summary>Thinned copies of every training cell that the second logistic regression sees beside the cell itself.</summary>
    public int ThinnedCopies { get; init; } = 4;

    /// <summary>Values of C among which the inner split chooses that of logistic regression.</summary>
    public IReadOnlyList<double> LogisticC { get; init; } = [0.01, 0.1, 1, 10];

    /// <summary>Seed of all random numbers.</summary>
    public long Seed { get; init; }
}

/// <summary>How a method did on the test cells of one fold.</summary>
/// <param name="Method">scrobust, logistic regression, logistic regression with dropout, nearest centroid, k nearest neighbours or naive Bayes.</param>
/// <param name="Dropout">Share of the expressed genes of the test cells that was removed.</param>
/// <param name="Repeat">From 1.</param>
/// <param name="Fold">From 1.</param>
/// <param name="MacroF1">Mean F1 over classes.</param>
/// <param name="WeightedF1">Mean F1 weighted by the size of the classes.</param>
/// <param name="Accuracy">Share of cells called right.</param>
/// <param name="Auc">Weighted one-versus-one area under the curve.</param>
public sealed record FoldScore(string Method, double Dropout, int Repeat, int Fold, double MacroF1, double WeightedF1, double Accuracy, double Auc);

/// <summary>What a cross-validation found.</summary>
/// <param name="Scores">One per method, share of removed genes, repeat and fold.</param>
/// <param name="Confusion">True against called classes over all folds, by method and share of removed genes.</param>
/// <param name="Folds">What the model said of the test cells, fold by fold.</param>
public sealed record EvaluationResult(IReadOnlyList<FoldScore> Scores, IReadOnlyList<(string Method, double Dropout, ConfusionMatrix Matrix)> Confusion, IReadOnlyList<TestedFold> Folds);

/// <summary>The published protocol (stratified folds, repeats, inner validation, macro-F1 at the best validation epoch) without its leaks: every fold starts from fresh weights, and the gene order, a vocabulary from
/// scratch and all choices come from training cells. The baselines have the same folds; logistic regression chooses C on the same inner split and is then
/// fitted to all training cells.</summary>
public static class Evaluation
{
    /// <summary>Name of the model among the methods.</summary>
    public const string Model = "scrobust";

    /// <summary>Tests the model and the baselines.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="data">Cells of the classes, all labelled.</param>
    /// <param name="layer">The matrix; null for X.</param>
    /// <param name="labels">Class of each cell, from 0; every class has at least as many cells as there are folds, and four.</param>
    /// <param name="classes">Names of the classes, in ordinal order.</param>
    /// <param name="preprocessing">How counts become values.</param>
    /// <param name="start">Gives fresh weights to train from, for the training cells of a fold.</param>
    /// <param name="options">Settings.</param>
    /// <param name="store">Where finished folds are kept, and taken from when the run is resumed.</param>
    /// <param name="threads">Threads of the baselines.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Checked between steps.</param>
    /// <exception cref="InputException">The values are of no use, or are no counts though genes shall be removed.</exception>
    public static EvaluationResult Run(Device device, AnnotatedData data, string? layer, int[] labels, string[] classes, CellPreprocessing preprocessing, Func<NormalizedCells, ScRobustModel> start,
        EvaluationOptions options, IFoldStore store, int threads, ITrainingProgress progress, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentNullException.ThrowIfNull(preprocessing);
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(progress);
        var key = RandomKey.From(options.Seed, "scrobust evaluation");
        NormalizedCells[] whole = WithShares(data, layer, preprocessing, options, progress);
        var bench = new EvaluationBench(device, classes, start, options, store, threads, progress, cancellation);
        for (int repeat = 0; repeat < options.Repeats; repeat++)
        {
            int[] fold = Folds(labels, classes.Length, options.Folds, key.Split("folds").Split(repeat));
            for (int f = 0; f < options.Folds; f++)
            {
                int[] training = [.. Enumerable.Range(0, labels.Length).Where(c => fold[c] != f)], test = [.. Enumerable.Range(0, labels.Length).Where(c => fold[c] == f)];
                progress.Message($"repeat {repeat + 1} of {options.Repeats}, fold {f + 1} of {options.Folds}: {training.Length:N0} training cells, {test.Length:N0} test cells");
                bench.Test(whole[0].Select(training), [.. training.Select(c => labels[c])], [.. whole.Select(w => w.Select(test))], [.. test.Select(c => labels[c])], test, repeat, f);
            }
        }
        return bench.Result();
    }

    /// <summary>Trains on one file and tests on another: another technology, or another species with names in upper case. Genes are matched by name.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="data">Training cells, all labelled.</param>
    /// <param name="layer">The matrix of both files; null for X.</param>
    /// <param name="labels">Class of each training cell, from 0; every class has at least four cells.</param>
    /// <param name="classes">Names of the classes, in ordinal order.</param>
    /// <param name="test">Test cells, all labelled.</param>
    /// <param name="testLabels">Class of each test cell.</param>
    /// <param name="preprocessing">How counts become values.</param>
    /// <param name="start">Gives weights to train from.</param>
    /// <param name="options">Settings; without folds, once per repeat.</param>
    /// <param name="store">Where finished folds are kept, and taken from when the run is resumed.</param>
    /// <param name="threads">Threads of the baselines.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="cancellation">Checked between steps.</param>
    /// <exception cref="InputException">The values are of no use, the files share no gene, or there are no counts though genes shall be removed.</exception>
    public static EvaluationResult Across(Device device, AnnotatedData data, string? layer, int[] labels, string[] classes, AnnotatedData test, int[] testLabels, CellPreprocessing preprocessing,
        Func<NormalizedCells, ScRobustModel> start, EvaluationOptions options, IFoldStore store, int threads, ITrainingProgress progress, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(test);
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentNullException.ThrowIfNull(preprocessing);
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(progress);
        NormalizedCells training = NormalizedCells.From(data, preprocessing, progress, layer);
        NormalizedCells[] tested = WithShares(test, layer, preprocessing, options, progress);
        int shared = training.Genes.Intersect(tested[0].Genes, StringComparer.Ordinal).Count();
        if (shared == 0)
            throw new InputException($"'{test.Source}' has no gene in common with '{data.Source}'; both must have the same kind of gene names, and for another species --uppercase.");
        progress.Message($"{test.Source}: {shared:N0} of the {training.Genes.Length:N0} genes of the training cells are there.");
        var bench = new EvaluationBench(device, classes, start, options, store, threads, progress, cancellation);
        for (int repeat = 0; repeat < options.Repeats; repeat++) bench.Test(training, labels, [.. tested.Select(t => t.On(training.Genes))], testLabels, [.. Enumerable.Range(0, testLabels.Length)], repeat, 0);
        return bench.Result();
    }

    /// <summary>Cells of which a share of the expressed genes, chosen at random for every cell, is set to zero.</summary>
    /// <param name="data">The cells.</param>
    /// <param name="layer">The matrix; null for X.</param>
    /// <param name="share">Share to remove; rounded to whole genes.</param>
    /// <param name="key">Names the random choice.</param>
    public static AnnotatedData Without(AnnotatedData data, string? layer, double share, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(data);
        SparseMatrix x = data.MatrixOf(layer).ToSparse();
        var pointers = new long[x.Rows + 1];
        var indices = new List<int>();
        var values = new List<float>();
        for (int r = 0; r < x.Rows; r++)
        {
            var columns = x.RowIndices(r);
            var stored = x.RowValues(r);
            var expressed = new List<int>();
            for (int k = 0; k < columns.Length; k++)
                if (stored[k] > 0) expressed.Add(k);
            int[] order = new RandomStream(key.Split(r)).NextPermutation(expressed.Count);
            int[] kept = [.. order.Skip((int)Math.Round(share * expressed.Count)).Order()];
            foreach (int k in kept)
            {
                indices.Add(columns[expressed[k]]);
                values.Add(stored[expressed[k]]);
            }
            pointers[r + 1] = indices.Count;
        }
        return new AnnotatedData(data.Obs, data.Var, new SparseMatrix(x.Rows, x.Columns, pointers, [.. indices], [.. values])) { Source = data.Source };
    }

    /// <summary>Deals the cells of every class to the folds as evenly as possible.</summary>
    /// <param name="labels">Class of each cell, from 0.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="folds">Number of folds.</param>
    /// <param name="key">Names the random choice.</param>
    /// <returns>Fold of each cell, from 0.</returns>
    public static int[] Folds(int[] labels, int classes, int folds, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(labels);
        var fold = new int[labels.Length];
        int next = 0;
        for (int k = 0; k < classes; k++)
        {
            int[] members = [.. Enumerable.Range(0, labels.Length).Where(c => labels[c] == k)];
            new RandomStream(key.Split(k)).Shuffle<int>(members);
            foreach (int c in members) fold[c] = next++ % folds;
        }
        return fold;
    }

    /// <summary>The cells with all their genes, then with each share of them removed.</summary>
    private static NormalizedCells[] WithShares(AnnotatedData data, string? layer, CellPreprocessing preprocessing, EvaluationOptions options, ITrainingProgress progress)
    {
        if (options.Dropout.Count > 0 && !CountSummary.Of(data.MatrixOf(layer)).IsRawCounts)
            throw new InputException($"'{data.Source}', {layer ?? "X"}: genes can only be removed from raw counts; choose them with --layer, or leave out --dropout.");
        RandomKey key = RandomKey.From(options.Seed, "scrobust evaluation").Split("removed genes");
        return [NormalizedCells.From(data, preprocessing, progress, layer), .. options.Dropout.Select(d => NormalizedCells.From(Without(data, layer, d, key), preprocessing, NoProgress.Instance))];
    }
}
