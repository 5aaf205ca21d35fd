using Cellcast.AnnData;
using Cellcast.Analysis.Neighbors;

namespace Cellcast.Analysis.Embedding;

/// <summary>t-SNE's similarities of a representation: around each point a Gaussian whose width gives the perplexity, over its nearest neighbours; both directions averaged; sum 1.</summary>
internal static class TsneSimilarities
{
    private const int Iterations = 100;
    private const double Tolerance = 1e-5;

    /// <summary>Symmetric, points x points.</summary>
    public static SparseMatrix Of(NeighborTable table, double perplexity, int threads)
    {
        int n = table.Rows, k = table.K;
        var p = new float[(long)n * k];
        double target = Math.Log(perplexity);
        Blocks.Ranges(n, threads, (from, to) =>
        {
            var squared = new double[k];
            for (int i = from; i < to; i++)
            {
                for (int j = 0; j < k; j++) squared[j] = (double)table.DistancesOf(i)[j] * table.DistancesOf(i)[j];
                Conditional(squared, target, p.AsSpan(i * k, k));
            }
        });
        var start = new long[n + 1];
        for (int i = 0; i <= n; i++) start[i] = (long)i * k;
        var row = new int[p.Length * 2];
        var column = new int[p.Length * 2];
        var value = new float[p.Length * 2];
        for (int i = 0, e = 0; i < n; i++)
            for (int j = 0; j < k; j++, e++)
            {
                (row[2 * e], column[2 * e], value[2 * e]) = (i, table.Indices[e], p[e] / (2f * n));
                (row[2 * e + 1], column[2 * e + 1], value[2 * e + 1]) = (table.Indices[e], i, p[e] / (2f * n));
            }
        return SparseMatrix.FromCoordinates(n, n, row, column, value).WithoutZeros();
    }

    /// <summary>exp(-beta d^2) / sum with entropy log(perplexity), beta by bisection.</summary>
    internal static void Conditional(ReadOnlySpan<double> squared, double target, Span<float> p)
    {
        double beta = 1, low = 0, high = double.PositiveInfinity, sum = 1;
        for (int n = 0; n < Iterations; n++)
        {
            // About the nearest, so that the sum is at least 1.
            sum = 0;
            double mean = 0;
            foreach (double s in squared)
            {
                double e = Math.Exp(-beta * (s - squared[0]));
                sum += e;
                mean += e * (s - squared[0]);
            }
            double entropy = Math.Log(sum) + beta * mean / sum;
            if (Math.Abs(entropy - target) < Tolerance) break;
            if (entropy > target) (low, beta) = (beta, double.IsPositiveInfinity(high) ? 2 * beta : (beta + high) / 2);
            else (high, beta) = (beta, (low + beta) / 2);
        }
        for (int j = 0; j < p.Length; j++) p[j] = (float)(Math.Exp(-beta * (squared[j] - squared[0])) / sum);
    }
}
