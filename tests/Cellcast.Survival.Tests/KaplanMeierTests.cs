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
}
