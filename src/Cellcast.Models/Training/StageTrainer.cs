using System.Diagnostics;
using Cellcast.Tensors;
using Cellcast.Tensors.Nn;

namespace Cellcast.Models.Training;

/// <summary>One training stage: what is trained, one step, one validation, when to stop.</summary>
public sealed class StagePlan
{
    /// <summary>Name in progress, history and messages.</summary>
    public required string Name { get; init; }

    /// <summary>The parameters that this stage trains; all others are frozen while it runs.</summary>
    public required IReadOnlyList<Parameter> Parameters { get; init; }

    /// <summary>The optimiser over <see cref="Parameters"/>.</summary>
    public required AdamW Optimizer { get; init; }

    /// <summary>Optimiser steps per epoch.</summary>
    public required int StepsPerEpoch { get; init; }

    /// <summary>Items (cells) per epoch, for the rate in the progress display.</summary>
    public required int ItemsPerEpoch { get; init; }

    /// <summary>Computes loss and gradients of step (epoch, step) and returns the loss. The trainer clears gradients before and steps the optimiser after.</summary>
    public required Func<int, int, double> Step { get; init; }

    /// <summary>Validation value after an epoch.</summary>
    public required Func<int, double> Validate { get; init; }

    /// <summary>What <see cref="Validate"/> returns: <c>loss</c> or <c>concordance</c>.</summary>
    public required string ValidationName { get; init; }

    /// <summary>Divisor that turns summed losses into a readable mean (items x genes, patients).</summary>
    public double LossScale { get; init; } = 1;

    /// <summary>Decides when to stop and which state is the best.</summary>
    public required EarlyStopping Stopping { get; init; }

    /// <summary>Most epochs.</summary>
    public required int MaxEpochs { get; init; }
}

/// <summary>One line of the training history.</summary>
/// <param name="Stage">Stage name.</param>
/// <param name="Epoch">Epoch, from 1.</param>
/// <param name="TrainingLoss">Mean training loss of the epoch.</param>
/// <param name="ValidationValue">Validation loss or concordance.</param>
/// <param name="RunningMean">Running mean that early stopping looks at.</param>
public sealed record HistoryRow(string Stage, int Epoch, double TrainingLoss, double ValidationValue, double RunningMean);

/// <summary>How a stage ended.</summary>
/// <param name="Name">Stage name.</param>
/// <param name="Epochs">Epochs done.</param>
/// <param name="Steps">Optimiser steps done.</param>
/// <param name="Seconds">Wall time, over all interruptions; not part of anything that must be reproducible.</param>
/// <param name="Best">Best running mean of the validation value.</param>
/// <param name="BestEpoch">Its epoch, from 1.</param>
public sealed record StageSummary(string Name, int Epochs, int Steps, double Seconds, double Best, int BestEpoch);

/// <summary>A loss, a gradient or a weight is not a finite number: the run stops and keeps its last good checkpoint.</summary>
public sealed class NotFiniteException : Exception
{
    /// <inheritdoc/>
    public NotFiniteException(string message) : base(message) { }

    /// <inheritdoc/>
    public NotFiniteException(string message, Exception innerException) : base(message, innerException) { }

    /// <inheritdoc/>
    public NotFiniteException() { }
}

/// <summary>
/// Runs a stage epoch by epoch: minibatch steps, validation, early stopping on the running mean, checkpoints between epochs, best state
/// restored at the end. Everything that depends on chance is keyed by (stage, epoch, step), so that a run continued from a checkpoint
/// takes the same steps as one that was never interrupted.
/// </summary>
public sealed class StageTrainer
{
    // A user who pressed Ctrl-C waits this long for the epoch to end.
    private const double PatienceOfTheUserSeconds = 3;

    private readonly Device _device;
    private readonly ICheckpointStore _store;
    private readonly ITrainingProgress _progress;
    private readonly List<HistoryRow> _history;
    private readonly int _stageCount;

    /// <param name="device">Steps the optimiser.</param>
    /// <param name="store">Where checkpoints go.</param>
    /// <param name="progress">Who is told.</param>
    /// <param name="history">History of the run so far; rows are appended.</param>
    /// <param name="stageCount">Number of stages of the run, for the display.</param>
    public StageTrainer(Device device, ICheckpointStore store, ITrainingProgress progress, List<HistoryRow> history, int stageCount)
    {
        _device = device;
        _store = store;
        _progress = progress;
        _history = history;
        _stageCount = stageCount;
    }

