using System.Text.Json.Serialization;
using Cellcast.Analysis.Clinical;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Models.Training;
using Cellcast.Survival;

namespace Cellcast.Models.ScSurv;

/// <summary>Baseline hazard of one stratum.</summary>
/// <param name="Name">The stratum, as the column calls it.</param>
/// <param name="Times">Times.</param>
/// <param name="LogCumulativeHazard">Logarithm of the cumulative hazard at them.</param>
public sealed record StratumBaseline(string Name, double[] Times, double[] LogCumulativeHazard);

/// <summary>What a model knows beside the shares: covariates with their effects, the kind of outcome, strata. Kept in <c>model.json</c>.</summary>
public sealed record ClinicalPart
{
    /// <summary>Kind of outcome.</summary>
    public required OutcomeKind Kind { get; init; }

    /// <summary>Columns of the covariates.</summary>
    public IReadOnlyList<CovariateColumn> Columns { get; init; } = [];

    /// <summary>Covariates.</summary>
    public IReadOnlyList<CovariateTerm> Terms { get; init; } = [];

    /// <summary>What is done with missing covariates.</summary>
    public MissingCovariates Missing { get; init; }

    /// <summary>Coefficient of each covariate as it is scaled.</summary>
    public double[] Coefficients { get; init; } = [];

    /// <summary>Standard errors of the coefficients.</summary>
    public double[] StandardErrors { get; init; } = [];

    /// <summary>Intercept; 0 for survival.</summary>
    public double Intercept { get; init; }

    /// <summary>Variance of the errors of a continuous outcome.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Variance { get; init; }

    /// <summary>Column of the strata.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? StrataColumn { get; init; }

    /// <summary>Baseline hazards of the strata.</summary>
    public IReadOnlyList<StratumBaseline> Strata { get; init; } = [];

    /// <summary>Effects per unit of each covariate, beside the shares.</summary>
    [JsonIgnore]
    public IReadOnlyList<CovariateEffect> Effects => [.. Terms.Select((t, j) => CovariateEffect.Of(t.Name, Coefficients[j] / t.Scale, StandardErrors[j] / t.Scale))];

    /// <summary>What covariates and intercept bring to the linear predictors of patients.</summary>
    /// <param name="values">Covariates, patients x c, as <see cref="CovariateDesign.Apply"/> gives them.</param>
    /// <param name="patients">Number of patients.</param>
    public double[] Predictors(double[] values, int patients)
    {
        ArgumentNullException.ThrowIfNull(values);
        var part = new double[patients];
        for (int i = 0; i < patients; i++)
        {
            part[i] = Intercept;
            for (int j = 0; j < Coefficients.Length; j++) part[i] += Coefficients[j] * values[i * Coefficients.Length + j];
        }
        return part;
    }

    /// <summary>The same for new patients, from the columns of their obs.</summary>
    /// <param name="bulk">The new patients.</param>
    /// <param name="progress">Who is told of missing values.</param>
    /// <exception cref="InputException">A column is absent, or a value cannot be used.</exception>
    public double[] Predictors(AnnotatedData bulk, ITrainingProgress progress)
    {
        ArgumentNullException.ThrowIfNull(bulk);
        ArgumentNullException.ThrowIfNull(progress);
        double[] values = new CovariateDesign(Columns, Terms, Missing).Apply(bulk.Obs, bulk.Source ?? "the new patients", UnknownLevels.Refuse, progress.Warning);
        return Predictors(values, bulk.ObservationCount);
    }

