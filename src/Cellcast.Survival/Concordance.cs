namespace Cellcast.Survival;

/// <summary>
/// Concordance: the share of comparable pairs in which the subject that dies earlier has the higher risk, a tied risk counting one half.
/// A pair is comparable when the earlier time is a death and the other subject is under observation then; a death and a censoring at the same time are, the death being earlier.
/// Harrell counts every pair once; Uno weights pairs by the inverse probability of not being censored, so that the value does not depend on the censoring.
/// The standard error is the infinitesimal jackknife's. O(n log n). Sources: Harrell (1982); Uno, Cai, Pencina, D'Agostino and Wei (2011); Therneau and Watson (2017).
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

    /// <summary>Harrell's concordance; pairs are compared within a stratum only.</summary>
    /// <param name="data">Follow-up of n subjects.</param>
    /// <param name="risk">n values, higher meaning an earlier death (a linear predictor, a hazard); only their order counts.</param>
    /// <exception cref="SurvivalDataException">A risk is NaN, or no pair is comparable.</exception>
    public static Concordance Compute(SurvivalData data, ReadOnlySpan<double> risk) => Compute(data, risk, static (_, _) => 1);

    /// <summary>Uno's concordance: every pair counts 1 / G(t-)^2, t the time of its death and G the Kaplan-Meier estimate of not being censored; the error takes G as known.</summary>
    /// <param name="data">Follow-up of n subjects, without entry times.</param>
    /// <param name="risk">n values, higher meaning an earlier death; only their order counts.</param>
    /// <param name="horizon">Deaths after it are not counted; where few are left under observation the weights are unstable.</param>
    /// <param name="censoring">Subjects from whom the probability of censoring is estimated, such as the training set; null for the same, each stratum by itself.</param>
    /// <exception cref="SurvivalDataException">There are entry times, a risk is NaN, no pair is comparable, or nobody of <paramref name="censoring"/> is followed as long as a death.</exception>
    public static Concordance Uno(SurvivalData data, ReadOnlySpan<double> risk, double horizon = double.PositiveInfinity, SurvivalData? censoring = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (!data.Entry.IsEmpty || censoring?.Entry.IsEmpty == false) throw new SurvivalDataException("Uno's concordance is not defined for subjects that enter late: use Harrell's");
        var curves = new Dictionary<int, CensoringCurve>();
        return Compute(data, risk, (stratum, time) =>
        {
            if (time > horizon) return 0;
            int key = censoring is null ? stratum : 0;
            if (!curves.TryGetValue(key, out CensoringCurve? curve))
                curves[key] = curve = CensoringCurve.Estimate(censoring ?? data.Subset([.. Enumerable.Range(0, data.Count).Where(i => data.StratumOf(i) == stratum)]));
            double g = curve.Before(time);
            return g > 0 ? 1 / (g * g) : throw new SurvivalDataException($"nobody is followed to the death at {time}: give a horizon before it");
        });
    }

    private static Concordance Compute(SurvivalData data, ReadOnlySpan<double> risk, Func<int, double, double> pairWeight)
    {
        ArgumentNullException.ThrowIfNull(data);
        int n = data.Count;
        data.RequireMatching(risk.Length, "risks");
        for (int i = 0; i < n; i++)
            if (double.IsNaN(risk[i])) throw new SurvivalDataException($"the risk of {SurvivalData.Subject(i, n)} is not a number: concordance needs a value for every subject");
        data.RequireEvents("concordance");
        var factor = new double[n];
        for (int i = 0; i < n; i++)
            if (data.Event[i] && data.WeightOf(i) > 0) factor[i] = pairWeight(data.StratumOf(i), data.Time[i]);

        var partners = new Partners(n);
        int[] order = [.. Enumerable.Range(0, n).OrderBy(data.StratumOf).ThenBy(i => data.Time[i]).ThenBy(i => data.Event[i] ? 0 : 1).ThenBy(i => i)];
        for (int from = 0; from < n;)
        {
            int to = from;
            while (to < n && data.StratumOf(order[to]) == data.StratumOf(order[from])) to++;
            CountStratum(data, risk, factor, order.AsSpan(from, to - from), partners);
            from = to;
        }
        if (!data.Entry.IsEmpty) partners.ClearRounding();

        double c = 0, d = 0, t = 0;
        for (int i = 0; i < n; i++)
        {
            double w = data.WeightOf(i) / 2; // every pair is met twice
            c += w * partners.Concordant[i];
            d += w * partners.Discordant[i];
            t += w * partners.Tied[i];
        }
        double pairs = c + d + t;
        if (!(pairs > 0)) throw new SurvivalDataException($"no pair of the {n} subjects can be compared, as none outlives a death: concordance needs longer follow-up or more subjects");
        double somers = (c - d) / pairs, squares = 0;
        for (int i = 0; i < n; i++)
        {
            double influence = data.WeightOf(i) * (partners.Concordant[i] - partners.Discordant[i] - (partners.Concordant[i] + partners.Discordant[i] + partners.Tied[i]) * somers) / pairs;
            squares += influence * influence;
        }
        return new Concordance(c, d, t, Math.Sqrt(squares) / 2);
    }

    private static void CountStratum(SurvivalData data, ReadOnlySpan<double> risk, double[] factor, ReadOnlySpan<int> order, Partners partners)
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
        int[] byEntry = data.Entry.IsEmpty ? [] : [.. Sorted(order, data)];

        // Deaths against everyone who lives longer and has entered.
        var tree = new WeightTree(n);
        for (int end = n, late = byEntry.Length; end > 0;)
        {
            int first = end - 1;
            while (first > 0 && data.Time[order[first - 1]] == data.Time[order[end - 1]]) first--;
            int censored = first;
            while (censored < end && data.Event[order[censored]]) censored++;
            for (; late > 0 && data.EntryOf(order[byEntry[late - 1]]) >= data.Time[order[first]]; late--)
                tree.Add(rank[byEntry[late - 1]], -data.WeightOf(order[byEntry[late - 1]]));
            for (int s = censored; s < end; s++) tree.Add(rank[s], data.WeightOf(order[s]));
            for (int s = first; s < censored; s++) partners.Meet(tree, order[s], rank[s], factor[order[s]], higherIsConcordant: false);
            for (int s = first; s < censored; s++) tree.Add(rank[s], data.WeightOf(order[s]));
            end = first;
        }

        // Everyone against the deaths before, less those before its entry.
        tree.Clear();
        for (int first = 0, early = 0; first < n;)
        {
            int end = first + 1;
            while (end < n && data.Time[order[end]] == data.Time[order[first]]) end++;
            for (; early < byEntry.Length && data.EntryOf(order[byEntry[early]]) < data.Time[order[first]]; early++)
                partners.Meet(tree, order[byEntry[early]], rank[byEntry[early]], -1, higherIsConcordant: true);
            int censored = first;
            while (censored < end && data.Event[order[censored]]) censored++;
            for (int s = first; s < censored; s++) partners.Meet(tree, order[s], rank[s], 1, higherIsConcordant: true);
            for (int s = first; s < censored; s++) tree.Add(rank[s], data.WeightOf(order[s]) * factor[order[s]]);
            for (int s = censored; s < end; s++) partners.Meet(tree, order[s], rank[s], 1, higherIsConcordant: true);
            first = end;
        }
    }

    private static IEnumerable<int> Sorted(ReadOnlySpan<int> order, SurvivalData data)
    {
        int[] subjects = order.ToArray();
        return Enumerable.Range(0, subjects.Length).OrderBy(s => data.EntryOf(subjects[s])).ThenBy(s => s);
    }

    /// <summary>Weights of the partners of each subject, by how the pair came out.</summary>
    private sealed class Partners(int n)
    {
        public double[] Concordant { get; } = new double[n];

        public double[] Discordant { get; } = new double[n];

        public double[] Tied { get; } = new double[n];

        public void Meet(WeightTree tree, int subject, int rank, double factor, bool higherIsConcordant)
        {
            double below = tree.SumBelow(rank), upTo = tree.SumBelow(rank + 1), above = tree.Total - upTo;
            Concordant[subject] += factor * (higherIsConcordant ? above : below);
            Discordant[subject] += factor * (higherIsConcordant ? below : above);
            Tied[subject] += factor * (upTo - below);
        }

        /// <summary>What is left where equal weights were added and taken away is nothing.</summary>
        public void ClearRounding()
        {
            double least = 1e-11 * (Concordant.Max() + Discordant.Max() + Tied.Max());
            foreach (double[] kind in (double[][])[Concordant, Discordant, Tied])
                for (int i = 0; i < kind.Length; i++)
                    if (kind[i] < least) kind[i] = 0;
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
