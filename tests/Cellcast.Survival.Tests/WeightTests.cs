using Cellcast.TestSupport;

namespace Cellcast.Survival.Tests;

/// <summary>What weights of subjects do to tests and scores.</summary>
public class WeightTests
{
    private static (SurvivalData Plain, int[] Group) FollowUp(int n)
    {
        var random = new Random(11);
        double[] time = [.. Enumerable.Range(0, n).Select(_ => 1.0 + random.Next(20))];
        bool[] died = [.. Enumerable.Range(0, n).Select(_ => random.NextDouble() < 0.7)];
        return (new SurvivalData(time, died), [.. Enumerable.Range(0, n).Select(_ => random.Next(3))]);
    }

    [Fact]
    public void Weights_that_are_all_alike_change_no_log_rank_test()
    {
        var (plain, group) = FollowUp(60);
        foreach (double w in new[] { 1.0, 7.5 })
        {
            var test = LogRank.Compute(new SurvivalData(plain.Time, plain.Event, [.. Enumerable.Repeat(w, 60)]), group);
            Assert.Equal(LogRank.Compute(plain, group).Test, test.Test);
        }
    }

    [Fact]
    public void A_log_rank_test_gets_no_surer_by_larger_weights_and_leaves_out_who_has_none()
    {
        var (plain, group) = FollowUp(60);
        double[] weights = [.. Enumerable.Range(0, 60).Select(i => i % 5 == 0 ? 0 : 0.5 + i % 3)];
        var test = LogRank.Compute(new SurvivalData(plain.Time, plain.Event, weights), group);
        var larger = LogRank.Compute(new SurvivalData(plain.Time, plain.Event, [.. weights.Select(w => 100 * w)]), group);
        Close.To(test.Test.Statistic, larger.Test.Statistic, 1e-10);
        int[] rest = [.. Enumerable.Range(0, 60).Where(i => weights[i] > 0)];
        var without = LogRank.Compute(new SurvivalData(plain.Time, plain.Event, weights).Subset(rest), [.. rest.Select(i => group[i])]);
        Close.To(without.Test.Statistic, test.Test.Statistic, 1e-10);
    }

    [Fact]
    public void Scores_of_weighted_predictions_are_those_of_subjects_repeated_as_often_but_for_the_errors()
    {
        var random = new Random(5);
        int n = 40;
        int[] times = [.. Enumerable.Range(0, n).Select(i => i % 4)]; // also none
        double[] weights = [.. times.Select(t => 2.5 * t)];
        int[] repeated = [.. Enumerable.Range(0, n).SelectMany(i => Enumerable.Repeat(i, times[i]))];
        bool[] yes = [.. Enumerable.Range(0, n).Select(_ => random.NextDouble() < 0.4)];
        double[] logOdds = [.. yes.Select(y => Math.Round((y ? 0.6 : 0) + (2 * random.NextDouble()) - 1, 1))], outcome = [.. logOdds.Select(v => v + random.NextDouble())];

        BinaryScores b = BinaryScores.Compute(yes, logOdds, weights: weights), bb = BinaryScores.Compute([.. repeated.Select(i => yes[i])], [.. repeated.Select(i => logOdds[i])]);
        Close.To([bb.Auc.Value, bb.Brier, bb.LogLoss, bb.CalibrationSlope!.Value, bb.CalibrationInTheLarge!.Value], [b.Auc.Value, b.Brier, b.LogLoss, b.CalibrationSlope!.Value, b.CalibrationInTheLarge!.Value], 1e-8, "binary");
        RocCurve roc = RocCurve.Compute(yes, logOdds, weights), rr = RocCurve.Compute([.. repeated.Select(i => yes[i])], [.. repeated.Select(i => logOdds[i])]);
        double Area(RocCurve c) => Enumerable.Range(1, c.FalsePositive.Count - 1).Sum(k => (c.FalsePositive[k] - c.FalsePositive[k - 1]) * (c.TruePositive[k] + c.TruePositive[k - 1]) / 2);
        Close.To(Area(rr), Area(roc), 1e-12);
        Close.To(b.Auc.Value, Area(roc), 1e-12);

        ContinuousScores c = ContinuousScores.Compute(outcome, logOdds, weights: weights), cc = ContinuousScores.Compute([.. repeated.Select(i => outcome[i])], [.. repeated.Select(i => logOdds[i])]);
        Close.To([cc.RSquared, cc.RootMeanSquaredError, cc.Correlation!.Value, cc.CalibrationSlope!.Value], [c.RSquared, c.RootMeanSquaredError, c.Correlation!.Value, c.CalibrationSlope!.Value], 1e-10, "continuous");

        double[] risk = [.. logOdds.Select(v => 1 / (1 + Math.Exp(-v)))];
        var net = DecisionCurve.Compute(yes, risk, [0.3, 0.5], weights);
        var again = DecisionCurve.Compute([.. repeated.Select(i => yes[i])], [.. repeated.Select(i => risk[i])], [0.3, 0.5]);
        Close.To([.. again.SelectMany(v => new[] { v.Model, v.All, v.Treated })], [.. net.SelectMany(v => new[] { v.Model, v.All, v.Treated })], 1e-12, "net benefit");
        var groups = ProbabilityCalibration.Compute(yes, risk, 1, weights);
        Close.To(repeated.Average(i => yes[i] ? 1.0 : 0), groups[0].Observed, 1e-12);
        Close.To(repeated.Average(i => risk[i]), groups[0].Predicted, 1e-12);
    }

