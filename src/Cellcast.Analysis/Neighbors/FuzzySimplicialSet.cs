using Cellcast.AnnData;

namespace Cellcast.Analysis.Neighbors;

/// <summary>
/// UMAP's weights of a neighbour graph (McInnes, Healy and Melville 2018, section 3.1): around each point distances are measured beyond the nearest neighbour and in a
/// unit that makes the memberships of its neighbours sum to log2 k; both directions of an edge are joined by probabilistic union.
/// </summary>
internal static class FuzzySimplicialSet
{
    private const int Iterations = 64;
    private const double Tolerance = 1e-5, SmallestShareOfMean = 1e-3;

    /// <summary>Membership of each neighbour, as the table.</summary>
    /// <param name="table">Neighbours without the point itself.</param>
    /// <param name="neighbors">k, the point itself included.</param>
    /// <param name="threads">Threads.</param>
    public static float[] Memberships(NeighborTable table, double neighbors, int threads)
    {
        int k = table.K;
        var result = new float[table.Distances.Length];
        double target = Math.Log2(neighbors), meanOfAll = Mean(table.Distances);
        Blocks.Ranges(table.Rows, threads, (from, to) =>
        {
            for (int i = from; i < to; i++)
            {
                ReadOnlySpan<float> d = table.DistancesOf(i);
                double rho = Nearest(d), sigma = Scale(d, rho, target);
                // The published code counts the point itself, at distance 0, in this mean.
                double mean = rho > 0 ? Mean(d) * k / (k + 1.0) : meanOfAll * k / (k + 1.0);
                sigma = Math.Max(sigma, SmallestShareOfMean * mean);
                for (int j = 0; j < k; j++) result[i * k + j] = d[j] <= rho || sigma == 0 ? 1 : (float)Math.Exp(-(d[j] - rho) / sigma);
            }
        });
        return result;
    }

    /// <summary>A + A' - A o A', exactly symmetric.</summary>
    public static SparseMatrix Union(NeighborTable table, float[] memberships, int points)
    {
        int k = table.K;
        var (indPtr, indices, values) = (new long[points + 1], table.Indices.AsSpan().ToArray(), memberships);
        for (int i = 0; i <= points; i++) indPtr[i] = (long)i * k;
        // Sorted rows; a membership that rounds to zero stays an entry until the end, so that both directions find each other.
        var forward = SparseMatrix.FromUnsorted(points, points, indPtr, indices, values.AsSpan().ToArray());
        SparseMatrix backward = forward.Transpose();
        var start = new long[points + 1];
        for (int i = 0; i < points; i++) start[i + 1] = start[i] + UnionCount(forward.RowIndices(i), backward.RowIndices(i));
        var (column, value) = (new int[start[points]], new float[start[points]]);
        for (int i = 0; i < points; i++)
        {
            ReadOnlySpan<int> a = forward.RowIndices(i), b = backward.RowIndices(i);
            ReadOnlySpan<float> x = forward.RowValues(i), y = backward.RowValues(i);
            long at = start[i];
            for (int p = 0, q = 0; p < a.Length || q < b.Length;)
            {
                int ca = p < a.Length ? a[p] : int.MaxValue, cb = q < b.Length ? b[q] : int.MaxValue;
                double u = ca <= cb ? x[p++] : 0, v = cb <= ca ? y[q++] : 0;
                column[at] = Math.Min(ca, cb);
                value[at++] = (float)(u + v - u * v);
            }
        }
        return new SparseMatrix(points, points, start, column, value).WithoutZeros();
    }

    private static int UnionCount(ReadOnlySpan<int> a, ReadOnlySpan<int> b)
    {
        int p = 0, q = 0, count = 0;
        for (; p < a.Length && q < b.Length; count++)
        {
            int ca = a[p], cb = b[q];
            if (ca <= cb) p++;
            if (cb <= ca) q++;
        }
        return count + (a.Length - p) + (b.Length - q);
    }

    private static double Nearest(ReadOnlySpan<float> distances)
    {
        foreach (float d in distances)
            if (d > 0) return d;
        return 0;
    }

    /// <summary>sigma with sum exp(-max(0, d - rho) / sigma) = target, by bisection.</summary>
    private static double Scale(ReadOnlySpan<float> distances, double rho, double target)
    {
        double low = 0, high = double.PositiveInfinity, sigma = 1;
        for (int n = 0; n < Iterations; n++)
        {
            double sum = 0;
            foreach (float d in distances) sum += d > rho ? Math.Exp(-(d - rho) / sigma) : 1;
            if (Math.Abs(sum - target) < Tolerance) break;
            if (sum > target) (high, sigma) = (sigma, (low + sigma) / 2);
            else (low, sigma) = (sigma, double.IsPositiveInfinity(high) ? 2 * sigma : (sigma + high) / 2);
        }
        return sigma;
    }

    private static double Mean(ReadOnlySpan<float> values)
    {
        double sum = 0;
        foreach (float v in values) sum += v;
        return values.IsEmpty ? 0 : sum / values.Length;
    }
}
