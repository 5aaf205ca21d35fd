using Cellcast.AnnData;
using Cellcast.Models.Benchmark;
using Cellcast.Models.ScSurv;
using Cellcast.Models.ScSurv.Uncertainty;
using Cellcast.Models.Simulation;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;
using Xunit.Abstractions;

namespace Cellcast.Models.Tests.ScSurv.Uncertainty;

/// <summary>The whole way from counts to p values, with survival that has nothing to do with the patients.</summary>
public class NullCalibrationTests(ITestOutputHelper output)
{
    [SlowFact]
    public void P_values_of_a_deconvolved_cohort_are_uniform_when_survival_is_drawn_from_nothing()
    {
        const int studies = 1000, patients = 100;
        var grid = new BenchmarkGrid
        {
            Patients = [patients],
            EventShares = [0.5],
            Types = [8],
            Seeds = [5],
            TestPatients = 10,
            Base = new SimulationParameters { Cells = 600, Genes = 600, Families = 4, GradientTypes = 2, Samples = 3 },
        };
        BenchmarkCase which = grid.Cases().Single();
        BenchmarkStudy study = BenchmarkStudy.Make(which, grid, null, 2, default);
        using var device = new CpuDevice(2);
        var options = new ScSurvOptions { Seed = 5, Genes = int.MaxValue, MaxEpochs = 400, PosteriorDraws = 20 };
        ScSurvData data = study.Data(options);
        Deconvolved cohort = new BenchmarkTraining(device, default).Cohort(which, data, options);
        CategoricalColumn labels = CategoricalColumn.FromLabels(study.Labels);
        var shares = new RowStore(data.Cells.Names.Count, data.Patients.Count, [.. cohort.Shares]);
        RandomKey key = RandomKey.From(5, "null calibration");
        ContributionModel model = ContributionModel.Learn(cohort.Posterior.Mu, data.Cells, labels, cohort.Module.BulkGenes, data.Patients, shares, study.Fitted, new PartialLikelihood(study.Survival.Subset(study.Fitted)), null, key, 2);
        UncertaintyInput input = new()
        {
            Fit = model.Fit,
            CellFeatures = model.CellFeatures,
            PatientFeatures = model.PatientFeatures,
            Outcome = Outcome.Of(study.Survival.Subset(study.Fitted)),
            GroupOf = labels.Codes,
            Groups = labels.Categories,
            // The features of every tenth cell stand for a gene: any linear function of the contributions is one.
            GeneFeatures = [.. Enumerable.Range(0, 60).SelectMany(c => FeaturesOf(model, c * 10))],
        };

        var global = new double[studies];
        var types = new double[studies];
        var genes = new double[studies];
        var rejected = new double[studies];
        Parallel.For(0, studies, new ParallelOptions { MaxDegreeOfParallelism = 2 }, i =>
        {
            double[] nothing = new double[patients];
            var (time, died) = SurvivalSimulator.Draw(nothing, new SimulationParameters { EventShare = 0.5 }, key.Split("survival").Split(i));
            UncertaintyAnalysis a = UncertaintyAnalysis.Run(input with { Outcome = Outcome.Of(new SurvivalData(time, died)) }, new UncertaintyOptions { Bootstrap = 0, Permutations = 199, PowerSimulations = 0, PosteriorDraws = 2 },
                key.Split("run").Split(i), 1, Cellcast.Models.Training.NoProgress.Instance, default);
            global[i] = a.Signal!.PValue;
            types[i] = a.Types[i % a.Types.Count].Test!.P;
            genes[i] = a.Genes[i % a.Genes.Count].Test!.P;
            rejected[i] = a.Types.Any(t => t.Test!.Q <= 0.05) ? 1 : 0;
        });
        double bound = 1.63 / Math.Sqrt(studies) + 1.0 / 200;
        foreach (var (name, p) in (ReadOnlySpan<(string, double[])>)[("global", global), ("types", types), ("genes", genes)])
        {
            double distance = SignalTestTests.KolmogorovSmirnov(p);
            output.WriteLine($"{name}: Kolmogorov-Smirnov {distance:0.000} (bound {bound:0.000}), p <= 0.01: {p.Count(v => v <= 0.01) / (double)studies:0.000}, p <= 0.05: {p.Count(v => v <= 0.05) / (double)studies:0.000}, p <= 0.2: {p.Count(v => v <= 0.2) / (double)studies:0.000}");
            Assert.InRange(distance, 0, bound);
        }
        output.WriteLine($"studies in which some type has q <= 0.05: {rejected.Average():0.000}");
        Assert.InRange(rejected.Average(), 0, 0.08);
    }

    private static double[] FeaturesOf(ContributionModel model, int cell)
    {
        double[] features = new double[model.Basis.Features];
        model.CellFeatures.Read(cell, 1, features);
        return features;
    }
}
