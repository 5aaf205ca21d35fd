using Cellcast.Models.ScSurv.Uncertainty;
using Cellcast.Survival;
using Cellcast.Tensors;

namespace Cellcast.Models.ScSurv.Pan;

/// <summary>What a gene's effect in a cohort is.</summary>
public enum GeneEffect
{
    /// <summary>Fisher's z of the correlation over cells of the gene's rate with the contribution.</summary>
    Correlation,

    /// <summary>Difference of the contribution per standard deviation of the gene's rate over cells.</summary>
    Slope,
}

/// <summary>An effect in one cohort, with a standard error that meta-analysis may use as known.</summary>
/// <param name="Name">Type or gene.</param>
/// <param name="Estimate">Positive: adverse.</param>
/// <param name="StandardError">Its standard error, above 0.</param>
public readonly record struct CohortEffect(string Name, double Estimate, double StandardError);

/// <summary>
/// Effects of types and genes in one finished fit.
/// </summary>
/// <remarks>
/// All of them are linear functions c'w of the coefficients w of a <see cref="ContributionFit"/> (for correlations up to the standard deviation of the contribution, which all genes of a cohort share). The
/// fit gives their posterior mean m and variance V; the prior gives their variance P before any survival is seen. A posterior mean is drawn to zero, the more the less the cohort says, and must not be
/// averaged over cohorts as if it were an estimate. Given c'w, and with the other coefficients from the prior, m has the mean (1 - V / P) c'w and the variance (1 - V / P) V in the normal model.
/// So m / (1 - V / P) is an estimate without bias, with variance V / (1 - V / P). The cells do not count as observations: how many there are plays no part in the standard error, patients and events do.
/// </remarks>
public sealed class CohortEffects
{
    private CohortEffects(string name, OutcomeKind outcome, IReadOnlyList<CohortEffect> types, IReadOnlyList<CohortEffect> genes) => (Name, Outcome, Types, Genes) = (name, outcome, types, genes);

    /// <summary>Name of the cohort.</summary>
    public string Name { get; }

    /// <summary>What was explained.</summary>
    public OutcomeKind Outcome { get; }

    /// <summary>Mean contribution of the cells of each type relative to the average cell of the average patient, on the scale of the linear predictor.</summary>
    public IReadOnlyList<CohortEffect> Types { get; }

    /// <summary>Effects of the genes.</summary>
    public IReadOnlyList<CohortEffect> Genes { get; }

    /// <summary>Effects that were found elsewhere.</summary>
    /// <param name="name">Name of the cohort.</param>
    /// <param name="outcome">What was explained.</param>
    /// <param name="types">Effects of types.</param>
    /// <param name="genes">Effects of genes.</param>
    public static CohortEffects From(string name, OutcomeKind outcome, IReadOnlyList<CohortEffect> types, IReadOnlyList<CohortEffect> genes) => new(name, outcome, types, genes);

    /// <summary>Takes the effects from a model.</summary>
    /// <param name="device">Decodes the genes.</param>
    /// <param name="name">Name of the cohort.</param>
    /// <param name="model">A model of the smooth method.</param>
    /// <param name="typeName">Name of each type of the model among cohorts, or null for a type that takes no part; types that get the same name are taken together. Null for no types at all.</param>
    /// <param name="gene">What a gene's effect is.</param>
    /// <exception cref="ArgumentException">The model is of the published method.</exception>
    public static CohortEffects Of(Device device, string name, ScSurvModel model, Func<string, string?>? typeName, GeneEffect gene)
    {
        ArgumentNullException.ThrowIfNull(model);
        ContributionModel contributions = model.Contributions ?? throw new ArgumentException("a model of the published method has no likelihood to take standard errors from", nameof(model));
        var effects = new LinearEffects(contributions.Fit, contributions.PatientFeatures);
        var (codes, names) = Rename(contributions, typeName);
        double[] means = contributions.CellFeatures.Means(codes, names.Count);
        double[] genes = GeneFeatures.Of(device, model, contributions.CellFeatures);
        return new CohortEffects(name, model.Clinical?.Kind ?? OutcomeKind.Survival, effects.Means(names, means), effects.Genes(model.Genes, genes, contributions.CellFeatures, gene));
    }

    private static (int[] Codes, List<string> Names) Rename(ContributionModel model, Func<string, string?>? typeName)
    {
        var names = new List<string>();
        int[] code = [.. model.Types.Select(t =>
        {
            if (typeName?.Invoke(t) is not { } name) return -1;
            int known = names.IndexOf(name);
            if (known >= 0) return known;
            names.Add(name);
            return names.Count - 1;
        })];
        return ([.. model.TypeOf.Select(t => t < 0 ? -1 : code[t])], names);
    }
}
