using Cellcast.Survival;

namespace Cellcast.Analysis.Clinical;

/// <summary>One coefficient of a clinical model.</summary>
/// <param name="Name">The covariate.</param>
/// <param name="Coefficient">Log hazard ratio, log odds ratio or difference, per unit.</param>
/// <param name="StandardError">Its standard error.</param>
/// <param name="Lower">Lower 95 % limit.</param>
/// <param name="Upper">Upper 95 % limit.</param>
/// <param name="PValue">Two-sided (Wald).</param>
public sealed record CovariateEffect(string Name, double Coefficient, double StandardError, double Lower, double Upper, double PValue)
{
    /// <summary>The effect of a coefficient with its standard error.</summary>
    public static CovariateEffect Of(string name, double coefficient, double standardError)
    {
        const double normal975 = 1.959963984540054;
        return new CovariateEffect(name, coefficient, standardError, coefficient - normal975 * standardError, coefficient + normal975 * standardError, Statistics.Distributions.TwoSidedNormal(coefficient / standardError));
    }
}

/// <summary>Regression of an outcome of any kind on covariates, which may be penalised each by its own strength, and what predictions need besides the coefficients.</summary>
public sealed class ClinicalModel
{
    /// <summary>
    /// Penalty on covariates centred and scaled by a <see cref="CovariateDesign"/>: a normal prior with standard deviation 10 of the log ratio per standard deviation or level, which changes
    /// no estimate that the data determine and keeps that of a level without events finite.
    /// </summary>
    public const double LightPenalty = 0.01;

    private readonly int _columns;
    private readonly bool _intercept;

    private ClinicalModel(PenalizedFit fit, int columns, bool intercept, StratifiedBaseline? baseline, double variance) =>
        (Fit, _columns, _intercept, Baseline, Variance) = (fit, columns, intercept, baseline, variance);

    /// <summary>The regression; its first coefficient is the intercept where the outcome has one.</summary>
    public PenalizedFit Fit { get; }

    /// <summary>Baseline hazards; null unless the outcome is survival.</summary>
    public StratifiedBaseline? Baseline { get; }

    /// <summary>Variance of the errors of a continuous outcome; NaN otherwise.</summary>
    public double Variance { get; }

