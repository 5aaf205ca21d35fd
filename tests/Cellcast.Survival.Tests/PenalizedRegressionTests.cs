using System.Globalization;
using System.Text;
using Cellcast.TestSupport;

namespace Cellcast.Survival.Tests;

public class PenalizedRegressionTests
{
    private static (double[] X, double[,] Table, SurvivalData Data, double[] Y, bool[] Yes) Create(int seed, int n = 120)
    {
        var random = new Random(seed);
        double[] x = new double[n * 3], time = new double[n], y = new double[n];
        var table = new double[n, 3];
        bool[] died = new bool[n], yes = new bool[n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < 3; j++) table[i, j] = x[i * 3 + j] = Math.Round(2 * random.NextDouble() - 1, 3);
            double eta = x[i * 3] - 0.7 * x[i * 3 + 1];
            time[i] = Math.Ceiling(40 * -Math.Log(1 - random.NextDouble()) * Math.Exp(-eta));
            died[i] = random.NextDouble() < 0.7;
            yes[i] = random.NextDouble() < LogisticLikelihood.Probability(0.3 + eta);
            y[i] = Math.Round(2 + eta + random.NextDouble() - 0.5, 4);
        }
        return (x, table, new SurvivalData(time, died), y, yes);
    }

    [Fact]
    public void Cox_with_and_without_a_ridge_is_that_of_Cox_regression()
    {
        var c = Create(1);
        foreach (double ridge in new[] { 0.0, 3 })
        {
            var expected = CoxRegression.Fit(c.Data, c.Table, new CoxOptions { Ridge = ridge, RidgeOnStandardized = false });
            var fit = PenalizedRegression.Fit(new PartialLikelihood(c.Data), c.X, 3, [ridge, ridge, ridge]);
            Close.To(expected.Coefficients, fit.Coefficients, 1e-7, "coefficient");
            Close.To(expected.StandardErrors, fit.StandardErrors, 1e-7, "error");
            Close.To(expected.LogLikelihood, -fit.NegativeLogLikelihood, 1e-10);
        }
    }

    [Fact]
    public void Free_coefficients_have_all_their_degrees_of_freedom_and_penalised_ones_fewer()
    {
        var c = Create(2);
        var likelihood = new PartialLikelihood(c.Data);
        Assert.Equal(3, PenalizedRegression.Fit(likelihood, c.X, 3).EffectiveDegreesOfFreedom, 1e-9);
        var some = PenalizedRegression.Fit(likelihood, c.X, 3, [0, 5, 1e9]);
        Assert.InRange(some.EffectiveDegreesOfFreedom, 1, 2);
        Assert.Equal(0, some.Coefficients[2], 1e-6);
        // A full matrix with the same numbers on its diagonal is the same penalty.
        Assert.Equal(some.Coefficients, PenalizedRegression.Fit(likelihood, c.X, 3, [0, 0, 0, 0, 5, 0, 0, 0, 1e9]).Coefficients);
    }

    [Fact]
    public void A_penalty_with_correlations_is_the_minimum()
    {
        var c = Create(3);
        var likelihood = new PartialLikelihood(c.Data);
        double[] k = [4, -2, 0, -2, 3, 1, 0, 1, 2];
        double Value(double[] b)
        {
            double[] eta = [.. Enumerable.Range(0, c.Data.Count).Select(i => Enumerable.Range(0, 3).Sum(j => c.X[i * 3 + j] * b[j]))];
            return likelihood.Evaluate(eta) + Enumerable.Range(0, 9).Sum(e => b[e / 3] * k[e] * b[e % 3]) / 2;
        }
        var fit = PenalizedRegression.Fit(likelihood, c.X, 3, k);
        Assert.Equal(fit.NegativeLogLikelihood + fit.PenaltyValue, Value(fit.Coefficients), 1e-10);
        for (int j = 0; j < 3; j++)
            foreach (double d in new[] { 1e-3, -1e-3 })
            {
                double[] b = [.. fit.Coefficients];
                b[j] += d;
                Assert.True(Value(b) > Value(fit.Coefficients));
            }
        Assert.Equal(fit.StandardErrors[1], fit.StandardErrorOf([0, 1, 0]), 1e-12);
    }

    [Fact]
    public void Normal_outcomes_have_the_closed_form_of_the_marginal_likelihood()
    {
        // y = X b + e, b ~ N(0, 1 / k): Laplace's approximation is exact, y ~ N(0, v I + X X' / k).
        double[] x = [1, 0.5, -1, 2], y = [1.2, 0.1, -0.7, 2.5];
        double k = 0.8, v = 0.6;
        double[,] s = new double[4, 4];
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) s[i, j] = x[i] * x[j] / k + (i == j ? v : 0);
        // Determinant and inverse of v I + u u' in closed form.
        double u2 = x.Sum(e => e * e) / k, uy = x.Zip(y, (a, b) => a * b).Sum(), determinant = Math.Pow(v, 4) * (1 + u2 / v);
        double quadratic = y.Sum(e => e * e) / v - uy * uy / k / (v * v * (1 + u2 / v));
        double expected = -0.5 * (4 * Math.Log(2 * Math.PI) + Math.Log(determinant) + quadratic);
        var fit = PenalizedRegression.Fit(new GaussianLikelihood(y, v), x, 1, [k]);
        Assert.Equal(expected, fit.LogMarginalLikelihood(Math.Log(k)), 1e-10);
    }

    [ToolFact("survival")]
    public void Logistic_and_linear_regression_are_those_of_R()
    {
        var c = Create(4);
        using var folder = new TemporaryDirectory();
        var table = new StringBuilder("yes,y,x1,x2,x3\n");
        for (int i = 0; i < c.Y.Length; i++)
            table.AppendLine(string.Create(CultureInfo.InvariantCulture, $"{(c.Yes[i] ? 1 : 0)},{c.Y[i]:R},{c.X[i * 3]:R},{c.X[i * 3 + 1]:R},{c.X[i * 3 + 2]:R}"));
        File.WriteAllText(folder["d.csv"], table.ToString());
        File.WriteAllText(folder["s.R"], """
            d <- read.csv(commandArgs(TRUE)[1]); say <- function(k, v) cat(k, format(v, digits = 17), '\n')
            f <- glm(yes ~ x1 + x2 + x3, binomial, d, control = glm.control(epsilon = 1e-14, maxit = 50)); say('b', coef(f)); say('se', sqrt(diag(vcov(f)))); say('ll', as.numeric(logLik(f)))
            f <- lm(y ~ x1 + x2 + x3, d); say('lb', coef(f)); say('lse', sqrt(diag(vcov(f)))); say('v', summary(f)$sigma^2)
            """);
        var run = ExternalTool.Run("Rscript", [folder["s.R"], folder["d.csv"]]);
        Assert.True(run.ExitCode == 0, run.Error);
        var r = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .ToDictionary(f => f[0], f => f[1..].Select(v => double.Parse(v, CultureInfo.InvariantCulture)).ToArray());
        double[] x = [.. Enumerable.Range(0, c.Y.Length).SelectMany(i => new[] { 1, c.X[i * 3], c.X[i * 3 + 1], c.X[i * 3 + 2] })];
        var logistic = PenalizedRegression.Fit(new LogisticLikelihood(c.Yes), x, 4);
        Close.To(r["b"], logistic.Coefficients, 1e-7, "coefficient");
        Close.To(r["se"], logistic.StandardErrors, 1e-7, "error");
        Close.To(r["ll"][0], -logistic.NegativeLogLikelihood, 1e-10);
        var linear = PenalizedRegression.Fit(new GaussianLikelihood(c.Y, r["v"][0]), x, 4);
        Close.To(r["lb"], linear.Coefficients, 1e-8, "linear coefficient");
        Close.To(r["lse"], linear.StandardErrors, 1e-8, "linear error");
    }

    [Fact]
    public void What_is_not_determined_is_named()
    {
        string Message(Action act) => Assert.Throws<SurvivalDataException>(act).Message;
        var yes = new LogisticLikelihood([true, true, false, false]);
        var names = new PenalizedRegressionOptions { Names = ["(intercept)", "age"] };
        Assert.Contains("'age' is not determined: the covariate is constant", Message(() => PenalizedRegression.Fit(yes, [1, 3, 1, 3, 1, 3, 1, 3], 2, default, names)));
        Assert.Contains("separates the outcomes", Message(() => PenalizedRegression.Fit(yes, [1, 1, 1, 1, 1, -1, 1, -1], 2, default, names)));
        Assert.Contains("covariate 'age' of subject 2 of 4 is missing", Message(() => PenalizedRegression.Fit(yes, [1, 1, 1, double.NaN, 1, -1, 1, -1], 2, default, names)));
        Assert.Equal(2, PenalizedRegression.Fit(yes, [1, 1, 1, 1, 1, -1, 1, -1], 2, [0, 1], names).Coefficients.Length);
    }

    [Fact]
    public void No_coefficient_is_a_model_too()
    {
        var c = Create(5);
        var fit = PenalizedRegression.Fit(new PartialLikelihood(c.Data), [], 0);
        Close.To(new PartialLikelihood(c.Data).Evaluate(new double[c.Data.Count]), fit.NegativeLogLikelihood, 1e-14);
    }
}
