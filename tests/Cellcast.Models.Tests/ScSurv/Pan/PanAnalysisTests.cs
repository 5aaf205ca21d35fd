using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Models.ScSurv.Pan;
using Cellcast.Survival;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;
using Xunit.Abstractions;

namespace Cellcast.Models.Tests.ScSurv.Pan;

public class PanAnalysisTests(ITestOutputHelper output)
{
    private const int Types = 4, Patients = 120;
    private static readonly RandomKey s_key = RandomKey.From(3, "pan tests");
    private static readonly ContributionComponent[] s_components = [new("types", 0, Types)];
    private static readonly string[] s_names = ["a", "b", "c", "d"];

    private static (double[] Shares, ContributionFit Fit, SurvivalData Survival) Cohort(RandomKey key, double[] beta, double? strength = null)
    {
        var random = new RandomStream(key);
        double[] shares = new double[Patients * Types], time = new double[Patients];
        var died = new bool[Patients];
        for (int i = 0; i < Patients; i++)
        {
            double sum = 0, eta = 0;
            for (int k = 0; k < Types; k++) sum += shares[i * Types + k] = random.NextExponential();
            for (int k = 0; k < Types; k++) eta += (shares[i * Types + k] /= sum) * beta[k];
            double death = random.NextExponential() * Math.Exp(-eta), end = 0.3 + 2 * random.NextUniform();
            (time[i], died[i]) = (Math.Min(death, end), death <= end);
        }
        var survival = new SurvivalData(time, died);
        return (shares, ContributionFit.Fit(new PartialLikelihood(survival), shares, s_components, new ContributionOptions { Strengths = strength is { } s ? [s] : null }), survival);
    }

    private static double[] Identity => [.. Enumerable.Range(0, Types * Types).Select(i => i / Types == i % Types ? 1.0 : 0)];

    private static CohortEffect[] TypesOf(RandomKey key, double[] beta)
    {
        var (shares, fit, _) = Cohort(key, beta);
        return new LinearEffects(fit, shares).Means(s_names, Identity);
    }

    [Fact]
    public void The_prior_variance_is_that_of_the_fit()
    {
        // At the mode the penalty's gradient is the score: w / prior variance = X' r.
        var (shares, fit, survival) = Cohort(s_key.Split("prior"), [1, -1, 0, 0.5]);
        double[] eta = fit.Mode.Of(shares).Mean, gradient = new double[Patients], prior = LinearEffects.PriorVariance(fit, shares);
        new PartialLikelihood(survival).Evaluate(eta, gradient);
        for (int j = 0; j < Types; j++)
        {
            double score = -Enumerable.Range(0, Patients).Sum(i => (shares[i * Types + j] - fit.Center[j]) * gradient[i]);
            Assert.Equal(score * prior[j], fit.Mode.Coefficients[j], 1e-6);
        }
    }

    [Fact]
    public void Estimates_are_freed_from_the_pull_of_the_prior_and_their_errors_are_what_they_say()
    {
        // Contributions of which the mean effect of a type is 1: penalised estimates fall short of it, those for meta-analysis do not.
        const int cohorts = 400;
        double[] beta = [1.2, -0.4, -0.4, -0.4];
        double truth = 1.2 - beta.Average(), raw = 0, freed = 0;
        var z = new List<double>();
        for (int c = 0; c < cohorts; c++)
        {
            var (shares, fit, _) = Cohort(s_key.Split("bias").Split(c), beta);
            CohortEffect e = new LinearEffects(fit, shares).Means(s_names, Identity)[0];
            double known = 1.2 - Enumerable.Range(0, Patients).Average(i => Enumerable.Range(0, Types).Sum(k => shares[i * Types + k] * beta[k]));
            raw += fit.Of(Identity).Mean[0] / cohorts;
            freed += e.Estimate / cohorts;
            z.Add((e.Estimate - known) / e.StandardError);
        }
        Assert.True(raw < 0.85 * truth, $"{raw}");
        Assert.InRange(freed, 0.88 * truth, 1.15 * truth);
        Assert.InRange(z.Count(v => Math.Abs(v) <= 1.96) / (double)cohorts, 0.92, 0.99);
    }

