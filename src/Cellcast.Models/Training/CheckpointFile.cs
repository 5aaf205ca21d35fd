using System.Text.Json;
using System.Text.Json.Serialization;
using Cellcast.AnnData;
using Cellcast.Tensors.Io;

namespace Cellcast.Models.Training;

/// <summary>Snapshots in one file that is replaced as a whole: safetensors, with the small state as JSON in its metadata.</summary>
/// <param name="path">The file.</param>
/// <param name="interval">Least time between two snapshots.</param>
public sealed class CheckpointFile(string path, TimeSpan interval) : ICheckpointStore
{
    private const string StateKey = "state";
    private static readonly JsonSerializerOptions s_json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <inheritdoc/>
    public TimeSpan Interval => interval;

    /// <inheritdoc/>
    public void Save(Snapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        var state = new State(snapshot.Stage, snapshot.Stopping, snapshot.StageSeconds, snapshot.History, snapshot.Finished, snapshot.Fingerprint);
        SafetensorsWriter writer = new SafetensorsWriter().AddMetadata(StateKey, JsonSerializer.Serialize(state, s_json)).AddAll(snapshot.Tensors);
        AtomicFile.Write(path, writer.Write);
    }

    /// <summary>The last snapshot, or null when there is none.</summary>
    /// <exception cref="InputException">The file is damaged.</exception>
    public Snapshot? Load()
    {
        if (!File.Exists(path)) return null;
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            State s = JsonSerializer.Deserialize<State>(file.Metadata[StateKey], s_json)!;
            return new Snapshot { Stage = s.Stage, Stopping = s.Stopping, StageSeconds = s.StageSeconds, History = s.History, Finished = s.Finished, Fingerprint = s.Fingerprint, Tensors = file.ReadAll() };
        }
        catch (Exception e) when (e is InvalidDataException or JsonException or KeyNotFoundException or EndOfStreamException)
        {
            throw new InputException($"'{path}': the checkpoint cannot be read ({e.Message}); start again with --overwrite.", e);
        }
    }

    private sealed record State(int Stage, EarlyStoppingState? Stopping, double StageSeconds, IReadOnlyList<HistoryRow> History, IReadOnlyList<StageSummary> Finished, string Fingerprint);
}
