namespace Cellcast.Survival;

/// <summary>
/// Harrell's concordance: the share of comparable pairs in which the subject that dies earlier has the higher risk, a tied risk counting one half.
/// A pair is comparable when the earlier time is a death; a death and a censoring at the same time are, the death being earlier.
/// The standard error is the infinitesimal jackknife's. O(n log n). Sources: Harrell (1982); Therneau and Watson (2017).
/// </summary>
public sealed class Concordance
{
    private Concordance(double concordant, double discordant, double tied, double standardError)
    {
        (Concordant, Discordant, TiedRisk, StandardError) = (concordant, discordant, tied, standardError);
    }

    /// <summary>The concordance, 0 to 1; one half is chance.</summary>
    public double Value => (Concordant + 0.5 * TiedRisk) / Comparable;

    /// <summary>Its standard error.</summary>
    public double StandardError { get; }

    /// <summary>Weight of the pairs in which the higher risk dies first.</summary>
    public double Concordant { get; }

    /// <summary>Weight of the pairs in which the lower risk dies first.</summary>
    public double Discordant { get; }

    /// <summary>Weight of the comparable pairs of equal risk.</summary>
    public double TiedRisk { get; }

    /// <summary>Weight of all comparable pairs.</summary>
    public double Comparable => Concordant + Discordant + TiedRisk;

    /// <summary>Computes the concordance; pairs are compared within a stratum only.</summary>
    /// <param name="data">Follow-up of n subjects.</param>
    /// <param name="risk">n values, higher meaning an earlier death (a linear predictor, a hazard); only their order counts.</param>
    /// <exception cref="SurvivalDataException">A risk is NaN, or no pair is comparable.</exception>
    public static Concordance Compute(SurvivalData data, ReadOnlySpan<double> risk)
    {
        ArgumentNullException.ThrowIfNull(data);
        int n = data.Count;
        data.RequireMatching(risk.Length, "risks");
        for (int i = 0; i < n; i++)
            if (double.IsNaN(risk[i])) throw new SurvivalDataException($"the risk of {SurvivalData.Subject(i, n)} is not a number: concordance needs a value for every subject");
        data.RequireEvents("concordance");

        // Weights of the partners of each subject.
        var concordant = new double[n];
        var discordant = new double[n];
        var tied = new double[n];
        int[] order = [.. Enumerable.Range(0, n).OrderBy(data.StratumOf).ThenBy(i => data.Time[i]).ThenBy(i => data.Event[i] ? 0 : 1).ThenBy(i => i)];
        for (int from = 0; from < n;)
        {
            int to = from;
            while (to < n && data.StratumOf(order[to]) == data.StratumOf(order[from])) to++;
            CountStratum(data, risk, order.AsSpan(from, to - from), concordant, discordant, tied);
            from = to;
        }

        double c = 0, d = 0, t = 0;
        for (int i = 0; i < n; i++)
        {
            double w = data.WeightOf(i) / 2; // every pair is met twice
            c += w * concordant[i];
            d += w * discordant[i];
            t += w * tied[i];
        }
        double pairs = c + d + t;
        if (!(pairs > 0)) throw new SurvivalDataException($"no pair of the {n} subjects can be compared, as none outlives a death: concordance needs longer follow-up or more subjects");
        double somers = (c - d) / pairs, squares = 0;
        for (int i = 0; i < n; i++)
        {
            double influence = data.WeightOf(i) * ((concordant[i] - discordant[i]) - (concordant[i] + discordant[i] + tied[i]) * somers) / pairs;
            squares += influence * influence;
        }
        return new Concordance(c, d, t, Math.Sqrt(squares) / 2);
    }

    private static void CountStratum(SurvivalData data, ReadOnlySpan<double> risk, ReadOnlySpan<int> order, double[] concordant, double[] discordant, double[] tied)
    {
        int n = order.Length;
        var values = new double[n];
        for (int s = 0; s < n; s++) values[s] = risk[order[s]];
        Array.Sort(values);
        var rank = new int[n];
        for (int s = 0; s < n; s++)
        {
            // Equal values share the rank of one of them, the same for all: the tree then sees ties as ties.
            int at = Array.BinarySearch(values, risk[order[s]]);
            rank[s] = at;
        }
        Unify(values, rank);

        // Deaths against everyone who lives longer.
        var tree = new WeightTree(n);
        for (int end = n; end > 0;)
        {
            int first = end - 1;
            while (first > 0 && data.Time[order[first - 1]] == data.Time[order[end - 1]]) first--;
            int censored = first;
            while (censored < end && data.Event[order[censored]]) censored++;
            for (int s = censored; s < end; s++) tree.Add(rank[s], data.WeightOf(order[s]));
            for (int s = first; s < censored; s++) Meet(order[s], rank[s], higherIsConcordant: false);
            for (int s = first; s < censored; s++) tree.Add(rank[s], data.WeightOf(order[s]));
            end = first;
        }

        // Everyone against the deaths before.
        tree.Clear();
        for (int first = 0; first < n;)
        {
            int end = first + 1;
            while (end < n && data.Time[order[end]] == data.Time[order[first]]) end++;
            int censored = first;
            while (censored < end && data.Event[order[censored]]) censored++;
            for (int s = first; s < censored; s++) Meet(order[s], rank[s], higherIsConcordant: true);
            for (int s = first; s < censored; s++) tree.Add(rank[s], data.WeightOf(order[s]));
            for (int s = censored; s < end; s++) Meet(order[s], rank[s], higherIsConcordant: true);
            first = end;
        }

        void Meet(int subject, int r, bool higherIsConcordant)
        {
            double below = tree.SumBelow(r), upTo = tree.SumBelow(r + 1), above = tree.Total - upTo;
            concordant[subject] += higherIsConcordant ? above : below;
            discordant[subject] += higherIsConcordant ? below : above;
            tied[subject] += upTo - below;
        }
    }

    /// <summary>Replaces each rank by the first position of its value.</summary>
    private static void Unify(double[] sorted, int[] rank)
    {
        var first = new int[sorted.Length];
        for (int k = 1; k < sorted.Length; k++) first[k] = sorted[k] == sorted[k - 1] ? first[k - 1] : k;
        for (int s = 0; s < rank.Length; s++) rank[s] = first[rank[s]];
    }

    /// <summary>Prefix sums of weights by rank (Fenwick 1994).</summary>
    private sealed class WeightTree(int size)
    {
        private readonly double[] _sum = new double[size + 1];

        public double Total { get; private set; }

        public void Clear()
        {
            Array.Clear(_sum);
            Total = 0;
        }

        public void Add(int rank, double weight)
        {
            Total += weight;
            for (int k = rank + 1; k < _sum.Length; k += k & -k) _sum[k] += weight;
        }

        /// <summary>Sum over ranks less than <paramref name="rank"/>.</summary>
        public double SumBelow(int rank)
        {
            double sum = 0;
            for (int k = rank; k > 0; k -= k & -k) sum += _sum[k];
            return sum;
        }
    }
}
