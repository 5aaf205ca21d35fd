using Cellcast.AnnData;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Clinical;

/// <summary>Parts of a cohort for cross-validation: each has its share of the deaths, of yes and no, or of small and large outcomes.</summary>
public static class CohortFolds
{
    /// <summary>Least number of deaths (or of the rarer outcome) that a fold must be able to hold.</summary>
    public const int MinimumPerFold = 2;

    /// <summary>Deals patients to folds at random.</summary>
    /// <param name="outcome">Outcome of all patients.</param>
    /// <param name="folds">Number of folds, at least 2.</param>
    /// <param name="key">Source of chance.</param>
    /// <returns>Fold of each patient, from 0.</returns>
    /// <exception cref="InputException">There are too few deaths for that many folds.</exception>
    public static int[] Deal(Outcome outcome, int folds, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        ArgumentOutOfRangeException.ThrowIfLessThan(folds, 2);
        if (outcome.Information < folds * MinimumPerFold)
            throw new InputException($"the cohort has only {outcome.Information} {Words(outcome.Kind, outcome.Information)}, too few for {folds} folds with {MinimumPerFold} each; use fewer folds or more patients.");
        int[] group = Groups(outcome);
        var fold = new int[group.Length];
        int next = 0;
        foreach (int g in group.Distinct().Order())
        {
            int[] members = [.. Enumerable.Range(0, group.Length).Where(i => group[i] == g)];
            new RandomStream(key.Split(g)).Shuffle<int>(members);
            foreach (int i in members) fold[i] = next++ % folds;
        }
        return fold;
    }

    /// <summary>Deals patients to folds by the outcome alone, in order of time or value: for choosing penalties without chance.</summary>
    /// <param name="outcome">Outcome of the patients.</param>
    /// <param name="folds">Number of folds; fewer when there is less to learn from.</param>
    internal static int[] InOrder(Outcome outcome, int folds)
    {
        int[] group = Groups(outcome);
        Func<int, double> value = outcome switch { SurvivalOutcome s => i => s.Data.Time[i], ContinuousOutcome c => i => c.Values[i], _ => _ => 0 };
        int[] order = [.. Enumerable.Range(0, group.Length).OrderBy(i => group[i]).ThenBy(value).ThenBy(i => i)];
        int k = Math.Clamp(outcome.Information, 2, folds);
        var fold = new int[group.Length];
        for (int s = 0; s < order.Length; s++) fold[order[s]] = s % k;
        return fold;
    }

    private static string Words(OutcomeKind kind, int count) => (kind == OutcomeKind.Survival ? "event" : "patient") + (count == 1 ? "" : "s") + (kind == OutcomeKind.Binary ? " with the rarer outcome" : "");

    private static int[] Groups(Outcome outcome)
    {
        switch (outcome)
        {
            case SurvivalOutcome s:
                return [.. s.Data.Event.ToArray().Select(e => e ? 0 : 1)];
            case BinaryOutcome b:
                return [.. b.Values.Select(v => v ? 0 : 1)];
            default:
                // Fifths of the values.
                double[] values = ((ContinuousOutcome)outcome).Values;
                int[] order = [.. Enumerable.Range(0, values.Length).OrderBy(i => values[i]).ThenBy(i => i)];
                var fifth = new int[values.Length];
                for (int s = 0; s < order.Length; s++) fifth[order[s]] = (int)((long)s * 5 / order.Length);
                return fifth;
        }
    }
}
