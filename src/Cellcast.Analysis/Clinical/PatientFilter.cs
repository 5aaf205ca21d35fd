using Cellcast.AnnData;

namespace Cellcast.Analysis.Clinical;

/// <summary>Chooses patients by columns of a cohort: <c>sample_type=Primary</c>, several conditions with commas between them, several values with <c>|</c>.</summary>
public static class PatientFilter
{
    /// <summary>Refuses conditions that cannot be read, whatever the cohort.</summary>
    /// <param name="conditions">As in <see cref="Rows"/>.</param>
    /// <exception cref="InputException">A condition cannot be read.</exception>
    public static void Check(string conditions)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        foreach (string condition in conditions.Split(',', StringSplitOptions.TrimEntries)) Parse(condition);
    }

    /// <summary>Rows that meet all conditions, in order.</summary>
    /// <param name="obs">Annotation of the cohort.</param>
    /// <param name="file">The file to name in errors.</param>
    /// <param name="conditions">The conditions: <c>COLUMN=VALUE</c>, <c>COLUMN=VALUE|VALUE</c> or <c>COLUMN!=VALUE</c>, with commas between them.</param>
    /// <exception cref="InputException">A condition cannot be read, a column is absent, or nobody is left.</exception>
    public static int[] Rows(DataFrame obs, string file, string conditions)
    {
        ArgumentNullException.ThrowIfNull(obs);
        ArgumentNullException.ThrowIfNull(conditions);
        IEnumerable<int> rows = Enumerable.Range(0, obs.Length);
        foreach (string condition in conditions.Split(',', StringSplitOptions.TrimEntries))
        {
            var (name, not, values) = Parse(condition);
            Column column = obs.Require(name, file);
            var there = new HashSet<string>(column.ToText().OfType<string>(), StringComparer.Ordinal);
            foreach (string value in values)
                if (!there.Contains(value)) throw new InputException($"'{file}', obs column '{name}': no patient has '{value}'; it has {string.Join(", ", there.Order(StringComparer.Ordinal).Take(12).Select(v => $"'{v}'"))}{(there.Count > 12 ? ", …" : "")}.");
            rows = rows.Where(i => column.Text(i) is { } text && values.Contains(text, StringComparer.Ordinal) != not);
        }
        int[] chosen = [.. rows];
        return chosen.Length > 0 ? chosen : throw new InputException($"'{file}': no patient meets '{conditions}'.");
    }

    private static (string Column, bool Not, string[] Values) Parse(string condition)
    {
        int at = condition.IndexOf('=', StringComparison.Ordinal);
        bool not = at > 0 && condition[at - 1] == '!';
        string name = at < 0 ? "" : condition[..(not ? at - 1 : at)].Trim();
        if (name.Length == 0) throw new InputException($"the condition '{condition}' cannot be read; write it as COLUMN=VALUE, COLUMN=VALUE|VALUE or COLUMN!=VALUE.");
        return (name, not, condition[(at + 1)..].Split('|', StringSplitOptions.TrimEntries));
    }
}
