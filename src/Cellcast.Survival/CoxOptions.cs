namespace Cellcast.Survival;

/// <summary>Settings of <see cref="CoxRegression"/>.</summary>
public sealed record CoxOptions
{
    /// <summary>How tied deaths are treated.</summary>
    public TieMethod Ties { get; init; } = TieMethod.Efron;

    /// <summary>Penalty lambda: lambda / 2 times the sum of squared coefficients is subtracted from the log likelihood. 0 for none.</summary>
    public double Ridge { get; init; }

    /// <summary>True: the penalty acts on the coefficients of covariates scaled to unit variance, so that it does not depend on their units.</summary>
    public bool RidgeOnStandardized { get; init; } = true;

    /// <summary>Names of the covariates for messages and results; x1, x2, … when null.</summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>A known part of each subject's linear predictor, or null.</summary>
    public IReadOnlyList<double>? Offset { get; init; }

    /// <summary>Most Newton steps.</summary>
    public int MaxIterations { get; init; } = 60;
}
