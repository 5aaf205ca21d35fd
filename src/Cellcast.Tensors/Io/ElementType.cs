using System.Runtime.InteropServices;

namespace Cellcast.Tensors.Io;

/// <summary>How one number is stored in a weight file.</summary>
public enum ElementType
{
    /// <summary>Truth value in one byte, 0 or 1.</summary>
    Bool,
    /// <summary>Unsigned byte.</summary>
    U8,
    /// <summary>Signed byte.</summary>
    I8,
    /// <summary>16-bit integer.</summary>
    I16,
    /// <summary>32-bit integer.</summary>
    I32,
    /// <summary>64-bit integer.</summary>
    I64,
    /// <summary>IEEE half precision.</summary>
    F16,
    /// <summary>Upper half of an IEEE single.</summary>
    BF16,
    /// <summary>IEEE single precision.</summary>
    F32,
    /// <summary>IEEE double precision.</summary>
    F64,
}

/// <summary>Sizes and conversions of stored numbers. All files are little-endian, as are all machines that this runs on.</summary>
internal static class ElementTypes
{
    internal static int SizeOf(ElementType type) => type switch
    {
        ElementType.Bool or ElementType.U8 or ElementType.I8 => 1,
        ElementType.I16 or ElementType.F16 or ElementType.BF16 => 2,
        ElementType.I32 or ElementType.F32 => 4,
        ElementType.I64 or ElementType.F64 => 8,
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    /// <summary>Converts stored numbers; integers that a float or double cannot hold exactly are rounded.</summary>
    internal static void Convert(ElementType type, ReadOnlySpan<byte> from, Span<float> to)
    {
        switch (type)
        {
            case ElementType.F32: MemoryMarshal.Cast<byte, float>(from).CopyTo(to); break;
            case ElementType.F64: Map(MemoryMarshal.Cast<byte, double>(from), to, static v => (float)v); break;
            case ElementType.F16: Map(MemoryMarshal.Cast<byte, Half>(from), to, static v => (float)v); break;
            case ElementType.BF16: Map(MemoryMarshal.Cast<byte, ushort>(from), to, static v => BitConverter.UInt32BitsToSingle((uint)v << 16)); break;
            case ElementType.I64: Map(MemoryMarshal.Cast<byte, long>(from), to, static v => (float)v); break;
            case ElementType.I32: Map(MemoryMarshal.Cast<byte, int>(from), to, static v => (float)v); break;
            case ElementType.I16: Map(MemoryMarshal.Cast<byte, short>(from), to, static v => (float)v); break;
            case ElementType.I8: Map(MemoryMarshal.Cast<byte, sbyte>(from), to, static v => (float)v); break;
            default: Map(from, to, static v => (float)v); break;
        }
    }

    /// <inheritdoc cref="Convert(ElementType, ReadOnlySpan{byte}, Span{float})"/>
    internal static void Convert(ElementType type, ReadOnlySpan<byte> from, Span<double> to)
    {
        switch (type)
        {
            case ElementType.F64: MemoryMarshal.Cast<byte, double>(from).CopyTo(to); break;
            case ElementType.I64: Map(MemoryMarshal.Cast<byte, long>(from), to, static v => (double)v); break;
            case ElementType.I32: Map(MemoryMarshal.Cast<byte, int>(from), to, static v => (double)v); break;
            default:
                // Everything else fits a float exactly.
                var single = new float[to.Length];
                Convert(type, from, single);
                Map<float, double>(single, to, static v => v);
                break;
        }
    }

    /// <summary>Converts stored integers.</summary>
    internal static void Convert(ElementType type, ReadOnlySpan<byte> from, Span<long> to)
    {
        switch (type)
        {
            case ElementType.I64: MemoryMarshal.Cast<byte, long>(from).CopyTo(to); break;
            case ElementType.I32: Map(MemoryMarshal.Cast<byte, int>(from), to, static v => (long)v); break;
            case ElementType.I16: Map(MemoryMarshal.Cast<byte, short>(from), to, static v => (long)v); break;
            case ElementType.I8: Map(MemoryMarshal.Cast<byte, sbyte>(from), to, static v => (long)v); break;
            case ElementType.U8 or ElementType.Bool: Map(from, to, static v => (long)v); break;
            default: throw new InvalidDataException($"numbers of type {type} are not integers");
        }
    }

    private static void Map<TFrom, TTo>(ReadOnlySpan<TFrom> from, Span<TTo> to, Func<TFrom, TTo> convert)
    {
        for (int i = 0; i < to.Length; i++) to[i] = convert(from[i]);
    }
}
