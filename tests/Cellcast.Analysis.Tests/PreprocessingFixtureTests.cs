using System.Text.Json;
using Cellcast.AnnData;
using Cellcast.Analysis.Preprocessing;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests;

public class PreprocessingFixtureTests
{
    private static readonly Fixture s_scanpy = new("preprocess", "scanpy_1_9_5.safetensors");
    private static readonly SparseMatrix s_counts = s_scanpy.Sparse("counts");

    [Fact]
    public void Normalised_values_are_those_of_scanpy()
    {
        Close.To(s_scanpy.Floats("normalize_total_median"), Normalization.ToTotal(s_counts).ToDense(), 3e-7);
        Close.To(s_scanpy.Floats("normalize_total_median_log1p"), Normalization.LogNormalize(s_counts).ToDense(), 5e-7);
        Close.To(s_scanpy.Floats("normalize_1e4_log1p"), Normalization.LogNormalize(s_counts, 1e4).ToDense(), 5e-7);
    }

    [Theory]
    [InlineData("median", "seurat", DispersionFlavor.Seurat)]
    [InlineData("median", "cell_ranger", DispersionFlavor.CellRanger)]
    [InlineData("1e4", "seurat", DispersionFlavor.Seurat)]
    [InlineData("1e4", "cell_ranger", DispersionFlavor.CellRanger)]
    public void Variable_genes_are_those_of_scanpy(string total, string name, DispersionFlavor flavor)
    {
        string key = $"hvg/{total}/{name}/";
        int[] genes = [.. s_scanpy.Longs(key + "gene_index").Select(g => (int)g)];
        var expression = Normalization.LogNormalize(s_counts, total == "median" ? null : 1e4).SelectColumns(genes);
        var variable = VariableGenes.Of(expression, flavor);
        Close.To(s_scanpy.Doubles(key + "means"), variable.Means, 1e-6, "mean");
        Close.To(s_scanpy.Doubles(key + "dispersions"), variable.Dispersions, 2e-5, "dispersion");
        double[] expected = s_scanpy.Doubles(key + "dispersions_norm");
        for (int g = 0; g < expected.Length; g++) Assert.Equal(expected[g], variable.NormalizedDispersions[g], 2e-5);
        int[] chosen = s_scanpy.Ints(key + "highly_variable");
        Assert.Equal(Enumerable.Range(0, chosen.Length).Where(g => chosen[g] == 1), variable.Top(100));
    }

    [Fact]
    public void Filters_are_those_of_scanpy()
    {
        int[] cells = Filters.CellsWithGenes(s_counts, 150);
        Assert.Equal(s_scanpy.Longs("filter/cells_min_genes_150").Select(i => (int)i), cells);
        Assert.Equal(s_scanpy.Longs("filter/genes_min_cells_30").Select(i => (int)i), Filters.GenesInCells(s_counts.SelectRows(cells), 30));
    }

    [Theory]
    [InlineData("bulk", GeneSource.Bulk, false)]
    [InlineData("sc", GeneSource.Cells, false)]
    [InlineData("spatial_bulk", GeneSource.Bulk, true)]
    [InlineData("spatial_sc", GeneSource.Cells, true)]
    [InlineData("spatial_spatial", GeneSource.Spots, true)]
    public void The_chosen_genes_are_the_published_ones(string key, GeneSource source, bool withSpots)
    {
        var counts = new Fixture("preprocess", "gene_selection.safetensors");
        var json = JsonDocument.Parse(File.ReadAllText(TestPaths.Fixture("preprocess", "gene_selection.json"))).RootElement;
        string[] Names(JsonElement e) => [.. e.EnumerateArray().Select(v => v.GetString()!)];
        CountTable Table(string name) => new(name, Names(json.GetProperty(name + "_genes")), counts.Sparse(name));
        var selection = GeneSelection.Select(Table("sc"), Table("bulk"), withSpots ? Table("spatial") : null, new GeneSelectionOptions { Count = 150, Source = source });
        Assert.Equal(Names(json.GetProperty("selected").GetProperty(key)), selection.Genes);
        for (int k = 0; k < 150; k++)
        {
            Assert.Equal(selection.Genes[k], Table("sc").Genes[selection.CellColumns[k]]);
            Assert.Equal(selection.Genes[k], Table("bulk").Genes[selection.BulkColumns[k]]);
            if (withSpots) Assert.Equal(selection.Genes[k], Table("spatial").Genes[selection.SpotColumns![k]]);
        }
        Assert.Equal(withSpots, selection.SpotColumns is not null);
    }
}
