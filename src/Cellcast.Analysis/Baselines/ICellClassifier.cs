using Cellcast.AnnData;

namespace Cellcast.Analysis.Baselines;

/// <summary>Gives cells of known classes.</summary>
public interface ICellClassifier
{
    /// <summary>The classes, sorted ordinally.</summary>
    IReadOnlyList<string> Classes { get; }

    /// <summary>Probability of every class for every cell, cells x classes, row-major; rows sum to one.</summary>
    /// <param name="expression">Cells x genes, the genes of the training cells in the same order.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    double[] Probabilities(SparseMatrix expression, int threads = 0);
}

/// <summary>What follows from probabilities.</summary>
public static class CellClassifier
{
    /// <summary>The most probable class of every cell; of equal ones the first.</summary>
    /// <param name="classifier">A trained classifier.</param>
    /// <param name="expression">Cells x genes.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static string[] Predict(this ICellClassifier classifier, SparseMatrix expression, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        ArgumentNullException.ThrowIfNull(expression);
        double[] p = classifier.Probabilities(expression, threads);
        int k = classifier.Classes.Count;
        var predicted = new string[expression.Rows];
        for (int i = 0; i < predicted.Length; i++)
        {
            int best = 0;
            for (int c = 1; c < k; c++)
                if (p[(long)i * k + c] > p[(long)i * k + best]) best = c;
            predicted[i] = classifier.Classes[best];
        }
        return predicted;
    }

    /// <summary>Classes of labels in ordinal order, and the class of each cell.</summary>
    internal static (string[] Classes, int[] Class) Encode(SparseMatrix expression, IReadOnlyList<string> labels)
    {
        ArgumentNullException.ThrowIfNull(expression);
        ArgumentNullException.ThrowIfNull(labels);
        if (labels.Count != expression.Rows) throw new InputException($"there are {labels.Count} labels but {expression.Rows} cells; give one label per cell.");
        string[] classes = [.. labels.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (classes.Length < 2) throw new InputException($"all {labels.Count} cells have the same label; a classifier needs at least two classes.");
        return (classes, [.. labels.Select(l => Array.BinarySearch(classes, l, StringComparer.Ordinal))]);
    }

    internal static void RequireGenes(SparseMatrix expression, int genes)
    {
        ArgumentNullException.ThrowIfNull(expression);
        if (expression.Columns != genes) throw new InputException($"the cells have {expression.Columns} genes but the classifier was trained on {genes}; bring them to the same genes in the same order.");
    }

    /// <summary>exp(z) over its sum, in place.</summary>
    internal static void Softmax(Span<double> z)
    {
        double top = double.NegativeInfinity, sum = 0;
        foreach (double v in z) top = Math.Max(top, v);
        for (int c = 0; c < z.Length; c++) sum += z[c] = Math.Exp(z[c] - top);
        for (int c = 0; c < z.Length; c++) z[c] /= sum;
    }
}
