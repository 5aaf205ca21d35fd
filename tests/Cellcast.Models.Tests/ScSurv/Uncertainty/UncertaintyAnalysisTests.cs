using Cellcast.Models.ScSurv;
using Cellcast.Models.ScSurv.Uncertainty;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Tests.ScSurv.Uncertainty;

public class UncertaintyAnalysisTests
{
    private const int Types = 5, CellsPerType = 6, Patients = 150;
    private static readonly RandomKey s_key = RandomKey.From(2, "uncertainty tests");
    private static readonly ContributionComponent[] s_components = [new("types", 0, Types)];

    /// <summary>Patients made of five types whose contributions are drawn from the prior; features are the shares of the types.</summary>
    private sealed record Study(double[] Beta, double[] Shares, double[] CellFeatures, double[] Eta, SurvivalData Survival)
    {
        internal static Study Make(int number, double effect, int patients = Patients)
        {
            var random = new RandomStream(s_key.Split(number));
            double[] shares = new double[patients * Types], eta = new double[patients], time = new double[patients];
            double[] beta = [.. Enumerable.Range(0, Types).Select(_ => effect * random.NextNormal())];
            var died = new bool[patients];
            for (int i = 0; i < patients; i++)
            {
                double sum = 0;
                for (int k = 0; k < Types; k++) sum += shares[i * Types + k] = random.NextExponential();
                for (int k = 0; k < Types; k++) eta[i] += (shares[i * Types + k] /= sum) * beta[k];
                double death = random.NextExponential() * Math.Exp(-eta[i]), end = 0.3 + 3 * random.NextUniform();
                (time[i], died[i]) = (Math.Min(death, end), death <= end);
            }
            var cells = new double[Types * CellsPerType * Types];
            for (int c = 0; c < Types * CellsPerType; c++) cells[c * Types + c / CellsPerType] = 1;
            return new Study(beta, shares, cells, eta, new SurvivalData(time, died));
        }

        /// <summary>The prior that the contributions came from, as the strength of their component.</summary>
        internal double Strength(double effect)
        {
            double[] mean = new double[Types];
            int n = Survival.Count;
            for (int i = 0; i < Shares.Length; i++) mean[i % Types] += Shares[i] / n;
            double square = 0;
            for (int i = 0; i < Shares.Length; i++) square += (Shares[i] - mean[i % Types]) * (Shares[i] - mean[i % Types]) / n;
            return effect * Math.Sqrt(square);
        }

        internal ContributionFit Fit(double? strength = null) =>
            ContributionFit.Fit(new PartialLikelihood(Survival), Shares, s_components, new ContributionOptions { Strengths = strength is { } s ? [s] : null });

        internal UncertaintyInput Input(ContributionFit fit) => new()
        {
            Fit = fit,
            CellFeatures = Models.ScSurv.CellFeatures.Of(CellFeatures, Types),
            PatientFeatures = Shares,
            Outcome = Outcome.Of(Survival),
            GroupOf = [.. Enumerable.Range(0, Types * CellsPerType).Select(c => c / CellsPerType)],
            Groups = ["a", "b", "c", "d", "e"],
            // A gene per type that only its cells express: covariance with the features over sd.
            GeneFeatures = [.. Enumerable.Range(0, Types).SelectMany(g => Enumerable.Range(0, Types).Select(k => ((g == k ? 1.0 : 0) - 1.0 / Types) / Types / Math.Sqrt((1.0 / Types) * (1 - 1.0 / Types))))],
        };

        /// <summary>Known contribution relative to the average patient.</summary>
        internal double Known(int type) => Beta[type] - Eta.Average();
    }

    private static UncertaintyAnalysis Analyze(Study study, ContributionFit fit, UncertaintyOptions? options = null, int threads = 1) =>
        UncertaintyAnalysis.Run(study.Input(fit), options ?? new UncertaintyOptions { Bootstrap = 60, Permutations = 199, PowerSimulations = 0 }, s_key.Split("run"), threads, NoProgress.Instance, default);

