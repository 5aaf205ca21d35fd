using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Communities;

/// <summary>Settings of <see cref="Leiden"/>.</summary>
public sealed record LeidenOptions
{
    /// <summary>What is made large.</summary>
    public PartitionObjective Objective { get; init; } = PartitionObjective.Modularity;

    /// <summary>Resolution: more gives smaller communities.</summary>
    public double Resolution { get; init; } = 1;

    /// <summary>Randomness of the refinement (theta of the paper), relative to the mean weight of an edge.</summary>
    public double Randomness { get; init; } = 0.01;

    /// <summary>How often the whole method is repeated on its own result; 0: until that no longer improves it.</summary>
    public int Iterations { get; init; }

    /// <summary>Seed of the order of nodes and of the refinement.</summary>
    public long Seed { get; init; }
}

/// <summary>
/// Communities of a graph by the method of Leiden (Traag, Waltman and van Eck, Scientific Reports 9, 5233, 2019): fast local moving of nodes, refinement of every
/// community by well-connected merges, aggregation of the refined communities, until nothing moves. Every community is connected. One seed gives one result.
/// </summary>
public static class Leiden
{
    /// <summary>An improvement must be larger than this share of the mean strength of a node, so that rounding cannot go round in circles.</summary>
    private const double LeastImprovement = 1e-11;

    private const int MostIterations = 1000;

    /// <summary>Repetitions in a row without improvement after which the result counts as stable: each takes another random order.</summary>
    private const int Patience = 2;

    /// <summary>Finds communities.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="cancellation">Stops the work between levels.</param>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public static Partition Find(WeightedGraph graph, LeidenOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        options ??= new LeidenOptions();
        if (!(options.Resolution > 0 && double.IsFinite(options.Resolution))) throw new InputException($"the resolution of the communities is {options.Resolution}; give a number above 0.");
        if (!(options.Randomness > 0 && double.IsFinite(options.Randomness))) throw new InputException($"the randomness of the refinement is {options.Randomness}; give a number above 0.");
        int n = graph.Count;
        int[] communities = [.. Enumerable.Range(0, n)];
        if (n == 0) return new Partition(communities, 0, 0, 0);
        var random = new RandomStream(RandomKey.From(options.Seed, "leiden"));
        int most = options.Iterations > 0 ? options.Iterations : MostIterations, done = 0;
        double quality = Partition.QualityOf(graph, communities, options.Resolution, options.Objective);
        for (int failed = 0; done < most && (options.Iterations > 0 || failed < Patience);)
        {
            var next = (int[])communities.Clone();
            Iterate(graph, next, options, random, cancellation);
            done++;
            double reached = Partition.QualityOf(graph, next, options.Resolution, options.Objective);
            failed = reached > quality + 1e-12 * Math.Max(1, Math.Abs(quality)) ? 0 : failed + 1;
            if (reached >= quality) (communities, quality) = (next, reached);
        }
        int count = Partition.Renumber(communities);
        return new Partition(Partition.BySize(communities, count), count, quality, done);
    }

    private static void Iterate(WeightedGraph graph, int[] communities, LeidenOptions options, RandomStream random, CancellationToken cancellation)
    {
        bool modularity = options.Objective == PartitionObjective.Modularity;
        // Both objectives are edges inside minus a product of sizes: of strengths over 2m, or of numbers of nodes.
        double[] size = modularity ? graph.Strengths : [.. Enumerable.Repeat(1.0, graph.Count)];
        double gamma = modularity ? graph.TotalStrength == 0 ? 0 : options.Resolution / graph.TotalStrength : options.Resolution;
        double theta = graph.Weights.Length == 0 ? 1 : options.Randomness * graph.Weights.Average();
        double least = LeastImprovement * graph.TotalStrength / graph.Count;

        int[] node = [.. Enumerable.Range(0, graph.Count)]; // node of the current level that each node of the graph lies in
        int[] current = (int[])communities.Clone();
        WeightedGraph level = graph;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            int count = Partition.Renumber(current);
            count = new LocalMoving(level, size, current, gamma, least).Run(random, count);
            if (count == level.Count) break;
            int[] refined = new Refinement(level, size, current, count, gamma, theta).Run(random);
            int parts = Partition.Renumber(refined);
            if (parts == level.Count) break; // rounding alone leads here: a stable community always has a merge that does not lose
            int[] above = new int[parts];
            var sizeAbove = new double[parts];
            for (int v = 0; v < refined.Length; v++)
            {
                above[refined[v]] = current[v];
                sizeAbove[refined[v]] += size[v];
            }
            for (int v = 0; v < node.Length; v++) node[v] = refined[node[v]];
            level = level.Aggregate(refined, parts);
            (current, size) = (above, sizeAbove);
        }
        for (int v = 0; v < node.Length; v++) communities[v] = current[node[v]];
        // The parts of a disconnected community are better apart under both objectives; refined communities are connected already.
        Partition.SplitDisconnected(graph, communities);
    }
}
