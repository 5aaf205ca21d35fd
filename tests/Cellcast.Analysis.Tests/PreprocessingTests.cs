using Cellcast.AnnData;
using Cellcast.Analysis.Preprocessing;

namespace Cellcast.Analysis.Tests;

public class PreprocessingTests
{
    private static readonly SparseMatrix s_counts = SparseMatrix.FromDense(4, 3, [1, 3, 0, 0, 0, 0, 2, 0, 6, 0, 5, 5]);

    [Fact]
    public void Every_cell_gets_the_median_total_and_an_empty_one_stays_empty()
    {
        Assert.Equal([8, 0, 8, 8], Normalization.ToTotal(s_counts).RowSums());
        Assert.Equal([100, 0, 100, 100], Normalization.ToTotal(s_counts, 100).RowSums(), Near);
        Assert.Throws<ArgumentOutOfRangeException>(() => Normalization.ToTotal(s_counts, 0));
        static bool Near(double a, double b) => Math.Abs(a - b) < 1e-4;
    }

    [Fact]
    public void Counts_that_are_all_zero_stay_so_and_the_input_is_not_changed()
    {
        var empty = SparseMatrix.FromDense(2, 2, new float[4]);
        Assert.Equal([0, 0], Normalization.LogNormalize(empty).RowSums());
        float[] before = s_counts.ToDense();
        Normalization.LogNormalize(s_counts);
        Assert.Equal(before, s_counts.ToDense());
    }

    [Fact]
    public void Genes_that_do_not_vary_are_never_chosen()
    {
        var variable = VariableGenes.FromMoments([0, 2, 2.1, 2.2, 5], [0, 3, 1, 0, 4]);
        Assert.True(double.IsNaN(variable.NormalizedDispersions[0]) && double.IsNaN(variable.NormalizedDispersions[3]));
        Assert.Equal([1, 2, 4], variable.Top(5));
        Assert.Single(VariableGenes.FromMoments([1, 1, 1], [1, 2, 3]).Top(1));
        Assert.Throws<ArgumentException>(() => VariableGenes.FromMoments([1, 2], [1]));
    }

    [Fact]
    public void Number_of_threads_does_not_change_a_bit()
    {
        var random = new Random(1);
        var counts = SparseMatrix.FromDense(700, 40, [.. Enumerable.Range(0, 28000).Select(_ => (float)random.Next(4))]);
        var a = VariableGenes.Of(Normalization.LogNormalize(counts), threads: 1);
        var b = VariableGenes.Of(Normalization.LogNormalize(counts), threads: 4);
        Assert.Equal(a.NormalizedDispersions, b.NormalizedDispersions);
    }

    [Fact]
    public void Held_out_rows_do_not_change_what_the_others_choose()
    {
        var random = new Random(2);
        SparseMatrix Counts(int rows) => SparseMatrix.FromDense(rows, 60, [.. Enumerable.Range(0, rows * 60).Select(_ => (float)random.Next(5))]);
        string[] names = [.. Enumerable.Range(0, 60).Select(g => $"g{g:00}")];
        SparseMatrix cells = Counts(50), bulk = Counts(30);
        int[] train = [.. Enumerable.Range(0, 20)];
        var alone = GeneSelection.Select(new("c", names, cells), new("b", names, bulk.SelectRows(train)), null, new GeneSelectionOptions { Count = 10 });
        for (int k = 0; k < bulk.Values.Length; k++)
            if (k >= bulk.IndPtr[20]) bulk.Values[k] *= 100;
        var again = GeneSelection.Select(new("c", names, cells), new("b", names, bulk.SelectRows(train)), null, new GeneSelectionOptions { Count = 10 });
        Assert.Equal(alone.Genes, again.Genes);
        Assert.Equal(60, alone.CommonCount);
    }

    [Fact]
    public void What_cannot_be_selected_is_said_with_the_file()
    {
        var cells = new CountTable("cells.h5ad", ["A", "B", "C"], s_counts);
        var other = new CountTable("bulk.h5ad", ["X", "Y", "Z"], s_counts);
        Assert.Contains("'bulk.h5ad'", Message(() => GeneSelection.Select(cells, other)));
        var zero = new CountTable("bulk.h5ad", ["A", "B", "C"], SparseMatrix.FromDense(200, 3, new float[600]));
        Assert.Contains("detected in", Message(() => GeneSelection.Select(cells, zero)));
        var constant = new CountTable("bulk.h5ad", ["A", "B", "C"], SparseMatrix.FromDense(2, 3, [1, 1, 1, 1, 1, 1]));
        Assert.Contains("varies", Message(() => GeneSelection.Select(cells, constant)));
        Assert.Contains("there are no spots", Message(() => GeneSelection.Select(cells, cells, null, new GeneSelectionOptions { Source = GeneSource.Spots })));
        Assert.Contains("at least 1", Message(() => GeneSelection.Select(cells, cells, null, new GeneSelectionOptions { Count = 0 })));
        Assert.Contains("0 to 1", Message(() => GeneSelection.Select(cells, cells, null, new GeneSelectionOptions { MinimumDetected = 2 })));
    }

    private static string Message(Action act) => Assert.Throws<InputException>(act).Message;
}
