using System.Globalization;
using Cellcast.Analysis.Spatial;
using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;
using Cellcast.Models.ScSurv;

namespace Cellcast.Models.Tests.ScSurv;

/// <summary>What <c>spot_genes.csv</c> says, and how many spots can be had.</summary>
public sealed class SpotPatternsTests
{
    [Fact]
    public void Genes_are_correlated_by_log1p_of_counts_per_unit_of_size_whatever_part_of_them_is_at_hand()
    {
        const int spots = 300, genes = 150;
        var random = new Random(4);
        float[] at = [.. Enumerable.Range(0, spots).SelectMany(i => new[] { i % 20f, i / 20 })], counts = [.. Enumerable.Range(0, spots * genes).Select(_ => (float)random.Next(6))], size = [.. Enumerable.Range(0, spots).Select(_ => 0.5f + random.NextSingle())];
        double[] hazard = [.. Enumerable.Range(0, spots).Select(i => Math.Sin(at[2 * i] / 4) + random.NextDouble())];
        string[] names = [.. Enumerable.Range(0, genes).Select(g => $"g{g:000}")];
        var section = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, spots).Select(i => $"s{i}")]), new DataFrame(names));
        section.Obsm["spatial"] = new DenseMatrix(spots, 2, at);
        float[] expression = [.. counts.Select((c, i) => MathF.Log(1 + c / size[i / genes]))];
        SpatialCorrelationTest[] expected = SpatialCorrelation.Build(new DenseMatrix(spots, 2, at)).Test(hazard, expression, genes);
        RankedGene[] ranked = GeneRanking.Rank(SparseMatrix.FromDense(spots, genes, expression), hazard);
        foreach (int threads in new[] { 1, 3 })
        {
            DataFrame table = SpotPatterns.Of(section, new Mixtures(section.Obs.Index, counts, size), names, hazard, threads: threads)!.Genes.ToDataFrame();
            double[] Of(string column) => ((NumericColumn)table[column]).ToDouble();
            for (int k = 0; k < genes; k++)
            {
                int g = int.Parse(table.Index[k][1..], CultureInfo.InvariantCulture);
                Assert.Equal((expected[g].Coefficient, expected[g].EffectiveSpots, expected[g].PValue, ranked[g].Spearman.Coefficient), (Of("pearson")[k], Of("effective_spots")[k], Of("pearson_p")[k], Of("spearman")[k]));
            }
        }
    }

    [Fact]
    public void Spots_on_one_point_have_no_patterns_which_is_said_before_the_training()
    {
        var section = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, 20).Select(i => $"s{i}")]), new DataFrame(["g"]));
        Assert.Null(SpotPatterns.Check(section));
        section.Obsm["spatial"] = new DenseMatrix(20, 2, Enumerable.Repeat(3f, 40).ToArray());
        Assert.Contains("one point", SpotPatterns.Check(section), StringComparison.Ordinal);
        Assert.Null(SpotPatterns.Of(section, new Mixtures(section.Obs.Index, new float[20], [.. Enumerable.Repeat(1f, 20)]), ["g"], [.. Enumerable.Range(0, 20).Select(i => (double)i)]));
        section.Obsm["spatial"] = new DenseMatrix(20, 1, new float[20]);
        Assert.Contains("two", SpotPatterns.Check(section), StringComparison.Ordinal);
        section.Obsm["spatial"] = new DenseMatrix(20, 2, Enumerable.Range(0, 40).Select(i => i == 9 ? float.PositiveInfinity : i).ToArray());
        Assert.Contains("'s4' (row 5)", Assert.Throws<InputException>(() => SpotPatterns.Check(section)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_spots_times_genes_than_can_be_learned_from_are_refused_in_a_sentence()
    {
        var counts = SparseMatrix.FromCoordinates(1_100_000, 2_000, [], [], []);
        Assert.Contains("--genes", Assert.Throws<InputException>(() => Mixtures.From([], counts)).Message, StringComparison.Ordinal);
    }
}
