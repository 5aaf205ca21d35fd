using Cellcast.AnnData;

namespace Cellcast.Analysis.Preprocessing;

/// <summary>
/// Genes brought to mean 0 and variance 1, and cut off at a limit, without making the matrix dense: what every zero becomes is one number per gene (<see cref="OfZero"/>), and the sparse matrix
/// holds what is above it. Principal components, which centre each gene anyway, are the same for <see cref="AboveZero"/> as for the dense matrix.
/// </summary>
public sealed class ScaledExpression
{
    private ScaledExpression(SparseMatrix above, float[] ofZero, double[] means, double[] deviations) => (AboveZero, OfZero, Means, StandardDeviations) = (above, ofZero, means, deviations);

    /// <summary>Scaled value less that of a zero of the gene; stored where the input is.</summary>
    public SparseMatrix AboveZero { get; }

    /// <summary>Scaled value of a zero of each gene.</summary>
    public float[] OfZero { get; }

    /// <summary>Mean of each gene.</summary>
    public double[] Means { get; }

    /// <summary>Standard deviation of each gene (divisor n - 1); 1 where it is 0.</summary>
    public double[] StandardDeviations { get; }

    /// <summary>Scales every gene.</summary>
    /// <param name="expression">Cells x genes, usually log-normalised.</param>
    /// <param name="limit">Values beyond plus or minus this are set to it; null for no limit.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    public static ScaledExpression Of(SparseMatrix expression, double? limit = 10, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(expression);
        if (limit is not null && !(limit > 0)) throw new ArgumentOutOfRangeException(nameof(limit), limit, "the limit of scaled values must be greater than 0");
        var (means, variances) = ColumnMoments.Of(expression, default(Unchanged), threads);
        double most = limit ?? double.PositiveInfinity;
        double[] deviations = [.. variances.Select(v => v > 0 ? Math.Sqrt(v) : 1)];
        float[] zero = [.. means.Select((m, g) => (float)Math.Clamp(-m / deviations[g], -most, most))];
        var values = new float[expression.Values.Length];
        Blocks.Ranges(expression.Rows, threads, (from, to) =>
        {
            for (int k = (int)expression.IndPtr[from]; k < (int)expression.IndPtr[to]; k++)
            {
                int g = expression.Indices[k];
                values[k] = (float)(Math.Clamp((expression.Values[k] - means[g]) / deviations[g], -most, most) - zero[g]);
            }
        });
        return new ScaledExpression(new SparseMatrix(expression.Rows, expression.Columns, expression.IndPtr, expression.Indices, values), zero, means, deviations);
    }

    /// <summary>The dense scaled matrix of some genes, cells x genes, row-major.</summary>
    /// <param name="genes">Columns.</param>
    public DenseMatrix Dense(ReadOnlySpan<int> genes)
    {
        var position = new int[AboveZero.Columns];
        Array.Fill(position, -1);
        for (int k = 0; k < genes.Length; k++) position[genes[k]] = k;
        int width = genes.Length;
        var result = new float[checked((long)AboveZero.Rows * width)];
        for (int r = 0; r < AboveZero.Rows; r++)
        {
            Span<float> row = result.AsSpan(r * width, width);
            for (int k = 0; k < width; k++) row[k] = OfZero[genes[k]];
            var index = AboveZero.RowIndices(r);
            var value = AboveZero.RowValues(r);
            for (int e = 0; e < index.Length; e++)
                if (position[index[e]] is >= 0 and var at) row[at] += value[e];
        }
        return new DenseMatrix(AboveZero.Rows, width, result);
    }

    private readonly struct Unchanged : ColumnMoments.ITransform
    {
        public double Apply(int row, float value) => value;
    }
}
