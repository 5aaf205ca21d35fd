using Cellcast.Analysis.Statistics;

namespace Cellcast.Analysis.Metrics;

/// <summary>How a classifier did on one class.</summary>
/// <param name="Label">The class.</param>
/// <param name="Support">Number of cells of this class.</param>
/// <param name="Precision">Share of the cells called this class that are; 0 when none was called.</param>
/// <param name="Recall">Share of the cells of this class that were called so; 0 when there is none.</param>
/// <param name="F1">Harmonic mean of both.</param>
public sealed record ClassScore(string Label, int Support, double Precision, double Recall, double F1);

/// <summary>True against predicted classes.</summary>
public sealed class ConfusionMatrix
{
    private ConfusionMatrix(string[] labels, int[,] counts)
    {
        (Labels, Counts) = (labels, counts);
        int n = labels.Length, correct = 0, total = 0;
        var classes = new ClassScore[n];
        for (int a = 0; a < n; a++)
        {
            int support = 0, called = 0, hit = counts[a, a];
            for (int b = 0; b < n; b++)
            {
                support += counts[a, b];
                called += counts[b, a];
            }
            correct += hit;
            total += support;
            classes[a] = new ClassScore(labels[a], support, called == 0 ? 0 : (double)hit / called, support == 0 ? 0 : (double)hit / support,
                support + called == 0 ? 0 : 2.0 * hit / (support + called));
        }
        Classes = classes;
        Accuracy = (double)correct / total;
        MacroF1 = classes.Average(c => c.F1);
        WeightedF1 = classes.Sum(c => c.F1 * c.Support) / total;
    }

    /// <summary>All classes that occur, true or predicted, sorted ordinally.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>Counts, true class x predicted class.</summary>
    public int[,] Counts { get; }

    /// <summary>Scores of each class.</summary>
    public IReadOnlyList<ClassScore> Classes { get; }

    /// <summary>Share of cells called right.</summary>
    public double Accuracy { get; }

    /// <summary>Mean F1 over all classes that occur, true or predicted.</summary>
    public double MacroF1 { get; }

    /// <summary>Mean F1 weighted by the size of the classes.</summary>
    public double WeightedF1 { get; }

    /// <summary>Counts true against predicted classes.</summary>
    /// <param name="truth">True class of each cell.</param>
    /// <param name="predicted">Predicted class of each cell.</param>
    public static ConfusionMatrix Of(IReadOnlyList<string> truth, IReadOnlyList<string> predicted)
    {
        ArgumentNullException.ThrowIfNull(truth);
        ArgumentNullException.ThrowIfNull(predicted);
        if (truth.Count != predicted.Count || truth.Count == 0) throw new ArgumentException($"{truth.Count} true classes but {predicted.Count} predicted ones", nameof(predicted));
        string[] labels = [.. truth.Concat(predicted).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        var counts = new int[labels.Length, labels.Length];
        for (int i = 0; i < truth.Count; i++)
            counts[Array.BinarySearch(labels, truth[i], StringComparer.Ordinal), Array.BinarySearch(labels, predicted[i], StringComparer.Ordinal)]++;
        return new ConfusionMatrix(labels, counts);
    }
}

/// <summary>Area under the receiver operating characteristic.</summary>
public static class AreaUnderCurve
{
    /// <summary>The chance that a positive scores above a negative, ties counting one half; NaN without both.</summary>
    /// <param name="positive">Which are positive.</param>
    /// <param name="score">Higher means rather positive.</param>
    public static double Binary(ReadOnlySpan<bool> positive, ReadOnlySpan<double> score)
    {
        if (positive.Length != score.Length) throw new ArgumentException($"{positive.Length} truths but {score.Length} scores", nameof(score));
        double[] ranks = Ranks.Of(score);
        double sum = 0, n = 0;
        for (int i = 0; i < ranks.Length; i++)
        {
            if (!positive[i]) continue;
            sum += ranks[i];
            n++;
        }
        double m = ranks.Length - n;
        return n == 0 || m == 0 ? double.NaN : (sum - n * (n + 1) / 2) / (n * m);
    }

    /// <summary>Mean over all pairs of classes of the area in telling one from the other, each way round, weighted by the share of cells in the pair (Hand and Till 2001).</summary>
    /// <param name="truth">True class of each cell, from 0.</param>
    /// <param name="probability">Cells x classes, row-major.</param>
    /// <param name="classes">Number of classes; pairs with an absent class do not count.</param>
    public static double OneVersusOne(ReadOnlySpan<int> truth, ReadOnlySpan<double> probability, int classes)
    {
        int n = truth.Length;
        if (probability.Length != (long)n * classes) throw new ArgumentException($"{n} cells of {classes} classes need {(long)n * classes} probabilities, not {probability.Length}", nameof(probability));
        int[] label = truth.ToArray();
        double[] p = probability.ToArray();
        int[][] members = [.. Enumerable.Range(0, classes).Select(c => Enumerable.Range(0, n).Where(i => label[i] == c).ToArray())];
        double total = 0, weight = 0;
        for (int a = 0; a < classes; a++)
        {
            for (int b = a + 1; b < classes; b++)
            {
                if (members[a].Length == 0 || members[b].Length == 0) continue;
                int[] pair = [.. members[a], .. members[b]];
                double One(int c) => Binary([.. pair.Select(i => label[i] == c)], [.. pair.Select(i => p[(long)i * classes + c])]);
                total += pair.Length * (One(a) + One(b)) / 2;
                weight += pair.Length;
            }
        }
        return weight == 0 ? double.NaN : total / weight;
    }
}