    [Fact]
    public void Posterior_intervals_hold_the_truth_as_often_as_they_say_when_the_prior_is_right()
    {
        const int studies = 60;
        int types = 0, patients = 0;
        for (int s = 0; s < studies; s++)
        {
            Study study = Study.Make(s, effect: 2);
            UncertaintyAnalysis a = Analyze(study, study.Fit(study.Strength(2)), new UncertaintyOptions { Bootstrap = 0, Permutations = 0, PowerSimulations = 0, PosteriorDraws = 2 });
            for (int k = 0; k < Types; k++)
                if (a.Types[k].Posterior.Lower <= study.Known(k) && study.Known(k) <= a.Types[k].Posterior.Upper) types++;
            double mean = study.Eta.Average();
            for (int i = 0; i < Patients; i++)
                if (a.Patients[i].Posterior.Lower <= study.Eta[i] - mean && study.Eta[i] - mean <= a.Patients[i].Posterior.Upper) patients++;
        }
        Assert.InRange(types / (double)(studies * Types), 0.91, 0.98);
        Assert.InRange(patients / (double)(studies * Patients), 0.91, 0.98);
    }

    [Fact]
    public void Bootstrap_intervals_hold_the_truth_about_as_often_as_they_say_even_where_few_events_leave_much_to_the_prior()
    {
        const int studies = 60;
        int types = 0;
        for (int s = 0; s < studies; s++)
        {
            Study study = Study.Make(2000 + s, effect: 2, patients: 40);
            UncertaintyAnalysis a = Analyze(study, study.Fit(study.Strength(2)), new UncertaintyOptions { Bootstrap = 100, Permutations = 0, PowerSimulations = 0, PosteriorDraws = 2 });
            for (int k = 0; k < Types; k++)
                if (a.Types[k].Bootstrap is { } b && b.Lower <= study.Known(k) && study.Known(k) <= b.Upper) types++;
        }
        // The draws' quantiles are a little narrow with 100 of them.
        Assert.InRange(types / (double)(studies * Types), 0.88, 0.98);
    }

    [Fact]
    public void What_the_shares_leave_open_widens_the_intervals_of_patients_and_moves_no_estimate()
    {
        Study study = Study.Make(5, 1.5);
        ContributionFit fit = study.Fit();
        var options = new UncertaintyOptions { Bootstrap = 40, Permutations = 0, PowerSimulations = 0, PosteriorDraws = 2 };
        UncertaintyInput input = study.Input(fit);
        UncertaintyAnalysis known = UncertaintyAnalysis.Run(input, options, s_key, 1, NoProgress.Instance, default);
        UncertaintyAnalysis open = UncertaintyAnalysis.Run(input with { PatientVariance = [.. Enumerable.Repeat(0.09, Patients)] }, options, s_key, 1, NoProgress.Instance, default);
        for (int i = 0; i < Patients; i++)
        {
            UncertainValue a = known.Patients[i].Posterior, b = open.Patients[i].Posterior;
            Assert.Equal(a.Value, b.Value);
            Assert.Equal(Math.Sqrt(a.Sd * a.Sd + 0.09), b.Sd, 12);
            Assert.Equal(b.Value + 1.959963984540054 * b.Sd, b.Upper, 12);
            Assert.True(open.Patients[i].Bootstrap!.Value.Lower < known.Patients[i].Bootstrap!.Value.Lower && open.Patients[i].Bootstrap!.Value.Upper > known.Patients[i].Bootstrap!.Value.Upper);
        }
        Assert.Equal(known.Types, open.Types);
    }

