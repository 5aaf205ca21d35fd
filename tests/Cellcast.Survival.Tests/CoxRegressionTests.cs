namespace Cellcast.Survival.Tests;

public class CoxRegressionTests
{
    private static (SurvivalData Data, double[,] X) Simulate(int seed, int n, double[] beta, int ties = 40)
    {
        var random = new Random(seed);
        var x = new double[n, beta.Length];
        var time = new double[n];
        var events = new bool[n];
        for (int i = 0; i < n; i++)
        {
            double eta = 0;
            for (int j = 0; j < beta.Length; j++)
            {
                x[i, j] = random.NextDouble() * 2 - 1;
                eta += beta[j] * x[i, j];
            }
            double death = -Math.Log(1 - random.NextDouble()) * Math.Exp(-eta), end = 2 * random.NextDouble();
            events[i] = death <= end;
            time[i] = Math.Ceiling(Math.Min(death, end) * ties) / ties + 1e-3;
        }
        return (new SurvivalData(time, events), x);
    }

    [Theory, InlineData(TieMethod.Efron), InlineData(TieMethod.Breslow)]
    public void At_the_estimate_the_gradient_vanishes_and_the_error_is_the_curvature(TieMethod ties)
    {
        var (data, x) = Simulate(1, 300, [1, -0.5, 0]);
        var fit = CoxRegression.Fit(data, x, new CoxOptions { Ties = ties });
        var likelihood = new PartialLikelihood(data, ties);
        double[] gradient = new double[300], product = new double[300];
        Assert.Equal(-fit.LogLikelihood, likelihood.Evaluate(fit.LinearPredictors.ToArray(), gradient), 1e-9);
        var information = new double[3, 3];
        for (int j = 0; j < 3; j++)
        {
            Assert.Equal(0, Enumerable.Range(0, 300).Sum(i => x[i, j] * gradient[i]), 1e-9);
            likelihood.HessianVectorProduct(fit.LinearPredictors.ToArray(), [.. Enumerable.Range(0, 300).Select(i => x[i, j])], product);
            for (int l = 0; l < 3; l++) information[l, j] = Enumerable.Range(0, 300).Sum(i => x[i, l] * product[i]);
        }
        for (int j = 0; j < 3; j++)
            for (int l = 0; l < 3; l++)
                Assert.Equal(j == l ? 1 : 0, Enumerable.Range(0, 3).Sum(k => information[j, k] * fit.Covariance[k, l]), 1e-9);
    }

    [Fact]
    public void True_coefficients_are_found()
    {
        var (data, x) = Simulate(2, 4000, [1, -0.5, 0], ties: 100_000);
        var fit = CoxRegression.Fit(data, x);
        double[] truth = [1, -0.5, 0];
        for (int j = 0; j < 3; j++) Assert.InRange(fit.Coefficients[j], truth[j] - 4 * fit.StandardErrors[j], truth[j] + 4 * fit.StandardErrors[j]);
        Assert.True(fit.WaldTest.PValue < 1e-20 && fit.ScoreTest.PValue < 1e-20 && fit.LikelihoodRatioTest.PValue < 1e-20);
        Assert.True(fit.TestProportionality().Global.PValue > 1e-3);
        Assert.InRange(Math.Exp(fit.Coefficients[0]), fit.HazardRatio(0).Lower, fit.HazardRatio(0).Upper);
    }

    [Fact]
    public void Units_and_origin_of_a_covariate_do_not_matter()
    {
        var (data, x) = Simulate(3, 200, [1, -0.5]);
        var fit = CoxRegression.Fit(data, x, new CoxOptions { Ridge = 3 });
        var scaled = (double[,])x.Clone();
        for (int i = 0; i < 200; i++) scaled[i, 0] = 1e6 + 1e4 * x[i, 0];
        var other = CoxRegression.Fit(data, scaled, new CoxOptions { Ridge = 3 });
        Close.To(fit.Coefficients[0], 1e4 * other.Coefficients[0], 1e-8);
        Close.To(fit.Coefficients[1], other.Coefficients[1], 1e-8);
        Close.To(fit.LogLikelihood, other.LogLikelihood, 1e-11);
    }

