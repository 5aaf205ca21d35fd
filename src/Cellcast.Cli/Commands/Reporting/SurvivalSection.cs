using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;
using Cellcast.Reports;
using Cellcast.Survival;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Patients by risk group, part by part of the cohort; every statistic comes from <c>Cellcast.Survival</c>.</summary>
internal static class SurvivalSection
{
    private const int PatientsPerCalibrationGroup = 10, MostCalibrationGroups = 5;
    private const double Z = 1.959963984540054;

    internal static PatientSection From(ScSurvReportSource source)
    {
        DataFrame p = source.Patients;
        var cohort = new Cohort(Columns.Numbers(p, "survival_time"), [.. Columns.Numbers(p, "event").Select(e => e == 1)], Columns.Numbers(p, "linear_predictor"),
            [.. Columns.Texts(p, "risk_group").Select(g => g == "high")], Columns.Texts(p, "split"),
            OfDesign(DesignFile.Weight), source.Design is { } design && design.Contains(DesignFile.Stratum) ? CategoricalColumn.FromLabels(Columns.Texts(design, DesignFile.Stratum)).Codes : [], OfDesign(DesignFile.Entry));
        double[] OfDesign(string column) => source.Design is { } d && d.Contains(column) ? Columns.Numbers(d, column) : [];
        string? timeColumn = source.Settings.GetValueOrDefault("--time");
        double horizon = Horizon(cohort);
        bool transductive = source.Metrics["protocol"]?.ToString() == "transductive";
        var parts = new List<PatientPart>();
        foreach (var (key, title, note) in new[]
        {
            ("test", "Held-out patients", transductive ? "Their survival was not used; their counts took part in the training (transductive)." : "The model has never seen these patients: this is how it does on new ones."),
            ("validation", "Validation patients", "The training stopped where it was best on these patients, which flatters the model."),
            ("train", "Training patients", "The model was fitted to these patients, which flatters it most."),
            ("all", "All patients", "Mostly patients that the model was fitted to."),
        })
        {
            int[] members = [.. Enumerable.Range(0, cohort.Time.Length).Where(i => key == "all" || cohort.Split[i] == key)];
            if (members.Length > 0) parts.Add(Part(cohort, members, key, title, note, source.Baseline, horizon));
        }
        return new PatientSection
        {
            TimeLabel = string.IsNullOrEmpty(timeColumn) ? "survival time" : timeColumn.Replace('_', ' '),
            GroupNote = $"High risk: risk above the median of the training patients. Bands: 95 % confidence ({(cohort.Weights.Length > 0 ? "infinitesimal jackknife" : "Greenwood")}, log-log scale); ticks: censored patients."
                + (cohort.Entry.Length > 0 ? " Patients count from their entry on: while few have entered, one death is a large step, and when all of them have died the curve stays at 0, whoever enters later." : "") + (cohort.Weights.Length > 0 ? " Patients count by their weight, also in the numbers at risk; bands, log-rank test and interval of the hazard ratio take weights for what a patient stands for, not for numbers of patients (robust variance)." : "")
                + (cohort.Strata.Length > 0 ? " Concordance, hazard ratio and log-rank test compare patients of one stratum only." : ""),
            Parts = parts,
            Prediction = source.Baseline?.Prediction(cohort.Eta),
            Table = new ReportTable(
            [
                ReportColumn.Of("patient", "patient", p.Index),
                ReportColumn.Of("split", "part", cohort.Split),
                ReportColumn.Of("survival_time", "time", cohort.Time),
                ReportColumn.Of("event", "event", cohort.Event.Select(e => e ? "yes" : "no")),
                ReportColumn.Of("linear_predictor", "linear predictor", cohort.Eta, help: "Log hazard up to a constant."),
                ReportColumn.Of("risk", "risk", Columns.Numbers(p, "risk"), help: "Hazard relative to the mean training patient."),
                ReportColumn.Of("risk_group", "group", Columns.Texts(p, "risk_group")),
                ReportColumn.Of("median_survival", "predicted median", Columns.Numbers(p, "median_survival"), help: "Time at which the predicted survival falls to one half."),
            ]),
        };
    }

