using Cellcast.Tensors.Autodiff;

namespace Cellcast.Models.ScRobust;

/// <summary>How the token outputs of a cell become one vector.</summary>
public enum Pooling
{
    /// <summary>The cell token's output.</summary>
    Cls,
    /// <summary>Sum over all tokens.</summary>
    Sum,
    /// <summary>Mean over all tokens.</summary>
    Mean,
    /// <summary>Maximum over all tokens, column by column.</summary>
    Max,
}

/// <summary>Pools token outputs; padding that is part of the batch takes part, as in the published code.</summary>
public static class TokenPooling
{
    /// <summary>One vector per sequence.</summary>
    /// <param name="outputs">tokens x columns.</param>
    /// <param name="tokens">Where sequences begin.</param>
    /// <param name="pooling">How.</param>
    /// <param name="vectors">sequences x columns, filled.</param>
    public static void Pool(ReadOnlySpan<float> outputs, TokenBatch tokens, Pooling pooling, Span<float> vectors)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        int columns = outputs.Length / tokens.Tokens;
        var sum = new double[columns];
        for (int s = 0; s < tokens.Sequences; s++)
        {
            int start = tokens.Offsets[s], end = tokens.Offsets[s + 1];
            var vector = vectors.Slice(s * columns, columns);
            var first = outputs.Slice(start * columns, columns);
            first.CopyTo(vector);
            if (pooling == Pooling.Cls) continue;
            for (int c = 0; c < columns; c++) sum[c] = first[c];
            for (int t = start + 1; t < end; t++)
            {
                var row = outputs.Slice(t * columns, columns);
                for (int c = 0; c < columns; c++)
                {
                    sum[c] += row[c];
                    vector[c] = MathF.Max(vector[c], row[c]);
                }
            }
            if (pooling == Pooling.Max) continue;
            double divisor = pooling == Pooling.Mean ? end - start : 1;
            for (int c = 0; c < columns; c++) vector[c] = (float)(sum[c] / divisor);
        }
    }
}
