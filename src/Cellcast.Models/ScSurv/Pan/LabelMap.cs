using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Models.ScSurv.Pan;

/// <summary>Names under which cell types of several references meet: a table with columns <c>label</c> and <c>name</c>, and perhaps <c>cohort</c> where a row holds for one cohort only. A label that is not in the table
/// keeps its own name; an empty name leaves the type out.</summary>
public sealed class LabelMap
{
    private readonly Dictionary<(string? Cohort, string Label), string> _names = [];

    /// <summary>A map that changes nothing.</summary>
    public static LabelMap Empty { get; } = new();

    private LabelMap() { }

    /// <summary>Reads the table.</summary>
    /// <param name="path">csv or tsv.</param>
    /// <param name="cohorts">Names of the cohorts.</param>
    /// <exception cref="InputException">A column is absent, a label occurs twice with different names, or a cohort is unknown.</exception>
    public static LabelMap Read(string path, IReadOnlyList<string> cohorts)
    {
        ArgumentNullException.ThrowIfNull(cohorts);
        TextTable table = TextTable.Read(path);
        string[] labels = table.Require("label"), names = table.Require("name");
        string[]? of = table.Find("cohort");
        var map = new LabelMap();
        for (int r = 0; r < table.Rows; r++)
        {
            string? cohort = of is null || of[r].Length == 0 ? null : of[r];
            if (labels[r].Length == 0) throw new InputException($"'{path}': row {r + 1} has no label; name the cell type as the reference does.");
            if (cohort is not null && !cohorts.Contains(cohort)) throw new InputException($"'{path}': row {r + 1} is for the cohort '{cohort}', but the cohorts are {string.Join(", ", cohorts.Select(c => $"'{c}'"))}.");
            if (!map._names.TryAdd((cohort, labels[r]), names[r]) && map._names[(cohort, labels[r])] != names[r])
                throw new InputException($"'{path}': the label '{labels[r]}' is called '{map._names[(cohort, labels[r])]}' and, in row {r + 1}, '{names[r]}'; keep one of them.");
        }
        return map;
    }

    /// <summary>Name of a label among cohorts; null for one that is left out.</summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="label">Its label.</param>
    public string? NameOf(string cohort, string label)
    {
        string name = _names.TryGetValue((cohort, label), out string? own) ? own : _names.GetValueOrDefault((null, label), label);
        return name.Length == 0 ? null : name;
    }
}
