using Cellcast.TestSupport;
namespace Cellcast.Survival.Tests;

public class PartialLikelihoodTests
{
    // Therneau and Grambsch: six subjects with a closed form.
    private static readonly SurvivalData s_six = new([9, 1, 1, 6, 6, 8], [true, true, false, true, true, false]);
    private static readonly double[,] s_x = { { 0 }, { 1 }, { 1 }, { 1 }, { 0 }, { 0 } };

    [Theory, InlineData(0.0), InlineData(1.3), InlineData(-2.0)]
    public void Six_subjects_have_the_published_closed_form(double b)
    {
        double[] eta = [.. Enumerable.Range(0, 6).Select(i => b * s_x[i, 0])];
        double r = Math.Exp(b), breslow = 2 * b - Math.Log(3 * r + 3) - 2 * Math.Log(r + 3);
        double efron = 2 * b - Math.Log(3 * r + 3) - Math.Log((r + 5) / 2) - Math.Log(r + 3);
        Close.To(-breslow, new PartialLikelihood(s_six, TieMethod.Breslow).Evaluate(eta), 1e-14);
        Close.To(-efron, new PartialLikelihood(s_six, TieMethod.Efron).Evaluate(eta), 1e-14);
    }

    [Fact]
    public void Six_subjects_have_the_published_maximum()
    {
        var breslow = CoxRegression.Fit(s_six, s_x, new CoxOptions { Ties = TieMethod.Breslow });
        Assert.Equal(1.4752849148, breslow.Coefficients[0], 1e-10);
        Assert.Equal(-3.8247495, breslow.LogLikelihood, 1e-7);
        Assert.Equal(1.6768574856, CoxRegression.Fit(s_six, s_x).Coefficients[0], 1e-10);
    }

    [Fact]
    public void Value_and_gradient_are_the_definition() => Cohort.ForAll(c =>
    {
        var (value, gradient) = BruteForce.PartialLikelihood(c.Data, c.Eta, c.Ties);
        var actual = new double[c.Data.Count];
        double v = new PartialLikelihood(c.Data, c.Ties).Evaluate(c.Eta, actual);
        double size = 1 + c.Eta.Max(Math.Abs);
        Assert.Equal(value, v, 1e-12 * size * c.Data.Count);
        for (int i = 0; i < actual.Length; i++) Assert.Equal(gradient[i], actual[i], 1e-10);
    });

    [Fact]
    public void Linear_predictors_of_ten_thousand_do_not_overflow() => Cohort.ForAll(c =>
    {
        var (value, gradient) = BruteForce.PartialLikelihood(c.Data, c.Eta, c.Ties);
        var likelihood = new PartialLikelihood(c.Data, c.Ties);
        double[] actual = new double[c.Data.Count], diagonal = new double[c.Data.Count], product = new double[c.Data.Count];
        double v = likelihood.Evaluate(c.Eta, actual);
        Assert.True(double.IsFinite(v));
        Assert.Equal(value, v, 1e-12 * 1e4 * c.Data.Count);
        for (int i = 0; i < actual.Length; i++) Assert.Equal(gradient[i], actual[i], 1e-9);
        likelihood.HessianDiagonal(c.Eta, diagonal);
        likelihood.HessianVectorProduct(c.Eta, c.Eta, product);
        Assert.All(diagonal.Concat(product), d => Assert.True(double.IsFinite(d)));
    }, etaScale: 1e4);

    [Fact]
    public void A_constant_added_to_every_linear_predictor_changes_nothing() => Cohort.ForAll(c =>
    {
        if (!c.Data.Strata.IsEmpty) return;
        double[] moved = [.. c.Eta.Select(e => e + 7000)], g1 = new double[c.Data.Count], g2 = new double[c.Data.Count];
        var likelihood = new PartialLikelihood(c.Data, c.Ties);
        Assert.Equal(likelihood.Evaluate(c.Eta, g1), likelihood.Evaluate(moved, g2), 1e-9 * c.Data.Count);
        for (int i = 0; i < g1.Length; i++) Assert.Equal(g1[i], g2[i], 1e-9);
        Assert.Equal(0, g1.Sum(), 1e-10 * c.Data.Count);
    });

    [Fact]
    public void Gradient_is_the_finite_difference_of_the_value() => Cohort.ForAll(c =>
    {
        var likelihood = new PartialLikelihood(c.Data, c.Ties);
        var gradient = new double[c.Data.Count];
        likelihood.Evaluate(c.Eta, gradient);
        for (int i = 0; i < gradient.Length; i++)
        {
            double Value(double step)
            {
                double[] eta = [.. c.Eta];
                eta[i] += step;
                return likelihood.Evaluate(eta);
            }
            double difference = (8 * (Value(1e-3) - Value(-1e-3)) - (Value(2e-3) - Value(-2e-3))) / 12e-3;
            Assert.Equal(difference, gradient[i], 1e-7);
        }
    }, etaScale: 2, count: 60);

