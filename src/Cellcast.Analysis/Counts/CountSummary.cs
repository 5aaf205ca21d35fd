using System.Globalization;
using Cellcast.AnnData;

namespace Cellcast.Analysis.Counts;

/// <summary>What the values of a matrix look like.</summary>
public enum ValueKind
{
    /// <summary>Whole numbers of at least 0, not all in 0 and 1: raw counts.</summary>
    Counts,
    /// <summary>Only 0 and 1, as accessibility peaks often are.</summary>
    Binary,
    /// <summary>Fractions of at least 0 whose row totals are all the same: normalised counts.</summary>
    Normalised,
    /// <summary>Logarithms: small fractions of at least 0.</summary>
    Logged,
    /// <summary>Negative values: scaled or centred.</summary>
    Scaled,
    /// <summary>Fractions of at least 0 of no recognised kind (expected counts, TPM, FPKM …).</summary>
    Fractional,
    /// <summary>NaN or infinite values.</summary>
    NotFinite,
    /// <summary>Nothing but zeros.</summary>
    Empty,
}

/// <summary>The values of a matrix in figures.</summary>
public sealed record CountSummary
{
    /// <summary>Largest value that a matrix of logarithms of counts plausibly has (log2 of a thousand million).</summary>
    private const double MostOfALogarithm = 30;

    private const double TotalTolerance = 1e-3;

    /// <summary>What the values look like.</summary>
    public ValueKind Kind { get; private init; }

    /// <summary>Values other than zero.</summary>
    public long NonZeros { get; private init; }

    /// <summary>Smallest value (0 counts if any is left out), NaN left aside.</summary>
    public double Minimum { get; private init; }

    /// <summary>Largest value, NaN left aside.</summary>
    public double Maximum { get; private init; }

    /// <summary>Values below zero.</summary>
    public long Negative { get; private init; }

    /// <summary>Finite values that are not whole.</summary>
    public long Fractional { get; private init; }

    /// <summary>Values that are NaN or infinite.</summary>
    public long NotFinite { get; private init; }

    /// <summary>Rows without any value other than zero.</summary>
    public int EmptyRows { get; private init; }

    /// <summary>Median total of a row.</summary>
    public double MedianTotal { get; private init; }

    /// <summary>The total that all rows share (within 0.1 %), of the values or of exp(value) - 1 where they are logarithms; null where there is none.</summary>
    public double? CommonTotal { get; private init; }

    /// <summary>Whether models may take the matrix as raw counts.</summary>
    public bool IsRawCounts => Kind is ValueKind.Counts or ValueKind.Binary;

    /// <summary>Looks at every value of a matrix.</summary>
    public static CountSummary Of(Matrix matrix)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        // A dense matrix is made sparse once, not once per pass.
        Matrix x = matrix is DenseMatrix ? matrix.ToSparse() : matrix;
        var totals = new double[x.Rows];
        int emptyRows = 0;
        long nonZeros = 0, negative = 0, fractional = 0, notFinite = 0;
        float minimum = float.PositiveInfinity, maximum = float.NegativeInfinity;
        x.ForEachBlock((first, rows) =>
        {
            foreach (float v in rows.Values.Span)
            {
                if (v == 0) continue;
                nonZeros++;
                if (!float.IsFinite(v)) notFinite++;
                else if (v != MathF.Truncate(v)) fractional++;
                if (v < 0) negative++;
                if (v < minimum) minimum = v;
                if (v > maximum) maximum = v;
            }
            for (int r = 0; r < rows.Count; r++)
            {
                if (!rows.RowValues(r).ContainsAnyExcept(0f)) emptyRows++;
                foreach (float v in rows.RowValues(r)) totals[first + r] += v;
            }
        });
        if (nonZeros < (long)x.Rows * x.Columns || nonZeros == 0)
        {
            minimum = Math.Min(minimum, 0);
            maximum = Math.Max(maximum, 0);
        }
        var kind = notFinite > 0 ? ValueKind.NotFinite : negative > 0 ? ValueKind.Scaled : nonZeros == 0 ? ValueKind.Empty
            : fractional == 0 ? maximum == 1 ? ValueKind.Binary : ValueKind.Counts : ValueKind.Fractional;
        double? common = null;
        if (kind == ValueKind.Fractional)
        {
            common = CommonTotalOf(totals);
            if (common is not null) kind = ValueKind.Normalised;
            else if (maximum <= MostOfALogarithm)
            {
                kind = ValueKind.Logged;
                common = CommonTotalOf(UnloggedTotals(x));
            }
        }
        return new CountSummary
        {
            Kind = kind,
            NonZeros = nonZeros,
            Minimum = minimum,
            Maximum = maximum,
            Negative = negative,
            Fractional = fractional,
            NotFinite = notFinite,
            EmptyRows = emptyRows,
            MedianTotal = Median(totals),
            CommonTotal = common,
        };
    }

    /// <summary>The finding in words, for people: <c>raw counts, up to 1204</c>.</summary>
    public string Describe() => Kind switch
    {
        ValueKind.Counts => FormattableString.Invariant($"raw counts (whole numbers up to {Words(Maximum)}, median total {Words(MedianTotal)})"),
        ValueKind.Binary => "only 0 and 1",
        ValueKind.Normalised => FormattableString.Invariant($"normalised: not whole, every row adds up to {Words(CommonTotal ?? 0)}"),
        ValueKind.Logged when CommonTotal is { } t => FormattableString.Invariant($"log1p of counts normalised to {Words(t)} per row"),
        ValueKind.Logged => FormattableString.Invariant($"probably logarithms: fractions from {Minimum:G4} to {Maximum:G4}"),
        ValueKind.Scaled => FormattableString.Invariant($"scaled or centred: {Negative} values below zero, down to {Minimum:G4}"),
        ValueKind.Fractional => FormattableString.Invariant($"not raw counts: {Fractional} of {NonZeros} non-zero values are fractions, up to {Words(Maximum)}"),
        ValueKind.NotFinite => $"{NotFinite} values are NaN or infinite",
        _ => "nothing but zeros",
    };

    // Seven digits, and never an exponent where a count can be written out.
    private static string Words(double value) => value.ToString(Math.Abs(value) is >= 1e6 and < 1e15 ? "#,0" : Math.Abs(value) >= 1e5 ? "0.#" : "G7", CultureInfo.InvariantCulture);

    private static double? CommonTotalOf(double[] totals)
    {
        double[] some = [.. totals.Where(t => t != 0)];
        if (some.Length < 2) return null;
        double median = Median(some);
        return some.All(t => Math.Abs(t - median) <= TotalTolerance * median) ? median : null;
    }

    private static double[] UnloggedTotals(Matrix x)
    {
        var totals = new double[x.Rows];
        x.ForEachBlock((first, rows) =>
        {
            for (int r = 0; r < rows.Count; r++)
                foreach (float v in rows.RowValues(r)) totals[first + r] += double.Exp(v) - 1;
        });
        return totals;
    }

    private static double Median(double[] values)
    {
        if (values.Length == 0) return 0;
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
