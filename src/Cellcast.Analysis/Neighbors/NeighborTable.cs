namespace Cellcast.Analysis.Neighbors;

/// <summary>The k nearest of a set of points to each query, nearest first.</summary>
public sealed class NeighborTable
{
    internal NeighborTable(int rows, int k, int[] indices, float[] distances, DistanceMetric metric)
    {
        if (indices.Length != (long)rows * k || distances.Length != indices.Length) throw new ArgumentException($"{indices.Length} neighbours and {distances.Length} distances are not {rows} x {k}");
        (Rows, K, Indices, Distances, Metric) = (rows, k, indices, distances, metric);
    }

    /// <summary>Number of queries.</summary>
    public int Rows { get; }

    /// <summary>Number of neighbours of each.</summary>
    public int K { get; }

    /// <summary>Neighbours, <see cref="Rows"/> x <see cref="K"/>, row-major.</summary>
    public int[] Indices { get; }

    /// <summary>Their distances, ascending in every row.</summary>
    public float[] Distances { get; }

    /// <summary>What the distances are.</summary>
    public DistanceMetric Metric { get; }

    /// <summary>Whether all pairs were compared; if not, a few neighbours may have been missed.</summary>
    public bool IsExact { get; init; } = true;

    /// <summary>Share of the true neighbours that were found, measured on <see cref="RecallSample"/> queries; 1 when exact.</summary>
    public double Recall { get; init; } = 1;

    /// <summary>Number of queries, drawn evenly, on which <see cref="Recall"/> was measured; 0 when exact.</summary>
    public int RecallSample { get; init; }

    /// <summary>Neighbours of one query.</summary>
    public ReadOnlySpan<int> IndicesOf(int row) => Indices.AsSpan(row * K, K);

    /// <summary>Distances of one query's neighbours.</summary>
    public ReadOnlySpan<float> DistancesOf(int row) => Distances.AsSpan(row * K, K);
}
