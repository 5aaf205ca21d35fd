using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>The first page of a report: the numbers that matter, what they say in words, and what they do not say.</summary>
internal static class ScSurvSummary
{
    private const int FewEvents = 50;

    internal static ReportSummary Of(ScSurvReportSource source, OutcomeMeaning meaning, PatientSection? patients, OutcomeSection? outcome, ContributionSection contributions, SpotSection? spots)
    {
        var numbers = new List<Headline>();
        var findings = new List<string>();
        var cautions = new List<string>();
        if (patients?.Parts.FirstOrDefault(p => p.HeldOut) is { } test) HeldOut(test, numbers, findings, cautions);
        else if (outcome?.Parts.FirstOrDefault(p => p.HeldOut) is { } held) HeldOut(held, outcome, numbers, findings, cautions);
        else cautions.Add("No patients were held out: nothing here shows how the model does on new patients.");
        if (patients is not null) numbers.Add(new("Patients", Whole(patients.Parts[^1].Patients), $"{Whole(patients.Parts[^1].Events)} events"));
        if (outcome is not null) numbers.Add(new("Patients", Whole(outcome.Parts.Sum(p => p.Patients)), outcome.Binary ? $"{Whole(outcome.Parts.Sum(p => p.Positive ?? 0))} {Clip(meaning.Positive)}" : null));
        numbers.Add(new("Cells", Whole(source.Cells.ObservationCount), source.Metrics["dimensions"]?["samples"] is { } s && s.GetValue<double>() > 1 ? $"from {s} samples" : null));
        numbers.Add(new("Genes", Whole(source.Genes.Length), "selected by variability"));
        if (spots is not null) numbers.Add(new("Spots", Whole(spots.Count)));
        Types(contributions, meaning, findings);
        Genes(source, meaning, findings);
        if (spots is not null && meaning.IsSurvival) Tissue(spots, source.Spots!.Obs, findings);
        if (Unexplained(source) is { } unexplained) cautions.Add(unexplained);
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
            numbers.Add(new("Log-rank, held out", r.PValue < 1e-4 ? "p < 0.0001" : "p = " + Probability(r.PValue), "high against low risk"));
            string medians = string.Join(", ", test.Curves.Select(k => $"{k.Label} {(k.Median is { } m && double.IsFinite(m) ? m.ToString("#,0.##", CultureInfo.InvariantCulture) : "not reached")}"));
            findings.Add($"Median survival of the held-out risk groups: {medians}; the groups {(r.PValue < 0.05 ? "differ" : "do not differ clearly")} (log-rank p = {Probability(r.PValue)}).");
        }
        if (test.Concordance is not { Lower: > 0.5 })
            cautions.Add("The held-out concordance is not clearly above chance: do not take the cell types and genes below for prognostic.");
        if (test.Events < FewEvents) cautions.Add($"Only {test.Events} held-out patients had an event: the interval of the concordance is wide, and the p value has little power.");
        if (test.Curves.Count < 2) cautions.Add("All held-out patients fall into one risk group: the groups cannot be compared.");
    }

    private static void HeldOut(OutcomePart test, OutcomeSection outcome, List<Headline> numbers, List<string> findings, List<string> cautions)
    {
        if (test.Score is { } c)
        {
            string chance = outcome.Chance.ToString(CultureInfo.InvariantCulture), title = outcome.Binary ? "AUC" : "Correlation";
            numbers.Add(new(title + ", held out", Number(c.Value), $"95 % interval {Number(c.Lower)} to {Number(c.Upper)}; {chance} is chance"));
            findings.Add((outcome.Binary ? $"On {test.Patients} held-out patients, {test.Positive} of them with the outcome, the predictions tell both kinds apart with an AUC of {Number(c.Value)}" : $"On {test.Patients} held-out patients expected and observed values have a correlation of {Number(c.Value)}")
                + $" (95 % interval {Number(c.Lower)} to {Number(c.Upper)}), which is " + (c.Lower > outcome.Chance ? "better than chance." : c.Upper < outcome.Chance ? "worse than chance: the model misleads." : "not clearly different from chance."));
        }
        if (test.Scores.FirstOrDefault(s => s.Name == "R²") is { } explained)
        {
            numbers.Add(new("R², held out", Number(explained.Value), "share of the variance explained; below 0: worse than the mean"));
            if (explained.Value <= 0) findings.Add("For held-out patients the expected values are no better than the mean of the patients that the model learned from (R² not above 0).");
        }
        if (test.Score is null || test.Score.Lower <= outcome.Chance) cautions.Add($"The held-out {outcome.ScoreName} is not clearly above chance: do not read the cell types and genes below as findings.");
        int rarer = test.Positive is { } yes ? Math.Min(yes, test.Patients - yes) : test.Patients;
        if (rarer < FewEvents) cautions.Add(outcome.Binary ? $"Only {rarer} held-out patients have the rarer outcome: the interval of the AUC is wide." : $"Only {test.Patients} patients were held out: the interval of the correlation is wide.");
    }

    private static void Types(ContributionSection section, OutcomeMeaning meaning, List<string> findings)
    {
        if (section.Table is null || section.Groupings.Count == 0) return;
        var items = section.Groupings[0].Items;
        if (items.Count < 2) return;
        findings.Add($"By this model, cell types that go most with {(meaning.IsSurvival ? "a " : "")}{meaning.Higher}: {Join(items.Take(Math.Min(3, items.Count / 2)).Select(i => i.Label))}; with {(meaning.IsSurvival ? "a " : "")}{meaning.Lower}: {Join(items.Reverse().Take(Math.Min(3, items.Count / 2)).Select(i => i.Label))}.");
        if (section.Intervals is not { Items: { Count: > 0 } sure }) return;
        string[] clear = [.. sure.Where(i => i.Interval.Lower > 0 || i.Interval.Upper < 0).Select(i => i.Name)];
        findings.Add(clear.Length == 0
            ? $"The intervals of all {sure.Count} cell types reach the average: of no single type do the patients settle on which side of it it is."
            : $"Cell types whose 95 % interval lies on one side of the average: {Join(clear.Take(12))}{(clear.Length > 12 ? " and others" : "")} ({clear.Length} of {sure.Count}).");
    }

    private static void Genes(ScSurvReportSource source, OutcomeMeaning meaning, List<string> findings)
    {
        double[] r = Columns.Numbers(source.Genes, "pearson"), q = Columns.Numbers(source.Genes, "pearson_q");
        int[] order = [.. Enumerable.Range(0, r.Length).Where(i => q[i] <= 0.05).OrderByDescending(i => r[i])];
        string[] adverse = [.. order.Where(i => r[i] > 0).Take(6).Select(i => source.Genes.Index[i])], favourable = [.. order.Reverse().Where(i => r[i] < 0).Take(6).Select(i => source.Genes.Index[i])];
        if (adverse.Length > 0) findings.Add($"Genes expressed in the cells that go with {(meaning.IsSurvival ? "a " : "")}{meaning.Higher}: {Join(adverse)}.");
        if (favourable.Length > 0) findings.Add($"Genes expressed in the cells that go with {(meaning.IsSurvival ? "a " : "")}{meaning.Lower}: {Join(favourable)}.");
    }

    private static void Tissue(SpotSection spots, DataFrame obs, List<string> findings)
    {
        float[] hazard = [.. spots.Values[0].Values.Where(float.IsFinite).Order()];
        if (hazard.Length == 0) return;
        findings.Add(string.Create(CultureInfo.InvariantCulture, $"Over the section the hazard runs from {hazard[0]:0.00} to {hazard[^1]:0.00} times its mean; the most hazardous tenth of the spots is above {hazard[(int)(0.9 * (hazard.Length - 1))]:0.00}."));
        if (!obs.Contains("log_hazard_lower") || !obs.Contains("log_hazard_upper")) return;
        int above = Columns.Numbers(obs, "log_hazard_lower").Count(v => v > 0), below = Columns.Numbers(obs, "log_hazard_upper").Count(v => v < 0);
        findings.Add(above + below == 0 ? "For no spot does the 95 % interval lie on one side of the section's mean."
            : $"The 95 % interval lies above the section's mean for {Whole(above)} and below it for {Whole(below)} of {Whole(obs.Length)} spots; of the others it is open.");
    }

    /// <summary>What no cell of the reference explains, where it is enough to be told of; null otherwise, and for results from before it was looked for.</summary>
    private static string? Unexplained(ScSurvReportSource source)
    {
        if (source.Metrics["unexplained"] is not JsonObject u || u["share"]?.GetValue<double>() is not (>= UnexplainedExpression.Notable and var share)) return null;
        IEnumerable<string> genes = (u["directions"] as JsonArray ?? []).Take(3).Select(d => string.Join(", ", (d?["genes"] as JsonArray ?? []).Take(4).Select(g => Clip(g?.ToString() ?? ""))));
        return $"Patients differ in expression that no cell of the reference explains, on average {UnexplainedExpression.HowMuch(share)}, with most of {string.Join("; ", genes)}. "
            + "Cell types or states may be missing from the reference; what that does to the outcome is kept apart from the contributions of the cells.";
    }

    private static string Join(IEnumerable<string> names) => string.Join(", ", names.Select(Clip));

    private static string Number(double v) => v.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Probability(double p) => p < 1e-4 ? p.ToString("0.0e+0", CultureInfo.InvariantCulture) : p < 0.1 ? p.ToString("G2", CultureInfo.InvariantCulture) : p.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Clip(string name) => name.Length <= 40 ? name : name[..39] + "…";

    private static string Whole(int v) => v.ToString("#,0", CultureInfo.InvariantCulture);
}
