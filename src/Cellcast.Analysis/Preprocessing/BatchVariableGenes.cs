using Cellcast.AnnData;

namespace Cellcast.Analysis.Preprocessing;

/// <summary>
/// Genes that vary within batches: each batch ranks the genes that it detects, and a gene counts for more the more batches have it among their most variable ones, so that genes that differ between
/// batches only are not chosen (scanpy's <c>highly_variable_genes</c> with <c>batch_key</c>).
/// </summary>
public sealed class BatchVariableGenes
{
    private BatchVariableGenes(double[] means, double[] dispersions, double[] normalized, int[] batches, int batchCount, int[] chosen) =>
        (Means, Dispersions, NormalizedDispersions, BatchesOf, BatchCount, Chosen) = (means, dispersions, normalized, batches, batchCount, chosen);

    /// <summary>Mean over batches of each gene's mean.</summary>
    public double[] Means { get; }

    /// <summary>Mean over batches of each gene's dispersion; batches that do not detect it count as 0.</summary>
    public double[] Dispersions { get; }

    /// <summary>Mean over batches of each gene's normalised dispersion.</summary>
    public double[] NormalizedDispersions { get; }

    /// <summary>In how many batches each gene is among the most variable ones.</summary>
    public int[] BatchesOf { get; }

    /// <summary>Number of batches.</summary>
    public int BatchCount { get; }

    /// <summary>The chosen genes, ascending.</summary>
    public int[] Chosen { get; }

    /// <summary>Chooses genes: by the number of batches first, then by the mean normalised dispersion.</summary>
    /// <param name="expression">Cells x genes, log(1 + normalised counts).</param>
    /// <param name="batches">Batch of each cell; cells without one (null) take no part.</param>
    /// <param name="count">How many genes.</param>
    /// <param name="flavor">How dispersions are compared.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static BatchVariableGenes Of(SparseMatrix expression, IReadOnlyList<string?> batches, int count, DispersionFlavor flavor = DispersionFlavor.Seurat, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(expression);
        ArgumentNullException.ThrowIfNull(batches);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (batches.Count != expression.Rows) throw new ArgumentException($"{batches.Count} batches were given for {expression.Rows} cells", nameof(batches));
        int genes = expression.Columns;
        double[] means = new double[genes], dispersions = new double[genes], normalized = new double[genes];
        // NaN where a batch detects a gene that does not vary: left out of its means, as nanmean does.
        int[] withDispersion = new int[genes], withNormalized = new int[genes], chosenBy = new int[genes];
        int[][] cells = [.. Enumerable.Range(0, batches.Count).Where(i => batches[i] is not null).GroupBy(i => batches[i]!, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => g.ToArray())];
        if (cells.Length == 0) throw new InputException("no cell has a batch; name the column of obs that holds them.");
        foreach (int[] own in cells)
        {
            var part = expression.SelectRows(own);
            int[] perGene = Filters.CellsPerGene(part), detected = [.. Enumerable.Range(0, genes).Where(g => perGene[g] > 0)];
            var found = VariableGenes.Of(part.SelectColumns(detected), flavor, threads);
            foreach (int k in found.Top(count)) chosenBy[detected[k]]++;
            var seen = new bool[genes];
            for (int k = 0; k < detected.Length; k++)
            {
                int g = detected[k];
                seen[g] = true;
                means[g] += found.Means[k];
                Add(found.Dispersions[k], ref dispersions[g], ref withDispersion[g]);
                Add(found.NormalizedDispersions[k], ref normalized[g], ref withNormalized[g]);
            }
            for (int g = 0; g < genes; g++)
            {
                if (seen[g]) continue;
                withDispersion[g]++;
                withNormalized[g]++;
            }
        }
        for (int g = 0; g < genes; g++)
        {
            means[g] /= cells.Length;
            dispersions[g] /= withDispersion[g]; // 0 / 0: NaN
            normalized[g] /= withNormalized[g];
        }
        int[] order = [.. Enumerable.Range(0, genes).Where(g => !double.IsNaN(normalized[g]) && chosenBy[g] > 0).OrderByDescending(g => chosenBy[g]).ThenByDescending(g => normalized[g])];
        return new BatchVariableGenes(means, dispersions, normalized, chosenBy, cells.Length, [.. order.Take(count).Order()]);
    }

    private static void Add(double value, ref double sum, ref int count)
    {
        if (double.IsNaN(value)) return;
        sum += value;
        count++;
    }
}
