using System.Globalization;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Cli.Commands.Analysis;

/// <summary>One or more rankings of genes in a table.</summary>
internal sealed record RankingTable(string Path, string GeneColumn, string ByColumn, string? GroupColumn, IReadOnlyList<RankingTable.Ranking> Rankings, int Unranked)
{
    private static readonly string[] s_geneNames = ["gene", "genes", "names", "symbol", "gene_symbol", "gene_name"], s_numberNames = ["score", "scores", "pearson", "metric", "stat", "t", "log2FoldChange", "logfoldchanges"];

    /// <summary>Genes and their numbers.</summary>
    internal sealed record Ranking(string? Group, string[] Genes, double[] Values);

    /// <summary>Reads a table.</summary>
    /// <param name="path">The file.</param>
    /// <param name="gene">Column of the genes, or null to find it.</param>
    /// <param name="by">Column of the numbers, or null to find it.</param>
    /// <param name="group">Column of the groups, or null to find it.</param>
    internal static RankingTable Read(string path, string? gene, string? by, string? group)
    {
        TextTable table = TextTable.Read(path);
        string geneColumn = gene ?? table.FirstOf(s_geneNames) ?? table.Header[0];
        string? groupColumn = group ?? (table.Contains("group") ? "group" : null);
        string byColumn = by ?? table.FirstOf(s_numberNames) ?? Array.Find(table.Header, h => h != geneColumn && h != groupColumn && h is not ("rank" or "cluster") && IsNumeric(table.Require(h)))
            ?? throw new InputException($"'{path}' has no column with numbers besides '{geneColumn}'; name the one that ranks the genes with --by.");
        string[] genes = table.Require(geneColumn), numbers = table.Require(byColumn);
        string[]? groups = groupColumn is null ? null : table.Require(groupColumn);
        var rows = new List<(string? Group, string Gene, double Value)>();
        for (int r = 0; r < table.Rows; r++)
        {
            if (ColumnInference.IsMissing(numbers[r])) continue;
            if (!double.TryParse(numbers[r], NumberStyles.Float, CultureInfo.InvariantCulture, out double value)) throw new InputException($"'{path}', row {r + 1}: '{numbers[r]}' in column '{byColumn}' is no number.");
            if (double.IsNaN(value)) continue;
            if (genes[r].Length == 0) throw new InputException($"'{path}', row {r + 1}: the gene has no name in column '{geneColumn}'.");
            rows.Add((groups?[r], genes[r], value));
        }
        if (rows.Count == 0) throw new InputException($"'{path}' has no row with a number in column '{byColumn}'.");
        return new RankingTable(path, geneColumn, byColumn, groupColumn, [.. rows.GroupBy(r => r.Group, StringComparer.Ordinal).Select(g => new Ranking(g.Key, [.. g.Select(r => r.Gene)], [.. g.Select(r => r.Value)]))], table.Rows - rows.Count);
    }

    private static bool IsNumeric(string[] values)
    {
        bool any = false;
        foreach (string v in values)
        {
            if (ColumnInference.IsMissing(v)) continue;
            if (!double.TryParse(v, NumberStyles.Float, CultureInfo.InvariantCulture, out _)) return false;
            any = true;
        }
        return any;
    }
}