    /// <summary>Baseline hazard of each new patient: that of its stratum, or of all training patients where the stratum is unknown or there are none.</summary>
    /// <param name="bulk">The new patients.</param>
    /// <param name="all">Baseline hazard of all training patients.</param>
    /// <param name="progress">Who is told of unknown strata.</param>
    public BaselineHazard[] BaselinesOf(AnnotatedData bulk, BaselineHazard all, ITrainingProgress progress)
    {
        ArgumentNullException.ThrowIfNull(bulk);
        ArgumentNullException.ThrowIfNull(progress);
        if (StrataColumn is null) return [.. Enumerable.Repeat(all, bulk.ObservationCount)];
        Column column = bulk.Obs.Require(StrataColumn, bulk.Source ?? "the new patients");
        var known = Strata.ToDictionary(s => s.Name, s => BaselineHazard.Restore(s.Times, s.LogCumulativeHazard), StringComparer.Ordinal);
        BaselineHazard[] found = [.. Enumerable.Range(0, column.Length).Select(i => column.Text(i)?.Trim() is { } name && known.TryGetValue(name, out BaselineHazard? b) ? b : all)];
        int strange = found.Count(b => ReferenceEquals(b, all));
        if (strange > 0) progress.Warning($"obs column '{StrataColumn}': {strange} of {found.Length} patients are in no stratum of the training patients; the baseline hazard of all is used for them.");
        return found;
    }

    /// <summary>Stratum of each new patient, within which linear predictors can be compared; those in none are one of their own. Null where the model has no strata.</summary>
    /// <param name="bulk">The new patients.</param>
    public int[]? StrataOf(AnnotatedData bulk)
    {
        ArgumentNullException.ThrowIfNull(bulk);
        if (StrataColumn is null) return null;
        Column column = bulk.Obs.Require(StrataColumn, bulk.Source ?? "the new patients");
        return CategoricalColumn.FromLabels([.. Enumerable.Range(0, column.Length).Select(i => column.Text(i)?.Trim() ?? "")]).Codes;
    }

    /// <summary><c>covariates.csv</c>: effects beside the shares.</summary>
    public CsvFile Table()
    {
        IReadOnlyList<CovariateEffect> effects = Effects;
        var file = new CsvFile()
            .Add("covariate", effects.Select(e => e.Name).ToArray())
            .Add("coefficient", effects.Select(e => e.Coefficient).ToArray())
            .Add("standard_error", effects.Select(e => e.StandardError).ToArray());
        if (Kind == OutcomeKind.Continuous)
            file.Add("lower", effects.Select(e => e.Lower).ToArray()).Add("upper", effects.Select(e => e.Upper).ToArray());
        else
        {
            string ratio = Kind == OutcomeKind.Survival ? "hazard_ratio" : "odds_ratio";
            file.Add(ratio, effects.Select(e => Math.Exp(e.Coefficient)).ToArray()).Add(ratio + "_lower", effects.Select(e => Math.Exp(e.Lower)).ToArray()).Add(ratio + "_upper", effects.Select(e => Math.Exp(e.Upper)).ToArray());
        }
        return file.Add("p", effects.Select(e => e.PValue).ToArray());
    }

    /// <summary>What the fit of a model says about covariates, outcome and strata; null where there is nothing beside the shares.</summary>
    internal static ClinicalPart? From(ScSurvData data, ContributionFit fit, double? variance, StratifiedBaseline? baselines)
    {
        if (data.Outcome.Kind == OutcomeKind.Survival && data.Covariates is null && data.Strata is null) return null;
        int first = data.Outcome.Kind == OutcomeKind.Survival ? 0 : 1;
        CovariateDesign? design = data.Covariates?.Design;
        return new ClinicalPart
        {
            Kind = data.Outcome.Kind,
            Columns = design?.Columns ?? [],
            Terms = design?.Terms ?? [],
            Missing = design?.Missing ?? MissingCovariates.Indicator,
            Coefficients = [.. fit.FreeCoefficients.Skip(first)],
            StandardErrors = [.. fit.FreeStandardErrors.Skip(first)],
            Intercept = first == 1 ? fit.FreeCoefficients[0] : 0,
            Variance = variance,
            StrataColumn = data.Strata?.Column,
            Strata = data.Strata is not { } strata || baselines is null ? []
                : [.. strata.Names.Select((name, code) => (name, Baseline: baselines.Of(code))).Select(s => new StratumBaseline(s.name, [.. s.Baseline.Times], [.. s.Baseline.LogCumulativeHazard]))],
        };
    }
}
