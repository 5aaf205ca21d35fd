using Cellcast.Analysis.Statistics;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Clinical;

/// <summary>Predictions of one model for patients it has not seen, gathered over the folds of a cross-validation.</summary>
/// <param name="Model">Name of the model.</param>
/// <param name="LinearPredictor">One value per patient; comparable within a fold.</param>
/// <param name="Survival">Predicted probability of surviving beyond each time of the evaluation, patients x times; null unless the outcome is survival.</param>
/// <param name="ExpectedEvents">Predicted cumulative hazard over each patient's follow-up; null unless the outcome is survival.</param>
public sealed record HeldOutPredictions(string Model, double[] LinearPredictor, double[,]? Survival = null, double[]? ExpectedEvents = null);

/// <summary>Times at which survival is scored.</summary>
/// <param name="Grid">Evenly spaced times of the integrated Brier score, the last being the horizon.</param>
/// <param name="Landmarks">Times of the area under the curve: quartiles of the death times, up to the horizon.</param>
public sealed record EvaluationTimes(double[] Grid, double[] Landmarks)
{
    /// <summary>All times, ascending.</summary>
    public double[] All => [.. Grid.Concat(Landmarks).Distinct().Order()];

    /// <summary>The horizon: the last time at which a tenth of the patients is under observation. Later, weights of inverse probability of censoring rest on a few patients.</summary>
    public double Horizon => Grid[^1];

    /// <summary>Chooses times by the follow-up of all patients, which says nothing about any prediction.</summary>
    /// <param name="data">Follow-up.</param>
    /// <param name="points">Points of the grid.</param>
    public static EvaluationTimes Of(SurvivalData data, int points = 40)
    {
        ArgumentNullException.ThrowIfNull(data);
        double[] time = [.. data.Time.ToArray().Order()];
        double horizon = time[Math.Clamp((int)(0.9 * time.Length) - 1, 0, time.Length - 1)];
        double[] deaths = [.. Enumerable.Range(0, data.Count).Where(i => data.Event[i]).Select(i => data.Time[i]).Order()];
        double[] landmarks = [.. ((double[])[0.25, 0.5, 0.75]).Select(q => deaths[(int)(q * (deaths.Length - 1))]).Where(t => t < horizon).Distinct()];
        return new EvaluationTimes([.. Enumerable.Range(1, points).Select(k => horizon * k / points)], landmarks);
    }
}

/// <summary>How well one model predicted the survival of held-out patients. Limits of concordance are from its standard error, all others by bootstrap of patients.</summary>
/// <param name="Model">Name of the model.</param>
/// <param name="Harrell">Harrell's concordance, pairs within folds (and strata) only.</param>
/// <param name="Uno">Uno's, up to the horizon; null with entry times.</param>
/// <param name="Auc">Area under the time-dependent ROC curve at each landmark, pairs within folds (and strata) only: pooled over folds, predictions without any skill would score below one half, as the training patients of a fold lack its deaths; empty with entry times.</param>
/// <param name="Brier">Integrated Brier score up to the horizon; null with entry times.</param>
/// <param name="CalibrationSlope">Cox regression on the linear predictor, a baseline hazard per fold; null where it has no finite estimate.</param>
/// <param name="ObservedOverExpected">Deaths observed over deaths expected, limits as <see cref="Cellcast.Survival.Calibration.ObservedOverExpected"/>.</param>
/// <param name="Calibration">Predicted against observed survival at the middle landmark, in groups.</param>
/// <param name="Decision">Net benefit at the middle landmark.</param>
public sealed record SurvivalScores(string Model, Estimate Harrell, Estimate? Uno, IReadOnlyList<Estimate> Auc, Estimate? Brier, Estimate? CalibrationSlope, Estimate? ObservedOverExpected,
    IReadOnlyList<CalibrationGroup> Calibration, IReadOnlyList<NetBenefit> Decision);

/// <summary>Difference of two models on the same patients, limits by paired bootstrap.</summary>
/// <param name="Model">The model.</param>
/// <param name="Against">The model it is compared with.</param>
/// <param name="Harrell">Difference of Harrell's concordance; above 0 the first is better.</param>
public sealed record ModelDifference(string Model, string Against, Estimate Harrell);

/// <summary>Scores of predictions for held-out patients.</summary>
public static class HeldOutScores
{
    /// <summary>Scores survival.</summary>
    /// <param name="data">Follow-up of all patients.</param>
    /// <param name="fold">Fold in which each patient was held out.</param>
    /// <param name="models">Predictions.</param>
    /// <param name="times">Times; columns of the predictions are <see cref="EvaluationTimes.All"/>.</param>
    /// <param name="key">Source of chance of the bootstrap.</param>
    /// <param name="replicates">Bootstrap replicates.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static (IReadOnlyList<SurvivalScores> Scores, IReadOnlyList<ModelDifference> Differences) Survival(SurvivalData data, int[] fold, IReadOnlyList<HeldOutPredictions> models, EvaluationTimes times,
        RandomKey key, int replicates = 1000, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(fold);
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(times);
        int n = data.Count;
        double[] all = times.All;
        int[] gridColumns = [.. times.Grid.Select(t => Array.IndexOf(all, t))], landmarkColumns = [.. times.Landmarks.Select(t => Array.IndexOf(all, t))];
        // Linear predictors of different folds are on different scales, those of different strata too.
        int[] pairs = [.. Enumerable.Range(0, n).Select(i => data.Strata.IsEmpty ? fold[i] : Together(fold[i], data.Strata[i]))];
        var whole = new SurvivalData(data.Time, data.Event, data.Weights, pairs, data.Entry);
        bool complete = data.Entry.IsEmpty;

