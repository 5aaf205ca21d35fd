namespace Cellcast.Analysis.Neighbors;

/// <summary>The nearest so far of every point, by (distance, index): what has been offered decides what is kept, not the order in which it came.</summary>
internal sealed class NeighborLists(int count, int k)
{
    private readonly int[] _index = Filled(count * k);
    private readonly float[] _distance = Infinite(count * k);
    private readonly bool[] _fresh = new bool[count * k];

    /// <summary>Length of a list.</summary>
    public int K => k;

    /// <summary>Neighbours of a point, nearest first; -1 where there is none yet.</summary>
    public ReadOnlySpan<int> Of(int point) => _index.AsSpan(point * k, k);

    /// <summary>Squared distances of them.</summary>
    public ReadOnlySpan<float> DistancesOf(int point) => _distance.AsSpan(point * k, k);

    /// <summary>Which of them have not been compared with the others yet.</summary>
    public Span<bool> FreshOf(int point) => _fresh.AsSpan(point * k, k);

    /// <summary>Squared distance beyond which nothing is kept any more.</summary>
    public float Bound(int point) => _distance[point * k + k - 1];

    /// <summary>Number of neighbours that have not been compared yet.</summary>
    public long FreshCount => _fresh.LongCount(f => f);

    /// <summary>Keeps a neighbour if it is among the nearest and not there yet.</summary>
    public void Offer(int point, int neighbor, float distance)
    {
        Span<int> index = _index.AsSpan(point * k, k);
        Span<float> distances = _distance.AsSpan(point * k, k);
        if (!Before(distance, neighbor, distances[k - 1], index[k - 1]) || index.Contains(neighbor)) return;
        Span<bool> fresh = FreshOf(point);
        int at = k - 1;
        for (; at > 0 && Before(distance, neighbor, distances[at - 1], index[at - 1]); at--)
            (index[at], distances[at], fresh[at]) = (index[at - 1], distances[at - 1], fresh[at - 1]);
        (index[at], distances[at], fresh[at]) = (neighbor, distance, true);
    }

    private static bool Before(float d, int i, float other, int j) => d < other || (d == other && (j < 0 || i < j));

    private static int[] Filled(int length)
    {
        var x = new int[length];
        Array.Fill(x, -1);
        return x;
    }

    private static float[] Infinite(int length)
    {
        var x = new float[length];
        Array.Fill(x, float.PositiveInfinity);
        return x;
    }
}
