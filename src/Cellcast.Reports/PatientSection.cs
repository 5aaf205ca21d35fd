namespace Cellcast.Reports;

/// <summary>Patients.</summary>
public sealed record PatientSection
{
    /// <summary>Label of the time axis.</summary>
    public required string TimeLabel { get; init; }

    /// <summary>How patients were grouped.</summary>
    public string? GroupNote { get; init; }

    /// <summary>Parts of the cohort; the first is shown first.</summary>
    public required IReadOnlyList<PatientPart> Parts { get; init; }

    /// <summary>The patients.</summary>
    public required ReportTable Table { get; init; }

    /// <summary>Predicted curves, or null.</summary>
    public SurvivalPrediction? Prediction { get; init; }
}

/// <summary>One part of a cohort: held-out, validation, training or all patients.</summary>
public sealed record PatientPart
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

    /// <summary>Events.</summary>
    public required int Events { get; init; }

    /// <summary>One curve per risk group.</summary>
    public required IReadOnlyList<SurvivalCurve> Curves { get; init; }

    /// <summary>Log-rank test of the groups, or null.</summary>
    public TestResult? LogRank { get; init; }

    /// <summary>Harrell's concordance, or null.</summary>
    public Interval? Concordance { get; init; }

    /// <summary>Hazard ratio of high against low risk, or null.</summary>
    public Interval? HazardRatio { get; init; }

    /// <summary>Calibration, or null.</summary>
    public CalibrationResult? Calibration { get; init; }
}

/// <summary>A Kaplan-Meier curve of one group of patients.</summary>
public sealed record SurvivalCurve
{
    /// <summary><c>high</c>, <c>low</c> or another short name.</summary>
    public required string Key { get; init; }

    /// <summary>Name of the group.</summary>
    public required string Label { get; init; }

    /// <summary>Patients in it.</summary>
    public required int Patients { get; init; }

    /// <summary>Events among them.</summary>
    public required int Events { get; init; }

    /// <summary>Median survival time; null when the curve stays above one half.</summary>
    public double? Median { get; init; }

    /// <summary>Its lower 95 % limit.</summary>
    public double? MedianLower { get; init; }

    /// <summary>Its upper 95 % limit.</summary>
    public double? MedianUpper { get; init; }

    /// <summary>Distinct follow-up times, and times after 0 at which patients come under observation, ascending.</summary>
    public required double[] Time { get; init; }

    /// <summary>Share surviving beyond each time.</summary>
    public required double[] Survival { get; init; }

    /// <summary>Lower 95 % limits, NaN: unknown.</summary>
    public required double[] Lower { get; init; }

    /// <summary>Upper 95 % limits, NaN: unknown.</summary>
    public required double[] Upper { get; init; }

    /// <summary>Patients under observation at each time: entered before it, and followed up to it or longer.</summary>
    public required double[] AtRisk { get; init; }

    /// <summary>Patients censored at each time.</summary>
    public required double[] Censored { get; init; }
}

/// <summary>Predicted against observed survival at one time.</summary>
public sealed record CalibrationResult(double Horizon, IReadOnlyList<CalibrationBin> Bins);

/// <summary>How the survival curve of a patient is predicted: exp(-H exp(eta)).</summary>
/// <param name="Times">Times.</param>
/// <param name="CumulativeHazard">Baseline cumulative hazard H at each time, stratum after stratum.</param>
/// <param name="LinearPredictor">eta of each row of the patients' table.</param>
/// <param name="Strata">Stratum of each row, from 0; null where there is one.</param>
public sealed record SurvivalPrediction(double[] Times, double[] CumulativeHazard, double[] LinearPredictor, int[]? Strata = null);
