using Cellcast.AnnData;

namespace Cellcast.Analysis.Cohorts;

/// <summary>A bulk cohort ready for survival models.</summary>
/// <param name="Data">Patients x genes with raw counts in X; <c>obs['survival_time']</c>, <c>obs['vital_status']</c> (Alive / Dead) and the clinical columns.</param>
/// <param name="Report">What was joined, dropped and why.</param>
public sealed record Cohort(AnnotatedData Data, CohortReport Report)
{
    /// <summary>Column of <c>obs</c> with the survival time, in the unit of the source.</summary>
    public const string TimeColumn = "survival_time";

    /// <summary>Column of <c>obs</c> with the labels <see cref="EventStatus.Dead"/> and <see cref="EventStatus.Alive"/>.</summary>
    public const string EventColumn = "vital_status";

    /// <summary>Patients.</summary>
    public int Patients => Data.ObservationCount;

    /// <summary>Patients who died.</summary>
    public int Events => Data.Obs[EventColumn].ToText().Count(t => t == EventStatus.Dead);
}
