using Cellcast.Models.ScRobust;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>The views that self-supervised training compares, and what it asks for.</summary>
public sealed class ViewSamplerTests
{
    private static readonly RandomKey s_key = RandomKey.From(2, "views");
    private readonly CellSet _cells = PretrainingTests.Cells(40);
    private readonly int[] _all = [.. Enumerable.Range(0, 40)];
    private readonly TokenBatch _views = new(), _targets = new();

    [Theory]
    [InlineData(500, 1)]
    [InlineData(7, 1)]
    [InlineData(500, 0.2)]
    public void Disjoint_views_have_no_gene_in_common_and_only_genes_of_the_cell_with_their_values(int genes, double smallest)
    {
        Fill(new PretrainingOptions { GenesPerView = genes, SmallestView = smallest });
        for (int c = 0; c < 40; c++)
        {
            var own = _cells.GenesOf(c).ToArray();
            int[] first = Genes(_views, c), second = Genes(_views, 40 + c);
            Assert.Equal(1, first[0]);
            Assert.Equal(1, second[0]);
            Assert.Empty(first[1..].Intersect(second[1..]));
            Assert.Equal(first.Length + second.Length, first[1..].Union(second[1..]).Count() + 2);
            foreach (var (view, at) in new[] { (first, _views.Offsets[c]), (second, _views.Offsets[40 + c]) })
                for (int t = 1; t < view.Length; t++) Assert.Equal(_cells.ValuesOf(c)[Array.IndexOf(own, view[t])], _views.Values[at + t]);
            int most = Math.Min(genes, own.Length / 2);
            Assert.InRange(second.Length - 1, Math.Max(1, (int)(smallest * most)), most);
            if (smallest == 1) Assert.Equal(most, second.Length - 1);
        }
    }

    [Fact]
    public void What_is_asked_for_is_the_second_view_and_genes_that_other_cells_express_but_not_this_one()
    {
        Fill(new PretrainingOptions { GenesPerView = 8, Zeros = 2 });
        for (int c = 0; c < 40; c++)
        {
            int[] view = Genes(_views, 40 + c), asked = Genes(_targets, c);
            Assert.Equal(view, asked[..view.Length]);
            Assert.Equal(view.Length + 2 * (view.Length - 1), asked.Length);
            for (int t = view.Length; t < asked.Length; t++)
            {
                Assert.Equal(0, _targets.Values[_targets.Offsets[c] + t]);
                Assert.DoesNotContain(asked[t], _cells.GenesOf(c).ToArray());
                Assert.True(asked[t] == GeneVocabulary.Pad || Enumerable.Range(0, 40).Any(o => _cells.GenesOf(o).Contains(asked[t])));
            }
        }
    }

    [Fact]
    public void Views_depend_on_the_cell_and_the_key_and_not_on_the_batch()
    {
        Fill(new PretrainingOptions { GenesPerView = 8 });
        int[] before = Genes(_views, 5);
        var sampler = new ViewSampler(_cells, _all, new PretrainingOptions { GenesPerView = 8 });
        sampler.Fill(_views, _targets, [5, 9], s_key);
        Assert.Equal(before, Genes(_views, 0));
        sampler.Fill(_views, _targets, [5, 9], s_key.Split(1));
        Assert.NotEqual(before, Genes(_views, 0));
    }

    [Fact]
    public void Published_views_are_drawn_with_replacement_and_nothing_else_is_asked_for()
    {
        Fill(PretrainingOptions.Published with { GenesPerView = 60 });
        for (int c = 0; c < 40; c++)
        {
            Assert.Equal(61, Genes(_views, c).Length);
            Assert.Equal(Genes(_views, 40 + c), Genes(_targets, c));
        }
    }

