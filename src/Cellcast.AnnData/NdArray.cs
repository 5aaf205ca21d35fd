namespace Cellcast.AnnData;

/// <summary>An array of any number of dimensions but two (2-D is <see cref="DenseMatrix"/>), row-major, in its stored element type.</summary>
public sealed class NdArray : Element
{
    /// <param name="data">All elements, row-major, in a 1-D array of a numeric type, bool or string; kept, not copied.</param>
    /// <param name="shape">Its dimensions; one dimension of <c>data.Length</c> when left out.</param>
    public NdArray(Array data, params int[] shape)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(shape);
        if (!ElementTypes.IsSupported(data.GetType().GetElementType()!)) throw new ArgumentException($"arrays of {data.GetType().GetElementType()} are not supported", nameof(data));
        if (shape.Length == 0) shape = [data.Length];
        if (shape.Length == 2) throw new ArgumentException("a 2-D array is a DenseMatrix", nameof(shape));
        if (shape.Aggregate(1L, (a, b) => a * b) != data.Length) throw new ArgumentException($"{data.Length} elements do not fill {string.Join(" x ", shape)}", nameof(shape));
        (Data, Shape) = (data, shape);
    }

    /// <summary>All elements, row-major.</summary>
    public Array Data { get; }

    /// <summary>Dimensions.</summary>
    public int[] Shape { get; }

    /// <summary>Stored type.</summary>
    public Type ElementType => Data.GetType().GetElementType()!;

    /// <summary>All elements as doubles.</summary>
    public double[] ToDouble() => ElementTypes.ToDouble(Data);

    /// <summary>The entries <paramref name="rows"/> of the first dimension.</summary>
    public NdArray Select(ReadOnlySpan<int> rows)
    {
        int width = 1;
        foreach (int d in Shape.AsSpan(1)) width *= d;
        return new NdArray(ElementTypes.Gather(Data, rows, width), [rows.Length, .. Shape.AsSpan(1)]);
    }

    /// <inheritdoc/>
    public override string Describe() => $"{string.Join(" x ", Shape)} {ElementTypes.Name(ElementType)} array";
}
