using Cellcast.AnnData;
using Cellcast.Models.ScSurv.Uncertainty;
using Cellcast.Models.Simulation;
using Cellcast.Survival;

namespace Cellcast.Models.Benchmark;

/// <summary>How well one method did on one cohort. Correlations are Pearson's with the known answer, NaN where a method says nothing.</summary>
public sealed record BenchmarkScore
{
    /// <summary>The cohort.</summary>
    public required BenchmarkCase Case { get; init; }

    /// <summary>Name of the method.</summary>
    public required string Method { get; init; }

    /// <summary>Why the method could not be used; empty when it could.</summary>
    public string Note { get; init; } = "";

    /// <summary>Observed events among the fitted patients.</summary>
    public int Events { get; init; }

    /// <summary>Mean contribution of the types.</summary>
    public double PerType { get; init; } = double.NaN;

    /// <summary>Contribution of the cells.</summary>
    public double PerCell { get; init; } = double.NaN;

    /// <summary>Contribution of cells of one type, mean over types with an inner gradient.</summary>
    public double Within { get; init; } = double.NaN;

    /// <summary>Shares of the types in a patient, median over patients.</summary>
    public double Shares { get; init; } = double.NaN;

    /// <summary>Concordance of the test patients.</summary>
    public double Concordance { get; init; } = double.NaN;

    /// <summary>Concordance of the true predictor on the same patients.</summary>
    public double OracleConcordance { get; init; } = double.NaN;

    /// <summary>Share of types whose 95 % posterior interval holds the known contribution, both relative to the average patient; NaN for methods without intervals.</summary>
    public double TypeCoverage { get; init; } = double.NaN;

    /// <summary>The same of the cells.</summary>
    public double CellCoverage { get; init; } = double.NaN;

    /// <summary>The same of the test patients' linear predictors.</summary>
    public double PatientCoverage { get; init; } = double.NaN;

    /// <summary>As <see cref="TypeCoverage"/>, of intervals from patients drawn with replacement.</summary>
    public double TypeCoverageBootstrap { get; init; } = double.NaN;

    /// <summary>As <see cref="CellCoverage"/>, of intervals from patients drawn with replacement.</summary>
    public double CellCoverageBootstrap { get; init; } = double.NaN;

    /// <summary>p of the permutation test of any signal; NaN for methods without it.</summary>
    public double SignalP { get; init; } = double.NaN;

    /// <summary>Wall time of all stages, also of those that were shared with other cohorts; no part of what is reproducible.</summary>
    public double Seconds { get; init; } = double.NaN;

    /// <summary>Known and estimated contribution of each type, both less their mean over types.</summary>
    public IReadOnlyList<TypeEstimate> Types { get; init; } = [];

    internal static BenchmarkScore Of(BenchmarkCase which, BenchmarkStudy study, string method, MethodEstimate estimate)
    {
        TruthScore truth = TruthScore.Of(study.Study, estimate.Contribution, estimate.Shares);
        SurvivalData test = study.Survival.Subset(study.Test);
        double C(double[] risk)
        {
            try { return Survival.Concordance.Compute(test, [.. study.Test.Select(i => risk[i])]).Value; }
            catch (SurvivalDataException) { return double.NaN; } // no two test patients can be compared
        }
        double known = truth.Types.Average(t => t.Known), found = truth.Types.Average(t => t.Estimated);
        var (types, cells, typesDrawn, cellsDrawn) = Coverage(study, truth, estimate);
        return new BenchmarkScore
        {
            Case = which,
            Method = method,
            Events = study.Fitted.Count(i => study.Survival.Event[i]),
            PerType = truth.PerType,
            PerCell = truth.PerCell,
            Within = truth.Within,
            Shares = truth.Shares,
            Concordance = C(estimate.LinearPredictor),
            OracleConcordance = C(study.TrueLinearPredictor),
            TypeCoverage = types,
            CellCoverage = cells,
            PatientCoverage = estimate.Uncertainty is { Others.Count: > 0 } u ? Holds(u.Others, [.. study.Test.Select(i => study.TrueLinearPredictor[i] - study.Fitted.Average(j => study.TrueLinearPredictor[j]))], q => q.Posterior) : double.NaN,
            TypeCoverageBootstrap = typesDrawn,
            CellCoverageBootstrap = cellsDrawn,
            SignalP = estimate.Uncertainty?.Signal?.PValue ?? double.NaN,
            Seconds = estimate.Seconds,
            Types = [.. truth.Types.Select(t => new TypeEstimate(t.Type, t.Cells, t.Known - known, t.Estimated - found))],
        };
    }

    private static (double Types, double Cells, double TypesDrawn, double CellsDrawn) Coverage(BenchmarkStudy study, TruthScore truth, MethodEstimate estimate)
    {
        if (estimate.Uncertainty is not { } u) return (double.NaN, double.NaN, double.NaN, double.NaN);
        // Estimates are relative to the average of the fitted patients: so must the truth be. Their inner states are balanced.
        double[] proportions = ((DenseMatrix)study.Study.Bulk.Obsm["true_proportions"]).ToDouble();
        int k = truth.Types.Count;
        double[] mean = [.. Enumerable.Range(0, k).Select(t => study.Fitted.Average(i => proportions[i * k + t]))];
        double center = Enumerable.Range(0, k).Sum(t => mean[t] * truth.Types[t].Known) / mean.Sum();
        var position = truth.Types.Select((t, i) => (t.Type, i)).ToDictionary(e => e.Type, e => e.i, StringComparer.Ordinal);
        double[] types = [.. estimate.TypeNames.Select(t => truth.Types[position[t]].Known - center)];
        double[] cells = [.. ((NumericColumn)study.Study.Cells.Obs["true_beta"]).ToDouble().Select(b => b - center)];
        return (Holds(u.Types, types, q => q.Posterior), Holds(u.Cells, cells, q => q.Posterior), Holds(u.Types, types, q => q.Bootstrap), Holds(u.Cells, cells, q => q.Bootstrap));
    }

    private static double Holds(IReadOnlyList<QuantityUncertainty> found, double[] known, Func<QuantityUncertainty, UncertainValue?> interval)
    {
        if (found.Count == 0 || interval(found[0]) is null) return double.NaN;
        return found.Where((q, i) => interval(q) is { } v && v.Lower <= known[i] && known[i] <= v.Upper).Count() / (double)found.Count;
    }
}

/// <summary>Contribution of one type.</summary>
/// <param name="Type">Name.</param>
/// <param name="Cells">Cells of the reference.</param>
/// <param name="Known">Set in the simulation, less the mean over types.</param>
/// <param name="Estimated">Found, less the mean over types.</param>
public sealed record TypeEstimate(string Type, int Cells, double Known, double Estimated);
