using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Cellcast.AnnData.Tables;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary>README and the pages of docs, and whether they say what a run leaves.</summary>
internal static partial class Documentation
{
    /// <summary>All pages by name.</summary>
    internal static IReadOnlyDictionary<string, string> Pages { get; } = ((string[])[Path.Combine(TestPaths.Root, "README.md"), .. Directory.EnumerateFiles(Path.Combine(TestPaths.Root, "docs"), "*.md").Order(StringComparer.Ordinal)])
        .ToDictionary(f => Path.GetFileName(f), File.ReadAllText);

    private static readonly HashSet<string> s_words = [.. Pages.Values.SelectMany(text => Word().Matches(text)).Select(m => m.Value)];

    [GeneratedRegex("[A-Za-z0-9_.]*[A-Za-z0-9_]")]
    private static partial Regex Word();

    /// <summary>Fails where a table in a folder has a column, or its metrics.json or another summary a key, that no page names.</summary>
    /// <param name="folder">A finished run.</param>
    /// <param name="own">Names that are the data's own: patients, samples, columns of obs.</param>
    internal static void NamesAllOf(string folder, params string[] own)
    {
        var missing = new List<string>();
        foreach (string file in Directory.EnumerateFiles(folder, "*.csv", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileName(file);
            string[] header = TextTable.Read(file).Header;
            if (name is "survival_curves.csv") header = header[..1];
            if (name is "predictions.csv") header = header[..4];
            missing.AddRange(header.Where(c => !IsNamed(c) && !own.Contains(c) && !c.StartsWith("covariate: ", StringComparison.Ordinal)).Select(c => $"{Path.GetRelativePath(folder, file)}: {c}"));
        }
        foreach (string file in (string[])["metrics.json", "uncertainty.json", "pan.json"])
            if (File.Exists(Path.Combine(folder, file)))
                missing.AddRange(Keys(JsonNode.Parse(File.ReadAllText(Path.Combine(folder, file)))).Distinct().Where(k => !IsNamed(k) && !k.StartsWith("--", StringComparison.Ordinal)).Select(k => $"{file}: {k}"));
        Assert.True(missing.Count == 0, "no page of docs names " + string.Join(", ", missing));
    }

    // Intervals and sizes are described once for all.
    private static bool IsNamed(string word) => s_words.Contains(word) || (word.IndexOf("_umap", StringComparison.Ordinal) is > 0 and var at && s_words.Contains("KEY" + word[at..])) || ((string[])["_sd", "_lower", "_upper", "_se", "_patients", "_events", "_p", "_q"]).Any(e => word.EndsWith(e, StringComparison.Ordinal) && s_words.Contains(word[..^e.Length]));

    private static IEnumerable<string> Keys(JsonNode? node) => node switch
    {
        JsonObject o => o.SelectMany(p => (string[])[p.Key, .. Keys(p.Value)]),
        JsonArray a => a.SelectMany(Keys),
        _ => [],
    };
}
