namespace Cellcast.Survival;

/// <summary>An estimate with its standard error and limits.</summary>
/// <param name="Value">The estimate.</param>
/// <param name="StandardError">Its standard error, on the scale on which the limits are symmetric.</param>
/// <param name="Lower">Lower 95 % limit.</param>
/// <param name="Upper">Upper 95 % limit.</param>
public sealed record Estimate(double Value, double StandardError, double Lower, double Upper)
{
    internal static Estimate Symmetric(double value, double error)
    {
        double z = Distributions.TwoSidedQuantile(0.95);
        return new Estimate(value, error, value - z * error, value + z * error);
    }
}

/// <summary>How well predictions of a binary outcome came true.</summary>
/// <param name="Auc">Area under the ROC curve with its standard error (infinitesimal jackknife, as DeLong, DeLong and Clarke-Pearson (1988) for large samples).</param>
/// <param name="Brier">Mean squared difference between probability and outcome.</param>
/// <param name="LogLoss">Mean negative log likelihood, natural logarithm.</param>
/// <param name="CalibrationSlope">Slope of a logistic regression of the outcome on the predicted log odds; 1 is ideal, less is overfitted. Null where it has no finite estimate.</param>
/// <param name="CalibrationInTheLarge">Intercept of such a regression with slope 1: how much the log odds are too low on the whole; 0 is ideal.</param>
public sealed record BinaryScores(Estimate Auc, double Brier, double LogLoss, Estimate? CalibrationSlope, Estimate? CalibrationInTheLarge)
{
    /// <summary>Scores predictions.</summary>
    /// <param name="outcome">The outcomes, n values, both kinds present.</param>
    /// <param name="logOdds">Predicted log odds of yes, n finite values.</param>
    /// <param name="group">Groups whose predictions have a level of their own, such as the folds of a cross-validation, n values; empty for one. The area counts pairs within a group only, and
    /// the slope has an intercept for each: without, predictions without any skill would score below one half, as the training subjects of a fold lack its outcomes.</param>
    /// <param name="weights">How much each subject counts, n values; only ratios matter. Empty for 1 each.</param>
    /// <exception cref="SurvivalDataException">A value is not usable, all outcomes are the same, or no group has both.</exception>
    public static BinaryScores Compute(ReadOnlySpan<bool> outcome, ReadOnlySpan<double> logOdds, ReadOnlySpan<int> group = default, ReadOnlySpan<double> weights = default)
    {
        int n = outcome.Length;
        if (!group.IsEmpty && group.Length != n) throw new SurvivalDataException($"there are {n} outcomes but {group.Length} groups: give one per subject, in the same order");
        if (logOdds.Length != n) throw new SurvivalDataException($"there are {n} outcomes but {logOdds.Length} predictions: give one per subject, in the same order");
        var weight = ScoreWeights.Of(weights, n);
        var likelihood = new LogisticLikelihood(outcome, weight.Values);
        double brier = 0;
        var time = new double[n];
        for (int i = 0; i < n; i++)
        {
            if (!double.IsFinite(logOdds[i])) throw new SurvivalDataException($"the predicted log odds of {SurvivalData.Subject(i, n)} are {logOdds[i]}: only finite values can be used");
            double d = LogisticLikelihood.Probability(logOdds[i]) - (outcome[i] ? 1 : 0);
            brier += weight[i] * d * d / weight.Effective;
            time[i] = outcome[i] ? 1 : 2;
        }
        // A yes is a death before the last follow-up of every no: the comparable pairs are those of one yes and one no.
        Concordance auc = Concordance.Compute(new SurvivalData(time, outcome, weights, group), logOdds);
        int[] groups = group.IsEmpty ? [0] : [.. group.ToArray().Distinct().Order()];
        int p = groups.Length + 1;
        double[] eta = logOdds.ToArray(), x = new double[p * n];
        for (int i = 0; i < n; i++) (x[p * i + (group.IsEmpty ? 0 : Array.BinarySearch(groups, group[i]))], x[p * i + p - 1]) = (1, eta[i]);
        return new BinaryScores(Estimate.Symmetric(auc.Value, auc.StandardError), brier, likelihood.Evaluate(logOdds) / weight.Effective,
            CoefficientOf(() => PenalizedRegression.Fit(likelihood, x, p), p - 1),
            CoefficientOf(() => PenalizedRegression.Fit(likelihood, [.. Enumerable.Repeat(1.0, n)], 1, default, new PenalizedRegressionOptions { Offset = eta }), 0));
    }

