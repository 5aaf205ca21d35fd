using Cellcast.Analysis.Clinical;
using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Tests.Clinical;

public class ClinicalModelTests
{
    private static (double[] X, SurvivalData Survival, bool[] Yes, double[] Value) Create(int n, int seed = 1)
    {
        var random = new RandomStream(RandomKey.From(seed, "clinical"));
        double[] x = new double[2 * n], time = new double[n], value = new double[n];
        bool[] died = new bool[n], yes = new bool[n];
        for (int i = 0; i < n; i++)
        {
            (x[2 * i], x[2 * i + 1]) = (random.NextNormal(), random.NextNormal());
            double eta = 0.8 * x[2 * i], death = random.NextExponential() * Math.Exp(-eta), end = 2 * random.NextUniform() + 1e-6;
            (time[i], died[i]) = (Math.Min(death, end) + 1e-9, death <= end);
            yes[i] = random.NextUniform() < LogisticLikelihood.Probability(-0.5 + eta);
            value[i] = 3 + eta + 0.5 * random.NextNormal();
        }
        for (int j = 0; j < 2; j++)
        {
            double mean = Enumerable.Range(0, n).Average(i => x[2 * i + j]);
            for (int i = 0; i < n; i++) x[2 * i + j] -= mean;
        }
        return (x, new SurvivalData(time, died), yes, value);
    }

    [Fact]
    public void Effects_of_all_kinds_of_outcomes_are_found_within_their_limits()
    {
        var c = Create(1500);
        CovariateTerm[] terms = [new("a", "a", null, 0, 1), new("b", "b", null, 0, 1)];
        foreach (Outcome outcome in (Outcome[])[Outcome.Of(c.Survival), Outcome.Of((ReadOnlySpan<bool>)c.Yes), Outcome.Of((ReadOnlySpan<double>)c.Value)])
        {
            var effects = ClinicalModel.Train(outcome, c.X, [0.01, 0.01]).Effects(terms);
            Assert.InRange(0.8, effects[0].Coefficient - 3 * effects[0].StandardError, effects[0].Coefficient + 3 * effects[0].StandardError);
            Assert.InRange(0, effects[1].Coefficient - 3 * effects[1].StandardError, effects[1].Coefficient + 3 * effects[1].StandardError);
            Assert.True(effects[0].PValue < 1e-9);
        }
        Assert.Equal(0.25, ClinicalModel.Train(Outcome.Of((ReadOnlySpan<double>)c.Value), c.X, [0.01, 0.01]).Variance, 0.03);
    }

    [Fact]
    public void An_effect_is_per_unit_of_the_column()
    {
        var c = Create(300);
        var outcome = Outcome.Of(c.Survival);
        var one = ClinicalModel.Train(outcome, c.X, [0, 0]).Effects([new("a", "a", null, 0, 1), new("b", "b", null, 0, 1)])[0];
        var ten = ClinicalModel.Train(outcome, c.X, [0, 0]).Effects([new("a", "a", null, 5, 10), new("b", "b", null, 0, 1)])[0];
        Assert.Equal(one.Coefficient / 10, ten.Coefficient, 1e-12);
        Assert.Equal(one.PValue, ten.PValue, 1e-12);
    }

    [Fact]
    public void Baseline_hazards_of_strata_are_apart()
    {
        var c = Create(400);
        int[] strata = [.. Enumerable.Range(0, 400).Select(i => i % 2)];
        var data = new SurvivalData([.. c.Survival.Time.ToArray().Select((t, i) => t * (strata[i] == 0 ? 1 : 10))], c.Survival.Event, default, strata);
        var model = ClinicalModel.Train(Outcome.Of(data), c.X, [0.01, 0.01]);
        Assert.True(model.Baseline!.Of(0).At(1) > 3 * model.Baseline.Of(1).At(1));
        Assert.Equal(model.Baseline.All.At(1), model.Baseline.Of(17).At(1));
    }

    [Fact]
    public void Ridge_is_strong_where_there_is_nothing_to_learn_and_weak_where_there_is()
    {
        var c = Create(400);
        var random = new RandomStream(RandomKey.From(3, "noise"));
        double[] noise = [.. Enumerable.Range(0, 400 * 10).Select(_ => random.NextNormal())];
        foreach (Outcome outcome in (Outcome[])[Outcome.Of(c.Survival), Outcome.Of((ReadOnlySpan<bool>)c.Yes), Outcome.Of((ReadOnlySpan<double>)c.Value)])
        {
            var nothing = ClinicalModel.TrainWithRidge(outcome, noise, 0, 10);
            var something = ClinicalModel.TrainWithRidge(outcome, c.X, 0, 2);
            Assert.True(nothing.Ridge > 10 * something.Ridge, $"{outcome.Kind}: {nothing.Ridge} and {something.Ridge}");
            // The covariate beside the noise stays what it is.
            double[] both = [.. Enumerable.Range(0, 400).SelectMany(i => (double[])[c.X[2 * i], .. noise[(i * 10)..(i * 10 + 10)]])];
            var beside = ClinicalModel.TrainWithRidge(outcome, both, 1, 10).Model;
            Assert.Equal(ClinicalModel.Train(outcome, [.. Enumerable.Range(0, 400).Select(i => c.X[2 * i])], [0.01]).Effects([new("a", "a", null, 0, 1)])[0].Coefficient,
                beside.Effects([new("a", "a", null, 0, 1)])[0].Coefficient, 0.1);
        }
    }

