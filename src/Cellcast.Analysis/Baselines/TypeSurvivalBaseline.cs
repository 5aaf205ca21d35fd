using Cellcast.AnnData;
using Cellcast.Survival;

namespace Cellcast.Analysis.Baselines;

/// <summary>
/// The simple way from cells to survival, against which models are measured: <see cref="TypeDeconvolution"/> of the patients, then a ridge Cox model on the
/// shares of the types. The contribution of a type is its coefficient; cells of one type all contribute the same.
/// </summary>
public sealed class TypeSurvivalBaseline
{
    private readonly TypeDeconvolution _deconvolution;

    private TypeSurvivalBaseline(TypeDeconvolution deconvolution, CoxFit fit, double ridge) => (_deconvolution, Fit, Ridge) = (deconvolution, fit, ridge);

    /// <summary>The types, sorted ordinally.</summary>
    public IReadOnlyList<string> Types => _deconvolution.Types;

    /// <summary>Contribution of each type: log hazard ratio of a patient made of this type alone relative to one in which all types have the mean contribution.</summary>
    public double[] Contributions
    {
        get
        {
            double mean = Fit.Coefficients.Average();
            return [.. Fit.Coefficients.Select(b => b - mean)];
        }
    }

    /// <summary>The Cox model on the shares.</summary>
    public CoxFit Fit { get; }

    /// <summary>Its ridge penalty, on the coefficients of the standardised shares.</summary>
    public double Ridge { get; }

    /// <summary>Fits the baseline on the training patients.</summary>
    /// <param name="cells">Cells x genes, raw counts.</param>
    /// <param name="labels">Type of each cell, or null.</param>
    /// <param name="bulk">Training patients x the same genes, raw counts.</param>
    /// <param name="survival">Their follow-up, in the same order.</param>
    /// <param name="ridge">Penalty; null to choose it by cross-validation among the training patients.</param>
    /// <param name="options">Settings of the deconvolution; null for the defaults.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static TypeSurvivalBaseline Train(SparseMatrix cells, IReadOnlyList<string?> labels, SparseMatrix bulk, SurvivalData survival, double? ridge = null,
        TypeDeconvolutionOptions? options = null, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(bulk);
        ArgumentNullException.ThrowIfNull(survival);
        if (bulk.Rows != survival.Count) throw new InputException($"there are {bulk.Rows} patients with counts but {survival.Count} with follow-up; give both for the same patients in the same order.");
        var deconvolution = TypeDeconvolution.FromLabels(cells, labels, options);
        double[,] shares = deconvolution.Shares(bulk, threads);
        var cox = new CoxOptions { Names = deconvolution.Types };
        double penalty = ridge ?? RidgeSelection.CrossValidate(survival, shares, options: cox).Ridge;
        return new TypeSurvivalBaseline(deconvolution, CoxRegression.Fit(survival, shares, cox with { Ridge = penalty }), penalty);
    }

    /// <summary>Share of every type in every patient, training or new.</summary>
    /// <param name="bulk">Patients x genes, raw counts.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public double[,] Shares(SparseMatrix bulk, int threads = 0) => _deconvolution.Shares(bulk, threads);

    /// <summary>Linear predictor of patients, training or new: higher is worse.</summary>
    /// <param name="bulk">Patients x genes, raw counts.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public double[] Predict(SparseMatrix bulk, int threads = 0) => Fit.Predict(Shares(bulk, threads));

    /// <summary>Contribution of cells by their labels; NaN for a cell without a label or with one not seen in training.</summary>
    /// <param name="labels">Type of each cell, or null.</param>
    public double[] ContributionOf(IReadOnlyList<string?> labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        double[] contributions = Contributions;
        var position = Types.Select((t, k) => (t, k)).ToDictionary(e => e.t, e => e.k, StringComparer.Ordinal);
        return [.. labels.Select(l => l is not null && position.TryGetValue(l, out int k) ? contributions[k] : double.NaN)];
    }
}
