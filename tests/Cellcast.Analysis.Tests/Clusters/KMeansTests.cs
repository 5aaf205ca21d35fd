using System.Globalization;
using Cellcast.Analysis.Clusters;
using Cellcast.Analysis.Metrics;
using Cellcast.Analysis.Statistics;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Clusters;

/// <summary>k-means, the figures that are made from it, and the sign test.</summary>
public sealed class KMeansTests
{
    [Fact]
    public void Groups_that_lie_apart_are_found()
    {
        var (points, truth) = Blobs(300, 5, 6, spread: 0.5);
        var found = KMeans.Run(points, 6, 5);
        Assert.Equal(1, Clustering.AdjustedRandIndex(found.Groups, truth), 1e-12);
        Assert.Equal(0, found.Groups[0]);
        Assert.Equal(Squares(points, 6, found.Groups, 5), found.SumOfSquares, 1e-3 * found.SumOfSquares);
    }

    [Fact]
    public void The_result_depends_on_the_seed_and_not_on_the_number_of_threads()
    {
        var (points, _) = Blobs(500, 7, 4, spread: 3);
        var one = KMeans.Run(points, 4, 7, starts: 2, seed: 3, threads: 1);
        var three = KMeans.Run(points, 4, 7, starts: 2, seed: 3, threads: 3);
        Assert.Equal(one.Groups, three.Groups);
        Assert.Equal(one.SumOfSquares, three.SumOfSquares);
    }

    [Fact]
    public void More_groups_than_different_points_leave_equal_points_together_and_nothing_undefined()
    {
        float[] points = [1, 1, 2, 2, 1, 1, 2, 2, 1, 1];
        var found = KMeans.Run(points, 2, 3);
        Assert.Equal(0, found.SumOfSquares);
        Assert.All(found.Groups, g => Assert.InRange(g, 0, 2));
        Assert.Throws<ArgumentException>(() => KMeans.Run(points, 2, 6));
    }

    [ToolFact("sklearn")]
    public void It_ends_at_a_sum_of_squares_as_small_as_that_of_scikit_learn()
    {
        var (points, _) = Blobs(400, 8, 10, spread: 2.5);
        using var folder = new TemporaryDirectory();
        File.WriteAllText(folder["points.csv"], string.Join('\n', Enumerable.Range(0, 400).Select(i => string.Join(',', points[(i * 10)..(i * 10 + 10)].Select(v => v.ToString("R", CultureInfo.InvariantCulture))))));
        var python = ExternalTool.RunPython("""
            import sys, numpy
            from sklearn.cluster import KMeans
            print(KMeans(8, n_init=10, random_state=0).fit(numpy.loadtxt(sys.argv[1], delimiter=",")).inertia_)
            """, folder["points.csv"]);
        Assert.True(python.ExitCode == 0, python.Error);
        Assert.InRange(KMeans.Run(points, 10, 8).SumOfSquares, 0, 1.005 * double.Parse(python.Output, CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Vectors_that_follow_the_labels_score_one_and_others_about_chance()
    {
        var (points, truth) = Blobs(300, 4, 5, spread: 0.3);
        var good = VectorQuality.Of(points, 5, truth);
        Assert.Equal(1, good.NeighborPurity, 1e-9);
        foreach (GroupAgreement found in new[] { good.KMeans, good.BestLeiden })
        {
            Assert.Equal(4, found.Groups);
            Assert.Equal((1.0, 1.0), (Math.Round(found.AdjustedRandIndex, 9), Math.Round(found.NormalizedMutualInformation, 9)));
        }
        var noise = new float[300 * 5];
        RandomFill.Normal(RandomKey.From(1, "noise"), noise);
        var bad = VectorQuality.Of(noise, 5, truth);
        Assert.InRange(bad.NeighborPurity, 0.2, 0.3);
        foreach (GroupAgreement found in new[] { bad.KMeans, bad.Leiden, bad.BestLeiden }) Assert.InRange(found.AdjustedRandIndex, -0.05, 0.05);
    }

    [Fact]
    public void The_best_resolution_agrees_at_least_as_well_as_the_default_and_threads_do_not_matter()
    {
        var (points, truth) = Blobs(300, 12, 5, spread: 3);
        var found = VectorQuality.Of(points, 5, truth, seed: 2, threads: 1);
        Assert.Contains(found.BestResolution, VectorQuality.Resolutions);
        Assert.True(found.BestLeiden.AdjustedRandIndex >= found.Leiden.AdjustedRandIndex);
        Assert.Equal(found, VectorQuality.Of(points, 5, truth, seed: 2, threads: 3));
    }

    [Fact]
    public void Figures_of_several_clusterings_are_means_and_the_first_is_that_of_the_seed()
    {
        var (points, truth) = Blobs(300, 12, 5, spread: 3);
        VectorQuality one = VectorQuality.Of(points, 5, truth, seed: 2), many = VectorQuality.Of(points, 5, truth, seed: 2, clusterings: 4);
        Assert.Equal(one.NeighborPurity, many.NeighborPurity);
        int[] first = KMeans.Run(points, 5, 12, VectorQuality.Starts, seed: 2).Groups;
        Assert.Equal(Clustering.AdjustedRandIndex(first, truth), one.KMeans.AdjustedRandIndex);
        // Four different clusterings of overlapping groups: a mean that no single one of them has.
        Assert.NotEqual(one.Leiden.AdjustedRandIndex, many.Leiden.AdjustedRandIndex);
        Assert.Equal(one.Leiden.AdjustedRandIndex, many.Leiden.AdjustedRandIndex, 0.15);
        Assert.True(many.BestLeiden.AdjustedRandIndex >= many.Leiden.AdjustedRandIndex);
        Assert.Throws<ArgumentOutOfRangeException>(() => VectorQuality.Of(points, 5, truth, clusterings: 0));
    }

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(5, 5, 1)]
    [InlineData(8, 2, 0.109375)]
    [InlineData(0, 10, 0.001953125)]
    [InlineData(60, 40, 0.05688793364098)]
    public void The_sign_test_is_exact(int positive, int negative, double expected) => Assert.Equal(expected, SignTest.TwoSided(positive, negative), 1e-12);

    private static (float[] Points, int[] Truth) Blobs(int count, int groups, int dimensions, double spread)
    {
        var noise = new float[count * dimensions];
        RandomFill.Normal(RandomKey.From(5, "points"), noise);
        var centres = new float[groups * dimensions];
        RandomFill.Normal(RandomKey.From(6, "centres"), centres);
        int[] truth = [.. Enumerable.Range(0, count).Select(i => i % groups)];
        for (int i = 0; i < noise.Length; i++) noise[i] = (float)(spread * noise[i]) + 6 * centres[truth[i / dimensions] * dimensions + i % dimensions];
        return (noise, truth);
    }

    private static double Squares(float[] points, int dimensions, int[] groups, int count)
    {
        double total = 0;
        for (int g = 0; g < count; g++)
        {
            int[] members = [.. Enumerable.Range(0, groups.Length).Where(i => groups[i] == g)];
            for (int d = 0; d < dimensions; d++)
            {
                double mean = members.Average(i => (double)points[i * dimensions + d]);
                total += members.Sum(i => Math.Pow(points[i * dimensions + d] - mean, 2));
            }
        }
        return total;
    }
}
