namespace Cellcast.Models.ScRobust;

/// <summary>
/// A map of an encoder's cell vectors, learned from the training cells without labels (see <see cref="ExpressionReadout"/>) and stored with the encoder: linear, y = x W, or bounded as well. Bounded
/// vectors are taken from the centre of the training cells and drawn in, the farther the more, y = L z / sqrt(L² + |z|²) with z = x W - centre, so that none is longer than L: how far out a cell lies says how strongly
/// it is what it is, and how deep it was sequenced, rather than what it is.
/// </summary>
public sealed class VectorMap
{
    private readonly float[] _weights;
    private readonly float[]? _centre;

    /// <summary>A linear map.</summary>
    /// <param name="weights">columns x columns, row-major; a vector, as a row, is multiplied by it.</param>
    /// <param name="columns">Columns of a vector.</param>
    /// <exception cref="ArgumentException">The numbers are no such matrix or not finite.</exception>
    public VectorMap(float[] weights, int columns)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.Length != (long)columns * columns || Array.Exists(weights, v => !float.IsFinite(v))) throw new ArgumentException($"the map of the vectors is no {columns} x {columns} matrix of finite numbers", nameof(weights));
        (_weights, Columns, Bound) = (weights, columns, float.PositiveInfinity);
    }

    /// <summary>A map that bounds.</summary>
    /// <param name="weights">columns x columns, row-major; a vector, as a row, is multiplied by it.</param>
    /// <param name="centre">What is then taken off: the mean of the training cells.</param>
    /// <param name="bound">The length that no vector exceeds, L.</param>
    /// <exception cref="ArgumentException">The numbers do not fit together or are not finite, or the bound is not above 0.</exception>
    public VectorMap(float[] weights, float[] centre, float bound) : this(weights, (centre ?? throw new ArgumentNullException(nameof(centre))).Length)
    {
        if (Array.Exists(centre, v => !float.IsFinite(v))) throw new ArgumentException("the centre of the map of the vectors is not finite", nameof(centre));
        if (!(bound > 0) || !float.IsFinite(bound)) throw new ArgumentException($"the bound of the map of the vectors is {bound}; it must be above 0", nameof(bound));
        (_centre, Bound) = (centre, bound);
    }

    /// <summary>Columns of a vector.</summary>
    public int Columns { get; }

    /// <summary>columns x columns, row-major.</summary>
    public ReadOnlySpan<float> Weights => _weights;

    /// <summary>What is taken off after the multiplication; empty where the map is linear.</summary>
    public ReadOnlySpan<float> Centre => _centre;

    /// <summary>The length that no mapped vector exceeds; infinite where the map is linear.</summary>
    public float Bound { get; }

    /// <summary>Maps vectors in place.</summary>
    /// <param name="vectors">n x columns, row-major.</param>
    public void Apply(Span<float> vectors)
    {
        Span<double> row = new double[Columns];
        for (int start = 0; start < vectors.Length; start += Columns)
        {
            var vector = vectors.Slice(start, Columns);
            row.Clear();
            for (int k = 0; k < Columns; k++)
            {
                double x = vector[k];
                var from = _weights.AsSpan(k * Columns, Columns);
                for (int c = 0; c < Columns; c++) row[c] += x * from[c];
            }
            double factor = 1;
            if (_centre is not null)
            {
                double squares = 0;
                for (int c = 0; c < Columns; c++)
                {
                    row[c] -= _centre[c];
                    squares += row[c] * row[c];
                }
                factor = Bound / Math.Sqrt((double)Bound * Bound + squares);
            }
            for (int c = 0; c < Columns; c++) vector[c] = (float)(factor * row[c]);
        }
    }
}
