namespace Cellcast.Reports;

/// <summary>A number with its 95 % interval.</summary>
public sealed record Interval(double Value, double Lower, double Upper);

/// <summary>One of them.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Interval">The number and its limits.</param>
public sealed record NamedInterval(string Name, Interval Interval);

/// <summary>Numbers with their 95 % intervals, one below the other.</summary>
/// <param name="Items">Names and intervals.</param>
/// <param name="Label">Label of the axis.</param>
/// <param name="Note">What they are.</param>
public sealed record NamedIntervals(IReadOnlyList<NamedInterval> Items, string Label, string Note);

/// <summary>A test with a chi-squared statistic.</summary>
public sealed record TestResult(double Statistic, int DegreesOfFreedom, double PValue);

/// <summary>Patients of like predicted survival.</summary>
/// <param name="Patients">How many.</param>
/// <param name="Predicted">Mean predicted survival at the horizon.</param>
/// <param name="Observed">Kaplan-Meier survival at the horizon.</param>
/// <param name="Lower">Its lower 95 % limit.</param>
/// <param name="Upper">Its upper 95 % limit.</param>
public sealed record CalibrationBin(int Patients, double Predicted, double Observed, double? Lower, double? Upper);
