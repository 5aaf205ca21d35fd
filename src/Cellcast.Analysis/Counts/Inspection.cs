using System.Globalization;
using Cellcast.Analysis.Cohorts;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Counts;

/// <summary>A matrix of a data set.</summary>
/// <param name="Slot"><c>X</c>, <c>layers/NAME</c>, <c>raw/X</c>.</param>
/// <param name="Stored">How it is stored.</param>
/// <param name="Values">What its values look like; null where they were not read.</param>
public sealed record InspectedMatrix(string Slot, string Stored, CountSummary? Values);

/// <summary>A column of <c>obs</c> or <c>var</c>.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Missing">Rows without a value.</param>
/// <param name="Values">A few values, or their range.</param>
public sealed record InspectedColumn(string Name, string Kind, int Missing, string Values);

/// <summary>Anything else under a key.</summary>
/// <param name="Slot">Slot and key.</param>
/// <param name="What">What it is.</param>
public sealed record InspectedEntry(string Slot, string What);

/// <summary>Whether a command can use the data.</summary>
/// <param name="Use">The command and its option.</param>
/// <param name="Missing">What is missing, in words; empty when nothing is.</param>
/// <param name="Hint">Options that fit this file; may be empty.</param>
public sealed record Readiness(string Use, IReadOnlyList<string> Missing, string Hint);

/// <summary>What is in a data set, and what it can be used for.</summary>
public sealed record Inspection
{
    private const int FewValues = 4;

    /// <summary>Number of observations.</summary>
    public required int Observations { get; init; }

    /// <summary>Number of variables.</summary>
    public required int Variables { get; init; }

    /// <summary>X, layers, raw.</summary>
    public required IReadOnlyList<InspectedMatrix> Matrices { get; init; }

    /// <summary>Columns of <c>obs</c>.</summary>
    public required IReadOnlyList<InspectedColumn> Obs { get; init; }

    /// <summary>Columns of <c>var</c>.</summary>
    public required IReadOnlyList<InspectedColumn> Var { get; init; }

    /// <summary>Entries of <c>obsm</c>, <c>varm</c>, <c>obsp</c>, <c>varp</c>, <c>uns</c>.</summary>
    public required IReadOnlyList<InspectedEntry> Entries { get; init; }

    /// <summary>Names of observations that occur more than once.</summary>
    public required IReadOnlyList<string> RepeatedObservations { get; init; }

    /// <summary>Names of variables that occur more than once.</summary>
    public required IReadOnlyList<string> RepeatedVariables { get; init; }

    /// <summary>What the variables are called by, in words.</summary>
    public required string GeneNames { get; init; }

    /// <summary><c>human</c>, <c>mouse</c>, or null.</summary>
    public required string? Species { get; init; }

    /// <summary>What the data can be used for.</summary>
    public required IReadOnlyList<Readiness> Uses { get; init; }

    /// <summary>Looks at a data set.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="values">Also look at every value of the matrices.</param>
    public static Inspection Of(AnnotatedData data, bool values = true)
    {
        ArgumentNullException.ThrowIfNull(data);
        InspectedMatrix[] matrices = [.. MatricesOf(data).Select(m => new InspectedMatrix(m.Slot, m.Matrix.Describe(), values && m.Matrix.ElementType != typeof(string) ? CountSummary.Of(m.Matrix) : null))];
        var cells = new NameIndex(data.Obs.Index);
        var genes = new NameIndex(data.Var.Index);
        return new Inspection
        {
            Observations = data.ObservationCount,
            Variables = data.VariableCount,
            Matrices = matrices,
            Obs = Columns(data.Obs),
            Var = Columns(data.Var),
            Entries = [.. EntriesOf(data)],
            RepeatedObservations = cells.Duplicates,
            RepeatedVariables = genes.Duplicates,
            GeneNames = Cellcast.AnnData.GeneNames.Describe(data.Var.Index),
            Species = NameEvidence.GuessSpecies(data.Var.Index),
            Uses = UsesOf(data, matrices, values, cells, genes),
        };
    }

    private static IEnumerable<(string Slot, Matrix Matrix)> MatricesOf(AnnotatedData data)
    {
        if (data.X is { } x) yield return ("X", x);
        foreach (var (name, m) in data.Layers) yield return ("layers/" + name, m);
        if (data.Raw?.X is { } raw) yield return ("raw/X", raw);
    }

