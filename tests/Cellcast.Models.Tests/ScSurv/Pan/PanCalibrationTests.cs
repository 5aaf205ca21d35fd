using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.Models.Benchmark;
using Cellcast.Models.ScSurv;
using Cellcast.Models.ScSurv.Pan;
using Cellcast.Models.Simulation;
using Cellcast.Models.Tests.ScSurv.Uncertainty;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;
using Xunit.Abstractions;

namespace Cellcast.Models.Tests.ScSurv.Pan;

/// <summary>The whole way from counts to pooled effects: four cohorts of 100 patients whose survival follows a truth that they share, or nothing.</summary>
public class PanCalibrationTests(ITestOutputHelper output)
{
    private const int Cohorts = 4, PerCohort = 100, Studies = 200, Types = 8, Genes = 200;
    private static readonly RandomKey s_key = RandomKey.From(11, "pan calibration");

    private sealed record Scenario(string Name, double Effect, double Between);

    [SlowFact]
    public void Pooled_p_values_hold_their_level_without_a_shared_effect_and_find_it_where_there_is_one()
    {
        BenchmarkGrid grid = new()
        {
            Patients = [Cohorts * PerCohort],
            EventShares = [0.5],
            Types = [Types],
            Seeds = [6],
            TestPatients = 10,
            Base = new SimulationParameters { Cells = 600, Genes = 600, Families = 4, GradientTypes = 2, Samples = 3 },
        };
        BenchmarkCase which = grid.Cases().Single();
        BenchmarkStudy study = BenchmarkStudy.Make(which, grid, null, 2, default);
        using var device = new CpuDevice(2);
        var options = new ScSurvOptions { Seed = 6, Genes = int.MaxValue, MaxEpochs = 400, PosteriorDraws = 20 };
        ScSurvData data = study.Data(options);
        Deconvolved deconvolved = new BenchmarkTraining(device, default).Cohort(which, data, options);
        CategoricalColumn labels = CategoricalColumn.FromLabels(study.Labels);
        var shares = new RowStore(data.Cells.Names.Count, data.Patients.Count, [.. deconvolved.Shares]);
        int[] patients = [.. study.Fitted.Take(Cohorts * PerCohort)];
        ContributionModel model = ContributionModel.Learn(deconvolved.Posterior.Mu, data.Cells, labels, deconvolved.Module.BulkGenes, data.Patients, shares, patients, new PartialLikelihood(study.Survival.Subset(patients)), null, s_key, 2);
        int f = model.Basis.Features;
        string[] order = (string[])((NdArray)study.Study.Bulk.Uns["types"]).Data;
        double[] proportions = [.. ((DenseMatrix)study.Study.Bulk.Obsm["true_proportions"]).ToSingle().Select(p => (double)p)];
        double[] typeMeans = model.CellFeatures.Means(labels.Codes, Types);
        var (geneNames, geneFeatures) = GeneFunctions(study, model, f);

        foreach (Scenario s in (Scenario[])[new("nothing", 0, 0), new("effects that differ around 0", 0, 0.6), new("a shared effect", 0.6, 0), new("a shared effect that differs", 0.6, 0.3)])
        {
            var rules = new[] { MeanInterval.HartungKnapp, MeanInterval.HartungKnappAtLeastNormal, MeanInterval.Normal };
            var p = rules.ToDictionary(r => r, _ => new double[3, Studies]);
            var powers = rules.ToDictionary(r => r, _ => new double[Studies]);
            var wrong = rules.ToDictionary(r => r, _ => new double[Studies]);
            var covered = new double[Studies];
            var any = new double[Studies];
            Parallel.For(0, Studies, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i =>
            {
                RandomKey key = s_key.Split(s.Name).Split(i);
                var random = new RandomStream(key);
                double[] beta = [.. Enumerable.Range(0, Types).Select(_ => random.NextNormal())];
                CohortEffects[] effects = new CohortEffects[Cohorts], slopes = new CohortEffects[Cohorts];
                double[] known = new double[Types];
                for (int c = 0; c < Cohorts; c++)
                {
                    int[] members = [.. Enumerable.Range(0, PerCohort).Select(j => patients[c * PerCohort + j])];
                    double[] own = [.. Enumerable.Range(0, Types).Select(_ => random.NextNormal())];
                    double[] eta = Scaled(members, beta, proportions, s.Effect, own, s.Between, out double[] contribution);
                    for (int k = 0; k < Types; k++) known[Array.IndexOf(labels.Categories, order[k])] += contribution[k] / Cohorts;
                    var (time, died) = SurvivalSimulator.Draw(eta, new SimulationParameters { EventShare = 0.5 }, key.Split("survival").Split(c));
                    double[] features = [.. Enumerable.Range(0, PerCohort).SelectMany(j => model.PatientFeatures[((c * PerCohort + j) * f)..((c * PerCohort + j + 1) * f)])];
                    ContributionFit fit = ContributionFit.Fit(new PartialLikelihood(new SurvivalData(time, died)), features, model.Basis.Components);
                    var linear = new LinearEffects(fit, features);
                    effects[c] = CohortEffects.From($"c{c}", OutcomeKind.Survival, linear.Means(labels.Categories, typeMeans), linear.Genes(geneNames, geneFeatures, model.CellFeatures, GeneEffect.Correlation));
                    slopes[c] = CohortEffects.From($"c{c}", OutcomeKind.Survival, [], linear.Genes(geneNames, geneFeatures, model.CellFeatures, GeneEffect.Slope));
                }
                foreach (MeanInterval rule in rules)
                {
                    PanAnalysis pan = PanAnalysis.Run(effects, new PanOptions { Interval = rule }, threads: 1);
                    PanResult type = pan.Types.Single(t => t.Name == labels.Categories[i % Types]);
                    p[rule][0, i] = type.Pooled.PValue;
                    p[rule][1, i] = pan.Genes.Single(g => g.Name == geneNames[i % Genes]).Pooled.PValue;
                    p[rule][2, i] = PanAnalysis.Run(slopes, new PanOptions { Interval = rule }, threads: 1).Genes.Single(g => g.Name == geneNames[i % Genes]).Pooled.PValue;
                    // Among types with a real effect: the strongest half.
                    string[] strong = [.. Enumerable.Range(0, Types).OrderByDescending(k => Math.Abs(known[k])).Take(Types / 2).Select(k => labels.Categories[k])];
                    powers[rule][i] = pan.Types.Where(t => strong.Contains(t.Name)).Average(t => t.Verdict == Math.Sign(known[Array.IndexOf(labels.Categories, t.Name)]) ? 1.0 : 0);
                    wrong[rule][i] = pan.Types.Average(t => t.Verdict == -Math.Sign(known[Array.IndexOf(labels.Categories, t.Name)]) && t.Verdict != 0 ? 1.0 : 0);
                    if (rule != MeanInterval.HartungKnapp) continue;
                    covered[i] = pan.Types.Average(t => t.Pooled.Lower <= known[Array.IndexOf(labels.Categories, t.Name)] && known[Array.IndexOf(labels.Categories, t.Name)] <= t.Pooled.Upper ? 1.0 : 0);
                    any[i] = pan.Types.Any(t => t.Verdict != 0) ? 1 : 0;
                }
            });
            output.WriteLine($"{s.Name}: intervals of types hold the truth {covered.Average():0.000}; some type called in {any.Average():0.000} of studies");
            foreach (MeanInterval rule in rules)
                for (int kind = 0; kind < 3; kind++)
                {
                    double[] values = [.. Enumerable.Range(0, Studies).Select(i => p[rule][kind, i])];
                    output.WriteLine($"  {rule} {(kind == 0 ? "types" : kind == 1 ? "genes, correlation" : "genes, slope")}: p <= 0.01 {values.Count(v => v <= 0.01) / (double)Studies:0.000}, 0.05 {values.Count(v => v <= 0.05) / (double)Studies:0.000}, 0.2 {values.Count(v => v <= 0.2) / (double)Studies:0.000}, KS {SignalTestTests.KolmogorovSmirnov(values):0.000}"
                        + (kind == 0 ? $"; called with the right sign among the stronger half {powers[rule].Average():0.000}, wrong sign {wrong[rule].Average():0.000}" : ""));
                }
            if (s.Effect == 0)
            {
                double[] values = [.. Enumerable.Range(0, Studies).Select(i => p[MeanInterval.HartungKnapp][0, i])];
                Assert.InRange(values.Count(v => v <= 0.05) / (double)Studies, 0, 0.085);
            }
            else Assert.True(powers[MeanInterval.Normal].Average() > 0.5);
        }
    }