    [Fact]
    public void A_ridge_penalty_makes_its_own_objective_stationary_and_shrinks()
    {
        var (data, x) = Simulate(4, 150, [1, -0.5, 0.2]);
        double last = double.PositiveInfinity;
        foreach (double lambda in new[] { 0.0, 1, 10, 100, 1e6 })
        {
            var fit = CoxRegression.Fit(data, x, new CoxOptions { Ridge = lambda, RidgeOnStandardized = false });
            var gradient = new double[150];
            new PartialLikelihood(data).Evaluate(fit.LinearPredictors.ToArray(), gradient);
            for (int j = 0; j < 3; j++)
                Assert.Equal(-lambda * fit.Coefficients[j], Enumerable.Range(0, 150).Sum(i => x[i, j] * gradient[i]), 1e-8);
            double norm = fit.Coefficients.Sum(b => b * b);
            Assert.True(norm < last);
            last = norm;
        }
        Assert.True(last < 1e-6);
    }

    [Fact]
    public void With_a_ridge_penalty_there_may_be_more_covariates_than_subjects()
    {
        var (data, x) = Simulate(5, 30, new double[50]);
        var fit = CoxRegression.Fit(data, x, new CoxOptions { Ridge = 1 });
        Assert.All(fit.Coefficients, b => Assert.True(double.IsFinite(b)));
        var e = Assert.Throws<SurvivalDataException>(() => CoxRegression.Fit(data, x));
        Assert.Contains("50 covariates", e.Message);
        Assert.Contains("ridge", e.Message);
    }

    [Fact]
    public void An_offset_equal_to_the_fit_leaves_nothing_to_explain()
    {
        var (data, x) = Simulate(6, 200, [1, -0.5]);
        var fit = CoxRegression.Fit(data, x);
        var rest = CoxRegression.Fit(data, x, new CoxOptions { Offset = fit.LinearPredictors });
        Assert.All(rest.Coefficients, b => Assert.Equal(0, b, 1e-9));
        Assert.Equal(fit.LogLikelihood, rest.LogLikelihood, 1e-9);
    }

    [Fact]
    public void Strata_have_their_own_baseline()
    {
        var (data, x) = Simulate(7, 200, [1, -0.5]);
        int[] strata = [.. Enumerable.Range(0, 200).Select(i => i % 2)];
        // Times of one stratum stretched: nothing changes within it.
        double[] stretched = [.. Enumerable.Range(0, 200).Select(i => data.Time[i] * (strata[i] == 0 ? 1 : 50))];
        var fit = CoxRegression.Fit(new SurvivalData(data.Time, data.Event, default, strata), x);
        var other = CoxRegression.Fit(new SurvivalData(stretched, data.Event, default, strata), x);
        Close.To(fit.Coefficients, other.Coefficients, 1e-12);
        Close.To(fit.Concordance().Value, other.Concordance().Value, 1e-12);
        Assert.Throws<SurvivalDataException>(() => fit.Baseline());
        Close.To(fit.Baseline(1).CumulativeHazard(), other.Baseline(1).CumulativeHazard(), 1e-9);
        Assert.Contains("stratum 9", Assert.Throws<SurvivalDataException>(() => fit.Baseline(9)).Message);
    }

    [Fact]
    public void Baseline_hazard_makes_expected_deaths_equal_observed_ones()
    {
        var (data, x) = Simulate(8, 250, [2, -1], ties: 5);
        var fit = CoxRegression.Fit(data, x, new CoxOptions { Ties = TieMethod.Breslow });
        var baseline = fit.Baseline();
        double expected = 0;
        for (int i = 0; i < 250; i++) expected += baseline.At(data.Time[i]) * Math.Exp(fit.LinearPredictors[i]);
        Assert.Equal(data.EventCount, expected, 1e-8);
    }

    [Fact]
    public void Survival_curves_fall_with_time_and_with_risk_even_for_extreme_predictors()
    {
        double[] eta = [9000, -9000, 0, 5, -5, 8999];
        var data = new SurvivalData([1, 2, 3, 4, 5, 6], [true, true, false, true, true, true]);
        foreach (var ties in Enum.GetValues<TieMethod>())
        {
            var baseline = BaselineHazard.Estimate(data, eta, ties);
            for (int i = 0; i < eta.Length; i++)
            {
                double[] curve = baseline.SurvivalCurve(eta[i]);
                Assert.All(curve, s => Assert.InRange(s, 0, 1));
                for (int k = 1; k < curve.Length; k++) Assert.True(curve[k] <= curve[k - 1]);
                Assert.Equal(curve[2], baseline.Survival(3.5, eta[i]));
                Assert.Equal(1, baseline.Survival(0.5, eta[i]));
            }
            Assert.True(baseline.Survival(4, 0) > baseline.Survival(4, 9000));
            Assert.True(baseline.MedianSurvival(9000) <= 6);
        }
    }

