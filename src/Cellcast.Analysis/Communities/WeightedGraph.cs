using Cellcast.AnnData;

namespace Cellcast.Analysis.Communities;

/// <summary>An undirected graph with weighted edges, stored once per end. An edge of a node with itself counts once in its strength.</summary>
public sealed class WeightedGraph
{
    private WeightedGraph(int[] offsets, int[] neighbors, double[] weights, double[] loops)
    {
        (Offsets, Neighbors, Weights, Loops) = (offsets, neighbors, weights, loops);
        Strengths = new double[Count];
        for (int v = 0; v < Count; v++)
        {
            double sum = loops[v];
            foreach (double w in WeightsOf(v)) sum += w;
            Strengths[v] = sum;
            TotalStrength += sum;
        }
    }

    /// <summary>Number of nodes.</summary>
    public int Count => Offsets.Length - 1;

    /// <summary>Number of edges between different nodes.</summary>
    public int EdgeCount => Neighbors.Length / 2;

    /// <summary>Sum of the weights of the edges of each node.</summary>
    public IReadOnlyList<double> NodeStrengths => Strengths;

    /// <summary>Sum of the strengths of all nodes: twice the sum of the weights of edges between different nodes, and the loops once.</summary>
    public double TotalStrength { get; }

    internal int[] Offsets { get; }

    internal int[] Neighbors { get; }

    internal double[] Weights { get; }

    internal double[] Loops { get; }

    internal double[] Strengths { get; }

    /// <summary>The graph of a symmetric matrix, such as <c>obsp/connectivities</c>. Stored zeros are no edges.</summary>
    /// <param name="matrix">n x n, symmetric, weights not negative.</param>
    /// <exception cref="InputException">The matrix is not square or not symmetric, or a weight is negative or not finite.</exception>
    public static WeightedGraph FromSymmetric(SparseMatrix matrix)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        if (matrix.Rows != matrix.Columns) throw new InputException($"the graph is a matrix of {matrix.Rows} x {matrix.Columns}; a graph of cells has as many columns as rows.");
        matrix = matrix.WithoutZeros();
        var turned = matrix.Transpose();
        int n = matrix.Rows;
        int[] offsets = new int[n + 1], neighbors = new int[matrix.StoredCount];
        double[] weights = new double[neighbors.Length], loops = new double[n];
        int next = 0;
        for (int v = 0; v < n; v++)
        {
            var columns = matrix.RowIndices(v);
            var values = matrix.RowValues(v);
            if (!columns.SequenceEqual(turned.RowIndices(v)) || !values.SequenceEqual(turned.RowValues(v)))
                throw new InputException($"the graph is not symmetric: row {v + 1} differs from column {v + 1}; give the weights of both directions alike, as obsp/connectivities has them.");
            for (int k = 0; k < columns.Length; k++)
            {
                if (!(values[k] > 0) || float.IsInfinity(values[k])) throw new InputException($"the graph has the weight {values[k]} between rows {v + 1} and {columns[k] + 1}; weights are positive numbers.");
                if (columns[k] == v) loops[v] = values[k];
                else (neighbors[next], weights[next++]) = (columns[k], values[k]);
            }
            offsets[v + 1] = next;
        }
        Array.Resize(ref neighbors, next);
        Array.Resize(ref weights, next);
        return new WeightedGraph(offsets, neighbors, weights, loops);
    }

    /// <summary>The graph whose nodes are the groups of this one's nodes: weights between groups are added up, those within become a loop that counts both directions.</summary>
    /// <param name="group">Group of each node.</param>
    /// <param name="count">Number of groups, none empty.</param>
    internal WeightedGraph Aggregate(int[] group, int count)
    {
        // Members of each group, by counting.
        int[] first = new int[count + 1], members = new int[Count];
        foreach (int g in group) first[g + 1]++;
        for (int g = 0; g < count; g++) first[g + 1] += first[g];
        int[] next = first[..count];
        for (int v = 0; v < Count; v++) members[next[group[v]]++] = v;

        var offsets = new int[count + 1];
        var neighbors = new List<int>();
        var weights = new List<double>();
        var loops = new double[count];
        var sum = new double[count];
        var touched = new List<int>();
        for (int g = 0; g < count; g++)
        {
            for (int m = first[g]; m < first[g + 1]; m++)
            {
                int v = members[m];
                loops[g] += Loops[v];
                for (int e = Offsets[v]; e < Offsets[v + 1]; e++)
                {
                    int other = group[Neighbors[e]];
                    if (other == g) loops[g] += Weights[e];
                    else
                    {
                        if (sum[other] == 0) touched.Add(other);
                        sum[other] += Weights[e];
                    }
                }
            }
            foreach (int other in touched)
            {
                neighbors.Add(other);
                weights.Add(sum[other]);
                sum[other] = 0;
            }
            touched.Clear();
            offsets[g + 1] = neighbors.Count;
        }
        return new WeightedGraph(offsets, [.. neighbors], [.. weights], loops);
    }

    /// <summary>Nodes that a node has an edge to, itself left out.</summary>
    /// <param name="node">The node.</param>
    public ReadOnlySpan<int> NeighborsOf(int node) => Neighbors.AsSpan(Offsets[node], Offsets[node + 1] - Offsets[node]);

    /// <summary>Weights of these edges.</summary>
    /// <param name="node">The node.</param>
    public ReadOnlySpan<double> WeightsOf(int node) => Weights.AsSpan(Offsets[node], Offsets[node + 1] - Offsets[node]);
}