    [Fact]
    public void Bootstrap_and_posterior_agree_where_the_data_decide_and_both_find_the_adverse_type()
    {
        Study study = Study.Make(1000, effect: 3, patients: 600);
        ContributionFit fit = study.Fit();
        UncertaintyAnalysis a = Analyze(study, fit, new UncertaintyOptions { Bootstrap = 300, Permutations = 199, PowerSimulations = 0 });
        for (int k = 0; k < Types; k++)
        {
            UncertainValue posterior = a.Types[k].Posterior, bootstrap = a.Types[k].Bootstrap!.Value;
            Assert.Equal(posterior.Value, bootstrap.Value);
            Assert.InRange(bootstrap.Sd / posterior.Sd, 0.75, 1.3);
            Assert.True(bootstrap.Lower < bootstrap.Value && bootstrap.Value < bootstrap.Upper);
        }
        int worst = Array.IndexOf(study.Beta, study.Beta.Max()), best = Array.IndexOf(study.Beta, study.Beta.Min());
        Assert.True(a.Types[worst].Posterior.ProbabilityPositive > 0.99 && a.Types[worst].Bootstrap!.Value.ProbabilityPositive > 0.99);
        Assert.True(a.Types[best].Posterior.ProbabilityPositive < 0.01 && a.Types[best].Bootstrap!.Value.ProbabilityPositive < 0.01);
        Assert.True(a.Types[worst].Test!.Z > 3 && a.Types[best].Test!.Z < -3);
        Assert.Equal(0.005, a.Signal!.PValue);
        // Cells of a type have its contribution; the gene of a type correlates with it as the type's sign says.
        Assert.Equal(a.Types[worst].Posterior.Value, a.Cells[worst * CellsPerType].Posterior.Value, 1e-9);
        Assert.True(a.Genes[worst].Posterior.Lower > 0 && a.Genes[best].Posterior.Upper < 0);
        Assert.All(a.Genes, g => Assert.InRange(g.Posterior.Value, -1, 1));
        double[] beta = [.. Enumerable.Range(0, Types).Select(k => a.Types[k].Posterior.Value)], gene = [.. Enumerable.Range(0, Types).Select(k => k == worst ? 1.0 : 0)];
        Assert.Equal(Cellcast.Analysis.Statistics.Correlation.Pearson(gene, beta).Coefficient, a.Genes[worst].Posterior.Value, 1e-9);
    }

    [Fact]
    public void Neither_threads_nor_chance_change_a_bit()
    {
        Study study = Study.Make(3, 1.5);
        var options = new UncertaintyOptions { Bootstrap = 20, Permutations = 49, PowerSimulations = 20, PosteriorDraws = 20 };
        ContributionFit fit = study.Fit();
        UncertaintyAnalysis one = Analyze(study, fit, options), three = Analyze(study, fit, options, threads: 3);
        foreach (var part in (Func<UncertaintyAnalysis, IReadOnlyList<QuantityUncertainty>>[])[a => a.Cells, a => a.Types, a => a.Genes, a => a.Patients]) Assert.Equal(part(one), part(three));
        Assert.Equal(one.Power, three.Power);
        Assert.Equal((one.Caution, one.Signal!.PValue), (three.Caution, three.Signal!.PValue));
    }

    [Fact]
    public void Features_of_more_cells_than_a_block_are_asked_for_block_by_block_and_give_what_the_whole_gives()
    {
        const int cells = 2_500, block = 1024;
        Study study = Study.Make(6, 1.5);
        ContributionFit fit = study.Fit();
        var random = new RandomStream(s_key.Split("cells"));
        double[] whole = [.. Enumerable.Range(0, cells * Types).Select(_ => random.NextUniform())];
        int[] groupOf = [.. Enumerable.Range(0, cells).Select(c => c % 6 - 1)];
        var options = new UncertaintyOptions { Bootstrap = 10, Permutations = 19, PowerSimulations = 0, PosteriorDraws = 10 };
        UncertaintyAnalysis? first = null;
        foreach (int threads in (int[])[1, 3])
        {
            int most = 0, next = 0, passes = 0;
            var features = new CellFeatures(cells, Types, (from, count, values, _) =>
            {
                Assert.Equal(next, from);
                (most, next) = (Math.Max(most, count), (from + count) % cells);
                if (next == 0) passes++;
                Array.Copy(whole, from * Types, values, 0, count * Types);
            });
            UncertaintyAnalysis a = UncertaintyAnalysis.Run(study.Input(fit) with { CellFeatures = features, GroupOf = groupOf }, options, s_key.Split("run"), threads, NoProgress.Instance, default);
            Assert.Equal(block, most);
            Assert.Equal(0, next);
            // Means of types, covariances and what they are relative to, contributions: a number of passes that does not depend on how much is drawn.
            Assert.InRange(passes, 1, 4);
            first ??= a;
            Assert.Equal(first.Cells, a.Cells);
            Assert.Equal(first.Types, a.Types);
            Assert.Equal(first.Genes, a.Genes);
        }
        ContributionValues values = fit.Of(whole);
        Assert.Equal(values.Mean, first!.Cells.Select(c => c.Posterior.Value));
        Assert.Equal(values.StandardDeviation, first.Cells.Select(c => c.Posterior.Sd));
        double[] mean = [.. Enumerable.Range(0, Types).SelectMany(g => Enumerable.Range(0, Types).Select(j => Enumerable.Range(0, cells).Where(c => groupOf[c] == g).Average(c => whole[c * Types + j])))];
        ContributionValues types = fit.Of(mean);
        for (int g = 0; g < Types; g++) Assert.Equal(types.Mean[g], first.Types[g].Posterior.Value, 1e-12);
        double[] center = [.. Enumerable.Range(0, Types).Select(j => Enumerable.Range(0, cells).Average(c => whole[c * Types + j]))], covariance = CellFeatures.Of(whole, Types).Covariance(2);
        for (int i = 0; i < Types; i++)
            for (int j = 0; j < Types; j++)
                Assert.Equal(Enumerable.Range(0, cells).Average(c => (whole[c * Types + i] - center[i]) * (whole[c * Types + j] - center[j])), covariance[i * Types + j], 1e-12);
    }

