using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Cellcast.Analysis.Clinical;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv;
using Cellcast.Models.Training;
using Cellcast.Survival;
using Cellcast.Tensors;
using Cellcast.Tensors.Random;
using Spectre.Console;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary><c>cellcast scsurv evaluate</c>: cross-validates scSurv on a cohort, beside covariates alone and cell type shares by least squares.</summary>
internal sealed class ScSurvEvaluateCommand : CellcastCommand
{
    private static readonly ScSurvOptions s_defaults = new();
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    private readonly Option<string> _reference = new("--reference", "-r") { Description = "Single-cell reference with raw counts.", HelpName = "FILE", Required = true };
    private readonly Option<string> _bulk = new("--bulk", "-b") { Description = "Bulk cohort with raw counts and the outcome in obs.", HelpName = "FILE", Required = true };
    private readonly Option<string?> _batch = new("--batch") { Description = "Column of the reference with the sample of each cell.", HelpName = "COLUMN" };
    private readonly Option<string?> _label = new("--label") { Description = "Column of the reference with the cell type; adds the comparison with cell type shares.", HelpName = "COLUMN" };
    private readonly Option<string> _time = new("--time") { Description = "Column of the cohort with the survival time.", HelpName = "COLUMN", DefaultValueFactory = _ => "survival_time" };
    private readonly Option<string> _event = new("--event") { Description = "Column of the cohort with the status: Dead / Alive, 1 / 0, true / false.", HelpName = "COLUMN", DefaultValueFactory = _ => "vital_status" };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer with the raw counts; X when left out.", HelpName = "NAME" };
    private readonly ClinicalOptions _clinical = new();
    private readonly Option<int> _folds = NumberOptions.Whole("--folds", "Parts of the cohort; each is predicted once by a model that has not seen it.", 5, least: 2);
    private readonly Option<int> _replicates = NumberOptions.Whole("--bootstrap", "Bootstrap draws of patients for intervals.", 1000, least: 0);
    private readonly ChoiceOption<HazardMethod> _method = new("--method", "Estimator of the contributions, as in scsurv fit.", s_defaults.Method, ("smooth", HazardMethod.Smooth), ("published", HazardMethod.Published));
    private readonly Option<int> _genes = NumberOptions.Whole("--genes", "Variable genes to use, chosen anew in each fold.", s_defaults.Genes);
    private readonly Option<int> _maxEpochs = NumberOptions.Whole("--max-epochs", "Most epochs of a stage.", s_defaults.MaxEpochs);

    public ScSurvEvaluateCommand() : base("evaluate", "Cross-validate scSurv on a cohort, beside covariates alone and cell type shares: concordance, AUC, Brier score, calibration, net benefit.", OutputKind.ResumableFolder, usesSeed: true)
    {
        Option[] own = [_reference, _bulk, _batch, _label, _time, _event, _layer, .. _clinical.All, _folds, _replicates, _method, _genes, _maxEpochs];
        foreach (Option o in own) Options.Add(o);
        AddExample("cellcast scsurv evaluate --reference cells.h5ad --bulk cohort.h5ad --batch sample --label cell_type --covariates age,sex --folds 5 --out evaluation", "is it better than age and sex alone?");
        AddExample("cellcast scsurv evaluate --reference cells.h5ad --bulk cohort.h5ad --outcome binary --response severe --out evaluation", "a binary outcome");
    }

    protected internal override void Run(CommandContext context)
    {
        if (context.Resume && context.Directory.IsComplete)
        {
            context.Log.Info("the run in this folder is complete: nothing to resume.");
            return;
        }
        ParseResult a = context.Arguments;
        HazardMethod method = _method.Of(a);
        ClinicalOptions.RequireDifferent(a.GetValue(_batch), a.GetValue(_label));
        ClinicalDesign design = _clinical.Of(a, method, a.GetValue(_time)!, a.GetValue(_event)!);
        var inputs = new ScSurvInputs
        {
            Reference = ScSurvFitCommand.Read(context, a.GetValue(_reference)!),
            Bulk = _clinical.Chosen(context, ScSurvFitCommand.Read(context, a.GetValue(_bulk)!)),
            Layer = a.GetValue(_layer),
            SampleColumn = a.GetValue(_batch),
            LabelColumn = a.GetValue(_label),
            TimeColumn = a.GetValue(_time)!,
            EventColumn = a.GetValue(_event)!,
            Design = design,
        };
        var options = new ScSurvOptions { Seed = checked((long)context.Seed), Method = method, Genes = a.GetValue(_genes), MaxEpochs = a.GetValue(_maxEpochs) };
        using var device = new CpuDevice(context.Threads);
        EvaluatedCohort cohort = CohortEvaluation.Run(device, inputs, options, a.GetValue(_folds), new FoldFiles(context.Directory.CheckpointFolder), context.Progress, context.Cancellation, context.Threads);
        context.Log.Info($"scoring {cohort.Models.Count} models");
        JsonObject metrics = new()
        {
            ["version"] = CommandHost.Version,
            ["model"] = "scsurv evaluation",
            ["method"] = method.ToString().ToLowerInvariant(),
            ["outcome"] = design.Kind.ToString().ToLowerInvariant(),
            ["seed"] = context.Seed,
            ["folds"] = a.GetValue(_folds),
            ["patients"] = cohort.Patients.Count,
            ["models"] = Score(context, cohort, a.GetValue(_replicates), out JsonArray? differences),
        };
        if (cohort.Outcome.Kind != OutcomeKind.Continuous) metrics[cohort.Outcome.Kind == OutcomeKind.Survival ? "events" : "rarer_outcome"] = cohort.Outcome.Information;
        if (differences is not null) metrics["differences"] = differences;
        InputFiles.AddTo(metrics, context);
        Predictions(cohort).Write(context.Directory.File("predictions.csv"));
        context.Result["models"] = metrics["models"]!.DeepClone();
        AtomicFile.WriteText(context.Directory.File("metrics.json"), metrics.ToJsonString(s_json) + "\n");
    }

