using Cellcast.Models.Training;

namespace Cellcast.Cli.Hosting;

/// <summary>Where a test wants a run to stand still, so that a signal finds it there however fast either of them is: the first line of the log, or the
/// first progress update (<c>bulk epoch 12 step 0</c>), that contains the text of <c>CELLCAST_HOLD_AT</c>. The run says so and waits until it is interrupted or killed.</summary>
internal sealed class HoldPoint : IDisposable
{
    private readonly ManualResetEventSlim _released = new();
    private readonly string? _text = Environment.GetEnvironmentVariable("CELLCAST_HOLD_AT") is { Length: > 0 } text ? text : null;
    private int _reached;

    /// <summary>To be called when the run has been told to stop.</summary>
    internal void Release() => _released.Set();

    /// <summary>The run has said something.</summary>
    internal void Pass(string said)
    {
        if (_text is null || !said.Contains(_text, StringComparison.Ordinal) || Interlocked.Exchange(ref _reached, 1) == 1) return;
        Console.Error.WriteLine($"cellcast: held at '{_text}'.");
        _released.Wait();
    }

    /// <summary>The run has come to an epoch or a step.</summary>
    internal void Pass(in TrainingUpdate update)
    {
        if (_text is not null) Pass($"{update.Stage} epoch {update.Epoch} step {update.Step}.");
    }

    public void Dispose() => _released.Dispose();
}