    [Fact]
    public void A_level_without_events_has_a_finite_effect()
    {
        var data = new SurvivalData([1, 2, 3, 4, 5, 6], [true, true, true, true, false, false]);
        var model = ClinicalModel.Train(Outcome.Of(data), [-0.3, -0.3, -0.3, -0.3, 0.7, 0.7], [ClinicalModel.LightPenalty]);
        Assert.InRange(model.Fit.Coefficients[0], -20, 0);
    }

    [Fact]
    public void Folds_have_equal_shares_of_events_and_follow_the_seed()
    {
        var c = Create(203);
        foreach (Outcome outcome in (Outcome[])[Outcome.Of(c.Survival), Outcome.Of((ReadOnlySpan<bool>)c.Yes), Outcome.Of((ReadOnlySpan<double>)c.Value)])
        {
            int[] fold = CohortFolds.Deal(outcome, 5, RandomKey.From(1, "folds"));
            Assert.Equal(fold, CohortFolds.Deal(outcome, 5, RandomKey.From(1, "folds")));
            Assert.NotEqual(fold, CohortFolds.Deal(outcome, 5, RandomKey.From(2, "folds")));
            Assert.All(Enumerable.Range(0, 5), f => Assert.InRange(fold.Count(v => v == f), 40, 41));
            int[] informative = [.. Enumerable.Range(0, 5).Select(f => outcome.Subset([.. Enumerable.Range(0, 203).Where(i => fold[i] == f)]).Information)];
            Assert.True(informative.Max() - informative.Min() <= 1);
        }
        Assert.Contains("too few for 5 folds", Assert.Throws<InputException>(() => CohortFolds.Deal(Outcome.Of((ReadOnlySpan<bool>)[true, false, false, false]), 5, RandomKey.From(1, "folds"))).Message);
    }

    [Fact]
    public void Bootstrap_of_a_mean_has_its_standard_error_and_does_not_depend_on_threads()
    {
        var random = new RandomStream(RandomKey.From(5, "values"));
        double[] values = [.. Enumerable.Range(0, 200).Select(_ => random.NextNormal())];
        double[][] Of(int threads) => Bootstrap.Replicate(new int[200], 2000, RandomKey.From(1, "bootstrap"), rows => [rows.Average(i => values[i])], threads);
        double[][] one = Of(1), two = Of(2);
        Assert.Equal(one.Select(r => r[0]), two.Select(r => r[0]));
        double mean = values.Average(), expected = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)) / 200);
        var (error, lower, upper) = Bootstrap.Percentile(one.Select(r => r[0]));
        Assert.Equal(expected, error, 0.1 * expected);
        Assert.Equal(mean - 1.96 * expected, lower, 0.3 * expected);
        Assert.Equal(mean + 1.96 * expected, upper, 0.3 * expected);
        // Within groups the sizes are kept.
        int[] groups = [.. Enumerable.Range(0, 30).Select(i => i < 10 ? 0 : 1)];
        Assert.All(Bootstrap.Replicate(groups, 20, RandomKey.From(1, "b"), rows => [rows.Count(i => i < 10)]), r => Assert.Equal(10, r[0]));
    }

    [Fact]
    public void Held_out_scores_favour_the_better_predictions_and_pair_patients_within_folds_only()
    {
        var c = Create(240);
        int[] fold = CohortFolds.Deal(Outcome.Of(c.Survival), 4, RandomKey.From(1, "folds"));
        var times = EvaluationTimes.Of(c.Survival, 10);
        HeldOutPredictions Predict(string name, double slope, double offset)
        {
            double[] eta = [.. Enumerable.Range(0, 240).Select(i => slope * c.X[2 * i])], all = times.All;
            var baseline = BaselineHazard.Estimate(c.Survival, eta);
            var survival = new double[240, all.Length];
            for (int i = 0; i < 240; i++)
                for (int t = 0; t < all.Length; t++) survival[i, t] = baseline.Survival(all[t], eta[i]);
            return new HeldOutPredictions(name, [.. eta.Select((e, i) => e + offset * fold[i])], survival, [.. eta.Select((e, i) => baseline.At(c.Survival.Time[i]) * Math.Exp(e))]);
        }
        var (scores, differences) = HeldOutScores.Survival(c.Survival, fold, [Predict("right", 0.8, 0), Predict("shifted", 0.8, 100), Predict("nothing", 0, 0)], times, RandomKey.From(1, "bootstrap"), 100);
        Assert.Equal(scores[0].Harrell, scores[1].Harrell);
        Assert.Equal(0.5, scores[2].Harrell.Value);
        Assert.All(scores[2].Auc, a => Assert.Equal(0.5, a.Value));
        Assert.Equal(scores[0].Auc, scores[1].Auc);
        Assert.True(scores[0].Harrell.Lower > 0.55);
        Assert.True(scores[0].Brier!.Value < scores[2].Brier!.Value);
        Assert.True(scores[0].Auc.All(a => a.Value > 0.6));
        Assert.Equal(1, scores[0].ObservedOverExpected!.Value, 1e-9);
        Assert.InRange(1, scores[0].CalibrationSlope!.Lower, scores[0].CalibrationSlope!.Upper);
        Assert.Null(scores[2].CalibrationSlope);
        ModelDifference first = differences.Single(d => d is { Model: "right", Against: "nothing" });
        Assert.True(first.Harrell.Lower > 0);
        Assert.Equal(scores[0].Harrell.Value - 0.5, first.Harrell.Value, 1e-12);
    }
}
