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
            Seconds = estimate.Seconds,
            Types = [.. truth.Types.Select(t => new TypeEstimate(t.Type, t.Cells, t.Known - known, t.Estimated - found))],
        };
    }
}

/// <summary>Contribution of one type.</summary>
/// <param name="Type">Name.</param>
/// <param name="Cells">Cells of the reference.</param>
/// <param name="Known">Set in the simulation, less the mean over types.</param>
/// <param name="Estimated">Found, less the mean over types.</param>
public sealed record TypeEstimate(string Type, int Cells, double Known, double Estimated);