    [Fact]
    public void A_shared_effect_is_called_with_its_sign_and_nothing_is_called_without_one()
    {
        int calls = 0;
        for (int study = 0; study < 20; study++)
        {
            RandomKey key = s_key.Split("null").Split(study);
            PanAnalysis nothing = PanAnalysis.Run([.. Enumerable.Range(0, 4).Select(c => CohortEffects.From($"{c}", OutcomeKind.Survival, TypesOf(key.Split(c), new double[Types]), []))], new PanOptions(), threads: 1);
            if (nothing.Types.Any(t => t.Verdict != 0)) calls++;
        }
        Assert.InRange(calls, 0, 4);
        PanAnalysis found = PanAnalysis.Run([.. Enumerable.Range(0, 6).Select(c => CohortEffects.From($"{c}", OutcomeKind.Survival, TypesOf(s_key.Split("shared").Split(c), [3, 0, 0, -3]), []))], new PanOptions(), threads: 2);
        Assert.Equal(("a", 1), (found.Types[0].Name, found.Types[0].Verdict));
        Assert.Equal(("d", -1), (found.Types[^1].Name, found.Types[^1].Verdict));
        Assert.All(found.Types, t => Assert.Equal(6, t.Without.Length));
        Assert.True(found.Types[0].LargestPWithout >= found.Types[0].Pooled.PValue);
        Assert.Equal(6, found.Types[0].Positive);
    }

    [Fact]
    public void Correlations_and_slopes_of_a_gene_are_the_same_test_and_the_correlation_is_that_over_cells()
    {
        var (shares, fit, _) = Cohort(s_key.Split("genes"), [2, 0, -1, 0]);
        var random = new RandomStream(s_key.Split("cells"));
        const int cells = 60;
        double[] features = new double[cells * Types], rate = new double[cells];
        for (int c = 0; c < cells; c++)
        {
            features[c * Types + c % Types] = 1;
            rate[c] = (c % Types == 0 ? 1 : 0) + 0.3 * random.NextNormal();
        }
        double mean = rate.Average(), sd = Math.Sqrt(rate.Average(r => (r - mean) * (r - mean)));
        double[] functional = [.. Enumerable.Range(0, Types).Select(j => Enumerable.Range(0, cells).Average(c => (rate[c] - mean) * (features[c * Types + j] - 0.25)) / sd)];
        var effects = new LinearEffects(fit, shares);
        CohortEffect r = effects.Genes(["g"], functional, CellFeatures.Of(features, Types), GeneEffect.Correlation).Single(), slope = effects.Genes(["g"], functional, CellFeatures.Of(features, Types), GeneEffect.Slope).Single();
        Assert.Equal(Analysis.Statistics.Correlation.Pearson(rate, fit.Mode.Of(features).Mean).Coefficient, Math.Tanh(r.Estimate), 1e-9);
        Assert.Equal(slope.Estimate / slope.StandardError, r.Estimate / r.StandardError, 1e-9);
        Assert.True(r.StandardError > 1 / Math.Sqrt(cells - 3), "cells are not independent observations");
    }

