using System.Text.Json.Serialization;

namespace Cellcast.Reports;

/// <summary>Patients and an outcome that is no survival: yes or no, or a number.</summary>
public sealed record OutcomeSection
{
    /// <summary>Name of the outcome.</summary>
    public required string Name { get; init; }

    /// <summary>Name of what is predicted: the probability of yes, or the expected outcome.</summary>
    public required string PredictedLabel { get; init; }

    /// <summary>Name of what was observed.</summary>
    public required string ObservedLabel { get; init; }

    /// <summary>Name of the score that stands for a part: AUC or correlation.</summary>
    public required string ScoreName { get; init; }

    /// <summary>Its value without any skill.</summary>
    public required double Chance { get; init; }

    /// <summary>Whether the outcome is yes or no.</summary>
    public required bool Binary { get; init; }

    /// <summary>Parts of the cohort; the first is shown first.</summary>
    public required IReadOnlyList<OutcomePart> Parts { get; init; }

    /// <summary>The patients.</summary>
    public required ReportTable Table { get; init; }
}

/// <summary>One part of a cohort with its outcomes.</summary>
public sealed record OutcomePart
{
    /// <summary>Short name.</summary>
    public required string Key { get; init; }

    /// <summary>Name.</summary>
    public required string Title { get; init; }

    /// <summary>What a reader must know of this part.</summary>
    public string? Note { get; init; }

    /// <summary>Whether the model has never seen these patients.</summary>
    public bool HeldOut { get; init; }

    /// <summary>Patients.</summary>
    public required int Patients { get; init; }

    /// <summary>How many have the outcome; null where it is a number.</summary>
    public int? Positive { get; init; }

    /// <summary>The score that stands for the part, or null.</summary>
    public Interval? Score { get; init; }

    /// <summary>All scores, the most important first.</summary>
    public IReadOnlyList<OutcomeScore> Scores { get; init; } = [];

    /// <summary>The ROC curve, or null.</summary>
    public RocPoints? Roc { get; init; }

    /// <summary>Predicted against observed in groups of like prediction; empty where there are too few patients.</summary>
    public IReadOnlyList<CalibrationBin> Calibration { get; init; } = [];

    /// <summary>Names of the patients.</summary>
    [JsonConverter(typeof(PackedTexts))]
    public required string[] Names { get; init; }

    /// <summary>Prediction of each patient.</summary>
    public required double[] Predicted { get; init; }

    /// <summary>Outcome of each patient; 0 or 1 where it is yes or no.</summary>
    public required double[] Observed { get; init; }
}

/// <summary>A score with its limits.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">The score.</param>
/// <param name="Lower">Lower 95 % limit, or null.</param>
/// <param name="Upper">Upper 95 % limit, or null.</param>
/// <param name="Help">How to read it.</param>
public sealed record OutcomeScore(string Name, double Value, double? Lower, double? Upper, string Help);

/// <summary>A ROC curve.</summary>
/// <param name="FalsePositive">Share of the no at or above each threshold.</param>
/// <param name="TruePositive">Share of the yes at or above it.</param>
public sealed record RocPoints(double[] FalsePositive, double[] TruePositive);
