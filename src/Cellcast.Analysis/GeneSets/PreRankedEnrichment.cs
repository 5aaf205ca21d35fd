using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.GeneSets;

/// <summary>Settings of <see cref="PreRankedEnrichment"/>.</summary>
public sealed record EnrichmentOptions
{
    /// <summary>Fewest genes of a set that must be in the ranking.</summary>
    public int MinimumSize { get; init; } = 15;

    /// <summary>Most genes of a set that may be in the ranking.</summary>
    public int MaximumSize { get; init; } = 500;

    /// <summary>Random sets of each size that the null distribution is made of.</summary>
    public int Permutations { get; init; } = 1000;

    /// <summary>Power of the metric in the weight of a gene; 0 gives the unweighted Kolmogorov-Smirnov statistic.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>Seed of the random sets.</summary>
    public long Seed { get; init; }
}

/// <summary>One gene set against a ranking.</summary>
/// <param name="Name">The set.</param>
/// <param name="Size">Its genes that are in the ranking.</param>
/// <param name="Score">Enrichment score: above 0 when the genes stand at the top of the ranking, below 0 at its end.</param>
/// <param name="NormalizedScore">Score over the mean of the scores of random sets of the same size and sign, so that sets of different sizes compare.</param>
/// <param name="PValue">Share of random sets of the same size whose score has the same sign and is at least as far from 0; the set itself counts as one of them, so it is never 0.</param>
/// <param name="QValue">p-values adjusted over the sets (Benjamini and Hochberg).</param>
/// <param name="FalseDiscoveryRate">Share of normalised scores of random sets that are as extreme over that of the sets, as in Subramanian et al.</param>
/// <param name="LeadingEdge">Genes that make the score, in the order of the ranking (for a negative score from its end).</param>
public sealed record EnrichedSet(string Name, int Size, double Score, double NormalizedScore, double PValue, double QValue, double FalseDiscoveryRate, IReadOnlyList<string> LeadingEdge);

/// <summary>What a ranking is enriched in.</summary>
/// <param name="Sets">The sets that were tested, by normalised score, highest first.</param>
/// <param name="Genes">Genes of the ranking.</param>
/// <param name="TooSmall">Sets with too few genes in the ranking.</param>
/// <param name="TooLarge">Sets with too many.</param>
public sealed record EnrichmentResult(IReadOnlyList<EnrichedSet> Sets, int Genes, int TooSmall, int TooLarge);

/// <summary>Gene set enrichment analysis of a ranking (Subramanian et al., PNAS 102, 2005): the weighted Kolmogorov-Smirnov statistic of every set, against random sets of genes.</summary>
public static class PreRankedEnrichment
{
    /// <summary>Tests sets against a ranking.</summary>
    /// <param name="genes">Names of the genes, each once.</param>
    /// <param name="metric">What they are ranked by, highest first; genes with NaN are left out.</param>
    /// <param name="sets">The sets.</param>
    /// <param name="source">File of the ranking, to name in messages.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="cancellation">Stops the work between sizes.</param>
    /// <exception cref="InputException">A gene occurs twice, a metric is infinite, or no set has enough genes in the ranking.</exception>
    public static EnrichmentResult Of(IReadOnlyList<string> genes, ReadOnlySpan<double> metric, IReadOnlyList<GeneSet> sets, string source, EnrichmentOptions? options = null, int threads = 0,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(genes);
        ArgumentNullException.ThrowIfNull(sets);
        options ??= new EnrichmentOptions();
        if (genes.Count != metric.Length) throw new ArgumentException($"{metric.Length} numbers were given for {genes.Count} genes", nameof(metric));
        if (options.MinimumSize < 1 || options.MaximumSize < options.MinimumSize) throw new InputException($"gene sets of {options.MinimumSize} to {options.MaximumSize} genes are asked for; the limits must rise from at least 1.");
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Permutations, 1);
        double[] value = metric.ToArray();
        int[] order = [.. Enumerable.Range(0, value.Length).Where(i => !double.IsNaN(value[i])).OrderByDescending(i => value[i]).ThenBy(i => genes[i], StringComparer.Ordinal)];
        foreach (int i in order)
            if (double.IsInfinity(value[i])) throw new InputException($"'{source}': gene '{genes[i]}' has the value {value[i]}; the ranking needs finite numbers.");
        string[] ranked = [.. order.Select(i => genes[i])];
        if (ranked.GroupBy(g => g, StringComparer.Ordinal).FirstOrDefault(g => g.Skip(1).Any()) is { } twice)
            throw new InputException($"'{source}': gene '{twice.Key}' is ranked twice; keep one of the rows.");
        var matched = MatchedGeneSets.Of(sets, ranked, source);
        MatchedGeneSet[] tested = [.. matched.Where(s => s.Genes.Length >= options.MinimumSize && s.Genes.Length <= options.MaximumSize && s.Genes.Length < ranked.Length)];
        if (tested.Length == 0)
            throw new InputException($"none of the {sets.Count} gene sets has {options.MinimumSize} to {options.MaximumSize} of its genes among the {ranked.Length} genes of '{source}' (the fullest has {matched.Max(s => s.Genes.Length)}); change the limits, or rank more genes.");
        var statistic = new Statistic([.. order.Select(i => Math.Pow(Math.Abs(value[i]), options.Weight))]);

