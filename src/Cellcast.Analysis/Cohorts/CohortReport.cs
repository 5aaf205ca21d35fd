using System.Text.RegularExpressions;

namespace Cellcast.Analysis.Cohorts;

/// <summary>One thing that was joined, decided or dropped.</summary>
/// <param name="What">In words.</param>
/// <param name="Count">How many it concerns; null for a decision.</param>
/// <param name="Examples">The first few names.</param>
/// <param name="IsLoss">Whether something that was given is not in the cohort.</param>
public sealed record CohortNote(string What, int? Count, IReadOnlyList<string> Examples, bool IsLoss)
{
    /// <summary>The note on one line.</summary>
    public override string ToString()
    {
        string examples = Examples.Count == 0 ? "" : $" ({string.Join(", ", Examples)}{(Count > Examples.Count ? ", …" : "")})";
        return (Count is { } n ? $"{n} {(n == 1 ? OfOne(What) : What)}" : What) + examples;
    }

    // Notes are worded for several; the first noun is what is counted, or the verb where none is said.
    private static string OfOne(string what)
    {
        string one = Regex.Replace(what, "^(have|are)\\b", m => m.Value == "have" ? "has" : "is");
        return one != what ? one : new Regex("\\b(sample|patient|gene|id|name|file|column|entrie)s\\b").Replace(what, m => m.Groups[1].Value is "entrie" ? "entry" : m.Groups[1].Value, 1);
    }
}

/// <summary>What was joined, dropped and why, in the order in which it happened.</summary>
public sealed class CohortReport
{
    private const int MostExamples = 3;
    private readonly List<CohortNote> _notes = [];

    /// <summary>The notes.</summary>
    public IReadOnlyList<CohortNote> Notes => _notes;

    internal void Say(string what) => _notes.Add(new CohortNote(what, null, [], false));

    internal void Count(string what, int count) => _notes.Add(new CohortNote(what, count, [], false));

    internal void Kept(string what, IReadOnlyCollection<string> names) => Add(what, names, false);

    internal void Dropped(string what, IReadOnlyCollection<string> names) => Add(what, names, true);

    // Nothing is said about what did not happen.
    private void Add(string what, IReadOnlyCollection<string> names, bool loss)
    {
        if (names.Count > 0) _notes.Add(new CohortNote(what, names.Count, [.. names.Take(MostExamples)], loss));
    }
}
