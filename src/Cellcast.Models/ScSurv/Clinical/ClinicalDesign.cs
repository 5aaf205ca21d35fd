using Cellcast.Analysis.Clinical;
using Cellcast.AnnData;
using Cellcast.Survival;

namespace Cellcast.Models.ScSurv;

/// <summary>What scSurv is asked to explain, and what else is known of the patients.</summary>
public sealed record ClinicalDesign
{
    /// <summary>Kind of outcome; survival has its columns in <see cref="ScSurvInputs"/>.</summary>
    public OutcomeKind Kind { get; init; } = OutcomeKind.Survival;

    /// <summary>Column of a binary or continuous outcome.</summary>
    public string? Response { get; init; }

    /// <summary>Column of groups with a baseline hazard of their own.</summary>
    public string? Strata { get; init; }

    /// <summary>Column of entry times (left truncation).</summary>
    public string? Entry { get; init; }

    /// <summary>Column of case weights.</summary>
    public string? Weights { get; init; }

    /// <summary>Covariates beside the shares.</summary>
    public IReadOnlyList<CovariateRequest> Covariates { get; init; } = [];

    /// <summary>What is done with missing covariates.</summary>
    public MissingCovariates Missing { get; init; } = MissingCovariates.Indicator;

    /// <summary>True when there is nothing but survival times and events.</summary>
    public bool IsPlain => Kind == OutcomeKind.Survival && Strata is null && Entry is null && Weights is null && Covariates.Count == 0;

    /// <summary>The outcome of all patients.</summary>
    /// <param name="bulk">The cohort.</param>
    /// <param name="time">Column of survival times.</param>
    /// <param name="status">Column of events.</param>
    /// <exception cref="InputException">A value cannot be used.</exception>
    public Outcome Read(AnnotatedData bulk, string time, string status) => OutcomeColumns.Read(bulk, new OutcomeRequest { Kind = Kind, Time = time, Event = status, Response = Response, Strata = Strata, Entry = Entry, Weights = Weights });
}

/// <summary>Covariates of patients.</summary>
/// <param name="Design">How columns became covariates.</param>
/// <param name="Values">Patients x c, row by row, centred and scaled by the training patients.</param>
public sealed record ClinicalCovariates(CovariateDesign Design, double[] Values)
{
    /// <summary>c.</summary>
    public int Count => Design.Terms.Count;

    /// <summary>Their names.</summary>
    public IReadOnlyList<string> Names => [.. Design.Terms.Select(t => t.Name)];

    /// <summary>The rows of some patients.</summary>
    /// <param name="patients">Indices from 0.</param>
    public double[] Of(IReadOnlyList<int> patients)
    {
        ArgumentNullException.ThrowIfNull(patients);
        return [.. patients.SelectMany(i => Values[(i * Count)..((i + 1) * Count)])];
    }
}
