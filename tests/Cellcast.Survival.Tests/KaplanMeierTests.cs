namespace Cellcast.Survival.Tests;

public class KaplanMeierTests
{
    [Fact]
    public void Without_censoring_the_curve_is_the_share_still_alive()
    {
        var curve = KaplanMeier.Estimate(new SurvivalData([4, 2, 3, 1], [true, true, true, true]));
        Close.To([0.75, 0.5, 0.25], curve.Survival.Take(3).ToArray(), 1e-14);
        Assert.Equal(0, curve.Survival[3]);
        Assert.Equal(1, curve.SurvivalAt(0.5));
        Assert.Equal(0.75, curve.SurvivalBefore(2), 1e-14);
        Assert.Equal(0.5, curve.SurvivalAt(2.5), 1e-14);
        Assert.Equal(2.5, curve.RestrictedMean(4), 1e-12);
    }

    [Fact]
    public void A_curve_flat_at_one_half_has_its_median_in_the_middle()
    {
        var curve = KaplanMeier.Estimate(new SurvivalData([1, 2, 5, 6], [true, true, true, true]));
        Assert.Equal(3.5, curve.Median.Estimate);
        Assert.True(double.IsNaN(KaplanMeier.Estimate(new SurvivalData([1, 2, 3, 4], [true, false, false, false])).Median.Estimate));
    }

    [Fact]
    public void Every_scale_of_limits_encloses_the_curve_and_widens_with_the_level()
    {
        var c = Cohort.Create(3);
        foreach (var scale in Enum.GetValues<ConfidenceScale>())
        {
            KaplanMeier narrow = KaplanMeier.Estimate(c.Data, scale, 0.8), wide = KaplanMeier.Estimate(c.Data, scale, 0.99);
            for (int k = 0; k < narrow.Survival.Count && narrow.Survival[k] > 0; k++)
            {
                Assert.InRange(narrow.Survival[k], narrow.Lower[k], narrow.Upper[k]);
                Assert.True(wide.Lower[k] <= narrow.Lower[k] && wide.Upper[k] >= narrow.Upper[k]);
                Assert.InRange(wide.Upper[k], 0, 1);
            }
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => KaplanMeier.Estimate(c.Data, level: 1.2));
    }

    [Fact]
    public void The_steps_multiply_to_the_share_at_risk_that_survives() => Cohort.ForAll(c =>
    {
        var curve = KaplanMeier.Estimate(c.Data);
        double s = 1;
        for (int k = 0; k < curve.Time.Count; k++)
        {
            double t = curve.Time[k], atRisk = 0, deaths = 0;
            for (int i = 0; i < c.Data.Count; i++)
            {
                double w = c.Data.Weights.IsEmpty ? 1 : c.Data.Weights[i];
                if (c.Data.Time[i] >= t && (c.Data.Entry.IsEmpty || c.Data.Entry[i] < t)) atRisk += w;
                if (c.Data.Time[i] == t && c.Data.Event[i]) deaths += w;
            }
            s *= deaths > 0 && atRisk - deaths < 1e-9 ? 0 : 1 - deaths / Math.Max(atRisk, 1e-9);
            Assert.Equal(s, curve.Survival[k], 1e-10);
        }
    });

    [Fact]
    public void Limits_of_a_weighted_curve_depend_on_the_ratios_of_the_weights_and_are_wider_than_with_equal_ones()
    {
        double[] time = [1, 2, 2, 3, 4, 5, 6, 7], weights = [4, 1, 1, 1, 1, 1, 4, 1];
        bool[] died = [true, true, false, true, true, false, true, false];
        KaplanMeier plain = KaplanMeier.Estimate(new SurvivalData(time, died)), equal = KaplanMeier.Estimate(new SurvivalData(time, died, [.. weights.Select(_ => 25.0)]));
        Close.To(plain.LogStandardError, equal.LogStandardError, 1e-12, "error");
        Close.To(plain.Lower, equal.Lower, 1e-12, "lower");
        KaplanMeier weighted = KaplanMeier.Estimate(new SurvivalData(time, died, weights)), larger = KaplanMeier.Estimate(new SurvivalData(time, died, [.. weights.Select(w => 1000 * w)]));
        Close.To(weighted.LogStandardError, larger.LogStandardError, 1e-12, "error");
        Close.To(weighted.Upper, larger.Upper, 1e-12, "upper");
        Assert.True(weighted.LogStandardError[0] > plain.LogStandardError[0]);
    }

    [Fact]
    public void Errors_of_a_weighted_curve_are_those_worked_out_by_hand()
    {
        // Weights 2, 1, 1: at 1 the first dies, S = 1/2; with weights w, log S = log((w2 + w3) / (w1 + w2 + w3)), whose derivatives are -1/4, 1/2 - 1/4, 1/2 - 1/4.
        var curve = KaplanMeier.Estimate(new SurvivalData([1, 2, 3], [true, true, false], [2, 1, 1]));
        Assert.Equal(Math.Sqrt(4 * (1.0 / 16) + 1.0 / 16 + 1.0 / 16), curve.LogStandardError[0], 1e-14);
        // At 2 the second dies, S = 1/4: log S = log((w2 + w3) / (w1 + w2 + w3)) + log(w3 / (w2 + w3)), derivatives -1/4, -1/4, 1 - 1/4.
        Assert.Equal(Math.Sqrt(4 * (1.0 / 16) + 1.0 / 16 + 9.0 / 16), curve.LogStandardError[1], 1e-14);
    }

    [Fact]
    public void Numbers_at_risk_count_who_has_entered_and_not_left_yet()
    {
        // Under observation: (0, 5], (2, 6], (4, 7], (6, 9] and (0, 3].
        var data = new SurvivalData([5, 6, 7, 9, 3], [true, false, true, true, false], entry: [0, 2, 4, 6, 0]);
        var curve = KaplanMeier.Estimate(data, entries: true);
        Assert.Equal([2, 3, 4, 5, 6, 7, 9], curve.Time);
        Assert.Equal([2, 3, 2, 3, 2, 2, 1], curve.NumberAtRisk);
        var usual = KaplanMeier.Estimate(data);
        Assert.Equal([3, 5, 6, 7, 9], usual.Time);
        Assert.Equal([3, 3, 2, 2, 1], usual.NumberAtRisk);
        foreach (double t in new[] { 1, 2.5, 3, 4.5, 5, 6.5, 7, 9 }) Assert.Equal(usual.SurvivalAt(t), curve.SurvivalAt(t));
    }
}