        int[] sizes = [.. tested.Select(s => s.Genes.Length).Distinct().Order()];
        var nulls = new double[sizes.Length][];
        var key = RandomKey.From(options.Seed, "random gene sets");
        Blocks.For(sizes.Length, threads, k =>
        {
            cancellation.ThrowIfCancellationRequested();
            nulls[k] = statistic.Random(sizes[k], options.Permutations, new RandomStream(key.Split(sizes[k])));
        });
        var nullOf = sizes.Select((s, k) => (s, nulls[k])).ToDictionary(x => x.s, x => x.Item2);
        var rates = new DiscoveryRates();
        var raw = new (double Score, int Peak, double Normalized, double P)[tested.Length];
        for (int s = 0; s < tested.Length; s++)
        {
            double[] random = nullOf[tested[s].Genes.Length];
            var (score, peak) = statistic.Score(tested[s].Genes);
            double mean = MeanOfSign(random, score >= 0), extreme = 1, same = 1;
            foreach (double x in random)
            {
                if (x >= 0 != score >= 0) continue;
                same++;
                if (Math.Abs(x) >= Math.Abs(score)) extreme++;
            }
            raw[s] = (score, peak, double.IsNaN(mean) ? double.NaN : score / Math.Abs(mean), extreme / same);
            rates.AddObserved(raw[s].Normalized);
        }
        foreach (var group in tested.GroupBy(s => s.Genes.Length))
        {
            double[] random = nullOf[group.Key];
            double up = MeanOfSign(random, true), down = Math.Abs(MeanOfSign(random, false));
            foreach (double x in random) rates.AddRandom(x >= 0 ? x / up : x / down, group.Count());
        }
        double[] q = MultipleTesting.BenjaminiHochberg([.. raw.Select(r => r.P)]);
        rates.Prepare();
        var found = tested.Select((s, i) => new EnrichedSet(s.Name, s.Genes.Length, raw[i].Score, raw[i].Normalized, raw[i].P, q[i], rates.Of(raw[i].Normalized),
            [.. (raw[i].Score >= 0 ? s.Genes.Where(g => g <= raw[i].Peak) : s.Genes.Where(g => g >= raw[i].Peak).Reverse()).Select(g => ranked[g])]));
        return new EnrichmentResult([.. found.OrderByDescending(f => f.NormalizedScore).ThenBy(f => f.Name, StringComparer.Ordinal)], ranked.Length,
            matched.Count(s => s.Genes.Length < options.MinimumSize), matched.Count(s => s.Genes.Length > options.MaximumSize || s.Genes.Length >= ranked.Length && s.Genes.Length >= options.MinimumSize));
    }

    private static double MeanOfSign(double[] scores, bool positive)
    {
        double sum = 0;
        int n = 0;
        foreach (double x in scores)
        {
            if (x >= 0 != positive) continue;
            sum += x;
            n++;
        }
        return n == 0 || sum == 0 ? double.NaN : sum / n;
    }

    /// <summary>The running sum, looked at where it turns only: at the genes of a set.</summary>
    /// <param name="weight">Weight of each gene of the ranking.</param>
    private sealed class Statistic(double[] weight)
    {
        /// <summary>Score of a set and the rank of the gene where the running sum is farthest from 0.</summary>
        /// <param name="positions">Ranks of its genes from 0, ascending.</param>
        public (double Score, int Peak) Score(ReadOnlySpan<int> positions)
        {
            int k = positions.Length;
            double total = 0, hits = 0, miss = 1.0 / (weight.Length - k), highest = 0, lowest = 0;
            foreach (int p in positions) total += weight[p];
            bool even = !(total > 0); // all at 0: every gene counts alike
            int peak = positions[0], trough = positions[^1];
            for (int j = 0; j < k; j++)
            {
                double missed = (positions[j] - j) * miss, before = hits - missed;
                hits += even ? 1.0 / k : weight[positions[j]] / total;
                double after = hits - missed;
                if (after > highest) (highest, peak) = (after, positions[j]);
                if (before < lowest) (lowest, trough) = (before, positions[j]);
            }
            return highest >= -lowest ? (highest, peak) : (lowest, trough);
        }

        public double[] Random(int size, int count, RandomStream random)
        {
            int n = weight.Length;
            int[] all = new int[n], drawn = new int[size], swapped = new int[size];
            for (int i = 0; i < n; i++) all[i] = i;
            var scores = new double[count];
            for (int c = 0; c < count; c++)
            {
                for (int i = 0; i < size; i++)
                {
                    int j = swapped[i] = i + random.NextInt32(n - i);
                    (all[i], all[j]) = (all[j], all[i]);
                    drawn[i] = all[i];
                }
                for (int i = size - 1; i >= 0; i--) (all[i], all[swapped[i]]) = (all[swapped[i]], all[i]);
                Array.Sort(drawn);
                scores[c] = Score(drawn).Score;
            }
            return scores;
        }
    }

    /// <summary>False discovery rates from the normalised scores of all sets and of all random sets.</summary>
    private sealed class DiscoveryRates
    {
        private readonly Side _up = new(), _down = new();

        public void AddObserved(double score)
        {
            if (!double.IsNaN(score)) (score >= 0 ? _up : _down).Observed.Add(Math.Abs(score));
        }

        public void AddRandom(double score, int weight)
        {
            if (!double.IsNaN(score)) (score >= 0 ? _up : _down).Random.Add((Math.Abs(score), weight));
        }

        public void Prepare()
        {
            _up.Prepare();
            _down.Prepare();
        }

        public double Of(double score) => double.IsNaN(score) ? double.NaN : (score >= 0 ? _up : _down).Rate(Math.Abs(score));

        private sealed class Side
        {
            private double[] _random = [], _heavier = [], _observed = [];

            public List<double> Observed { get; } = [];

            public List<(double Score, int Weight)> Random { get; } = [];

            public void Prepare()
            {
                Random.Sort((a, b) => a.Score.CompareTo(b.Score));
                _random = [.. Random.Select(r => r.Score)];
                _heavier = new double[_random.Length + 1];
                for (int i = _random.Length - 1; i >= 0; i--) _heavier[i] = _heavier[i + 1] + Random[i].Weight;
                _observed = [.. Observed.Order()];
            }

            public double Rate(double score)
            {
                if (_random.Length == 0) return double.NaN;
                double random = _heavier[First(_random, score)] / _heavier[0], observed = (_observed.Length - First(_observed, score)) / (double)_observed.Length;
                return Math.Min(1, random / observed);
            }

            /// <summary>Position of the first value that is not below.</summary>
            private static int First(double[] sorted, double value)
            {
                int low = 0, high = sorted.Length;
                while (low < high)
                {
                    int middle = (low + high) / 2;
                    if (sorted[middle] < value) low = middle + 1;
                    else high = middle;
                }
                return low;
            }
        }
    }
}
