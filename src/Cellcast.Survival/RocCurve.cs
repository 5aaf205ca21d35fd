namespace Cellcast.Survival;

/// <summary>The receiver operating characteristic of a score: which share of the yes and of the no lies at or above each threshold. The area below it, ties by halves, is <see cref="BinaryScores.Auc"/>.</summary>
/// <param name="FalsePositive">Share of the no at or above each threshold, ascending from 0 to 1.</param>
/// <param name="TruePositive">Share of the yes at or above it.</param>
public sealed record RocCurve(IReadOnlyList<double> FalsePositive, IReadOnlyList<double> TruePositive)
{
    /// <summary>Goes through the thresholds from the highest score down; subjects of one score are one step.</summary>
    /// <param name="outcome">The outcomes, n values, both kinds present.</param>
    /// <param name="score">n finite values, higher meaning yes.</param>
    /// <param name="weights">How much each subject counts, n values, or empty for 1 each.</param>
    /// <exception cref="SurvivalDataException">Lengths differ, a value is not finite, or all outcomes are the same.</exception>
    public static RocCurve Compute(ReadOnlySpan<bool> outcome, ReadOnlySpan<double> score, ReadOnlySpan<double> weights = default)
    {
        int n = outcome.Length;
        if (score.Length != n) throw new SurvivalDataException($"there are {n} outcomes but {score.Length} scores: give one per subject, in the same order");
        bool[] yes = outcome.ToArray();
        double[] s = score.ToArray();
        for (int i = 0; i < n; i++)
            if (!double.IsFinite(s[i])) throw new SurvivalDataException($"the score of {SurvivalData.Subject(i, n)} is {s[i]}: only finite values can be used");
        double[] weight = weights.IsEmpty ? [.. Enumerable.Repeat(1.0, n)] : ScoreWeights.Of(weights, n).Values.ToArray();
        double positive = 0, negative = 0, right = 0, wrong = 0;
        for (int i = 0; i < n; i++)
        {
            if (yes[i]) positive += weight[i];
            else negative += weight[i];
        }
        if (positive == 0 || negative == 0) throw new SurvivalDataException($"all {n} outcomes are alike: there is no pair to tell apart");
        int[] order = [.. Enumerable.Range(0, n).OrderByDescending(i => s[i])];
        List<double> falsePositive = [0], truePositive = [0];
        for (int k = 0; k < n; k++)
        {
            if (yes[order[k]]) right += weight[order[k]];
            else wrong += weight[order[k]];
            if (k + 1 < n && s[order[k + 1]] == s[order[k]]) continue;
            // The end is 1, whatever the rounding of the sums.
            falsePositive.Add(k + 1 == n ? 1 : wrong / negative);
            truePositive.Add(k + 1 == n ? 1 : right / positive);
        }
        return new RocCurve(falsePositive, truePositive);
    }
}
