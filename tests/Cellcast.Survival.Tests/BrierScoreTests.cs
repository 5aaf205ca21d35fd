namespace Cellcast.Survival.Tests;

public class BrierScoreTests
{
    private static double[,] Curves(BaselineHazard baseline, double[] eta, double[] times)
    {
        var s = new double[eta.Length, times.Length];
        for (int i = 0; i < eta.Length; i++)
            for (int k = 0; k < times.Length; k++) s[i, k] = baseline.Survival(times[k], eta[i]);
        return s;
    }

    [Fact]
    public void Without_censoring_it_is_the_mean_squared_error()
    {
        var data = new SurvivalData([1, 2, 3, 4], [true, true, true, true]);
        double[,] s = { { 0.2, 0.1 }, { 0.5, 0.4 }, { 0.9, 0.3 }, { 0.8, 0.7 } };
        var score = BrierScore.Compute(data, [1.5, 3.5], s);
        Close.To((0.04 + 0.25 + 0.01 + 0.04) / 4, score.Scores[0], 1e-14);
        Close.To((0.01 + 0.16 + 0.09 + 0.09) / 4, score.Scores[1], 1e-14);
        Close.To((score.Scores[0] + score.Scores[1]) / 2, score.Integrated, 1e-14);
    }

    [Fact]
    public void Censoring_does_not_move_it_systematically()
    {
        var random = new Random(2);
        int n = 20_000;
        double[] death = new double[n], time = new double[n], eta = new double[n];
        var events = new bool[n];
        for (int i = 0; i < n; i++)
        {
            eta[i] = 2 * random.NextDouble() - 1;
            death[i] = -Math.Log(1 - random.NextDouble()) * Math.Exp(-eta[i]) + 1e-9;
            double end = 2.5 * random.NextDouble() + 1e-9;
            (time[i], events[i]) = (Math.Min(death[i], end), death[i] <= end);
        }
        double[] times = [0.2, 0.5, 1, 1.5];
        double[,] s = new double[n, 4];
        for (int i = 0; i < n; i++)
            for (int k = 0; k < 4; k++) s[i, k] = Math.Exp(-times[k] * Math.Exp(eta[i]));
        var all = BrierScore.Compute(new SurvivalData(death, Enumerable.Repeat(true, n).ToArray()), times, s);
        var censored = BrierScore.Compute(new SurvivalData(time, events), times, s);
        for (int k = 0; k < 4; k++) Assert.Equal(all.Scores[k], censored.Scores[k], 0.006);
    }

    [Fact]
    public void A_model_beats_the_curve_of_everyone()
    {
        var r = new RFixture("veteran");
        var fit = CoxRegression.Fit(r.Data, r.Covariates);
        double[] times = [30, 60, 120, 240], eta = [.. fit.LinearPredictors];
        var everyone = KaplanMeier.Estimate(r.Data);
        var flat = new double[eta.Length, 4];
        for (int i = 0; i < eta.Length; i++)
            for (int k = 0; k < 4; k++) flat[i, k] = everyone.SurvivalAt(times[k]);
        Assert.True(BrierScore.Compute(r.Data, times, Curves(fit.Baseline(), eta, times)).Integrated < BrierScore.Compute(r.Data, times, flat).Integrated);
    }

    [Fact]
    public void What_cannot_be_scored_is_said()
    {
        var data = new SurvivalData([1, 2, 3], [true, false, true]);
        string Message(Action act) => Assert.Throws<SurvivalDataException>(act).Message;
        Assert.Contains("2 rows of predictions", Message(() => BrierScore.Compute(data, [1], new double[2, 1])));
        Assert.Contains("2 columns", Message(() => BrierScore.Compute(data, [1], new double[3, 2])));
        Assert.Contains("time 2 is 0.5", Message(() => BrierScore.Compute(data, [1, 0.5], new double[3, 2])));
        Assert.Contains("last follow-up at 3", Message(() => BrierScore.Compute(data, [9], new double[3, 1])));
        Assert.Contains("subject 1 of 3", Message(() => BrierScore.Compute(data, [1], new double[3, 1] { { 2 }, { 0 }, { 0 } })));
        Assert.Contains("nobody is followed", Message(() => BrierScore.Compute(data, [2.5], new double[3, 1], new SurvivalData([1, 2], [false, false]))));
    }
}
