namespace Cellcast.Models.ScRobust;

/// <summary>Makes confidence mean what it says, from cells that were not trained on.</summary>
public static class Calibration
{
    private const double Least = 0.05, Most = 20;

    /// <summary>The temperature that logits are divided by: the one under which the labels are likeliest (Guo et al. 2017). As in Platt's calibration the labels are taken as right with
    /// chance (n + 1) / (n + 2), so that few cells that are all called right do not make the classifier certain.</summary>
    /// <param name="logits">Cells x classes.</param>
    /// <param name="labels">True class of each cell.</param>
    /// <param name="classes">Number of classes, at least 2.</param>
    public static double Temperature(ReadOnlySpan<double> logits, ReadOnlySpan<int> labels, int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        if (labels.Length == 0 || logits.Length != (long)labels.Length * classes) throw new ArgumentException($"{logits.Length} logits for {labels.Length} cells and {classes} classes", nameof(logits));
        double ratio = (Math.Sqrt(5) - 1) / 2, low = Math.Log(Least), high = Math.Log(Most);
        double a = high - ratio * (high - low), b = low + ratio * (high - low);
        double lossA = Loss(logits, labels, classes, Math.Exp(a)), lossB = Loss(logits, labels, classes, Math.Exp(b));
        // The loss is convex in 1 / temperature, so it has one minimum on this scale too.
        for (int i = 0; i < 60; i++)
        {
            if (lossA <= lossB)
            {
                (high, b, lossB) = (b, a, lossA);
                lossA = Loss(logits, labels, classes, Math.Exp(a = high - ratio * (high - low)));
            }
            else
            {
                (low, a, lossA) = (a, b, lossB);
                lossB = Loss(logits, labels, classes, Math.Exp(b = low + ratio * (high - low)));
            }
        }
        return Math.Exp((low + high) / 2);
    }

    /// <summary>Below this confidence a cell is called unknown: so chosen that the wanted share of the cells that were called right keep their label.</summary>
    /// <param name="confidence">Confidence of the cells that were called right.</param>
    /// <param name="kept">Share that shall keep their label, in (0, 1].</param>
    /// <returns>0 where no cell was called right.</returns>
    public static double Threshold(ReadOnlySpan<double> confidence, double kept)
    {
        if (!(kept is > 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(kept), kept, "a share above 0 and at most 1 is needed");
        if (confidence.Length == 0) return 0;
        double[] sorted = confidence.ToArray();
        Array.Sort(sorted);
        return sorted[Math.Min(sorted.Length - 1, (int)Math.Floor((1 - kept) * sorted.Length + 1e-9))];
    }

    /// <summary>Probabilities of one cell: softmax of its logits over the temperature.</summary>
    /// <param name="logits">One per class.</param>
    /// <param name="temperature">Above 0.</param>
    /// <param name="probabilities">One per class, filled.</param>
    public static void Probabilities(ReadOnlySpan<double> logits, double temperature, Span<double> probabilities)
    {
        double largest = double.NegativeInfinity, sum = 0;
        foreach (double z in logits) largest = Math.Max(largest, z);
        for (int k = 0; k < logits.Length; k++) sum += probabilities[k] = Math.Exp((logits[k] - largest) / temperature);
        for (int k = 0; k < logits.Length; k++) probabilities[k] /= sum;
    }

    private static double Loss(ReadOnlySpan<double> logits, ReadOnlySpan<int> labels, int classes, double temperature)
    {
        double wrong = 1.0 / (labels.Length + 2), total = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            var z = logits.Slice(i * classes, classes);
            double largest = double.NegativeInfinity, sum = 0, mean = 0;
            foreach (double v in z) largest = Math.Max(largest, v);
            foreach (double v in z)
            {
                sum += Math.Exp((v - largest) / temperature);
                mean += (v - largest) / temperature;
            }
            double right = (z[labels[i]] - largest) / temperature;
            total += Math.Log(sum) - (1 - wrong) * right - wrong * (mean - right) / (classes - 1);
        }
        return total;
    }
}
