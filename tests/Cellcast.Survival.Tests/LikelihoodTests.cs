using Cellcast.TestSupport;

namespace Cellcast.Survival.Tests;

/// <summary>What every <see cref="ILikelihood"/> promises, and the outcomes that are not survival.</summary>
public class LikelihoodTests
{
    private static (ILikelihood Likelihood, double[] Eta) Create(string kind, int seed)
    {
        var random = new Random(seed);
        int n = 25;
        double[] eta = [.. Enumerable.Range(0, n).Select(_ => 4 * random.NextDouble() - 2)], weight = [.. Enumerable.Range(0, n).Select(i => i == 3 ? 0 : 0.5 + random.NextDouble())];
        double[] time = [.. Enumerable.Range(0, n).Select(_ => 1.0 + random.Next(12))], entry = [.. time.Select(t => random.Next((int)t) * (double)random.Next(2))];
        bool[] yes = [.. Enumerable.Range(0, n).Select(_ => random.Next(2) == 0)];
        int[] strata = [.. Enumerable.Range(0, n).Select(_ => random.Next(2))];
        return (kind switch
        {
            "logistic" => new LogisticLikelihood(yes, weight),
            "gaussian" => new GaussianLikelihood(time, 2.5, weight),
            "late" => new PartialLikelihood(new SurvivalData(time, yes, weight, strata, entry)),
            "late breslow" => new PartialLikelihood(new SurvivalData(time, yes, default, default, entry), TieMethod.Breslow),
            _ => new PartialLikelihood(new SurvivalData(time, yes, weight, strata)),
        }, eta);
    }

    public static TheoryData<string> Kinds() => ["logistic", "gaussian", "survival", "late", "late breslow"];

