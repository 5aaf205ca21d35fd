namespace Cellcast.Analysis.Statistics;

/// <summary>Rank sums of samples most of whose values are zero: the zeros are never written out, their common rank follows from their number.</summary>
internal static class SparseRankSum
{
    /// <summary>Ranks all samples together.</summary>
    /// <param name="sorted">Values that are not 0, ascending.</param>
    /// <param name="sample">Sample of each of them.</param>
    /// <param name="zeros">Number of zeros in each sample.</param>
    /// <param name="sums">Receives the rank sum of each sample.</param>
    /// <returns>Sum of t^3 - t over groups of t tied values.</returns>
    public static double OfAll(ReadOnlySpan<float> sorted, ReadOnlySpan<int> sample, ReadOnlySpan<int> zeros, Span<double> sums)
    {
        sums.Clear();
        double zero = 0;
        foreach (int z in zeros) zero += z;
        int negative = 0;
        while (negative < sorted.Length && sorted[negative] < 0) negative++;
        for (int s = 0; s < sums.Length; s++) sums[s] = zeros[s] * (negative + (zero + 1) / 2);
        double ties = zero * zero * zero - zero;
        for (int first = 0; first < sorted.Length;)
        {
            int end = first + 1;
            while (end < sorted.Length && sorted[end] == sorted[first]) end++;
            double rank = (first + 1 + end) / 2.0 + (first >= negative ? zero : 0), t = end - first;
            for (int k = first; k < end; k++) sums[sample[k]] += rank;
            ties += t * t * t - t;
            first = end;
        }
        return ties;
    }

    /// <summary>Ranks two samples together.</summary>
    /// <param name="first">Values of the first that are not 0, ascending.</param>
    /// <param name="firstZeros">Number of its zeros.</param>
    /// <param name="second">Values of the second that are not 0, ascending.</param>
    /// <param name="secondZeros">Number of its zeros.</param>
    /// <returns>Rank sum of the first sample, and the sum of t^3 - t over groups of t tied values.</returns>
    public static (double Sum, double Ties) OfTwo(ReadOnlySpan<float> first, int firstZeros, ReadOnlySpan<float> second, int secondZeros)
    {
        double before = 0, sum = 0, ties = 0, zeros = firstZeros + (double)secondZeros;
        bool zerosDone = zeros == 0;
        int i = 0, j = 0;
        while (true)
        {
            bool more = i < first.Length || j < second.Length;
            float next = !more ? 0 : i == first.Length ? second[j] : j == second.Length ? first[i] : Math.Min(first[i], second[j]);
            if (!zerosDone && (!more || next > 0))
            {
                sum += firstZeros * (before + (zeros + 1) / 2);
                ties += zeros * zeros * zeros - zeros;
                before += zeros;
                zerosDone = true;
            }
            if (!more) return (sum, ties);
            int a = i, b = j;
            while (i < first.Length && first[i] == next) i++;
            while (j < second.Length && second[j] == next) j++;
            double t = i - a + j - b;
            sum += (i - a) * (before + (t + 1) / 2);
            ties += t * t * t - t;
            before += t;
        }
    }
}
