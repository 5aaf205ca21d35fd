namespace Cellcast.Analysis.Communities;

/// <summary>What a partition of a graph is to make large.</summary>
public enum PartitionObjective
{
    /// <summary>Modularity with a resolution (Reichardt and Bornholdt 2006, configuration model): sum over pairs in one community of A_ij - resolution k_i k_j / 2m, over 2m. With resolution 1 it is
    /// Newman and Girvan's.</summary>
    Modularity,

    /// <summary>Constant Potts model (Traag, Van Dooren and Nesterov 2011): sum over pairs in one community of A_ij - resolution. Communities are denser inside than the resolution.</summary>
    ConstantPotts,
}

/// <summary>A partition of the nodes of a graph into communities.</summary>
/// <param name="Communities">Community of each node, from 0; the largest community is 0, of equal ones the one with the lowest node first.</param>
/// <param name="Count">Number of communities.</param>
/// <param name="Quality">Value of the objective: for <see cref="PartitionObjective.Modularity"/> at most 1, for <see cref="PartitionObjective.ConstantPotts"/> in units of weight, pairs counted once.</param>
/// <param name="Iterations">How often the whole method was repeated.</param>
public sealed record Partition(int[] Communities, int Count, double Quality, int Iterations)
{
    /// <summary>Value of an objective for any partition.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="communities">Community of each node.</param>
    /// <param name="resolution">Resolution, above 0.</param>
    /// <param name="objective">The objective.</param>
    public static double QualityOf(WeightedGraph graph, ReadOnlySpan<int> communities, double resolution = 1, PartitionObjective objective = PartitionObjective.Modularity)
    {
        ArgumentNullException.ThrowIfNull(graph);
        if (communities.Length != graph.Count) throw new ArgumentException($"{communities.Length} communities were given for {graph.Count} nodes", nameof(communities));
        if (graph.Count == 0) return 0;
        int[] number = communities.ToArray();
        int count = Renumber(number);
        bool modularity = objective == PartitionObjective.Modularity;
        double[] size = new double[count];
        double inside = 0; // each pair in both directions
        for (int v = 0; v < number.Length; v++)
        {
            size[number[v]] += modularity ? graph.Strengths[v] : 1;
            inside += graph.Loops[v];
            for (int e = graph.Offsets[v]; e < graph.Offsets[v + 1]; e++)
                if (number[graph.Neighbors[e]] == number[v]) inside += graph.Weights[e];
        }
        double expected = 0, total = graph.TotalStrength;
        if (modularity)
        {
            if (total == 0) return 0;
            foreach (double s in size) expected += s / total * (s / total);
            return inside / total - resolution * expected;
        }
        foreach (double s in size) expected += s * (s - 1);
        return (inside - resolution * expected) / 2;
    }

    /// <summary>Numbers the communities from 0 in the order in which they occur; returns how many there are.</summary>
    internal static int Renumber(int[] communities)
    {
        var number = new Dictionary<int, int>();
        for (int v = 0; v < communities.Length; v++)
        {
            if (!number.TryGetValue(communities[v], out int c)) number[communities[v]] = c = number.Count;
            communities[v] = c;
        }
        return number.Count;
    }

    /// <summary>Splits every community into its connected parts; returns how many there are then.</summary>
    internal static int SplitDisconnected(WeightedGraph graph, int[] communities)
    {
        int n = graph.Count, count = 0;
        int[] part = new int[n], stack = new int[n];
        Array.Fill(part, -1);
        for (int start = 0; start < n; start++)
        {
            if (part[start] >= 0) continue;
            int top = 0;
            stack[top++] = start;
            part[start] = count;
            while (top > 0)
            {
                int v = stack[--top];
                foreach (int u in graph.NeighborsOf(v))
                {
                    if (part[u] >= 0 || communities[u] != communities[start]) continue;
                    part[u] = count;
                    stack[top++] = u;
                }
            }
            count++;
        }
        part.CopyTo(communities, 0);
        return count;
    }

    /// <summary>The largest community first, then by the lowest node.</summary>
    internal static int[] BySize(int[] communities, int count)
    {
        int[] size = new int[count], lowest = new int[count];
        for (int v = communities.Length - 1; v >= 0; v--)
        {
            size[communities[v]]++;
            lowest[communities[v]] = v;
        }
        int[] order = [.. Enumerable.Range(0, count).OrderByDescending(c => size[c]).ThenBy(c => lowest[c])];
        var rank = new int[count];
        for (int k = 0; k < count; k++) rank[order[k]] = k;
        return Array.ConvertAll(communities, c => rank[c]);
    }
}
