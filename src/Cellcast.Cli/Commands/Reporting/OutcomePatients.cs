using System.Text.Json.Nodes;
using Cellcast.Analysis.Clinical;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Reports;
using Cellcast.Survival;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Patients with a binary or continuous outcome, part by part of the cohort; every statistic comes from <c>Cellcast.Survival</c>.</summary>
internal static class OutcomePatients
{
    private const int PatientsPerCalibrationGroup = 10, MostCalibrationGroups = 5;

    private static readonly (string Key, string Title, string Note)[] s_parts =
    [
        ("test", "Held-out patients", "The model has never seen these patients: this is how it does on new ones."),
        ("validation", "Validation patients", "The training stopped where it was best on these patients, and the model learned from them, which flatters it."),
        ("train", "Training patients", "The model was fitted to these patients, which flatters it most."),
    ];

    /// <summary>What the outcome is, for <c>metrics.json</c>; null for survival.</summary>
    internal static JsonObject? Describe(ScSurvInputs inputs)
    {
        if (inputs.Design.Kind == OutcomeKind.Survival || inputs.Design.Response is not { } response) return null;
        var described = new JsonObject { ["kind"] = inputs.Design.Kind.ToString().ToLowerInvariant(), ["response"] = response };
        if (inputs.Design.Kind == OutcomeKind.Binary)
        {
            bool[] yes = OutcomeColumns.Binary(inputs.Bulk, response);
            Column column = inputs.Bulk.Obs.Require(response, inputs.Bulk.Source ?? "the cohort");
            (described["positive"], described["negative"]) = (column.Text(Array.IndexOf(yes, true))?.Trim(), column.Text(Array.IndexOf(yes, false))?.Trim());
        }
        return described;
    }

    /// <summary>Scores of each part of the cohort, for <c>metrics.json</c>; null for survival.</summary>
    /// <param name="patients"><c>patients.csv</c>.</param>
    /// <param name="design"><c>design.csv</c>, or null.</param>
    /// <param name="meaning">What the outcome is.</param>
    internal static JsonObject? Scores(DataFrame patients, DataFrame? design, OutcomeMeaning meaning)
    {
        if (meaning.IsSurvival) return null;
        var scores = new JsonObject();
        foreach (OutcomePart p in Parts(patients, design, meaning, transductive: false))
        {
            var part = new JsonObject { ["patients"] = p.Patients };
            if (p.Positive is { } positive) part["positive"] = positive;
            foreach (OutcomeScore s in p.Scores)
            {
                string key = s.Name.ToLowerInvariant().Replace(' ', '_').Replace("r²", "r_squared", StringComparison.Ordinal);
                part[key] = Finite(s.Value);
                if (s.Lower is not null) (part[key + "_lower"], part[key + "_upper"]) = (Finite(s.Lower), Finite(s.Upper));
            }
            scores[p.Key] = part;
        }
        return scores;
    }

    internal static OutcomeSection From(ScSurvReportSource source, OutcomeMeaning meaning)
    {
        DataFrame p = source.Patients;
        bool binary = meaning.Kind == OutcomeKind.Binary;
        string predicted = binary ? "probability" : "expected";
        return new OutcomeSection
        {
            Name = meaning.Name,
            Binary = binary,
            PredictedLabel = binary ? $"predicted probability of '{meaning.Positive}'" : $"expected {meaning.Name}",
            ObservedLabel = binary ? $"share of '{meaning.Positive}'" : $"observed {meaning.Name}",
            ScoreName = binary ? "AUC" : "correlation",
            Chance = binary ? 0.5 : 0,
            Parts = Parts(p, source.Design, meaning, source.Metrics["protocol"]?.ToString() == "transductive"),
            Table = new ReportTable(
            [
                ReportColumn.Of("patient", "patient", p.Index),
                ReportColumn.Of("split", "part", Columns.Texts(p, "split")),
                binary ? ReportColumn.Of("outcome", meaning.Name, Columns.Numbers(p, "outcome").Select(v => v == 1 ? meaning.Positive : source.Metrics["outcome"]?["negative"]?.ToString() ?? "no")) : ReportColumn.Of("outcome", meaning.Name, Columns.Numbers(p, "outcome")),
                ReportColumn.Of(predicted, binary ? "predicted probability" : "expected", Columns.Numbers(p, predicted), binary ? ColumnFormat.Percent : ColumnFormat.Number),
                .. binary ? [ReportColumn.Of("linear_predictor", "linear predictor", Columns.Numbers(p, "linear_predictor"), help: "Predicted log odds.")] : Array.Empty<ReportColumn>(),
                .. p.Contains("shares_predictor") ? [ReportColumn.Of("shares_predictor", "of it by the cells", Columns.Numbers(p, "shares_predictor"), help: "What the composition of cells adds to the predictor; the rest is the intercept and covariates.")] : Array.Empty<ReportColumn>(),
            ]),
        };
    }