    [Fact]
    public void Slopes_of_genes_hold_their_level_over_cohorts_without_a_signal()
    {
        const int studies = 200, genes = 5, cells = 40;
        var random = new RandomStream(s_key.Split("rates"));
        double[] features = new double[cells * Types];
        for (int c = 0; c < cells; c++) features[c * Types + c % Types] = 1;
        double[] functional = new double[genes * Types];
        for (int g = 0; g < genes; g++)
        {
            double[] rate = [.. Enumerable.Range(0, cells).Select(_ => random.NextNormal())];
            for (int j = 0; j < Types; j++) functional[g * Types + j] = Enumerable.Range(0, cells).Average(c => (rate[c] - rate.Average()) * features[c * Types + j]);
        }
        string[] names = [.. Enumerable.Range(0, genes).Select(g => $"g{g}")];
        var p = new Dictionary<(GeneEffect, Analysis.Statistics.MeanInterval), double[]>();
        foreach (GeneEffect kind in Enum.GetValues<GeneEffect>())
            foreach (Analysis.Statistics.MeanInterval rule in Enum.GetValues<Analysis.Statistics.MeanInterval>()) p[(kind, rule)] = new double[studies];
        for (int s = 0; s < studies; s++)
        {
            LinearEffects[] cohorts = [.. Enumerable.Range(0, 4).Select(c =>
            {
                var (shares, fit, _) = Cohort(s_key.Split("slopes").Split(s).Split(c), new double[Types]);
                return new LinearEffects(fit, shares);
            })];
            foreach (var ((kind, rule), values) in p)
                values[s] = PanAnalysis.Run([.. cohorts.Select((c, i) => CohortEffects.From($"{i}", OutcomeKind.Survival, [], c.Genes(names, functional, CellFeatures.Of(features, Types), kind)))], new PanOptions { Interval = rule }, threads: 1)
                    .Genes.Single(g => g.Name == names[s % genes]).Pooled.PValue;
        }
        foreach (var ((kind, rule), values) in p)
            output.WriteLine($"{kind} {rule}: p <= 0.01 {values.Count(v => v <= 0.01) / (double)studies:0.000}, 0.05 {values.Count(v => v <= 0.05) / (double)studies:0.000}, 0.2 {values.Count(v => v <= 0.2) / (double)studies:0.000}");
        double[] slopes = p[(GeneEffect.Slope, Analysis.Statistics.MeanInterval.HartungKnapp)];
        // Binomial standard deviation 0.015.
        Assert.InRange(slopes.Count(v => v <= 0.05) / (double)studies, 0.005, 0.095);
        Assert.InRange(slopes.Count(v => v <= 0.2) / (double)studies, 0.12, 0.28);
    }

    [Fact]
    public void Genes_meet_by_symbol_or_in_upper_case_and_types_under_their_common_names()
    {
        CohortEffect E(string name, double value) => new(name, value, 0.1);
        CohortEffects mouse = CohortEffects.From("mouse", OutcomeKind.Survival, [E("T cell", 1)], [E("Cd8a", 1), E("CD8A", 9), E("Gapdh", 0)]), human = CohortEffects.From("human", OutcomeKind.Survival, [E("T cell", 1.1)], [E("CD8A", 1.2)]);
        PanAnalysis exact = PanAnalysis.Run([mouse, human], new PanOptions()), upper = PanAnalysis.Run([mouse, human], new PanOptions { UpperCaseGenes = true });
        Assert.Equal(9, exact.Genes.Single().Effects[0].Estimate);
        Assert.Equal(("CD8A", "Cd8a"), (upper.Genes.Single().Name, upper.Genes.Single().Effects[0].Name));
        Assert.Empty(PanAnalysis.Run([mouse, human], new PanOptions { MinimumCohorts = 3 }).Genes);

        using var folder = new TemporaryDirectory();
        File.WriteAllText(folder["labels.csv"], "label,name,cohort\nT,T cell,\nT,T helper,human\ndoublet,,\n");
        LabelMap map = LabelMap.Read(folder["labels.csv"], ["mouse", "human"]);
        Assert.Equal(("T cell", "T helper", "B"), (map.NameOf("mouse", "T"), map.NameOf("human", "T"), map.NameOf("mouse", "B")));
        Assert.Null(map.NameOf("human", "doublet"));
        File.WriteAllText(folder["labels.csv"], "label,name\nT,T cell\nT,lymphocyte\n");
        Assert.Contains("'T cell' and, in row 2, 'lymphocyte'", Assert.Throws<InputException>(() => LabelMap.Read(folder["labels.csv"], [])).Message, StringComparison.Ordinal);
        File.WriteAllText(folder["labels.csv"], "label,name,cohort\nT,T cell,rat\n");
        Assert.Contains("cohort 'rat'", Assert.Throws<InputException>(() => LabelMap.Read(folder["labels.csv"], ["mouse"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Threads_change_nothing()
    {
        CohortEffects[] cohorts = [.. Enumerable.Range(0, 3).Select(c => CohortEffects.From($"{c}", OutcomeKind.Survival, TypesOf(s_key.Split("threads").Split(c), [1, 0, 0, 0]), []))];
        PanAnalysis one = PanAnalysis.Run(cohorts, new PanOptions(), threads: 1), three = PanAnalysis.Run(cohorts, new PanOptions(), threads: 3);
        Assert.Equal(one.Types.Select(t => (t.Name, t.Pooled.Mean, t.Pooled.Tau2, t.QValue)), three.Types.Select(t => (t.Name, t.Pooled.Mean, t.Pooled.Tau2, t.QValue)));
    }
}