    private static IEnumerable<InspectedEntry> EntriesOf(AnnotatedData data)
    {
        foreach (var (slot, map) in new[] { ("obsm", data.Obsm), ("varm", data.Varm), ("obsp", data.Obsp), ("varp", data.Varp), ("uns", data.Uns) })
            foreach (var (key, element) in map)
                yield return new InspectedEntry($"{slot}/{key}", element is ElementMap m && m.Count is > 0 and <= 8 ? $"{m.Describe()}: {string.Join(", ", m.Keys)}" : element.Describe());
    }

    private static InspectedColumn[] Columns(DataFrame frame) =>
        [.. frame.ColumnNames.Select(n => new InspectedColumn(n, frame[n].Describe(), Enumerable.Range(0, frame.Length).Count(frame[n].IsMissing), ValuesOf(frame[n])))];

    private static string ValuesOf(Column column)
    {
        switch (column)
        {
            case CategoricalColumn c:
                int[] counts = c.Counts();
                int[] largest = [.. Enumerable.Range(0, counts.Length).OrderByDescending(i => counts[i]).ThenBy(i => i).Take(FewValues)];
                return string.Join(", ", largest.Select(i => $"{c.Categories[i]} ({counts[i]})")) + (counts.Length > FewValues ? ", …" : "");
            case NumericColumn n:
                double[] there = [.. n.ToDouble().Where(v => !double.IsNaN(v))];
                return there.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{there.Min():G6} to {there.Max():G6}");
            case BooleanColumn b:
                int yes = Enumerable.Range(0, b.Length).Count(i => !b.IsMissing(i) && b.Values[i]);
                return $"True ({yes}), False ({Enumerable.Range(0, b.Length).Count(i => !b.IsMissing(i)) - yes})";
            default:
                return string.Join(", ", column.ToText().Where(t => t is not null).Take(FewValues)) + (column.Length > FewValues ? ", …" : "");
        }
    }

    private static Readiness[] UsesOf(AnnotatedData data, InspectedMatrix[] matrices, bool known, NameIndex cells, NameIndex genes)
    {
        var common = new List<string>();
        string hint = known ? "" : " if its values, which were not looked at, are raw counts";
        string? counts = matrices.FirstOrDefault(m => m.Values is { IsRawCounts: true })?.Slot;
        if (known && counts is null) common.Add("raw counts (in X or a layer)");
        else if (counts == "raw/X") common.Add("raw counts in X or a layer (raw/X has them: write a file with them as X)");
        else if (counts is not null and not "X") hint = $" --layer {counts["layers/".Length..]}";
        if (cells.Duplicates.Count > 0) common.Add("unique names in obs");
        if (genes.Duplicates.Count > 0) common.Add("unique names in var");

        var (time, ev) = SurvivalColumns.Usual([.. data.Obs.ColumnNames]);
        var bulk = new List<string>(common);
        if (time is null || ev is null || !IsEvent(data.Obs[ev])) bulk.Add("a survival time and an event in obs ('cellcast cohort' joins a clinical table)");
        bool named = time is Cohort.TimeColumn && ev is Cohort.EventColumn;
        string bulkHint = bulk.Count == common.Count && !named ? $"{hint} --time {time} --event {ev}" : hint;

        string[] labels = [.. data.Obs.ColumnNames.Where(n => data.Obs[n] is CategoricalColumn { Categories.Length: > 1 } c && c.Categories.Length < data.ObservationCount / 2)];
        string referenceHint = hint + (labels.FirstOrDefault(IsBatch) is { } batch ? $" --batch {batch}" : "") + (labels.FirstOrDefault(IsLabel) is { } label ? $" --label {label}" : "");
        var spatial = new List<string>(common);
        if (!data.Obsm.ContainsKey("spatial")) spatial.Add("positions in obsm/spatial (for maps only)");
        return [new("scsurv fit --reference", common, referenceHint.Trim()), new("scsurv fit --bulk", bulk, bulkHint.Trim()), new("scsurv fit --spatial", spatial, hint.Trim())];

        static bool IsBatch(string n) => n.ToLowerInvariant() is "sample" or "batch" or "donor" or "patient" or "donor_id" or "sample_id" or "patient_id" or "orig.ident";
        static bool IsLabel(string n) => n.ToLowerInvariant() is "label" or "cell_type" or "celltype" or "cell_type1" or "annotation" or "bulk_labels" or "louvain" or "leiden" or "cluster";
    }

    private static bool IsEvent(Column column) =>
        Enumerable.Range(0, column.Length).All(i => column.IsMissing(i) || EventStatus.Parse(column.Text(i)) is not null || EventStatus.IsUnknown(column.Text(i)!));
}
