using Cellcast.Analysis;
using Cellcast.Analysis.Statistics;

namespace Cellcast.Models.ScSurv.Pan;

/// <summary>How several cohorts are put together.</summary>
public sealed record PanOptions
{
    /// <summary>Estimator of the variance between cohorts.</summary>
    public HeterogeneityEstimator Heterogeneity { get; init; } = HeterogeneityEstimator.RestrictedMaximumLikelihood;

    /// <summary>Interval and test of the mean.</summary>
    public MeanInterval Interval { get; init; } = MeanInterval.HartungKnapp;

    /// <summary>Least number of cohorts in which a type or gene must be.</summary>
    public int MinimumCohorts { get; init; } = 2;

    /// <summary>Level of q below which something is called.</summary>
    public double Level { get; init; } = 0.05;

    /// <summary>Compares names of genes in upper case, for orthologues of which only the case differs.</summary>
    public bool UpperCaseGenes { get; init; }
}

/// <summary>What several cohorts say of one type or gene.</summary>
/// <param name="Name">The type or gene.</param>
/// <param name="Cohorts">Indices of the cohorts that have it.</param>
/// <param name="Effects">Its effects in them.</param>
/// <param name="Pooled">The meta-analysis.</param>
/// <param name="QValue">p adjusted over all types, or all genes (Benjamini and Hochberg).</param>
/// <param name="Without">The meta-analysis without each of the cohorts, in their order; null where less than two would be left.</param>
/// <param name="Verdict">1 adverse, -1 favourable: q below the level and the mean on the same side of 0 whichever cohort is left out; 0 otherwise.</param>
public sealed record PanResult(string Name, int[] Cohorts, CohortEffect[] Effects, RandomEffects Pooled, double QValue, RandomEffects?[] Without, int Verdict)
{
    /// <summary>How many cohorts have a positive effect.</summary>
    public int Positive => Effects.Count(e => e.Estimate > 0);

    /// <summary>Largest p value when one cohort is left out; NaN with two cohorts.</summary>
    public double LargestPWithout => Without.All(w => w is null) ? double.NaN : Without.Max(w => w?.PValue ?? 0);
}

/// <summary>Types and genes that are adverse or favourable in several cohorts: a random-effects meta-analysis for each (<see cref="RandomEffects"/>).</summary>
public sealed class PanAnalysis
{
    private PanAnalysis(IReadOnlyList<string> cohorts, IReadOnlyList<PanResult> types, IReadOnlyList<PanResult> genes) => (Cohorts, Types, Genes) = (cohorts, types, genes);

    /// <summary>Names of the cohorts.</summary>
    public IReadOnlyList<string> Cohorts { get; }

    /// <summary>Types, most adverse first.</summary>
    public IReadOnlyList<PanResult> Types { get; }

    /// <summary>Genes, most adverse first.</summary>
    public IReadOnlyList<PanResult> Genes { get; }

    /// <summary>Puts cohorts together.</summary>
    /// <param name="cohorts">At least two.</param>
    /// <param name="options">How.</param>
    /// <param name="threads">Threads, 0 for all cores; nothing depends on them.</param>
    public static PanAnalysis Run(IReadOnlyList<CohortEffects> cohorts, PanOptions options, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(cohorts);
        ArgumentNullException.ThrowIfNull(options);
        if (cohorts.Count < 2) throw new ArgumentException("at least two cohorts are needed", nameof(cohorts));
        return new PanAnalysis([.. cohorts.Select(c => c.Name)], Pool([.. cohorts.Select(c => c.Types)], t => t, options, threads),
            Pool([.. cohorts.Select(c => c.Genes)], options.UpperCaseGenes ? g => g.ToUpperInvariant() : g => g, options, threads));
    }

    private static PanResult[] Pool(IReadOnlyList<IReadOnlyList<CohortEffect>> effects, Func<string, string> nameOf, PanOptions options, int threads)
    {
        var found = new SortedDictionary<string, List<(int Cohort, CohortEffect Effect)>>(StringComparer.Ordinal);
        for (int c = 0; c < effects.Count; c++)
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (CohortEffect e in effects[c])
            {
                string name = nameOf(e.Name);
                // Of several names that become one in a cohort the first counts.
                if (!seen.Add(name)) continue;
                if (!found.TryGetValue(name, out var list)) found[name] = list = [];
                list.Add((c, e));
            }
        }
        int least = Math.Max(2, options.MinimumCohorts);
        var shared = found.Where(f => f.Value.Count >= least).ToArray();
        var pooled = new RandomEffects[shared.Length];
        var without = new RandomEffects?[shared.Length][];
        Blocks.For(shared.Length, threads, i =>
        {
            CohortEffect[] all = [.. shared[i].Value.Select(v => v.Effect)];
            pooled[i] = Fit(all, options);
            without[i] = [.. all.Select((_, left) => all.Length < 3 ? null : Fit([.. all.Where((_, k) => k != left)], options))];
        });
        double[] q = MultipleTesting.BenjaminiHochberg([.. pooled.Select(p => p.PValue)]);
        return [.. shared.Select((s, i) => new PanResult(s.Key, [.. s.Value.Select(v => v.Cohort)], [.. s.Value.Select(v => v.Effect)], pooled[i], q[i], without[i], Verdict(pooled[i], q[i], without[i], options)))
            .OrderByDescending(r => r.Pooled.Mean).ThenBy(r => r.Name, StringComparer.Ordinal)];
    }

    private static int Verdict(RandomEffects pooled, double q, RandomEffects?[] without, PanOptions options)
    {
        int sign = Math.Sign(pooled.Mean);
        return q <= options.Level && without.All(w => w is null || Math.Sign(w.Mean) == sign) ? sign : 0;
    }

    private static RandomEffects Fit(CohortEffect[] effects, PanOptions options) =>
        RandomEffects.Fit([.. effects.Select(e => e.Estimate)], [.. effects.Select(e => e.StandardError)], options.Heterogeneity, options.Interval);
}
