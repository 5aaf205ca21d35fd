using System.Globalization;
using Cellcast.AnnData;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>Loss of genes while training: what stays, its values, and that it is the same as removing genes from the counts.</summary>
public sealed class CellThinningTests
{
    /// <summary>The reference: remove the same genes from the counts, then normalise as usual.</summary>
    [Fact]
    public void Values_are_those_of_the_counts_without_the_lost_genes_normalised_again() =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            int n = random.Next(1, 60);
            float[] counts = [.. Enumerable.Range(0, n).Select(_ => (float)random.Next(1, 30))];
            SparseMatrix whole = Normalise(counts);
            var thinning = new CellThinning();
            var key = RandomKey.From(seed, "thinning");
            thinning.Take(whole.RowIndices(0), whole.RowValues(0), 0.9 * random.NextDouble(), key);
            Assert.InRange(thinning.Genes.Length, 1, n);
            Assert.Equal(thinning.Places.ToArray(), thinning.Genes.ToArray()); // the columns are 0, 1, ...
            float[] left = new float[n];
            foreach (int g in thinning.Genes) left[g] = counts[g];
            float[] expected = Normalise(left).RowValues(0).ToArray();
            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], thinning.Values[i], 1e-4f);
        }).CheckOnRandomCases(300);

    /// <summary>What a classifier is trained on must be what it will meet: a cell of the same file that comes without these genes.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Tokens_of_a_cell_that_lost_genes_are_those_of_a_cell_that_comes_without_them(bool relative, bool presence) =>
        Prop.ForAll(Gen.Choose(0, int.MaxValue - 1).ToArbitrary(), seed =>
        {
            var random = new Random(seed);
            int n = random.Next(2, 60);
            float[] counts = [.. Enumerable.Range(0, n).Select(_ => (float)random.Next(1, 30))];
            var preprocessing = new CellPreprocessing { RelativeValues = relative, Presence = presence };
            CellSet whole = Tokens(counts, preprocessing, null);
            var thinning = new CellThinning();
            float[] buffer = [];
            thinning.Take(whole.GenesOf(0), whole.LogValuesOf(0, ref buffer), 0.9 * random.NextDouble(), RandomKey.From(seed, "thinning"));
            float[] left = new float[n];
            foreach (int place in thinning.Places)
            {
                string name = whole.Vocabulary.Genes[whole.GenesOf(0)[place] - GeneVocabulary.FirstGene];
                int gene = int.Parse(name.AsSpan(1), CultureInfo.InvariantCulture);
                left[gene] = counts[gene];
            }
            CellSet shallow = Tokens(left, preprocessing, whole.Vocabulary);
            Assert.Equal(shallow.GenesOf(0).ToArray(), thinning.Genes.ToArray());
            var expected = shallow.ValuesOf(0);
            var found = thinning.TokenValues(preprocessing);
            for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[i], 1e-4f);
        }).CheckOnRandomCases(100);

    private static CellSet Tokens(float[] counts, CellPreprocessing preprocessing, GeneVocabulary? vocabulary)
    {
        var data = new AnnotatedData(new DataFrame(["cell"]), new DataFrame([.. Enumerable.Range(0, counts.Length).Select(g => "g" + g)]), SparseMatrix.FromDense(1, counts.Length, counts)) { Source = "toy.h5ad" };
        NormalizedCells[] files = [NormalizedCells.From(data, preprocessing, NoProgress.Instance)];
        return CellSet.From(files, vocabulary ?? GeneVocabulary.Of(files), NoProgress.Instance);
    }

    [Fact]
    public void The_share_that_is_lost_is_the_wanted_one_and_nothing_is_lost_at_zero()
    {
        int[] genes = [.. Enumerable.Range(0, 20_000)];
        float[] values = [.. genes.Select(g => 1f + g % 3)];
        var thinning = new CellThinning();
        thinning.Take(genes, values, 0, RandomKey.From(1, "t"));
        Assert.Equal(genes, thinning.Genes.ToArray());
        Assert.Equal(values, thinning.Values.ToArray());
        thinning.Take(genes, values, 0.8, RandomKey.From(1, "t"));
        // Twenty standard deviations of the binomial are 1,131.
        Assert.InRange(thinning.Genes.Length, 4000 - 1131, 4000 + 1131);
        thinning.Take([], [], 0.5, RandomKey.From(1, "t"));
        Assert.Equal(0, thinning.Genes.Length);
    }

    [Fact]
    public void Whether_a_gene_is_lost_does_not_depend_on_the_other_genes()
    {
        int[] genes = [.. Enumerable.Range(0, 500)];
        float[] ones = [.. genes.Select(_ => 1f)];
        CellThinning all = new(), odd = new();
        all.Take(genes, ones, 0.6, RandomKey.From(3, "t"));
        odd.Take([.. genes.Where(g => g % 2 == 1)], ones.AsSpan(0, 250), 0.6, RandomKey.From(3, "t"));
        Assert.Equal(all.Genes.ToArray().Where(g => g % 2 == 1), odd.Genes.ToArray());
    }

    [Fact]
    public void Copies_begin_with_the_cells_themselves()
    {
        SparseMatrix whole = Normalise([3, 1, 0, 2, 5, 9, 1, 1]), copies = CellThinning.WithCopies(whole, 3, 0.9, RandomKey.From(1, "copies"));
        Assert.Equal(4, copies.Rows);
        Assert.Equal(whole.RowValues(0).ToArray(), copies.RowValues(0).ToArray());
        for (int r = 1; r < 4; r++) Assert.Empty(copies.RowIndices(r).ToArray().Except(whole.RowIndices(0).ToArray()));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CellThinning().Take([1], [1f], 1, RandomKey.From(1, "t")));
    }

    private static SparseMatrix Normalise(float[] counts) =>
        NormalizedCells.From(new AnnotatedData(new DataFrame(["c"]), new DataFrame([.. counts.Select((_, g) => "g" + g)]), SparseMatrix.FromDense(1, counts.Length, counts)), new CellPreprocessing(), NoProgress.Instance).Values;
}
