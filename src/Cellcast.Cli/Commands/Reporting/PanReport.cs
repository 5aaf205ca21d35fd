using System.Globalization;
using Cellcast.Analysis.Statistics;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScSurv.Pan;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Turns a meta-analysis of cohorts into what a report shows.</summary>
internal static class PanReport
{
    private const double Normal975 = 1.959963984540054;
    // Genes that can be looked at by cohort: those called, then the clearest ones.
    private const int MostForests = 200;

    internal static ReportData From(string name, PanAnalysis analysis, PanOptions options, GeneEffect gene, ReportTable cohorts, IReadOnlyList<string> warnings)
    {
        bool correlations = gene == GeneEffect.Correlation;
        PooledKind[] kinds =
        [
            .. analysis.Types.Count == 0 ? [] : new[] { Kind("Cell types", "contribution relative to the average cell of the average patient", "cell_type", analysis, analysis.Types, v => v, options) },
            .. analysis.Genes.Count == 0 ? [] : new[] { Kind("Genes", correlations ? "correlation of the gene's rate with the contribution" : "contribution per standard deviation of the gene's rate", "gene", analysis, analysis.Genes, correlations ? Math.Tanh : v => v, options) },
        ];
        return new ReportData
        {
            Title = name.Length == 0 ? "Cohorts" : name,
            Subtitle = $"{analysis.Cohorts.Count} cohorts: cell types and genes that are adverse or favourable in all of them",
            Version = CommandHost.Version,
            Summary = Summary(analysis, options, warnings),
            Pooled = new PooledSection(kinds, cohorts, $"Random-effects meta-analysis: variance between cohorts by {(options.Heterogeneity == HeterogeneityEstimator.DerSimonianLaird ? "DerSimonian and Laird" : "restricted maximum likelihood")}, "
                + $"{options.Interval switch { MeanInterval.Normal => "normal intervals", MeanInterval.HartungKnapp => "Hartung and Knapp's intervals", _ => "Hartung and Knapp's intervals, never shorter than normal ones" }}. Above 0: adverse."),
        };
    }

    private static ReportSummary Summary(PanAnalysis analysis, PanOptions options, IReadOnlyList<string> warnings)
    {
        string Count(IReadOnlyList<PanResult> results) => results.Count(r => r.Verdict != 0).ToString(CultureInfo.InvariantCulture);
        var findings = new List<string>();
        void Named(string what, IEnumerable<PanResult> called, string word)
        {
            PanResult[] all = [.. called.OrderBy(r => r.Pooled.PValue).ThenBy(r => r.Name, StringComparer.Ordinal)];
            if (all.Length > 0) findings.Add($"{what} that are {word} whichever cohort is left out (q at most {options.Level.ToString(CultureInfo.InvariantCulture)}): {string.Join(", ", all.Take(12).Select(r => r.Name))}{(all.Length > 12 ? $" and {all.Length - 12} more" : "")}.");
        }
        foreach (var (what, results) in new[] { ("Cell types", analysis.Types), ("Genes", analysis.Genes) })
        {
            Named(what, results.Where(r => r.Verdict > 0), "adverse");
            Named(what, results.Where(r => r.Verdict < 0), "favourable");
        }
        if (findings.Count == 0) findings.Add("No cell type and no gene is adverse or favourable in all cohorts with enough certainty.");
        List<string> cautions = [.. warnings, "A mean over cohorts says what is common to them. Where I2 is large cohorts differ: look at each, and at the interval in which a further cohort lies."];
        return new ReportSummary(
            [
                new Headline("Cohorts", analysis.Cohorts.Count.ToString(CultureInfo.InvariantCulture)), new Headline("Cell types called", Count(analysis.Types), $"of {analysis.Types.Count.ToString(CultureInfo.InvariantCulture)}"),
                new Headline("Genes called", Count(analysis.Genes), $"of {analysis.Genes.Count.ToString("#,0", CultureInfo.InvariantCulture)}"),
            ], findings, cautions);
    }

    private static PooledKind Kind(string title, string label, string key, PanAnalysis analysis, IReadOnlyList<PanResult> results, Func<double, double> shown, PanOptions options)
    {
        var chosen = results.OrderBy(r => r.Verdict == 0).ThenBy(r => r.Pooled.PValue).ThenBy(r => r.Name, StringComparer.Ordinal).Take(MostForests).ToHashSet();
        var table = new ReportTable(
        [
            ReportColumn.Of(key, title == "Genes" ? "gene" : "cell type", results.Select(r => r.Name)),
            ReportColumn.Of("verdict", "verdict", results.Select(r => PanTables.Word(r.Verdict)), $"adverse or favourable: q at most {options.Level.ToString(CultureInfo.InvariantCulture)}, and the mean stays on its side of 0 whichever cohort is left out"),
            ReportColumn.Of("mean", "mean", results.Select(r => shown(r.Pooled.Mean)), help: label),
            ReportColumn.Of("lower", "lower", results.Select(r => shown(r.Pooled.Lower)), help: "95 % interval of the mean"),
            ReportColumn.Of("upper", "upper", results.Select(r => shown(r.Pooled.Upper)), help: "95 % interval of the mean"),
            ReportColumn.Of("q", "q", results.Select(r => r.QValue), ColumnFormat.Probability, "p value adjusted over all (Benjamini and Hochberg)"),
            ReportColumn.Of("i2", "I2", results.Select(r => r.Pooled.I2), ColumnFormat.Percent, "share of the variance that lies between cohorts"),
            ReportColumn.Of("cohorts", "cohorts", results.Select(r => (double)r.Effects.Length), ColumnFormat.Integer),
            ReportColumn.Of("cohorts_adverse", "adverse in", results.Select(r => (double)r.Positive), ColumnFormat.Integer, "cohorts with a positive effect"),
        ]);
        Interval Of(double value, double lower, double upper) => new(shown(value), shown(lower), shown(upper));
        return new PooledKind(title, label, [.. results.Where(chosen.Contains).Select(r => new Forest(r.Name,
            [.. r.Effects.Select((e, i) => new CohortInterval(analysis.Cohorts[r.Cohorts[i]], Of(e.Estimate, e.Estimate - Normal975 * e.StandardError, e.Estimate + Normal975 * e.StandardError), r.Pooled.Weights[i]))],
            Of(r.Pooled.Mean, r.Pooled.Lower, r.Pooled.Upper), double.IsFinite(r.Pooled.PredictionLower) ? Of(r.Pooled.Mean, r.Pooled.PredictionLower, r.Pooled.PredictionUpper) : null, r.Verdict != 0,
            string.Create(CultureInfo.InvariantCulture, $"95 % intervals. I2 {r.Pooled.I2:0 %}, p of equal effects {r.Pooled.QPValue:0.0##}; p of the mean {r.Pooled.PValue:0.0###}, q {r.QValue:0.0###}.")))], table);
    }
}