    [Fact]
    public void Limits_of_weighted_scores_are_those_of_the_effective_number_of_subjects()
    {
        double[] outcome = [1, 2, 4, 3, 6, 5, 8, 6, 9], predicted = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        Assert.Equal(ContinuousScores.Compute(outcome, predicted), ContinuousScores.Compute(outcome, predicted, weights: [.. Enumerable.Repeat(3.0, 9)]));
        Assert.True(ContinuousScores.Compute(outcome, predicted, weights: [9, 1, 1, 1, 1, 1, 1, 1, 9]).Correlation!.StandardError > ContinuousScores.Compute(outcome, predicted).Correlation!.StandardError);
        bool[] yes = [false, false, true, false, true, false, true, true, true];
        Close.To(BinaryScores.Compute(yes, predicted).CalibrationSlope!.StandardError, BinaryScores.Compute(yes, predicted, weights: [.. Enumerable.Repeat(50.0, 9)]).CalibrationSlope!.StandardError, 1e-9);
        Assert.Contains("weight", Assert.Throws<SurvivalDataException>(() => ContinuousScores.Compute([1, 2], [1, 2], weights: [1, -1])).Message, StringComparison.Ordinal);
        Assert.Contains("nobody", Assert.Throws<SurvivalDataException>(() => BinaryScores.Compute([true, false], [1, 2], weights: [0, 0])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Calibration_of_weighted_survival_gets_no_surer_by_larger_weights()
    {
        var (plain, _) = FollowUp(60);
        var random = new Random(3);
        double[] eta = [.. Enumerable.Range(0, 60).Select(_ => random.NextDouble())], weights = [.. Enumerable.Range(0, 60).Select(i => 0.5 + i % 3)];
        var baseline = BaselineHazard.Estimate(plain, eta, TieMethod.Efron);
        SurvivalData With(double factor) => new(plain.Time, plain.Event, [.. weights.Select(w => factor * w)]);
        foreach (Func<SurvivalData, Estimate> score in (Func<SurvivalData, Estimate>[])[d => Calibration.Slope(d, eta), d => Calibration.ObservedOverExpected(d, eta, baseline)])
        {
            Estimate one = score(With(1)), hundred = score(With(100)), alike = score(new SurvivalData(plain.Time, plain.Event, [.. weights.Select(_ => 9.0)])), unweighted = score(plain);
            Close.To([one.Value, one.StandardError, one.Lower, one.Upper], [hundred.Value, hundred.StandardError, hundred.Lower, hundred.Upper], 1e-8, "limits");
            Close.To(unweighted.Value, alike.Value, 1e-9);
        }
        double deaths = plain.EventCount;
        Close.To(1 / Math.Sqrt(deaths), Calibration.ObservedOverExpected(new SurvivalData(plain.Time, plain.Event, [.. weights.Select(_ => 9.0)]), eta, baseline).StandardError, 1e-12);
    }
}