    [Fact]
    public void With_equal_risks_the_baseline_is_the_Nelson_Aalen_estimate()
    {
        var data = new SurvivalData([1, 1, 2, 3, 4], [true, true, false, true, false]);
        Close.To([2 / 5.0, 2 / 5.0, 2 / 5.0 + 1 / 2.0, 0.9], BaselineHazard.Estimate(data, new double[5]).CumulativeHazard(), 1e-14);
        Close.To(1 / 5.0 + 1 / 4.0, BaselineHazard.Estimate(data, new double[5], TieMethod.Efron).At(1), 1e-14);
    }

    [Fact]
    public void A_rising_effect_is_seen_by_the_proportionality_test()
    {
        // The covariate doubles early deaths and has no effect later.
        var random = new Random(9);
        int n = 2000;
        var x = new double[n, 1];
        var time = new double[n];
        for (int i = 0; i < n; i++)
        {
            x[i, 0] = i % 2;
            double early = -Math.Log(1 - random.NextDouble()) / (i % 2 == 1 ? 4 : 0.5);
            time[i] = early < 0.4 ? early : 0.4 - Math.Log(1 - random.NextDouble());
        }
        var fit = CoxRegression.Fit(new SurvivalData(time, Enumerable.Repeat(true, n).ToArray()), x);
        foreach (var transform in Enum.GetValues<TimeTransform>()) Assert.True(fit.TestProportionality(transform).Global.PValue < 1e-4);
    }

    [Theory]
    [InlineData("constant", "constant")]
    [InlineData("combination", "combination")]
    [InlineData("separation", "separates")]
    public void Covariates_without_a_finite_estimate_are_named(string kind, string said)
    {
        var (data, x) = Simulate(10, 100, [0.5, 0]);
        var bad = new double[100, 3];
        for (int i = 0; i < 100; i++)
        {
            bad[i, 0] = x[i, 0];
            bad[i, 1] = x[i, 1];
            bad[i, 2] = kind switch { "constant" => 4.2, "combination" => 2 * x[i, 0] - x[i, 1] + 1, _ => data.Event[i] ? 1 : 0 };
        }
        var e = Assert.Throws<SurvivalDataException>(() => CoxRegression.Fit(data, bad, new CoxOptions { Names = ["age", "sex", "marker"] }));
        Assert.Contains("'marker'", e.Message);
        Assert.Contains(said, e.Message);
        Assert.All(CoxRegression.Fit(data, bad, new CoxOptions { Ridge = 1 }).Coefficients, b => Assert.True(double.IsFinite(b)));
    }

    [Fact]
    public void A_group_without_deaths_is_separation_in_any_units()
    {
        foreach (double unit in new[] { 1e-6, 1, 1e6 })
        {
            double[,] x = { { 0 }, { 0 }, { unit }, { unit }, { 0 }, { 0 } };
            var data = new SurvivalData([1, 2, 3, 4, 5, 6], [true, true, false, false, true, true]);
            Assert.Contains("separates", Assert.Throws<SurvivalDataException>(() => CoxRegression.Fit(data, x)).Message);
        }
    }

    [Fact]
    public void A_large_but_finite_effect_is_not_mistaken_for_separation()
    {
        var (data, x) = Simulate(12, 400, [8], ties: 1_000_000);
        var fit = CoxRegression.Fit(data, x);
        Assert.InRange(fit.Coefficients[0], 6.5, 9.5);
    }

    [Fact]
    public void A_covariate_constant_within_strata_is_named()
    {
        double[,] x = { { 0 }, { 0 }, { 0 }, { 1 }, { 1 }, { 1 } };
        var data = new SurvivalData([1, 2, 3, 1, 2, 3], [true, true, false, true, true, true], default, [0, 0, 0, 1, 1, 1]);
        Assert.Contains("constant", Assert.Throws<SurvivalDataException>(() => CoxRegression.Fit(data, x)).Message);
    }

    [Fact]
    public void Without_covariates_the_null_model_remains()
    {
        var data = new SurvivalData([1, 2, 3], [true, true, false]);
        var fit = CoxRegression.Fit(data, new double[3, 0]);
        Assert.Equal(-Math.Log(6), fit.LogLikelihood, 1e-14);
    }
}
