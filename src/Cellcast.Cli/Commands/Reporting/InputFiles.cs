using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cellcast.Cli.Hosting;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Which files a run read, so that a result can be traced to them.</summary>
internal static class InputFiles
{
    /// <summary>Adds to <c>metrics.json</c> what was read and what the user was warned of.</summary>
    /// <param name="metrics">Gets <c>inputs</c> and <c>warnings</c>.</param>
    /// <param name="context">The running command.</param>
    /// <param name="settings">Options and their values; those of the command when null.</param>
    internal static void AddTo(JsonObject metrics, CommandContext context, IEnumerable<KeyValuePair<string, string>>? settings = null)
    {
        metrics["inputs"] = Describe(settings ?? context.Command.Settings(context.Arguments), context.Cancellation);
        metrics["warnings"] = new JsonArray([.. context.Log.Warnings.Select(w => (JsonNode)w)]);
    }

    /// <summary>Name, size and SHA-256 of every option's value that is a file; folders by name only.</summary>
    /// <param name="settings">Options and their values, files with their full paths.</param>
    /// <param name="cancellation">Ends the hashing of large files.</param>
    private static JsonArray Describe(IEnumerable<KeyValuePair<string, string>> settings, CancellationToken cancellation)
    {
        var files = new JsonArray();
        foreach (var (option, path) in settings)
        {
            if (!Path.IsPathRooted(path)) continue;
            var entry = new JsonObject { ["option"] = option, ["name"] = NameOf(path) };
            if (File.Exists(path))
            {
                entry["bytes"] = new FileInfo(path).Length;
                entry["sha256"] = Hash(path, cancellation);
            }
            else if (!Directory.Exists(path)) continue;
            files.Add(entry);
        }
        return files;
    }

    /// <summary>Options that were given or have a value, for <c>metrics.json</c>; files and folders by their names.</summary>
    /// <param name="settings">Options and their values, files with their full paths.</param>
    internal static JsonObject Options(IEnumerable<KeyValuePair<string, string>> settings) =>
        new([.. settings.Where(o => o.Value.Length > 0).Select(o => KeyValuePair.Create(o.Key, (JsonNode?)JsonValue.Create(Path.IsPathRooted(o.Value) ? NameOf(o.Value) : o.Value)))]);

    /// <summary>The last part of a path: reports travel, and folders of a machine are nobody's business.</summary>
    internal static string NameOf(string path) => Path.GetFileName(Path.TrimEndingDirectorySeparator(path));

    private static string Hash(string path, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
        var buffer = new byte[1 << 20];
        for (int n; (n = file.Read(buffer)) > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, n);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
