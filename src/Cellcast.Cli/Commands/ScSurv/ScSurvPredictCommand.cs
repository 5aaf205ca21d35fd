using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Clinical;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv;
using Cellcast.Survival;
using Cellcast.Tensors;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary><c>cellcast scsurv predict</c>: risk and survival curve of new patients from their counts.</summary>
internal sealed class ScSurvPredictCommand : CellcastCommand
{
    private readonly Option<string> _model = new("--model", "-m") { Description = "Folder 'model' of a fit, or the folder of the fit.", HelpName = "DIR", Required = true };
    private readonly Option<string?> _bulk = new("--bulk", "-b") { Description = "New patients with raw counts; no survival is needed.", HelpName = "FILE" };
    private readonly Option<string?> _cells = new("--cells", "-c") { Description = "New cells with raw counts: their contributions. Not for models of the published method.", HelpName = "FILE" };
    private readonly Option<string?> _batch = new("--batch") { Description = "Column of the new cells with their sample, where samples of the reference are among them.", HelpName = "COLUMN" };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer with the raw counts; X when left out.", HelpName = "NAME" };
    private readonly Option<string?> _time = new("--time") { Description = "Column with the survival time, to report the concordance; with --event.", HelpName = "COLUMN" };
    private readonly Option<string?> _event = new("--event") { Description = "Column with the status, to report the concordance; with --time.", HelpName = "COLUMN" };
    private readonly Option<string?> _entry = new("--entry") { Description = "Column with the time from which a patient is under observation (left truncation), for the concordance.", HelpName = "COLUMN" };
    private readonly Option<string?> _weights = new("--weights") { Description = "Column with weights, what each patient stands for, for the concordance.", HelpName = "COLUMN" };

    public ScSurvPredictCommand() : base("predict", "Risk and survival curves of new patients, and contributions of new cells, from their counts and a trained model.", OutputKind.Folder)
    {
        foreach (Option o in (Option[])[_model, _bulk, _cells, _batch, _layer, _time, _event, _entry, _weights]) Options.Add(o);
        AddExample("cellcast scsurv predict --model fit/model --bulk new_patients.h5ad --out prediction", "risk of patients that the model has never seen, with intervals");
        AddExample("cellcast scsurv predict --model fit --cells new_cells.h5ad --out prediction", "contribution of cells that are not in the reference");
    }

