using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Communities;

/// <summary>Moves nodes to the best of the communities of their neighbours, or to one of their own, visiting again only nodes whose neighbours moved (MoveNodesFast of the paper).</summary>
/// <param name="graph">The graph of this level.</param>
/// <param name="size">Size of each node: strength or number of nodes.</param>
/// <param name="community">Community of each node; changed in place.</param>
/// <param name="gamma">What a product of sizes costs.</param>
/// <param name="least">Smallest improvement that counts.</param>
internal sealed class LocalMoving(WeightedGraph graph, double[] size, int[] community, double gamma, double least)
{
    /// <summary>Moves until no node wants to; numbers the communities from 0 and returns how many there are.</summary>
    public int Run(RandomStream random, int count)
    {
        int n = graph.Count;
        double[] total = new double[n], toward = new double[n];
        int[] members = new int[n], touched = new int[n];
        for (int v = 0; v < n; v++)
        {
            total[community[v]] += size[v];
            members[community[v]]++;
        }
        var empty = new Stack<int>();
        for (int c = n - 1; c >= count; c--) empty.Push(c);

        int[] queue = random.NextPermutation(n);
        var waiting = new bool[n];
        Array.Fill(waiting, true);
        int head = 0, length = n;
        while (length > 0)
        {
            int v = queue[head];
            head = head + 1 == n ? 0 : head + 1;
            length--;
            waiting[v] = false;
            int own = community[v], found = 0;
            var neighbors = graph.NeighborsOf(v);
            var weights = graph.WeightsOf(v);
            for (int k = 0; k < neighbors.Length; k++)
            {
                int c = community[neighbors[k]];
                if (toward[c] == 0) touched[found++] = c;
                toward[c] += weights[k];
            }
            total[own] -= size[v];
            int best = own;
            double gain = toward[own] - gamma * size[v] * total[own] + least;
            for (int k = 0; k < found; k++)
            {
                int c = touched[k];
                double g = toward[c] - gamma * size[v] * total[c];
                if (c != own && g > gain) (best, gain) = (c, g);
            }
            for (int k = 0; k < found; k++) toward[touched[k]] = 0;
            // A community of its own gains nothing and costs nothing.
            if (gain < 0 && members[own] > 1) best = empty.Pop();
            total[best] += size[v];
            if (best == own) continue;
            community[v] = best;
            members[best]++;
            if (--members[own] == 0) empty.Push(own);
            for (int k = 0; k < neighbors.Length; k++)
            {
                int u = neighbors[k];
                if (waiting[u] || community[u] == best) continue;
                waiting[u] = true;
                int tail = head + length;
                queue[tail >= n ? tail - n : tail] = u;
                length++;
            }
        }
        return Partition.Renumber(community);
    }
}
