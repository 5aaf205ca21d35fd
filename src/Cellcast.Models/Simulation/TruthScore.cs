using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;

namespace Cellcast.Models.Simulation;

/// <summary>How well an estimate agrees with the known answer of a simulated study. All correlations are Pearson's; NaN where one side is constant.</summary>
public sealed record TruthScore
{
    /// <summary>Mean contribution of a type, over the types.</summary>
    public required double PerType { get; init; }

    /// <summary>Contribution of a cell, over all cells.</summary>
    public required double PerCell { get; init; }

    /// <summary>Contribution of a cell within each type that has an inner gradient.</summary>
    public required IReadOnlyDictionary<string, double> WithinTypes { get; init; }

    /// <summary>Mean over <see cref="WithinTypes"/>; NaN when there is none.</summary>
    public double Within => WithinTypes.Count == 0 ? double.NaN : WithinTypes.Values.Average();

    /// <summary>Shares of the types in a patient, median over patients.</summary>
    public required double Shares { get; init; }

    /// <summary>Every type with its number of cells, its known and its estimated mean contribution.</summary>
    public required IReadOnlyList<(string Type, int Cells, double Known, double Estimated)> Types { get; init; }

    /// <summary>Compares.</summary>
    /// <param name="study">The simulated study.</param>
    /// <param name="contribution">Estimated contribution of every cell, up to a constant.</param>
    /// <param name="shares">Estimated share of every cell in every patient, cells x patients; null when there are none, then <see cref="Shares"/> is NaN.</param>
    public static TruthScore Of(SimulatedStudy study, IReadOnlyList<float> contribution, float[]? shares)
    {
        ArgumentNullException.ThrowIfNull(study);
        ArgumentNullException.ThrowIfNull(contribution);
        int patients = study.Bulk.ObservationCount;
        if (contribution.Count != study.Cells.ObservationCount) throw new ArgumentException($"{contribution.Count} contributions for {study.Cells.ObservationCount} cells", nameof(contribution));
        if (shares is not null && shares.LongLength != (long)contribution.Count * patients) throw new ArgumentException($"{shares.LongLength} shares for {contribution.Count} cells x {patients} patients", nameof(shares));
        string[] types = (string[])((NdArray)study.Bulk.Uns["types"]).Data;
        double[] typeBeta = ((NdArray)study.Bulk.Uns["true_beta"]).ToDouble();
        double[] known = ((NumericColumn)study.Cells.Obs["true_beta"]).ToDouble();
        bool[] hasGradient = ((BooleanColumn)study.Cells.Obs["has_gradient"]).Values;
        string?[] label = study.Cells.Obs["label"].ToText();
        double[] found = [.. contribution.Select(v => (double)v)];
        int[][] cellsOf = [.. types.Select(t => Enumerable.Range(0, label.Length).Where(i => label[i] == t).ToArray())];

        double[] typeFound = [.. cellsOf.Select(cells => cells.Average(i => found[i]))];
        var within = new Dictionary<string, double>();
        for (int k = 0; k < types.Length; k++)
            if (cellsOf[k].Length > 2 && hasGradient[cellsOf[k][0]])
                within[types[k]] = Correlation.Pearson([.. cellsOf[k].Select(i => found[i])], [.. cellsOf[k].Select(i => known[i])]).Coefficient;
        return new TruthScore
        {
            PerType = Correlation.Pearson(typeFound, typeBeta).Coefficient,
            PerCell = Correlation.Pearson(found, known).Coefficient,
            WithinTypes = within,
            Shares = shares is null ? double.NaN : MedianShareCorrelation(study, shares, cellsOf, patients),
            Types = [.. types.Select((t, k) => (t, cellsOf[k].Length, typeBeta[k], typeFound[k]))],
        };
    }

    private static double MedianShareCorrelation(SimulatedStudy study, float[] shares, int[][] cellsOf, int patients)
    {
        double[] known = ((DenseMatrix)study.Bulk.Obsm["true_proportions"]).ToDouble();
        int types = cellsOf.Length;
        double[] r = [.. Enumerable.Range(0, patients).Select(p =>
        {
            double[] found = [.. cellsOf.Select(cells => cells.Sum(c => (double)shares[(long)c * patients + p]))];
            return Correlation.Pearson(found, known.AsSpan(p * types, types)).Coefficient;
        }).Order()];
        return patients % 2 == 1 ? r[patients / 2] : (r[patients / 2 - 1] + r[patients / 2]) / 2;
    }
}
