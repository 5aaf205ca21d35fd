using System.Text;
using System.Text.Json;

namespace Cellcast.AnnData.Tables;

/// <summary>Genes that belong together: markers of a kind of cell, members of a pathway.</summary>
/// <param name="Name">What they stand for.</param>
/// <param name="Genes">The genes, each once.</param>
public sealed record GeneSet(string Name, IReadOnlyList<string> Genes)
{
    /// <summary>Reads sets, plain or gzip: gmt (name, description, genes, tab-separated; as MSigDB and Enrichr hand them out), JSON (an object of arrays), or a table of two columns (name, gene) with a header.</summary>
    /// <param name="path">The file; its ending decides.</param>
    /// <exception cref="InputException">It is no such file, or holds no set.</exception>
    public static IReadOnlyList<GeneSet> Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(path)) throw new InputException($"'{path}' does not exist; name a file of gene sets or marker lists.");
        string name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        var pairs = name.EndsWith(".gmt", StringComparison.OrdinalIgnoreCase) ? ReadGmt(path)
            : name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) ? ReadJson(path) : ReadTable(path);
        var names = new List<string>();
        var genes = new Dictionary<string, (List<string> Listed, HashSet<string> Seen)>(StringComparer.Ordinal);
        foreach (var (set, gene) in pairs)
        {
            if (!genes.TryGetValue(set, out var list))
            {
                names.Add(set);
                genes.Add(set, list = ([], new HashSet<string>(StringComparer.Ordinal)));
            }
            if (gene.Length > 0 && list.Seen.Add(gene)) list.Listed.Add(gene);
        }
        if (names.Count == 0) throw new InputException($"'{path}' holds no marker list or gene set; give gmt, JSON (an object of arrays of genes) or a table with the columns name and gene.");
        if (names.Find(n => genes[n].Listed.Count == 0) is { } empty) throw new InputException($"'{path}': the list '{empty}' has no genes; add some or remove it.");
        return [.. names.Select(n => new GeneSet(n, genes[n].Listed))];
    }

    private static IEnumerable<(string Name, string Gene)> ReadGmt(string path)
    {
        int line = 0;
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string text in Text(path).Split('\n'))
        {
            line++;
            if (string.IsNullOrWhiteSpace(text)) continue;
            string[] fields = text.TrimEnd('\r').Split('\t');
            string name = fields[0].Trim();
            if (fields.Length < 3 || name.Length == 0) throw new InputException($"'{path}', line {line}: a gmt line is a name, a description and genes, separated by tabs.");
            if (!seen.TryAdd(name, line)) throw new InputException($"'{path}', line {line}: the set '{name}' stands in line {seen[name]} already; rename one of them.");
            // Enrichr writes weights after a comma.
            foreach (string gene in fields[2..]) yield return (name, gene.Split(',')[0].Trim());
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
            var lists = JsonSerializer.Deserialize<Dictionary<string, string[]>>(Text(path)) ?? [];
            return [.. lists.SelectMany(l => l.Value.DefaultIfEmpty("").Select(g => (l.Key, g.Trim())))];
        }
        catch (Exception e) when (e is JsonException or NullReferenceException or ArgumentNullException)
        {
            throw new InputException($"'{path}' is no JSON object of arrays of gene names, such as {{\"B cells\": [\"CD19\", \"MS4A1\"]}}.", e);
        }
    }

    private static string Text(string path)
    {
        if (new FileInfo(path).Length == 0) return "";
        using var reader = new StreamReader(TextInput.Open(path), Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
