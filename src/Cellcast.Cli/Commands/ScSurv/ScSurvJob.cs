using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Embedding;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary>Trains scSurv on what has been read and writes the results: the work of <c>scsurv fit</c> and of <c>demo</c>.</summary>
internal static class ScSurvJob
{
    /// <summary>Trains, or goes on from the checkpoint in the output folder, and writes everything.</summary>
    /// <param name="context">The running command.</param>
    /// <param name="inputs">Reference, cohort, spots and the names of their columns.</param>
    /// <param name="options">Settings of the training.</param>
    /// <param name="settings">Options of the command as they are kept in the results.</param>
    /// <param name="withShares">Keep the share of every cell in every patient and spot.</param>
    /// <param name="withRates">Add the decoded rates of all cells as a dense layer.</param>
    /// <param name="checkpointEvery">Time between checkpoints within a stage.</param>
    /// <param name="memory">Memory for counts and shares, in bytes; what does not fit lies in the output folder meanwhile. The usual when null.</param>
    /// <param name="runs">Trainings with different seeds; what they agree on goes into the folder <c>runs</c>.</param>
    /// <param name="refit">Learn the contributions that are kept from all patients, once the test patients have been predicted.</param>
    internal static ScSurvResults Run(CommandContext context, ScSurvInputs inputs, ScSurvOptions options, IReadOnlyDictionary<string, string> settings, bool withShares, bool withRates, TimeSpan checkpointEvery, long? memory = null, int runs = 1, bool refit = true)
    {
        // Counts and shares may take half each.
        var space = new ScratchSpace(memory / 2 ?? ScratchSpace.Default.Memory, () => Path.GetDirectoryName(context.Directory.File("scratch"))!);
        ScSurvData data = ScSurvPreparation.Prepare(inputs, options, context.Progress, space, context.Cancellation);
        if (data.Cells.Counts is PackedMatrix counts)
            context.Log.Info(string.Create(CultureInfo.InvariantCulture, $"counts of the cells: {counts.StoredCount:#,0} stored values, packed to {counts.PackedBytes / 1e6:#,0} MB {(counts.IsSpilled ? "in a file" : "in memory")}"));
        context.Log.Info($"{data.Cells.Names.Count:N0} cells, {data.Patients.Count:N0} patients ({(data.Outcome.Kind == OutcomeKind.Continuous ? "continuous outcome" : $"{data.Outcome.Information:N0} {(data.Outcome.Kind == OutcomeKind.Survival ? "events" : "with the rarer outcome")}")}){(data.Spots is null ? "" : $", {data.Spots.Count:N0} spots")}, {data.Genes.Count:N0} genes; "
            + string.Join(", ", Enum.GetValues<Split>().Select(s => $"{data.PatientsIn(s).Length} {s.ToString().ToLowerInvariant()}")));

        using var device = new CpuDevice(context.Threads);
        RunDirectory directory = context.Directory;
        var checkpoint = new CheckpointFile(Path.Combine(directory.CheckpointFolder, "scsurv.safetensors"), checkpointEvery);
        Snapshot? resume = directory.IsResumed ? checkpoint.Load() : null;
        if (resume is not null) context.Log.Info($"resuming {(resume.Finished.Count == 0 ? "the first stage" : "after " + string.Join(", ", resume.Finished.Select(s => s.Name)))}");
        ScSurvFit fit = ScSurvModel.Fit(device, data, options, checkpoint, resume, context.Progress, context.Cancellation);
        ScSurvResults Collect(ScSurvFit of) => ScSurvResults.Collect(device, of, data, context.Progress, space, context.Threads, refit, context.Cancellation);
        ScSurvResults results = Collect(fit);
        if (data.Outcome.Kind == OutcomeKind.Survival && ScSurvRuns.Caution(data, results.ContributionPatients, fit.Model, context.Threads) is { } caution) context.Log.Warning(caution);
        ScSurvTables tables = ScSurvTables.From(device, fit, results, data, inputs);
        JsonObject? agreement = runs < 2 ? null : ScSurvRuns.Write(context, inputs, data, options, runs, device, fit, results, tables, Collect, checkpointEvery);
        Write(context, inputs, data, fit, results, tables, agreement, device, settings, withShares, withRates);
        return results;
    }

