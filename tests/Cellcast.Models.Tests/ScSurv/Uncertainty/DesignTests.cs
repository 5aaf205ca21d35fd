using Cellcast.Models.ScSurv;
using Cellcast.Models.ScSurv.Uncertainty;
using Cellcast.Survival;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;
using Xunit.Abstractions;

namespace Cellcast.Models.Tests.ScSurv.Uncertainty;

/// <summary>Tests and bootstrap with covariates, strata, late entry, weights and other outcomes.</summary>
public class DesignTests(ITestOutputHelper output)
{
    private const int Dimensions = 6;
    private static readonly RandomKey s_key = RandomKey.From(4, "design tests");

    /// <summary>A cohort of which the outcome depends on covariate or stratum, and on the first loading with the given strength; loadings depend on covariate or stratum too.</summary>
    private static (double[] Loadings, double[]? Covariates, Outcome Outcome) Cohort(string design, int number, double effect, int n)
    {
        var random = new RandomStream(s_key.Split(design).Split(number));
        double[] x = new double[n * Dimensions], z = new double[n * 2], eta = new double[n];
        int[] stratum = [.. Enumerable.Range(0, n).Select(i => i % 3)];
        for (int i = 0; i < n; i++)
        {
            (z[2 * i], z[2 * i + 1]) = (random.NextNormal(), random.NextUniform() < 0.3 ? 1 : 0);
            double confounder = design switch { "strata" => stratum[i] - 1, "entry" or "weights" => 0, _ => z[2 * i] - z[2 * i + 1] };
            for (int j = 0; j < Dimensions; j++) x[i * Dimensions + j] = (j % 2 == 0 ? 0.5 : -0.3) * confounder + 0.5 * random.NextNormal();
            if (design == "composition")
            {
                double sum = 0;
                for (int j = 0; j < Dimensions; j++) sum += x[i * Dimensions + j] = Math.Exp(2 * x[i * Dimensions + j]);
                for (int j = 0; j < Dimensions; j++) x[i * Dimensions + j] /= sum;
            }
            eta[i] = confounder + effect * x[i * Dimensions];
        }
        double[]? covariates = design is "strata" or "entry" or "weights" ? null : z;
        if (design == "binary") return (x, covariates, Outcome.Of([.. eta.Select(e => random.NextUniform() < 1 / (1 + Math.Exp(-e)))]));
        if (design == "continuous") return (x, covariates, Outcome.Of([.. eta.Select(e => 3 + e + random.NextNormal())]));
        double[] time = new double[n], entry = new double[n], weight = new double[n];
        var died = new bool[n];
        for (int i = 0; i < n; i++)
        {
            double end;
            do
            {
                if (design == "entry") entry[i] = 0.8 * random.NextUniform();
                double death = random.NextExponential() * Math.Exp(-eta[i]);
                end = 0.5 + 2.5 * random.NextUniform();
                (time[i], died[i]) = (Math.Min(death, end), death <= end);
            }
            while (time[i] <= entry[i]);
            weight[i] = died[i] ? 1 : 0.5 + 2 * random.NextUniform();
        }
        return (x, covariates, Outcome.Of(new SurvivalData(time, died, design == "weights" ? weight : [], design == "strata" ? stratum : [], design == "entry" ? entry : [])));
    }

    private static Outcome WithoutStrata(Outcome outcome) => outcome is SurvivalOutcome { Data: var d } ? Outcome.Of(new SurvivalData(d.Time, d.Event)) : outcome;

    private (double[] Global, double[] Own, double[] Naive) Null(string design, int cohorts, int patients)
    {
        double[] global = new double[cohorts], own = new double[cohorts], naive = new double[cohorts];
        Parallel.For(0, cohorts, new ParallelOptions { MaxDegreeOfParallelism = 2 }, c =>
        {
            var (x, z, outcome) = Cohort(design, c, 0, patients);
            RandomKey key = s_key.Split("permutations").Split(c);
            var test = new SignalTest(NullModel.Of(outcome, z), x, 199, key);
            global[c] = test.PValue;
            double[] unit = new double[Dimensions];
            unit[c % Dimensions] = 1;
            own[c] = test.Test([unit], pooled: false)[0].P;
            naive[c] = new SignalTest(NullModel.Of(WithoutStrata(outcome)), x, 199, key).PValue;
        });
        double Share(double[] p, double level) => p.Count(v => v <= level) / (double)cohorts;
        output.WriteLine($"{design}, {patients} patients: any signal {Share(global, 0.01):0.000} {Share(global, 0.05):0.000} {Share(global, 0.2):0.000} KS {SignalTestTests.KolmogorovSmirnov(global):0.000}; a function {Share(own, 0.01):0.000} {Share(own, 0.05):0.000} {Share(own, 0.2):0.000}; without the design {Share(naive, 0.05):0.000}");
        return (global, own, naive);
    }

