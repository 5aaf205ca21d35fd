namespace Cellcast.Survival.Tests;

public class RFixtureTests
{
    public static TheoryData<string, TieMethod> Models()
    {
        var data = new TheoryData<string, TieMethod>();
        foreach (string name in new[] { "lung", "veteran", "heavy_ties" })
            foreach (var ties in Enum.GetValues<TieMethod>()) data.Add(name, ties);
        return data;
    }

    /// <summary>R's values are for a subject with all covariates 0, ours relative to the average subject.</summary>
    private static double AllZero(CoxFit fit) => fit.Predict(new double[1, fit.Coefficients.Length])[0];

    private static string Section(TieMethod ties) => ties == TieMethod.Efron ? "cox_efron" : "cox_breslow";

    [Theory, MemberData(nameof(Models))]
    public void Cox_coefficients_errors_likelihoods_and_tests_are_those_of_R(string name, TieMethod ties)
    {
        var r = new RFixture(name);
        string section = Section(ties);
        var fit = CoxRegression.Fit(r.Data, r.Covariates, new CoxOptions { Ties = ties });
        Close.To(r[section, "coef"], fit.Coefficients, 1e-8, "coefficient");
        Close.To(r[section, "se"], fit.StandardErrors, 1e-8, "standard error");
        Close.To(r[section, "loglik_null"][0], fit.NullLogLikelihood, 1e-12);
        Close.To(r[section, "loglik"][0], fit.LogLikelihood, 1e-12);
        Close.To(r[section, "wald_p"], fit.PValues, 1e-6, "Wald p");
        Close.To(r[section, "lr_test_p"][0], fit.LikelihoodRatioTest.PValue, 1e-8, "likelihood ratio p");
    }

    [Theory, MemberData(nameof(Models))]
    public void Partial_likelihood_at_given_coefficients_is_that_of_R(string name, TieMethod ties)
    {
        var r = new RFixture(name);
        double[] b = r[Section(ties), "init"];
        var eta = new double[r.Data.Count];
        for (int i = 0; i < eta.Length; i++)
            for (int j = 0; j < b.Length; j++) eta[i] += b[j] * r.Covariates[i, j];
        Close.To(-r[Section(ties), "loglik_at_init"][0], new PartialLikelihood(r.Data, ties).Evaluate(eta), 1e-12);
    }

    [Theory, MemberData(nameof(Models))]
    public void Baseline_hazard_is_that_of_R(string name, TieMethod ties)
    {
        var r = new RFixture(name);
        var fit = CoxRegression.Fit(r.Data, r.Covariates, new CoxOptions { Ties = ties });
        var baseline = fit.Baseline();
        Assert.Equal(r[Section(ties), "basehaz_time"], baseline.Times);
        Close.To(r[Section(ties), "basehaz"], baseline.CumulativeHazard(AllZero(fit)), 1e-7, "cumulative hazard");
    }

    [Theory, MemberData(nameof(Models))]
    public void Proportionality_test_is_that_of_R(string name, TieMethod ties)
    {
        var r = new RFixture(name);
        var test = CoxRegression.Fit(r.Data, r.Covariates, new CoxOptions { Ties = ties }).TestProportionality();
        Close.To(r[Section(ties), "zph_p"], [.. test.Covariates.Select(t => t.PValue), test.Global.PValue], 1e-6, "p");
    }

    [Theory, InlineData("lung"), InlineData("veteran"), InlineData("heavy_ties")]
    public void Linear_predictors_concordance_and_its_error_are_those_of_R(string name)
    {
        var r = new RFixture(name);
        var fit = CoxRegression.Fit(r.Data, r.Covariates);
        double[] expected = [.. r["linear_predictor"].Select(eta => eta + AllZero(fit))], predicted = fit.Predict(r.Covariates);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], fit.LinearPredictors[i], 1e-8);
            Assert.Equal(expected[i], predicted[i], 1e-8);
        }
        Close.To(r["concordance"][0], fit.Concordance().Value, 1e-12);
        Close.To(r["concordance_se"][0], fit.Concordance().StandardError, 1e-10);
    }

    [Theory, InlineData("lung"), InlineData("veteran"), InlineData("heavy_ties")]
    public void Kaplan_Meier_curve_limits_and_median_are_those_of_R(string name)
    {
        var r = new RFixture(name);
        var curve = KaplanMeier.Estimate(r.Data);
        Assert.Equal(r["km", "time"], curve.Time);
        Assert.Equal(r["km", "n_risk"], curve.NumberAtRisk);
        Assert.Equal(r["km", "n_event"], curve.Events);
        Close.To(r["km", "surv"], curve.Survival, 1e-11, "survival");
        Close.To(r["km", "lower"], curve.Lower, 1e-10, "lower");
        Close.To(r["km", "upper"], curve.Upper, 1e-10, "upper");
        Assert.Equal(r["km", "median"][0], curve.Median.Estimate);
    }

    [Theory, InlineData("lung"), InlineData("veteran"), InlineData("heavy_ties")]
    public void Log_rank_test_is_that_of_R(string name)
    {
        var r = new RFixture(name);
        var test = LogRank.Compute(r.Data, [.. r["logrank", "group"].Select(g => (int)g)]);
        Close.To(r["logrank", "chisq"][0], test.Test.Statistic, 1e-11);
        Close.To(r["logrank", "p"][0], test.Test.PValue, 1e-10);
        Assert.Equal(1, test.Test.DegreesOfFreedom);
        Assert.Equal(test.Observed.Sum(), test.Expected.Sum(), 1e-9);
    }
}
