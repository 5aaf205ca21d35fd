using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv;
using Cellcast.Models.ScSurv.Uncertainty;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary><c>scsurv fit --runs n</c>: the same training with further seeds, on the same genes and the same parts of the cohort; what all runs say together goes into the folder
/// <c>runs</c>. A finished run is kept beside the checkpoint and not trained again.</summary>
internal static class ScSurvRuns
{
    private const double UsualEffect = 0.75;
    private const int Simulations = 60;

    /// <summary>What the user must know about the size of the cohort; null when it is large enough, or when the method has no features to tell by.</summary>
    internal static string? Caution(ScSurvData data, int[] learned, ScSurvModel model, int threads)
    {
        if (model.Contributions is not { } contributions) return null;
        return PowerAnalysis.OfFeatures(contributions.PatientFeatures, contributions.Basis.Components)
            .Caution(learned.Length, learned.Count(i => data.Event[i]), UsualEffect, RandomKey.From(model.Options.Seed, "scsurv").Split("power"), Simulations, threads);
    }

    /// <summary>Trains the further runs and writes the tables.</summary>
    /// <param name="context">The running command.</param>
    /// <param name="inputs">Names of the columns.</param>
    /// <param name="data">What was prepared for the first run.</param>
    /// <param name="options">Settings of the first run; run i has its seed + i.</param>
    /// <param name="runs">Number of runs, the first included.</param>
    /// <param name="device">Computes.</param>
    /// <param name="fit">The first run.</param>
    /// <param name="results">Its results.</param>
    /// <param name="tables">Its tables.</param>
    /// <param name="collect">Collects the results of a training.</param>
    /// <param name="checkpointEvery">Time between checkpoints within a stage.</param>
    /// <returns>What metrics.json says of the runs.</returns>
    internal static JsonObject Write(CommandContext context, ScSurvInputs inputs, ScSurvData data, ScSurvOptions options, int runs, Device device, ScSurvFit fit, ScSurvResults results, ScSurvTables tables,
        Func<ScSurvFit, ScSurvResults> collect, TimeSpan checkpointEvery)
    {
        int[] learned = data.Learned(options.Method);
        CategoricalColumn? labels = data.Labels;
        SeedRun Summary(long seed, ScSurvFit f, ScSurvResults r, ScSurvTables t) => SeedRun.Of(seed, r, learned, ((NumericColumn)t.Genes["pearson"]).ToDouble(),
            labels is null ? null : f.Model.Contributions?.Means(labels.Codes, labels.Categories.Length));
        var all = new List<SeedRun> { Summary(options.Seed, fit, results, tables) };
        for (int i = 1; i < runs; i++)
        {
            string path = Path.Combine(context.Directory.CheckpointFolder, $"run-{i}.json");
            SeedRun? run = context.Directory.IsResumed ? SeedRun.Load(path) : null;
            if (run is null)
            {
                ScSurvOptions again = options with { Seed = options.Seed + i };
                context.Log.Info($"run {i + 1} of {runs}, seed {again.Seed}");
                var checkpoint = new CheckpointFile(Path.Combine(context.Directory.CheckpointFolder, $"run-{i}.safetensors"), checkpointEvery);
                Snapshot? resume = context.Directory.IsResumed ? checkpoint.Load() : null;
                ScSurvFit next = ScSurvModel.Fit(device, data, again, checkpoint, resume, context.Progress, context.Cancellation);
                ScSurvResults nextResults = collect(next);
                using RowStore patientShares = nextResults.PatientShares, spotShares = nextResults.SpotShares ?? new RowStore(0, 0, []);
                run = Summary(again.Seed, next, nextResults, ScSurvTables.From(device, next, nextResults, data, inputs));
                run.Save(path);
            }
            all.Add(run);
        }
        RunDirectory directory = context.Directory;
        SeedRuns.Table("cell", results.Cells, [.. all.Select(r => r.Contribution)], [.. all.Select(r => r.ContributionSd)]).Write(directory.File("runs/cells.csv"));
        SeedRuns.Table("patient", results.Patients, [.. all.Select(r => r.LinearPredictor)], [.. all.Select(r => r.LinearPredictorSd)]).Write(directory.File("runs/patients.csv"));
        SeedRuns.Table("gene", results.Genes, [.. all.Select(r => r.Genes)], [.. all.Select(_ => Array.Empty<double>())]).Write(directory.File("runs/genes.csv"));
        if (labels is not null)
            SeedRuns.Table("cell_type", labels.Categories, [.. all.Select(r => SeedRuns.Means(r, labels.Codes, labels.Categories.Length))], [.. all.Select(r => r.TypeSd)]).Write(directory.File("runs/cell_types.csv"));
        return SeedRuns.Summary(all);
    }
}
