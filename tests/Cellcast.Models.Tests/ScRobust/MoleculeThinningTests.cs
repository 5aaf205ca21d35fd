using Cellcast.AnnData;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>Cells that lose molecules, not genes.</summary>
public sealed class MoleculeThinningTests
{
    private const int Genes = 300;
    private static readonly int[] s_counts = [.. Enumerable.Range(0, Genes).Select(g => g % 3 == 0 ? 1 : g % 3 == 1 ? 2 : 40)];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_is_lost_of_a_cell_that_keeps_its_depth(bool relative)
    {
        CellSet cells = Cells(s_counts, relative);
        var thinning = new MoleculeThinning();
        thinning.Take(cells, 0, 1, RandomKey.From(1, "thin"));
        Assert.Equal(cells.ValuesOf(0).ToArray(), thinning.Values[..Genes].ToArray());
    }

    [Fact]
    public void What_is_left_is_what_a_shallower_cell_with_those_molecules_would_be()
    {
        CellSet cells = Cells(s_counts, false);
        var thinning = new MoleculeThinning();
        double kept = 0, ones = 0, many = 0;
        for (int draw = 0; draw < 40; draw++)
        {
            thinning.Take(cells, 0, 0.3, RandomKey.From(draw, "thin"));
            float[] values = thinning.Values[..Genes].ToArray();
            // Of a hundred genes with one molecule some keep it: the smallest value is that of one.
            double one = values.Where(v => v > 0).Min(v => Math.Exp(v) - 1);
            int[] counts = [.. values.Select(v => (int)Math.Round((Math.Exp(v) - 1) / one))];
            Assert.All(counts.Zip(s_counts), p => Assert.InRange(p.First, 0, p.Second));
            for (int g = 0; g < Genes; g++) Assert.Equal(Math.Log(1 + 10_000.0 * counts[g] / counts.Sum()), values[g], 1e-4);
            kept += counts.Sum() / (40.0 * s_counts.Sum());
            ones += counts.Where((_, g) => g % 3 == 0).Count(c => c > 0) / (40.0 * 100);
            many += counts.Where((_, g) => g % 3 == 2).Count(c => c > 0) / (40.0 * 100);
        }
        Assert.InRange(kept, 0.29, 0.31);
        Assert.InRange(ones, 0.25, 0.35);
        Assert.Equal(1, many, 2);
    }

    [Fact]
    public void Relative_values_are_over_the_mean_of_what_is_left()
    {
        MoleculeThinning logged = new(), relative = new();
        logged.Take(Cells(s_counts, false), 0, 0.3, RandomKey.From(3, "thin"));
        relative.Take(Cells(s_counts, true), 0, 0.3, RandomKey.From(3, "thin"));
        float mean = logged.Values[..Genes].ToArray().Where(v => v > 0).Average();
        for (int g = 0; g < Genes; g++) Assert.Equal(logged.Values[g] / mean, relative.Values[g], 1e-4);
    }

    [Fact]
    public void One_gene_stays_and_presence_stays_presence()
    {
        var thinning = new MoleculeThinning();
        CellSet few = Cells([1, 2, 1], false);
        for (int draw = 0; draw < 50; draw++)
        {
            thinning.Take(few, 0, 1e-6, RandomKey.From(draw, "thin"));
            Assert.Equal(1, thinning.Values[..3].ToArray().Count(v => v > 0));
        }
        CellSet same = Cells([1, 1, 1, 1, 1, 1], true);
        thinning.Take(same, 0, 0.5, RandomKey.From(1, "thin"));
        Assert.All(thinning.Values[..6].ToArray(), v => Assert.True(v is 0 or 1));
    }

    private static CellSet Cells(int[] counts, bool relative)
    {
        var data = new AnnotatedData(new DataFrame(["cell"]), new DataFrame([.. Enumerable.Range(0, counts.Length).Select(i => $"gene{i:000}")]), SparseMatrix.FromDense(1, counts.Length, [.. counts.Select(c => (float)c)])) { Source = "one.h5ad" };
        NormalizedCells[] files = [NormalizedCells.From(data, new CellPreprocessing { RelativeValues = relative }, NoProgress.Instance)];
        return CellSet.From(files, GeneVocabulary.Of(files), NoProgress.Instance);
    }
}
