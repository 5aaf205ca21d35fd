namespace Cellcast.Survival.Tests;

/// <summary>Scores of predictions against values worked out by hand, by definition, or by R.</summary>
public class EvaluationTests
{
    private static (SurvivalData Censored, SurvivalData Complete, double[] Risk) Create(int seed, int n)
    {
        var random = new Random(seed);
        double[] death = new double[n], time = new double[n], risk = new double[n];
        var events = new bool[n];
        for (int i = 0; i < n; i++)
        {
            risk[i] = 2 * random.NextDouble() - 1;
            death[i] = -Math.Log(1 - random.NextDouble()) * Math.Exp(-1.5 * risk[i]) + 1e-9;
            double end = 3 * random.NextDouble() + 1e-9;
            (time[i], events[i]) = (Math.Min(death[i], end), death[i] <= end);
        }
        return (new SurvivalData(time, events), new SurvivalData(death, Enumerable.Repeat(true, n).ToArray()), risk);
    }

    [Fact]
    public void Area_without_censoring_is_the_share_of_pairs()
    {
        var data = new SurvivalData([1, 2, 3, 4], [true, true, true, true]);
        // By 2.5 the first two have died: pairs (1,3) (1,4) (2,3) (2,4); risks 4 3 3 1: won, won, tied, won.
        Assert.Equal(3.5 / 4, TimeDependentAuc.Compute(data, [2.5], [4, 3, 3, 1]).Values[0], 1e-14);
        Assert.True(double.IsNaN(TimeDependentAuc.Compute(data, [0.5], [4, 3, 3, 1]).Values[0]));
    }

    [Fact]
    public void Area_compares_pairs_within_strata_only()
    {
        // Strata 1 and 2: by 2.5 the first of each has died; risks of the second stratum are all higher.
        var data = new SurvivalData([1, 3, 2, 4], [true, true, true, true], default, [1, 1, 2, 2]);
        Assert.Equal(0.5, TimeDependentAuc.Compute(data, [2.5], [2, 1, 8, 9]).Values[0], 1e-14);
        Assert.Equal(1, TimeDependentAuc.Compute(data, [2.5], [2, 1, 9, 8]).Values[0], 1e-14);
    }

    [Fact]
    public void Area_with_censoring_is_the_definition()
    {
        var (data, _, risk) = Create(3, 80);
        for (int i = 0; i < risk.Length; i++) risk[i] = Math.Round(risk[i], 1);
        double t = 0.9, above = 0, below = 0;
        // No ties of deaths and censorings here: G is the plain product over the censorings.
        double G(double before) => Enumerable.Range(0, 80).Where(i => !data.Event[i] && data.Time[i] < before).Aggregate(1.0, (g, i) => g * (1 - 1.0 / Enumerable.Range(0, 80).Count(j => data.Time[j] >= data.Time[i])));
        for (int i = 0; i < 80; i++)
        {
            if (!data.Event[i] || data.Time[i] > t) continue;
            for (int j = 0; j < 80; j++)
            {
                if (data.Time[j] <= t) continue;
                double w = 1 / G(data.Time[i]);
                below += w;
                above += w * (risk[i] > risk[j] ? 1 : risk[i] == risk[j] ? 0.5 : 0);
            }
        }
        Assert.Equal(above / below, TimeDependentAuc.Compute(data, [t], risk).Values[0], 1e-12);
    }

    [Fact]
    public void Area_and_Unos_concordance_do_not_depend_on_the_censoring_and_Harrells_does()
    {
        var (censored, complete, risk) = Create(5, 6000);
        double[] times = [0.3, 0.8, 1.5];
        var a = TimeDependentAuc.Compute(censored, times, risk);
        var b = TimeDependentAuc.Compute(complete, times, risk);
        for (int k = 0; k < 3; k++) Assert.Equal(b.Values[k], a.Values[k], 0.02);
        double truth = Concordance.Uno(complete, risk, 2).Value;
        Assert.Equal(truth, Concordance.Uno(censored, risk, 2).Value, 0.01);
        Assert.Equal(Concordance.Uno(complete, risk).Value, Concordance.Compute(complete, risk).Value, 1e-12);
    }

