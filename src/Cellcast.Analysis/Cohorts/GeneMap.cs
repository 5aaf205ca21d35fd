using System.Text.RegularExpressions;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Cohorts;

/// <summary>Gene ids and their symbols; Ensembl ids are compared without their version.</summary>
public sealed partial class GeneMap
{
    private static readonly string[] s_symbolColumns = ["gene_name", "gene", "symbol", "gene_symbol", "hgnc_symbol", "external_gene_name", "Gene name", "GeneSymbol", "Symbol", "Gene.name"];

    private readonly Dictionary<string, string> _symbol = new(StringComparer.Ordinal);

    [GeneratedRegex("gene_id \"([^\"]+)\".*?gene_name \"([^\"]+)\"")]
    private static partial Regex GtfPattern();

    /// <summary>Number of ids.</summary>
    public int Count => _symbol.Count;

    /// <summary>Symbol of an id; null where there is none.</summary>
    public string? this[string id] => _symbol.GetValueOrDefault(GeneNames.WithoutVersion(id));

    /// <summary>Makes a map of two lists; ids without a symbol are left out.</summary>
    public static GeneMap Of(IReadOnlyList<string> ids, IReadOnlyList<string?> symbols)
    {
        ArgumentNullException.ThrowIfNull(ids);
        ArgumentNullException.ThrowIfNull(symbols);
        var map = new GeneMap();
        for (int i = 0; i < ids.Count; i++)
            if (!string.IsNullOrWhiteSpace(symbols[i])) map._symbol.TryAdd(GeneNames.WithoutVersion(ids[i]), symbols[i]!);
        return map;
    }

    /// <summary>Reads a map: a GTF, or a table with a header, one column of Ensembl ids and one of symbols (Xena's probeMap, BioMart …).</summary>
    /// <exception cref="InputException">The file is neither.</exception>
    public static GeneMap Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        string name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        if (name.EndsWith(".gtf", StringComparison.OrdinalIgnoreCase)) return ReadGtf(path);
        var table = TextTable.Read(path);
        int ids = Enumerable.Range(0, table.Header.Length).FirstOrDefault(c => table.Rows > 0 && IsEnsembl(table.Columns[c]), -1);
        if (ids < 0) throw new InputException($"'{path}': no column holds Ensembl gene ids; a gene map has one such column and one of symbols.");
        string? named = table.FirstOf(s_symbolColumns);
        int symbols = named is not null ? Array.IndexOf(table.Header, named)
            : Enumerable.Range(0, table.Header.Length).FirstOrDefault(c => c != ids && NameEvidence.Likeness(table.Columns[c]) > 0.1, -1);
        if (symbols < 0 || symbols == ids) throw new InputException($"'{path}': no column of gene symbols was found; call it 'gene_name'.");
        return Of(table.Columns[ids], table.Columns[symbols]);
    }

    /// <summary>Whether most names are Ensembl ids.</summary>
    internal static bool IsEnsembl(IEnumerable<string> names) => GeneNames.Detect(names) is GeneNameKind.Ensembl or GeneNameKind.EnsemblWithVersion;

    private static GeneMap ReadGtf(string path)
    {
        var map = new GeneMap();
        using var reader = new DelimitedReader(path, '\t');
        while (reader.Read())
        {
            if (reader.Count < 9 || !reader[2].SequenceEqual("gene"u8)) continue;
            // Quotes inside a field that does not start with one are kept.
            if (GtfPattern().Match(reader.Text(8)) is { Success: true } m) map._symbol.TryAdd(GeneNames.WithoutVersion(m.Groups[1].Value), m.Groups[2].Value);
        }
        if (map.Count == 0) throw new InputException($"'{path}': holds no genes with gene_id and gene_name.");
        return map;
    }
}
