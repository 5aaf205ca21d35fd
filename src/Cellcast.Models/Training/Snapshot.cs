using Cellcast.Tensors;

namespace Cellcast.Models.Training;

/// <summary>Everything a run needs to go on after it was killed, taken between two epochs.</summary>
public sealed class Snapshot
{
    /// <summary>The stage that was running, from 1; one more than the number of stages when all are done.</summary>
    public required int Stage { get; init; }

    /// <summary>Early stopping of that stage; null when it has not begun.</summary>
    public EarlyStoppingState? Stopping { get; init; }

    /// <summary>Wall time spent in that stage.</summary>
    public double StageSeconds { get; init; }

    /// <summary>History so far.</summary>
    public IReadOnlyList<HistoryRow> History { get; init; } = [];

    /// <summary>Stages that have ended.</summary>
    public IReadOnlyList<StageSummary> Finished { get; set; } = [];

    /// <summary>Identifies inputs and options; a run goes on only from a snapshot with the same one.</summary>
    public string Fingerprint { get; set; } = "";

    /// <summary>Weights, best weights, optimiser moments, by name.</summary>
    public SortedDictionary<string, Tensor> Tensors { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Those whose names begin with a prefix, without it.</summary>
    public IReadOnlyDictionary<string, Tensor> Section(string prefix) =>
        Tensors.Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(t => t.Key[prefix.Length..], t => t.Value);
}

/// <summary>Where a trainer leaves its snapshots.</summary>
public interface ICheckpointStore
{
    /// <summary>Least time between two snapshots.</summary>
    TimeSpan Interval { get; }

    /// <summary>Replaces the last snapshot, atomically.</summary>
    void Save(Snapshot snapshot);
}

/// <summary>No snapshots: the run cannot be resumed.</summary>
public sealed class NoCheckpoints : ICheckpointStore
{
    /// <inheritdoc/>
    public TimeSpan Interval => TimeSpan.MaxValue;

    /// <inheritdoc/>
    public void Save(Snapshot snapshot) { }
}
