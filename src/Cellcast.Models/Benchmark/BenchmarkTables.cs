using Cellcast.AnnData.Tables;

namespace Cellcast.Models.Benchmark;

/// <summary>Mean and spread over the seeds of one method at one point of the grid.</summary>
/// <param name="Case">The point; its seed is the first.</param>
/// <param name="Method">Name of the method.</param>
/// <param name="Seeds">Seeds with a score.</param>
/// <param name="Failed">Seeds for which the cohort was too small for the method.</param>
/// <param name="Mean">Mean of each measure, in the order of <see cref="BenchmarkTables.Measures"/>; over the seeds that have it.</param>
/// <param name="Deviation">Standard deviation over the seeds (n - 1); NaN for a single one.</param>
public sealed record BenchmarkSummary(BenchmarkCase Case, string Method, int Seeds, int Failed, IReadOnlyList<double> Mean, IReadOnlyList<double> Deviation);

/// <summary>The tables of an accuracy benchmark.</summary>
public static class BenchmarkTables
{
    private static readonly (string Name, Func<BenchmarkScore, double> Of)[] s_measures =
    [
        ("r_type", s => s.PerType),
        ("r_cell", s => s.PerCell),
        ("r_within", s => s.Within),
        ("r_shares", s => s.Shares),
        ("concordance", s => s.Concordance),
        ("concordance_oracle", s => s.OracleConcordance),
        ("concordance_difference", s => s.Concordance - s.OracleConcordance),
        ("coverage_types", s => s.TypeCoverage),
        ("coverage_cells", s => s.CellCoverage),
        ("coverage_patients", s => s.PatientCoverage),
        ("coverage_types_bootstrap", s => s.TypeCoverageBootstrap),
        ("coverage_cells_bootstrap", s => s.CellCoverageBootstrap),
        ("signal_p", s => s.SignalP),
    ];

    /// <summary>Names of the measures.</summary>
    public static IReadOnlyList<string> Measures { get; } = [.. s_measures.Select(m => m.Name)];

    /// <summary><c>results.csv</c>: one row per cohort and method. Holds nothing that depends on the machine.</summary>
    public static CsvFile Results(IReadOnlyList<BenchmarkScore> scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        CsvFile table = Columns(new CsvFile(), [.. scores.Select(s => s.Case)])
            .Add("seed", [.. scores.Select(s => s.Case.Seed)])
            .Add("method", [.. scores.Select(s => s.Method)])
            .Add("events", [.. scores.Select(s => s.Events)]);
        foreach (var (name, of) in s_measures) table.Add(name, [.. scores.Select(of)]);
        return table.Add("note", [.. scores.Select(s => s.Note.Length == 0 ? null : s.Note)]);
    }

    /// <summary><c>types.csv</c>: known and estimated contribution of each type, each less its mean over the types of the cohort.</summary>
    public static CsvFile Types(IReadOnlyList<BenchmarkScore> scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        var rows = scores.SelectMany(s => s.Types.Select(t => (Score: s, Type: t))).ToArray();
        return Columns(new CsvFile(), [.. rows.Select(r => r.Score.Case)])
            .Add("seed", [.. rows.Select(r => r.Score.Case.Seed)])
            .Add("method", [.. rows.Select(r => r.Score.Method)])
            .Add("type", [.. rows.Select(r => r.Type.Type)])
            .Add("cells", [.. rows.Select(r => r.Type.Cells)])
            .Add("known", [.. rows.Select(r => r.Type.Known)])
            .Add("estimated", [.. rows.Select(r => r.Type.Estimated)]);
    }

    /// <summary><c>times.csv</c>: seconds of each method, stages shared with other cohorts included.</summary>
    public static CsvFile Times(IReadOnlyList<BenchmarkScore> scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        return Columns(new CsvFile(), [.. scores.Select(s => s.Case)])
            .Add("seed", [.. scores.Select(s => s.Case.Seed)])
            .Add("method", [.. scores.Select(s => s.Method)])
            .Add("seconds", [.. scores.Select(s => s.Seconds)]);
    }

    /// <summary>Mean and spread over the seeds, in the order in which points and methods first occur.</summary>
    public static IReadOnlyList<BenchmarkSummary> Summarize(IReadOnlyList<BenchmarkScore> scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        return [.. scores.GroupBy(s => (Point: s.Case with { Seed = 0 }, s.Method)).Select(g =>
        {
            BenchmarkScore[] scored = [.. g.Where(s => s.Note.Length == 0)];
            double[][] values = [.. s_measures.Select(m => scored.Select(m.Of).Where(double.IsFinite).ToArray())];
            return new BenchmarkSummary(g.First().Case, g.Key.Method, scored.Length, g.Count() - scored.Length,
                [.. values.Select(v => v.Length == 0 ? double.NaN : v.Average())], [.. values.Select(Deviation)]);
        })];
    }

    /// <summary><c>summary.csv</c>.</summary>
    public static CsvFile Summary(IReadOnlyList<BenchmarkSummary> summaries)
    {
        ArgumentNullException.ThrowIfNull(summaries);
        CsvFile table = Columns(new CsvFile(), [.. summaries.Select(s => s.Case)])
            .Add("method", [.. summaries.Select(s => s.Method)])
            .Add("seeds", [.. summaries.Select(s => s.Seeds)])
            .Add("too_small", [.. summaries.Select(s => s.Failed)]);
        for (int m = 0; m < s_measures.Length; m++)
        {
            int measure = m;
            table.Add(s_measures[m].Name, [.. summaries.Select(s => s.Mean[measure])]).Add(s_measures[m].Name + "_sd", [.. summaries.Select(s => s.Deviation[measure])]);
        }
        return table;
    }

    private static CsvFile Columns(CsvFile table, BenchmarkCase[] cases) => table
        .Add("patients", [.. cases.Select(c => c.Patients)])
        .Add("event_share", [.. cases.Select(c => c.EventShare)])
        .Add("types", [.. cases.Select(c => c.Types)])
        .Add("platform_effect", [.. cases.Select(c => c.PlatformEffect)])
        .Add("batch_effect", [.. cases.Select(c => c.BatchEffect)])
        .Add("missing_types", [.. cases.Select(c => c.MissingTypes)])
        .Add("effect", [.. cases.Select(c => c.Effect)]);

    private static double Deviation(double[] values)
    {
        if (values.Length < 2) return double.NaN;
        double mean = values.Average();
        return Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1));
    }
}
