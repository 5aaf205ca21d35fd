using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.GeneSets;

/// <summary>A gene set found among the genes of some data.</summary>
/// <param name="Name">The set.</param>
/// <param name="Genes">Positions of its genes, ascending.</param>
/// <param name="Listed">How many genes the set lists.</param>
public sealed record MatchedGeneSet(string Name, int[] Genes, int Listed);

/// <summary>Finds the genes of sets among those of data, by name.</summary>
public static class MatchedGeneSets
{
    /// <summary>Matches sets to genes. Of a name that occurs several times in the data the first is taken; where hardly any name matches as written, case is ignored.</summary>
    /// <param name="sets">The sets.</param>
    /// <param name="genes">Names of the genes of the data.</param>
    /// <param name="source">File to name in messages.</param>
    /// <exception cref="InputException">No gene of any set is there.</exception>
    public static IReadOnlyList<MatchedGeneSet> Of(IReadOnlyList<GeneSet> sets, IReadOnlyList<string> genes, string source)
    {
        ArgumentNullException.ThrowIfNull(sets);
        ArgumentNullException.ThrowIfNull(genes);
        MatchedGeneSet[] exact = Match(sets, genes, StringComparer.Ordinal), relaxed = Match(sets, genes, StringComparer.OrdinalIgnoreCase);
        long found = exact.Sum(s => (long)s.Genes.Length), ignoringCase = relaxed.Sum(s => (long)s.Genes.Length);
        if (ignoringCase == 0)
            throw new InputException($"'{source}' has no gene of any gene set, neither '{sets[0].Genes[0]}' nor the others; the sets must name genes as the data does, such as '{(genes.Count > 0 ? genes[0] : "")}' ({Cellcast.AnnData.GeneNames.Describe(genes)}).");
        // Human sets for mouse data: symbols of orthologues mostly differ in case only.
        return ignoringCase > 10 * found ? relaxed : exact;
    }

    private static MatchedGeneSet[] Match(IReadOnlyList<GeneSet> sets, IReadOnlyList<string> genes, StringComparer comparer)
    {
        var position = new Dictionary<string, int>(comparer);
        for (int g = 0; g < genes.Count; g++) position.TryAdd(genes[g], g);
        return [.. sets.Select(s => new MatchedGeneSet(s.Name, [.. s.Genes.Select(g => position.GetValueOrDefault(g, -1)).Where(g => g >= 0).Distinct().Order()], s.Genes.Count))];
    }
}