    private static JsonArray Score(CommandContext context, EvaluatedCohort cohort, int replicates, out JsonArray? differences)
    {
        differences = null;
        var models = new JsonArray();
        switch (cohort.Outcome)
        {
            case SurvivalOutcome s:
                var (scores, pairs) = HeldOutScores.Survival(s.Data, cohort.Fold, cohort.Models, cohort.Times!, RandomKey.From(checked((long)context.Seed), "scsurv evaluation").Split("bootstrap"), replicates, context.Threads);
                var table = new Table().Border(TableBorder.Simple).AddColumns("model", "concordance (95 %)", "Uno", "Brier score", "calibration slope", "observed / expected");
                foreach (SurvivalScores m in scores)
                {
                    table.AddRow(m.Model, Text(m.Harrell), Text(m.Uno), Text(m.Brier), Text(m.CalibrationSlope), Text(m.ObservedOverExpected));
                    models.Add(new JsonObject
                    {
                        ["model"] = m.Model,
                        ["concordance"] = Numbers(m.Harrell),
                        ["uno"] = Numbers(m.Uno),
                        ["auc"] = new JsonArray([.. m.Auc.Select((v, k) => Numbers(v, cohort.Times!.Landmarks[k]))]),
                        ["brier"] = Numbers(m.Brier),
                        ["calibration_slope"] = Numbers(m.CalibrationSlope),
                        ["observed_over_expected"] = Numbers(m.ObservedOverExpected),
                    });
                }
                context.Output.Write(table);
                differences = new JsonArray([.. pairs.Select(d => (JsonNode)new JsonObject { ["model"] = d.Model, ["against"] = d.Against, ["concordance"] = Numbers(d.Harrell) })]);
                var decision = scores.SelectMany(m => m.Decision.Select(d => (m.Model, d))).ToArray();
                new CsvFile().Add("model", decision.Select(d => d.Model).ToArray()).Add("threshold", decision.Select(d => d.d.Threshold).ToArray()).Add("net_benefit", decision.Select(d => d.d.Model).ToArray())
                    .Add("treat_all", decision.Select(d => d.d.All).ToArray()).Add("treated", decision.Select(d => d.d.Treated).ToArray()).Write(context.Directory.File("decision_curve.csv"));
                var groups = scores.SelectMany(m => m.Calibration.Select(c => (m.Model, c))).ToArray();
                new CsvFile().Add("model", groups.Select(g => g.Model).ToArray()).Add("patients", groups.Select(g => g.c.Subjects).ToArray()).Add("predicted", groups.Select(g => g.c.Predicted).ToArray())
                    .Add("observed", groups.Select(g => g.c.Observed).ToArray()).Add("lower", groups.Select(g => g.c.Lower).ToArray()).Add("upper", groups.Select(g => g.c.Upper).ToArray()).Write(context.Directory.File("calibration.csv"));
                break;
            case BinaryOutcome b:
                var binary = new Table().Border(TableBorder.Simple).AddColumns("model", "AUC (95 %)", "Brier score", "log loss", "calibration slope");
                var curves = new List<(string Model, NetBenefit Benefit)>();
                foreach (HeldOutPredictions m in cohort.Models)
                {
                    BinaryScores v = BinaryScores.Compute(b.Values, m.LinearPredictor, cohort.Fold, b.Weights);
                    binary.AddRow(m.Model, Text(v.Auc), v.Brier.ToString("0.000", CultureInfo.InvariantCulture), v.LogLoss.ToString("0.000", CultureInfo.InvariantCulture), Text(v.CalibrationSlope));
                    models.Add(new JsonObject { ["model"] = m.Model, ["auc"] = Numbers(v.Auc), ["brier"] = v.Brier, ["log_loss"] = v.LogLoss, ["calibration_slope"] = Numbers(v.CalibrationSlope), ["calibration_in_the_large"] = Numbers(v.CalibrationInTheLarge) });
                    curves.AddRange(DecisionCurve.Compute(b.Values, [.. m.LinearPredictor.Select(LogisticLikelihood.Probability)], HeldOutScores.Thresholds, b.Weights).Select(d => (m.Model, d)));
                }
                new CsvFile().Add("model", curves.Select(d => d.Model).ToArray()).Add("threshold", curves.Select(d => d.Benefit.Threshold).ToArray()).Add("net_benefit", curves.Select(d => d.Benefit.Model).ToArray())
                    .Add("treat_all", curves.Select(d => d.Benefit.All).ToArray()).Add("treated", curves.Select(d => d.Benefit.Treated).ToArray()).Write(context.Directory.File("decision_curve.csv"));
                context.Output.Write(binary);
                break;
            default:
                // Against the training mean of each fold, which is what could be said without any model.
                double[] y = [.. ((ContinuousOutcome)cohort.Outcome).Values.Zip(cohort.TrainingMean, (v, mean) => v - mean)];
                var continuous = new Table().Border(TableBorder.Simple).AddColumns("model", "R2", "root mean squared error", "correlation (95 %)", "calibration slope");
                foreach (HeldOutPredictions m in cohort.Models)
                {
                    ContinuousScores v = ContinuousScores.Compute(y, [.. m.LinearPredictor.Zip(cohort.TrainingMean, (p, mean) => p - mean)], 0, ((ContinuousOutcome)cohort.Outcome).Weights);
                    continuous.AddRow(m.Model, v.RSquared.ToString("0.000", CultureInfo.InvariantCulture), v.RootMeanSquaredError.ToString("0.###", CultureInfo.InvariantCulture), Text(v.Correlation), Text(v.CalibrationSlope));
                    models.Add(new JsonObject { ["model"] = m.Model, ["r_squared"] = v.RSquared, ["rmse"] = v.RootMeanSquaredError, ["correlation"] = Numbers(v.Correlation), ["calibration_slope"] = Numbers(v.CalibrationSlope) });
                }
                context.Output.Write(continuous);
                break;
        }
        return models;
    }

