using Cellcast.Analysis.Baselines;
using Cellcast.Analysis.Metrics;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>What the model is measured against, trained on the same cells.</summary>
internal static class EvaluationBaselines
{
    internal static (string Name, ICellClassifier Classifier)[] Train(SparseMatrix cells, int[] labels, string[] classes, FineTuningOptions settings, EvaluationOptions options, int threads, CancellationToken cancellation)
    {
        string[] names = [.. labels.Select(k => classes[k])];
        var (training, held) = FineTuning.Split(labels, classes.Length, settings);
        var baselines = new List<(string, ICellClassifier)> { ("logistic regression", Logistic(cells, names, training, held, options.LogisticC, (x, _) => x, 0, threads, cancellation)) };
        if (settings.TrainDropout > 0)
        {
            RandomKey key = RandomKey.From(settings.Seed, "scrobust thinned baseline");
            // Every cell is there several times over: the penalty grows along.
            double[] grid = [.. options.LogisticC.Select(c => c / (1 + options.ThinnedCopies))];
            baselines.Add(("logistic regression with dropout", Logistic(cells, names, training, held, grid,
                (x, part) => CellThinning.WithCopies(x, options.ThinnedCopies, settings.TrainDropout, key.Split(part)), options.ThinnedCopies, threads, cancellation)));
        }
        return [.. baselines, ("nearest centroid", NearestCentroid.Train(cells, names)), ("k nearest neighbours", NeighborVote.Train(cells, names, threads: threads)), ("naive Bayes", NaiveBayes.Train(cells, names))];
    }

    /// <summary>Logistic regression whose C is chosen on held-out cells, fitted to all.</summary>
    private static LogisticRegression Logistic(SparseMatrix cells, string[] names, int[] training, int[] held, IReadOnlyList<double> grid, Func<SparseMatrix, string, SparseMatrix> prepare, int copies, int threads,
        CancellationToken cancellation)
    {
        string[] Repeated(IEnumerable<string> labels) => [.. Enumerable.Repeat(labels, 1 + copies).SelectMany(l => l)];
        SparseMatrix inner = prepare(cells.SelectRows(training), "inner"), validation = prepare(cells.SelectRows(held), "held out");
        string[] innerNames = Repeated(training.Select(c => names[c])), heldNames = Repeated(held.Select(c => names[c]));
        double best = double.NegativeInfinity, chosen = grid[0];
        LogisticRegression? last = null, start = null;
        foreach (double c in grid.Order()) // from strong to weak penalty, each from the one before: a path of short steps
        {
            last = LogisticRegression.Train(inner, innerNames, new LogisticRegressionOptions { C = c }, last, threads, cancellation);
            double f1 = ConfusionMatrix.Of(heldNames, last.Predict(validation, threads)).MacroF1;
            if (f1 > best) (best, chosen, start) = (f1, c, last);
        }
        return LogisticRegression.Train(prepare(cells, "all"), Repeated(names), new LogisticRegressionOptions { C = chosen }, start, threads, cancellation);
    }
}
