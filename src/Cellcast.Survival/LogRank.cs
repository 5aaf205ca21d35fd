namespace Cellcast.Survival;

/// <summary>
/// The log-rank test: do groups of subjects survive alike? Sources: Mantel (1966); Peto and Peto (1972). With weights that differ, the score test of a Cox model of the groups with the variance of
/// Lin and Wei (1989), as Binder (1992) has it: weights then say how much a subject stands for, not how many subjects there were, and only their ratios count.
/// </summary>
public sealed class LogRank
{
    private LogRank(int[] groups, double[] observed, double[] expected, ChiSquaredTest test) =>
        (Groups, Observed, Expected, Test) = (groups, observed, expected, test);

    /// <summary>The groups, ascending.</summary>
    public IReadOnlyList<int> Groups { get; }

    /// <summary>Deaths in each group; their weight where weights differ.</summary>
    public IReadOnlyList<double> Observed { get; }

    /// <summary>Deaths expected in each group if all survive alike.</summary>
    public IReadOnlyList<double> Expected { get; }

    /// <summary>The test, with one degree of freedom less than there are groups.</summary>
    public ChiSquaredTest Test { get; }

    /// <summary>Compares groups, within strata when the data has them. Subjects count from their entry on.</summary>
    /// <param name="data">Follow-up of n subjects.</param>
    /// <param name="group">Group of each subject (any numbers), n values.</param>
    /// <exception cref="SurvivalDataException">Fewer than two groups, no event, or groups that are never at risk together.</exception>
    public static LogRank Compute(SurvivalData data, ReadOnlySpan<int> group)
    {
        ArgumentNullException.ThrowIfNull(data);
        int n = data.Count;
        data.RequireMatching(group.Length, "groups");
        data.RequireEvents("the log-rank test");
        int[] groups = [.. group.ToArray().Distinct().Order()];
        int k = groups.Length;
        bool weighted = false;
        for (int i = 1; i < n; i++) weighted |= data.WeightOf(i) != data.WeightOf(0);
        if (k < 2) throw new SurvivalDataException("all subjects are in one group: the log-rank test needs at least two");
        var index = new int[n];
        for (int i = 0; i < n; i++) index[i] = Array.BinarySearch(groups, group[i]);

        double[] observed = new double[k], expected = new double[k], covariance = new double[k * k], atRisk = new double[k], deaths = new double[k];
        int[] order = [.. Enumerable.Range(0, n).OrderBy(data.StratumOf).ThenBy(i => data.Time[i]).ThenBy(i => i)];
        int[] latestFirst = data.Entry.IsEmpty ? [] : [.. Enumerable.Range(0, n).OrderByDescending(data.StratumOf).ThenByDescending(data.EntryOf).ThenBy(i => i)];
        int next = 0;
        for (int end = n - 1; end >= 0;)
        {
            int last = order[end];
            if (end == n - 1 || data.StratumOf(order[end + 1]) != data.StratumOf(last)) Array.Clear(atRisk);
            while (next < latestFirst.Length && data.StratumOf(latestFirst[next]) > data.StratumOf(last)) next++;
            for (; next < latestFirst.Length && data.StratumOf(latestFirst[next]) == data.StratumOf(last) && data.EntryOf(latestFirst[next]) >= data.Time[last]; next++)
                atRisk[index[latestFirst[next]]]--; // entry comes before time, so they have been counted
            Array.Clear(deaths);
            double d = 0;
            for (; end >= 0 && data.Time[order[end]] == data.Time[last] && data.StratumOf(order[end]) == data.StratumOf(last); end--)
            {
                int i = order[end];
                atRisk[index[i]]++;
                if (!data.Event[i]) continue;
                deaths[index[i]]++;
                d++;
            }
            if (d == 0) continue;
            double total = atRisk.Sum(), f = total > 1 ? d * (total - d) / (total - 1) : 0;
            for (int a = 0; a < k; a++)
            {
                observed[a] += deaths[a];
                expected[a] += d * atRisk[a] / total;
                for (int b = 0; b < k; b++) covariance[a * k + b] += f * atRisk[a] / total * ((a == b ? 1 : 0) - atRisk[b] / total);
            }
        }

        if (weighted) Weighted(data, index, observed, expected, covariance);

        // The covariance has rank k - 1; a group that never shares a risk set with another says nothing and is left out, the last one is redundant.
        int[] used = [.. Enumerable.Range(0, k).Where(a => covariance[a * k + a] > 0)];
        int m = used.Length - 1;
        if (m < 1) throw new SurvivalDataException("no two groups are at risk at the same death: the log-rank test cannot compare them");
        double[] difference = new double[m], v = new double[m * m], diagonal = new double[m];
        for (int a = 0; a < m; a++)
        {
            difference[a] = observed[used[a]] - expected[used[a]];
            diagonal[a] = covariance[used[a] * k + used[a]];
            for (int b = 0; b < m; b++) v[a * m + b] = covariance[used[a] * k + used[b]];
        }
        var system = SymmetricSystem.TryFactor(v, m, diagonal, 1e-12, out _)
            ?? throw new SurvivalDataException("some groups are never at risk together: compare them separately");
        return new LogRank(groups, observed, expected, ChiSquaredTest.Of(system.InverseQuadraticForm(difference), m));
    }

    private static void Weighted(SurvivalData data, int[] index, double[] observed, double[] expected, double[] covariance)
    {
        int n = data.Count, k = observed.Length;
        var x = new double[n * k];
        for (int i = 0; i < n; i++) x[i * k + index[i]] = 1;
        double[] residuals = ScoreResiduals.Of(data, x, k, default, TieMethod.Breslow);
        Array.Clear(observed);
        for (int i = 0; i < n; i++)
            if (data.Event[i]) observed[index[i]] += data.WeightOf(i);
        observed.CopyTo(expected, 0);
        for (int i = 0; i < n; i++)
            for (int a = 0; a < k; a++) expected[a] -= data.WeightOf(i) * residuals[i * k + a];
        ScoreResiduals.Squares(data, residuals, k).CopyTo(covariance, 0);
    }
}