    private static CsvFile Predictions(EvaluatedCohort cohort)
    {
        var file = new CsvFile().Add("patient", [.. cohort.Patients]).Add("fold", cohort.Fold.Select(f => f + 1).ToArray());
        switch (cohort.Outcome)
        {
            case SurvivalOutcome s:
                file.Add("survival_time", s.Data.Time.ToArray()).Add("event", s.Data.Event.ToArray().Select(e => e ? 1 : 0).ToArray());
                break;
            case BinaryOutcome b:
                file.Add("outcome", b.Values.Select(v => v ? 1 : 0).ToArray());
                break;
            case ContinuousOutcome c:
                file.Add("outcome", c.Values);
                break;
        }
        foreach (HeldOutPredictions m in cohort.Models) file.Add(m.Model, m.LinearPredictor);
        return file;
    }

    private static string Text(Estimate? e) => e is null || double.IsNaN(e.Value) ? "-" : string.Create(CultureInfo.InvariantCulture, $"{e.Value:0.000} ({e.Lower:0.000} to {e.Upper:0.000})");

    private static JsonObject? Numbers(Estimate? e, double? time = null)
    {
        if (e is null) return null;
        var o = new JsonObject();
        if (time is not null) o["time"] = time;
        foreach (var (name, value) in ((string, double)[])[("value", e.Value), ("standard_error", e.StandardError), ("lower", e.Lower), ("upper", e.Upper)]) o[name] = double.IsFinite(value) ? value : null;
        return o;
    }

    /// <summary>A file per finished fold, and the checkpoint of the fold that is being trained.</summary>
    private sealed class FoldFiles(string folder) : IFoldStore
    {
        private static readonly JsonSerializerOptions s_numbers = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

        public FoldPredictions? Load(int fold)
        {
            string path = PathOf(fold);
            if (!File.Exists(path)) return null;
            try { return JsonSerializer.Deserialize<FoldPredictions>(File.ReadAllText(path), s_numbers); }
            catch (JsonException e) { throw new InputException($"'{path}': the finished fold cannot be read ({e.Message.TrimEnd('.')}); delete the file and resume again.", e); }
        }

        public void Save(FoldPredictions predictions)
        {
            AtomicFile.WriteText(PathOf(predictions.Fold), JsonSerializer.Serialize(predictions, s_numbers));
            File.Delete(CheckpointOf(predictions.Fold));
        }

        public (ICheckpointStore Store, Snapshot? Resume) Training(int fold)
        {
            var file = new CheckpointFile(CheckpointOf(fold), TimeSpan.FromSeconds(10));
            return (file, file.Load());
        }

        private string PathOf(int fold) => Path.Combine(folder, $"fold-{fold + 1}.json");

        private string CheckpointOf(int fold) => Path.Combine(folder, $"fold-{fold + 1}.safetensors");
    }
}
