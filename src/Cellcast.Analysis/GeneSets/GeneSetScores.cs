using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.GeneSets;

/// <summary>How strongly single cells express gene sets.</summary>
public static class GeneSetScores
{
    /// <summary>
    /// Mean expression of the genes of a set less that of control genes drawn from genes of similar mean (Tirosh et al. 2016; Seurat's AddModuleScore and scanpy's <c>score_genes</c>): the genes are cut into
    /// bins by the rank of their mean, and of every bin that the set has a gene in, control genes outside the set are drawn.
    /// </summary>
    /// <param name="expression">Cells x genes, log-normalised.</param>
    /// <param name="sets">The sets; those without genes score NaN.</param>
    /// <param name="controls">Control genes per bin.</param>
    /// <param name="bins">Number of bins.</param>
    /// <param name="seed">Seed of the drawing; sets are drawn for independently of each other.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <returns>Sets x cells.</returns>
    /// <exception cref="InputException">A set leaves no gene as a control.</exception>
    public static double[][] AgainstControls(SparseMatrix expression, IReadOnlyList<MatchedGeneSet> sets, int controls = 50, int bins = 25, long seed = 0, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(expression);
        ArgumentNullException.ThrowIfNull(sets);
        ArgumentOutOfRangeException.ThrowIfLessThan(controls, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 2);
        int[] bin = BinsOf(expression, bins);
        var members = bin.Select((b, g) => (b, g)).GroupBy(x => x.b).ToDictionary(x => x.Key, x => x.Select(m => m.g).ToArray());
        var key = RandomKey.From(seed, "control genes");
        // What one gene adds to the score of each set.
        var terms = new List<(int Set, double Weight)>[expression.Columns];
        for (int s = 0; s < sets.Count; s++)
        {
            int[] own = sets[s].Genes;
            if (own.Length == 0) continue;
            var inSet = own.ToHashSet();
            var chosen = new List<int>();
            foreach (int b in own.Select(g => bin[g]).Distinct().Order())
            {
                int[] others = [.. members[b].Where(g => !inSet.Contains(g))];
                if (others.Length > controls) new RandomStream(key.Split(sets[s].Name).Split(b)).Shuffle<int>(others);
                chosen.AddRange(others.Take(controls));
            }
            if (chosen.Count == 0) throw new InputException($"the gene set '{sets[s].Name}' leaves no gene of similar expression to compare with; score smaller sets, or keep more genes.");
            foreach (int g in own) (terms[g] ??= []).Add((s, 1.0 / own.Length));
            foreach (int g in chosen) (terms[g] ??= []).Add((s, -1.0 / chosen.Count));
        }
        double[][] scores = [.. sets.Select(s => NewRow(expression.Rows, s))];
        Blocks.Ranges(expression.Rows, threads, (from, to) =>
        {
            for (int r = from; r < to; r++)
            {
                var index = expression.RowIndices(r);
                var value = expression.RowValues(r);
                for (int k = 0; k < index.Length; k++)
                    if (terms[index[k]] is { } own)
                        foreach (var (s, weight) in own) scores[s][r] += weight * value[k];
            }
        });
        return scores;
    }

    /// <summary>
    /// Area under the recovery curve of a set among the genes that a cell expresses most (Aibar et al. 2017, AUCell), from 0 to 1: 1 when they are the genes of the set. It depends on the ranks within the
    /// cell alone, so neither on normalisation nor on other cells. Ties, which AUCell breaks at random, count as the mean over all ways to break them.
    /// </summary>
    /// <param name="expression">Cells x genes, counts or normalised; not negative.</param>
    /// <param name="sets">The sets; those without genes score NaN.</param>
    /// <param name="topShare">Share of the genes that counts as the top.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <returns>Sets x cells.</returns>
    public static double[][] ByRank(SparseMatrix expression, IReadOnlyList<MatchedGeneSet> sets, double topShare = 0.05, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(expression);
        ArgumentNullException.ThrowIfNull(sets);
        if (!(topShare > 0 && topShare <= 1)) throw new ArgumentOutOfRangeException(nameof(topShare), topShare, "the share of top genes lies above 0 and at most at 1");
        int genes = expression.Columns, top = (int)Math.Ceiling(topShare * genes);
        var setsOf = new List<int>[genes];
        for (int s = 0; s < sets.Count; s++)
            foreach (int g in sets[s].Genes) (setsOf[g] ??= []).Add(s);
        double[] most = [.. sets.Select(s => Enumerable.Range(1, Math.Max(0, Math.Min(s.Genes.Length, top - 1))).Sum(i => (double)(top - i)))];
        double[][] scores = [.. sets.Select(s => NewRow(expression.Rows, s))];
        Blocks.Ranges(expression.Rows, threads, (from, to) =>
        {
            var found = new int[sets.Count];
            for (int r = from; r < to; r++)
            {
                var index = expression.RowIndices(r);
                float[] value = expression.RowValues(r).ToArray();
                if (Array.Exists(value, v => !(v >= 0))) throw new InputException($"cell {r + 1} has a negative or missing value; scores by rank need expression of at least 0.");
                int[] order = new int[value.Length];
                for (int i = 0; i < value.Length; i++) value[i] = -value[i];
                if (value.Length > 0) RadixOrder.Sort(value, order);
                int expressed = value.Length;
                while (expressed > 0 && value[expressed - 1] == 0) expressed--; // stored zeros
                Array.Clear(found);
                for (int first = 0; first < expressed;)
                {
                    int end = first + 1;
                    while (end < expressed && value[end] == value[first]) end++;
                    double gain = MeanGain(first + 1, end, top);
                    for (int k = first; k < end; k++)
                    {
                        if (setsOf[index[order[k]]] is not { } own) continue;
                        foreach (int s in own)
                        {
                            scores[s][r] += gain;
                            found[s]++;
                        }
                    }
                    first = end;
                }
                double rest = expressed < genes ? MeanGain(expressed + 1, genes, top) : 0;
                for (int s = 0; s < sets.Count; s++)
                    if (most[s] > 0) scores[s][r] = (scores[s][r] + rest * (sets[s].Genes.Length - found[s])) / most[s];
            }
        });
        return scores;
    }

    /// <summary>Mean of max(0, top - rank) over ranks first … last.</summary>
    private static double MeanGain(int first, int last, int top)
    {
        int end = Math.Min(last, top);
        return end < first ? 0 : ((double)top - (first + end) / 2.0) * (end - first + 1) / (last - first + 1);
    }

    /// <summary>Bin of each gene by the rank of its mean; equal means share the lowest rank.</summary>
    private static int[] BinsOf(SparseMatrix expression, int bins)
    {
        double[] means = expression.ColumnStatistics().Means();
        int n = means.Length, size = Math.Max(1, (int)Math.Round(n / (double)(bins - 1)));
        int[] order = [.. Enumerable.Range(0, n).OrderBy(g => means[g])], bin = new int[n];
        for (int k = 0, rank = 1; k < n; k++)
        {
            if (k > 0 && means[order[k]] != means[order[k - 1]]) rank = k + 1;
            bin[order[k]] = rank / size;
        }
        return bin;
    }

    private static double[] NewRow(int cells, MatchedGeneSet set)
    {
        var row = new double[cells];
        if (set.Genes.Length == 0) Array.Fill(row, double.NaN);
        return row;
    }
}
