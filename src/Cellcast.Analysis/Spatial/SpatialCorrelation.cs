using System.Numerics;
using System.Runtime.InteropServices;
using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;

namespace Cellcast.Analysis.Spatial;

/// <summary>A correlation over spots of which neighbours are alike.</summary>
/// <param name="Coefficient">Pearson's; NaN when one of the two does not vary.</param>
/// <param name="EffectiveSpots">How many independent spots would tell as much, between 1 and their number.</param>
/// <param name="PValue">Two-sided, by Student's t with that number less two degrees of freedom; NaN without a coefficient.</param>
public readonly record struct SpatialCorrelationTest(double Coefficient, double EffectiveSpots, double PValue);

/// <summary>
/// Tests correlations of variables that are autocorrelated in space. Two smooth patterns that have nothing to do with one another correlate by chance, the more the larger their patches; the variance of
/// the coefficient follows from the autocovariances C of both over classes k of distance, with N_k ordered pairs of the n spots: sum_k N_k C_x(k) C_y(k) / (n^2 C_x(0) C_y(0)); its inverse plus one is
/// the effective number of spots.
/// </summary>
/// <remarks>Sources: Clifford, Richardson and Hémon (1989), Biometrics 45, 123; Dutilleul (1993), Biometrics 49, 305. Both patterns are taken as stationary and isotropic.</remarks>
public sealed class SpatialCorrelation
{
    // Of more spots, pairs of evenly chosen ones with all others are enough to tell autocovariances.
    private const int MostRows = 2000, FineClasses = 6, GenesPerBlock = 64;
    private const double Growth = 1.15;

    private readonly int _spots;
    private readonly int[] _rows;
    private readonly byte[] _classes;
    private readonly double[] _pairs;

    private SpatialCorrelation(int spots, int[] rows, byte[] classes, double[] pairs) => (_spots, _rows, _classes, _pairs) = (spots, rows, classes, pairs);

    /// <summary>Number of classes of distance; the first is a spot with itself.</summary>
    public int Classes => _pairs.Length;

    /// <summary>Sorts pairs of spots by distance: classes one spot wide at first, wider and wider further out.</summary>
    /// <param name="coordinates">Spots x dimensions.</param>
    /// <param name="threads">Threads, 0 for all cores; nothing depends on them.</param>
    /// <exception cref="InputException">There are fewer than 4 spots, they all lie on one point, or a coordinate is not finite.</exception>
    public static SpatialCorrelation Build(DenseMatrix coordinates, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(coordinates);
        int n = coordinates.Rows, d = coordinates.Columns;
        if (n < 4) throw new InputException($"{n} spots are too few for correlations over them.");
        float[] x = coordinates.ToSingle();
        for (int i = 0; i < x.Length; i++)
            if (!float.IsFinite(x[i])) throw new InputException($"the coordinates of spot {i / d + 1} are not finite; remove that spot.");
        int m = Math.Min(n, MostRows);
        int[] rows = [.. Enumerable.Range(0, m).Select(i => (int)((long)i * n / m))];
        double[] nearest = new double[m], farthest = new double[m];
        Blocks.For(m, threads, i =>
        {
            nearest[i] = double.PositiveInfinity;
            for (int j = 0; j < n; j++)
            {
                double distance = Distance(x, d, rows[i], j);
                if (distance > 0) nearest[i] = Math.Min(nearest[i], distance);
                farthest[i] = Math.Max(farthest[i], distance);
            }
        });
        double spacing = nearest.Order().ElementAt(m / 2), most = farthest.Max();
        if (!double.IsFinite(spacing)) throw new InputException("all spots lie on one point: there is no distance to compare them over.");
        var ends = new List<double> { 0.5 * spacing };
        double width = spacing;
        while (ends[^1] < most && ends.Count < byte.MaxValue)
        {
            ends.Add(ends[^1] + width);
            if (ends.Count > FineClasses) width *= Growth;
        }
        var classes = new byte[(long)m * n];
        var counts = new long[m][];
        Blocks.For(m, threads, i =>
        {
            long[] own = counts[i] = new long[ends.Count + 1];
            for (int j = 0; j < n; j++)
            {
                // A spot with itself is a class of its own, whatever else lies on the same point.
                int k = j == rows[i] ? 0 : Math.Max(1, ends.BinarySearch(Distance(x, d, rows[i], j)) is var at && at < 0 ? ~at : at);
                classes[(long)i * n + j] = (byte)Math.Min(k, ends.Count);
                own[Math.Min(k, ends.Count)]++;
            }
        });
        var pairs = new double[ends.Count + 1];
        foreach (long[] own in counts)
            for (int k = 0; k < pairs.Length; k++) pairs[k] += own[k];
        return new SpatialCorrelation(n, rows, classes, pairs);
    }

