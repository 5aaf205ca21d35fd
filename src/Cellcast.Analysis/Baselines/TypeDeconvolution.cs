using Cellcast.AnnData;

namespace Cellcast.Analysis.Baselines;

/// <summary>How <see cref="TypeDeconvolution"/> makes and compares profiles.</summary>
public sealed record TypeDeconvolutionOptions
{
    /// <summary>True: every cell counts alike in its type's profile, so shares are of RNA. False: profiles keep the size of the cells, so shares are of cells
    /// as far as counts tell their size.</summary>
    public bool NormalizeCells { get; init; } = true;

    /// <summary>Genes are weighted by 1 / (mean + this times the mean over genes): near 0 all genes count by their relative error, large by their absolute error.</summary>
    public double WeightFloor { get; init; } = 0.1;
}

/// <summary>
/// The simple way from bulk samples to cell types: non-negative least squares of each sample on the mean profile of each labelled type.
/// A baseline for every model that deconvolves.
/// </summary>
public sealed class TypeDeconvolution
{
    private readonly double[] _weighted;
    private readonly double[] _gram;
    private readonly double[] _weights;

    private TypeDeconvolution(string[] types, double[] profiles, int genes, double floor)
    {
        (Types, Profiles, GeneCount) = (types, profiles, genes);
        int p = types.Length;
        double overall = profiles.Average();
        _weights = new double[genes];
        for (int g = 0; g < genes; g++)
        {
            double mean = 0;
            for (int t = 0; t < p; t++) mean += profiles[t * genes + g];
            _weights[g] = 1 / (mean / p + floor * overall);
        }
        _weighted = new double[p * genes];
        for (int t = 0; t < p; t++)
            for (int g = 0; g < genes; g++) _weighted[t * genes + g] = profiles[t * genes + g] * _weights[g] * _weights[g];
        _gram = new double[p * p];
        for (int a = 0; a < p; a++)
            for (int b = 0; b < p; b++)
            {
                double sum = 0;
                for (int g = 0; g < genes; g++) sum += profiles[a * genes + g] * _weighted[b * genes + g];
                _gram[a * p + b] = sum;
            }
    }

    /// <summary>The types, sorted ordinally.</summary>
    public IReadOnlyList<string> Types { get; }

    /// <summary>Number of genes.</summary>
    public int GeneCount { get; }

    /// <summary>Mean profile of each type, types x genes, row-major.</summary>
    public IReadOnlyList<double> Profiles { get; }

    /// <summary>Makes the profiles of the labelled types.</summary>
    /// <param name="cells">Cells x genes, raw counts.</param>
    /// <param name="labels">Type of each cell; cells without one are left out.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="InputException">The lengths differ, no cell has a label, or there are no counts.</exception>
    public static TypeDeconvolution FromLabels(SparseMatrix cells, IReadOnlyList<string?> labels, TypeDeconvolutionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(labels);
        options ??= new TypeDeconvolutionOptions();
        if (labels.Count != cells.Rows) throw new InputException($"there are {labels.Count} labels but {cells.Rows} cells; give one label per cell.");
        string[] types = [.. labels.OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (types.Length == 0) throw new InputException("no cell has a label; name the column of obs that holds the cell types.");
        int genes = cells.Columns;
        double[] totals = cells.RowSums(), profiles = new double[types.Length * genes];
        if (totals.Sum() <= 0) throw new InputException("the cells have no counts at all; check which matrix or layer holds the counts.");
        double mean = totals.Average();
        var counted = new int[types.Length];
        for (int i = 0; i < cells.Rows; i++)
        {
            if (labels[i] is not { } label || totals[i] <= 0) continue;
            int t = Array.BinarySearch(types, label, StringComparer.Ordinal);
            counted[t]++;
            double scale = options.NormalizeCells ? mean / totals[i] : 1;
            ReadOnlySpan<int> index = cells.RowIndices(i);
            ReadOnlySpan<float> value = cells.RowValues(i);
            for (int k = 0; k < index.Length; k++) profiles[t * genes + index[k]] += scale * value[k];
        }
        for (int t = 0; t < types.Length; t++)
            for (int g = 0; g < genes; g++) profiles[t * genes + g] /= Math.Max(1, counted[t]);
        return new TypeDeconvolution(types, profiles, genes, options.WeightFloor);
    }

    /// <summary>Share of every type in every sample.</summary>
    /// <param name="bulk">Samples x genes, raw counts of the same genes.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <returns>Samples x types; rows sum to one.</returns>
    /// <exception cref="InputException">The genes differ, or a sample has nothing in common with any profile.</exception>
    public double[,] Shares(SparseMatrix bulk, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(bulk);
        if (bulk.Columns != GeneCount) throw new InputException($"the samples have {bulk.Columns} genes but the cells {GeneCount}; bring both to the same genes first.");
        int p = Types.Count;
        var shares = new double[bulk.Rows, p];
        Blocks.For(bulk.Rows, threads, s =>
        {
            var target = new double[p];
            ReadOnlySpan<int> index = bulk.RowIndices(s);
            ReadOnlySpan<float> value = bulk.RowValues(s);
            for (int t = 0; t < p; t++)
            {
                ReadOnlySpan<double> row = _weighted.AsSpan(t * GeneCount, GeneCount);
                double sum = 0;
                for (int k = 0; k < index.Length; k++) sum += row[index[k]] * value[k];
                target[t] = sum;
            }
            double[] x = NonNegativeLeastSquares.Solve(_gram, target);
            double total = x.Sum();
            if (!(total > 0)) throw new InputException($"sample {s} has no counts of any gene that the cell types express; leave it out or check its counts.");
            for (int t = 0; t < p; t++) shares[s, t] = x[t] / total;
        });
        return shares;
    }
}
