using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using MathNet.Numerics;

namespace Cellcast.Analysis.GeneSets;

/// <summary>A gene set among chosen genes.</summary>
/// <param name="Name">The set.</param>
/// <param name="Size">Its genes among all genes that could have been chosen.</param>
/// <param name="Overlap">Its genes among the chosen ones.</param>
/// <param name="FoldEnrichment">Overlap over what is expected by chance.</param>
/// <param name="PValue">Chance of an overlap that large or larger, by the hypergeometric distribution (Fisher's exact test, one-sided).</param>
/// <param name="QValue">p-values adjusted over the sets (Benjamini and Hochberg).</param>
/// <param name="Genes">The genes in both.</param>
public sealed record OverRepresentedSet(string Name, int Size, int Overlap, double FoldEnrichment, double PValue, double QValue, IReadOnlyList<string> Genes);

/// <summary>Do chosen genes hold more of a set than chance would put there?</summary>
public static class OverRepresentation
{
    /// <summary>Tests every set, lowest p-value first.</summary>
    /// <param name="chosen">The chosen genes.</param>
    /// <param name="background">All genes that could have been chosen, such as those that were measured.</param>
    /// <param name="sets">The sets; only their genes in the background count.</param>
    /// <param name="source">File of the genes, to name in messages.</param>
    /// <param name="minimumSize">Fewest genes of a set that must be in the background.</param>
    /// <param name="maximumSize">Most genes of a set that may be in the background.</param>
    /// <exception cref="InputException">A chosen gene is not in the background, or no set has enough genes in it.</exception>
    public static IReadOnlyList<OverRepresentedSet> Of(IReadOnlyList<string> chosen, IReadOnlyList<string> background, IReadOnlyList<GeneSet> sets, string source, int minimumSize = 5, int maximumSize = 2000)
    {
        ArgumentNullException.ThrowIfNull(chosen);
        ArgumentNullException.ThrowIfNull(background);
        string[] all = [.. background.Distinct(StringComparer.Ordinal)];
        var picked = chosen.ToHashSet(StringComparer.Ordinal);
        var known = all.ToHashSet(StringComparer.Ordinal);
        if (picked.FirstOrDefault(g => !known.Contains(g)) is { } stranger) throw new InputException($"'{source}': the chosen gene '{stranger}' is not among the {all.Length} genes of the background; choose from these.");
        MatchedGeneSet[] tested = [.. MatchedGeneSets.Of(sets, all, source).Where(s => s.Genes.Length >= minimumSize && s.Genes.Length <= maximumSize)];
        if (tested.Length == 0) throw new InputException($"none of the {sets.Count} gene sets has {minimumSize} to {maximumSize} of its genes among the {all.Length} genes of '{source}'; change the limits.");
        string[][] shared = [.. tested.Select(s => s.Genes.Select(g => all[g]).Where(picked.Contains).ToArray())];
        double[] p = [.. tested.Select((s, i) => UpperTail(shared[i].Length, picked.Count, s.Genes.Length, all.Length))], q = MultipleTesting.BenjaminiHochberg(p);
        return [.. tested.Select((s, i) => new OverRepresentedSet(s.Name, s.Genes.Length, shared[i].Length, shared[i].Length / ((double)s.Genes.Length * picked.Count / all.Length), p[i], q[i], shared[i]))
            .OrderBy(s => s.PValue).ThenBy(s => s.Name, StringComparer.Ordinal)];
    }

    /// <summary>P(X >= overlap) when so many genes are drawn from all, of which some are marked.</summary>
    internal static double UpperTail(int overlap, int drawn, int marked, int all)
    {
        if (overlap <= Math.Max(0, drawn + marked - all)) return 1;
        int most = Math.Min(drawn, marked);
        if (overlap > most) return 0;
        // Terms fall off beyond the mean; below it the sum of the other tail is the shorter one.
        double mean = (double)drawn * marked / all;
        if (overlap <= mean) return Math.Max(0, 1 - Sum(overlap - 1, -1));
        return Math.Min(1, Sum(overlap, 1));

        double Sum(int from, int step)
        {
            double term = Math.Exp(LogChoose(marked, from) + LogChoose(all - marked, drawn - from) - LogChoose(all, drawn)), sum = 0;
            for (int k = from; k <= most && k >= Math.Max(0, drawn + marked - all); k += step)
            {
                sum += term;
                if (term < sum * 1e-17) break;
                term *= step > 0 ? (double)(marked - k) * (drawn - k) / ((k + 1.0) * (all - marked - drawn + k + 1.0)) : k * (double)(all - marked - drawn + k) / ((marked - k + 1.0) * (drawn - k + 1.0));
            }
            return sum;
        }

        static double LogChoose(int n, int k) => SpecialFunctions.GammaLn(n + 1.0) - SpecialFunctions.GammaLn(k + 1.0) - SpecialFunctions.GammaLn(n - k + 1.0);
    }
}
