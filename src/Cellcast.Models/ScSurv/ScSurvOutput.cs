using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Models.Training;
using Cellcast.Survival;

namespace Cellcast.Models.ScSurv;

/// <summary>Results in the shapes in which they leave: annotated data under the names that users of the published package and of scanpy know,
/// and tables. Writes nothing itself.</summary>
public static class ScSurvOutput
{
    /// <summary>The reference on the selected genes with everything scSurv says of its cells.</summary>
    /// <param name="results">Results.</param>
    /// <param name="inputs">The files; obs of the reference is kept.</param>
    /// <param name="data">The prepared data.</param>
    /// <param name="genes">Table of the genes, in the order of the data.</param>
    /// <param name="settings">What was run, for <c>uns/scsurv</c>.</param>
    /// <param name="withShares">Whether to keep the shares of every cell in every patient and spot.</param>
    public static AnnotatedData Cells(ScSurvResults results, ScSurvInputs inputs, ScSurvData data, DataFrame genes, IReadOnlyDictionary<string, string> settings, bool withShares)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(settings);
        int n = results.Cells.Count;
        DataFrame obs = Copy(inputs.Reference.Obs);
        obs.Set("beta_z", results.Contribution);
        obs.Set("raw_beta_z", results.RawContribution);
        obs.Set("raw_beta_zl", results.RawContributionAtMean);
        AddInterval((name, values) => obs.Set(name, values), "contribution", results.ContributionInterval, withMean: true);
        var cells = new AnnotatedData(obs, genes, data.Cells.Counts);
        int z = results.Latent.Length / n;
        var latent = new DenseMatrix(n, z, results.Latent);
        cells.Obsm["zl"] = latent;
        cells.Obsm["X_scsurv"] = latent;
        if (inputs.Reference.Obsm.TryGet("X_umap", out Matrix? umap)) cells.Obsm["X_umap"] = umap;
        if (withShares)
        {
            cells.Obsm["map2bulk"] = results.PatientShares.ToMatrix();
            if (results.SpotShares is { } spotShares) cells.Obsm["map2spatial"] = spotShares.ToMatrix();
        }
        var uns = new ElementMap { ["patients"] = new NdArray(results.Patients.ToArray()) };
        if (results.Spots.Count > 0) uns["spots"] = new NdArray(results.Spots.ToArray());
        var run = new ElementMap();
        foreach (var (key, value) in settings) run[key.TrimStart('-')] = new Scalar(value);
        uns["params"] = run;
        cells.Uns["scsurv"] = uns;
        return cells;
    }

    /// <summary>The spots with their hazard; counts, coordinates and images as they were.</summary>
    public static AnnotatedData Spots(ScSurvResults results, ScSurvInputs inputs, CellTypeShares? types)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(inputs);
        AnnotatedData given = inputs.Spatial ?? throw new ArgumentException("there are no spots", nameof(inputs));
        DataFrame obs = Copy(given.Obs);
        obs.Set("Hazard_rates", results.SpotHazard);
        obs.Set("log_hazard", results.SpotHazard.Select(h => Math.Log(h)).ToArray());
        AddInterval((name, values) => obs.Set(name, values), "log_hazard", results.SpotLogHazard, withMean: false);
        var spots = new AnnotatedData(obs, given.Var, given.X) { Obsm = given.Obsm, Uns = given.Uns };
        if (types is not null)
        {
            spots.Obsm["cell_type_shares"] = new DenseMatrix(results.Spots.Count, types.Labels.Count, types.Values);
            spots.Uns["cell_types"] = new NdArray(types.Labels.ToArray());
        }
        return spots;
    }

    /// <summary><c>patients.csv</c>.</summary>
    public static CsvFile Patients(ScSurvResults results)
    {
        ArgumentNullException.ThrowIfNull(results);
        var file = new CsvFile()
            .Add("patient", [.. results.Patients])
            .Add("split", results.Splits.Select(s => s.ToString().ToLowerInvariant()).ToArray());
        switch (results.Outcome)
        {
            case BinaryOutcome b:
                file.Add("outcome", b.Values.Select(v => v ? 1 : 0).ToArray());
                break;
            case ContinuousOutcome c:
                file.Add("outcome", c.Values);
                break;
            default:
                file.Add("survival_time", results.Time).Add("event", results.Event.Select(e => e ? 1 : 0).ToArray());
                break;
        }
        file.Add("linear_predictor", results.LinearPredictor);
        if (results.Clinical is null) file.Interval("linear_predictor", results.LinearPredictorInterval);
        else
            file.Add("shares_predictor", results.SharesPredictor).Interval("shares_predictor", results.LinearPredictorInterval)
                .Add("clinical_predictor", results.LinearPredictor.Zip(results.SharesPredictor, (a, b) => a - b).ToArray());
        if (results.UnexplainedPredictor.Length > 0) file.Add("unexplained_predictor", results.UnexplainedPredictor);
        return Predicted(file, results.Outcome.Kind, results.LinearPredictor, results.RiskScale, results.Baselines);
    }

    /// <summary>Adds what linear predictors mean: risk and median survival, a probability, or the expected outcome.</summary>
    private static CsvFile Predicted(CsvFile file, OutcomeKind kind, double[] eta, RiskScale scale, IReadOnlyList<BaselineHazard> baselines)
    {
        if (kind == OutcomeKind.Binary) return file.Add("probability", eta.Select(LogisticLikelihood.Probability).ToArray());
        if (kind == OutcomeKind.Continuous) return file.Add("expected", eta);
        return file
            .Add("risk", eta.Select(e => Math.Exp(e - scale.Center)).ToArray())
            .Add("risk_group", eta.Select(e => e > scale.Median ? "high" : "low").ToArray())
            .Add("median_survival", eta.Select((e, i) => baselines[i].MedianSurvival(e)).Select(m => double.IsFinite(m) ? m : double.NaN).ToArray());
    }

    /// <summary><c>patients.csv</c> of new patients.</summary>
    /// <param name="prediction">What the shares say.</param>
    /// <param name="risk">How linear predictors become risks.</param>
    /// <param name="clinical">What the model knows beside the shares, or null.</param>
    /// <param name="part">What that brings to each patient (<see cref="ClinicalPart.Predictors(AnnotatedData, Training.ITrainingProgress)"/>), or null.</param>
    /// <param name="baselines">Baseline hazard of each patient; ignored unless the outcome is survival.</param>
    public static CsvFile Prediction(PatientPrediction prediction, RiskScale risk, ClinicalPart? clinical, double[]? part, IReadOnlyList<BaselineHazard> baselines)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        ArgumentNullException.ThrowIfNull(risk);
        ContributionValues shares = prediction.LinearPredictor;
        var total = new ContributionValues(part is null ? shares.Mean : [.. shares.Mean.Zip(part, (a, b) => a + b)], shares.StandardDeviation);
        var file = new CsvFile().Add("patient", [.. prediction.Names]).Add("linear_predictor", total.Mean);
        if (clinical is null) file.Interval("linear_predictor", total);
        else file.Add("shares_predictor", shares.Mean).Interval("shares_predictor", shares).Add("clinical_predictor", part ?? []);
        if ((clinical is null || clinical.Kind == OutcomeKind.Survival) && total.StandardDeviation.Length > 0)
            file.Add("risk_lower", total.Lower.Select(e => Math.Exp(e - risk.Center)).ToArray()).Add("risk_upper", total.Upper.Select(e => Math.Exp(e - risk.Center)).ToArray());
        Predicted(file, clinical?.Kind ?? OutcomeKind.Survival, total.Mean, risk, baselines);
        if (prediction.Distance.Length == 0) return file;
        return file
            .Add("distance", prediction.Distance.Select(d => d / prediction.Limits.Distance).ToArray())
            .Add("misfit", prediction.Misfit.Select(m => m / prediction.Limits.Misfit).ToArray())
            .Add("unlike_training", prediction.Unlike.Select(u => u ? 1 : 0).ToArray());
    }

    /// <summary><c>cells.csv</c> of new cells.</summary>
    public static CsvFile CellTable(CellPrediction prediction)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        return new CsvFile()
            .Add("cell", [.. prediction.Names])
            .Add("type", prediction.Types)
            .Add("contribution", prediction.Contribution.Mean)
            .Interval("contribution", prediction.Contribution)
            .Add("distance", prediction.Distance);
    }

    /// <summary>New cells as they were given, with what the model says of them.</summary>
    public static AnnotatedData NewCells(CellPrediction prediction, AnnotatedData given)
    {
        ArgumentNullException.ThrowIfNull(prediction);
        ArgumentNullException.ThrowIfNull(given);
        DataFrame obs = Copy(given.Obs);
        obs.Set("scsurv_type", prediction.Types);
        AddInterval((name, values) => obs.Set(name, values), "contribution", prediction.Contribution, withMean: true);
        obs.Set("distance_to_reference", prediction.Distance);
        var cells = new AnnotatedData(obs, given.Var, given.X) { Obsm = given.Obsm, Uns = given.Uns };
        cells.Obsm["X_scsurv"] = new DenseMatrix(prediction.Names.Count, prediction.States.Length / prediction.Names.Count, prediction.States);
        return cells;
    }

    /// <summary><c>survival_curves.csv</c>: a row for every event time of the training patients, a column for every patient.</summary>
    public static CsvFile SurvivalCurves(BaselineHazard baseline, IReadOnlyList<string> patients, IReadOnlyList<double> linearPredictor)
    {
        ArgumentNullException.ThrowIfNull(baseline);
        ArgumentNullException.ThrowIfNull(patients);
        ArgumentNullException.ThrowIfNull(linearPredictor);
        var file = new CsvFile().Add("time", [.. baseline.Times]);
        for (int s = 0; s < patients.Count; s++) file.Add(patients[s], baseline.SurvivalCurve(linearPredictor[s]));
        return file;
    }

    /// <summary>The same with a baseline hazard for each patient, as with strata.</summary>
    public static CsvFile SurvivalCurves(BaselineHazard all, IReadOnlyList<BaselineHazard> baselines, IReadOnlyList<string> patients, IReadOnlyList<double> linearPredictor)
    {
        ArgumentNullException.ThrowIfNull(all);
        ArgumentNullException.ThrowIfNull(baselines);
        ArgumentNullException.ThrowIfNull(patients);
        ArgumentNullException.ThrowIfNull(linearPredictor);
        var file = new CsvFile().Add("time", [.. all.Times]);
        for (int s = 0; s < patients.Count; s++) file.Add(patients[s], all.Times.Select(t => baselines[s].Survival(t, linearPredictor[s])).ToArray());
        return file;
    }

    /// <summary><c>history.csv</c>.</summary>
    public static CsvFile History(IReadOnlyList<HistoryRow> history)
    {
        ArgumentNullException.ThrowIfNull(history);
        return new CsvFile()
            .Add("stage", history.Select(h => h.Stage).ToArray())
            .Add("epoch", history.Select(h => h.Epoch).ToArray())
            .Add("training_loss", history.Select(h => h.TrainingLoss).ToArray())
            .Add("validation", history.Select(h => h.ValidationValue).ToArray())
            .Add("running_mean", history.Select(h => h.RunningMean).ToArray());
    }

    /// <summary><c>metrics.json</c>.</summary>
    public static JsonObject Metrics(ScSurvResults results, ScSurvData data, ScSurvFit fit, string version)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(fit);
        var concordance = new JsonObject();
        foreach (var (split, c) in results.Concordance)
        {
            string name = split.ToString().ToLowerInvariant();
            concordance[name] = Number(c?.Value);
            concordance[name + "_se"] = Number(c?.StandardError);
            concordance[name + "_patients"] = data.PatientsIn(split).Length;
            if (data.Outcome.Kind == OutcomeKind.Survival) concordance[name + "_events"] = data.PatientsIn(split).Count(i => data.Event[i]);
        }
        JsonObject? unexplained = fit.Model.Contributions?.Unexplained is not { } u ? null : new JsonObject
        {
            ["share"] = Number(u.Share),
            ["largest"] = Number(u.Largest),
            ["directions"] = new JsonArray([.. u.Directions.Select(d => (JsonNode)new JsonObject { ["deviation"] = Number(d.Deviation), ["genes"] = new JsonArray([.. d.Genes.Select(g => (JsonNode)data.Genes[g])]) })]),
        };
        return new JsonObject
        {
            ["version"] = version,
            ["model"] = "scsurv",
            ["method"] = fit.Model.Options.Method.ToString().ToLowerInvariant(),
            ["seed"] = fit.Model.Options.Seed,
            ["protocol"] = fit.Model.Options.Protocol.ToString().ToLowerInvariant(),
            ["dimensions"] = new JsonObject
            {
                ["cells"] = results.Cells.Count,
                ["genes"] = results.Genes.Count,
                ["patients"] = results.Patients.Count,
                ["events"] = results.Outcome.Kind == OutcomeKind.Continuous ? null : results.Outcome.Information,
                ["contribution_patients"] = results.ContributionPatients.Length,
                ["spots"] = results.Spots.Count,
                ["samples"] = data.Cells.Samples.Count,
                ["latent"] = fit.Model.Options.Latent,
            },
            ["stages"] = new JsonArray([.. fit.Stages.Select(s => (JsonNode)new JsonObject
            {
                ["name"] = s.Name, ["epochs"] = s.Epochs, ["steps"] = s.Steps, ["seconds"] = Math.Round(s.Seconds, 3), ["best"] = Number(s.Best), ["best_epoch"] = s.BestEpoch,
            })]),
            ["concordance"] = concordance,
            ["correlation"] = new JsonObject { ["expression"] = Number(results.Fit.Expression), ["bulk"] = Number(results.Fit.Bulk), ["spatial"] = Number(results.Fit.Spatial) },
            ["unexplained"] = unexplained,
        };
    }

    /// <summary>Adds standard deviation and ends of the 95 % interval of a column, in columns named after it; nothing where there is no interval.</summary>
    public static CsvFile Interval(this CsvFile file, string name, ContributionValues? values)
    {
        ArgumentNullException.ThrowIfNull(file);
        AddInterval((column, v) => file.Add(column, v), name, values, withMean: false);
        return file;
    }

    private static void AddInterval(Action<string, double[]> add, string name, ContributionValues? values, bool withMean)
    {
        if (values is null || values.StandardDeviation.Length == 0) return;
        if (withMean) add(name, values.Mean);
        add(name + "_sd", values.StandardDeviation);
        add(name + "_lower", values.Lower);
        add(name + "_upper", values.Upper);
    }

    private static JsonValue? Number(double? value) => value is { } v && double.IsFinite(v) ? JsonValue.Create(v) : null;

    private static DataFrame Copy(DataFrame frame)
    {
        var copy = new DataFrame(frame.Index, frame.IndexName);
        foreach (string name in frame.ColumnNames) copy[name] = frame[name];
        return copy;
    }
}

/// <summary>Share of each cell type in each patient or spot.</summary>
/// <param name="Labels">The T cell types.</param>
/// <param name="Values">Patients (or spots) x T, row by row; rows sum to one.</param>
public sealed record CellTypeShares(IReadOnlyList<string> Labels, float[] Values)
{
    /// <summary>Adds the shares of the cells of each type up.</summary>
    /// <param name="shares">N x S.</param>
    /// <param name="labels">Cell type of each cell.</param>
    public static CellTypeShares From(RowStore shares, CategoricalColumn labels)
    {
        ArgumentNullException.ThrowIfNull(shares);
        ArgumentNullException.ThrowIfNull(labels);
        int width = shares.Columns, types = labels.Categories.Length;
        var sum = new double[width * types];
        shares.ForEachBlock((first, count, p) =>
        {
            ReadOnlySpan<float> values = p.Span;
            for (int c = 0; c < count; c++)
                if (labels.Codes[first + c] is >= 0 and var t)
                    for (int s = 0; s < width; s++) sum[s * types + t] += values[c * width + s];
        });
        return new CellTypeShares(labels.Categories, [.. sum.Select(v => (float)v)]);
    }
}
