using System.Text.Json;

namespace Cellcast.Cli.Hosting;

/// <summary>What a folder of results remembers about the run in it.</summary>
/// <param name="Command">Full name of the command.</param>
/// <param name="Version">Version of the program.</param>
/// <param name="Status"><see cref="Running"/>, <see cref="Placing"/> or <see cref="Done"/>.</param>
/// <param name="Settings">What decides its result.</param>
/// <param name="Files">The results that are in their places; while results are put there, the ones that shall be.</param>
/// <param name="Moves">While results are put in their places: which file goes where.</param>
/// <param name="Stale">While results are put in their places: earlier results that go.</param>
internal sealed record RunManifest(string Command, string Version, string Status, IReadOnlyDictionary<string, string>? Settings, IReadOnlyList<string> Files,
    IReadOnlyList<RunManifest.Move>? Moves = null, IReadOnlyList<string>? Stale = null)
{
    /// <summary>Name of the file.</summary>
    internal const string FileName = ".cellcast-run.json";

    /// <summary>Name of the file while it is written.</summary>
    internal const string UnfinishedName = FileName + ".tmp";

    internal const string Running = "running", Placing = "placing", Done = "done";

    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>What the folder remembers; null when that is nothing, or nothing that can be read.</summary>
    internal static RunManifest? Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path)) return null;
        try { return JsonSerializer.Deserialize<RunManifest>(File.ReadAllText(path), s_json) is { Command: not null, Status: not null, Files: not null } manifest ? manifest : null; }
        catch (JsonException) { return null; }
    }

    /// <summary>Replaces what the folder remembers. On the disk before this returns, so that what is done next is never there without it.</summary>
    internal void Write(string folder)
    {
        string path = Path.Combine(folder, FileName), temporary = Path.Combine(folder, UnfinishedName);
        using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            JsonSerializer.Serialize(stream, this, s_json);
            stream.Flush(flushToDisk: true);
        }
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>A file on its way to its place, both relative to the folder.</summary>
    internal sealed record Move(string From, string To);
}