    [Fact]
    public void Views_of_shallower_cells_have_no_gene_in_common_and_lack_genes_of_few_molecules()
    {
        // The means of the counts of genes 0 to 9 are 1 to 5, over and over.
        int[] Views(double depth)
        {
            Fill(new PretrainingOptions { GenesPerView = 500, SmallestView = 1, SmallestDepth = depth });
            var found = new int[2];
            for (int c = 0; c < 40; c++)
            {
                int[] first = Genes(_views, c)[1..], second = Genes(_views, 40 + c)[1..], own = _cells.GenesOf(c).ToArray();
                Assert.Empty(first.Intersect(second));
                Assert.Subset(own.ToHashSet(), first.Concat(second).ToHashSet());
                Assert.NotEmpty(first);
                foreach (int gene in first.Concat(second))
                {
                    int mean = 1 + int.Parse(_cells.Vocabulary.Genes[gene - GeneVocabulary.FirstGene][4..], System.Globalization.CultureInfo.InvariantCulture) % 5;
                    if (mean is 1 or 5) found[mean / 5]++;
                }
            }
            return found;
        }

        int[] whole = Views(1), shallow = Views(0.05);
        Assert.True(shallow[0] < 0.6 * whole[0], $"{shallow[0]} of {whole[0]} genes of few molecules");
        Assert.True((double)shallow[1] / whole[1] > 1.2 * shallow[0] / whole[0], $"{shallow[1]} of {whole[1]} genes of many, {shallow[0]} of {whole[0]} of few");
    }

    [Fact]
    public void Near_cells_are_each_others_and_of_one_kind_and_only_training_cells_have_some()
    {
        int[] training = _all[..30];
        CellNeighbors near = CellNeighbors.Of(_cells, training, 8, 0);
        var partners = _all.ToDictionary(c => c, c => Enumerable.Range(0, 200).Select(i => near.Partner(c, 1, s_key.Split(i).Split(c))).ToHashSet());
        Assert.True(training.Count(c => !partners[c].Contains(c)) > 20);
        foreach (int c in training)
            foreach (int other in partners[c])
            {
                Assert.Equal(c % 2, other % 2);
                Assert.Contains(other, training);
                if (other != c) Assert.Contains(c, partners[other]);
            }
        Assert.All(_all[30..], c => Assert.Equal([c], partners[c]));
    }

    [Fact]
    public void The_wanted_share_of_second_views_is_that_of_a_near_cell()
    {
        int[] training = _all[..30];
        CellNeighbors near = CellNeighbors.Of(_cells, training, 15, 0);
        Assert.All(training, c => Assert.Equal(c, near.Partner(c, 0, s_key)));
        int[] some = [.. training.Where(c => near.Partner(c, 1, s_key) != c)];
        double share = Enumerable.Range(0, 200).Average(i => some.Count(c => near.Partner(c, 0.3, s_key.Split(i).Split(c)) != c) / (double)some.Length);
        Assert.InRange(share, 0.27, 0.33);

        var options = new PretrainingOptions { GenesPerView = 500, SmallestView = 1, NeighborShare = 1 };
        new ViewSampler(_cells, training, options, near).Fill(_views, _targets, _all, s_key);
        foreach (int c in _all)
        {
            Assert.Subset(_cells.GenesOf(c).ToArray().ToHashSet(), Genes(_views, c)[1..].ToHashSet());
            int[] second = Genes(_views, 40 + c)[1..], owners = [.. _all.Where(o => second.All(g => _cells.GenesOf(o).Contains(g)))];
            Assert.Contains(near.Partner(c, 1, s_key.Split("partner").Split(c)), owners);
            int length = Genes(_views, 40 + c).Length;
            foreach (int gene in Genes(_targets, c)[length..]) Assert.DoesNotContain(gene, second);
        }
    }

    [Fact]
    public void A_cell_with_a_single_gene_has_it_in_one_view_only()
    {
        var few = PretrainingTests.Cells(40, singleGeneFrom: 1);
        int cell = Enumerable.Range(0, 40).First(c => few.GenesOf(c).Length == 1);
        new ViewSampler(few, _all, new PretrainingOptions()).Fill(_views, _targets, [cell], s_key);
        Assert.Equal([1, few.GenesOf(cell)[0]], Genes(_views, 0));
        Assert.Equal([1], Genes(_views, 1));
    }

    private void Fill(PretrainingOptions options) => new ViewSampler(_cells, _all, options).Fill(_views, _targets, _all, s_key);

    private static int[] Genes(TokenBatch batch, int sequence) => batch.Genes[batch.Offsets[sequence]..batch.Offsets[sequence + 1]].ToArray();
}
