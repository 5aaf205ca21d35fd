using Cellcast.Models.ScSurv;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Tests.ScSurv;

public class ContributionFitTests
{
    private static readonly ContributionComponent[] s_components = [new("a", 0, 3), new("b", 3, 2)];

    [Fact]
    public void What_cannot_be_used_is_named_as_the_user_knows_it()
    {
        var (survival, x) = Cohort(80, seed: 1);
        string Message(double[] features, ContributionOptions? options = null) =>
            Assert.Throws<SurvivalDataException>(() => ContributionFit.Fit(new PartialLikelihood(survival), features, s_components, options)).Message;
        double[] broken = [.. x], covariates = [.. Enumerable.Range(0, 160).Select(i => (double)(i * i % 7))];
        broken[7 * 5 + 4] = double.NaN;
        Assert.StartsWith("what patient 8 of 80 is made of (b) is not a finite number", Message(broken));
        covariates[2 * 11 + 1] = double.NaN;
        Assert.StartsWith("covariate 'age' of patient 12 of 80 is missing", Message(x, new ContributionOptions { Covariates = covariates, CovariateNames = ["stage", "age"] }));
        covariates[2 * 11 + 1] = double.PositiveInfinity;
        Assert.StartsWith("covariate 'covariate 2' of patient 12 of 80 is infinite", Message(x, new ContributionOptions { Covariates = covariates }));
    }

    [Fact]
    public void TheModeIsStationaryAndTheCovarianceIsTheInverseCurvature()
    {
        var (survival, x) = Cohort(80, seed: 1);
        double[] strengths = [0.7, 0.4];
        ContributionFit fit = ContributionFit.Fit(new PartialLikelihood(survival), x, s_components, new ContributionOptions { Strengths = strengths });

        // The same objective, written plainly: features centred, prior precision per component = mean square over patients / strength^2.
        double[] precision = Precision(x, strengths);
        double Objective(double[] w)
        {
            double[] eta = Eta(x, fit.Center, w);
            return new PartialLikelihood(survival).Evaluate(eta) + w.Select((v, j) => precision[j] * v * v / 2).Sum();
        }
        const double h = 1e-4;
        for (int j = 0; j < 5; j++)
        {
            Assert.Equal(0, (Objective(Moved(fit.Coefficients, j, h)) - Objective(Moved(fit.Coefficients, j, -h))) / (2 * h), 5);
            for (int k = 0; k < 5; k++)
            {
                // Row j of curvature x covariance must be a row of the identity.
                double sum = 0;
                for (int l = 0; l < 5; l++)
                {
                    double curvature = (Objective(Moved(Moved(fit.Coefficients, j, h), l, h)) - Objective(Moved(Moved(fit.Coefficients, j, h), l, -h))
                        - Objective(Moved(Moved(fit.Coefficients, j, -h), l, h)) + Objective(Moved(Moved(fit.Coefficients, j, -h), l, -h))) / (4 * h * h);
                    sum += curvature * fit.Covariance[l * 5 + k];
                }
                Assert.Equal(j == k ? 1 : 0, sum, 3);
            }
        }
    }

    [Fact]
    public void TheOrderOfPatientsDoesNotMatter()
    {
        var (survival, x) = Cohort(80, seed: 2);
        int[] order = new RandomStream(RandomKey.From(3, "order")).NextPermutation(80);
        double[] turned = [.. order.SelectMany(i => x[(i * 5)..(i * 5 + 5)])];
        ContributionFit a = ContributionFit.Fit(new PartialLikelihood(survival), x, s_components), b = ContributionFit.Fit(new PartialLikelihood(survival.Subset(order)), turned, s_components);
        for (int j = 0; j < 5; j++) Assert.Equal(a.Coefficients[j], b.Coefficients[j], 7);
        for (int k = 0; k < 2; k++) Assert.Equal(a.Strengths[k], b.Strengths[k], 9);
    }

