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

    internal static ReportData From(PanReportSource source)
    {
        bool correlations = source.Gene == GeneEffect.Correlation;
        PooledKind[] kinds =
        [
            .. source.Types.Count == 0 ? [] : new[] { Kind("Cell types", "contribution relative to the average cell of the average patient", "cell_type", source.Types, v => v, source.Options) },
            .. source.Genes.Count == 0 ? [] : new[] { Kind("Genes", correlations ? "correlation of the gene's rate with the contribution" : "contribution per standard deviation of the gene's rate", "gene", source.Genes, correlations ? Math.Tanh : v => v, source.Options) },
        ];
        var cohorts = new ReportTable(
        [
            ReportColumn.Of("cohort", "cohort", source.Cohorts.Select(c => c.Name)),
            ReportColumn.Of("patients", "patients", source.Cohorts.Select(c => c.Patients), ColumnFormat.Integer),
            ReportColumn.Of("events", "events", source.Cohorts.Select(c => c.Events), ColumnFormat.Integer),
            ReportColumn.Of("cells", "cells", source.Cohorts.Select(c => c.Cells), ColumnFormat.Integer),
            ReportColumn.Of("test_concordance", "concordance, held out", source.Cohorts.Select(c => c.Concordance)),
        ]);
        return new ReportData
        {
            Title = source.Name.Length == 0 ? "Cohorts" : source.Name,
            Subtitle = $"{source.Cohorts.Count} cohorts: cell types and genes that are adverse or favourable in all of them",
            Version = CommandHost.Version,
            Summary = Summary(source),
            Pooled = new PooledSection(kinds, cohorts, $"Random-effects meta-analysis: variance between cohorts by {(source.Options.Heterogeneity == HeterogeneityEstimator.DerSimonianLaird ? "DerSimonian and Laird" : "restricted maximum likelihood")}, "
                + $"{source.Options.Interval switch { MeanInterval.Normal => "normal intervals", MeanInterval.HartungKnapp => "Hartung and Knapp's intervals", _ => "Hartung and Knapp's intervals, never shorter than normal ones" }}. Above 0: adverse."),
        };
    }

    private static ReportSummary Summary(PanReportSource source)
    {
        string Count(IReadOnlyList<PanReportRow> results) => results.Count(r => r.Verdict != 0).ToString(CultureInfo.InvariantCulture);
        var findings = new List<string>();
        void Named(string what, IEnumerable<PanReportRow> called, string word)
        {
            PanReportRow[] all = [.. called.OrderBy(r => r.PValue).ThenBy(r => r.Name, StringComparer.Ordinal)];
            if (all.Length > 0) findings.Add($"{what} that are {word} whichever cohort is left out (q at most {source.Options.Level.ToString(CultureInfo.InvariantCulture)}): {string.Join(", ", all.Take(12).Select(r => r.Name))}{(all.Length > 12 ? $" and {all.Length - 12} more" : "")}.");
        }
        foreach (var (what, results) in new[] { ("Cell types", source.Types), ("Genes", source.Genes) })
        {
            Named(what, results.Where(r => r.Verdict > 0), "adverse");
            Named(what, results.Where(r => r.Verdict < 0), "favourable");
        }
        if (findings.Count == 0) findings.Add("No cell type and no gene is adverse or favourable in all cohorts with enough certainty.");
        List<string> cautions = [.. source.Warnings, "A mean over cohorts says what is common to them. Where I2 is large cohorts differ: look at each, and at the interval in which a further cohort lies."];
        return new ReportSummary(
            [
                new Headline("Cohorts", source.Cohorts.Count.ToString(CultureInfo.InvariantCulture)), new Headline("Cell types called", Count(source.Types), $"of {source.Types.Count.ToString(CultureInfo.InvariantCulture)}"),
                new Headline("Genes called", Count(source.Genes), $"of {source.Genes.Count.ToString("#,0", CultureInfo.InvariantCulture)}"),
            ], findings, cautions);
    }

    private static PooledKind Kind(string title, string label, string key, IReadOnlyList<PanReportRow> results, Func<double, double> shown, PanOptions options)
    {
        var chosen = results.OrderBy(r => r.Verdict == 0).ThenBy(r => r.PValue).ThenBy(r => r.Name, StringComparer.Ordinal).Take(MostForests).ToHashSet();
        var table = new ReportTable(
        [
            ReportColumn.Of(key, title == "Genes" ? "gene" : "cell type", results.Select(r => r.Name)),
            ReportColumn.Of("verdict", "verdict", results.Select(r => PanTables.Word(r.Verdict)), $"adverse or favourable: q at most {options.Level.ToString(CultureInfo.InvariantCulture)}, and the mean stays on its side of 0 whichever cohort is left out"),
            ReportColumn.Of("mean", "mean", results.Select(r => shown(r.Mean)), help: label),
            ReportColumn.Of("lower", "lower", results.Select(r => shown(r.Lower)), help: "95 % interval of the mean"),
            ReportColumn.Of("upper", "upper", results.Select(r => shown(r.Upper)), help: "95 % interval of the mean"),
            ReportColumn.Of("q", "q", results.Select(r => r.QValue), ColumnFormat.Probability, "p value adjusted over all (Benjamini and Hochberg)"),
            ReportColumn.Of("i2", "I2", results.Select(r => r.I2), ColumnFormat.Percent, "share of the variance that lies between cohorts"),
            ReportColumn.Of("cohorts", "cohorts", results.Select(r => (double)r.Effects.Length), ColumnFormat.Integer),
            ReportColumn.Of("cohorts_adverse", "adverse in", results.Select(r => (double)r.Positive), ColumnFormat.Integer, "cohorts with a positive effect"),
        ]);
        Interval Of(double value, double lower, double upper) => new(shown(value), shown(lower), shown(upper));
        return new PooledKind(title, label, [.. results.Where(chosen.Contains).Select(r => new Forest(r.Name,
            [.. r.Effects.Select(e => new CohortInterval(e.Cohort, Of(e.Estimate, e.Estimate - Normal975 * e.StandardError, e.Estimate + Normal975 * e.StandardError), e.Weight))],
            Of(r.Mean, r.Lower, r.Upper), double.IsFinite(r.PredictionLower) ? Of(r.Mean, r.PredictionLower, r.PredictionUpper) : null, r.Verdict != 0,
            string.Create(CultureInfo.InvariantCulture, $"95 % intervals. I2 {r.I2:0 %}, p of equal effects {r.CochranP:0.0##}; p of the mean {r.PValue:0.0###}, q {r.QValue:0.0###}.")))], table);
    }
}
