namespace Cellcast.Survival;

/// <summary>
/// Weights of subjects in scores of predictions. They say how much a subject stands for, not how many subjects there were: only their ratios count, and errors are those of
/// the effective number of subjects, (sum w)^2 / sum w^2 (Kish 1965), which is their number when all weights are alike.
/// </summary>
internal readonly struct ScoreWeights
{
    private readonly double[] _weight;

    private ScoreWeights(double[] weight, double effective) => (_weight, Effective) = (weight, effective);

    /// <summary>Effective number of subjects; what the weights sum to.</summary>
    internal double Effective { get; }

    internal double this[int i] => _weight[i];

    internal ReadOnlySpan<double> Values => _weight;

    /// <summary>Checks weights and scales them.</summary>
    /// <param name="weights">n values, or empty for 1 each.</param>
    /// <param name="n">Number of subjects.</param>
    /// <exception cref="SurvivalDataException">There are not n, one is negative or not finite, or all are 0.</exception>
    internal static ScoreWeights Of(ReadOnlySpan<double> weights, int n)
    {
        var weight = new double[n];
        if (weights.IsEmpty)
        {
            Array.Fill(weight, 1);
            return new ScoreWeights(weight, n);
        }
        if (weights.Length != n) throw new SurvivalDataException($"there are {n} outcomes but {weights.Length} weights: give one per subject, in the same order");
        double largest = 0;
        for (int i = 0; i < n; i++)
        {
            if (!(weights[i] >= 0) || double.IsInfinity(weights[i])) throw new SurvivalDataException($"the weight of {SurvivalData.Subject(i, n)} is {weights[i]}: weights must be finite and not negative");
            largest = Math.Max(largest, weights[i]);
        }
        if (largest == 0) throw new SurvivalDataException($"all {n} weights are 0: nobody counts");
        double sum = 0, squares = 0;
        for (int i = 0; i < n; i++)
        {
            double w = weights[i] / largest;
            sum += w;
            squares += w * w;
        }
        double effective = sum * sum / squares;
        for (int i = 0; i < n; i++) weight[i] = weights[i] / largest * (effective / sum);
        return new ScoreWeights(weight, effective);
    }
}