    [Fact]
    public void AStrongSignalIsFoundAndSilenceIsShrunk()
    {
        var (survival, x) = Cohort(300, seed: 4, effect: 1.5);
        ContributionFit fit = ContributionFit.Fit(new PartialLikelihood(survival), x, s_components);
        Assert.True(fit.Strengths[0] > 2 * fit.Strengths[1], $"{fit.Strengths[0]} and {fit.Strengths[1]}");
        var (null_, y) = Cohort(300, seed: 5, effect: 0);
        ContributionFit nothing = ContributionFit.Fit(new PartialLikelihood(null_), y, s_components);
        Assert.True(nothing.Strengths.All(s => s < 0.3), string.Join(", ", nothing.Strengths));
        Assert.True(fit.LogEvidence > ContributionFit.Fit(new PartialLikelihood(survival), x, s_components, new() { Strengths = nothing.Strengths }).LogEvidence);
    }

    [Fact]
    public void No_neighbouring_strengths_have_more_evidence()
    {
        var (survival, x) = Cohort(150, seed: 7, effect: 1);
        ContributionFit fit = ContributionFit.Fit(new PartialLikelihood(survival), x, s_components);
        for (int k = 0; k < 2; k++)
            foreach (double factor in (double[])[0.75, 1.33])
            {
                double[] moved = [.. fit.Strengths];
                moved[k] *= factor;
                Assert.True(ContributionFit.Fit(new PartialLikelihood(survival), x, s_components, new ContributionOptions { Strengths = moved }).LogEvidence < fit.LogEvidence);
            }
    }

    [Fact]
    public void Coefficients_are_averaged_over_the_strengths_that_the_data_allow_and_the_spread_between_them_widens_the_intervals()
    {
        var (survival, x) = Cohort(60, seed: 8, effect: 0.5);
        ContributionFit fit = ContributionFit.Fit(new PartialLikelihood(survival), x, s_components);
        Assert.True(fit.Alternatives.Count > 5);
        Assert.Equal(1, fit.Alternatives.Sum(a => a.Weight), 12);
        Assert.Contains(fit.Alternatives, a => a.Strengths.SequenceEqual(fit.Strengths));
        ContributionFit[] parts = [.. fit.Alternatives.Select(a => ContributionFit.Fit(new PartialLikelihood(survival), x, s_components, new ContributionOptions { Strengths = a.Strengths }))];
        for (int j = 0; j < 5; j++)
        {
            double mean = parts.Select((p, i) => fit.Alternatives[i].Weight * p.Coefficients[j]).Sum();
            Assert.Equal(mean, fit.Coefficients[j], 6);
            Assert.Equal(parts.Select((p, i) => fit.Alternatives[i].Weight * (p.Covariance[j * 6] + Math.Pow(p.Coefficients[j] - mean, 2))).Sum(), fit.Covariance[j * 6], 6);
        }
        Assert.Equal(fit.Strengths, ContributionFit.Fit(new PartialLikelihood(survival), x, s_components, new ContributionOptions { Average = false }).Strengths);
    }

    [Fact]
    public void With_few_events_what_hardly_differs_between_patients_is_not_taken_for_large_differences_between_cells()
    {
        // Component b differs 50 times less between patients than between cells and has no effect. Without the scale of the cells its noise would dwarf the types' signal there.
        int worse = 0;
        for (int study = 0; study < 20; study++)
        {
            var (survival, x) = Cohort(60, seed: 100 + study, effect: 0.5);
            for (int i = 0; i < 60; i++)
                for (int j = 3; j < 5; j++) x[i * 5 + j] *= 0.02;
            double Noise(double variance)
            {
                ContributionComponent[] components = [.. s_components.Select(c => c with { CellVariance = variance })];
                double[] w = ContributionFit.Fit(new PartialLikelihood(survival), x, components).Coefficients;
                return Math.Sqrt((w[3] * w[3] + w[4] * w[4]) / (w[0] * w[0] + w[1] * w[1] + w[2] * w[2]));
            }
            Assert.True(Noise(1) < 1, $"{study}: {Noise(1)}");
            if (Noise(0) > 1) worse++;
        }
        Assert.True(worse > 10, $"{worse}");
    }