    [Theory, MemberData(nameof(Kinds))]
    public void Gradient_and_Hessian_are_finite_differences(string kind)
    {
        for (int seed = 0; seed < 5; seed++)
        {
            var (likelihood, eta) = Create(kind, seed);
            int n = likelihood.Count;
            double[] gradient = new double[n], plus = new double[n], minus = new double[n], product = new double[n], diagonal = new double[n];
            Assert.Equal(likelihood.Evaluate(eta), likelihood.Evaluate(eta, gradient));
            likelihood.HessianDiagonal(eta, diagonal);
            for (int i = 0; i < n; i++)
            {
                double[] moved = [.. eta], unit = new double[n];
                unit[i] = 1;
                likelihood.HessianVectorProduct(eta, unit, product);
                Assert.Equal(diagonal[i], product[i], 1e-12);
                moved[i] += 1e-4;
                double up = likelihood.Evaluate(moved, plus);
                moved[i] -= 2e-4;
                double down = likelihood.Evaluate(moved, minus);
                Assert.Equal((up - down) / 2e-4, gradient[i], 1e-6);
                for (int j = 0; j < n; j++) Assert.Equal((plus[j] - minus[j]) / 2e-4, product[j], 1e-6);
            }
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Score_and_information_are_gradient_and_Hessian_in_the_coefficients(string kind)
    {
        var (likelihood, eta) = Create(kind, 7);
        int n = likelihood.Count, p = 3;
        var random = new Random(1);
        double[] x = [.. Enumerable.Range(0, n * p).Select(_ => random.NextDouble() - 0.5)], score = new double[p], information = new double[p * p], gradient = new double[n], product = new double[n];
        Assert.Equal(likelihood.Evaluate(eta, gradient), likelihood.ScoreAndInformation(eta, x, p, score, information));
        for (int j = 0; j < p; j++)
        {
            double[] column = [.. Enumerable.Range(0, n).Select(i => x[i * p + j])];
            likelihood.HessianVectorProduct(eta, column, product);
            Assert.Equal(-Enumerable.Range(0, n).Sum(i => gradient[i] * column[i]), score[j], 1e-11);
            for (int l = 0; l < p; l++) Assert.Equal(Enumerable.Range(0, n).Sum(i => x[i * p + l] * product[i]), information[l * p + j], 1e-11);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Evaluation_allocates_nothing(string kind)
    {
        var (likelihood, eta) = Create(kind, 2);
        var room = new double[likelihood.Count];
        Assert.Equal(0, Allocations.PerTenCallsOnceWarm(() =>
        {
            likelihood.Evaluate(eta);
            likelihood.Evaluate(eta, room);
            likelihood.HessianVectorProduct(eta, eta, room);
            likelihood.HessianDiagonal(eta, room);
        }));
    }

    [Fact]
    public void Late_entry_at_the_origin_is_no_late_entry() => Cohort.ForAll(c =>
    {
        var without = new SurvivalData(c.Data.Time, c.Data.Event, c.Data.Weights, c.Data.Strata);
        var with = new SurvivalData(c.Data.Time, c.Data.Event, c.Data.Weights, c.Data.Strata, new double[c.Data.Count]);
        double[] g1 = new double[c.Data.Count], g2 = new double[c.Data.Count];
        double a = new PartialLikelihood(without, c.Ties).Evaluate(c.Eta, g1), b = new PartialLikelihood(with, c.Ties).Evaluate(c.Eta, g2);
        Assert.Equal(a, b, 1e-12 * (1 + Math.Abs(a)));
        for (int i = 0; i < g1.Length; i++) Assert.Equal(g1[i], g2[i], 1e-10);
    });

    [Fact]
    public void A_subject_that_enters_after_the_last_death_counts_for_nothing()
    {
        var data = new SurvivalData([1, 2, 3, 9], [true, false, true, false], entry: [0, 0, 0, 4]);
        double[] gradient = new double[4], diagonal = new double[4];
        var likelihood = new PartialLikelihood(data);
        double value = likelihood.Evaluate((double[])[0.2, 0.1, -0.3, 900], gradient);
        Assert.Equal(new PartialLikelihood(data.Subset([0, 1, 2])).Evaluate((double[])[0.2, 0.1, -0.3]), value, 1e-14);
        likelihood.HessianDiagonal((double[])[0.2, 0.1, -0.3, 900], diagonal);
        Assert.Equal(0, gradient[3]);
        Assert.Equal(0, diagonal[3]);
    }

    [Fact]
    public void Entry_times_that_cannot_be_are_named()
    {
        string Message(params double[] entry) => Assert.Throws<SurvivalDataException>(() => new SurvivalData([1, 2, 3], [true, false, true], entry: entry)).Message;
        Assert.Contains("2 entry times", Message(0, 0));
        Assert.Contains("entry time of subject 2 of 3 is missing", Message(0, double.NaN, 0));
        Assert.Contains("subject 3 of 3 enters at 3 but is followed to 3 only", Message(0, 0, 3));
    }

    [Fact]
    public void Extreme_linear_predictors_of_a_binary_outcome_do_not_overflow()
    {
        var likelihood = new LogisticLikelihood([true, false, true, false]);
        double[] gradient = new double[4], diagonal = new double[4];
        Assert.Equal(2e4, likelihood.Evaluate((double[])[1e4, 1e4, -1e4, -1e4], gradient), 1e-9);
        Assert.Equal([0, 1, -1, 0], gradient);
        likelihood.HessianDiagonal((double[])[1e4, 1e4, -1e4, -1e4], diagonal);
        Assert.All(diagonal, d => Assert.Equal(0, d));
        Assert.Equal(1, LogisticLikelihood.Probability(1e4));
        Assert.Equal(0, LogisticLikelihood.Probability(-1e4));
    }

    [Fact]
    public void Outcomes_that_cannot_be_used_are_named()
    {
        string Message(Action act) => Assert.Throws<SurvivalDataException>(act).Message;
        Assert.Contains("all 2 outcomes are yes", Message(() => _ = new LogisticLikelihood([true, true])));
        Assert.Contains("every subject whose outcome is yes has weight 0", Message(() => _ = new LogisticLikelihood([true, false, false], [0, 1, 2])));
        Assert.Contains("every subject whose outcome is no has weight 0", Message(() => _ = new LogisticLikelihood([true, false, true], [1, 0, 0])));
        Assert.Equal(2, new LogisticLikelihood([true, false], [1e-300, 1]).Count);
        Assert.Contains("weight of subject 1 of 2 is -1", Message(() => _ = new LogisticLikelihood([true, false], [-1, 1])));
        Assert.Contains("outcome of subject 2 of 2 is missing", Message(() => _ = new GaussianLikelihood([1, double.NaN])));
        Assert.Contains("variance", Message(() => _ = new GaussianLikelihood([1, 2], 0)));
        Assert.Contains("no subject", Message(() => _ = new GaussianLikelihood([])));
    }
}
