using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>What one of several trainings with different seeds found.</summary>
/// <param name="Seed">Its seed.</param>
/// <param name="Contribution">Contribution of each cell relative to the average patient, N.</param>
/// <param name="ContributionSd">Standard deviations within the run; empty for a method without intervals.</param>
/// <param name="LinearPredictor">Linear predictor of each patient relative to the average one, S.</param>
/// <param name="LinearPredictorSd">Standard deviations within the run; empty for a method without intervals.</param>
/// <param name="TypeSd">Standard deviations of the types' mean contributions within the run; empty likewise, or without labels.</param>
/// <param name="Genes">Correlation of each gene's rate with the contribution, G.</param>
/// <param name="Concordance">Concordance of each part of the cohort, by name; parts without comparable patients are absent.</param>
public sealed record SeedRun(long Seed, double[] Contribution, double[] ContributionSd, double[] LinearPredictor, double[] LinearPredictorSd, double[] TypeSd, double[] Genes, IReadOnlyDictionary<string, double> Concordance)
{
    private static readonly JsonSerializerOptions s_json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>Keeps the run in a file, so that it need not be trained again.</summary>
    public void Save(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, s_json));

    /// <summary>The run in a file; null where there is none.</summary>
    /// <exception cref="InputException">The file is damaged.</exception>
    public static SeedRun? Load(string path)
    {
        if (!File.Exists(path)) return null;
        try { return JsonSerializer.Deserialize<SeedRun>(File.ReadAllText(path), s_json); }
        catch (JsonException e) { throw new InputException($"'{path}': the finished run cannot be read ({e.Message.TrimEnd('.')}); delete the file and resume again.", e); }
    }

    /// <summary>Takes what several runs are compared by from the results of one.</summary>
    /// <param name="seed">Its seed.</param>
    /// <param name="results">Its results.</param>
    /// <param name="learned">Patients whose average contributions are relative to.</param>
    /// <param name="genes">Correlation of each gene with the contribution.</param>
    /// <param name="types">Means of the types with intervals, or null.</param>
    public static SeedRun Of(long seed, ScSurvResults results, int[] learned, double[] genes, ContributionValues? types)
    {
        ArgumentNullException.ThrowIfNull(results);
        double center = learned.Average(i => results.LinearPredictor[i]);
        // Those with intervals are relative to the average patient already, and linear predictors may hold covariates.
        double origin = results.ContributionInterval is null ? center : 0;
        return new SeedRun(seed, [.. results.RawContribution.Select(b => b - origin)], results.ContributionInterval?.StandardDeviation ?? [],
            [.. results.LinearPredictor.Select(e => e - center)], results.LinearPredictorInterval?.StandardDeviation ?? [], types?.StandardDeviation ?? [], genes,
            results.Concordance.Where(c => c.Value is not null).ToDictionary(c => c.Key.ToString().ToLowerInvariant(), c => c.Value!.Value));
    }
}

/// <summary>Several trainings with different seeds on the same patients: what they agree on.</summary>
public static class SeedRuns
{
    /// <summary>A table of mean, spread and interval.</summary>
    /// <param name="kind">Name of the first column.</param>
    /// <param name="names">Its values.</param>
    /// <param name="values">A row of values per run.</param>
    /// <param name="within">A row of standard deviations within the run per run; rows may be empty.</param>
    /// <remarks>Columns: <c>mean</c> over runs; <c>sd_runs</c>, standard deviation between runs; <c>sd</c>, that and the mean variance within runs together;
    /// <c>lower</c>, <c>upper</c>, mean -/+ 1.96 sd; <c>probability_adverse</c>, of being above 0.</remarks>
    public static CsvFile Table(string kind, IReadOnlyList<string> names, IReadOnlyList<double[]> values, IReadOnlyList<double[]> within)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(within);
        int n = names.Count, runs = values.Count;
        double[] mean = new double[n], between = new double[n], total = new double[n];
        for (int i = 0; i < n; i++)
        {
            mean[i] = values.Average(v => v[i]);
            double variance = runs < 2 ? 0 : values.Sum(v => (v[i] - mean[i]) * (v[i] - mean[i])) / (runs - 1);
            between[i] = Math.Sqrt(variance);
            total[i] = Math.Sqrt(variance + (within.All(w => w.Length == n) ? within.Average(w => w[i] * w[i]) : 0));
        }
        var interval = new ContributionValues(mean, total);
        return new CsvFile().Add(kind, [.. names]).Add("mean", mean).Add("sd_runs", between).Add("sd", total).Add("lower", interval.Lower).Add("upper", interval.Upper)
            .Add("probability_adverse", interval.ProbabilityPositive);
    }

    /// <summary>Means over groups of cells.</summary>
    /// <param name="run">A run.</param>
    /// <param name="groupOf">Group of each cell, -1 for none.</param>
    /// <param name="groups">Number of groups.</param>
    public static double[] Means(SeedRun run, int[] groupOf, int groups)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(groupOf);
        double[] sum = new double[groups], count = new double[groups];
        for (int c = 0; c < groupOf.Length; c++)
        {
            if (groupOf[c] < 0) continue;
            sum[groupOf[c]] += run.Contribution[c];
            count[groupOf[c]]++;
        }
        return [.. sum.Select((s, g) => s / count[g])];
    }

    /// <summary>What <c>metrics.json</c> says under <c>runs</c>: seeds, mean and sd of the concordances, mean correlation of the contributions of two runs.</summary>
    public static JsonObject Summary(IReadOnlyList<SeedRun> runs)
    {
        ArgumentNullException.ThrowIfNull(runs);
        var concordance = new JsonObject();
        foreach (string part in runs.SelectMany(r => r.Concordance.Keys).Distinct())
        {
            double[] values = [.. runs.Where(r => r.Concordance.ContainsKey(part)).Select(r => r.Concordance[part])];
            double mean = values.Average();
            concordance[part] = new JsonObject { ["mean"] = mean, ["sd"] = values.Length < 2 ? null : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1)) };
        }
        var r = new List<double>();
        for (int i = 0; i < runs.Count; i++)
            for (int j = 0; j < i; j++) r.Add(Analysis.Statistics.Correlation.Pearson(runs[i].Contribution, runs[j].Contribution).Coefficient);
        double[] finite = [.. r.Where(double.IsFinite)];
        return new JsonObject
        {
            ["seeds"] = new JsonArray([.. runs.Select(run => (JsonNode)run.Seed)]),
            ["concordance"] = concordance,
            ["correlation_of_cells_between_runs"] = finite.Length == 0 ? null : finite.Average(),
        };
    }
}
