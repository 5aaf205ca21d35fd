using Cellcast.Analysis.Clinical;
using Cellcast.Survival;

namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>
/// What an outcome leaves over without cells: the score by each patient's linear predictor in the model of covariates, strata, entry times and weights alone (martingale residuals for survival, outcome less
/// expectation otherwise), and what may be exchanged with what when the cells mean nothing.
/// </summary>
/// <remarks>
/// Without covariates the null hypothesis is that, within strata, outcomes (time, event, entry and weight together) are exchangeable among patients whatever these are made of. With covariates it is that, within
/// strata, what patients are made of is a linear function of the covariates and an error that is exchangeable and independent of covariates and outcome; the loadings lose their regression on the covariates,
/// and what is left of them is permuted (Potter 2005, Stat. Med. 24, 693; Winkler et al. 2014, NeuroImage 92, 381).
/// </remarks>
public sealed class NullModel
{
    private const double Jitter = 1e-10;

    private NullModel(double[] residuals, int[] groups, double information, int events, double[]? covariates) => (Residuals, Groups, Information, Events, Covariates) = (residuals, groups, information, events, covariates);

    /// <summary>Residuals, n values.</summary>
    public double[] Residuals { get; }

    /// <summary>Stratum of each patient, from 0: only patients of one stratum are exchanged.</summary>
    public int[] Groups { get; }

    /// <summary>Information on a linear predictor, mean over patients.</summary>
    public double Information { get; }

    /// <summary>Deaths, patients with the rarer outcome, or patients.</summary>
    public int Events { get; }

    /// <summary>Covariates, n x c; null for none.</summary>
    public double[]? Covariates { get; }

    /// <summary>Both residuals and loadings have been regressed on the covariates, so that chance alignment is smaller than of the errors; permuted residuals are stretched by this factor.</summary>
    public double Stretch
    {
        get
        {
            if (Covariates is null) return 1;
            int free = Residuals.Length - Groups.Distinct().Count(), c = Covariates.Length / Residuals.Length;
            return free > c ? Math.Sqrt((double)free / (free - c)) : 1;
        }
    }

    /// <summary>Fits the model without cells.</summary>
    /// <param name="outcome">Outcome of n patients.</param>
    /// <param name="covariates">Their covariates, n x c, or null.</param>
    /// <param name="offset">A known part of their linear predictors, or null.</param>
    /// <param name="ties">How tied deaths are treated.</param>
    /// <param name="names">Names of the covariates, for messages; their numbers when null.</param>
    /// <exception cref="SurvivalDataException">The outcome cannot be learned from.</exception>
    public static NullModel Of(Outcome outcome, double[]? covariates = null, IReadOnlyList<double>? offset = null, TieMethod ties = TieMethod.Efron, IReadOnlyList<string>? names = null)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        int n = outcome.Count, c = (covariates?.Length ?? 0) / n;
        ILikelihood likelihood = outcome.CreateLikelihood(ties);
        double[] eta = offset is null ? new double[n] : [.. offset], gradient = new double[n];
        int intercept = likelihood.HasIntercept ? 1 : 0, p = intercept + c;
        if (p > 0)
        {
            double[] x = new double[n * p], penalty = new double[p];
            // As light as in the fit: it keeps a level without events finite.
            Array.Fill(penalty, ClinicalModel.LightPenalty, intercept, c);
            for (int i = 0; i < n; i++)
            {
                if (intercept == 1) x[i * p] = 1;
                for (int j = 0; j < c; j++) x[i * p + intercept + j] = covariates![i * c + j];
            }
            eta = PenalizedRegression.Fit(likelihood, x, p, penalty, new PenalizedRegressionOptions
            {
                Names = [.. Enumerable.Repeat("(intercept)", intercept), .. Enumerable.Range(0, c).Select(j => names is not null && j < names.Count ? names[j] : $"covariate {j + 1}")],
                Offset = offset,
            }).LinearPredictors;
        }
        likelihood.Evaluate(eta, gradient);
        double information;
        if (outcome.Kind == OutcomeKind.Survival) information = (double)outcome.Information / n;
        else
        {
            var diagonal = new double[n];
            likelihood.HessianDiagonal(eta, diagonal);
            information = diagonal.Average();
        }
        int[] strata = outcome is SurvivalOutcome { Data: var survival } && !survival.Strata.IsEmpty ? survival.Strata.ToArray() : new int[n];
        int[] known = [.. strata.Distinct().Order()];
        return new NullModel([.. gradient.Select(g => -g)], [.. strata.Select(s => Array.BinarySearch(known, s))], information, outcome.Information, c > 0 ? covariates : null);
    }

    /// <summary>Loadings less their regression on the covariates within strata; as they are without covariates.</summary>
    /// <param name="loadings">n x r.</param>
    public double[] Adjust(double[] loadings)
    {
        ArgumentNullException.ThrowIfNull(loadings);
        if (Covariates is null) return loadings;
        int n = Residuals.Length, r = loadings.Length / n, c = Covariates.Length / n;
        double[] x = Centered(loadings, r), z = Centered(Covariates, c), system = new double[c * c];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < c; j++) Vectors.AddScaled(z[i * c + j], z.AsSpan(i * c, j + 1), system.AsSpan(j * c, j + 1));
        double largest = Enumerable.Range(0, c).Max(j => system[j * c + j]);
        // Levels that say the same twice, or that are constant within strata, take nothing away a second time.
        for (int j = 0; j < c; j++) system[j * c + j] += Math.Max(Jitter * largest, 1e-300);
        LowerFactor.Factor(system, c);
        var cross = new double[c];
        for (int k = 0; k < r; k++)
        {
            Array.Clear(cross);
            for (int i = 0; i < n; i++) Vectors.AddScaled(x[i * r + k], z.AsSpan(i * c, c), cross);
            LowerFactor.Solve(system, c, cross);
            for (int i = 0; i < n; i++) x[i * r + k] -= Vectors.Dot(z.AsSpan(i * c, c), cross);
        }
        return x;
    }

    private double[] Centered(double[] values, int width)
    {
        int n = Residuals.Length, groups = Groups.Max() + 1;
        double[] mean = new double[groups * width], result = [.. values];
        var count = new int[groups];
        foreach (int g in Groups) count[g]++;
        for (int i = 0; i < n; i++) Vectors.AddScaled(1.0 / count[Groups[i]], values.AsSpan(i * width, width), mean.AsSpan(Groups[i] * width, width));
        for (int i = 0; i < n; i++) Vectors.AddScaled(-1, mean.AsSpan(Groups[i] * width, width), result.AsSpan(i * width, width));
        return result;
    }
}
