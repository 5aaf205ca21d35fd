namespace Cellcast.Survival;

/// <summary>Subjects of like predicted survival.</summary>
/// <param name="Subjects">How many.</param>
/// <param name="Predicted">Mean predicted probability of surviving beyond the horizon.</param>
/// <param name="Observed">Kaplan-Meier estimate of it.</param>
/// <param name="Lower">Its lower 95 % limit; NaN when unknown.</param>
/// <param name="Upper">Its upper 95 % limit; NaN when unknown.</param>
public sealed record CalibrationGroup(int Subjects, double Predicted, double Observed, double Lower, double Upper);

/// <summary>Do predicted probabilities of survival come true? Subjects are put into groups of equal size by their prediction, and the mean prediction of a
/// group is set against its Kaplan-Meier estimate. Source: Harrell, Regression Modeling Strategies (2015), section 20.8.</summary>
public static class Calibration
{
    /// <summary>Compares predictions with outcomes at one time.</summary>
    /// <param name="data">Follow-up of n subjects.</param>
    /// <param name="predicted">Predicted probability of surviving beyond the horizon, n values.</param>
    /// <param name="horizon">The time.</param>
    /// <param name="groups">How many groups to form.</param>
    /// <returns>The groups, lowest prediction first; a group whose follow-up ends before the horizon with survivors is left out.</returns>
    public static IReadOnlyList<CalibrationGroup> Compute(SurvivalData data, ReadOnlySpan<double> predicted, double horizon, int groups)
    {
        ArgumentNullException.ThrowIfNull(data);
        data.RequireMatching(predicted.Length, "predictions");
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        double[] p = predicted.ToArray();
        for (int i = 0; i < p.Length; i++)
            if (!(p[i] is >= 0 and <= 1)) throw new SurvivalDataException($"the predicted survival of {SurvivalData.Subject(i, p.Length)} is {p[i]}: probabilities lie between 0 and 1");
        int[] order = [.. Enumerable.Range(0, p.Length).OrderBy(i => p[i]).ThenBy(i => i)];
        groups = Math.Min(groups, p.Length);
        var result = new List<CalibrationGroup>();
        for (int g = 0; g < groups; g++)
        {
            int[] members = order[(int)((long)g * order.Length / groups)..(int)((long)(g + 1) * order.Length / groups)];
            var curve = KaplanMeier.Estimate(data.Subset(members), ConfidenceScale.LogLog);
            if (curve.Time[^1] < horizon && curve.Survival[^1] > 0) continue;
            int k = -1;
            while (k + 1 < curve.Time.Count && curve.Time[k + 1] <= horizon) k++;
            result.Add(new CalibrationGroup(members.Length, members.Average(i => p[i]), k < 0 ? 1 : curve.Survival[k], k < 0 ? double.NaN : curve.Lower[k], k < 0 ? double.NaN : curve.Upper[k]));
        }
        return result;
    }

    /// <summary>Coefficient of a Cox regression on the predicted linear predictors: 1 is ideal, less means that predictions are too extreme (overfitted).
    /// Its error is robust where subjects have weights other than 1 (<see cref="CoxFit.RobustCovariance"/>). Source: van Houwelingen (2000).</summary>
    /// <param name="data">Follow-up of n subjects, other than those that the predictor was fitted to.</param>
    /// <param name="linearPredictor">n values.</param>
    /// <exception cref="SurvivalDataException">The predictors are constant or separate the deaths, or there is no event.</exception>
    public static Estimate Slope(SurvivalData data, ReadOnlySpan<double> linearPredictor)
    {
        ArgumentNullException.ThrowIfNull(data);
        data.RequireMatching(linearPredictor.Length, "linear predictors");
        var x = new double[linearPredictor.Length, 1];
        for (int i = 0; i < linearPredictor.Length; i++) x[i, 0] = linearPredictor[i];
        CoxFit fit = CoxRegression.Fit(data, x, new CoxOptions { Names = ["linear predictor"] });
        return Estimate.Symmetric(fit.Coefficients[0], data.Weights.ContainsAnyExcept(1) ? Math.Sqrt(fit.RobustCovariance()[0, 0]) : fit.StandardErrors[0]);
    }

    /// <summary>Deaths observed over deaths expected: 1 is ideal, more means that predictions are too favourable. Limits are those of a Poisson count on the log scale;
    /// with weights, of as many deaths as those weights are worth, (sum of w)^2 / sum of w^2, so that only their ratios count.
    /// Source: Crowson, Atkinson and Therneau (2016).</summary>
    /// <param name="data">Follow-up of n subjects, other than those that the predictor was fitted to.</param>
    /// <param name="linearPredictor">n values.</param>
    /// <param name="baseline">Baseline hazard of the training subjects, on the scale of the linear predictors.</param>
    /// <exception cref="SurvivalDataException">There is no event, or nothing is expected.</exception>
    public static Estimate ObservedOverExpected(SurvivalData data, ReadOnlySpan<double> linearPredictor, BaselineHazard baseline)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(baseline);
        data.RequireMatching(linearPredictor.Length, "linear predictors");
        data.RequireEvents("the comparison of observed and expected deaths");
        double observed = 0, squares = 0, expected = 0;
        for (int i = 0; i < data.Count; i++)
        {
            if (data.Event[i])
            {
                observed += data.WeightOf(i);
                squares += data.WeightOf(i) * data.WeightOf(i);
            }
            double before = data.Entry.IsEmpty ? 0 : baseline.At(data.EntryOf(i));
            expected += data.WeightOf(i) * (baseline.At(data.Time[i]) - before) * Math.Exp(linearPredictor[i]);
        }
        if (!(expected > 0)) throw new SurvivalDataException("no death is expected: follow-up ends before the first death of the training subjects");
        double ratio = observed / expected, error = Math.Sqrt(squares) / observed, z = Distributions.TwoSidedQuantile(0.95);
        return new Estimate(ratio, error, ratio * Math.Exp(-z * error), ratio * Math.Exp(z * error));
    }
}
