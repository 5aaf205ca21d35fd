namespace Cellcast.Survival.Tests;

public class CalibrationTests
{
    [Fact]
    public void Groups_are_formed_by_prediction_and_observed_by_Kaplan_Meier()
    {
        // Ten subjects without censoring: the observed share is a count.
        double[] time = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        double[] predicted = [0.1, 0.2, 0.3, 0.35, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95];
        var data = new SurvivalData(time, [.. time.Select(_ => true)]);
        var groups = Calibration.Compute(data, predicted, 4.5, 2);
        Assert.Equal(2, groups.Count);
        Assert.Equal([5, 5], groups.Select(g => g.Subjects));
        Assert.Equal(0.27, groups[0].Predicted, 12);
        Assert.Equal(0.2, groups[0].Observed, 12); // one of five lives beyond 4.5
        Assert.Equal(0.79, groups[1].Predicted, 12);
        Assert.Equal(1, groups[1].Observed);
        Assert.True(groups[0].Lower < 0.2 && groups[0].Upper > 0.2);
    }

    [Fact]
    public void True_probabilities_come_true()
    {
        // Exponential survival: the true probability is exp(-rate t).
        var random = new Random(5);
        const int n = 4000;
        double[] rate = [.. Enumerable.Range(0, n).Select(_ => Math.Exp(2 * random.NextDouble() - 1))];
        double[] death = [.. rate.Select(r => -Math.Log(1 - random.NextDouble()) / r)], end = [.. rate.Select(_ => 0.2 + 3 * random.NextDouble())];
        var data = new SurvivalData([.. death.Zip(end).Select(p => Math.Min(p.First, p.Second))], [.. death.Zip(end).Select(p => p.First <= p.Second)]);
        var groups = Calibration.Compute(data, [.. rate.Select(r => Math.Exp(-0.7 * r))], 0.7, 5);
        Assert.Equal(5, groups.Count);
        foreach (CalibrationGroup g in groups)
        {
            Assert.InRange(g.Observed, g.Predicted - 0.06, g.Predicted + 0.06);
            Assert.InRange(g.Predicted, g.Lower - 0.03, g.Upper + 0.03);
        }
    }

    [Fact]
    public void A_group_that_is_not_followed_to_the_horizon_is_left_out_and_bad_predictions_are_refused()
    {
        var data = new SurvivalData([1, 2, 8, 9], [true, false, true, false]);
        var group = Assert.Single(Calibration.Compute(data, [0.1, 0.2, 0.8, 0.9], 5, 2));
        Assert.Equal(1, group.Observed);
        Assert.Throws<SurvivalDataException>(() => Calibration.Compute(data, [0.1, 0.2, 0.8, 1.1], 5, 2));
        Assert.Throws<SurvivalDataException>(() => Calibration.Compute(data, [0.1, 0.2, 0.8], 5, 2));
    }
}
