using Cellcast.Analysis.Neighbors;

namespace Cellcast.Analysis.Metrics;

/// <summary>How well groups of cells agree with labels or with positions.</summary>
public static class Clustering
{
    /// <summary>Adjusted Rand index (Hubert and Arabie 1985): 1 for the same partition, about 0 for independent ones.</summary>
    /// <param name="a">Group of each cell.</param>
    /// <param name="b">Group of each cell in the other partition.</param>
    public static double AdjustedRandIndex<TA, TB>(IReadOnlyList<TA> a, IReadOnlyList<TB> b) where TA : notnull where TB : notnull
    {
        var table = Contingency(a, b);
        static double Pairs(double n) => n * (n - 1) / 2;
        double both = table.Cells.Sum(c => Pairs(c.Count)), rows = table.Rows.Sum(c => Pairs(c)), columns = table.Columns.Sum(c => Pairs(c)), all = Pairs(a.Count);
        double expected = all == 0 ? 0 : rows * columns / all, most = (rows + columns) / 2;
        return most == expected ? 1 : (both - expected) / (most - expected);
    }

    /// <summary>Normalised mutual information, divided by the mean of both entropies; 1 when both partitions have one group.</summary>
    /// <param name="a">Group of each cell.</param>
    /// <param name="b">Group of each cell in the other partition.</param>
    public static double NormalizedMutualInformation<TA, TB>(IReadOnlyList<TA> a, IReadOnlyList<TB> b) where TA : notnull where TB : notnull
    {
        var table = Contingency(a, b);
        double n = a.Count;
        if (table.Rows.Length == 1 && table.Columns.Length == 1) return 1;
        double Entropy(int[] sizes) => -sizes.Sum(s => s / n * Math.Log(s / n));
        double information = table.Cells.Sum(c => c.Count / n * Math.Log(c.Count * n / ((double)table.Rows[c.Row] * table.Columns[c.Column])));
        double mean = (Entropy(table.Rows) + Entropy(table.Columns)) / 2;
        return information <= 0 || mean == 0 ? 0 : information / mean;
    }

    /// <summary>Adjusted mutual information (Vinh, Epps and Bailey 2010): mutual information less what chance gives partitions of these sizes, over the mean of both entropies less the same; 1 for the same
    /// partition, about 0 for independent ones whatever their number of groups.</summary>
    /// <param name="a">Group of each cell.</param>
    /// <param name="b">Group of each cell in the other partition.</param>
    public static double AdjustedMutualInformation<TA, TB>(IReadOnlyList<TA> a, IReadOnlyList<TB> b) where TA : notnull where TB : notnull
    {
        var table = Contingency(a, b);
        double n = a.Count;
        bool one = table.Rows.Length == 1, other = table.Columns.Length == 1;
        if ((one && other) || (table.Rows.Length == a.Count && table.Columns.Length == a.Count)) return 1;
        double Entropy(int[] sizes) => -sizes.Sum(s => s / n * Math.Log(s / n));
        double information = table.Cells.Sum(c => c.Count / n * Math.Log(c.Count * n / ((double)table.Rows[c.Row] * table.Columns[c.Column])));
        double expected = ExpectedInformation(table.Rows, table.Columns, a.Count), mean = (Entropy(table.Rows) + Entropy(table.Columns)) / 2, room = mean - expected;
        // Of two partitions that cannot agree better than by chance, the sign of the rest is rounding.
        room = room < 0 ? Math.Min(room, -1e-15) : Math.Max(room, 1e-15);
        return (information - expected) / room;
    }

    /// <summary>Mean mutual information over all pairs of partitions with these sizes: the overlap of two groups is hypergeometric.</summary>
    private static double ExpectedInformation(int[] rows, int[] columns, int total)
    {
        var logFactorial = new double[total + 1];
        for (int i = 2; i <= total; i++) logFactorial[i] = logFactorial[i - 1] + Math.Log(i);
        double n = total, sum = 0;
        // Pairs of sizes, each once with how often it occurs.
        var columnSizes = columns.GroupBy(c => c).OrderBy(g => g.Key).Select(g => (Size: g.Key, Times: g.Count())).ToArray();
        foreach (var row in rows.GroupBy(r => r).OrderBy(g => g.Key))
            foreach (var (size, times) in columnSizes)
            {
                int r = row.Key;
                double part = 0, fixedPart = logFactorial[r] + logFactorial[size] + logFactorial[total - r] + logFactorial[total - size] - logFactorial[total];
                for (int k = Math.Max(1, r + size - total); k <= Math.Min(r, size); k++)
                    part += k / n * Math.Log(n * k / ((double)r * size)) * Math.Exp(fixedPart - logFactorial[k] - logFactorial[r - k] - logFactorial[size - k] - logFactorial[total - r - size + k]);
                sum += part * times * row.Count();
            }
        return sum;
    }