    [Fact]
    public void Net_benefit_of_a_binary_outcome_is_counted()
    {
        // Threshold .3 treats 3 of 4, two of them in need: 2/4 - 1/4 x 3/7.
        var curve = DecisionCurve.Compute((bool[])[true, true, false, false], [0.9, 0.4, 0.3, 0.1], [0.3, 0.95]);
        Assert.Equal(2 / 4.0 - 1 / 4.0 * 3 / 7, curve[0].Model, 1e-14);
        Assert.Equal(0.5 - 0.5 * 3 / 7, curve[0].All, 1e-14);
        Assert.Equal(0.75, curve[0].Treated);
        Assert.Equal(0, curve[1].Model);
    }

    [Fact]
    public void Net_benefit_of_survival_without_censoring_is_that_of_the_binary_outcome()
    {
        var (_, complete, eta) = Create(9, 200);
        double[] risk = [.. eta.Select(LogisticLikelihood.Probability)], thresholds = [0.3, 0.5, 0.6];
        bool[] dead = [.. complete.Time.ToArray().Select(t => t <= 0.7)];
        var survival = DecisionCurve.Compute(complete, risk, 0.7, thresholds);
        var binary = DecisionCurve.Compute(dead, risk, thresholds);
        for (int k = 0; k < 3; k++)
        {
            Assert.Equal(binary[k].Model, survival[k].Model, 1e-12);
            Assert.Equal(binary[k].All, survival[k].All, 1e-12);
        }
    }

    [Fact]
    public void Slope_of_the_models_own_predictions_is_one_and_of_doubled_ones_one_half()
    {
        var r = new RFixture("lung");
        var fit = CoxRegression.Fit(r.Data, r.Covariates);
        double[] eta = [.. fit.LinearPredictors];
        Assert.Equal(1, Calibration.Slope(r.Data, eta).Value, 1e-6);
        var half = Calibration.Slope(r.Data, [.. eta.Select(e => 2 * e)]);
        Assert.Equal(0.5, half.Value, 1e-6);
        Assert.InRange(0.5, half.Lower, half.Upper);
        // Breslow's baseline makes expected deaths equal observed ones.
        var ratio = Calibration.ObservedOverExpected(r.Data, eta, BaselineHazard.Estimate(r.Data, eta));
        Assert.Equal(1, ratio.Value, 1e-9);
        Assert.Equal(Math.Exp(1.959963984540054 / Math.Sqrt(r.Data.EventCount)), ratio.Upper, 1e-9);
    }

    [Fact]
    public void Observed_over_expected_counts_late_entry_from_the_entry_on()
    {
        var data = new SurvivalData([2, 3, 5, 6], [true, true, false, true], entry: [0, 1, 2, 4]);
        double[] eta = [0.1, -0.2, 0.3, 0];
        Assert.Equal(1, Calibration.ObservedOverExpected(data, eta, BaselineHazard.Estimate(data, eta)).Value, 1e-12);
    }

    [Fact]
    public void Binary_scores_are_those_worked_out_by_hand()
    {
        var s = BinaryScores.Compute([true, false, true, false], [2, 1, -1, -2]);
        Assert.Equal(0.75, s.Auc.Value, 1e-14);
        double P(double e) => 1 / (1 + Math.Exp(-e));
        Assert.Equal((Math.Pow(1 - P(2), 2) + P(1) * P(1) + Math.Pow(1 - P(-1), 2) + Math.Pow(P(-2), 2)) / 4, s.Brier, 1e-14);
        Assert.Equal(-(Math.Log(P(2)) + Math.Log(1 - P(1)) + Math.Log(P(-1)) + Math.Log(1 - P(-2))) / 4, s.LogLoss, 1e-14);
        // By symmetry as many yes as expected.
        Assert.Equal(0, s.CalibrationInTheLarge!.Value, 1e-9);
        Assert.Null(BinaryScores.Compute([true, true, false, false], [2, 1, -1, -2]).CalibrationSlope);
    }

