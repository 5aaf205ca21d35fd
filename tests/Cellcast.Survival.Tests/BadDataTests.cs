namespace Cellcast.Survival.Tests;

/// <summary>What is wrong is said in one sentence, with the subject counted from 1.</summary>
public class BadDataTests
{
    private static readonly bool[] s_events = [true, false, true];

    [Theory]
    [InlineData(0.0, "subject 2 of 3 is 0")]
    [InlineData(-4.0, "subject 2 of 3 is -4")]
    [InlineData(double.NaN, "subject 2 of 3 is missing")]
    [InlineData(double.PositiveInfinity, "subject 2 of 3 is infinite")]
    public void Unusable_times_are_named(double time, string said)
    {
        var e = Assert.Throws<SurvivalDataException>(() => new SurvivalData([1, time, 2], s_events));
        Assert.Contains(said, e.Message);
        Assert.Contains(": ", e.Message); // and what to do
    }

    [Fact]
    public void Lengths_that_differ_are_counted()
    {
        Assert.Contains("2 event indicators", Message(() => new SurvivalData([1, 2, 3], [true, false])));
        Assert.Contains("2 weights", Message(() => new SurvivalData([1, 2, 3], s_events, [1, 1])));
        Assert.Contains("1 strata", Message(() => new SurvivalData([1, 2, 3], s_events, default, [1])));
        Assert.Contains("no subject", Message(() => new SurvivalData([], [])));
        var data = new SurvivalData([1, 2, 3], s_events);
        Assert.Contains("2 rows of covariates", Message(() => CoxRegression.Fit(data, new double[2, 1])));
        Assert.Contains("2 risks", Message(() => Concordance.Compute(data, [1, 2])));
        Assert.Contains("4 groups", Message(() => LogRank.Compute(data, [0, 1, 0, 1])));
        Assert.Contains("1 names", Message(() => CoxRegression.Fit(data, new double[3, 2], new CoxOptions { Names = ["a"] })));
        Assert.Contains("2 offsets", Message(() => CoxRegression.Fit(data, new double[3, 1], new CoxOptions { Offset = [0, 0] })));
    }

    [Fact]
    public void No_event_is_said_by_everything_that_needs_one()
    {
        var data = new SurvivalData([1, 2, 3], new bool[3]);
        Assert.All(
            new Action[]
            {
                () => _ = new PartialLikelihood(data), () => CoxRegression.Fit(data, new double[3, 1]), () => Concordance.Compute(data, [1, 2, 3]),
                () => LogRank.Compute(data, [0, 1, 0]),
            },
            act => Assert.Contains("none of the 3 subjects has an event", Message(act)));
        Assert.All(KaplanMeier.Estimate(data).Survival, s => Assert.Equal(1, s));
    }

    [Fact]
    public void Unusable_covariates_weights_and_predictors_are_named()
    {
        var data = new SurvivalData([1, 2, 3], s_events);
        Assert.Contains("covariate 'age' of subject 3 of 3 is missing", Message(() =>
            CoxRegression.Fit(data, new double[,] { { 1 }, { 2 }, { double.NaN } }, new CoxOptions { Names = ["age"] })));
        Assert.Contains("weight of subject 1 of 3 is -1", Message(() => new SurvivalData([1, 2, 3], s_events, [-1, 1, 1])));
        Assert.Contains("risk of subject 2 of 3", Message(() => Concordance.Compute(data, [1, double.NaN, 2])));
        Assert.Contains("linear predictor of subject 2 of 3", Message(() => BaselineHazard.Estimate(data, [1, double.NegativeInfinity, 2])));
        Assert.Contains("ridge penalty is -1", Message(() => CoxRegression.Fit(data, new double[,] { { 1 }, { 2 }, { 0 } }, new CoxOptions { Ridge = -1 })));
        Assert.Contains("1 covariates but the new subjects have 2", Message(() => CoxRegression.Fit(data, new double[,] { { 1 }, { 2 }, { 1.5 } }, new CoxOptions { Ridge = 1 }).Predict(new double[1, 2])));
    }

    [Fact]
    public void Pairs_or_groups_that_cannot_be_compared_are_said()
    {
        Assert.Contains("no pair", Message(() => Concordance.Compute(new SurvivalData([1, 1], [true, true]), [1, 2])));
        var data = new SurvivalData([1, 2, 3], s_events);
        Assert.Contains("one group", Message(() => LogRank.Compute(data, [4, 4, 4])));
        Assert.Contains("same death", Message(() => LogRank.Compute(new SurvivalData([1, 2, 3, 4], [false, false, true, true]), [0, 0, 1, 1])));
        Assert.Contains("horizon", Message(() => KaplanMeier.Estimate(data).RestrictedMean(9)));
    }

    private static string Message(Action act) => Assert.Throws<SurvivalDataException>(act).Message;
}
