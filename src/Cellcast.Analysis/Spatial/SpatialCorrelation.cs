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
    private const int MostRows = 2000, FineClasses = 6, GenesPerBlock = 64, RowsPerBlock = 64, SpotsPerBlock = 1024;
    private const double Growth = 1.15;

    // Classes of more pairs are found again whenever they are needed.
    private const long MostKept = 1L << 29;

    private readonly float[] _x;
    private readonly int _spots, _dimensions;
    private readonly int[] _rows;
    private readonly double[] _ends, _pairs;
    private readonly byte[][]? _classes;

    private SpatialCorrelation(float[] x, int dimensions, int[] rows, double[] ends, long mostKept, int threads)
    {
        (_x, _spots, _dimensions, _rows, _ends, _pairs) = (x, x.Length / dimensions, dimensions, rows, ends, new double[ends.Length + 1]);
        var classes = (long)rows.Length * _spots <= mostKept ? new byte[rows.Length][] : null;
        var counts = new long[rows.Length][];
        Blocks.For(rows.Length, threads, i =>
        {
            long[] own = counts[i] = new long[_pairs.Length];
            byte[] kept = classes is null ? new byte[Math.Min(_spots, SpotsPerBlock)] : classes[i] = new byte[_spots];
            for (int from = 0; from < _spots; from += kept.Length)
            {
                Span<byte> of = kept.AsSpan(0, Math.Min(kept.Length, _spots - from));
                Classify(i, from, of);
                foreach (byte k in of) own[k]++;
            }
        });
        foreach (long[] own in counts)
            for (int k = 0; k < _pairs.Length; k++) _pairs[k] += own[k];
        _classes = classes;
    }

    /// <summary>Number of classes of distance; the first is a spot with itself.</summary>
    public int Classes => _pairs.Length;

    /// <summary>Sorts pairs of spots by distance: classes one spot wide at first, wider and wider further out.</summary>
    /// <param name="coordinates">Spots x dimensions.</param>
    /// <param name="threads">Threads, 0 for all cores; nothing depends on them.</param>
    /// <exception cref="InputException">There are fewer than 4 spots, they all lie on one point, or a coordinate is not finite.</exception>
    public static SpatialCorrelation Build(DenseMatrix coordinates, int threads = 0) => Build(coordinates, threads, MostKept);

    /// <summary>As above, keeping the classes of at most so many pairs; nothing else depends on it.</summary>
    internal static SpatialCorrelation Build(DenseMatrix coordinates, int threads, long mostKept)
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
        return new SpatialCorrelation(x, d, rows, [.. ends], mostKept, threads);
    }

    /// <summary>Correlates one variable with many.</summary>
    /// <param name="value">One value per spot.</param>
    /// <param name="others">Spots x count, row by row.</param>
    /// <param name="count">Number of the others.</param>
    /// <param name="threads">Threads, 0 for all cores; nothing depends on them.</param>
    public SpatialCorrelationTest[] Test(ReadOnlySpan<double> value, float[] others, int count, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(others);
        if (others.Length != (long)_spots * count) throw new ArgumentException($"{_spots} spots and {count} variables need as many values", nameof(others));
        return Test(value, count, (firstSpot, spots, first, width, tile) =>
        {
            for (int i = 0; i < spots; i++) others.AsSpan(checked((firstSpot + i) * count + first), width).CopyTo(tile[(i * width)..]);
        }, threads);
    }

    /// <summary>Correlates one variable with many that are never held all at once: memory for a few dozen of them per thread is enough. The numbers are the same, bit for bit.</summary>
    /// <param name="value">One value per spot.</param>
    /// <param name="count">Number of the others.</param>
    /// <param name="others">Computes tiles of spots x others; called from several threads at a time.</param>
    /// <param name="threads">Threads, 0 for all cores; nothing depends on them.</param>
    public SpatialCorrelationTest[] Test(ReadOnlySpan<double> value, int count, ExpressionTile others, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(others);
        int n = _spots;
        if (value.Length != n) throw new ArgumentException($"there are {n} spots but {value.Length} values", nameof(value));
        double[] scaled = value.ToArray();
        var (middle, factor, varies) = Scaling(scaled);
        for (int i = 0; i < n; i++) scaled[i] = (scaled[i] - middle) * factor;
        double[] first = Covariances(1, (from, tile) =>
        {
            for (int i = 0; i < tile.Length; i++) tile[i] = (float)scaled[from + i];
        });
        int blocks = (count + GenesPerBlock - 1) / GenesPerBlock;
        var result = new SpatialCorrelationTest[count];
        Blocks.For(blocks, threads, b =>
        {
            int from = b * GenesPerBlock, width = Math.Min(GenesPerBlock, count - from);
            double[] r = new double[width], mean = new double[width], scale = new double[width], column = new double[n];
            float[][] own = new float[(n + SpotsPerBlock - 1) / SpotsPerBlock][];
            for (int t = 0; t < own.Length; t++)
            {
                int spots = Math.Min(SpotsPerBlock, n - t * SpotsPerBlock);
                own[t] = new float[spots * width];
                others(t * SpotsPerBlock, spots, from, width, own[t]);
            }
            for (int g = 0; g < width; g++)
            {
                for (int i = 0; i < n; i++) column[i] = own[i / SpotsPerBlock][i % SpotsPerBlock * width + g];
                (mean[g], scale[g], bool differs) = Scaling(column);
                double sum = 0;
                for (int i = 0; i < n; i++) sum += (column[i] - mean[g]) * scale[g] * scaled[i];
                r[g] = varies && differs ? Math.Clamp(sum / n, -1, 1) : double.NaN;
            }
            double[] second = Covariances(GenesPerBlock, (spot, tile) =>
            {
                for (int i = 0; i < tile.Length / GenesPerBlock; i++)
                {
                    ReadOnlySpan<float> values = own[(spot + i) / SpotsPerBlock].AsSpan((spot + i) % SpotsPerBlock * width, width);
                    for (int g = 0; g < width; g++) tile[i * GenesPerBlock + g] = (float)((values[g] - mean[g]) * scale[g]);
                }
            });
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

    /// <summary>Writes the values of spots from one on, spots x width; columns without a variable stay 0.</summary>
    private delegate void Fill(int from, Span<float> values);

    /// <summary>Mean product over the pairs of each class, classes x width. Blocks of rows and spots decide what is at hand, not the order of any sum.</summary>
    private double[] Covariances(int width, Fill fill)
    {
        int n = _spots, classes = Classes, m = _rows.Length;
        var total = new double[classes * width];
        float[] sums = new float[Math.Min(m, RowsPerBlock) * classes * width], tile = new float[Math.Min(n, SpotsPerBlock) * width], row = new float[width];
        var buffer = new byte[SpotsPerBlock];
        for (int first = 0; first < m; first += RowsPerBlock)
        {
            int rows = Math.Min(RowsPerBlock, m - first);
            Array.Clear(sums);
            for (int from = 0; from < n; from += SpotsPerBlock)
            {
                int count = Math.Min(SpotsPerBlock, n - from);
                Span<float> values = tile.AsSpan(0, count * width);
                fill(from, values);
                for (int i = 0; i < rows; i++) AddByClass(ClassesOf(first + i, from, buffer.AsSpan(0, count)), values, width, sums.AsSpan(i * classes * width, classes * width));
            }
            for (int i = 0; i < rows; i++)
            {
                fill(_rows[first + i], row);
                for (int k = 0; k < classes; k++)
                    for (int g = 0; g < width; g++) total[k * width + g] += (double)sums[(i * classes + k) * width + g] * row[g];
            }
        }
        for (int k = 0; k < classes; k++)
            for (int g = 0; g < width; g++) total[k * width + g] = _pairs[k] > 0 ? total[k * width + g] / _pairs[k] : 0;
        return total;
    }

    /// <summary>Adds the values of each spot to those of its class.</summary>
    private static void AddByClass(ReadOnlySpan<byte> of, ReadOnlySpan<float> values, int width, Span<float> sums)
    {
        if (width % Vector<float>.Count == 0 && width > 1)
        {
            ref float py = ref MemoryMarshal.GetReference(values), ps = ref MemoryMarshal.GetReference(sums);
            for (int j = 0; j < of.Length; j++)
                for (int g = 0; g < width; g += Vector<float>.Count)
                    (Vector.LoadUnsafe(ref ps, (nuint)(of[j] * width + g)) + Vector.LoadUnsafe(ref py, (nuint)(j * width + g))).StoreUnsafe(ref ps, (nuint)(of[j] * width + g));
        }
        else
            for (int j = 0; j < of.Length; j++)
                for (int g = 0; g < width; g++) sums[of[j] * width + g] += values[j * width + g];
    }

    /// <summary>Classes of pairs of one row with spots from one on, as kept or found again.</summary>
    private ReadOnlySpan<byte> ClassesOf(int row, int from, Span<byte> buffer)
    {
        if (_classes is not null) return _classes[row].AsSpan(from, buffer.Length);
        Classify(row, from, buffer);
        return buffer;
    }

    private void Classify(int row, int from, Span<byte> classes)
    {
        for (int j = 0; j < classes.Length; j++)
        {
            // A spot with itself is a class of its own, whatever else lies on the same point.
            int k = from + j == _rows[row] ? 0 : Math.Max(1, Array.BinarySearch(_ends, Distance(_x, _dimensions, _rows[row], from + j)) is var at && at < 0 ? ~at : at);
            classes[j] = (byte)Math.Min(k, _ends.Length);
        }
    }

    private static (double Mean, double Scale, bool Varies) Scaling(double[] values)
    {
        int n = values.Length;
        double mean = 0, square = 0;
        foreach (double v in values) mean += v / n;
        foreach (double v in values) square += (v - mean) * (v - mean);
        bool varies = Correlation.Varies(square, mean, n);
        return (mean, varies ? 1 / Math.Sqrt(square / n) : 0, varies);
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
