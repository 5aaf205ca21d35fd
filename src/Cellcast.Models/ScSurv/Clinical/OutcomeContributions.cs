using Cellcast.Analysis.Clinical;
using Cellcast.Survival;

namespace Cellcast.Models.ScSurv;

/// <summary>Contributions of cells to an outcome of any kind, beside covariates, and what predictions need besides.</summary>
public sealed class OutcomeContributions
{
    private const int MostRounds = 20;

    private OutcomeContributions(ContributionFit fit, bool hasIntercept, int covariates, double variance) => (Contributions, HasIntercept, Covariates, Variance) = (fit, hasIntercept, covariates, variance);

    /// <summary>The contributions.</summary>
    public ContributionFit Contributions { get; }

    /// <summary>True when the first free coefficient is an intercept.</summary>
    public bool HasIntercept { get; }

    /// <summary>Number of covariates.</summary>
    public int Covariates { get; }

    /// <summary>Variance of the errors of a continuous outcome; NaN otherwise.</summary>
    public double Variance { get; }

    /// <summary>Fits.</summary>
    /// <param name="outcome">Outcome of the S patients.</param>
    /// <param name="features">Their features, S x F.</param>
    /// <param name="components">Blocks of the features.</param>
    /// <param name="covariates">Their covariates, S x c, or null.</param>
    /// <param name="ties">How tied deaths are treated.</param>
    /// <exception cref="SurvivalDataException">The outcome cannot be learned from.</exception>
    public static OutcomeContributions Fit(Outcome outcome, double[] features, IReadOnlyList<ContributionComponent> components, double[]? covariates, TieMethod ties = TieMethod.Efron)
    {
        ArgumentNullException.ThrowIfNull(outcome);
        ArgumentNullException.ThrowIfNull(features);
        var options = new ContributionOptions { Covariates = covariates };
        ILikelihood likelihood = outcome.CreateLikelihood(ties);
        int count = covariates is null ? 0 : covariates.Length / outcome.Count;
        ContributionFit fit = ContributionFit.Fit(likelihood, features, components, likelihood is GaussianLikelihood ? options with { Average = false } : options);
        if (likelihood is not GaussianLikelihood gaussian) return new OutcomeContributions(fit, likelihood.HasIntercept, count, double.NaN);
        // The errors' variance is what the fit leaves over: a few rounds settle both.
        for (int round = 0; round < MostRounds; round++)
        {
            var current = new OutcomeContributions(fit, true, count, gaussian.Variance);
            double[] eta = current.LinearPredictors(features, covariates);
            double sum = 0, total = 0;
            for (int i = 0; i < eta.Length; i++)
            {
                double w = gaussian.Weights.IsEmpty ? 1 : gaussian.Weights[i], r = gaussian.Response[i] - eta[i];
                sum += w * r * r;
                total += w;
            }
            double next = Math.Max(sum / total * eta.Length / Math.Max(1, eta.Length - fit.EffectiveDegreesOfFreedom), 1e-9 * gaussian.Variance);
            bool settled = Math.Abs(next - gaussian.Variance) <= 1e-3 * gaussian.Variance;
            gaussian = gaussian.WithVariance(next);
            if (settled) break;
            fit = ContributionFit.Fit(gaussian, features, components, options with { Average = false });
        }
        fit = ContributionFit.Fit(gaussian, features, components, options);
        return new OutcomeContributions(fit, true, count, gaussian.Variance);
    }

    /// <summary>A fit that was made elsewhere.</summary>
    internal static OutcomeContributions Of(ContributionFit fit, OutcomeKind kind, int covariates) => new(fit, kind != OutcomeKind.Survival, covariates, double.NaN);

    /// <summary>What the intercept and the covariates bring to each patient.</summary>
    /// <param name="patients">Number of patients.</param>
    /// <param name="covariates">Their covariates, S x c; null for none.</param>
    public double[] FreePart(int patients, double[]? covariates)
    {
        double[] free = Contributions.FreeCoefficients;
        int first = HasIntercept ? 1 : 0;
        var part = new double[patients];
        for (int i = 0; i < patients; i++)
        {
            part[i] = HasIntercept ? free[0] : 0;
            for (int j = 0; j < Covariates; j++) part[i] += free[first + j] * covariates![i * Covariates + j];
        }
        return part;
    }

    /// <summary>Linear predictors: shares, covariates and intercept together.</summary>
    /// <param name="features">Features of patients, S x F.</param>
    /// <param name="covariates">Their covariates, S x c; null for none.</param>
    public double[] LinearPredictors(double[] features, double[]? covariates)
    {
        double[] shares = Contributions.Of(features).Mean, free = FreePart(shares.Length, covariates);
        return [.. shares.Zip(free, (a, b) => a + b)];
    }
}
