using System.Globalization;
using Cellcast.Analysis.Communities;
using Cellcast.AnnData;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Communities;

public class LeidenTests
{
    [Theory]
    [InlineData(PartitionObjective.Modularity, 1.0)]
    [InlineData(PartitionObjective.Modularity, 0.3)]
    [InlineData(PartitionObjective.Modularity, 4.0)]
    [InlineData(PartitionObjective.ConstantPotts, 0.05)]
    [InlineData(PartitionObjective.ConstantPotts, 0.4)]
    public void Communities_are_connected_and_no_node_would_rather_be_elsewhere(PartitionObjective objective, double resolution)
    {
        for (int seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            int n = random.Next(1, 60);
            var graph = WeightedGraph.FromSymmetric(RandomGraph(random, n, random.NextDouble() * 0.3, weighted: seed % 2 == 0));
            var found = Leiden.Find(graph, new LeidenOptions { Objective = objective, Resolution = resolution, Seed = seed });
            Assert.Equal(n, found.Communities.Length);
            Assert.Equal([.. Enumerable.Range(0, found.Count)], found.Communities.Distinct().Order());
            Assert.Equal(found.Count, ConnectedParts(graph, found.Communities));
            Assert.Equal(Partition.QualityOf(graph, found.Communities, resolution, objective), found.Quality, 1e-12);
            double scale = objective == PartitionObjective.Modularity ? 1e-9 : 1e-9 * Math.Max(1, graph.TotalStrength);
            for (int v = 0; v < n; v++)
            {
                int home = found.Communities[v];
                foreach (int c in Enumerable.Range(0, found.Count + 1))
                {
                    found.Communities[v] = c;
                    double there = Partition.QualityOf(graph, found.Communities, resolution, objective);
                    Assert.True(there <= found.Quality + scale, $"seed {seed}: node {v} would gain {there - found.Quality:g3} in community {c}");
                }
                found.Communities[v] = home;
            }
        }
    }

