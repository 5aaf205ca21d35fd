using System.Globalization;
using Cellcast.Models.Simulation;

namespace Cellcast.Models.Benchmark;

/// <summary>Which cohorts the accuracy benchmark simulates: every combination of the values below, each with every seed.</summary>
public sealed record BenchmarkGrid
{
    /// <summary>Sizes of the cohorts that are fitted.</summary>
    public IReadOnlyList<int> Patients { get; init; } = [50, 100, 300, 1000];

    /// <summary>Shares of patients with an observed event.</summary>
    public IReadOnlyList<double> EventShares { get; init; } = [0.1, 0.3, 0.7, 1.0];

    /// <summary>Numbers of cell types; without meaning for cells from a file, which has its own.</summary>
    public IReadOnlyList<int> Types { get; init; } = [24];

    /// <summary>Sd of the log efficiency of genes in bulk against cells.</summary>
    public IReadOnlyList<double> PlatformEffects { get; init; } = [0.5];

    /// <summary>Sd of the log efficiency of genes between samples of cells.</summary>
    public IReadOnlyList<double> BatchEffects { get; init; } = [0.15];

    /// <summary>Numbers of cell types that are in the patients but not in the reference.</summary>
    public IReadOnlyList<int> MissingTypes { get; init; } = [0];

    /// <summary>Sd over patients of the log hazard that the cells explain; 0 for cohorts without any signal.</summary>
    public IReadOnlyList<double> Effects { get; init; } = [0.75];

    /// <summary>Seeds: of the cells, the cohort and the training.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [0, 1, 2];

    /// <summary>Everything else about the studies.</summary>
    public SimulationParameters Base { get; init; } = new() { Cells = 2000, Genes = 2000 };

    /// <summary>Patients beyond those that are fitted, for the held-out concordance; the same ones for every size of the cohort.</summary>
    public int TestPatients { get; init; } = 200;

    /// <summary>A grid of a few minutes: 8 types, two sizes, two shares of events, three seeds.</summary>
    public static BenchmarkGrid Quick { get; } = new()
    {
        Patients = [100, 300],
        EventShares = [0.3, 0.7],
        Types = [8],
        TestPatients = 100,
        Base = new SimulationParameters { Cells = 1200, Genes = 1200, Families = 4, GradientTypes = 2, Samples = 4 },
    };

    /// <summary>All combinations. Those that share cells come one after the other, and among them those that share patients.</summary>
    public IEnumerable<BenchmarkCase> Cases() =>
        from seed in Seeds
        from types in Types
        from batch in BatchEffects
        from missing in MissingTypes
        from platform in PlatformEffects
        from patients in Patients
        from effect in Effects
        from events in EventShares
        select new BenchmarkCase(patients, events, types, platform, batch, missing, effect, seed);

    /// <summary>What is wrong with the grid, as a sentence; null when it can be run.</summary>
    /// <param name="simulated">The cells are simulated too, not read from a file.</param>
    public string? Problem(bool simulated)
    {
        if (new int[] { Patients.Count, EventShares.Count, Types.Count, PlatformEffects.Count, BatchEffects.Count, MissingTypes.Count, Effects.Count, Seeds.Count }.Min() == 0) return "every axis of the grid needs at least one value.";
        if (TestPatients < 10) return $"test-patients is {TestPatients}: it must be at least 10.";
        foreach (BenchmarkCase c in Cases())
        {
            SimulationParameters p = c.Parameters(this);
            if (c.Patients < 10) return $"patients is {c.Patients}: it must be at least 10.";
            if ((simulated ? p.Problem() : p.CohortProblem()) is { } problem) return problem;
            if (c.MissingTypes < 0 || (simulated && c.MissingTypes > c.Types - 2)) return $"missing-types is {c.MissingTypes}: it must leave at least 2 of the {c.Types} types.";
        }
        return null;
    }
}

/// <summary>One cohort of the benchmark.</summary>
/// <param name="Patients">Patients that are fitted.</param>
/// <param name="EventShare">Share with an observed event.</param>
/// <param name="Types">Cell types, when cells are simulated.</param>
/// <param name="PlatformEffect">Sd of the log efficiency of genes in bulk.</param>
/// <param name="BatchEffect">Sd of the log efficiency of genes between samples of cells.</param>
/// <param name="MissingTypes">Types that the reference lacks.</param>
/// <param name="Effect">Sd of the log hazard.</param>
/// <param name="Seed">Seed.</param>
public sealed record BenchmarkCase(int Patients, double EventShare, int Types, double PlatformEffect, double BatchEffect, int MissingTypes, double Effect, long Seed)
{
    /// <summary>Names the case in files.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"n{Patients}-e{EventShare}-t{Types}-p{PlatformEffect}-b{BatchEffect}-m{MissingTypes}-x{Effect}-s{Seed}");

    /// <summary>Cases with the same reference cells have the same key.</summary>
    internal string ReferenceKey => string.Create(CultureInfo.InvariantCulture, $"t{Types}-b{BatchEffect}-m{MissingTypes}-s{Seed}");

    /// <summary>Cases whose patients have the same counts have the same key.</summary>
    internal string CountsKey => string.Create(CultureInfo.InvariantCulture, $"{ReferenceKey}-p{PlatformEffect}-n{Patients}");

    /// <summary>The study, test patients included.</summary>
    internal SimulationParameters Parameters(BenchmarkGrid grid) => grid.Base with
    {
        Patients = Patients + grid.TestPatients,
        EventShare = EventShare,
        Types = Types,
        Families = Math.Min(grid.Base.Families, Types),
        GradientTypes = Math.Min(grid.Base.GradientTypes, Types),
        PlatformEffect = PlatformEffect,
        BatchEffect = BatchEffect,
        Effect = Effect,
        Spots = 0,
    };
}
