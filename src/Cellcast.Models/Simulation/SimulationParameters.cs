using System.Text.Json.Serialization;

namespace Cellcast.Models.Simulation;

/// <summary>What a simulated study consists of. Every value has a default; the defaults are a study of the size of the published benchmark.</summary>
public sealed record SimulationParameters
{
    /// <summary>Cells of the reference.</summary>
    public int Cells { get; init; } = 4000;

    /// <summary>Genes of every file.</summary>
    public int Genes { get; init; } = 5000;

    /// <summary>Cell types.</summary>
    public int Types { get; init; } = 24;

    /// <summary>Families of related types (lineages), at most as many as types.</summary>
    public int Families { get; init; } = 6;

    /// <summary>Types whose cells differ along an inner gradient that also decides their contribution.</summary>
    public int GradientTypes { get; init; } = 6;

    /// <summary>Samples (batches) that the reference cells come from.</summary>
    public int Samples { get; init; } = 8;

    /// <summary>Patients of the bulk cohort.</summary>
    public int Patients { get; init; } = 300;

    /// <summary>Spots of the spatial data; 0 for none.</summary>
    public int Spots { get; init; }

    /// <summary>Share of patients whose death is observed.</summary>
    public double EventShare { get; init; } = 0.7;

    /// <summary>Standard deviation over patients of the log hazard that the cells explain.</summary>
    public double Effect { get; init; } = 0.75;

    /// <summary>Standard deviation of the contribution within a gradient type, in units of that between types.</summary>
    public double GradientEffect { get; init; } = 0.7;

    /// <summary>How far patients differ in the inner state of a gradient type: sd of the tilt, where 3.5 moves the mean by about one sd of the state.</summary>
    public double GradientSpread { get; init; } = 2;

    /// <summary>Shape of the Weibull distribution of survival times; 1 is exponential.</summary>
    public double WeibullShape { get; init; } = 1;

    /// <summary>Median survival, in days, of a patient of average risk.</summary>
    public double MedianSurvival { get; init; } = 600;

    /// <summary>Concentration per type of the patients' compositions (Dirichlet): small values make patients unlike each other.</summary>
    public double Concentration { get; init; } = 0.4;

    /// <summary>Sd of the logarithm of the efficiency of each gene in bulk (and, drawn anew, in spots) against the cells' technology.</summary>
    public double PlatformEffect { get; init; } = 0.5;

    /// <summary>Sd of the logarithm of the efficiency of each gene in each sample of cells.</summary>
    public double BatchEffect { get; init; } = 0.15;

    /// <summary>Median total count of a cell.</summary>
    public double CellDepth { get; init; } = 2500;

    /// <summary>Median total count of a patient.</summary>
    public double BulkDepth { get; init; } = 5e6;

    /// <summary>Median total count of a spot.</summary>
    public double SpotDepth { get; init; } = 8000;

    /// <summary>Dispersion of the cells' counts: variance = mean + dispersion mean^2.</summary>
    public double CellDispersion { get; init; } = 0.3;

    /// <summary>Dispersion of the patients' counts.</summary>
    public double BulkDispersion { get; init; } = 0.02;

    /// <summary>Dispersion of the spots' counts.</summary>
    public double SpotDispersion { get; init; } = 0.1;

    /// <summary>Of real cells, the share of every type that patients and spots are mixed from and that the reference then lacks, as patients' cells are never those of the reference; 0 mixes them from
    /// the reference's own cells, whose mean expression is then known without error.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public double CellsApart { get; init; }

    /// <summary>What is wrong with these values, as a sentence that starts with the name of the value; null when they make a study.</summary>
    public string? Problem() => CohortProblem()
        ?? Outside(Genes >= 50, "genes", Genes, "at least 50")
        ?? Outside(Types is >= 2 and <= 1000, "types", Types, "from 2 to 1000")
        ?? Outside(Families >= 1 && Families <= Types, "families", Families, $"from 1 to the number of types ({Types})")
        ?? Outside(GradientTypes >= 0 && GradientTypes <= Types, "gradient-types", GradientTypes, $"from 0 to the number of types ({Types})")
        ?? Outside(Cells >= Types, "cells", Cells, $"at least the number of types ({Types})")
        ?? Outside(Samples is >= 1 and <= 1000, "samples", Samples, "from 1 to 1000")
        ?? Outside(BatchEffect is >= 0 and <= 3, "batch-effect", BatchEffect, "from 0 to 3")
        ?? Outside(CellDepth is >= 10 and <= 1e7, "cell-depth", CellDepth, "from 10 to 1e7")
        ?? Outside(CellDispersion is >= 0 and <= 10, "cell-dispersion", CellDispersion, "from 0 to 10");

    /// <summary>As <see cref="Problem"/>, for the values that a cohort mixed from real cells depends on.</summary>
    public string? CohortProblem() =>
        Outside(Patients >= 10, "patients", Patients, "at least 10")
        ?? Outside(Spots is 0 or >= 4, "spots", Spots, "0 or at least 4")
        ?? Outside(GradientTypes >= 0, "gradient-types", GradientTypes, "0 or more")
        ?? Outside(EventShare is > 0 and <= 1, "event-share", EventShare, "above 0 and at most 1")
        ?? Outside(Effect is >= 0 and <= 10, "effect", Effect, "from 0 to 10")
        ?? Outside(GradientEffect is >= 0 and <= 100, "gradient-effect", GradientEffect, "from 0 to 100")
        ?? Outside(GradientSpread is >= 0 and <= 100, "gradient-spread", GradientSpread, "from 0 to 100")
        ?? Outside(WeibullShape is >= 0.1 and <= 20, "weibull-shape", WeibullShape, "from 0.1 to 20")
        ?? Outside(MedianSurvival is >= 1 and <= 1e6, "median-survival", MedianSurvival, "from 1 to 1e6")
        ?? Outside(Concentration is >= 0.001 and <= 1e4, "concentration", Concentration, "from 0.001 to 10000")
        ?? Outside(PlatformEffect is >= 0 and <= 3, "platform-effect", PlatformEffect, "from 0 to 3")
        ?? Outside(BulkDepth is >= 1000 and <= 1e7, "bulk-depth", BulkDepth, "from 1000 to 1e7")
        ?? Outside(SpotDepth is >= 10 and <= 1e7, "spot-depth", SpotDepth, "from 10 to 1e7")
        ?? Outside(BulkDispersion is >= 0 and <= 10, "bulk-dispersion", BulkDispersion, "from 0 to 10")
        ?? Outside(SpotDispersion is >= 0 and <= 10, "spot-dispersion", SpotDispersion, "from 0 to 10")
        ?? Outside(CellsApart is >= 0 and <= 0.9, "cells-apart", CellsApart, "from 0 to 0.9");

    private static string? Outside(bool good, string name, double value, string range) =>
        good ? null : FormattableString.Invariant($"{name} is {value}: it must be {range}.");
}
