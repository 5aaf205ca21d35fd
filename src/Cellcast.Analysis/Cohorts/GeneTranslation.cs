using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Cohorts;

/// <summary>From the gene ids of bulk tables to the symbols of single-cell references.</summary>
internal static class GeneTranslation
{
    private static readonly string[] s_symbolColumns = ["gene_name", "gene_symbol", "symbol", "Hugo_Symbol", "hgnc_symbol", "Description"];

    /// <summary>
    /// Ensembl ids become symbols, from <paramref name="given"/>, else from a column of <c>var</c>; equal symbols are added up, ids without a symbol
    /// are left out. Without any source of symbols the ids stay, without versions. <c>var['gene_ids']</c> keeps the (first) id.
    /// </summary>
    internal static AnnotatedData Apply(AnnotatedData counts, GeneMap? given, CohortReport report)
    {
        var x = counts.X!.ToSparse();
        if (!GeneMap.IsEnsembl(counts.Var.Index))
        {
            report.Count($"genes ({GeneNames.Describe(counts.Var.Index)})", counts.VariableCount);
            return counts;
        }
        var map = given ?? Own(counts.Var);
        string[] ids = Array.ConvertAll(counts.Var.Index, GeneNames.WithoutVersion);
        var var = new DataFrame(counts.Var.Index);
        foreach (string c in counts.Var.ColumnNames) var[c] = counts.Var[c];
        var["gene_ids"] = new StringColumn(ids);
        if (map is null)
        {
            report.Say("gene names stay Ensembl ids, since no file has symbols; give a gene map if the single-cell reference uses symbols");
            return Summed(counts, x, var, ids, report);
        }
        string?[] symbols = Array.ConvertAll(ids, id => map[id]);
        string[] unknown = [.. ids.Where((_, i) => symbols[i] is null).Distinct(StringComparer.Ordinal)];
        if (unknown.Length == ids.Distinct(StringComparer.Ordinal).Count())
            throw new InputException($"'{counts.Source}': none of its {ids.Length} gene ids ('{ids[0]}', …) is in the gene map; check that both are of one species.");
        report.Dropped("gene ids without a symbol left out", unknown);
        return Summed(counts, x, var, symbols, report);
    }

    private static GeneMap? Own(DataFrame var)
    {
        string? column = s_symbolColumns.FirstOrDefault(var.Contains);
        return column is null ? null : GeneMap.Of(var.Index, var[column].ToText());
    }

    private static AnnotatedData Summed(AnnotatedData counts, SparseMatrix x, DataFrame var, IReadOnlyList<string?> names, CohortReport report)
    {
        string[] repeated = [.. names.Where(n => n is not null).GroupBy(n => n!, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => g.Key)];
        report.Kept("gene names with several ids, whose counts were added up", repeated);
        var (sum, frame) = GeneSums.ByName(x, var, names);
        report.Count("genes", frame.Length);
        return new AnnotatedData(counts.Obs, frame, sum) { Source = counts.Source, Warnings = counts.Warnings };
    }
}
