using System.Diagnostics.CodeAnalysis;

namespace Cellcast.AnnData;

/// <summary>Finds rows by name and knows which names occur more than once.</summary>
public sealed class NameIndex
{
    private readonly Dictionary<string, int> _first = new(StringComparer.Ordinal);

    /// <param name="names">The names; position = row.</param>
    public NameIndex(IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        HashSet<string> seenTwice = new(StringComparer.Ordinal);
        List<string> duplicates = [];
        for (int i = 0; i < names.Count; i++)
            if (!_first.TryAdd(names[i], i) && seenTwice.Add(names[i])) duplicates.Add(names[i]);
        (Names, Duplicates) = (names, duplicates);
    }

    /// <summary>The names.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Names that occur more than once, each listed once, in order of their second occurrence.</summary>
    public IReadOnlyList<string> Duplicates { get; }

    /// <summary>First row of that name, -1 where there is none.</summary>
    public int this[string name] => _first.GetValueOrDefault(name, -1);

    /// <summary>First row of that name.</summary>
    public bool TryGet([NotNullWhen(true)] string? name, out int row)
    {
        row = -1;
        return name is not null && _first.TryGetValue(name, out row);
    }

    /// <summary>Whether the name occurs.</summary>
    public bool Contains(string name) => _first.ContainsKey(name);

    /// <summary>Refuses repeated names.</summary>
    /// <param name="source">File (and slot) to name in the error.</param>
    /// <param name="what">What the names are: <c>gene</c>, <c>cell</c>.</param>
    /// <exception cref="InputException">A name occurs more than once.</exception>
    public void RequireUnique(string source, string what)
    {
        if (Duplicates.Count == 0) return;
        throw new InputException($"'{source}': {Duplicates.Count} {what} name{(Duplicates.Count == 1 ? " occurs" : "s occur")} more than once ({GeneNames.Examples(Duplicates)}); make the names unique.");
    }
}
