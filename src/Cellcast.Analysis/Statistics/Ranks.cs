namespace Cellcast.Analysis.Statistics;

/// <summary>Ranks from 1, tied values sharing the mean of their ranks.</summary>
public static class Ranks
{
    private const int RadixFrom = 256;

    /// <summary>Ranks of values without NaN.</summary>
    /// <param name="values">n values.</param>
    public static double[] Of(ReadOnlySpan<double> values)
    {
        var ranks = new double[values.Length];
        int[] order = new int[values.Length];
        double[] sorted = values.ToArray();
        for (int i = 0; i < order.Length; i++) order[i] = i;
        Array.Sort(sorted, order);
        Assign<double>(sorted, order, ranks);
        return ranks;
    }

    /// <summary>Ranks of values, with memory lent by the caller.</summary>
    /// <param name="values">n values without NaN; sorted in place.</param>
    /// <param name="order">Scratch, n entries.</param>
    /// <param name="ranks">Receives the ranks in the original order.</param>
    /// <returns>Sum of t^3 - t over groups of t tied values.</returns>
    internal static double Of<T>(Span<T> values, Span<int> order, Span<double> ranks) where T : IEquatable<T>
    {
        for (int i = 0; i < order.Length; i++) order[i] = i;
        values.Sort(order);
        return Assign<T>(values, order, ranks);
    }

    /// <inheritdoc cref="Of{T}(Span{T}, Span{int}, Span{double})"/>
    internal static double Of(Span<float> values, Span<int> order, Span<double> ranks)
    {
        if (values.Length < RadixFrom) return Of<float>(values, order, ranks);
        RadixOrder.Sort(values, order);
        return Assign<float>(values, order, ranks);
    }

    private static double Assign<T>(ReadOnlySpan<T> sorted, ReadOnlySpan<int> order, Span<double> ranks) where T : IEquatable<T>
    {
        double ties = 0;
        for (int first = 0; first < sorted.Length;)
        {
            int end = first + 1;
            while (end < sorted.Length && sorted[end].Equals(sorted[first])) end++;
            double rank = (first + 1 + end) / 2.0, t = end - first;
            for (int k = first; k < end; k++) ranks[order[k]] = rank;
            ties += t * t * t - t;
            first = end;
        }
        return ties;
    }
}