    private static Estimate? CoefficientOf(Func<PenalizedFit> fit, int index)
    {
        try
        {
            PenalizedFit f = fit();
            return Estimate.Symmetric(f.Coefficients[index], f.StandardErrors[index]);
        }
        catch (SurvivalDataException)
        {
            return null; // all predictions alike, or perfect separation
        }
    }
}

/// <summary>How well predictions of a continuous outcome came true.</summary>
/// <param name="RSquared">1 - squared error / squared error of the mean of <c>reference</c>: 1 is perfect, 0 is no better than that mean, negative is worse.</param>
/// <param name="RootMeanSquaredError">In the unit of the outcome.</param>
/// <param name="Correlation">Pearson's correlation with limits by Fisher's transformation; null where either is constant or there are (effectively) no more than 3 subjects.</param>
/// <param name="CalibrationSlope">Slope of the outcome on the prediction; 1 is ideal, less is overfitted; null where predictions are constant.</param>
public sealed record ContinuousScores(double RSquared, double RootMeanSquaredError, Estimate? Correlation, Estimate? CalibrationSlope)
{
    /// <summary>Scores predictions.</summary>
    /// <param name="outcome">The outcomes, n values.</param>
    /// <param name="predicted">Predictions, n values.</param>
    /// <param name="reference">Mean of the training outcomes, which a prediction must beat; NaN for the mean of <paramref name="outcome"/>.</param>
    /// <param name="weights">How much each subject counts, n values; only ratios matter. Empty for 1 each.</param>
    /// <exception cref="SurvivalDataException">Lengths differ, fewer than two subjects, or the outcomes are all alike.</exception>
    public static ContinuousScores Compute(ReadOnlySpan<double> outcome, ReadOnlySpan<double> predicted, double reference = double.NaN, ReadOnlySpan<double> weights = default)
    {
        int n = outcome.Length;
        if (predicted.Length != n || n < 2) throw new SurvivalDataException($"there are {n} outcomes and {predicted.Length} predictions: give one prediction per subject, for at least 2");
        var weight = ScoreWeights.Of(weights, n);
        double number = weight.Effective, meanY = 0, meanP = 0;
        for (int i = 0; i < n; i++)
        {
            if (!double.IsFinite(outcome[i]) || !double.IsFinite(predicted[i])) throw new SurvivalDataException($"outcome or prediction of {SurvivalData.Subject(i, n)} is not finite: only finite values can be used");
            meanY += weight[i] * outcome[i] / number;
            meanP += weight[i] * predicted[i] / number;
        }
        if (double.IsNaN(reference)) reference = meanY;
        double error = 0, total = 0, yy = 0, pp = 0, yp = 0;
        for (int i = 0; i < n; i++)
        {
            double w = weight[i], y = outcome[i] - meanY, p = predicted[i] - meanP, e = outcome[i] - predicted[i], r = outcome[i] - reference;
            (error, total, yy, pp, yp) = (error + w * e * e, total + w * r * r, yy + w * y * y, pp + w * p * p, yp + w * y * p);
        }
        if (!(total > 0)) throw new SurvivalDataException($"all {n} outcomes are alike: nothing can be explained");
        Estimate? correlation = null, slope = null;
        if (yy > 0 && pp > 0 && number > 3)
        {
            double r = Math.Clamp(yp / Math.Sqrt(yy * pp), -1, 1), z = Math.Atanh(r), se = 1 / Math.Sqrt(number - 3), q = Distributions.TwoSidedQuantile(0.95);
            correlation = new Estimate(r, se, Math.Tanh(z - q * se), Math.Tanh(z + q * se));
            double b = yp / pp;
            slope = Estimate.Symmetric(b, Math.Sqrt(Math.Max(0, yy - b * yp) / (number - 2) / pp));
        }
        return new ContinuousScores(1 - error / total, Math.Sqrt(error / number), correlation, slope);
    }
}
