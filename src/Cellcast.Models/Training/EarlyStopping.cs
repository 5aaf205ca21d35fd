namespace Cellcast.Models.Training;

/// <summary>
/// Stops when the running mean of the last validation values has not improved for a number of epochs (models of scSurv: window 10,
/// patience 10). The running mean, not the single value, decides which state is the best one. Until the window is full there is no such
/// mean: the latest state counts as the best, so that one lucky early value of a noisy concordance cannot end the stage.
/// </summary>
public sealed class EarlyStopping
{
    private readonly Queue<double> _window = new();
    private readonly int _windowLength;
    private readonly bool _higherIsBetter;

    /// <param name="patience">Epochs without improvement after which to stop; at least 1.</param>
    /// <param name="window">How many of the latest values are averaged; at least 1.</param>
    /// <param name="higherIsBetter">True for a concordance, false for a loss.</param>
    public EarlyStopping(int patience, int window, bool higherIsBetter)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(patience, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 1);
        Patience = patience;
        _windowLength = window;
        _higherIsBetter = higherIsBetter;
    }

    /// <summary>Epochs without improvement after which to stop.</summary>
    public int Patience { get; }

    /// <summary>The best running mean so far; NaN before the first value.</summary>
    public double Best { get; private set; } = double.NaN;

    /// <summary>The epoch (counted from 0 in order of <see cref="Observe"/>) of the best running mean; -1 before the first value.</summary>
    public int BestEpoch { get; private set; } = -1;

    /// <summary>Values observed so far.</summary>
    public int Epochs { get; private set; }

    /// <summary>True once the patience is used up.</summary>
    public bool ShouldStop => Epochs - 1 - BestEpoch >= Patience && BestEpoch >= 0;

    /// <summary>The mean of the values in the window; NaN before the first value.</summary>
    public double RunningMean { get; private set; } = double.NaN;

    /// <summary>Takes the validation value of one epoch.</summary>
    /// <returns>True when the running mean is the best so far: the caller keeps this state.</returns>
    public bool Observe(double value)
    {
        _window.Enqueue(value);
        if (_window.Count > _windowLength) _window.Dequeue();
        // Deviations from the newest value are averaged, so that the mean of equal values is that value to the bit: rounding is no improvement.
        double sum = 0;
        foreach (double v in _window) sum += v - value;
        RunningMean = value + sum / _window.Count;
        int epoch = Epochs++;
        bool better = double.IsNaN(Best) || Epochs <= _windowLength || (_higherIsBetter ? RunningMean > Best : RunningMean < Best);
        if (!better) return false;
        Best = RunningMean;
        BestEpoch = epoch;
        return true;
    }

    /// <summary>What is needed to go on after an interruption, as plain numbers.</summary>
    public EarlyStoppingState Save() => new(Best, BestEpoch, Epochs, RunningMean, [.. _window]);

    /// <summary>Goes on from a saved state.</summary>
    public void Restore(EarlyStoppingState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        (Best, BestEpoch, Epochs, RunningMean) = (state.Best, state.BestEpoch, state.Epochs, state.RunningMean);
        _window.Clear();
        foreach (double v in state.Window) _window.Enqueue(v);
    }
}

/// <summary>The state of <see cref="EarlyStopping"/> between two epochs.</summary>
/// <param name="Best">Best running mean.</param>
/// <param name="BestEpoch">Its epoch.</param>
/// <param name="Epochs">Epochs seen.</param>
/// <param name="RunningMean">Latest running mean.</param>
/// <param name="Window">The values that it averages, oldest first.</param>
public sealed record EarlyStoppingState(double Best, int BestEpoch, int Epochs, double RunningMean, IReadOnlyList<double> Window);
