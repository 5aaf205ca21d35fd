namespace Cellcast.Reports;

/// <summary>How values of one group spread: quartiles, whiskers at the last value within 1.5 times the middle half, and a Gaussian kernel density with
/// Silverman's bandwidth (Silverman 1986, eq. 3.31), on 64 points over the range of the values.</summary>
public sealed record Distribution
{
    private const int Points = 64;

    /// <summary>Name of the group.</summary>
    public required string Label { get; init; }

    /// <summary>How many values.</summary>
    public required int Count { get; init; }

    /// <summary>Mean.</summary>
    public required double Mean { get; init; }

    /// <summary>Least value.</summary>
    public required double Minimum { get; init; }

    /// <summary>First quartile.</summary>
    public required double LowerQuartile { get; init; }

    /// <summary>Median.</summary>
    public required double Median { get; init; }

    /// <summary>Third quartile.</summary>
    public required double UpperQuartile { get; init; }

    /// <summary>Greatest value.</summary>
    public required double Maximum { get; init; }

    /// <summary>Least value that is no outlier.</summary>
    public required double LowerWhisker { get; init; }

    /// <summary>Greatest value that is no outlier.</summary>
    public required double UpperWhisker { get; init; }

    /// <summary>Where the density is given.</summary>
    public required float[] At { get; init; }

    /// <summary>The density.</summary>
    public required float[] Density { get; init; }

    /// <summary>Describes the finite values of a group; null when there are none.</summary>
    /// <param name="label">Name of the group.</param>
    /// <param name="values">Its values.</param>
    public static Distribution? Of(string label, IEnumerable<float> values)
    {
        double[] v = [.. values.Where(float.IsFinite).Select(x => (double)x).Order()];
        if (v.Length == 0) return null;
        double q1 = Quantile(v, 0.25), q3 = Quantile(v, 0.75), mean = v.Average(), reach = 1.5 * (q3 - q1);
        var (at, density) = KernelDensity(v, mean, q3 - q1);
        return new Distribution
        {
            Label = label,
            Count = v.Length,
            Mean = mean,
            Minimum = v[0],
            LowerQuartile = q1,
            Median = Quantile(v, 0.5),
            UpperQuartile = q3,
            Maximum = v[^1],
            LowerWhisker = Math.Min(q1, v.First(x => x >= q1 - reach)),
            UpperWhisker = Math.Max(q3, v.Last(x => x <= q3 + reach)),
            At = at,
            Density = density,
        };
    }

    /// <summary>Describes every group that has values, ordered by the median, greatest first.</summary>
    /// <param name="groups">Groups of the cells.</param>
    /// <param name="values">A value for each cell.</param>
    public static Grouping Group(PointGroups groups, float[] values)
    {
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(values);
        var members = new List<float>[groups.Labels.Count];
        for (int k = 0; k < members.Length; k++) members[k] = [];
        for (int i = 0; i < values.Length; i++)
            if (groups.Codes[i] >= 0) members[groups.Codes[i]].Add(values[i]);
        return new Grouping(groups.Name, [.. members.Select((m, k) => Of(groups.Labels[k], m)).OfType<Distribution>().OrderByDescending(d => d.Median).ThenBy(d => d.Label, StringComparer.Ordinal)]);
    }

    internal static double Quantile(double[] sorted, double share)
    {
        double at = share * (sorted.Length - 1);
        int k = (int)at;
        return sorted[k] + (sorted[Math.Min(k + 1, sorted.Length - 1)] - sorted[k]) * (at - k);
    }

    private static (float[] At, float[] Density) KernelDensity(double[] v, double mean, double middleHalf)
    {
        double sd = v.Length < 2 ? 0 : Math.Sqrt(v.Sum(x => (x - mean) * (x - mean)) / (v.Length - 1));
        double spread = middleHalf > 0 ? Math.Min(sd, middleHalf / 1.349) : sd, width = 0.9 * spread * Math.Pow(v.Length, -0.2);
        if (!(width > 0)) return ([], []);
        var at = new float[Points];
        var density = new float[Points];
        for (int k = 0; k < Points; k++)
        {
            double x = v[0] + (v[^1] - v[0]) * k / (Points - 1), sum = 0;
            // Beyond six bandwidths a kernel adds nothing that float32 holds.
            int from = LowerBound(v, x - 6 * width), to = LowerBound(v, x + 6 * width);
            for (int i = from; i < to; i++)
            {
                double z = (x - v[i]) / width;
                sum += Math.Exp(-0.5 * z * z);
            }
            (at[k], density[k]) = ((float)x, (float)(sum / (v.Length * width * Math.Sqrt(2 * Math.PI))));
        }
        return (at, density);
    }

    private static int LowerBound(double[] sorted, double x)
    {
        int low = 0, high = sorted.Length;
        while (low < high)
        {
            int mid = (low + high) / 2;
            if (sorted[mid] < x) low = mid + 1;
            else high = mid;
        }
        return low;
    }
}
