using System.Buffers;
using Cellcast.AnnData;

namespace Cellcast.Analysis.Statistics;

/// <summary>Computes one tile of a matrix of cells x genes, such as decoded rates, which is never held whole.</summary>
/// <param name="firstCell">First row of the tile.</param>
/// <param name="cells">Its rows.</param>
/// <param name="firstGene">First column of the tile.</param>
/// <param name="genes">Its columns.</param>
/// <param name="tile">Receives cells x genes values, row-major, all finite.</param>
public delegate void ExpressionTile(int firstCell, int cells, int firstGene, int genes, Span<float> tile);

/// <summary>One gene of a <see cref="GeneRanking"/>.</summary>
/// <param name="Pearson">Correlation with the contribution over cells; positive: the gene is high in cells that shorten survival.</param>
/// <param name="PearsonQ">Its p-value adjusted over the genes.</param>
/// <param name="Spearman">Rank correlation.</param>
/// <param name="SpearmanQ">Its p-value adjusted over the genes.</param>
public readonly record struct RankedGene(CorrelationTest Pearson, double PearsonQ, CorrelationTest Spearman, double SpearmanQ);

/// <summary>Correlates every gene with one value per cell, streaming over tiles of the expression matrix.</summary>
public static class GeneRanking
{
    private const int CellsPerTile = 1024;

    /// <summary>Pearson's and Spearman's correlation of every gene with the contribution of the cells, with p-values and Benjamini and Hochberg's q-values.</summary>
    /// <param name="genes">Number of genes.</param>
    /// <param name="contribution">One finite value per cell.</param>
    /// <param name="expression">Computes tiles; called from this thread only.</param>
    /// <param name="maximumBytes">Memory for the genes that are worked on at a time; the result does not depend on it.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="cancellation">Stops the work between tiles.</param>
    /// <returns>One entry per gene. A gene, or a contribution, that does not vary gives NaN.</returns>
    public static RankedGene[] Rank(int genes, ReadOnlySpan<double> contribution, ExpressionTile expression, long maximumBytes = 256L << 20, int threads = 0,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(expression);
        int n = contribution.Length;
        double[] values = contribution.ToArray();
        for (int i = 0; i < n; i++)
            if (!double.IsFinite(values[i])) throw new InputException($"the contribution of cell {i} is {values[i]}; genes can be ranked by finite contributions only.");
        double[] y = Centered(values, out bool varies), ranks = Centered(Ranks.Of(values), out _);
        double syy = Squares(y), srr = Squares(ranks);
        var pearson = new CorrelationTest[genes];
        var spearman = new CorrelationTest[genes];
        // Per cell and gene: the expression, and on each thread its ranks.
        int atOnce = (int)Math.Clamp(maximumBytes / (Math.Max(1L, n) * 4), 1, Math.Max(1, genes));
        var block = new float[(long)atOnce * n];
        var tile = new float[Math.Min(CellsPerTile, Math.Max(1, n)) * atOnce];
        for (int first = 0; first < genes; first += atOnce)
        {
            int count = Math.Min(atOnce, genes - first);
            for (int cell = 0; cell < n; cell += CellsPerTile)
            {
                cancellation.ThrowIfCancellationRequested();
                int cells = Math.Min(CellsPerTile, n - cell);
                expression(cell, cells, first, count, tile.AsSpan(0, cells * count));
                for (int c = 0; c < cells; c++)
                    for (int g = 0; g < count; g++) block[(long)g * n + cell + c] = tile[c * count + g];
            }
            Blocks.For(count, threads, g =>
            {
                Span<float> x = block.AsSpan(g * n, n);
                (pearson[first + g], spearman[first + g]) = varies ? Correlate(x, y, syy, ranks, srr) : (CorrelationTest.Of(double.NaN, n), CorrelationTest.Of(double.NaN, n));
            });
        }
        double[] q1 = MultipleTesting.BenjaminiHochberg([.. pearson.Select(t => t.PValue)]), q2 = MultipleTesting.BenjaminiHochberg([.. spearman.Select(t => t.PValue)]);
        return [.. Enumerable.Range(0, genes).Select(g => new RankedGene(pearson[g], q1[g], spearman[g], q2[g]))];
    }

    /// <summary>The same for a stored sparse matrix.</summary>
    /// <param name="expression">Cells x genes.</param>
    /// <param name="contribution">One finite value per cell.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static RankedGene[] Rank(SparseMatrix expression, ReadOnlySpan<double> contribution, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(expression);
        if (expression.Rows != contribution.Length) throw new ArgumentException($"there are {expression.Rows} cells but {contribution.Length} contributions", nameof(contribution));
        return Rank(expression.Columns, contribution, (firstCell, cells, firstGene, genes, tile) =>
        {
            tile.Clear();
            for (int c = 0; c < cells; c++)
            {
                ReadOnlySpan<int> index = expression.RowIndices(firstCell + c);
                int k = index.BinarySearch(firstGene);
                for (k = k < 0 ? ~k : k; k < index.Length && index[k] < firstGene + genes; k++)
                    tile[c * genes + index[k] - firstGene] = expression.RowValues(firstCell + c)[k];
            }
        }, threads: threads);
    }

    private static (CorrelationTest, CorrelationTest) Correlate(Span<float> x, double[] y, double syy, double[] ranks, double srr)
    {
        int n = x.Length;
        double mean = 0, sxx = 0, sxy = 0;
        foreach (float v in x) mean += v;
        mean /= n;
        if (!double.IsFinite(mean)) throw new InputException("the expression of a gene is not finite in some cell; genes can be ranked by finite expression only.");
        for (int i = 0; i < n; i++)
        {
            double d = x[i] - mean;
            sxx += d * d;
            sxy += d * y[i];
        }
        double r = Correlation.Varies(sxx, mean, n) ? sxy / Math.Sqrt(sxx) / Math.Sqrt(syy) : double.NaN;
        // Lent, not made: millions of cells times thousands of genes would pile up.
        double[] rented = ArrayPool<double>.Shared.Rent(n);
        int[] order = ArrayPool<int>.Shared.Rent(n);
        Span<double> own = rented.AsSpan(0, n);
        Ranks.Of(x, order.AsSpan(0, n), own);
        double middle = (n + 1) / 2.0, squares = 0, products = 0;
        for (int i = 0; i < n; i++)
        {
            double d = own[i] - middle;
            squares += d * d;
            products += d * ranks[i];
        }
        ArrayPool<double>.Shared.Return(rented);
        ArrayPool<int>.Shared.Return(order);
        double rho = squares > 0 ? products / Math.Sqrt(squares) / Math.Sqrt(srr) : double.NaN;
        return (CorrelationTest.Of(r, n), CorrelationTest.Of(rho, n));
    }

    private static double[] Centered(double[] values, out bool varies)
    {
        double mean = 0;
        foreach (double v in values) mean += v;
        mean /= values.Length;
        double[] centered = [.. values.Select(v => v - mean)];
        varies = Correlation.Varies(Squares(centered), mean, values.Length);
        return centered;
    }

    private static double Squares(double[] values)
    {
        double sum = 0;
        foreach (double v in values) sum += v * v;
        return sum;
    }
}
