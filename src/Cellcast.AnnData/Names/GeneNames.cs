using System.Text.RegularExpressions;

namespace Cellcast.AnnData;

/// <summary>What kind of gene names a list holds.</summary>
public enum GeneNameKind
{
    /// <summary>Gene symbols in capitals, as for human genes (<c>TP53</c>), or nothing recognised.</summary>
    Symbol,
    /// <summary>Gene symbols with a capital and small letters, as for mouse genes (<c>Trp53</c>).</summary>
    MouseSymbol,
    /// <summary>Ensembl identifiers (<c>ENSG00000141510</c>, <c>ENSMUSG…</c>).</summary>
    Ensembl,
    /// <summary>Ensembl identifiers with a version (<c>ENSG00000141510.16</c>).</summary>
    EnsemblWithVersion,
    /// <summary>Numbers, such as Entrez identifiers (<c>7157</c>) or mere positions.</summary>
    Number,
}

/// <summary>Gene names of several files: which they share, and, if none, why.</summary>
public static partial class GeneNames
{
    [GeneratedRegex(@"^ENS[A-Z]{0,6}[GT]\d{11}(\.\d+)?(_PAR_Y)?$")]
    private static partial Regex EnsemblPattern();

    [GeneratedRegex(@"^[A-Z][a-z0-9]*[a-z][A-Za-z0-9.\-]*$")]
    private static partial Regex MousePattern();

    /// <summary>The kind most names of a list have.</summary>
    public static GeneNameKind Detect(IEnumerable<string> names)
    {
        int total = 0, ensembl = 0, versioned = 0, number = 0, mouse = 0;
        foreach (string name in names)
        {
            total++;
            if (EnsemblPattern().IsMatch(name))
            {
                ensembl++;
                if (name.Contains('.', StringComparison.Ordinal)) versioned++;
            }
            else if (name.Length > 0 && name.All(char.IsAsciiDigit)) number++;
            else if (MousePattern().IsMatch(name)) mouse++;
        }
        if (2 * ensembl > total) return 2 * versioned > ensembl ? GeneNameKind.EnsemblWithVersion : GeneNameKind.Ensembl;
        if (2 * number > total) return GeneNameKind.Number;
        return 2 * mouse > total ? GeneNameKind.MouseSymbol : GeneNameKind.Symbol;
    }

    /// <summary>An Ensembl identifier without its version; other names as they are.</summary>
    public static string WithoutVersion(string name) =>
        name.StartsWith("ENS", StringComparison.Ordinal) && EnsemblPattern().IsMatch(name) && name.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? name[..dot] : name;

    /// <summary>The kind in words, for messages: <c>Ensembl identifiers such as ENSG00000141510</c>.</summary>
    public static string Describe(IReadOnlyList<string> names)
    {
        if (names.Count == 0) return "no names at all";
        string kind = Detect(names) switch
        {
            GeneNameKind.Ensembl => "Ensembl identifiers",
            GeneNameKind.EnsemblWithVersion => "Ensembl identifiers with versions",
            GeneNameKind.Number => "numbers",
            GeneNameKind.MouseSymbol => "symbols in mouse spelling",
            _ => "symbols",
        };
        return $"{kind} such as {names[0]}";
    }

    /// <summary>The genes that all lists share, sorted ordinally, and where each list has them.</summary>
    /// <param name="lists">Two or more lists with the file to name in errors.</param>
    /// <exception cref="InputException">No gene is shared (the message says why if it can tell), or a shared name occurs twice in one list.</exception>
    public static GeneAlignment Align(params GeneList[] lists)
    {
        ArgumentNullException.ThrowIfNull(lists);
        if (lists.Length == 0) throw new ArgumentException("no lists to align", nameof(lists));
        var indices = lists.Select(l => new NameIndex(l.Names)).ToArray();
        string[] common = lists[0].Names.Distinct(StringComparer.Ordinal).Where(n => indices.All(i => i.Contains(n))).Order(StringComparer.Ordinal).ToArray();
        if (common.Length == 0) throw new InputException(WhyNothingIsShared(lists));
        var shared = common.ToHashSet(StringComparer.Ordinal);
        for (int l = 0; l < lists.Length; l++)
        {
            string[] ambiguous = indices[l].Duplicates.Where(shared.Contains).ToArray();
            if (ambiguous.Length > 0)
                throw new InputException($"'{lists[l].Source}': {ambiguous.Length} gene name{(ambiguous.Length == 1 ? " occurs" : "s occur")} more than once in var ({Examples(ambiguous)}); sum or rename those genes first.");
        }
        return new GeneAlignment(common, indices.Select(i => Array.ConvertAll(common, n => i[n])).ToArray());
    }

    /// <summary>The first few of a list, quoted, for messages.</summary>
    internal static string Examples(IReadOnlyList<string> names) => string.Join(", ", names.Take(3).Select(n => $"'{n}'")) + (names.Count > 3 ? ", …" : "");

    private static string WhyNothingIsShared(GeneList[] lists)
    {
        string have = string.Join(", ", lists.Select(l => $"'{l.Source}' has {Describe(l.Names)}"));
        var kinds = lists.Select(l => Detect(l.Names)).ToArray();
        string what;
        if (kinds.Distinct().Count() == 1) what = "check that the genes are in var and that both are the same species";
        else if (kinds.All(k => k is GeneNameKind.Ensembl or GeneNameKind.EnsemblWithVersion)) what = "remove the versions first";
        else if (kinds.All(k => k is GeneNameKind.Symbol or GeneNameKind.MouseSymbol)) what = "they look like different species, so translate one into the other's orthologues first";
        else what = "translate one into the other's names first";
        return $"no gene is shared: {have}; {what}.";
    }
}

/// <summary>A list of gene names and where it came from.</summary>
/// <param name="Source">File to name in messages.</param>
/// <param name="Names">Gene names in the order of the file.</param>
public sealed record GeneList(string Source, IReadOnlyList<string> Names);

/// <summary>Genes that several lists share.</summary>
/// <param name="Names">The shared names, sorted ordinally.</param>
/// <param name="Positions">For each list, where it has each of <paramref name="Names"/>.</param>
public sealed record GeneAlignment(string[] Names, int[][] Positions);
