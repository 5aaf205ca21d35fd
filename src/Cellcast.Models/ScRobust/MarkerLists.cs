using System.Text.Json;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Models.ScRobust;

/// <summary>Genes that mark a kind of cell.</summary>
/// <param name="Name">The kind.</param>
/// <param name="Genes">The genes, each once.</param>
public sealed record MarkerList(string Name, IReadOnlyList<string> Genes)
{
    /// <summary>Reads lists: gmt (name, description, genes, tab-separated), JSON (an object of arrays), or a table of two columns (name, gene) with a header.</summary>
    /// <param name="path">The file; its ending decides.</param>
    /// <exception cref="InputException">It is no such file, or holds no list.</exception>
    public static IReadOnlyList<MarkerList> Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(path)) throw new InputException($"'{path}' does not exist; name a file of marker lists.");
        var pairs = path.EndsWith(".gmt", StringComparison.OrdinalIgnoreCase) ? ReadGmt(path)
            : path.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? ReadJson(path) : ReadTable(path);
        var names = new List<string>();
        var genes = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var (name, gene) in pairs)
        {
            if (!genes.TryGetValue(name, out List<string>? list))
            {
                names.Add(name);
                genes.Add(name, list = []);
            }
            if (gene.Length > 0 && !list.Contains(gene)) list.Add(gene);
        }
        if (names.Count == 0) throw new InputException($"'{path}' holds no marker list; give gmt, JSON (an object of arrays of genes) or a table with the columns name and gene.");
        if (names.Find(n => genes[n].Count == 0) is { } empty) throw new InputException($"'{path}': the list '{empty}' has no genes; add some or remove it.");
        return [.. names.Select(n => new MarkerList(n, genes[n]))];
    }

    private static IEnumerable<(string Name, string Gene)> ReadGmt(string path)
    {
        int line = 0;
        foreach (string text in File.ReadLines(path))
        {
            line++;
            if (string.IsNullOrWhiteSpace(text)) continue;
            string[] fields = text.TrimEnd('\r', '\n').Split('\t');
            if (fields.Length < 3 || fields[0].Trim().Length == 0) throw new InputException($"'{path}', line {line}: a gmt line is a name, a description and genes, separated by tabs.");
            foreach (string gene in fields[2..]) yield return (fields[0].Trim(), gene.Trim());
        }
    }

    private static List<(string Name, string Gene)> ReadTable(string path)
    {
        TextTable table = TextTable.Read(path);
        if (table.Header.Length < 2) throw new InputException($"'{path}' has one column; a table of markers has two: name and gene.");
        string[] names = table.Columns[0], genes = table.Columns[1];
        var pairs = new List<(string, string)>();
        for (int r = 0; r < table.Rows; r++)
        {
            if (names[r].Length == 0 || genes[r].Length == 0) throw new InputException($"'{path}', row {r + 1}: name or gene is empty; every row needs both.");
            pairs.Add((names[r], genes[r]));
        }
        return pairs;
    }

    private static List<(string Name, string Gene)> ReadJson(string path)
    {
        try
        {
            var lists = JsonSerializer.Deserialize<Dictionary<string, string[]>>(File.ReadAllText(path)) ?? [];
            return [.. lists.SelectMany(l => l.Value.DefaultIfEmpty("").Select(g => (l.Key, g.Trim())))];
        }
        catch (Exception e) when (e is JsonException or NullReferenceException or ArgumentNullException)
        {
            throw new InputException($"'{path}' is no JSON object of arrays of gene names, such as {{\"B cells\": [\"CD19\", \"MS4A1\"]}}.", e);
        }
    }
}
