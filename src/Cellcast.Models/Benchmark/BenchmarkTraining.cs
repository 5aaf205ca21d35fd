using System.Diagnostics;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Benchmark;

/// <summary>
/// Trains scSurv for many cohorts without doing anything twice: the cell networks do not see the patients and are shared by all cohorts with the same cells, the
/// deconvolution does not see survival and is shared by all cohorts with the same counts. Each stage has the key and the weights that it would have in a run of its
/// own, so what is shared is equal to what would have been trained again.
/// </summary>
internal sealed class BenchmarkTraining(Device device, CancellationToken cancellation)
{
    private (string Key, TrainedCells Cells)? _cells;
    private (string Key, Deconvolved Cohort)? _cohort;

    /// <summary>The deconvolved cohort of a case, from what is kept where it can be.</summary>
    /// <param name="which">The case.</param>
    /// <param name="data">Its data.</param>
    /// <param name="options">Settings of the stages before the hazard.</param>
    internal Deconvolved Cohort(BenchmarkCase which, ScSurvData data, ScSurvOptions options)
    {
        if (_cohort is { } kept && kept.Key == which.CountsKey) return kept.Cohort;
        _cohort = null;
        Deconvolved cohort = Deconvolve(data, options, Cells(which, data, options));
        _cohort = (which.CountsKey, cohort);
        return cohort;
    }

    /// <summary>The published hazard stage on a deconvolved cohort.</summary>
    /// <returns>Contribution of each cell and the stage's wall time.</returns>
    internal (float[] Contribution, double Seconds) PublishedHazard(Deconvolved cohort, ScSurvData data, ScSurvOptions options)
    {
        RandomKey key = RandomKey.From(options.Seed, "scsurv");
        var module = new ScSurvModule(cohort.Module.Sizes, key.Split("weights"));
        SortedDictionary<string, Tensor> fresh = module.ExportState(), state = cohort.Module.ExportState();
        foreach (Parameter p in module.HazardParameters) state[p.Name] = fresh[p.Name];
        module.ImportState(state);
        var stages = new ScSurvStages(module, data, options, device, key);
        int[] Columns(Split split) => [.. Enumerable.Range(0, cohort.Fitted.Length).Where(i => data.Splits[cohort.Fitted[i]] == split)];
        StageSummary summary = Run(stages.Hazard(cohort.Posterior, Columns(Split.Train), Columns(Split.Validation)));
        return (cohort.Posterior.MeanContribution(module.Hazard, options.PosteriorDraws, key.Split("posterior")), summary.Seconds);
    }

    private TrainedCells Cells(BenchmarkCase which, ScSurvData data, ScSurvOptions options)
    {
        if (_cells is { } kept && kept.Key == which.ReferenceKey) return kept.Cells;
        RandomKey key = RandomKey.From(options.Seed, "scsurv");
        ScSurvModule module = Module(data, options, patients: 1, key);
        var stages = new ScSurvStages(module, data, options, device, key);
        StageSummary summary = Run(stages.Cells());
        SortedDictionary<string, Tensor> state = module.ExportState();
        var cells = new TrainedCells([.. module.CellParameters(options.Likelihood).Select(p => (p.Name, state[p.Name]))], summary.Seconds);
        _cells = (which.ReferenceKey, cells);
        return cells;
    }

    private Deconvolved Deconvolve(ScSurvData data, ScSurvOptions options, TrainedCells cells)
    {
        RandomKey key = RandomKey.From(options.Seed, "scsurv");
        int[] fitted = data.PatientsIn(Split.Train, Split.Validation), test = data.PatientsIn(Split.Test);
        ScSurvModule module = Module(data, options, fitted.Length, key);
        var state = module.ExportState();
        foreach (var (name, values) in cells.Weights) state[name] = values;
        module.ImportState(state);
        var stages = new ScSurvStages(module, data, options, device, key);
        Posterior posterior = Posterior.Encode(device, module, data.Cells);
        StageSummary summary = Run(stages.Mixture("bulk", module.Bulk, module.BulkGenes, module.BulkParameters, data.Patients.Select(fitted), posterior, options.Bulk));
        module.Freeze();
        var clock = Stopwatch.StartNew();
        Decoder projected = Projection.Fit(device, module, posterior, data.Patients.Select(test), null, options, key.Split("projection"), NoProgress.Instance, cancellation);
        RandomKey draws = key.Split("posterior");
        var shares = new float[(long)posterior.Cells * data.Patients.Count];
        ScSurvResults.Scatter(posterior.MeanShares(module.Bulk, options.PosteriorDraws, draws), fitted, shares, posterior.Cells, data.Patients.Count);
        ScSurvResults.Scatter(posterior.MeanShares(projected, options.PosteriorDraws, draws), test, shares, posterior.Cells, data.Patients.Count);
        return new Deconvolved(module, posterior, fitted, test, shares, cells.Seconds, summary.Seconds + clock.Elapsed.TotalSeconds);
    }

    private static ScSurvModule Module(ScSurvData data, ScSurvOptions options, int patients, RandomKey key) =>
        new(new ScSurvSizes(data.Genes.Count, data.Cells.SampleColumns, patients, 0, options.Latent, options.Hidden, options.Blocks), key.Split("weights"));

    private StageSummary Run(StagePlan plan) => new StageTrainer(device, new NoCheckpoints(), NoProgress.Instance, [], 1).Run(plan, 1, null, _ => { }, cancellation);

    private sealed record TrainedCells(IReadOnlyList<(string Name, Tensor Values)> Weights, double Seconds);
}

/// <summary>A cohort whose shares are known, before any look at survival.</summary>
/// <param name="Module">Networks; the hazard decoder is untrained.</param>
/// <param name="Posterior">Latent states of the cells.</param>
/// <param name="Fitted">Patients that own a column of the bulk decoder.</param>
/// <param name="Test">Patients whose shares came from projection.</param>
/// <param name="Shares">Share of every cell in every patient, N x S.</param>
/// <param name="CellSeconds">Wall time of the cell stage.</param>
/// <param name="BulkSeconds">Wall time of deconvolution and projection.</param>
internal sealed record Deconvolved(ScSurvModule Module, Posterior Posterior, int[] Fitted, int[] Test, float[] Shares, double CellSeconds, double BulkSeconds);