    [Fact]
    public void A_draw_is_a_fit_to_patients_that_occur_as_often_as_they_were_drawn_pulled_to_a_draw_from_the_prior()
    {
        Study study = Study.Make(4, 1.5);
        ContributionFit fit = study.Fit(study.Strength(1.5));
        ContributionDraws draws = PatientBootstrap.Run(Outcome.Of(study.Survival), study.Shares, fit, 2, s_key.Split("few"));
        var random = new RandomStream(s_key.Split("few").Split(1));
        int[] rows = [.. Enumerable.Range(0, Patients).Select(_ => random.NextInt32(Patients)).Order()];
        random.NextUniform(); // which of the strengths: there is only one
        double[] prior = [.. Enumerable.Range(0, Types).Select(_ => 1.5 * random.NextNormal())]; // the effect that the study was made with is the prior's sd of a weight
        // The same patients as a list with repeats; tied repeats are the reason for Breslow, in which weights and repeats are the same thing.
        ContributionDraws breslow = PatientBootstrap.Run(Outcome.Of(study.Survival), study.Shares, fit, 2, s_key.Split("few"), ties: TieMethod.Breslow);
        double[] features = [.. rows.SelectMany(i => study.Shares[(i * Types)..((i + 1) * Types)])];
        // Strengths are relative to the patients that are given: the same prior of the contributions needs them rescaled.
        double Square(double[] x)
        {
            int n = x.Length / Types;
            return Enumerable.Range(0, Types).Sum(k => { double m = Enumerable.Range(0, n).Average(i => x[i * Types + k]); return Enumerable.Range(0, n).Average(i => Math.Pow(x[i * Types + k] - m, 2)); });
        }
        double strength = fit.Strengths[0] * Math.Sqrt(Square(features) / Square(study.Shares));
        ContributionFit repeated = ContributionFit.Fit(new PartialLikelihood(study.Survival.Subset(rows), TieMethod.Breslow), features, s_components, new ContributionOptions { Strengths = [strength], Offset = [.. rows.Select(i => Enumerable.Range(0, Types).Sum(k => study.Shares[i * Types + k] * prior[k]))] });
        for (int j = 0; j < Types; j++) Assert.Equal(repeated.Coefficients[j] + prior[j], breslow.Coefficients[1][j], 1e-6);
        Assert.NotEqual(draws.Coefficients[0], draws.Coefficients[1]);
    }

    [Fact]
    public void Too_few_events_are_said()
    {
        var survival = new SurvivalData([1, 2, 3], [true, false, false]);
        double[] features = [1, 0, 0.5, 0.5, 0, 1];
        ContributionFit fit = ContributionFit.Fit(new PartialLikelihood(survival), features, [new("types", 0, 2)], new ContributionOptions { Strengths = [0.5] });
        Assert.Contains("at least 2", Assert.Throws<SurvivalDataException>(() => PatientBootstrap.Run(Outcome.Of(survival), features, fit, 5, s_key)).Message, StringComparison.Ordinal);
    }
}
