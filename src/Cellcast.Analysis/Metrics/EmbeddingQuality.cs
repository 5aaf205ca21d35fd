using Cellcast.Analysis.Neighbors;

namespace Cellcast.Analysis.Metrics;

/// <summary>How well an embedding keeps neighbourhoods (Venna and Kaski 2001).</summary>
public static class EmbeddingQuality
{
    /// <summary>Trustworthiness: 1 when the nearest in the embedding are among the nearest in the representation; lowered by the ranks of those that are not.</summary>
    /// <param name="points">Representation, n x d, row-major.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="embedding">n x e, row-major.</param>
    /// <param name="embeddingDimensions">e.</param>
    /// <param name="k">Size of the neighbourhoods, below n / 2.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static double Trustworthiness(float[] points, int dimensions, float[] embedding, int embeddingDimensions, int k = 15, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentNullException.ThrowIfNull(embedding);
        int n = points.Length / dimensions;
        if (points.Length != (long)n * dimensions || embedding.Length != (long)n * embeddingDimensions) throw new ArgumentException($"{embedding.Length} coordinates are not {n} points of {embeddingDimensions} dimensions", nameof(embedding));
        if (k < 1 || 2 * k >= n) throw new ArgumentOutOfRangeException(nameof(k), k, $"a neighbourhood has at least 1 and fewer than half of the {n} points");
        int[] near = NearestNeighbors.Within(embedding, embeddingDimensions, k, threads), known = NearestNeighbors.Within(points, dimensions, k, threads);
        var penalty = new long[n];
        Blocks.For(n, threads, i =>
        {
            Span<int> own = known.AsSpan(i * k, k);
            double[]? distances = null;
            foreach (int j in near.AsSpan(i * k, k))
            {
                if (own.Contains(j)) continue;
                distances ??= Distances(points, dimensions, i);
                int rank = 1;
                for (int l = 0; l < n; l++)
                    if (l != i && (distances[l] < distances[j] || (distances[l] == distances[j] && l < j))) rank++;
                penalty[i] += rank - k;
            }
        });
        return 1 - penalty.Sum() * (2.0 / ((double)n * k * (2.0 * n - 3.0 * k - 1)));
    }

    /// <summary>Continuity: 1 when the nearest in the representation are among the nearest in the embedding. Trustworthiness with both exchanged.</summary>
    /// <inheritdoc cref="Trustworthiness"/>
    public static double Continuity(float[] points, int dimensions, float[] embedding, int embeddingDimensions, int k = 15, int threads = 0) =>
        Trustworthiness(embedding, embeddingDimensions, points, dimensions, k, threads);

    private static double[] Distances(float[] points, int d, int from)
    {
        var distances = new double[points.Length / d];
        for (int l = 0; l < distances.Length; l++) distances[l] = NearestNeighbors.SquaredDistance(points.AsSpan(from * d, d), points.AsSpan(l * d, d));
        return distances;
    }
}