    protected internal override void Run(CommandContext context)
    {
        ParseResult a = context.Arguments;
        if (a.GetValue(_time) is null != a.GetValue(_event) is null) throw new UsageException("--time and --event go together: give both or neither.");
        if (a.GetValue(_time) is null && (a.GetValue(_entry) ?? a.GetValue(_weights)) is not null)
            throw new UsageException($"{(a.GetValue(_entry) is null ? "--weights says how patients count" : "--entry says from when patients count")} in the concordance: give it with --time and --event.");
        if (a.GetValue(_bulk) is null && a.GetValue(_cells) is null) throw new UsageException("give new patients with --bulk, new cells with --cells, or both.");
        if (a.GetValue(_bulk) is null && a.GetValue(_time) is not null) throw new UsageException("--time and --event describe new patients: give them with --bulk.");
        if (a.GetValue(_cells) is null && a.GetValue(_batch) is not null) throw new UsageException("--batch describes new cells: give them with --cells.");
        using var device = new CpuDevice(context.Threads);
        string folder = a.GetValue(_model)!;
        if (!File.Exists(Path.Combine(folder, ScSurvModel.DescriptionFile)) && File.Exists(Path.Combine(folder, "model", ScSurvModel.DescriptionFile))) folder = Path.Combine(folder, "model");
        ScSurvModel model = ScSurvModel.Load(folder, device);
        if (a.GetValue(_cells) is not null && model.Contributions is null)
            throw new InputException($"'{folder}' was fitted with the published method, which knows no new cells; fit it again without --method published.");
        var metrics = new JsonObject { ["version"] = CommandHost.Version };
        if (a.GetValue(_bulk) is { } bulk) Patients(context, device, model, ScSurvFitCommand.Read(context, bulk), metrics);
        if (a.GetValue(_cells) is { } cells) Cells(context, device, model, ScSurvFitCommand.Read(context, cells), metrics);
        InputFiles.AddTo(metrics, context);
        AtomicFile.WriteText(context.Directory.File("metrics.json"), metrics.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    private void Patients(CommandContext context, Device device, ScSurvModel model, AnnotatedData bulk, JsonObject metrics)
    {
        ParseResult a = context.Arguments;
        SurvivalData? survival = a.GetValue(_time) is not { } time ? null
            : OutcomeColumns.FollowUp(bulk, time, a.GetValue(_event)!, model.Clinical?.StrataOf(bulk), a.GetValue(_entry), a.GetValue(_weights) is { } weights ? OutcomeColumns.Weights(bulk, weights) : null);
        // Covariates first: a missing column should not cost the user the projection.
        bool survivalModel = model.Clinical is null or { Kind: OutcomeKind.Survival };
        if (!survivalModel && survival is not null) throw new UsageException("--time and --event are for survival: this model explains another outcome, leave them out.");
        double[]? part = model.Clinical?.Predictors(bulk, context.Progress);
        var (patients, present) = ScSurvPreparation.NewPatients(model, bulk, a.GetValue(_layer), context.Progress);
        PatientPrediction prediction = model.Predict(device, patients, present, context.Progress, context.Cancellation, context.Threads);
        RiskScale risk = model.Risk!;
        BaselineHazard[] baselines = model.Clinical?.BaselinesOf(bulk, risk.Hazard, context.Progress) ?? [.. Enumerable.Repeat(risk.Hazard, patients.Count)];
        ScSurvOutput.Prediction(prediction, risk, model.Clinical, part, baselines).Write(context.Directory.File("patients.csv"));
        double[] eta = part is null ? prediction.LinearPredictor.Mean : [.. prediction.LinearPredictor.Mean.Zip(part, (a, b) => a + b)];
        if (survivalModel) ScSurvOutput.SurvivalCurves(risk.Hazard, baselines, patients.Names, eta).Write(context.Directory.File("survival_curves.csv"));
        metrics["patients"] = patients.Count;
        metrics["genes"] = new JsonObject { ["model"] = model.Genes.Count, ["found"] = present?.Length ?? model.Genes.Count };
        int unlike = prediction.Unlike.Count(u => u);
        metrics["patients_unlike_training"] = unlike;
        if (unlike > 0)
            context.Log.Warning($"{unlike} of {patients.Count} patients are unlike those that the model was fitted to ({string.Join(", ", patients.Names.Where((_, i) => prediction.Unlike[i]).Take(3))}, …; column unlike_training of patients.csv): their risks are extrapolated.");
        if (survival is null) return;
        int seen = patients.Names.Count(model.LearnedFrom.ToHashSet(StringComparer.Ordinal).Contains);
        if (seen > 0)
            context.Log.Warning($"{seen} of {patients.Count} patients have the names of patients that the model was learned from: if they are the same, the concordance below is flattered; that of patients held out is in the metrics.json of the fit.");
        Concordance c;
        try
        {
            c = Concordance.Compute(survival, eta);
        }
        catch (SurvivalDataException e)
        {
            // The predictions are good without it.
            context.Log.Warning($"the concordance is unknown: {e.Message}.");
            metrics["concordance"] = null;
            return;
        }
        metrics["concordance"] = new JsonObject { ["value"] = c.Value, ["standard_error"] = c.StandardError };
        context.Result["concordance"] = c.Value;
        string how = (survival.Entry.IsEmpty ? "" : ", from their entry on") + (survival.Weights.IsEmpty ? "" : ", by weight");
        context.Log.Info($"concordance of {patients.Count} patients{how}: {c.Value:0.000} (standard error {c.StandardError:0.000})");
    }

    private void Cells(CommandContext context, Device device, ScSurvModel model, AnnotatedData given, JsonObject metrics)
    {
        ParseResult a = context.Arguments;
        ReferenceCells cells = ScSurvPreparation.NewCells(model, given, a.GetValue(_layer), a.GetValue(_batch), context.Progress);
        CellPrediction prediction = model.PredictCells(device, cells, context.Threads);
        ScSurvOutput.CellTable(prediction).Write(context.Directory.File("cells.csv"));
        H5adFile.Write(context.Directory.File("cells.h5ad"), ScSurvOutput.NewCells(prediction, given));
        int far = prediction.Distance.Count(d => d > 1.5);
        metrics["cells"] = cells.Names.Count;
        metrics["cells_far_from_reference"] = far;
        if (far > 0.05 * cells.Names.Count)
            context.Log.Warning($"{far} of {cells.Names.Count} cells lie far from all cells of the reference (column distance of cells.csv above 1.5): their contributions are extrapolated.");
    }
}
