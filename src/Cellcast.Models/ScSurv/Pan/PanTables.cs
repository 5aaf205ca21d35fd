using System.Text.Json.Nodes;
using Cellcast.Analysis.Statistics;
using Cellcast.AnnData.Tables;

namespace Cellcast.Models.ScSurv.Pan;

/// <summary>A <see cref="PanAnalysis"/> as it leaves.</summary>
public static class PanTables
{
    /// <summary><c>cell_types.csv</c> or <c>genes.csv</c>: a row for each type or gene, most adverse first.</summary>
    /// <param name="kind">Name of the first column.</param>
    /// <param name="results">The rows.</param>
    /// <param name="correlations">The effects are Fisher's z: adds the correlations that mean and ends stand for.</param>
    public static CsvFile Of(string kind, IReadOnlyList<PanResult> results, bool correlations)
    {
        ArgumentNullException.ThrowIfNull(results);
        CsvFile table = new CsvFile()
            .Add(kind, [.. results.Select(r => r.Name)])
            .Add("verdict", [.. results.Select(r => Word(r.Verdict))])
            .Add("cohorts", [.. results.Select(r => r.Effects.Length)])
            .Add("cohorts_adverse", [.. results.Select(r => r.Positive)]);
        if (correlations)
            table.Add("correlation", [.. results.Select(r => Math.Tanh(r.Pooled.Mean))])
                .Add("correlation_lower", [.. results.Select(r => Math.Tanh(r.Pooled.Lower))])
                .Add("correlation_upper", [.. results.Select(r => Math.Tanh(r.Pooled.Upper))]);
        return Pooled(table, [.. results.Select(r => r.Pooled)])
            .Add("q", [.. results.Select(r => r.QValue)])
            .Add("prediction_lower", [.. results.Select(r => r.Pooled.PredictionLower)])
            .Add("prediction_upper", [.. results.Select(r => r.Pooled.PredictionUpper)])
            .Add("tau2", [.. results.Select(r => r.Pooled.Tau2)])
            .Add("i2", [.. results.Select(r => r.Pooled.I2)])
            .Add("cochran_q", [.. results.Select(r => r.Pooled.Q)])
            .Add("cochran_p", [.. results.Select(r => r.Pooled.QPValue)])
            .Add("largest_p_without_one", [.. results.Select(r => r.LargestPWithout)]);
    }

    /// <summary><c>effects.csv</c>: what each cohort says, and its weight in the mean.</summary>
    /// <param name="analysis">The analysis.</param>
    public static CsvFile Effects(PanAnalysis analysis)
    {
        ArgumentNullException.ThrowIfNull(analysis);
        var rows = Rows(analysis).SelectMany(r => r.Result.Effects.Select((e, i) => (r.Kind, r.Result.Name, Cohort: analysis.Cohorts[r.Result.Cohorts[i]], Effect: e, Weight: r.Result.Pooled.Weights[i]))).ToArray();
        return new CsvFile()
            .Add("kind", [.. rows.Select(r => r.Kind)])
            .Add("name", [.. rows.Select(r => r.Name)])
            .Add("cohort", [.. rows.Select(r => r.Cohort)])
            .Add("name_in_cohort", [.. rows.Select(r => r.Effect.Name)])
            .Add("estimate", [.. rows.Select(r => r.Effect.Estimate)])
            .Add("standard_error", [.. rows.Select(r => r.Effect.StandardError)])
            .Add("weight", [.. rows.Select(r => r.Weight)]);
    }

    /// <summary><c>leave_one_out.csv</c>: the meta-analysis without each cohort.</summary>
    /// <param name="analysis">The analysis.</param>
    public static CsvFile LeaveOneOut(PanAnalysis analysis)
    {
        ArgumentNullException.ThrowIfNull(analysis);
        var rows = Rows(analysis).SelectMany(r => r.Result.Without.Select((w, i) => (r.Kind, r.Result.Name, Cohort: analysis.Cohorts[r.Result.Cohorts[i]], Without: w))).Where(r => r.Without is not null).ToArray();
        return Pooled(new CsvFile()
                .Add("kind", [.. rows.Select(r => r.Kind)])
                .Add("name", [.. rows.Select(r => r.Name)])
                .Add("without", [.. rows.Select(r => r.Cohort)]), [.. rows.Select(r => r.Without!)])
            .Add("i2", [.. rows.Select(r => r.Without!.I2)]);
    }

    /// <summary><c>pan.json</c>.</summary>
    /// <param name="analysis">The analysis.</param>
    /// <param name="options">How it was made.</param>
    /// <param name="gene">What a gene's effect is.</param>
    public static JsonObject Summary(PanAnalysis analysis, PanOptions options, GeneEffect gene)
    {
        ArgumentNullException.ThrowIfNull(analysis);
        ArgumentNullException.ThrowIfNull(options);
        JsonArray Names(IReadOnlyList<PanResult> results, int verdict) => [.. results.Where(r => r.Verdict == verdict).OrderBy(r => r.Pooled.PValue).ThenBy(r => r.Name, StringComparer.Ordinal).Select(r => (JsonNode)r.Name)];
        JsonObject Part(IReadOnlyList<PanResult> results) => new() { ["tested"] = results.Count, ["adverse"] = Names(results, 1), ["favourable"] = Names(results, -1) };
        return new JsonObject
        {
            ["cohorts"] = new JsonArray([.. analysis.Cohorts.Select(c => (JsonNode)c)]),
            ["heterogeneity"] = options.Heterogeneity == HeterogeneityEstimator.DerSimonianLaird ? "dl" : "reml",
            ["interval"] = options.Interval switch { MeanInterval.HartungKnapp => "hartung-knapp", MeanInterval.HartungKnappAtLeastNormal => "modified", _ => "normal" },
            ["gene_effect"] = gene.ToString().ToLowerInvariant(),
            ["minimum_cohorts"] = options.MinimumCohorts,
            ["level"] = options.Level,
            ["cell_types"] = Part(analysis.Types),
            ["genes"] = Part(analysis.Genes),
        };
    }

    /// <summary>A verdict as a word; empty for none.</summary>
    /// <param name="verdict">Of a <see cref="PanResult"/>.</param>
    public static string? Word(int verdict) => verdict > 0 ? "adverse" : verdict < 0 ? "favourable" : null;

    /// <summary>The verdict that a word stands for; see <see cref="Word"/>.</summary>
    /// <param name="word">The word.</param>
    public static int Verdict(string? word) => word == Word(1) ? 1 : word == Word(-1) ? -1 : 0;

    private static IEnumerable<(string Kind, PanResult Result)> Rows(PanAnalysis analysis) => analysis.Types.Select(t => ("cell_type", t)).Concat(analysis.Genes.Select(g => ("gene", g)));

    private static CsvFile Pooled(CsvFile table, RandomEffects[] pooled) => table
        .Add("mean", [.. pooled.Select(p => p.Mean)])
        .Add("standard_error", [.. pooled.Select(p => p.StandardError)])
        .Add("lower", [.. pooled.Select(p => p.Lower)])
        .Add("upper", [.. pooled.Select(p => p.Upper)])
        .Add("p", [.. pooled.Select(p => p.PValue)]);
}
