namespace Cellcast.Analysis.QualityControl;

/// <summary>Genes whose share of the counts tells of the state of a cell, known by their symbols.</summary>
/// <param name="Name">Short name, part of the names of metrics: <c>mt</c>, <c>ribo</c>.</param>
/// <param name="Members">Whether each gene belongs to it.</param>
public sealed record GeneGroup(string Name, bool[] Members)
{
    /// <summary>Number of its genes.</summary>
    public int Count => Members.Count(m => m);

    /// <summary>Genes of the mitochondrial genome: <c>MT-</c> in human, <c>mt-</c> in mouse; <c>MT.</c> where a table has lost its dashes.</summary>
    /// <param name="genes">Symbols.</param>
    public static GeneGroup Mitochondrial(IReadOnlyList<string> genes) => Of("mt", genes, IsMitochondrial);

    /// <summary>Proteins of the cytosolic ribosome: <c>RPS</c> and <c>RPL</c> (human), <c>Rps</c> and <c>Rpl</c> (mouse), without the kinases (<c>RPS6K…</c>).</summary>
    /// <param name="genes">Symbols.</param>
    public static GeneGroup Ribosomal(IReadOnlyList<string> genes) => Of("ribo", genes, IsRibosomal);

    /// <summary>Genes with a prefix, whatever its case.</summary>
    /// <param name="name">Name of the group.</param>
    /// <param name="genes">Symbols.</param>
    /// <param name="prefix">The prefix.</param>
    public static GeneGroup WithPrefix(string name, IReadOnlyList<string> genes, string prefix) => Of(name, genes, g => g.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));

    private static GeneGroup Of(string name, IReadOnlyList<string> genes, Func<string, bool> belongs)
    {
        ArgumentNullException.ThrowIfNull(genes);
        return new GeneGroup(name, [.. genes.Select(belongs)]);
    }

    private static bool IsMitochondrial(string gene) => gene.Length > 3 && gene[2] is '-' or '.' && gene.StartsWith("MT", StringComparison.OrdinalIgnoreCase);

    private static bool IsRibosomal(string gene)
    {
        if (gene.Length < 4 || !gene.StartsWith("RP", StringComparison.OrdinalIgnoreCase) || (gene[2] | 0x20) is not ('s' or 'l')) return false;
        // RPS6KA1 and its kin are kinases of a ribosomal protein; RPLP0 to RPLP2 and RPSA are proteins of it.
        if (gene.Contains('K', StringComparison.OrdinalIgnoreCase) && gene.StartsWith("RPS6K", StringComparison.OrdinalIgnoreCase)) return false;
        return char.IsAsciiDigit(gene[3]) || gene.Equals("RPSA", StringComparison.OrdinalIgnoreCase) || (gene.StartsWith("RPLP", StringComparison.OrdinalIgnoreCase) && gene.Length == 5 && char.IsAsciiDigit(gene[4]));
    }
}
