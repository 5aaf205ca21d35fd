using Cellcast.AnnData;
using Cellcast.Survival;

namespace Cellcast.Models.ScSurv;

/// <summary>Part of the cohort that a patient belongs to.</summary>
public enum Split
{
    /// <summary>Survival enters the partial likelihood.</summary>
    Train,

    /// <summary>Survival decides when the hazard stage stops.</summary>
    Validation,

    /// <summary>Survival is looked at once, for the reported concordance.</summary>
    Test,
}

/// <summary>The single-cell reference on the selected genes.</summary>
/// <param name="Names">Names of the N cells.</param>
/// <param name="Counts">Raw counts, N x G, without explicit zeros; only some rows are ever asked for at a time.</param>
/// <param name="SampleOf">Sample of each cell as an index into <paramref name="Samples"/>; -1 everywhere when no sample column was given.</param>
/// <param name="Samples">Names of the samples; empty when none were given.</param>
public sealed record ReferenceCells(IReadOnlyList<string> Names, Matrix Counts, int[] SampleOf, IReadOnlyList<string> Samples)
{
    /// <summary>Mean count per gene of each cell, N.</summary>
    public float[] Size { get; } = SizeFactors.OfRows(Counts);

    /// <summary>Columns of the one-hot sample matrix: the samples, or a single zero column.</summary>
    public int SampleColumns => Math.Max(1, Samples.Count);
}

/// <summary>Counts that are mixtures of cells: a bulk cohort's patients, or the spots of a section.</summary>
/// <param name="Names">Names of the S patients or spots.</param>
/// <param name="Counts">Raw counts on the selected genes, S x G, row by row.</param>
/// <param name="Size">Mean count per gene of each patient, S.</param>
public sealed record Mixtures(IReadOnlyList<string> Names, float[] Counts, float[] Size)
{
    /// <summary>How many.</summary>
    public int Count => Names.Count;

    /// <summary>Takes the dense rows of a sparse count matrix.</summary>
    /// <exception cref="InputException">They are more than an array can hold.</exception>
    public static Mixtures From(IReadOnlyList<string> names, SparseMatrix counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        RequireFit(counts.Rows, counts.Columns);
        return new(names, counts.ToDense(), SizeFactors.OfRows(counts));
    }

    /// <summary>Refuses counts that no array can hold.</summary>
    /// <param name="count">Number of patients or spots.</param>
    /// <param name="genes">Number of genes.</param>
    internal static void RequireFit(int count, int genes)
    {
        if ((long)count * genes > Array.MaxLength)
            throw new InputException($"{count:N0} patients or spots times {genes:N0} genes are more counts than can be learned from at once ({Array.MaxLength:N0}); use fewer genes with --genes, or part of the spots.");
    }

    /// <summary>Some of them, in the given order.</summary>
    public Mixtures Select(IReadOnlyList<int> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        int genes = Names.Count == 0 ? 0 : Counts.Length / Names.Count;
        var counts = new float[rows.Count * genes];
        for (int i = 0; i < rows.Count; i++) Counts.AsSpan(rows[i] * genes, genes).CopyTo(counts.AsSpan(i * genes));
        return new Mixtures([.. rows.Select(r => Names[r])], counts, [.. rows.Select(r => Size[r])]);
    }
}

/// <summary>Everything that scSurv learns from, checked and on the same genes.</summary>
/// <param name="Genes">Names of the G selected genes, sorted.</param>
/// <param name="Cells">The reference.</param>
/// <param name="Patients">The cohort.</param>
/// <param name="Time">Survival or censoring time of each patient, above 0.</param>
/// <param name="Event">True where the patient died.</param>
/// <param name="Splits">Part of the cohort of each patient.</param>
/// <param name="Spots">Spatial counts, or null.</param>
public sealed record ScSurvData(IReadOnlyList<string> Genes, ReferenceCells Cells, Mixtures Patients, double[] Time, bool[] Event, Split[] Splits, Mixtures? Spots)
{
    private readonly Outcome? _outcome;

    /// <summary>Outcome of each patient: survival by <see cref="Time"/> and <see cref="Event"/> unless set, perhaps with strata, entry times and weights, or another kind, for which
    /// <see cref="Time"/> and <see cref="Event"/> are empty.</summary>
    public Outcome Outcome
    {
        get => _outcome ?? Outcome.Of(new SurvivalData(Time, Event));
        init => _outcome = value;
    }

    /// <summary>Where the strata of <see cref="Outcome"/> come from and what they are called, in the order of their numbers; null for none.</summary>
    public (string Column, IReadOnlyList<string> Names)? Strata { get; init; }

    /// <summary>Covariates of each patient; null for none.</summary>
    public ClinicalCovariates? Covariates { get; init; }

    /// <summary>Type of each cell; null when none were given.</summary>
    public CategoricalColumn? Labels { get; init; }

    /// <summary>Patients whose survival decides anything: with the smooth method nothing is stopped by looking at validation patients, so they train too.</summary>
    public int[] Learned(HazardMethod method) => method == HazardMethod.Smooth ? PatientsIn(Split.Train, Split.Validation) : PatientsIn(Split.Train);

    /// <summary>Patients of one part, in order.</summary>
    public int[] PatientsIn(params Split[] splits) => [.. Enumerable.Range(0, Splits.Length).Where(i => splits.Contains(Splits[i]))];
}

/// <summary>Size factors of scSurv: the mean count per gene.</summary>
public static class SizeFactors
{
    /// <summary>Row sums over the number of columns.</summary>
    public static float[] OfRows(Matrix counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        var size = new float[counts.Rows];
        counts.ForEachBlock((first, rows) =>
        {
            for (int r = 0; r < rows.Count; r++)
            {
                double sum = 0;
                foreach (float v in rows.RowValues(r)) sum += v;
                size[first + r] = (float)(sum / counts.Columns);
            }
        });
        return size;
    }
}