    /// <summary>Trains one stage to its end, or goes on from <paramref name="resume"/>.</summary>
    /// <param name="plan">The stage.</param>
    /// <param name="stageNumber">Its number, from 1.</param>
    /// <param name="resume">A snapshot taken inside this stage, or null to start it.</param>
    /// <param name="capture">Adds what the run needs besides the stage's own state (finished stages, other weights) to a snapshot.</param>
    /// <param name="cancellation">Checked after every step; a checkpoint is written before the stage is left.</param>
    /// <exception cref="NotFiniteException">A loss, gradient or weight is not finite.</exception>
    /// <exception cref="OperationCanceledException">The user interrupted; a checkpoint of the last whole epoch was written.</exception>
    public StageSummary Run(StagePlan plan, int stageNumber, Snapshot? resume, Action<Snapshot> capture, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(capture);
        var best = plan.Parameters.ToDictionary(p => p.Name, p => p.Span.ToArray());
        double secondsBefore = 0;
        int epoch = 0;
        if (resume is not null)
        {
            plan.Stopping.Restore(resume.Stopping!);
            plan.Optimizer.ImportState(resume.Section("optimizer/"));
            foreach (Parameter p in plan.Parameters) resume.Tensors["best/" + p.Name].Span.CopyTo(best[p.Name]);
            epoch = plan.Stopping.Epochs;
            secondsBefore = resume.StageSeconds;
        }

        var clock = Stopwatch.StartNew();
        var sinceCheckpoint = Stopwatch.StartNew();
        double Seconds() => secondsBefore + clock.Elapsed.TotalSeconds;
        void Checkpoint()
        {
            var snapshot = new Snapshot { Stage = stageNumber, Stopping = plan.Stopping.Save(), StageSeconds = Seconds(), History = [.. _history] };
            foreach (var (name, values) in plan.Optimizer.ExportState()) snapshot.Tensors["optimizer/" + name] = values;
            foreach (var (name, values) in best) snapshot.Tensors["best/" + name] = Tensor.From(values);
            capture(snapshot);
            _store.Save(snapshot);
            sinceCheckpoint.Restart();
        }

        double epochSeconds = double.PositiveInfinity;
        while (epoch < plan.MaxEpochs && !plan.Stopping.ShouldStop)
        {
            double started = clock.Elapsed.TotalSeconds, total = 0;
            for (int step = 0; step < plan.StepsPerEpoch; step++)
            {
                // A short epoch is finished first, so that nothing is lost; a long one is left at once and repeated on resume.
                if (epochSeconds > PatienceOfTheUserSeconds) cancellation.ThrowIfCancellationRequested();
                plan.Optimizer.ClearGradients();
                double loss = plan.Step(epoch, step);
                if (!double.IsFinite(loss)) throw NotFinite(plan, epoch, step, loss);
                plan.Optimizer.Step(_device);
                total += loss;
                _progress.Report(Update(plan, stageNumber, epoch, step + 1, total));
            }
            foreach (Parameter p in plan.Parameters)
                if (FirstNotFinite(p.Span) >= 0) throw NotFinite(plan, epoch, plan.StepsPerEpoch - 1, total);
            double validation = plan.Validate(epoch);
            if (!double.IsFinite(validation))
                throw new NotFiniteException($"Stage {plan.Name}, epoch {epoch + 1}: the validation {plan.ValidationName} is {validation}. The last good checkpoint is kept; lower this stage's learning rate.");
            if (plan.Stopping.Observe(validation))
                foreach (Parameter p in plan.Parameters) p.Span.CopyTo(best[p.Name]);
            _history.Add(new HistoryRow(plan.Name, epoch + 1, total / plan.LossScale, validation, plan.Stopping.RunningMean));
            epoch++;
            _progress.Report(Update(plan, stageNumber, epoch, 0, total) with { ValidationValue = validation });
            epochSeconds = clock.Elapsed.TotalSeconds - started;
            if (cancellation.IsCancellationRequested || sinceCheckpoint.Elapsed >= _store.Interval) Checkpoint();
            cancellation.ThrowIfCancellationRequested();
        }

        foreach (Parameter p in plan.Parameters) best[p.Name].CopyTo(p.Span);
        _progress.StageDone(plan.Name, epoch, plan.Stopping.ShouldStop ? "converged" : "all epochs done");
        return new StageSummary(plan.Name, epoch, epoch * plan.StepsPerEpoch, Seconds(), plan.Stopping.Best, plan.Stopping.BestEpoch + 1);
    }

    private TrainingUpdate Update(StagePlan plan, int number, int epoch, int step, double total) => new(plan.Name, epoch, plan.MaxEpochs)
    {
        StageNumber = number,
        StageCount = _stageCount,
        Step = step,
        StepsPerEpoch = plan.StepsPerEpoch,
        TrainingLoss = total / plan.LossScale * (step == 0 ? 1 : (double)plan.StepsPerEpoch / step),
        ValidationValue = plan.Stopping.RunningMean,
        ValidationName = plan.ValidationName,
        EpochsWithoutImprovement = Math.Max(0, plan.Stopping.Epochs - 1 - plan.Stopping.BestEpoch),
        Patience = plan.Stopping.Patience,
    };

    private static int FirstNotFinite(ReadOnlySpan<float> values)
    {
        for (int i = 0; i < values.Length; i++)
            if (!float.IsFinite(values[i])) return i;
        return -1;
    }

    private static NotFiniteException NotFinite(StagePlan plan, int epoch, int step, double loss)
    {
        string cause = "no parameter or gradient of the stage: the loss itself overflowed";
        foreach (Parameter p in plan.Parameters)
        {
            if (FirstNotFinite(p.Span) >= 0) { cause = $"weight '{p.Name}'"; break; }
            if (p.HasGradient && FirstNotFinite(p.Gradient.Span) >= 0) { cause = $"the gradient of '{p.Name}'"; break; }
        }
        return new NotFiniteException($"Stage {plan.Name}, epoch {epoch + 1}, step {step + 1}: the loss is {loss}; not finite: {cause}. The last good checkpoint is kept; lower this stage's learning rate or look for extreme counts.");
    }
}
