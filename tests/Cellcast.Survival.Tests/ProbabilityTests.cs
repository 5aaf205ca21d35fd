using Cellcast.Survival;

namespace Cellcast.Survival.Tests;

/// <summary>The ROC curve and the calibration of probabilities.</summary>
public class ProbabilityTests
{
    [Fact]
    public void Roc_goes_through_the_thresholds_from_the_top_and_takes_ties_in_one_step()
    {
        RocCurve roc = RocCurve.Compute([true, false, true, false, true], [0.9, 0.8, 0.8, 0.3, 0.1]);
        Assert.Equal([0, 0, 0.5, 1, 1], roc.FalsePositive);
        Assert.Equal([0, 1 / 3.0, 2 / 3.0, 2 / 3.0, 1], roc.TruePositive);
    }

    [Fact]
    public void The_area_below_the_roc_is_the_auc()
    {
        var random = new Random(3);
        for (int trial = 0; trial < 20; trial++)
        {
            int n = 10 + trial * 7;
            // Scores in few steps, so that many tie.
            double[] score = [.. Enumerable.Range(0, n).Select(_ => Math.Round(random.NextDouble() * 4 - 2, 1))];
            bool[] yes = [.. score.Select((s, i) => i == 0 || (i != 1 && random.NextDouble() < 1 / (1 + Math.Exp(-s))))];
            RocCurve roc = RocCurve.Compute(yes, score);
            double area = 0;
            for (int k = 1; k < roc.FalsePositive.Count; k++) area += (roc.FalsePositive[k] - roc.FalsePositive[k - 1]) * (roc.TruePositive[k] + roc.TruePositive[k - 1]) / 2;
            Assert.Equal(BinaryScores.Compute(yes, score).Auc.Value, area, 12);
            Assert.Equal((1.0, 1.0), (roc.FalsePositive[^1], roc.TruePositive[^1]));
        }
    }

    [Fact]
    public void Wilson_limits_are_the_known_ones()
    {
        // 7 of 20; R: prop.test(7, 20, correct = FALSE)$conf.int
        var (lower, upper) = ProbabilityCalibration.Wilson(7, 20);
        Assert.Equal(0.1811918, lower, 6);
        Assert.Equal(0.5671457, upper, 6);
        Assert.Equal(0, ProbabilityCalibration.Wilson(0, 5).Lower);
        Assert.Equal(1, ProbabilityCalibration.Wilson(5, 5).Upper);
    }

    [Fact]
    public void Groups_of_like_probability_have_their_means_and_shares()
    {
        var groups = ProbabilityCalibration.Compute([false, true, false, true, true, true], [0.6, 0.3, 0.1, 0.2, 0.9, 0.8], 2);
        Assert.Equal([3, 3], groups.Select(g => g.Subjects));
        Assert.Equal(0.2, groups[0].Predicted, 12);
        Assert.Equal(2 / 3.0, groups[0].Observed, 12);
        Assert.Equal(2.3 / 3, groups[1].Predicted, 12);
        Assert.Equal(2 / 3.0, groups[1].Observed, 12);
    }

    [Fact]
    public void What_cannot_be_used_is_said()
    {
        Assert.Contains("alike", Assert.Throws<SurvivalDataException>(() => RocCurve.Compute([true, true], [1, 2])).Message, StringComparison.Ordinal);
        Assert.Contains("finite", Assert.Throws<SurvivalDataException>(() => RocCurve.Compute([true, false], [1, double.NaN])).Message, StringComparison.Ordinal);
        Assert.Contains("probabilities", Assert.Throws<SurvivalDataException>(() => ProbabilityCalibration.Compute([true], [1.5], 1)).Message, StringComparison.Ordinal);
    }
}
