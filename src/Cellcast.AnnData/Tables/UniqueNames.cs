namespace Cellcast.AnnData.Tables;

/// <summary>Makes repeated names different, as the field does.</summary>
public static class UniqueNames
{
    /// <summary>The first of equal names stays; the next become <c>NAME-1</c>, <c>NAME-2</c> …, leaving out what exists already.</summary>
    /// <returns>A new array, or the given one when nothing repeats.</returns>
    public static string[] Make(string[] names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var taken = new HashSet<string>(names, StringComparer.Ordinal);
        if (taken.Count == names.Length) return names;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var next = new Dictionary<string, int>(StringComparer.Ordinal);
        var result = new string[names.Length];
        for (int i = 0; i < names.Length; i++)
        {
            string name = names[i];
            if (seen.Add(name))
            {
                result[i] = name;
                continue;
            }
            int k = next.GetValueOrDefault(name, 0);
            do result[i] = $"{name}-{++k}";
            while (!taken.Add(result[i]));
            next[name] = k;
        }
        return result;
    }
}