    [Fact]
    public void Quality_is_that_of_the_definition()
    {
        var random = new Random(5);
        const int n = 23;
        var matrix = RandomGraph(random, n, 0.3, weighted: true, loops: true);
        float[] a = matrix.ToDense();
        int[] c = [.. Enumerable.Range(0, n).Select(_ => random.Next(4))];
        double[] k = [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Sum(j => (double)a[i * n + j]))];
        double total = k.Sum(), modularity = 0, potts = 0;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
            {
                if (c[i] != c[j]) continue;
                modularity += (a[i * n + j] - 1.7 * k[i] * k[j] / total) / total;
                potts += (a[i * n + j] - (i == j ? 0 : 0.2)) / 2;
            }
        var graph = WeightedGraph.FromSymmetric(matrix);
        Assert.Equal(modularity, Partition.QualityOf(graph, c, 1.7), 1e-12);
        Assert.Equal(potts, Partition.QualityOf(graph, c, 0.2, PartitionObjective.ConstantPotts), 1e-10);
        Assert.Equal(k, graph.NodeStrengths, (x, y) => Math.Abs(x - y) < 1e-9);
    }

    [Fact]
    public void Planted_groups_are_found_and_numbered_by_size()
    {
        int[] sizes = [120, 60, 200, 90];
        int[] group = [.. sizes.SelectMany((s, g) => Enumerable.Repeat(g, s))];
        var random = new Random(11);
        var graph = WeightedGraph.FromSymmetric(Edges(group.Length, (i, j) => random.NextDouble() < (group[i] == group[j] ? 0.2 : 0.01) ? 1f : 0f));
        var found = Leiden.Find(graph, new LeidenOptions { Seed = 3 });
        int[] rank = [1, 3, 0, 2];
        Assert.Equal(group.Select(g => rank[g]), found.Communities);
    }

    [Fact]
    public void A_ring_of_cliques_falls_into_its_cliques_where_modularity_merges_them()
    {
        // 30 cliques of 5 in a ring: Fortunato and Barthelemy's example of the resolution limit.
        const int cliques = 30, size = 5;
        var graph = WeightedGraph.FromSymmetric(Edges(cliques * size, (i, j) => i / size == j / size || (j % size == 0 && i % size == 1 && (i / size + 1) % cliques == j / size)
            || (i % size == 0 && j % size == 1 && (j / size + 1) % cliques == i / size) ? 1f : 0f));
        var potts = Leiden.Find(graph, new LeidenOptions { Objective = PartitionObjective.ConstantPotts, Resolution = 0.5 });
        Assert.Equal(cliques, potts.Count);
        for (int v = 0; v < cliques * size; v++) Assert.Equal(potts.Communities[v / size * size], potts.Communities[v]);
        var modularity = Leiden.Find(graph);
        Assert.True(modularity.Count < cliques && modularity.Quality > Partition.QualityOf(graph, potts.Communities));
    }

    [Fact]
    public void One_seed_gives_one_result()
    {
        var graph = WeightedGraph.FromSymmetric(RandomGraph(new Random(2), 400, 0.02, weighted: true));
        var first = Leiden.Find(graph, new LeidenOptions { Seed = 4 });
        Assert.Equal(first.Communities, Leiden.Find(graph, new LeidenOptions { Seed = 4 }).Communities);
        // More rounds never lose.
        double before = double.NegativeInfinity;
        for (int rounds = 1; rounds <= 4; rounds++)
        {
            var found = Leiden.Find(graph, new LeidenOptions { Seed = 4, Iterations = rounds });
            Assert.True(found.Quality >= before);
            Assert.Equal(rounds, found.Iterations);
            before = found.Quality;
        }
        Assert.True(first.Quality >= before);
    }

    [Fact]
    public void Nodes_without_edges_stay_alone()
    {
        var alone = Leiden.Find(WeightedGraph.FromSymmetric(SparseMatrix.FromCoordinates(4, 4, [], [], [])));
        Assert.Equal([0, 1, 2, 3], alone.Communities);
        Assert.Equal(0, alone.Quality);
        var pair = Leiden.Find(WeightedGraph.FromSymmetric(SparseMatrix.FromCoordinates(4, 4, [1, 3], [3, 1], [2, 2])));
        Assert.Equal([1, 0, 2, 0], pair.Communities);
        Assert.Empty(Leiden.Find(WeightedGraph.FromSymmetric(SparseMatrix.FromCoordinates(0, 0, [], [], []))).Communities);
    }

    [Fact]
    public void Graphs_that_are_none_are_refused()
    {
        Assert.Contains("not symmetric: row 1 differs from column 1", Message(SparseMatrix.FromCoordinates(3, 3, [0], [2], [1])), StringComparison.Ordinal);
        Assert.Contains("not symmetric", Message(SparseMatrix.FromCoordinates(2, 2, [0, 1], [1, 0], [1, 2])), StringComparison.Ordinal);
        Assert.Contains("2 x 3", Message(SparseMatrix.FromCoordinates(2, 3, [], [], [])), StringComparison.Ordinal);
        Assert.Contains("weight -1", Message(SparseMatrix.FromCoordinates(2, 2, [0, 1], [1, 0], [-1, -1])), StringComparison.Ordinal);
        var graph = WeightedGraph.FromSymmetric(SparseMatrix.FromCoordinates(2, 2, [0, 1], [1, 0], [1, 1]));
        Assert.Contains("resolution", Assert.Throws<InputException>(() => Leiden.Find(graph, new LeidenOptions { Resolution = 0 })).Message, StringComparison.Ordinal);
        static string Message(SparseMatrix m) => Assert.Throws<InputException>(() => WeightedGraph.FromSymmetric(m)).Message;
    }

    [ToolFact("leidenalg")]
    public void Modularity_is_that_of_leidenalg_and_the_karate_club_has_its_known_optimum()
    {
        using var dir = new TemporaryDirectory();
        // Neighbourhoods of points in a few dimensions: graphs like those of cells, without clear-cut communities.
        var random = new Random(8);
        const int n = 1500, d = 3, k = 12;
        float[] x = [.. Enumerable.Range(0, n * d).Select(_ => (float)random.NextDouble())];
        var near = Cellcast.Analysis.Neighbors.NearestNeighbors.Within(x, d, k);
        var edges = new SortedDictionary<(int, int), float>();
        for (int i = 0; i < n; i++)
            for (int j = 0; j < k; j++) edges[(Math.Min(i, near[i * k + j]), Math.Max(i, near[i * k + j]))] = (float)(0.1 + Math.Round(random.NextDouble(), 3));
        File.WriteAllLines(dir["edges"], edges.Select(e => string.Create(CultureInfo.InvariantCulture, $"{e.Key.Item1} {e.Key.Item2} {e.Value:R}")));
        var run = ExternalTool.RunPython("""
            import sys, igraph, leidenalg, statistics
            e = [l.split() for l in open(sys.argv[1])]
            g = igraph.Graph(n=int(sys.argv[2]), edges=[(int(a), int(b)) for a, b, _ in e]); w = [float(c) for *_, c in e]
            for r in (0.5, 1, 3):
                p = [leidenalg.find_partition(g, leidenalg.RBConfigurationVertexPartition, weights=w, resolution_parameter=r, seed=s, n_iterations=-1) for s in range(5)]
                print(statistics.mean(q.quality() / (2 * sum(w)) for q in p), statistics.mean(g.modularity(q.membership, weights=w) for q in p), statistics.mean(len(q) for q in p))
            print(*[f'{a},{b}' for a, b in igraph.Graph.Famous('Zachary').get_edgelist()])
            """, dir["edges"], n.ToString(CultureInfo.InvariantCulture));
        Assert.True(run.ExitCode == 0, run.Error);
        string[] lines = run.Output.Trim().Split('\n');
        int[] row = [.. edges.Keys.SelectMany(e => new[] { e.Item1, e.Item2 })], column = [.. edges.Keys.SelectMany(e => new[] { e.Item2, e.Item1 })];
        var graph = WeightedGraph.FromSymmetric(SparseMatrix.FromCoordinates(n, n, row, column, [.. edges.Values.SelectMany(v => new[] { v, v })]));
        double[] resolutions = [0.5, 1, 3];
        for (int r = 0; r < 3; r++)
        {
            double[] theirs = [.. lines[r].Split(' ').Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
            Partition[] ours = [.. Enumerable.Range(0, 5).Select(s => Leiden.Find(graph, new LeidenOptions { Resolution = resolutions[r], Seed = s }))];
            double quality = ours.Average(p => p.Quality), modularity = ours.Average(p => Partition.QualityOf(graph, p.Communities));
            Assert.True(quality >= theirs[0] - 0.002, $"resolution {resolutions[r]}: {quality} against {theirs[0]}");
            Assert.InRange(modularity, theirs[1] - 0.01, theirs[1] + 0.01);
            Assert.InRange(ours.Average(p => p.Count), theirs[2] * 0.85, theirs[2] * 1.15);
        }
        int[][] karate = [.. lines[3].Split(' ').Select(e => e.Split(',').Select(v => int.Parse(v, CultureInfo.InvariantCulture)).ToArray())];
        var club = WeightedGraph.FromSymmetric(SparseMatrix.FromCoordinates(34, 34, [.. karate.SelectMany(e => e)], [.. karate.SelectMany(e => new[] { e[1], e[0] })], [.. Enumerable.Repeat(1f, 2 * karate.Length)]));
        double best = Enumerable.Range(0, 10).Max(s => Leiden.Find(club, new LeidenOptions { Seed = s }).Quality);
        Assert.Equal(0.4197896, best, 1e-6); // the optimum, known from integer programming (Brandes et al. 2008)
    }

    private static SparseMatrix RandomGraph(Random random, int n, double density, bool weighted, bool loops = false) =>
        Edges(n, (i, j) => (i != j || loops) && random.NextDouble() < density ? weighted ? (float)Math.Round(random.NextDouble() + 0.01, 3) : 1f : 0f);

    private static SparseMatrix Edges(int n, Func<int, int, float> weight)
    {
        var a = new float[n * n];
        for (int i = 0; i < n; i++)
            for (int j = i; j < n; j++) a[i * n + j] = a[j * n + i] = weight(i, j);
        return SparseMatrix.FromDense(n, n, a);
    }

    private static int ConnectedParts(WeightedGraph graph, int[] communities)
    {
        int[] parent = [.. Enumerable.Range(0, graph.Count)];
        int Root(int v) => parent[v] == v ? v : parent[v] = Root(parent[v]);
        for (int v = 0; v < graph.Count; v++)
            foreach (int u in graph.NeighborsOf(v))
                if (communities[u] == communities[v]) parent[Root(u)] = Root(v);
        return Enumerable.Range(0, graph.Count).Count(v => parent[v] == v);
    }
}
