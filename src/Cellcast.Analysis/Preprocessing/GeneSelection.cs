using Cellcast.AnnData;

namespace Cellcast.Analysis.Preprocessing;

/// <summary>Which matrix decides how variable a gene is.</summary>
public enum GeneSource
{
    /// <summary>The bulk cohort.</summary>
    Bulk,

    /// <summary>The single cells.</summary>
    Cells,

    /// <summary>The spots.</summary>
    Spots,
}

/// <summary>Counts with the names of their genes and the file they came from.</summary>
/// <param name="Source">File to name in messages.</param>
/// <param name="Genes">Names of the columns.</param>
/// <param name="Counts">Cells, patients or spots x genes.</param>
public sealed record CountTable(string Source, IReadOnlyList<string> Genes, Matrix Counts)
{
    /// <summary>Number of rows with a positive count of each gene where that is known already, which saves a pass over the counts.</summary>
    public int[]? Detected { get; init; }
}

/// <summary>How genes are chosen.</summary>
public sealed record GeneSelectionOptions
{
    /// <summary>How many of the most variable genes are kept; a few more when genes tie with the last one.</summary>
    public int Count { get; init; } = 5000;

    /// <summary>Share of the cells, of the patients and of the spots in which a gene must be detected; the number is rounded down.</summary>
    public double MinimumDetected { get; init; } = 0.01;

    /// <summary>Which matrix decides how variable a gene is.</summary>
    public GeneSource Source { get; init; } = GeneSource.Bulk;
}

/// <summary>The genes a model works on: common to all inputs, detected often enough in each, and the most variable of one of them.</summary>
public sealed class GeneSelection
{
    private GeneSelection(string[] genes, int[] cellColumns, int[] bulkColumns, int[]? spotColumns, double[] scores, int common, int detected) =>
        (Genes, CellColumns, BulkColumns, SpotColumns, NormalizedDispersions, CommonCount, DetectedCount) =
        (genes, cellColumns, bulkColumns, spotColumns, scores, common, detected);

    /// <summary>The chosen genes, sorted ordinally.</summary>
    public IReadOnlyList<string> Genes { get; }

    /// <summary>Where the cells have each chosen gene.</summary>
    public int[] CellColumns { get; }

    /// <summary>Where the patients have each chosen gene.</summary>
    public int[] BulkColumns { get; }

    /// <summary>Where the spots have each chosen gene; null without spots.</summary>
    public int[]? SpotColumns { get; }

    /// <summary>How variable each chosen gene is among genes with a similar mean.</summary>
    public double[] NormalizedDispersions { get; }

    /// <summary>Number of genes that all inputs share.</summary>
    public int CommonCount { get; }

    /// <summary>Number of shared genes that are detected often enough in every input.</summary>
    public int DetectedCount { get; }

    /// <summary>
    /// Chooses the genes: those common to all inputs, detected in at least floor(share x n) of the n rows of each, then the most variable by
    /// <see cref="DispersionFlavor.Seurat"/> on counts of one input scaled to their median total (over the genes left by then).
    /// Rows that must not take part (held-out patients) are left out by the caller.
    /// </summary>
    /// <param name="cells">The single cells.</param>
    /// <param name="bulk">The patients.</param>
    /// <param name="spots">The spots, or null.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <exception cref="InputException">No gene is shared, none is detected often enough, none varies, or the deciding input is absent.</exception>
    public static GeneSelection Select(CountTable cells, CountTable bulk, CountTable? spots = null, GeneSelectionOptions? options = null, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(bulk);
        options ??= new GeneSelectionOptions();
        if (options.Count < 1) throw new InputException($"the number of genes is {options.Count}; ask for at least 1.");
        if (options.MinimumDetected is not (>= 0 and <= 1)) throw new InputException($"the share of cells in which a gene must be detected is {options.MinimumDetected}; give a number from 0 to 1.");
        CountTable[] tables = spots is null ? [cells, bulk] : [cells, bulk, spots];
        CountTable decisive = options.Source switch
        {
            GeneSource.Cells => cells,
            GeneSource.Spots => spots ?? throw new InputException("genes are to be chosen by how they vary among the spots, but there are no spots; choose by the bulk or the cells."),
            _ => bulk,
        };
        var alignment = GeneNames.Align([.. tables.Select(t => new GeneList(t.Source, t.Genes))]);

        bool[] keep = [.. alignment.Names.Select(_ => true)];
        for (int t = 0; t < tables.Length; t++)
        {
            int[] detected = tables[t].Detected ?? Filters.CellsPerGene(tables[t].Counts);
            int least = (int)Math.Floor(options.MinimumDetected * tables[t].Counts.Rows);
            for (int g = 0; g < keep.Length; g++) keep[g] &= detected[alignment.Positions[t][g]] >= least;
        }
        int[] left = [.. Enumerable.Range(0, keep.Length).Where(g => keep[g])];
        if (left.Length == 0)
            throw new InputException($"none of the {keep.Length} genes that {Sources(tables)} share is detected in {options.MinimumDetected:P0} of the rows of each; check that the matrices hold counts, or lower that share.");

        int[] columns = [.. left.Select(g => alignment.Positions[Array.IndexOf(tables, decisive)][g])];
        var variable = OfCounts(decisive.Counts, columns, threads);
        int[] top = variable.Top(options.Count);
        if (top.Length == 0) throw new InputException($"'{decisive.Source}': none of the {left.Length} shared genes varies between its {decisive.Counts.Rows} rows; choose genes by another input.");
        int[] chosen = [.. top.Select(k => left[k])];
        int[] Positions(int t) => [.. chosen.Select(g => alignment.Positions[t][g])];
        return new GeneSelection([.. chosen.Select(g => alignment.Names[g])], Positions(0), Positions(1), spots is null ? null : Positions(2),
            [.. top.Select(k => variable.NormalizedDispersions[k])], keep.Length, left.Length);
    }

    /// <summary>Dispersions of chosen columns of counts, scaled to the median total over those columns, without making a normalised matrix.</summary>
    private static VariableGenes OfCounts(Matrix counts, int[] columns, int threads)
    {
        var used = new bool[counts.Columns];
        foreach (int c in columns) used[c] = true;
        var totals = new double[counts.Rows];
        counts.ForEachBlock((first, rows) => Blocks.For(rows.Count, threads, r =>
        {
            ReadOnlySpan<int> index = rows.RowIndices(r);
            ReadOnlySpan<float> value = rows.RowValues(r);
            double sum = 0;
            for (int k = 0; k < index.Length; k++)
                if (used[index[k]]) sum += value[k];
            totals[first + r] = sum;
        }));
        double median = Normalization.MedianTotal(totals);
        float[] size = [.. totals.Select(t => t > 0 ? (float)(t / median) : 1)];
        var (means, variances) = ColumnMoments.Of(counts, new Scaled(size), threads);
        return VariableGenes.FromMoments([.. columns.Select(c => means[c])], [.. columns.Select(c => variances[c])]);
    }

    private static string Sources(CountTable[] tables) => string.Join(" and ", tables.Select(t => $"'{t.Source}'"));

    private readonly struct Scaled(float[] size) : ColumnMoments.ITransform
    {
        public double Apply(int row, float value) => value / size[row];
    }
}