    private static List<OutcomePart> Parts(DataFrame p, DataFrame? design, OutcomeMeaning meaning, bool transductive)
    {
        string[] split = Columns.Texts(p, "split");
        double[] observed = Columns.Numbers(p, "outcome"), eta = Columns.Numbers(p, "linear_predictor"), predicted = Columns.Numbers(p, meaning.Kind == OutcomeKind.Binary ? "probability" : "expected");
        bool weighted = design is not null && design.Contains(DesignFile.Weight);
        double[] weights = weighted ? Columns.Numbers(design!, DesignFile.Weight) : [.. Enumerable.Repeat(1.0, p.Length)];
        int[] fitted = [.. Enumerable.Range(0, p.Length).Where(i => split[i] != "test")];
        double reference = fitted.Length == 0 ? double.NaN : WeightedMean([.. fitted.Select(i => observed[i])], [.. fitted.Select(i => weights[i])]);
        var parts = new List<OutcomePart>();
        foreach (var (key, title, note) in s_parts)
        {
            int[] members = [.. Enumerable.Range(0, p.Length).Where(i => split[i] == key && double.IsFinite(observed[i]) && double.IsFinite(predicted[i]))];
            if (members.Length == 0) continue;
            var part = new OutcomePart
            {
                Key = key,
                Title = title,
                Note = (key == "test" && transductive ? "Their outcome was not used; their counts took part in the training (transductive)." : note) + (weighted ? " Patients count by their weight." : ""),
                HeldOut = key == "test",
                Patients = members.Length,
                Names = [.. members.Select(i => p.Index[i])],
                Predicted = [.. members.Select(i => predicted[i])],
                Observed = [.. members.Select(i => observed[i])],
            };
            double[] w = weighted ? [.. members.Select(i => weights[i])] : [];
            parts.Add(meaning.Kind == OutcomeKind.Binary ? Binary(part, [.. members.Select(i => eta[i])], w) : Continuous(part, reference, w));
        }
        return parts;
    }

    private static OutcomePart Binary(OutcomePart part, double[] logOdds, double[] weights)
    {
        bool[] yes = [.. part.Observed.Select(v => v == 1)];
        part = part with { Positive = yes.Count(y => y) };
        try
        {
            BinaryScores s = BinaryScores.Compute(yes, logOdds, weights: weights);
            RocCurve roc = RocCurve.Compute(yes, logOdds, weights);
            Interval auc = new(s.Auc.Value, Math.Max(0, s.Auc.Lower), Math.Min(1, s.Auc.Upper));
            int groups = Math.Min(MostCalibrationGroups, yes.Length / PatientsPerCalibrationGroup);
            return part with
            {
                Score = auc,
                Roc = new RocPoints([.. roc.FalsePositive], [.. roc.TruePositive]),
                Calibration = groups < 2 ? [] : [.. ProbabilityCalibration.Compute(yes, part.Predicted, groups, weights).Select(g => new CalibrationBin(g.Subjects, g.Predicted, g.Observed, g.Lower, g.Upper))],
                Scores =
                [
                    new("AUC", auc.Value, auc.Lower, auc.Upper, "share of pairs of one patient with and one without the outcome that are told apart; 0.5 is chance"),
                    new("Brier score", s.Brier, null, null, "mean squared difference between probability and outcome; less is better"),
                    new("log loss", s.LogLoss, null, null, "mean negative log likelihood; less is better"),
                    .. Of("calibration slope", s.CalibrationSlope, "1 is ideal, less is overfitted"),
                    .. Of("calibration in the large", s.CalibrationInTheLarge, "how much the log odds are too low on the whole; 0 is ideal"),
                ],
            };
        }
        catch (SurvivalDataException)
        {
            return part; // all patients of this part have the same outcome
        }
    }

    private static OutcomePart Continuous(OutcomePart part, double reference, double[] weights)
    {
        try
        {
            ContinuousScores s = ContinuousScores.Compute(part.Observed, part.Predicted, part.HeldOut ? reference : double.NaN, weights);
            return part with
            {
                Score = s.Correlation is { } r ? new Interval(r.Value, r.Lower, r.Upper) : null,
                Scores =
                [
                    new("R²", s.RSquared, null, null, part.HeldOut ? "share of the variance that is explained; 0 is no better than the mean of the patients that were learned from, less is worse" : "share of the variance that is explained"),
                    .. Of("correlation", s.Correlation, "Pearson's correlation of observed and expected; 0 is chance"),
                    new("root mean squared error", s.RootMeanSquaredError, null, null, "in the unit of the outcome"),
                    .. Of("calibration slope", s.CalibrationSlope, "1 is ideal, less is overfitted"),
                ],
            };
        }
        catch (SurvivalDataException)
        {
            return part; // fewer than two patients, or all alike
        }
    }

    private static double WeightedMean(double[] values, double[] weights) => values.Zip(weights, (v, w) => v * w).Sum() / weights.Sum();

    private static OutcomeScore[] Of(string name, Estimate? e, string help) => e is null ? [] : [new(name, e.Value, e.Lower, e.Upper, help)];

    private static JsonValue? Finite(double? v) => v is { } x && double.IsFinite(x) ? JsonValue.Create(x) : null;
}