    [Theory, InlineData("survival", true), InlineData("strata", true), InlineData("entry", false), InlineData("weights", false), InlineData("binary", true), InlineData("continuous", true)]
    public void P_values_are_uniform_when_only_what_is_adjusted_for_matters(string design, bool confounded)
    {
        const int cohorts = 300;
        var (global, own, naive) = Null(design, cohorts, 70);
        double bound = 1.63 / Math.Sqrt(cohorts) + 1.0 / 200;
        Assert.InRange(SignalTestTests.KolmogorovSmirnov(global), 0, bound);
        Assert.InRange(SignalTestTests.KolmogorovSmirnov(own), 0, bound);
        if (confounded) Assert.InRange(naive.Count(p => p <= 0.05) / (double)cohorts, 0.5, 1);
    }

    [SlowFact]
    public void Null_calibration_of_all_designs_in_larger_numbers()
    {
        foreach (string design in (string[])["survival", "strata", "entry", "weights", "binary", "continuous", "composition"])
        {
            var (global, _, _) = Null(design, 1000, 100);
            Assert.InRange(global.Count(p => p <= 0.05) / 1000.0, 0.02, design == "composition" ? 0.09 : 0.075);
        }
    }

    [Theory, InlineData("survival"), InlineData("strata"), InlineData("entry"), InlineData("weights"), InlineData("binary"), InlineData("continuous")]
    public void A_signal_beyond_the_design_is_found_with_its_sign_and_the_bootstrap_agrees_with_the_posterior(string design)
    {
        const int patients = 250;
        var (x, z, outcome) = Cohort(design, 9000, 1.8, patients);
        var test = new SignalTest(NullModel.Of(outcome, z), x, 199, s_key.Split("found"));
        Assert.Equal(0.005, test.PValue);
        double[] first = [1, 0, 0, 0, 0, 0];
        FunctionTest function = test.Test([first], pooled: false)[0];
        Assert.True(function.Z > 3 && function.P == 0.005, $"{function}");

        ContributionComponent[] components = [new("x", 0, Dimensions)];
        ContributionFit fit = OutcomeContributions.Fit(outcome, x, components, z).Contributions;
        double? variance = outcome.Kind == OutcomeKind.Continuous ? 1 : null;
        ContributionDraws draws = PatientBootstrap.Run(outcome, x, fit, 100, s_key.Split("bootstrap"), new ContributionOptions { Covariates = z }, variance: variance);
        double[] at = [.. Enumerable.Range(0, Dimensions).Select(j => fit.Center[j] + first[j])];
        UncertainValue bootstrap = draws.Of(at, fit.Of(at).Mean)[0];
        Assert.InRange(bootstrap.Sd / fit.Of(at).StandardDeviation[0], 0.6, 1.6);
        Assert.True(bootstrap.ProbabilityPositive > 0.97);
        ContributionDraws three = PatientBootstrap.Run(outcome, x, fit, 100, s_key.Split("bootstrap"), new ContributionOptions { Covariates = z }, threads: 3, variance: variance);
        Assert.Equal(draws.Coefficients, three.Coefficients);
    }

    [Fact]
    public void Loadings_lose_what_covariates_explain_and_nothing_else()
    {
        var (x, z, outcome) = Cohort("survival", 5, 0, 70);
        var without = NullModel.Of(outcome, z);
        double[] adjusted = without.Adjust(x);
        for (int j = 0; j < Dimensions; j++)
        {
            for (int k = 0; k < 2; k++) Assert.Equal(0, Enumerable.Range(0, 70).Sum(i => adjusted[i * Dimensions + j] * z![2 * i + k]), 1e-6);
            Assert.Equal(0, Enumerable.Range(0, 70).Sum(i => adjusted[i * Dimensions + j]), 1e-6);
        }
        Assert.Same(x, NullModel.Of(outcome).Adjust(x));
        // A covariate given twice takes nothing away twice.
        double[] twice = [.. Enumerable.Range(0, 70).SelectMany(i => new[] { z![2 * i], z[2 * i + 1], z[2 * i] })];
        Assert.All(NullModel.Of(outcome, twice).Adjust(x).Zip(adjusted), p => Assert.Equal(p.First, p.Second, 1e-4));
    }

    [Fact]
    public void Only_patients_of_one_stratum_are_exchanged()
    {
        // Strata of one patient: nothing can be exchanged, so nothing can be found.
        var survival = new SurvivalData([1, 2, 3, 4, 5, 6], [true, true, false, true, true, false], strata: [0, 1, 2, 3, 4, 5]);
        var alone = new SignalTest(NullModel.Of(Outcome.Of(survival)), [1, 0, 2, 1, 3, 1], 99, s_key);
        Assert.Equal(1, alone.PValue);
        Assert.Equal((0.0, 1.0), (alone.Test([[1.0]], pooled: false)[0].Z, alone.Test([[1.0]], pooled: false)[0].P));
    }

    [Fact]
    public void False_sign_rates_are_the_running_mean_of_the_chance_to_be_wrong()
    {
        QuantityUncertainty Q(double positive) => new(new UncertainValue(0, 1, 0, 0, positive), null, null);
        double[] rate = UncertaintyTables.FalseSignRates([Q(0.9), Q(0.01), Q(0.5), Q(0.99)]);
        Assert.Equal([0.12 / 3, 0.01, 0.62 / 4, 0.01], rate.Select(r => Math.Round(r, 12)));
    }
}
