using System.Globalization;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Cohorts;

/// <summary>Clinical data, one row per key (patient or sample): what each was recorded with, and survival.</summary>
internal sealed class ClinicalRecords
{
    private readonly Dictionary<string, int> _row = new(StringComparer.Ordinal);

    private ClinicalRecords(string path, string keyColumn, string[] keys)
    {
        (Path, KeyColumn, Keys) = (path, keyColumn, keys);
        for (int i = 0; i < keys.Length; i++) _row[keys[i]] = i;
    }

    /// <summary>The file.</summary>
    internal string Path { get; }

    /// <summary>Column that the keys are from.</summary>
    internal string KeyColumn { get; }

    /// <summary>The keys, all different, in order of their first row.</summary>
    internal string[] Keys { get; }

    /// <summary>Columns by name, one cell per key; null where missing.</summary>
    internal OrderedDictionary<string, string?[]> Columns { get; } = new(StringComparer.Ordinal);

    /// <summary>Row of a key, -1 where there is none.</summary>
    internal int RowOf(string key) => _row.GetValueOrDefault(key, -1);

    /// <summary>
    /// Takes a table in which a key may have several rows (GDC writes one per treatment): per column the first value that is stated is kept.
    /// </summary>
    /// <param name="table">The table.</param>
    /// <param name="key">Column with the keys; rows without a key are left out.</param>
    /// <param name="agree">Columns in which the rows of a key must not contradict each other.</param>
    /// <param name="report">Told how many keys have several rows.</param>
    internal static ClinicalRecords From(TextTable table, string key, IReadOnlyList<string> agree, CohortReport report)
    {
        string[] cells = table.Require(key);
        string[] keys = [.. cells.Where(k => !IsMissing(k)).Distinct(StringComparer.Ordinal)];
        var records = new ClinicalRecords(table.Path, key, keys);
        int[] at = Array.ConvertAll(cells, k => IsMissing(k) ? -1 : records.RowOf(k));
        for (int c = 0; c < table.Header.Length; c++)
        {
            string name = table.Header[c];
            if (name == key) continue;
            var merged = new string?[keys.Length];
            for (int r = 0; r < at.Length; r++)
            {
                string cell = table.Columns[c][r];
                if (at[r] < 0 || IsMissing(cell)) continue;
                if (merged[at[r]] is null) merged[at[r]] = cell;
                else if (merged[at[r]] != cell && agree.Contains(name))
                    throw new InputException($"'{table.Path}': '{cells[r]}' has several rows that disagree in '{name}' ('{merged[at[r]]}' and '{cell}'); keep one of them.");
            }
            records.Columns[name] = merged;
        }
        string[] several = [.. at.Where(i => i >= 0).GroupBy(i => i).Where(g => g.Count() > 1).Select(g => keys[g.Key])];
        report.Kept($"have several rows in '{System.IO.Path.GetFileName(table.Path)}'; the first stated value of each column was taken", several);
        return records;
    }

    /// <summary>Whether a cell says nothing.</summary>
    internal static bool IsMissing(string cell) => ColumnInference.IsMissing(cell) || EventStatus.IsUnknown(cell);

    /// <summary>A cell as a number; null where missing.</summary>
    /// <exception cref="InputException">It is neither.</exception>
    internal double? Number(string column, int row)
    {
        if (Columns[column][row] is not { } text) return null;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double v) && double.IsFinite(v)) return v;
        throw new InputException($"'{Path}': '{Keys[row]}' has '{text}' in '{column}', which is not a number.");
    }

    /// <summary>A cell as an event; null where missing.</summary>
    /// <exception cref="InputException">It is neither.</exception>
    internal bool? Event(string column, int row)
    {
        if (Columns[column][row] is not { } text) return null;
        return EventStatus.Parse(text) ?? throw new InputException($"'{Path}': '{Keys[row]}' has '{text}' in '{column}', which is no event; {EventStatus.Accepted} are understood.");
    }
}