        double[] Statistics(int[] rows, HeldOutPredictions m)
        {
            SurvivalData chosen = whole.Subset(rows);
            var values = new List<double> { Concordance.Compute(chosen, [.. rows.Select(i => m.LinearPredictor[i])]).Value };
            if (!complete) return [.. values];
            var unstratified = new SurvivalData(chosen.Time, chosen.Event, chosen.Weights);
            var survival = new double[rows.Length, gridColumns.Length];
            for (int k = 0; k < rows.Length; k++)
                for (int t = 0; t < gridColumns.Length; t++) survival[k, t] = m.Survival![rows[k], gridColumns[t]];
            values.Add(BrierScore.Compute(unstratified, times.Grid, survival).Integrated);
            for (int t = 0; t < landmarkColumns.Length; t++)
                values.Add(TimeDependentAuc.Compute(chosen, [times.Landmarks[t]], [.. rows.Select(i => m.LinearPredictor[i])], unstratified).Values[0]);
            return [.. values];
        }

        double[][] replicated = Bootstrap.Replicate(fold, replicates, key, rows =>
        {
            try
            {
                return [.. models.SelectMany(m => Statistics(rows, m))];
            }
            catch (SurvivalDataException)
            {
                return null; // a draw without a pair to compare, or that ends before the horizon
            }
        }, threads);
        int width = complete ? 2 + landmarkColumns.Length : 1;
        int[] everyone = [.. Enumerable.Range(0, n)];
        var scores = new List<SurvivalScores>();
        for (int m = 0; m < models.Count; m++)
        {
            HeldOutPredictions model = models[m];
            double[] value = Statistics(everyone, model);
            Estimate Bootstrapped(int j)
            {
                var (error, lower, upper) = Bootstrap.Percentile(replicated.Select(r => r[m * width + j]));
                return new Estimate(value[j], error, lower, upper);
            }
            Concordance harrell = Concordance.Compute(whole, model.LinearPredictor);
            Concordance? uno = complete ? Concordance.Uno(whole, model.LinearPredictor, times.Horizon, new SurvivalData(data.Time, data.Event, data.Weights)) : null;
            double WeightOf(int i) => data.Weights.IsEmpty ? 1 : data.Weights[i];
            int[] dead = [.. everyone.Where(i => data.Event[i])];
            double expected = model.ExpectedEvents!.Select((e, i) => e * WeightOf(i)).Sum(), observed = dead.Sum(WeightOf), squares = dead.Sum(i => WeightOf(i) * WeightOf(i));
            int middle = landmarkColumns.Length / 2;
            double[] predicted = landmarkColumns.Length == 0 ? [] : [.. everyone.Select(i => model.Survival![i, landmarkColumns[middle]])];
            scores.Add(new SurvivalScores(model.Model, Symmetric(harrell.Value, harrell.StandardError), uno is null ? null : Symmetric(uno.Value, uno.StandardError),
                complete ? [.. Enumerable.Range(0, landmarkColumns.Length).Select(t => Bootstrapped(2 + t))] : [], complete ? Bootstrapped(1) : null,
                Slope(whole, model.LinearPredictor), expected > 0 && observed > 0 ? Ratio(observed / expected, Math.Sqrt(squares) / observed) : null,
                predicted.Length == 0 ? [] : CalibrationOf(data, predicted, times.Landmarks[middle]),
                predicted.Length == 0 ? [] : DecisionCurve.Compute(data, [.. predicted.Select(p => 1 - p)], times.Landmarks[middle], Thresholds)));
        }
        var differences = new List<ModelDifference>();
        for (int a = 0; a < models.Count; a++)
            for (int b = a + 1; b < models.Count; b++)
            {
                int i = a, j = b;
                var (error, lower, upper) = Bootstrap.Percentile(replicated.Select(r => r[i * width] - r[j * width]));
                differences.Add(new ModelDifference(models[a].Model, models[b].Model, new Estimate(scores[a].Harrell.Value - scores[b].Harrell.Value, error, lower, upper)));
            }
        return (scores, differences);
    }

    /// <summary>Thresholds of decision curves.</summary>
    public static double[] Thresholds => [.. Enumerable.Range(1, 19).Select(k => Math.Round(0.05 * k, 2))];

    private static IReadOnlyList<CalibrationGroup> CalibrationOf(SurvivalData data, double[] predicted, double horizon) =>
        Calibration.Compute(data, predicted, horizon, data.Count >= 200 ? 5 : 4);

    private static Estimate? Slope(SurvivalData data, double[] eta)
    {
        try
        {
            return Calibration.Slope(data, eta);
        }
        catch (SurvivalDataException)
        {
            return null; // the same prediction for everyone
        }
    }

    private static Estimate Symmetric(double value, double error) => new(value, error, value - Normal975 * error, value + Normal975 * error);

    private static Estimate Ratio(double value, double error) => new(value, error, value * Math.Exp(-Normal975 * error), value * Math.Exp(Normal975 * error));

    private const double Normal975 = 1.959963984540054;

    private static int Together(int fold, int stratum) => checked(fold * 100_000 + stratum);
}