    /// <summary>Mean silhouette (Rousseeuw 1987) with Euclidean distance: (b - a) / max(a, b), a the mean distance to the own group, b that to the nearest other; 0 for a cell alone in its group.</summary>
    /// <param name="points">n x d coordinates, row-major.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="groups">Group of each point.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <exception cref="ArgumentException">There are fewer than two groups.</exception>
    public static double Silhouette<T>(float[] points, int dimensions, IReadOnlyList<T> groups, int threads = 0) where T : notnull
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentNullException.ThrowIfNull(groups);
        int n = groups.Count;
        if (points.LongLength != (long)n * dimensions) throw new ArgumentException($"{n} points of {dimensions} dimensions need {(long)n * dimensions} coordinates, not {points.LongLength}", nameof(points));
        int[] group = Number(groups, out int count);
        if (count < 2) throw new ArgumentException("a silhouette needs at least two groups", nameof(groups));
        var size = new int[count];
        foreach (int g in group) size[g]++;
        var value = new double[n];
        Blocks.For(n, threads, i =>
        {
            if (size[group[i]] == 1) return;
            var sum = new double[count];
            ReadOnlySpan<float> p = points.AsSpan(i * dimensions, dimensions);
            for (int j = 0; j < n; j++) sum[group[j]] += Math.Sqrt(NearestNeighbors.SquaredDistance(p, points.AsSpan(j * dimensions, dimensions)));
            double own = sum[group[i]] / (size[group[i]] - 1), nearest = double.PositiveInfinity;
            for (int g = 0; g < count; g++)
                if (g != group[i]) nearest = Math.Min(nearest, sum[g] / size[g]);
            double larger = Math.Max(own, nearest);
            value[i] = larger == 0 ? 0 : (nearest - own) / larger;
        });
        return value.Average();
    }

    /// <summary>Mean share of a cell's k nearest other cells that have its label.</summary>
    /// <param name="points">n x d coordinates, row-major.</param>
    /// <param name="dimensions">d.</param>
    /// <param name="labels">Label of each point.</param>
    /// <param name="k">Number of neighbours.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static double NeighborPurity<T>(float[] points, int dimensions, IReadOnlyList<T> labels, int k = 15, int threads = 0) where T : notnull
    {
        ArgumentNullException.ThrowIfNull(labels);
        int[] label = Number(labels, out _), neighbors = NearestNeighbors.Within(points, dimensions, k, threads);
        int used = neighbors.Length / Math.Max(1, label.Length), same = 0;
        for (int i = 0; i < label.Length; i++)
            for (int j = 0; j < used; j++)
                if (label[neighbors[i * used + j]] == label[i]) same++;
        return (double)same / neighbors.Length;
    }

    private static int[] Number<T>(IReadOnlyList<T> groups, out int count) where T : notnull
    {
        var seen = new Dictionary<T, int>();
        var number = new int[groups.Count];
        for (int i = 0; i < number.Length; i++)
        {
            if (!seen.TryGetValue(groups[i], out int g)) seen[groups[i]] = g = seen.Count;
            number[i] = g;
        }
        count = seen.Count;
        return number;
    }

    private static (int[] Rows, int[] Columns, (int Row, int Column, int Count)[] Cells) Contingency<TA, TB>(IReadOnlyList<TA> a, IReadOnlyList<TB> b) where TA : notnull where TB : notnull
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Count != b.Count || a.Count == 0) throw new ArgumentException($"{a.Count} groups but {b.Count} in the other partition", nameof(b));
        int[] x = Number(a, out int rows), y = Number(b, out int columns), rowSize = new int[rows], columnSize = new int[columns];
        for (int i = 0; i < x.Length; i++)
        {
            rowSize[x[i]]++;
            columnSize[y[i]]++;
        }
        var cells = Enumerable.Range(0, x.Length).GroupBy(i => (x[i], y[i])).Select(g => (g.Key.Item1, g.Key.Item2, g.Count())).OrderBy(c => c).ToArray();
        return (rowSize, columnSize, cells);
    }
}