    [Fact]
    public void Hessian_products_are_the_finite_difference_of_the_gradient_and_its_diagonal_agrees() => Cohort.ForAll(c =>
    {
        int n = c.Data.Count;
        var likelihood = new PartialLikelihood(c.Data, c.Ties);
        double[] diagonal = new double[n], plus = new double[n], minus = new double[n], product = new double[n];
        likelihood.HessianDiagonal(c.Eta, diagonal);
        for (int i = 0; i < n; i++)
        {
            double[] unit = new double[n], eta = [.. c.Eta];
            unit[i] = 1;
            likelihood.HessianVectorProduct(c.Eta, unit, product);
            Assert.Equal(diagonal[i], product[i], 1e-12 * n);
            eta[i] += 1e-4;
            likelihood.Evaluate(eta, plus);
            eta[i] -= 2e-4;
            likelihood.Evaluate(eta, minus);
            for (int j = 0; j < n; j++) Assert.Equal((plus[j] - minus[j]) / 2e-4, product[j], 1e-6);
        }
        likelihood.HessianVectorProduct(c.Eta, c.Eta, product);
        double[] inPlace = [.. c.Eta];
        likelihood.HessianVectorProduct(c.Eta, inPlace, inPlace);
        Assert.Equal(product, inPlace);
    }, etaScale: 2, count: 40);

    [Fact]
    public void Order_of_the_subjects_does_not_matter() => Cohort.ForAll(c =>
    {
        int[] p = [.. Enumerable.Range(0, c.Data.Count)];
        new Random(c.Seed).Shuffle(p);
        double[] g1 = new double[p.Length], g2 = new double[p.Length];
        double a = new PartialLikelihood(c.Data, c.Ties).Evaluate(c.Eta, g1);
        double b = new PartialLikelihood(c.Data.Subset(p), c.Ties).Evaluate([.. p.Select(i => c.Eta[i])], g2);
        Assert.Equal(a, b, 1e-12 * (1 + Math.Abs(a)));
        for (int k = 0; k < p.Length; k++) Assert.Equal(g1[p[k]], g2[k], 1e-10);
    });

    [Fact]
    public void A_whole_weight_is_that_many_subjects_under_Breslow_and_no_weight_is_no_subject()
    {
        var weighted = new SurvivalData([3, 1, 2, 5, 4], [true, true, false, true, true], [2, 1, 3, 1, 0]);
        var repeated = new SurvivalData([3, 3, 1, 2, 2, 2, 5], [true, true, true, false, false, false, true]);
        double a = new PartialLikelihood(weighted, TieMethod.Breslow).Evaluate((double[])[0.3, -0.2, 1.1, 0.7, 9]);
        double b = new PartialLikelihood(repeated, TieMethod.Breslow).Evaluate((double[])[0.3, 0.3, -0.2, 1.1, 1.1, 1.1, 0.7]);
        Assert.Equal(a, b, 1e-13);
    }

    [Fact]
    public void Single_precision_is_double_precision_rounded() => Cohort.ForAll(c =>
    {
        float[] eta = [.. c.Eta.Select(e => (float)e)], gradient = new float[eta.Length];
        double[] same = [.. eta.Select(e => (double)e)], exact = new double[eta.Length];
        var likelihood = new PartialLikelihood(c.Data, c.Ties);
        Assert.Equal(likelihood.Evaluate(same, exact), likelihood.Evaluate(eta, gradient));
        Assert.Equal(likelihood.Evaluate(same), likelihood.Evaluate(eta));
        for (int i = 0; i < eta.Length; i++) Assert.Equal((float)exact[i], gradient[i]);
    });

    [Fact]
    public void Evaluation_allocates_nothing()
    {
        var c = Cohort.Create(5);
        var likelihood = new PartialLikelihood(c.Data, c.Ties);
        var gradient = new double[c.Data.Count];
        Assert.Equal(0, Allocations.PerTenCallsOnceWarm(Round));

        void Round()
        {
            likelihood.Evaluate(c.Eta);
            likelihood.Evaluate(c.Eta, gradient);
            likelihood.HessianVectorProduct(c.Eta, c.Eta, gradient);
            likelihood.HessianDiagonal(c.Eta, gradient);
        }
    }

    [Fact]
    public void A_missing_linear_predictor_gives_a_missing_value()
    {
        var likelihood = new PartialLikelihood(s_six);
        Assert.True(double.IsNaN(likelihood.Evaluate((double[])[0, 0, double.NaN, 0, 0, 0])));
    }

    [Fact]
    public void Wrong_lengths_are_refused()
    {
        var likelihood = new PartialLikelihood(s_six);
        Assert.Throws<ArgumentException>(() => likelihood.Evaluate(new double[5]));
        Assert.Throws<ArgumentException>(() => likelihood.Evaluate(new double[6], new double[5]));
        Assert.Throws<ArgumentException>(() => likelihood.HessianDiagonal(new double[6], new double[7]));
        Assert.Throws<ArgumentException>(() => likelihood.HessianVectorProduct(new double[6], new double[6], new double[7]));
    }
}