    /// <summary>Correlates one variable with many.</summary>
    /// <param name="value">One value per spot.</param>
    /// <param name="others">Spots x count, row by row.</param>
    /// <param name="count">Number of the others.</param>
    /// <param name="threads">Threads, 0 for all cores; nothing depends on them.</param>
    public SpatialCorrelationTest[] Test(ReadOnlySpan<double> value, float[] others, int count, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(others);
        int n = _spots;
        if (value.Length != n || others.Length != (long)n * count) throw new ArgumentException($"{n} spots and {count} variables need as many values", nameof(others));
        double[] own = value.ToArray();
        double[] scaled = [.. Standardized(own, out bool varies)];
        float[] single = [.. scaled.Select(v => (float)v)];
        double[] first = Covariances(single, 1);
        int blocks = (count + GenesPerBlock - 1) / GenesPerBlock;
        var result = new SpatialCorrelationTest[count];
        Blocks.For(blocks, threads, b =>
        {
            int from = b * GenesPerBlock, width = Math.Min(GenesPerBlock, count - from);
            var y = new float[n * GenesPerBlock];
            var r = new double[width];
            var column = new double[n];
            for (int g = 0; g < width; g++)
            {
                for (int i = 0; i < n; i++) column[i] = others[(long)i * count + from + g];
                double[] z = Standardized(column, out bool differs);
                double sum = 0;
                for (int i = 0; i < n; i++)
                {
                    y[i * GenesPerBlock + g] = (float)z[i];
                    sum += z[i] * scaled[i];
                }
                r[g] = varies && differs ? Math.Clamp(sum / n, -1, 1) : double.NaN;
            }
            double[] second = Covariances(y, GenesPerBlock);
            for (int g = 0; g < width; g++)
            {
                double variance = 0;
                for (int k = 0; k < Classes; k++) variance += _pairs[k] * first[k] * second[k * GenesPerBlock + g];
                variance *= 1 / ((double)n * _rows.Length);
                result[from + g] = Of(r[g], variance);
            }
        });
        return result;
    }

    private SpatialCorrelationTest Of(double r, double variance)
    {
        if (double.IsNaN(r)) return new SpatialCorrelationTest(double.NaN, double.NaN, double.NaN);
        // Patterns that alternate would make it smaller than that of independent spots: not taken advantage of.
        double effective = 1 + 1 / Math.Max(variance, 1.0 / (_spots - 1)), freedom = effective - 2;
        return new SpatialCorrelationTest(r, effective, freedom > 0 ? Distributions.TwoSidedStudent(r * Math.Sqrt(freedom / Math.Max(1e-300, (1 - r) * (1 + r))), freedom) : 1);
    }

    /// <summary>Mean product over the pairs of each class, classes x width.</summary>
    private double[] Covariances(float[] y, int width)
    {
        int n = _spots, classes = Classes;
        var total = new double[classes * width];
        var sums = new float[classes * width];
        for (int i = 0; i < _rows.Length; i++)
        {
            Array.Clear(sums);
            ReadOnlySpan<byte> of = _classes.AsSpan(i * n, n);
            if (width % Vector<float>.Count == 0 && width > 1)
            {
                ref float py = ref MemoryMarshal.GetArrayDataReference(y), ps = ref MemoryMarshal.GetArrayDataReference(sums);
                for (int j = 0; j < n; j++)
                    for (int g = 0; g < width; g += Vector<float>.Count)
                        (Vector.LoadUnsafe(ref ps, (nuint)(of[j] * width + g)) + Vector.LoadUnsafe(ref py, (nuint)(j * width + g))).StoreUnsafe(ref ps, (nuint)(of[j] * width + g));
            }
            else
                for (int j = 0; j < n; j++)
                    for (int g = 0; g < width; g++) sums[of[j] * width + g] += y[j * width + g];
            int row = _rows[i] * width;
            for (int k = 0; k < classes; k++)
                for (int g = 0; g < width; g++) total[k * width + g] += (double)sums[k * width + g] * y[row + g];
        }
        for (int k = 0; k < classes; k++)
            for (int g = 0; g < width; g++) total[k * width + g] = _pairs[k] > 0 ? total[k * width + g] / _pairs[k] : 0;
        return total;
    }

    private static double[] Standardized(double[] values, out bool varies)
    {
        int n = values.Length;
        double mean = 0, square = 0;
        foreach (double v in values) mean += v / n;
        foreach (double v in values) square += (v - mean) * (v - mean);
        varies = Correlation.Varies(square, mean, n);
        double scale = varies ? 1 / Math.Sqrt(square / n) : 0;
        return [.. values.Select(v => (v - mean) * scale)];
    }

    private static double Distance(float[] x, int d, int i, int j)
    {
        double sum = 0;
        for (int k = 0; k < d; k++)
        {
            double v = (double)x[i * d + k] - x[j * d + k];
            sum += v * v;
        }
        return Math.Sqrt(sum);
    }
}
