using Cellcast.AnnData;

namespace Cellcast.Analysis.Preprocessing;

/// <summary>Which cells and genes have enough counts to be kept.</summary>
public static class Filters
{
    /// <summary>Number of genes with a positive count in each cell.</summary>
    /// <param name="counts">Cells x genes.</param>
    public static int[] GenesPerCell(SparseMatrix counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        var n = new int[counts.Rows];
        for (int r = 0; r < n.Length; r++)
            foreach (float v in counts.RowValues(r))
                if (v > 0) n[r]++;
        return n;
    }

    /// <summary>Number of cells with a positive count of each gene.</summary>
    /// <param name="counts">Cells x genes.</param>
    public static int[] CellsPerGene(Matrix counts)
    {
        ArgumentNullException.ThrowIfNull(counts);
        var n = new int[counts.Columns];
        counts.ForEachBlock((_, rows) => AddCellsPerGene(rows, n));
        return n;
    }

    /// <summary>Adds the cells of a block to the number of cells with a positive count of each gene.</summary>
    /// <param name="cells">Some cells.</param>
    /// <param name="cellsPerGene">One number per gene.</param>
    public static void AddCellsPerGene(RowBlock cells, int[] cellsPerGene)
    {
        ArgumentNullException.ThrowIfNull(cells);
        ArgumentNullException.ThrowIfNull(cellsPerGene);
        ReadOnlySpan<int> index = cells.Indices.Span;
        ReadOnlySpan<float> value = cells.Values.Span;
        for (int k = 0; k < index.Length; k++)
            if (value[k] > 0) cellsPerGene[index[k]]++;
    }

    /// <summary>Cells in which at least so many genes are detected, ascending.</summary>
    /// <param name="counts">Cells x genes.</param>
    /// <param name="minimumGenes">Fewest genes.</param>
    public static int[] CellsWithGenes(SparseMatrix counts, int minimumGenes) => AtLeast(GenesPerCell(counts), minimumGenes);

    /// <summary>Genes that are detected in at least so many cells, ascending.</summary>
    /// <param name="counts">Cells x genes.</param>
    /// <param name="minimumCells">Fewest cells.</param>
    public static int[] GenesInCells(SparseMatrix counts, int minimumCells) => AtLeast(CellsPerGene(counts), minimumCells);

    private static int[] AtLeast(int[] n, int minimum) => [.. Enumerable.Range(0, n.Length).Where(i => n[i] >= minimum)];
}
