using Cellcast.Analysis.Neighbors;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Analysis.Embedding;

/// <summary>
/// Positions from the eigenvectors of the graph's symmetric normalised Laplacian that belong to its smallest eigenvalues but zero (Belkin and Niyogi 2003). Parts that do not
/// hang together are laid out each for itself and placed by the principal components of their centres.
/// </summary>
internal static class SpectralStart
{
    private const double Tolerance = 1e-4, Extent = 10, SmallestShare = 0.02;
    private const int Room = 60, MostProducts = 600;

    /// <summary>Positions, cells x dimensions, row-major, within 10 of the origin for a connected graph.</summary>
    public static double[] Of(NeighborGraph graph, int dimensions, RandomKey key, int threads, CancellationToken cancellation)
    {
        SparseMatrix weights = graph.Connectivities;
        int[][] parts = Components(weights);
        if (parts.Length == 1) return Part(weights, dimensions, Extent, key.Split(0), threads, cancellation);
        double[] centers = Centers(graph, parts, dimensions);
        var result = new double[weights.Rows * dimensions];
        for (int p = 0; p < parts.Length; p++)
        {
            double[] center = centers[(p * dimensions)..((p + 1) * dimensions)];
            double nearest = Enumerable.Range(0, parts.Length).Where(o => o != p).Min(o => Math.Sqrt(Enumerable.Range(0, dimensions).Sum(c => Math.Pow(centers[o * dimensions + c] - center[c], 2))));
            double[] own = Part(Within(weights, parts[p]), dimensions, Math.Max(nearest / 2, SmallestShare * Extent), key.Split(p), threads, cancellation);
            for (int i = 0; i < parts[p].Length; i++)
                for (int c = 0; c < dimensions; c++) result[parts[p][i] * dimensions + c] = center[c] + own[i * dimensions + c];
        }
        return result;
    }

    /// <summary>Vertices of each connected part, ascending; parts in the order of their first vertices.</summary>
    internal static int[][] Components(SparseMatrix graph)
    {
        var part = new int[graph.Rows];
        Array.Fill(part, -1);
        var members = new List<List<int>>();
        var open = new Stack<int>();
        for (int i = 0; i < part.Length; i++)
        {
            if (part[i] >= 0) continue;
            var own = new List<int>();
            part[i] = members.Count;
            open.Push(i);
            while (open.TryPop(out int v))
            {
                own.Add(v);
                foreach (int w in graph.RowIndices(v))
                {
                    if (part[w] >= 0) continue;
                    part[w] = members.Count;
                    open.Push(w);
                }
            }
            own.Sort();
            members.Add(own);
        }
        return [.. members.Select(m => m.ToArray())];
    }

    private static SparseMatrix Within(SparseMatrix graph, int[] members) => graph.SelectRows(members).SelectColumns(members);

    /// <summary>Principal components of the parts' mean positions, the farthest of them at the extent.</summary>
    private static double[] Centers(NeighborGraph graph, int[][] parts, int dimensions)
    {
        int d = graph.Dimensions;
        var means = new float[parts.Length * d];
        for (int p = 0; p < parts.Length; p++)
        {
            var sum = new double[d];
            foreach (int i in parts[p])
                for (int j = 0; j < d; j++) sum[j] += graph.Points[i * d + j];
            for (int j = 0; j < d; j++) means[p * d + j] = (float)(sum[j] / parts[p].Length);
        }
        return Scaled(PrincipalAxes.Scores(means, d, dimensions, 1), Extent);
    }

    /// <summary>A connected graph's positions; random where it has too few vertices for eigenvectors.</summary>
    private static double[] Part(SparseMatrix weights, int dimensions, double extent, RandomKey key, int threads, CancellationToken cancellation)
    {
        int n = weights.Rows;
        var positions = new double[n * dimensions];
        if (n < 2 * dimensions + 2)
        {
            var random = new float[positions.Length];
            RandomFill.Uniform(key, random, -1, 1);
            return Scaled(Array.ConvertAll(random, v => (double)v), extent);
        }
        var root = new double[n];
        for (int i = 0; i < n; i++)
        {
            foreach (float w in weights.RowValues(i)) root[i] += w;
            root[i] = Math.Sqrt(root[i]);
        }
        double length = Math.Sqrt(root.Sum(r => r * r));
        double[] constant = [.. root.Select(r => r / length)];
        // (1 + D^-1/2 W D^-1/2) / 2 has its eigenvalues between 0 and 1, so that the largest are those that are wanted.
        void Apply(double[] x, double[] y) => Blocks.Ranges(n, threads, (from, to) =>
        {
            for (int i = from; i < to; i++)
            {
                ReadOnlySpan<int> index = weights.RowIndices(i);
                ReadOnlySpan<float> value = weights.RowValues(i);
                double sum = 0;
                for (int e = 0; e < index.Length; e++) sum += value[e] * x[index[e]] / root[index[e]];
                y[i] = 0.5 * (x[i] + sum / root[i]);
            }
        });
        var found = SymmetricEigen.Largest(Apply, n, dimensions, key, Tolerance, Room, MostProducts, [constant], threads, cancellation);
        for (int c = 0; c < dimensions; c++)
        {
            double[] v = found.Vectors[c];
            double largest = 0;
            foreach (double x in v)
                if (Math.Abs(x) > Math.Abs(largest)) largest = x;
            for (int i = 0; i < n; i++) positions[i * dimensions + c] = largest < 0 ? -v[i] : v[i];
        }
        return Scaled(positions, extent);
    }

    private static double[] Scaled(double[] x, double extent)
    {
        double largest = x.Max(Math.Abs);
        return largest == 0 ? x : Array.ConvertAll(x, v => v * extent / largest);
    }
}