    [Fact]
    public void Binary_predictions_of_folds_are_compared_within_them()
    {
        bool[] outcome = [true, true, false, false, true, false, false, false];
        int[] fold = [0, 0, 0, 0, 1, 1, 1, 1];
        // What a fold's training subjects say of everyone: without skill, and the higher the fewer yes the fold itself has.
        double[] prevalence = [-1, -1, -1, -1, 1, 1, 1, 1];
        Assert.True(BinaryScores.Compute(outcome, prevalence).Auc.Value < 0.5);
        BinaryScores none = BinaryScores.Compute(outcome, prevalence, fold);
        Assert.Equal(0.5, none.Auc.Value, 1e-14);
        Assert.Null(none.CalibrationSlope);
        // The level of a fold changes neither area nor slope.
        double[] eta = [2, -0.5, 1, -1, 0.3, 0.8, -0.2, -1];
        BinaryScores here = BinaryScores.Compute(outcome, eta, fold), there = BinaryScores.Compute(outcome, [.. eta.Select((v, i) => v + 3 * fold[i])], fold);
        Assert.Equal((3 + 2) / 7.0, here.Auc.Value, 1e-14);
        Assert.Equal(here.Auc, there.Auc);
        Assert.Equal(here.CalibrationSlope!.Value, there.CalibrationSlope!.Value, 1e-6);
    }

    [Fact]
    public void Continuous_scores_are_those_worked_out_by_hand()
    {
        var s = ContinuousScores.Compute([1, 2, 3, 4], [1, 2, 3, 6]);
        Assert.Equal(1 - 4 / 5.0, s.RSquared, 1e-14);
        Assert.Equal(1, s.RootMeanSquaredError, 1e-14);
        Assert.Equal(8 / Math.Sqrt(5 * 14), s.Correlation!.Value, 1e-14);
        Assert.Equal(8 / 14.0, s.CalibrationSlope!.Value, 1e-14);
        // Against the training mean 0 the same predictions explain more.
        Assert.Equal(1 - 4 / 30.0, ContinuousScores.Compute([1, 2, 3, 4], [1, 2, 3, 6], 0).RSquared, 1e-14);
        Assert.True(ContinuousScores.Compute([1, 2, 3, 4], [4, 3, 2, 1]).RSquared < 0);
    }

    [Fact]
    public void What_cannot_be_scored_is_said()
    {
        var data = new SurvivalData([1, 2, 3], [true, false, true]);
        var late = new SurvivalData([1, 2, 3], [true, false, true], entry: [0, 1, 0]);
        string Message(Action act) => Assert.Throws<SurvivalDataException>(act).Message;
        Assert.Contains("enter late", Message(() => Concordance.Uno(late, [1, 2, 3])));
        Assert.Contains("enter late", Message(() => TimeDependentAuc.Compute(late, [1], [1, 2, 3])));
        Assert.Contains("enter late", Message(() => BrierScore.Compute(late, [1], new double[3, 1])));
        Assert.Contains("times must rise", Message(() => TimeDependentAuc.Compute(data, [2, 1], [1, 2, 3])));
        Assert.Contains("subject 2 of 3", Message(() => TimeDependentAuc.Compute(data, [2], [1, double.NaN, 3])));
        Assert.Contains("nobody is followed to the death at 3", Message(() => Concordance.Uno(data, [1, 2, 3], censoring: new SurvivalData([1, 2], [true, false]))));
        Assert.Contains("horizon 7", Message(() => DecisionCurve.Compute(data, [0.1, 0.2, 0.3], 7, [0.5])));
        Assert.Contains("threshold 1", Message(() => DecisionCurve.Compute(data, [0.1, 0.2, 0.3], 2, [1])));
        Assert.Contains("subject 3 of 3 is 1.5", Message(() => DecisionCurve.Compute(data, [0.1, 0.2, 1.5], 2, [0.5])));
        Assert.Contains("all 2 outcomes are no", Message(() => BinaryScores.Compute([false, false], [1, 2])));
        Assert.Contains("all 2 outcomes are alike", Message(() => ContinuousScores.Compute([1, 1], [1, 2])));
    }
}
