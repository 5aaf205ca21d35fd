using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Communities;

/// <summary>Takes every community apart into nodes and merges those again that are well connected (RefinePartition and MergeNodesSubset of the paper): a node goes, with a chance that grows with the gain,
/// to a part that it has an edge to and that loses nothing by it, so that all parts are connected.</summary>
/// <param name="graph">The graph of this level.</param>
/// <param name="size">Size of each node.</param>
/// <param name="community">Community of each node.</param>
/// <param name="count">Number of communities.</param>
/// <param name="gamma">What a product of sizes costs.</param>
/// <param name="theta">Randomness, in units of weight.</param>
internal sealed class Refinement(WeightedGraph graph, double[] size, int[] community, int count, double gamma, double theta)
{
    /// <summary>Part of each node, named after one of its nodes.</summary>
    public int[] Run(RandomStream random)
    {
        int n = graph.Count;
        var whole = new double[count];
        for (int v = 0; v < n; v++) whole[community[v]] += size[v];
        int[] part = new int[n], members = new int[n], touched = new int[n];
        double[] total = new double[n], outward = new double[n], toward = new double[n], chance = new double[n];
        for (int v = 0; v < n; v++)
        {
            (part[v], members[v], total[v]) = (v, 1, size[v]);
            // Weight from each part to the rest of its community.
            var neighbors = graph.NeighborsOf(v);
            var weights = graph.WeightsOf(v);
            for (int k = 0; k < neighbors.Length; k++)
                if (community[neighbors[k]] == community[v]) outward[v] += weights[k];
        }
        foreach (int v in random.NextPermutation(n))
        {
            double rest = whole[community[v]];
            if (part[v] != v || members[v] != 1 || !IsWellConnected(outward[v], size[v], rest)) continue;
            int found = 0;
            var neighbors = graph.NeighborsOf(v);
            var weights = graph.WeightsOf(v);
            for (int k = 0; k < neighbors.Length; k++)
            {
                int u = neighbors[k];
                if (community[u] != community[v]) continue;
                int c = part[u];
                if (toward[c] == 0) touched[found++] = c;
                toward[c] += weights[k];
            }
            int chosen = Choose(random, v, rest, found, touched, total, outward, toward, chance);
            if (chosen >= 0)
            {
                // What led from either to the other lies inside now.
                outward[chosen] += outward[v] - 2 * toward[chosen];
                total[chosen] += size[v];
                members[chosen]++;
                members[v] = 0;
                total[v] = 0;
                part[v] = chosen;
            }
            for (int k = 0; k < found; k++) toward[touched[k]] = 0;
        }
        return part;
    }

    private int Choose(RandomStream random, int v, double rest, int found, int[] touched, double[] total, double[] outward, double[] toward, double[] chance)
    {
        double best = double.NegativeInfinity, sum = 0;
        for (int k = 0; k < found; k++)
        {
            int c = touched[k];
            double gain = toward[c] - gamma * size[v] * total[c];
            chance[k] = gain >= 0 && IsWellConnected(outward[c], total[c], rest) ? gain : double.NaN;
            if (chance[k] > best) best = chance[k];
        }
        if (double.IsNegativeInfinity(best)) return -1;
        for (int k = 0; k < found; k++)
        {
            chance[k] = double.IsNaN(chance[k]) ? 0 : Math.Exp((chance[k] - best) / theta);
            sum += chance[k];
        }
        double at = random.NextUniform() * sum;
        int last = -1;
        for (int k = 0; k < found; k++)
        {
            if (chance[k] == 0) continue;
            last = touched[k];
            if ((at -= chance[k]) < 0) break;
        }
        return last;
    }

    private bool IsWellConnected(double outside, double own, double whole) => outside >= gamma * own * (whole - own);
}
