using Cellcast.AnnData;

namespace Cellcast.Analysis.Statistics;

/// <summary>What the cells of one type contribute.</summary>
/// <param name="Label">The type.</param>
/// <param name="Count">Number of its cells.</param>
/// <param name="Share">Their share of the labelled cells.</param>
/// <param name="Mean">Mean contribution.</param>
/// <param name="StandardDeviation">Unbiased standard deviation; NaN for a single cell.</param>
/// <param name="Median">Median contribution.</param>
/// <param name="Test">Rank-sum test against the cells of all other types; NaN when there is no other type.</param>
/// <param name="QValue">Its p-value adjusted over the types (Benjamini and Hochberg).</param>
public sealed record CellTypeContribution(string Label, int Count, double Share, double Mean, double StandardDeviation, double Median, RankSumTest Test, double QValue);

/// <summary>Summarises one value per cell by cell type.</summary>
public static class CellTypeSummary
{
    /// <summary>Summarises the contribution of every type, highest mean first (ties by name).</summary>
    /// <param name="labels">Type of each cell; cells without one are left out.</param>
    /// <param name="contribution">One finite value per cell.</param>
    /// <exception cref="InputException">The lengths differ, a value is not finite, or no cell has a label.</exception>
    public static IReadOnlyList<CellTypeContribution> Of(IReadOnlyList<string?> labels, ReadOnlySpan<double> contribution)
    {
        ArgumentNullException.ThrowIfNull(labels);
        if (labels.Count != contribution.Length) throw new InputException($"there are {labels.Count} labels but {contribution.Length} contributions; give one of each per cell.");
        int[] cells = [.. Enumerable.Range(0, labels.Count).Where(i => labels[i] is not null)];
        if (cells.Length == 0) throw new InputException("no cell has a label; name the column of obs that holds the cell types.");
        var values = new double[cells.Length];
        for (int k = 0; k < cells.Length; k++)
        {
            values[k] = contribution[cells[k]];
            if (!double.IsFinite(values[k])) throw new InputException($"the contribution of cell {cells[k]} is {values[k]}; only finite contributions can be summarised.");
        }
        int n = values.Length;
        var ranks = new double[n];
        double ties = Ranks.Of<double>((double[])values.Clone(), new int[n], ranks);
        var types = Enumerable.Range(0, n).GroupBy(k => labels[cells[k]]!, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g =>
            {
                int[] own = [.. g];
                double[] v = [.. own.Select(k => values[k]).Order()];
                var (mean, variance) = TwoSampleTests.MeanVariance(v);
                double median = v.Length % 2 == 1 ? v[v.Length / 2] : (v[v.Length / 2 - 1] + v[v.Length / 2]) / 2, sum = 0;
                foreach (int k in own) sum += ranks[k];
                var test = TwoSampleTests.FromRankSum(sum, own.Length, n - own.Length, ties, continuity: true);
                return new CellTypeContribution(g.Key, own.Length, (double)own.Length / n, mean, Math.Sqrt(variance), median, test, double.NaN);
            }).ToArray();
        double[] q = MultipleTesting.BenjaminiHochberg([.. types.Select(t => t.Test.PValue)]);
        return [.. types.Select((t, k) => t with { QValue = q[k] }).OrderByDescending(t => t.Mean).ThenBy(t => t.Label, StringComparer.Ordinal)];
    }
}
