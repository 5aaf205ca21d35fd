using Cellcast.Analysis.Clusters;
using Cellcast.Analysis.Communities;
using Cellcast.Analysis.Neighbors;

namespace Cellcast.Analysis.Metrics;

/// <summary>How well groups of cells that were found without labels agree with them.</summary>
/// <param name="Groups">How many groups there are; over several clusterings their mean, as of the other figures.</param>
/// <param name="AdjustedRandIndex">See <see cref="Clustering.AdjustedRandIndex"/>.</param>
/// <param name="NormalizedMutualInformation">See <see cref="Clustering.NormalizedMutualInformation"/>.</param>
public sealed record GroupAgreement(double Groups, double AdjustedRandIndex, double NormalizedMutualInformation)
{
    internal static GroupAgreement Of<T>(int[] groups, IReadOnlyList<T> labels) where T : notnull =>
        new(groups.Distinct().Count(), Clustering.AdjustedRandIndex(groups, labels), Clustering.NormalizedMutualInformation(groups, labels));

    internal static GroupAgreement MeanOf(IReadOnlyCollection<GroupAgreement> all) => new(all.Average(a => a.Groups), all.Average(a => a.AdjustedRandIndex), all.Average(a => a.NormalizedMutualInformation));
}

/// <summary>How well cell vectors agree with labels that they were not made from.</summary>
/// <param name="NeighborPurity">Mean share of a cell's nearest other cells that have its label; see <see cref="Clustering.NeighborPurity"/>.</param>
/// <param name="KMeans">k-means groups, as many as there are labels: of <see cref="Starts"/> starts the one with the smallest sum of squares.</param>
/// <param name="Leiden">Leiden communities of the neighbour graph at the default resolution.</param>
/// <param name="BestLeiden">Those at the resolution of <see cref="Resolutions"/> that agrees best by adjusted Rand index (its mean over all clusterings). Chosen by the labels: what an analyst who knew the answer would reach.</param>
/// <param name="BestResolution">That resolution; of equally good ones the first.</param>
public sealed record VectorQuality(double NeighborPurity, GroupAgreement KMeans, GroupAgreement Leiden, GroupAgreement BestLeiden, double BestResolution)
{
    /// <summary>Neighbours that are looked at for purity.</summary>
    public const int Neighbors = 15;

    /// <summary>Starts of k-means.</summary>
    public const int Starts = 20;

    // So far apart that the clusterings of one small seed are not those of the next.
    private const long BetweenSeeds = 1_000_003;

    /// <summary>Resolutions at which communities are looked for; the default is among them.</summary>
    public static IReadOnlyList<double> Resolutions { get; } = [0.25, 0.5, 0.75, 1, 1.5, 2];

    /// <summary>Compares vectors with labels, by Euclidean distance.</summary>
    /// <param name="vectors">n x d, row-major.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="labels">Label of each cell.</param>
    /// <param name="seed">Seed of k-means and Leiden.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="clusterings">How often k-means and Leiden are run, each time with another seed; their figures are means. Both move by .03 to .1 with their seed.</param>
    /// <param name="cancellation">Looked at between the parts.</param>
    public static VectorQuality Of<T>(float[] vectors, int dimensions, IReadOnlyList<T> labels, long seed = 0, int threads = 0, int clusterings = 1, CancellationToken cancellation = default) where T : notnull
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(clusterings, 1);
        ArgumentNullException.ThrowIfNull(vectors);
        ArgumentNullException.ThrowIfNull(labels);
        double purity = Clustering.NeighborPurity(vectors, dimensions, labels, Neighbors, threads);
        cancellation.ThrowIfCancellationRequested();
        var graph = NeighborGraph.Build(vectors, dimensions, new NeighborOptions { Neighbors = Math.Min(new NeighborOptions().Neighbors, labels.Count), Seed = seed, Threads = threads }, cancellation);
        var weighted = WeightedGraph.FromSymmetric(graph.Connectivities);
        int kinds = labels.Distinct().Count();
        var means = Mean(s => Clusters.KMeans.Run(vectors, dimensions, kinds, Starts, seed: s, threads: threads).Groups);
        double usual = new LeidenOptions().Resolution;
        var found = Resolutions.Select(r => (Resolution: r, Agreement: Mean(s => Communities.Leiden.Find(weighted, new LeidenOptions { Resolution = r, Seed = s }, cancellation).Communities))).ToArray();
        var best = found.MaxBy(f => f.Agreement.AdjustedRandIndex);
        return new VectorQuality(purity, means, found.First(f => f.Resolution == usual).Agreement, best.Agreement, best.Resolution);

        GroupAgreement Mean(Func<long, int[]> groupsOf)
        {
            var all = new GroupAgreement[clusterings];
            for (int i = 0; i < clusterings; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                all[i] = GroupAgreement.Of(groupsOf(seed + i * BetweenSeeds), labels);
            }
            return GroupAgreement.MeanOf(all);
        }
    }
}
