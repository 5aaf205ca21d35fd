namespace Cellcast.Models.Simulation;

/// <summary>What patients and spots are mixed from: cell types, each with an expression profile that may depend on the inner state.</summary>
internal interface IMixtureSource
{
    /// <summary>Names of the types, in the order of every per-type array.</summary>
    string[] Types { get; }

    string[] Genes { get; }

    /// <summary>Which types have an inner gradient that the contribution follows.</summary>
    bool[] HasGradient { get; }

    /// <summary>Adds <paramref name="weight"/> times the mean profile (sums to one over genes) of a type's cells under a tilt of their inner state.</summary>
    void AddProfile(int type, double tilt, double weight, Span<double> profile);

    /// <summary>Mean of state - 1/2 over a type's cells under a tilt.</summary>
    double MeanState(int type, double tilt);
}