    /// <summary>Linear predictors with a shared part and one of the cohort's own, each with the given standard deviation over patients, and what they mean for contributions of types.</summary>
    private static double[] Scaled(int[] members, double[] beta, double[] proportions, double effect, double[] own, double between, out double[] contribution)
    {
        double Sd(double[] b)
        {
            double[] eta = [.. members.Select(i => Enumerable.Range(0, Types).Sum(k => proportions[i * Types + k] * b[k]))];
            double mean = eta.Average();
            return Math.Sqrt(eta.Average(e => (e - mean) * (e - mean)));
        }
        double a = effect > 0 ? effect / Sd(beta) : 0, o = between > 0 ? between / Sd(own) : 0;
        double[] total = [.. Enumerable.Range(0, Types).Select(k => a * beta[k] + o * own[k])];
        double[] eta = [.. members.Select(i => Enumerable.Range(0, Types).Sum(k => proportions[i * Types + k] * total[k]))];
        double center = eta.Average();
        // What all cohorts have in common; the cohort's own part averages out.
        double sharedCenter = members.Average(i => Enumerable.Range(0, Types).Sum(k => proportions[i * Types + k] * a * beta[k]));
        contribution = [.. Enumerable.Range(0, Types).Select(k => a * beta[k] - sharedCenter)];
        return [.. eta.Select(e => e - center)];
    }

    private static (string[] Names, double[] Features) GeneFunctions(BenchmarkStudy study, ContributionModel model, int f)
    {
        int cells = study.Cells.Rows, columns = study.Cells.Columns;
        float[] dense = study.Cells.ToDense();
        var features = new double[Genes * f];
        double[] center = model.CellFeatures.Mean(), own = new double[cells * f];
        model.CellFeatures.Read(0, cells, own);
        for (int g = 0; g < Genes; g++)
        {
            double[] rate = [.. Enumerable.Range(0, cells).Select(c => Math.Log(1 + dense[c * columns + g]))];
            double mean = rate.Average(), sd = Math.Sqrt(rate.Average(r => (r - mean) * (r - mean)));
            if (!(sd > 0)) continue;
            for (int c = 0; c < cells; c++)
                for (int j = 0; j < f; j++) features[g * f + j] += (rate[c] - mean) * (own[c * f + j] - center[j]) / cells / sd;
        }
        return ([.. Enumerable.Range(0, Genes).Select(g => $"g{g}")], features);
    }
}
