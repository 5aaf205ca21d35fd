using System.Globalization;
using Cellcast.AnnData;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>The first page of a report: the numbers that matter, what they say in words, and what they do not say.</summary>
internal static class ScSurvSummary
{
    private const int FewEvents = 50;

    internal static ReportSummary Of(ScSurvReportSource source, PatientSection patients, ContributionSection contributions, SpotSection? spots)
    {
        var numbers = new List<Headline>();
        var findings = new List<string>();
        var cautions = new List<string>();
        if (patients.Parts.FirstOrDefault(p => p.HeldOut) is { } test) HeldOut(test, numbers, findings, cautions);
        else cautions.Add("No patients were held out: nothing here shows how the model does on new patients.");
        PatientPart all = patients.Parts[^1];
        numbers.Add(new("Patients", Whole(all.Patients), $"{Whole(all.Events)} events"));
        numbers.Add(new("Cells", Whole(source.Cells.ObservationCount), source.Metrics["dimensions"]?["samples"] is { } s && s.GetValue<double>() > 1 ? $"from {s} samples" : null));
        numbers.Add(new("Genes", Whole(source.Genes.Length), "selected by variability"));
        if (spots is not null) numbers.Add(new("Spots", Whole(spots.Count)));
        Types(contributions, findings);
        Genes(source, findings);
        if (spots is not null) Tissue(spots, findings);
        cautions.Add("Contributions are associations in this cohort, not causes. They have no zero: only differences between cells count, here to the median cell.");
        cautions.Add("Another seed gives other values. Trust what several runs agree on.");
        return new ReportSummary(numbers, findings, cautions);
    }

    private static void HeldOut(PatientPart test, List<Headline> numbers, List<string> findings, List<string> cautions)
    {
        if (test.Concordance is { } c)
        {
            numbers.Add(new("Concordance, held out", Number(c.Value), $"95 % interval {Number(c.Lower)} to {Number(c.Upper)}; 0.5 is chance"));
            findings.Add($"On {test.Patients} held-out patients the predicted risk orders survival with a concordance of {Number(c.Value)} (95 % interval {Number(c.Lower)} to {Number(c.Upper)}), which is "
                + (c.Lower > 0.5 ? "better than chance." : c.Upper < 0.5 ? "worse than chance: the model misleads." : "not clearly different from chance."));
        }
        if (test.LogRank is { } r)
        {
            numbers.Add(new("Log-rank, held out", r.PValue < 1e-4 ? "p < 0.0001" : "p = " + r.PValue.ToString(r.PValue < 0.1 ? "0.0###" : "0.00", CultureInfo.InvariantCulture), "high against low risk"));
            string medians = string.Join(", ", test.Curves.Select(k => $"{k.Label} {(k.Median is { } m && double.IsFinite(m) ? m.ToString("#,0.##", CultureInfo.InvariantCulture) : "not reached")}"));
            findings.Add($"Median survival of the held-out risk groups: {medians}; the groups {(r.PValue < 0.05 ? "differ" : "do not differ clearly")} (log-rank p = {Probability(r.PValue)}).");
        }
        if (test.Concordance is not { Lower: > 0.5 })
            cautions.Add("The held-out concordance is not clearly above chance: do not take the cell types and genes below for prognostic.");
        if (test.Events < FewEvents) cautions.Add($"Only {test.Events} held-out patients had an event: the interval of the concordance is wide, and the p value has little power.");
        if (test.Curves.Count < 2) cautions.Add("All held-out patients fall into one risk group: the groups cannot be compared.");
    }

    private static void Types(ContributionSection section, List<string> findings)
    {
        if (section.Table is null || section.Groupings.Count == 0) return;
        var items = section.Groupings[0].Items;
        if (items.Count < 2) return;
        findings.Add($"By this model, cell types that go with the worst prognosis: {Join(items.Take(Math.Min(3, items.Count / 2)).Select(i => i.Label))}; with the best: {Join(items.Reverse().Take(Math.Min(3, items.Count / 2)).Select(i => i.Label))}.");
    }

    private static void Genes(ScSurvReportSource source, List<string> findings)
    {
        double[] r = Columns.Numbers(source.Genes, "pearson"), q = Columns.Numbers(source.Genes, "pearson_q");
        int[] order = [.. Enumerable.Range(0, r.Length).Where(i => q[i] <= 0.05).OrderByDescending(i => r[i])];
        string[] adverse = [.. order.Where(i => r[i] > 0).Take(6).Select(i => source.Genes.Index[i])], favourable = [.. order.Reverse().Where(i => r[i] < 0).Take(6).Select(i => source.Genes.Index[i])];
        if (adverse.Length > 0) findings.Add($"Genes expressed in the cells that go with a worse prognosis: {Join(adverse)}.");
        if (favourable.Length > 0) findings.Add($"Genes expressed in the cells that go with a better prognosis: {Join(favourable)}.");
    }

    private static void Tissue(SpotSection spots, List<string> findings)
    {
        float[] hazard = [.. spots.Values[0].Values.Where(float.IsFinite).Order()];
        if (hazard.Length == 0) return;
        findings.Add(string.Create(CultureInfo.InvariantCulture, $"Over the section the hazard runs from {hazard[0]:0.00} to {hazard[^1]:0.00} times its mean; the most hazardous tenth of the spots is above {hazard[(int)(0.9 * (hazard.Length - 1))]:0.00}."));
    }

    private static string Join(IEnumerable<string> names) => string.Join(", ", names.Select(n => n.Length <= 40 ? n : n[..39] + "…"));

    private static string Number(double v) => v.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Probability(double p) => p < 1e-4 ? p.ToString("0.0e+0", CultureInfo.InvariantCulture) : p.ToString("0.0###", CultureInfo.InvariantCulture);

    private static string Whole(int v) => v.ToString("#,0", CultureInfo.InvariantCulture);
}