    /// <summary>Fits.</summary>
    /// <param name="outcome">Outcome of n patients.</param>
    /// <param name="x">n x p covariates, row by row, centred.</param>
    /// <param name="penalty">Penalty on each of the p coefficients.</param>
    /// <param name="names">Names of the covariates, for messages.</param>
    /// <param name="ties">How tied deaths are treated.</param>
    /// <exception cref="SurvivalDataException">There is nothing to learn from, or no convergence.</exception>
    public static ClinicalModel Train(Outcome outcome, double[] x, IReadOnlyList<double> penalty, IReadOnlyList<string>? names = null, TieMethod ties = TieMethod.Efron)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(penalty);
        int n = outcome.Count, p = penalty.Count;
        ILikelihood likelihood = outcome.CreateLikelihood(ties);
        bool intercept = likelihood.HasIntercept;
        double[] all = intercept ? WithOnes(x, n, p) : x, k = intercept ? [0, .. penalty] : [.. penalty];
        var options = new PenalizedRegressionOptions { Names = names is null ? null : intercept ? ["(intercept)", .. names] : names };
        PenalizedFit fit = PenalizedRegression.Fit(likelihood, all, k.Length, k, options);
        double variance = double.NaN;
        if (likelihood is GaussianLikelihood gaussian)
        {
            // The penalty is measured against the variance of the errors, which the fit gives: a few rounds settle both.
            for (int round = 0; round < 20; round++)
            {
                double next = ResidualVariance(gaussian, fit);
                bool settled = Math.Abs(next - gaussian.Variance) <= 1e-9 * gaussian.Variance;
                gaussian = gaussian.WithVariance(next);
                fit = PenalizedRegression.Fit(gaussian, all, k.Length, k, options);
                if (settled) break;
            }
            variance = gaussian.Variance;
        }
        StratifiedBaseline? baseline = outcome is SurvivalOutcome s ? StratifiedBaseline.Estimate(s.Data, fit.LinearPredictors) : null;
        return new ClinicalModel(fit, p, intercept, baseline, variance);
    }

    /// <summary>Fits covariates, lightly penalised, beside a block of others whose common ridge penalty is chosen by cross-validated likelihood: for each fold that of all patients less
    /// that of the others, at the coefficients of the others (Verweij and van Houwelingen 1993). Folds follow from the outcome alone.</summary>
    /// <param name="outcome">Outcome of n patients.</param>
    /// <param name="x">n x (covariates + penalised) values, row by row, centred; the penalised ones scaled to unit standard deviation.</param>
    /// <param name="covariates">Number of lightly penalised columns, which come first.</param>
    /// <param name="penalised">Number of penalised columns.</param>
    /// <param name="names">Names of all columns, for messages; their numbers when null.</param>
    /// <param name="ties">How tied deaths are treated.</param>
    /// <exception cref="SurvivalDataException">There is nothing to learn from.</exception>
    public static (ClinicalModel Model, double Ridge) TrainWithRidge(Outcome outcome, double[] x, int covariates, int penalised, IReadOnlyList<string>? names = null, TieMethod ties = TieMethod.Efron)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        ArgumentNullException.ThrowIfNull(x);
        int n = outcome.Count, p = covariates + penalised;
        double[] candidates = [.. Enumerable.Range(0, 13).Select(k => outcome.Information / 100.0 * Math.Pow(10, -2 + 0.5 * k))], score = new double[candidates.Length];
        double[] Penalty(double ridge) => [.. Enumerable.Repeat(LightPenalty, covariates), .. Enumerable.Repeat(ridge, penalised)];
        int[] fold = CohortFolds.InOrder(outcome, 10);
        ILikelihood all = outcome.CreateLikelihood(ties);
        for (int f = 0; f <= fold.Max(); f++)
        {
            int[] others = [.. Enumerable.Range(0, n).Where(i => fold[i] != f)];
            Outcome train = outcome.Subset(others);
            double[] rows = [.. others.SelectMany(i => x[(i * p)..((i + 1) * p)])];
            ILikelihood without = train.CreateLikelihood(ties);
            if (without is GaussianLikelihood g) without = g.WithVariance(((GaussianLikelihood)all).Variance);
            for (int c = 0; c < candidates.Length; c++)
            {
                double[] eta = Train(train, rows, Penalty(candidates[c]), names, ties).Predict(x);
                score[c] += without.Evaluate([.. others.Select(i => eta[i])]) - all.Evaluate(eta);
            }
        }
        int best = 0;
        for (int c = 1; c < score.Length; c++)
            if (score[c] >= score[best]) best = c;
        return (Train(outcome, x, Penalty(candidates[best]), names, ties), candidates[best]);
    }

    /// <summary>Linear predictors of patients, training or new: log hazard up to a constant, log odds, or the expected outcome.</summary>
    /// <param name="x">m x p covariates, row by row.</param>
    public double[] Predict(ReadOnlySpan<double> x)
    {
        int m = _columns == 0 ? 0 : x.Length / _columns, first = _intercept ? 1 : 0;
        var eta = new double[m];
        for (int i = 0; i < m; i++)
        {
            eta[i] = _intercept ? Fit.Coefficients[0] : 0;
            for (int j = 0; j < _columns; j++) eta[i] += Fit.Coefficients[first + j] * x[i * _columns + j];
        }
        return eta;
    }

    /// <summary>Effects of the first covariates, per unit.</summary>
    /// <param name="terms">The covariates, in the order of the columns.</param>
    public IReadOnlyList<CovariateEffect> Effects(IReadOnlyList<CovariateTerm> terms)
    {
        ArgumentNullException.ThrowIfNull(terms);
        int first = _intercept ? 1 : 0;
        double[] error = Fit.StandardErrors;
        return [.. terms.Select((t, j) => CovariateEffect.Of(t.Name, Fit.Coefficients[first + j] / t.Scale, error[first + j] / t.Scale))];
    }

    private static double ResidualVariance(GaussianLikelihood likelihood, PenalizedFit fit)
    {
        double sum = 0, total = 0;
        for (int i = 0; i < likelihood.Count; i++)
        {
            double w = likelihood.Weights.IsEmpty ? 1 : likelihood.Weights[i], r = likelihood.Response[i] - fit.LinearPredictors[i];
            sum += w * r * r;
            total += w;
        }
        double free = Math.Max(1, likelihood.Count - fit.EffectiveDegreesOfFreedom);
        return Math.Max(sum / total * likelihood.Count / free, 1e-12 * likelihood.Variance);
    }

    private static double[] WithOnes(double[] x, int n, int p)
    {
        var all = new double[n * (p + 1)];
        for (int i = 0; i < n; i++)
        {
            all[i * (p + 1)] = 1;
            for (int j = 0; j < p; j++) all[i * (p + 1) + 1 + j] = x[i * p + j];
        }
        return all;
    }
}
