namespace Cellcast.Models.ScRobust;

/// <summary>A linear map of an encoder's cell vectors, learned from the training cells without labels (see <see cref="ExpressionReadout"/>) and stored with the encoder.</summary>
public sealed class VectorMap
{
    private readonly float[] _weights;

    /// <summary>A map.</summary>
    /// <param name="weights">columns x columns, row-major; a vector, as a row, is multiplied by it.</param>
    /// <param name="columns">Columns of a vector.</param>
    /// <exception cref="ArgumentException">The numbers are no such matrix or not finite.</exception>
    public VectorMap(float[] weights, int columns)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.Length != (long)columns * columns || Array.Exists(weights, v => !float.IsFinite(v))) throw new ArgumentException($"the map of the vectors is no {columns} x {columns} matrix of finite numbers", nameof(weights));
        (_weights, Columns) = (weights, columns);
    }

    /// <summary>Columns of a vector.</summary>
    public int Columns { get; }

    /// <summary>columns x columns, row-major.</summary>
    public ReadOnlySpan<float> Weights => _weights;

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
            for (int c = 0; c < Columns; c++) vector[c] = (float)row[c];
        }
    }
}
