using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cellcast.Cli.Hosting;
using Cellcast.Reports;

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
        metrics["inputs"] = Describe(settings ?? context.Command.Settings(context.Arguments), context.InputsAtStart, context.Log, context.Cancellation);
        metrics["warnings"] = new JsonArray([.. context.Log.Warnings.Select(w => (JsonNode)w)]);
    }

    /// <summary>The files of <c>metrics.json</c>, for a report.</summary>
    internal static IEnumerable<FileRecord> Records(JsonObject metrics) => (metrics["inputs"] as JsonArray ?? []).OfType<JsonObject>().Select(f =>
    {
        bool changed = f["changed"] is not null;
        return new FileRecord(f["option"]?.ToString().TrimStart('-') ?? "", f["name"]?.ToString() ?? "", f["bytes"]?.GetValue<long>(), f["sha256"]?.ToString(), f["sha256"] is not null ? null : changed ? "changed during the run: not hashed" : "a folder: not hashed");
    });

    /// <summary>What files look like when a run begins, so that one that is replaced meanwhile is not taken for what was read.</summary>
    /// <param name="paths">Paths that may be files.</param>
    internal static IReadOnlyDictionary<string, (long Bytes, DateTime Written)> Look(IEnumerable<string> paths)
    {
        var files = new Dictionary<string, (long, DateTime)>(StringComparer.Ordinal);
        foreach (string path in paths)
            if (Now(path) is { } now) files[Path.GetFullPath(path)] = now;
        return files;
    }

    private static (long Bytes, DateTime Written)? Now(string path)
    {
        try
        {
            var file = new FileInfo(path);
            return file.Exists ? (file.Length, file.LastWriteTimeUtc) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Name, size and SHA-256 of every option's value that is a file; folders by name only. A file that is not what it was when the run began has no hash: nobody knows of what it would be.</summary>
    /// <param name="settings">Options and their values, files with their full paths.</param>
    /// <param name="atStart">The files when the run began (<see cref="Look"/>).</param>
    /// <param name="log">Is told of a file that has changed.</param>
    /// <param name="cancellation">Ends the hashing of large files.</param>
    internal static JsonArray Describe(IEnumerable<KeyValuePair<string, string>> settings, IReadOnlyDictionary<string, (long Bytes, DateTime Written)> atStart, RunLog log, CancellationToken cancellation)
    {
        var files = new JsonArray();
        foreach (var (option, path) in settings)
        {
            if (!Path.IsPathRooted(path)) continue;
            var entry = new JsonObject { ["option"] = option, ["name"] = NameOf(path) };
            bool known = atStart.TryGetValue(path, out var before);
            if (known || File.Exists(path))
            {
                string? hash = known && Now(path) != before ? null : Hash(path, cancellation);
                if (known && Now(path) != before) hash = null; // while it was hashed
                entry["bytes"] = known ? before.Bytes : new FileInfo(path).Length;
                entry["sha256"] = hash;
                if (hash is null)
                {
                    entry["changed"] = true;
                    log.Warning($"'{path}' has changed since the run began: the results may be of either content, and no hash of it is kept.");
                }
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

    /// <summary>Its hash; null where it can no longer be read.</summary>
    private static string? Hash(string path, CancellationToken cancellation)
    {
        try { return HashOf(path, cancellation); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return null; }
    }

    private static string HashOf(string path, CancellationToken cancellation)
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
