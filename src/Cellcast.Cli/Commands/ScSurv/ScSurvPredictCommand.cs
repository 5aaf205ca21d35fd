using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv;
using Cellcast.Survival;
using Cellcast.Tensors;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary><c>cellcast scsurv predict</c>: risk and survival curve of new patients from their counts.</summary>
internal sealed class ScSurvPredictCommand : CellcastCommand
{
    private readonly Option<string> _model = new("--model", "-m") { Description = "Folder 'model' of a fit, or the folder of the fit.", HelpName = "DIR", Required = true };
    private readonly Option<string> _bulk = new("--bulk", "-b") { Description = "New patients with raw counts; no survival is needed.", HelpName = "FILE", Required = true };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer with the raw counts; X when left out.", HelpName = "NAME" };
    private readonly Option<string?> _time = new("--time") { Description = "Column with the survival time, to report the concordance; with --event.", HelpName = "COLUMN" };
    private readonly Option<string?> _event = new("--event") { Description = "Column with the status, to report the concordance; with --time.", HelpName = "COLUMN" };

    public ScSurvPredictCommand() : base("predict", "Risk and survival curves of new patients, from their counts and a trained model.", OutputKind.Folder)
    {
        foreach (Option o in (Option[])[_model, _bulk, _layer, _time, _event]) Options.Add(o);
        AddExample("cellcast scsurv predict --model fit/model --bulk new_patients.h5ad --out prediction", "risk of patients that the model has never seen");
    }

    protected internal override void Run(CommandContext context)
    {
        ParseResult a = context.Arguments;
        if (a.GetValue(_time) is null != a.GetValue(_event) is null) throw new UsageException("--time and --event go together: give both or neither.");
        using var device = new CpuDevice(context.Threads);
        string folder = a.GetValue(_model)!;
        if (!File.Exists(Path.Combine(folder, ScSurvModel.DescriptionFile)) && File.Exists(Path.Combine(folder, "model", ScSurvModel.DescriptionFile))) folder = Path.Combine(folder, "model");
        ScSurvModel model = ScSurvModel.Load(folder, device);
        AnnotatedData bulk = ScSurvFitCommand.Read(context, a.GetValue(_bulk)!);
        SurvivalData? survival = a.GetValue(_time) is { } time ? new SurvivalData(SurvivalColumns.Time(bulk, time), SurvivalColumns.Event(bulk, a.GetValue(_event)!)) : null;
        var (patients, present) = ScSurvPreparation.NewPatients(model, bulk, a.GetValue(_layer), context.Progress);
        var (_, eta) = model.Predict(device, patients, present, context.Progress, context.Cancellation);

        RiskScale risk = model.Risk!;
        RunDirectory directory = context.Directory;
        new CsvFile()
            .Add("patient", [.. patients.Names])
            .Add("linear_predictor", eta)
            .Add("risk", eta.Select(e => Math.Exp(e - risk.Center)).ToArray())
            .Add("risk_group", eta.Select(e => e > risk.Median ? "high" : "low").ToArray())
            .Add("median_survival", eta.Select(e => risk.Hazard.MedianSurvival(e)).Select(m => double.IsFinite(m) ? m : double.NaN).ToArray())
            .Write(directory.File("patients.csv"));
        ScSurvOutput.SurvivalCurves(risk.Hazard, patients.Names, eta).Write(directory.File("survival_curves.csv"));
        var metrics = new JsonObject
        {
            ["version"] = CommandHost.Version,
            ["patients"] = patients.Count,
            ["genes"] = new JsonObject { ["model"] = model.Genes.Count, ["found"] = present?.Length ?? model.Genes.Count },
        };
        if (survival is not null)
        {
            Concordance c = Concordance.Compute(survival, eta);
            metrics["concordance"] = new JsonObject { ["value"] = c.Value, ["standard_error"] = c.StandardError };
            context.Result["concordance"] = c.Value;
            context.Log.Info($"concordance of {patients.Count} patients: {c.Value:0.000} (standard error {c.StandardError:0.000})");
        }
        AtomicFile.WriteText(directory.File("metrics.json"), metrics.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }
}