    [Fact]
    public void IntervalsHoldTheTruthAsOftenAsTheyClaim()
    {
        // w drawn from the prior, survival from the model: 95 % intervals of patients' linear predictors, 60 cohorts of 100 patients.
        int inside = 0, all = 0;
        for (int study = 0; study < 60; study++)
        {
            var random = new RandomStream(RandomKey.From(study, "coverage"));
            double[] x = [.. Enumerable.Range(0, 100 * 5).Select(_ => random.NextNormal())], w = [.. Enumerable.Range(0, 5).Select(j => random.NextNormal() * (j < 3 ? 0.5 : 0.3))];
            double[] center = [.. Enumerable.Range(0, 5).Select(j => Enumerable.Range(0, 100).Average(i => x[i * 5 + j]))], eta = Eta(x, center, w);
            double[] time = [.. eta.Select(e => random.NextExponential() / Math.Exp(e) + 1e-6)];
            ContributionFit fit = ContributionFit.Fit(new PartialLikelihood(new SurvivalData(time, [.. time.Select(_ => random.NextUniform() < 0.8)])), x, s_components,
                new() { Strengths = [0.5 * Math.Sqrt(3), 0.3 * Math.Sqrt(2)] });
            ContributionValues values = fit.Of(x);
            double[] lower = values.Lower, upper = values.Upper;
            for (int i = 0; i < 100; i++, all++)
                if (lower[i] <= eta[i] && eta[i] <= upper[i]) inside++;
        }
        Assert.InRange(inside / (double)all, 0.92, 0.98);
    }

    [Fact]
    public void OtherOutcomesAndCovariatesFit()
    {
        var random = new RandomStream(RandomKey.From(6, "binary"));
        double[] x = [.. Enumerable.Range(0, 200 * 5).Select(_ => random.NextNormal())], age = [.. Enumerable.Range(0, 200).Select(_ => 60 + 10 * random.NextNormal())];
        bool[] outcome = [.. Enumerable.Range(0, 200).Select(i => random.NextUniform() < 1 / (1 + Math.Exp(-(1 + x[i * 5] + 0.1 * (age[i] - 60)))))];
        ContributionFit fit = ContributionFit.Fit(new LogisticLikelihood(outcome), x, s_components, new ContributionOptions { Covariates = age });
        Assert.Equal(2, fit.FreeCoefficients.Length);
        Assert.InRange(fit.FreeCoefficients[1], 0.05, 0.15);
        Assert.InRange(fit.Coefficients[0], 0.5, 1.5);
    }

    private static (SurvivalData, double[]) Cohort(int n, long seed, double effect = 0.7)
    {
        var random = new RandomStream(RandomKey.From(seed, "contribution fit"));
        double[] x = [.. Enumerable.Range(0, n * 5).Select(_ => random.NextNormal())];
        double[] time = [.. Enumerable.Range(0, n).Select(i => random.NextExponential() / Math.Exp(effect * (x[i * 5] - x[i * 5 + 1])) + 1e-6)];
        return (new SurvivalData(time, [.. time.Select(_ => random.NextUniform() < 0.7)]), x);
    }

    private static double[] Precision(double[] x, double[] strengths)
    {
        int n = x.Length / 5;
        double[] center = [.. Enumerable.Range(0, 5).Select(j => Enumerable.Range(0, n).Average(i => x[i * 5 + j]))];
        return [.. Enumerable.Range(0, 5).Select(j =>
        {
            int k = j < 3 ? 0 : 1;
            double square = Enumerable.Range(k == 0 ? 0 : 3, k == 0 ? 3 : 2).Sum(l => Enumerable.Range(0, n).Average(i => Math.Pow(x[i * 5 + l] - center[l], 2)));
            return square / (strengths[k] * strengths[k]);
        })];
    }

    private static double[] Eta(double[] x, double[] center, double[] w) =>
        [.. Enumerable.Range(0, x.Length / 5).Select(i => Enumerable.Range(0, 5).Sum(j => (x[i * 5 + j] - center[j]) * w[j]))];

    private static double[] Moved(double[] w, int j, double by)
    {
        double[] moved = [.. w];
        moved[j] += by;
        return moved;
    }
}
