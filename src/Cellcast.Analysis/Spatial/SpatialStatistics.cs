using Cellcast.Analysis.Statistics;

namespace Cellcast.Analysis.Spatial;

/// <summary>Does a value cluster in space?</summary>
/// <param name="Value">Moran's I with rows of the neighbour matrix summing to one: near 0 without a pattern, towards 1 when neighbours are alike, negative when they differ.</param>
/// <param name="Expected">Its mean without a pattern, -1 / (n - 1).</param>
/// <param name="StandardError">Its standard deviation without a pattern, every arrangement of the values being as likely.</param>
/// <param name="PValue">Two-sided, normal approximation.</param>
public sealed record MoransI(double Value, double Expected, double StandardError, double PValue)
{
    /// <summary>Computes it. Sources: Moran (1950); Cliff and Ord (1981), section 1.5 for the variance under randomisation.</summary>
    /// <param name="values">One per spot.</param>
    /// <param name="graph">Neighbours.</param>
    /// <exception cref="ArgumentException">The lengths differ, there are fewer than 4 spots, or all values are alike.</exception>
    public static MoransI Compute(ReadOnlySpan<double> values, SpatialGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        int n = graph.Count;
        if (values.Length != n) throw new ArgumentException($"{n} spots need as many values, not {values.Length}", nameof(values));
        if (n < 4) throw new ArgumentException("at least 4 spots are needed", nameof(values));
        double mean = 0, m2 = 0, m4 = 0;
        foreach (double v in values) mean += v / n;
        var z = new double[n];
        for (int i = 0; i < n; i++)
        {
            z[i] = values[i] - mean;
            m2 += z[i] * z[i] / n;
            m4 += z[i] * z[i] * z[i] * z[i] / n;
        }
        if (!(m2 > 0)) throw new ArgumentException("all values are alike: they have no pattern", nameof(values));
        // w_ij = 1 / (number of neighbours of i).
        double cross = 0, s0 = 0, s1 = 0, s2 = 0;
        var into = new double[n];
        for (int i = 0; i < n; i++)
            foreach (int j in graph.Of(i)) into[j] += 1.0 / graph.Of(i).Length;
        for (int i = 0; i < n; i++)
        {
            int degree = graph.Of(i).Length;
            if (degree == 0) continue;
            double w = 1.0 / degree, sum = 0;
            foreach (int j in graph.Of(i))
            {
                sum += z[j];
                double both = w + 1.0 / graph.Of(j).Length; // symmetric: j has i among its own
                s1 += 0.5 * both * both;
            }
            cross += w * sum * z[i];
            s0 += 1;
            s2 += (1 + into[i]) * (1 + into[i]);
        }
        double value = cross / s0 / m2, expected = -1.0 / (n - 1), b2 = m4 / (m2 * m2), nn = n;
        double a = nn * ((nn * nn - 3 * nn + 3) * s1 - nn * s2 + 3 * s0 * s0), b = b2 * ((nn * nn - nn) * s1 - 2 * nn * s2 + 6 * s0 * s0);
        double variance = (a - b) / ((nn - 1) * (nn - 2) * (nn - 3) * s0 * s0) - expected * expected, error = Math.Sqrt(Math.Max(0, variance));
        return new MoransI(value, expected, error, Distributions.TwoSidedNormal((value - expected) / error));
    }
}

/// <summary>Kind of region that a spot lies in.</summary>
public enum RegionKind
{
    /// <summary>Neither.</summary>
    None,

    /// <summary>High values together.</summary>
    High,

    /// <summary>Low values together.</summary>
    Low,
}

/// <summary>Where high and low values lie together.</summary>
/// <param name="Z">Getis and Ord's Gi* of each spot: standard normal without a pattern.</param>
/// <param name="QValue">Two-sided, adjusted over spots (Benjamini and Hochberg).</param>
/// <param name="Kind">High or low where q is below the level.</param>
/// <param name="Region">Number of the region, from 1, larger regions first; 0 outside of any.</param>
public sealed record SpatialRegions(double[] Z, double[] QValue, RegionKind[] Kind, int[] Region)
{
    /// <summary>Finds them. Source: Ord and Getis (1995).</summary>
    /// <param name="values">One per spot.</param>
    /// <param name="graph">Neighbours.</param>
    /// <param name="level">Level of q.</param>
    public static SpatialRegions Find(ReadOnlySpan<double> values, SpatialGraph graph, double level = 0.05)
    {
        ArgumentNullException.ThrowIfNull(graph);
        int n = graph.Count;
        if (values.Length != n) throw new ArgumentException($"{n} spots need as many values, not {values.Length}", nameof(values));
        double mean = 0, square = 0;
        foreach (double v in values) mean += v / n;
        foreach (double v in values) square += (v - mean) * (v - mean) / n;
        double sd = Math.Sqrt(square);
        double[] z = new double[n], p = new double[n];
        for (int i = 0; i < n; i++)
        {
            double sum = values[i], count = graph.Of(i).Length + 1;
            foreach (int j in graph.Of(i)) sum += values[j];
            double error = sd * Math.Sqrt((n * count - count * count) / (n - 1));
            z[i] = error > 0 ? (sum - mean * count) / error : 0;
            p[i] = Distributions.TwoSidedNormal(z[i]);
        }
        double[] q = MultipleTesting.BenjaminiHochberg(p);
        RegionKind[] kind = [.. Enumerable.Range(0, n).Select(i => q[i] >= level ? RegionKind.None : z[i] > 0 ? RegionKind.High : RegionKind.Low)];
        return new SpatialRegions(z, q, kind, Connected(kind, graph));
    }

    private static int[] Connected(RegionKind[] kind, SpatialGraph graph)
    {
        int n = kind.Length;
        var component = new int[n];
        var members = new List<List<int>>();
        var open = new Stack<int>();
        for (int start = 0; start < n; start++)
        {
            if (kind[start] == RegionKind.None || component[start] != 0) continue;
            var found = new List<int>();
            members.Add(found);
            component[start] = members.Count;
            open.Push(start);
            while (open.TryPop(out int i))
            {
                found.Add(i);
                foreach (int j in graph.Of(i))
                {
                    if (kind[j] != kind[i] || component[j] != 0) continue;
                    component[j] = members.Count;
                    open.Push(j);
                }
            }
        }
        var rank = new int[members.Count + 1];
        int next = 0;
        foreach (var (_, index) in members.Select((m, k) => (m.Count, k)).OrderByDescending(m => m.Count).ThenBy(m => m.k)) rank[index + 1] = ++next;
        return [.. component.Select(c => rank[c])];
    }
}