    private static PatientPart Part(Cohort cohort, int[] members, string key, string title, string note, SurvivalBaseline? baseline, double horizon)
    {
        SurvivalData data = cohort.Survival(members);
        int[] group = [.. members.Select(i => cohort.High[i] ? 1 : 0)];
        double[] eta = [.. members.Select(i => cohort.Eta[i])];
        return new PatientPart
        {
            Key = key,
            Title = title,
            Note = note,
            HeldOut = key == "test",
            Patients = members.Length,
            Events = data.EventCount,
            Curves = [.. new[] { (1, "high", "high risk"), (0, "low", "low risk") }.Select(g => Curve(cohort, [.. members.Where((_, k) => group[k] == g.Item1)], g.Item2, g.Item3)).OfType<SurvivalCurve>()],
            LogRank = OrNull(() => LogRank.Compute(data, group).Test is var t ? new TestResult(t.Statistic, t.DegreesOfFreedom, t.PValue) : null),
            Concordance = key == "all" ? null : OrNull(() => ConcordanceOf(data, eta)),
            HazardRatio = OrNull(() => Ratio(data, group)),
            Calibration = baseline is null ? null : OrNull(() => CalibrationOf(data, [.. members.Select(i => baseline.Survival(i, cohort.Eta[i], horizon))], horizon)),
        };
    }

    private static SurvivalCurve? Curve(Cohort cohort, int[] members, string key, string label)
    {
        if (members.Length == 0) return null;
        SurvivalData data = cohort.Survival(members);
        // With the times of entry, so that the numbers at risk between two times are those at the later one.
        var curve = KaplanMeier.Estimate(data, ConfidenceScale.LogLog, entries: true);
        var (median, lower, upper) = curve.Median;
        return new SurvivalCurve
        {
            Key = key,
            Label = label,
            Patients = members.Length,
            Events = data.EventCount,
            Median = median,
            MedianLower = lower,
            MedianUpper = upper,
            Time = [.. curve.Time],
            Survival = [.. curve.Survival],
            Lower = [.. curve.Lower],
            Upper = [.. curve.Upper],
            AtRisk = [.. curve.NumberAtRisk],
            Censored = [.. curve.Censored],
        };
    }

    private static Interval? ConcordanceOf(SurvivalData data, double[] eta)
    {
        var c = Concordance.Compute(data, eta);
        return c.Comparable > 0 ? new Interval(c.Value, Math.Max(0, c.Value - Z * c.StandardError), Math.Min(1, c.Value + Z * c.StandardError)) : null;
    }

    private static Interval? Ratio(SurvivalData data, int[] group)
    {
        var x = new double[group.Length, 1];
        for (int i = 0; i < group.Length; i++) x[i, 0] = group[i];
        CoxFit fit = CoxRegression.Fit(data, x, new CoxOptions { Names = ["high risk"] });
        var (ratio, lower, upper) = fit.HazardRatio(0);
        if (!data.Weights.IsEmpty)
        {
            double error = Z * Math.Sqrt(fit.RobustCovariance()[0, 0]);
            (lower, upper) = (ratio * Math.Exp(-error), ratio * Math.Exp(error));
        }
        return double.IsFinite(ratio) && double.IsFinite(upper) && upper < 1e4 ? new Interval(ratio, lower, upper) : null;
    }

    private static CalibrationResult? CalibrationOf(SurvivalData data, double[] predicted, double horizon)
    {
        int groups = Math.Min(MostCalibrationGroups, data.Count / PatientsPerCalibrationGroup);
        if (groups < 2 || !double.IsFinite(horizon)) return null;
        var bins = Calibration.Compute(data, predicted, horizon, groups);
        return bins.Count == 0 ? null : new CalibrationResult(horizon, [.. bins.Select(b => new CalibrationBin(b.Subjects, b.Predicted, b.Observed, Finite(b.Lower), Finite(b.Upper)))]);
    }

    // Half of the cohort has died: predictions differ most there.
    private static double Horizon(Cohort cohort)
    {
        var curve = KaplanMeier.Estimate(cohort.Survival([.. Enumerable.Range(0, cohort.Time.Length)]));
        double median = curve.Median.Estimate;
        double[] deaths = [.. cohort.Time.Where((_, i) => cohort.Event[i]).Order()];
        return double.IsFinite(median) ? median : deaths.Length == 0 ? double.NaN : deaths[deaths.Length / 2];
    }

    private static double? Finite(double v) => double.IsFinite(v) ? v : null;

    // Small parts may have one group only or no comparable pair: then there is nothing to show, which is no error.
    private static T? OrNull<T>(Func<T?> compute) where T : class
    {
        try { return compute(); }
        catch (SurvivalDataException) { return null; }
    }

    private sealed record Cohort(double[] Time, bool[] Event, double[] Eta, bool[] High, string[] Split, double[] Weights, int[] Strata, double[] Entry)
    {
        internal SurvivalData Survival(int[] members) => new([.. members.Select(i => Time[i])], [.. members.Select(i => Event[i])], Of(Weights, members), Of(Strata, members), Of(Entry, members));

        private static T[] Of<T>(T[] values, int[] members) => values.Length == 0 ? [] : [.. members.Select(i => values[i])];
    }
}
