using System.Globalization;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Survival;

namespace Cellcast.Models.ScSurv;

/// <summary><c>design.csv</c> of a fit: what it knew of each patient besides the outcome, so that the fit can be resampled without the cohort's file. Columns <c>patient</c>, then <c>stratum</c>, <c>entry</c>,
/// <c>weight</c> and <c>covariate: NAME</c> (centred and scaled as the fit saw it) as far as there were any.</summary>
public static class DesignFile
{
    /// <summary>Its name.</summary>
    public const string Name = "design.csv";

    /// <summary>Column with the stratum.</summary>
    public const string Stratum = "stratum";

    /// <summary>Column with the time of entry.</summary>
    public const string Entry = "entry";

    /// <summary>Column with the weight.</summary>
    public const string Weight = "weight";

    private const string Covariate = "covariate: ";

    /// <summary>The table of a fit's data; null where there is nothing besides the outcome.</summary>
    /// <param name="data">What the fit learned from.</param>
    public static CsvFile? Of(ScSurvData data)
    {
        ArgumentNullException.ThrowIfNull(data);
        var table = new CsvFile().Add("patient", [.. data.Patients.Names]);
        bool any = false;
        void Add(string name, double[] values)
        {
            if (values.Length == 0) return;
            table.Add(name, values);
            any = true;
        }
        if (data.Outcome is SurvivalOutcome { Data: var survival })
        {
            if (data.Strata is { } strata)
            {
                table.Add(Stratum, [.. survival.Strata.ToArray().Select(s => strata.Names[s])]);
                any = true;
            }
            Add(Entry, survival.Entry.ToArray());
        }
        Add(Weight, Weights(data.Outcome));
        if (data.Covariates is { } covariates)
            for (int j = 0; j < covariates.Count; j++)
                Add(Covariate + covariates.Design.Terms[j].Name, [.. Enumerable.Range(0, data.Patients.Count).Select(i => covariates.Values[i * covariates.Count + j])]);
        return any ? table : null;
    }

    /// <summary>Outcome and covariates of some patients of a finished fit.</summary>
    /// <param name="patients"><c>patients.csv</c>.</param>
    /// <param name="file">Its path, for errors.</param>
    /// <param name="design"><c>design.csv</c>, or null where the fit has none.</param>
    /// <param name="kind">Kind of outcome.</param>
    /// <param name="chosen">Rows of the patients.</param>
    /// <exception cref="InputException">A column is absent, or the tables do not belong together.</exception>
    public static (Outcome Outcome, double[]? Covariates) Read(DataFrame patients, string file, TextTable? design, OutcomeKind kind, int[] chosen)
    {
        ArgumentNullException.ThrowIfNull(patients);
        ArgumentNullException.ThrowIfNull(chosen);
        double[] Numbers(string column) => patients.Require(column, file) is NumericColumn n ? n.ToDouble() : throw new InputException($"'{file}': the column '{column}' holds no numbers; the file has been changed since it was written.");
        double[] OfDesign(string column) => [.. chosen.Select(i => double.TryParse(design!.Require(column)[i], NumberStyles.Float, CultureInfo.InvariantCulture, out double v) ? v
            : throw new InputException($"'{design.Path}': row {i + 1}, column '{column}' holds '{design.Require(column)[i]}', which is no number; the file has been changed since it was written."))];
        if (design is not null && !design.Require("patient").SequenceEqual(patients.Index)) throw new InputException($"'{design.Path}': names other patients than patients.csv; the files belong to different runs.");
        double[] weights = design?.Find(Weight) is null ? [] : OfDesign(Weight);
        Outcome outcome;
        if (kind == OutcomeKind.Survival)
        {
            double[] time = Numbers("survival_time"), died = Numbers("event");
            double[] entry = design?.Find(Entry) is null ? [] : OfDesign(Entry);
            int[] strata = design?.Find(Stratum) is not { } names ? [] : CategoricalColumn.FromLabels([.. chosen.Select(i => names[i])]).Codes;
            outcome = Outcome.Of(new SurvivalData([.. chosen.Select(i => time[i])], [.. chosen.Select(i => died[i] > 0)], weights, strata, entry));
        }
        else
        {
            double[] values = Numbers("outcome");
            outcome = kind == OutcomeKind.Binary ? Outcome.Of([.. chosen.Select(i => values[i] > 0)], weights) : Outcome.Of([.. chosen.Select(i => values[i])], weights);
        }
        double[][] columns = design is null ? [] : [.. design.Header.Where(h => h.StartsWith(Covariate, StringComparison.Ordinal)).Select(OfDesign)];
        return (outcome, columns.Length == 0 ? null : [.. Enumerable.Range(0, chosen.Length).SelectMany(i => columns.Select(c => c[i]))]);
    }

    private static double[] Weights(Outcome outcome) => outcome switch
    {
        SurvivalOutcome s => s.Data.Weights.ToArray(),
        BinaryOutcome b => b.Weights ?? [],
        ContinuousOutcome c => c.Weights ?? [],
        _ => [],
    };
}