    private static void Write(CommandContext context, ScSurvInputs inputs, ScSurvData data, ScSurvFit fit, ScSurvResults results, ScSurvTables tables, JsonObject? agreement, Device device, IReadOnlyDictionary<string, string> settings, bool withShares, bool withRates)
    {
        RunDirectory directory = context.Directory;
        AnnotatedData cells = ScSurvOutput.Cells(results, inputs, data, tables.Genes, settings, withShares);
        if (withRates) cells.Layers["xld"] = fit.Model.Posterior.RatesAtMeanMatrix(fit.Model.Module);
        AddMap(context, cells);
        H5adFile.Write(directory.File("cells.h5ad"), cells);
        CsvFile patients = ScSurvOutput.Patients(results), history = ScSurvOutput.History(fit.History);
        patients.Write(directory.File("patients.csv"));
        bool survival = results.Outcome.Kind == OutcomeKind.Survival;
        if (survival) ScSurvOutput.SurvivalCurves(results.RiskScale.Hazard, results.Baselines, results.Patients, results.LinearPredictor).Write(directory.File("survival_curves.csv"));
        CsvFile? design = DesignFile.Of(data);
        design?.Write(directory.File(DesignFile.Name));
        if (results.Clinical is { Terms.Count: > 0 } clinical) clinical.Table().Write(directory.File("covariates.csv"));
        tables.WriteGenes(directory.File("genes.csv"));
        tables.CellTypes?.Write(directory.File("cell_types.csv"));
        AnnotatedData? spots = inputs.Spatial is null ? null : ScSurvOutput.Spots(results, inputs, tables.SpotTypes);
        SpotPatterns? patterns = null;
        if (spots is not null)
        {
            double[] logHazard = [.. results.SpotHazard.Select(h => Math.Log(h))];
            patterns = SpotPatterns.Of(inputs.Spatial!, data.Spots!, data.Genes, logHazard, threads: context.Threads);
            patterns?.AddTo(spots.Obs);
            patterns?.Genes.Write(directory.File("spot_genes.csv"));
            H5adFile.Write(directory.File("spots.h5ad"), spots);
        }
        history.Write(directory.File("history.csv"));
        JsonObject metrics = ScSurvOutput.Metrics(results, data, fit, CommandHost.Version);
        if (patterns is not null) metrics["spatial"] = patterns.Metrics();
        if (agreement is not null) metrics["runs"] = agreement;
        if (OutcomePatients.Describe(inputs) is { } described) metrics["outcome"] = described;
        if (OutcomePatients.Scores(patients.ToDataFrame(), design?.ToDataFrame(), OutcomeMeaning.Of(patients.ToDataFrame(), metrics)) is { } scores) metrics["scores"] = scores;
        InputFiles.AddTo(metrics, context, settings);
        AtomicFile.WriteText(directory.File("metrics.json"), metrics.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
        fit.Model.Save(directory.Folder("model"));
        Report(context, inputs, results, tables, cells, spots, patterns, patients, design, history, metrics, settings);
        context.Result["concordance"] = metrics["concordance"]!.DeepClone();
    }

    /// <summary>UMAP of the latent state, unless the reference came with one.</summary>
    private static void AddMap(CommandContext context, AnnotatedData cells)
    {
        try
        {
            if (CellMap.Add(cells, "X_scsurv", context.Seed, context.Threads, cancellation: context.Cancellation) is { } done) context.Log.Info(done);
        }
        catch (InputException e)
        {
            // Hours of training must not be lost over a picture of them.
            context.Log.Warning($"UMAP could not be made: {e.Message}");
        }
    }

    private static void Report(CommandContext context, ScSurvInputs inputs, ScSurvResults results, ScSurvTables tables, AnnotatedData cells, AnnotatedData? spots, SpotPatterns? patterns,
        CsvFile patients, CsvFile? design, CsvFile history, JsonObject metrics, IReadOnlyDictionary<string, string> settings)
    {
        ReportFiles.TryWrite(context, () => ScSurvReport.From(new ScSurvReportSource
        {
            Name = Path.GetFileName(context.Directory.FullPath),
            Cells = cells,
            Genes = tables.Genes,
            Patients = patients.ToDataFrame(),
            CellTypes = tables.CellTypes?.ToDataFrame(),
            Spots = spots,
            SpotGenes = patterns?.Genes.ToDataFrame(),
            History = history.ToDataFrame(),
            // As it will be read: whatever kind of number it was, it is a number.
            Metrics = JsonNode.Parse(metrics.ToJsonString())!.AsObject(),
            Settings = settings,
            LabelColumn = inputs.LabelColumn,
            SampleColumn = inputs.SampleColumn,
            Design = design?.ToDataFrame(),
            Baseline = results.Outcome.Kind == OutcomeKind.Survival ? SurvivalBaseline.Of(results.RiskScale.Hazard, results.Baselines) : null,
        }));
    }
}
