using Cellcast.Analysis.Preprocessing;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors;

namespace Cellcast.Models.Benchmark;

/// <summary>Where finished cohorts of a benchmark are kept, so that an interrupted one can go on.</summary>
public interface IBenchmarkStore
{
    /// <summary>Scores of a finished cohort, or null.</summary>
    IReadOnlyList<BenchmarkScore>? Load(BenchmarkCase which);

    /// <summary>Keeps the scores of a finished cohort.</summary>
    void Save(BenchmarkCase which, IReadOnlyList<BenchmarkScore> scores);
}

/// <summary>Simulates cohorts whose answer is known, fits them with every method, and compares. The same grid gives the same scores for any number of threads,
/// and a cohort the same scores whatever else is in the grid.</summary>
public static class AccuracyBenchmark
{
    /// <summary>Runs the grid.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="grid">The cohorts.</param>
    /// <param name="reference">Cells to mix the cohorts from; null simulates them too.</param>
    /// <param name="methods">What is compared.</param>
    /// <param name="options">Settings of scSurv; seed, protocol and choice of genes are the benchmark's.</param>
    /// <param name="store">Keeps finished cohorts; null for none.</param>
    /// <param name="threads">Threads of what does not run on the device.</param>
    /// <param name="progress">Who is told.</param>
    /// <param name="cancellation">Interrupts.</param>
    /// <returns>One score per cohort and method, in the order of the grid.</returns>
    /// <exception cref="InputException">The grid or the reference cannot be used.</exception>
    public static IReadOnlyList<BenchmarkScore> Run(Device device, BenchmarkGrid grid, BenchmarkReference? reference, IReadOnlyList<BenchmarkMethod> methods, ScSurvOptions options,
        IBenchmarkStore? store, int threads, ITrainingProgress progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(grid);
        ArgumentNullException.ThrowIfNull(methods);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        if (grid.Problem(reference is null) is { } problem) throw new InputException("benchmark: " + problem);
        var training = new BenchmarkTraining(device, cancellation);
        var scores = new List<BenchmarkScore>();
        BenchmarkCase[] cases = [.. grid.Cases()];
        for (int i = 0; i < cases.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            progress.Report(new TrainingUpdate("cohorts", i, cases.Length));
            IReadOnlyList<BenchmarkScore>? done = store?.Load(cases[i]);
            if (done is null)
            {
                progress.Message($"cohort {i + 1} of {cases.Length}: {cases[i].Name}");
                done = Score(cases[i], grid, reference, methods, options, training, threads, cancellation);
                store?.Save(cases[i], done);
            }
            scores.AddRange(done);
        }
        progress.StageDone("cohorts", cases.Length, "all cohorts done");
        return scores;
    }

    private static BenchmarkScore[] Score(BenchmarkCase which, BenchmarkGrid grid, BenchmarkReference? reference, IReadOnlyList<BenchmarkMethod> methods, ScSurvOptions options,
        BenchmarkTraining training, int threads, CancellationToken cancellation)
    {
        BenchmarkStudy study = BenchmarkStudy.Make(which, grid, reference, threads, cancellation);
        ScSurvOptions settings = options with { Seed = which.Seed, Protocol = Protocol.HeldOut, GeneSource = GeneSource.Cells };
        var scores = new BenchmarkScore[methods.Count];
        for (int m = 0; m < scores.Length; m++)
        {
            string name = BenchmarkMethods.Name(methods[m]);
            try { scores[m] = BenchmarkScore.Of(which, study, name, BenchmarkMethods.Run(methods[m], which, study, training, settings, threads)); }
            catch (Exception e) when (e is InputException or SurvivalDataException or NotFiniteException)
            {
                // A cohort that is too small for a method is a result, not a reason to stop.
                scores[m] = new BenchmarkScore { Case = which, Method = name, Events = study.Fitted.Count(i => study.Survival.Event[i]), Note = e.Message };
            }
        }
        return scores;
    }
}
