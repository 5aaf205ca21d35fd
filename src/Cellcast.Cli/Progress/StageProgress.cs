using System.Diagnostics;
using System.Globalization;
using Cellcast.Models.Training;

namespace Cellcast.Cli.Progress;

/// <summary>What is known about one stage, and how it reads.</summary>
internal sealed class StageProgress(string name)
{
    private long _start = Stopwatch.GetTimestamp();
    private double _startEpochs = double.NaN;
    private string? _outcome;
    private TimeSpan _took;

    internal string Name { get; } = name;

    internal TrainingUpdate Last { get; private set; } = new(name, 0, 0);

    internal bool IsDone => _outcome is not null;

    /// <summary>Share of the epochs that may be needed at most; NaN when unknown.</summary>
    internal double Fraction => IsDone ? 1 : HasStepsOnly ? EpochsDone(Last) : Last.MaxEpochs > 0 ? Math.Clamp(EpochsDone(Last) / Last.MaxEpochs, 0, 1) : double.NaN;

    internal string Title => Last.StageCount > 0 ? $"{Last.StageNumber}/{Last.StageCount} {Name}" : Name;

    /// <summary>Work that is done once, in steps.</summary>
    private bool HasStepsOnly => Last is { MaxEpochs: <= 0, Epoch: 0, StepsPerEpoch: > 1 };

    internal string Epochs => HasStepsOnly ? IsDone ? "" : $"step {Last.Step}/{Last.StepsPerEpoch}" : IsDone || Last.MaxEpochs <= 0
        ? $"epoch {Last.Epoch}"
        : $"epoch {Last.Epoch}/{Last.MaxEpochs}{(Last.StepsPerEpoch > 1 ? $" step {Last.Step}/{Last.StepsPerEpoch}" : "")}";

    internal string Loss => double.IsNaN(Last.TrainingLoss) ? "" : "loss " + Number(Last.TrainingLoss);

    internal string Validation => double.IsNaN(Last.ValidationValue) ? ""
        : $"{(Last.ValidationName == "validation" ? "" : "validation ")}{Last.ValidationName} {Number(Last.ValidationValue)}"
            + (!IsDone && Last.Patience > 0 && Last.EpochsWithoutImprovement > 0 ? $" (no better for {Last.EpochsWithoutImprovement} of {Last.Patience})" : "");

    internal string Rate
    {
        get
        {
            if (!double.IsNaN(Last.ItemsPerSecond)) return string.Create(CultureInfo.InvariantCulture, $"{Last.ItemsPerSecond:#,0} cells/s");
            double rate = HasStepsOnly ? double.NaN : EpochsPerSecond;
            return double.IsNaN(rate) ? "" : rate >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{rate:0.0} epochs/s") : string.Create(CultureInfo.InvariantCulture, $"{1 / rate:0.0} s/epoch");
        }
    }

    internal string TimeLeft
    {
        get
        {
            if (IsDone) return $"{_outcome}, {Duration(_took)}";
            if (Last.TimeLeft is { } left) return $"about {Duration(left)} left";
            double rate = EpochsPerSecond;
            // With early stopping the most epochs say nothing about the end.
            return double.IsNaN(rate) || Last.MaxEpochs <= 0 || Last.Patience > 0 ? "" : $"at most {Duration(TimeSpan.FromSeconds((Last.MaxEpochs - EpochsDone(Last)) / rate))} left";
        }
    }

    internal string Line => $"[{Title}] {string.Join(", ", new[] { Epochs, Loss, Validation, Rate, TimeLeft }.Where(s => s.Length > 0))}";

    internal void Update(in TrainingUpdate update)
    {
        if (double.IsNaN(_startEpochs))
        {
            // A resumed stage starts in the middle: its rate counts from there.
            _startEpochs = EpochsDone(update);
            _start = Stopwatch.GetTimestamp();
        }
        Last = update;
    }

    internal void Finish(int epochs, string outcome)
    {
        Last = Last with { Epoch = epochs };
        _took = Stopwatch.GetElapsedTime(_start);
        _outcome = outcome;
    }

    private double EpochsPerSecond
    {
        get
        {
            double done = EpochsDone(Last) - _startEpochs, seconds = Stopwatch.GetElapsedTime(_start).TotalSeconds;
            return done > 0 && seconds > 0.2 ? done / seconds : double.NaN;
        }
    }

    private static double EpochsDone(in TrainingUpdate u) =>
        u.Epoch + (u.StepsPerEpoch > 0 && u.Step < u.StepsPerEpoch ? (double)u.Step / u.StepsPerEpoch : 0);

    private static string Number(double value) => value.ToString(Math.Abs(value) is >= 0.001 and < 1e6 ? "0.####" : "0.###e0", CultureInfo.InvariantCulture);

    internal static string Duration(TimeSpan t) => t.TotalSeconds switch
    {
        < 1 => $"{Math.Max(0, t.TotalSeconds).ToString("0.0", CultureInfo.InvariantCulture)} s",
        < 90 => $"{t.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s",
        < 5400 => $"{(int)t.TotalMinutes} min {t.Seconds:00} s",
        < 48 * 3600 => $"{(int)t.TotalHours} h {t.Minutes:00} min",
        _ => $"{t.TotalDays.ToString("0", CultureInfo.InvariantCulture)} days",
    };
}
