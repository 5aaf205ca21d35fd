namespace Cellcast.Survival;

/// <summary>Do predicted probabilities of a yes come true? Subjects are put into groups of equal size by their prediction, and the mean prediction of a group is set against its share of yes,
/// with limits by Wilson's score interval (Wilson 1927). Source: Harrell, Regression Modeling Strategies (2015), section 10.11.</summary>
public static class ProbabilityCalibration
{
    /// <summary>Compares probabilities with outcomes.</summary>
    /// <param name="outcome">The outcomes, n values.</param>
    /// <param name="probability">Predicted probability of yes, n values.</param>
    /// <param name="groups">How many groups to form, of equal numbers of subjects; at most n.</param>
    /// <param name="weights">How much each subject counts in its group, n values, or empty for 1 each; limits are those of the effective number of subjects.</param>
    /// <returns>The groups, lowest prediction first.</returns>
    /// <exception cref="SurvivalDataException">Lengths differ, or a value is no probability.</exception>
    public static IReadOnlyList<CalibrationGroup> Compute(ReadOnlySpan<bool> outcome, ReadOnlySpan<double> probability, int groups, ReadOnlySpan<double> weights = default)
    {
        int n = outcome.Length;
        if (probability.Length != n) throw new SurvivalDataException($"there are {n} outcomes but {probability.Length} probabilities: give one per subject, in the same order");
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        bool[] yes = outcome.ToArray();
        double[] p = probability.ToArray();
        for (int i = 0; i < n; i++)
            if (!(p[i] is >= 0 and <= 1)) throw new SurvivalDataException($"the probability of {SurvivalData.Subject(i, n)} is {p[i]}: probabilities lie between 0 and 1");
        int[] order = [.. Enumerable.Range(0, n).OrderBy(i => p[i]).ThenBy(i => i)];
        double[] all = weights.ToArray();
        if (all.Length > 0) _ = ScoreWeights.Of(all, n);
        groups = Math.Min(groups, n);
        var result = new List<CalibrationGroup>();
        for (int g = 0; g < groups; g++)
        {
            int[] members = order[(int)((long)g * n / groups)..(int)((long)(g + 1) * n / groups)];
            if (all.Length > 0 && members.All(i => all[i] == 0)) continue; // nobody in it counts
            var weight = ScoreWeights.Of(all.Length == 0 ? default : [.. members.Select(i => all[i])], members.Length);
            double count = 0, expected = 0;
            for (int k = 0; k < members.Length; k++)
            {
                expected += weight[k] * p[members[k]];
                if (yes[members[k]]) count += weight[k];
            }
            var (lower, upper) = Wilson(Math.Min(count, weight.Effective), weight.Effective);
            result.Add(new CalibrationGroup(members.Length, expected / weight.Effective, count / weight.Effective, lower, upper));
        }
        return result;
    }

    /// <summary>Wilson's 95 % score interval of a share.</summary>
    /// <param name="count">How many of them, or their weight.</param>
    /// <param name="of">Of how many, or their weight; above 0.</param>
    public static (double Lower, double Upper) Wilson(double count, double of)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(of);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, of);
        double z = Distributions.TwoSidedQuantile(0.95), p = count / of, spread = 1 + z * z / of;
        double middle = (p + z * z / (2 * of)) / spread, half = z * Math.Sqrt(p * (1 - p) / of + z * z / (4.0 * of * of)) / spread;
        return (count == 0 ? 0 : middle - half, count == of ? 1 : middle + half);
    }
}
