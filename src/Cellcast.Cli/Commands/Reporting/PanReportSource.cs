using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Models.ScSurv.Pan;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>What a report on several cohorts is made of: straight from a run, or read from the files that it left.</summary>
internal sealed record PanReportSource
{
    internal const string SummaryFile = "pan.json";

    /// <summary>Name of the result.</summary>
    internal required string Name { get; init; }

    /// <summary>Rows of <c>cell_types.csv</c> with those of <c>effects.csv</c>.</summary>
    internal required IReadOnlyList<PanReportRow> Types { get; init; }

    /// <summary>Rows of <c>genes.csv</c> with those of <c>effects.csv</c>.</summary>
    internal required IReadOnlyList<PanReportRow> Genes { get; init; }

    /// <summary>Rows of <c>cohorts.csv</c>.</summary>
    internal required IReadOnlyList<PanReportCohort> Cohorts { get; init; }

    /// <summary>How the cohorts were put together.</summary>
    internal required PanOptions Options { get; init; }

    /// <summary>What a gene's effect is.</summary>
    internal required GeneEffect Gene { get; init; }

    /// <summary>Warnings of the run.</summary>
    internal required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>Rows of a run.</summary>
    internal static PanReportRow[] Rows(IReadOnlyList<PanResult> results, IReadOnlyList<string> cohorts) =>
    [
        .. results.Select(r => new PanReportRow(r.Name, r.Verdict, r.Pooled.Mean, r.Pooled.Lower, r.Pooled.Upper, r.Pooled.PValue, r.QValue, r.Pooled.PredictionLower, r.Pooled.PredictionUpper, r.Pooled.I2, r.Pooled.QPValue, r.Positive,
            [.. r.Effects.Select((e, i) => new PanReportEffect(cohorts[r.Cohorts[i]], e.Estimate, e.StandardError, r.Pooled.Weights[i]))])),
    ];

    /// <summary>Whether a folder has what <c>scsurv pan</c> leaves.</summary>
    internal static bool IsIn(string folder) => File.Exists(Path.Combine(folder, SummaryFile)) && !File.Exists(Path.Combine(folder, "metrics.json"));

    /// <summary>Reads a folder that <c>scsurv pan</c> left.</summary>
    /// <exception cref="InputException">A file is missing or damaged.</exception>
    internal static PanReportSource Read(string folder)
    {
        string path = Path.Combine(folder, SummaryFile);
        JsonObject summary;
        try { summary = JsonNode.Parse(File.ReadAllText(path)) as JsonObject ?? throw new InputException($"'{path}': is no JSON object."); }
        catch (JsonException e) { throw new InputException($"'{path}': is damaged ({e.Message.TrimEnd('.')}).", e); }
        TextTable effects = Table("effects.csv"), cohorts = Table("cohorts.csv");
        string[] kinds = effects.Require("kind"), names = effects.Require("name"), of = effects.Require("cohort");
        double[] estimates = Columns.Parse(effects.Require("estimate")), errors = Columns.Parse(effects.Require("standard_error")), weights = Columns.Parse(effects.Require("weight"));
        ILookup<(string, string), PanReportEffect> all = Enumerable.Range(0, effects.Rows).ToLookup(i => (kinds[i], names[i]), i => new PanReportEffect(of[i], estimates[i], errors[i], weights[i]));
        double[] Of(string column) => Columns.Parse(cohorts.Require(column));
        double[] patients = Of("patients"), events = Of("events"), cells = Of("cells"), concordance = Of("test_concordance");
        return new PanReportSource
        {
            Name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            Types = RowsOf("cell_type", Table("cell_types.csv"), all),
            Genes = RowsOf("gene", Table("genes.csv"), all),
            Cohorts = [.. cohorts.Require("cohort").Select((c, i) => new PanReportCohort(c, patients[i], events[i], cells[i], concordance[i]))],
            Options = new PanOptions
            {
                Heterogeneity = Word("heterogeneity") == "dl" ? HeterogeneityEstimator.DerSimonianLaird : HeterogeneityEstimator.RestrictedMaximumLikelihood,
                Interval = Word("interval") switch { "hartung-knapp" => MeanInterval.HartungKnapp, "modified" => MeanInterval.HartungKnappAtLeastNormal, _ => MeanInterval.Normal },
                Level = summary["level"] is JsonValue v && v.TryGetValue(out double level) ? level : new PanOptions().Level,
            },
            Gene = Word("gene_effect") == "correlation" ? GeneEffect.Correlation : GeneEffect.Slope,
            Warnings = [.. (summary["warnings"] as JsonArray ?? []).Select(w => w?.ToString() ?? "")],
        };

        TextTable Table(string name)
        {
            string file = Path.Combine(folder, name);
            return File.Exists(file) ? TextTable.Read(file) : throw new InputException($"'{folder}': has no {name}, so it is no complete result of 'cellcast scsurv pan'.");
        }

        string Word(string key) => summary[key]?.ToString() ?? "";
    }

    private static PanReportRow[] RowsOf(string kind, TextTable table, ILookup<(string, string), PanReportEffect> effects)
    {
        double[] Of(string column) => Columns.Parse(table.Require(column));
        string[] names = table.Require(kind), verdicts = table.Require("verdict");
        double[] mean = Of("mean"), lower = Of("lower"), upper = Of("upper"), p = Of("p"), q = Of("q"), from = Of("prediction_lower"), to = Of("prediction_upper"), i2 = Of("i2"), cochran = Of("cochran_p"), positive = Of("cohorts_adverse");
        return [.. names.Select((n, i) => new PanReportRow(n, PanTables.Verdict(verdicts[i]), mean[i], lower[i], upper[i], p[i], q[i], from[i], to[i], i2[i], cochran[i], (int)positive[i], [.. effects[(kind, n)]]))];
    }
}

/// <summary>A type or gene in all cohorts: see <see cref="PanResult"/>.</summary>
internal sealed record PanReportRow(string Name, int Verdict, double Mean, double Lower, double Upper, double PValue, double QValue, double PredictionLower, double PredictionUpper, double I2, double CochranP, int Positive, PanReportEffect[] Effects);

/// <summary>Its effect in one cohort.</summary>
internal sealed record PanReportEffect(string Cohort, double Estimate, double StandardError, double Weight);

/// <summary>A cohort; numbers that are not known are NaN.</summary>
internal sealed record PanReportCohort(string Name, double Patients, double Events, double Cells, double Concordance);
