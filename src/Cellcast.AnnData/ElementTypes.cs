namespace Cellcast.AnnData;

/// <summary>The element types an array may be stored in, and their names in the field.</summary>
public static class ElementTypes
{
    private static readonly Dictionary<Type, string> s_names = new()
    {
        [typeof(sbyte)] = "int8",
        [typeof(short)] = "int16",
        [typeof(int)] = "int32",
        [typeof(long)] = "int64",
        [typeof(byte)] = "uint8",
        [typeof(ushort)] = "uint16",
        [typeof(uint)] = "uint32",
        [typeof(ulong)] = "uint64",
        [typeof(Half)] = "float16",
        [typeof(float)] = "float32",
        [typeof(double)] = "float64",
        [typeof(bool)] = "bool",
        [typeof(string)] = "string",
    };

    /// <summary>NumPy's name: <c>float32</c>, <c>int64</c>, <c>bool</c>, <c>string</c>.</summary>
    public static string Name(Type type) => s_names.TryGetValue(type, out string? n) ? n : type.Name;

    /// <summary>An integer or floating point type.</summary>
    public static bool IsNumeric(Type type) => s_names.ContainsKey(type) && type != typeof(bool) && type != typeof(string);

    /// <summary>A type an array can have at all.</summary>
    public static bool IsSupported(Type type) => s_names.ContainsKey(type);

    /// <summary>An integer type.</summary>
    public static bool IsInteger(Type type) => IsNumeric(type) && type != typeof(Half) && type != typeof(float) && type != typeof(double);

    /// <summary>Any numeric array as doubles (64-bit integers above 2^53 are rounded; truth values are 0 and 1). The array itself when it already is one.</summary>
    /// <exception cref="InvalidCastException">The array holds strings.</exception>
    public static double[] ToDouble(Array values) => values switch
    {
        double[] a => a,
        float[] a => Array.ConvertAll(a, x => (double)x),
        Half[] a => Array.ConvertAll(a, x => (double)x),
        // An sbyte[] passes a byte[] pattern at run time, and so for the other widths; ask for the exact type.
        _ when values.GetType() == typeof(sbyte[]) => Array.ConvertAll((sbyte[])values, x => (double)x),
        _ when values.GetType() == typeof(byte[]) => Array.ConvertAll((byte[])values, x => (double)x),
        _ when values.GetType() == typeof(short[]) => Array.ConvertAll((short[])values, x => (double)x),
        _ when values.GetType() == typeof(ushort[]) => Array.ConvertAll((ushort[])values, x => (double)x),
        _ when values.GetType() == typeof(int[]) => Array.ConvertAll((int[])values, x => (double)x),
        _ when values.GetType() == typeof(uint[]) => Array.ConvertAll((uint[])values, x => (double)x),
        _ when values.GetType() == typeof(long[]) => Array.ConvertAll((long[])values, x => (double)x),
        _ when values.GetType() == typeof(ulong[]) => Array.ConvertAll((ulong[])values, x => (double)x),
        bool[] a => Array.ConvertAll(a, x => x ? 1.0 : 0.0),
        _ => throw new InvalidCastException($"an array of {Name(values.GetType().GetElementType()!)} holds no numbers"),
    };

    /// <summary>Any numeric array as float32, rounded to nearest. The array itself when it already is one.</summary>
    /// <exception cref="InvalidCastException">The array holds strings.</exception>
    public static float[] ToSingle(Array values) => values switch
    {
        float[] a => a,
        double[] a => Array.ConvertAll(a, x => (float)x),
        Half[] a => Array.ConvertAll(a, x => (float)x),
        _ when values.GetType() == typeof(sbyte[]) => Array.ConvertAll((sbyte[])values, x => (float)x),
        _ when values.GetType() == typeof(byte[]) => Array.ConvertAll((byte[])values, x => (float)x),
        _ when values.GetType() == typeof(short[]) => Array.ConvertAll((short[])values, x => (float)x),
        _ when values.GetType() == typeof(ushort[]) => Array.ConvertAll((ushort[])values, x => (float)x),
        _ when values.GetType() == typeof(int[]) => Array.ConvertAll((int[])values, x => (float)x),
        _ when values.GetType() == typeof(uint[]) => Array.ConvertAll((uint[])values, x => (float)x),
        _ when values.GetType() == typeof(long[]) => Array.ConvertAll((long[])values, x => (float)x),
        _ when values.GetType() == typeof(ulong[]) => Array.ConvertAll((ulong[])values, x => (float)x),
        bool[] a => Array.ConvertAll(a, x => x ? 1f : 0f),
        _ => throw new InvalidCastException($"an array of {Name(values.GetType().GetElementType()!)} holds no numbers"),
    };

    /// <summary>A new array of the same type with the chosen blocks of <paramref name="width"/> elements.</summary>
    internal static Array Gather(Array values, ReadOnlySpan<int> rows, int width = 1)
    {
        var result = Array.CreateInstance(values.GetType().GetElementType()!, checked(rows.Length * (long)width));
        for (int i = 0; i < rows.Length; i++) Array.Copy(values, (long)rows[i] * width, result, (long)i * width, width);
        return result;
    }
}
