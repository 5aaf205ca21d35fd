using System.Numerics;
using System.Runtime.InteropServices;
using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>1-D datasets of any number type into the type that is needed, converted block by block.</summary>
internal static class VectorReader
{
    /// <summary>Integers of any width as int32; refuses values outside.</summary>
    internal static int[] ReadInt32(H5Dataset d, int threads)
    {
        RequireIntegers(d);
        var target = new int[Length(d)];
        d.ReadBlocks(threads, (start, bytes) => Convert(d, bytes, target.AsSpan((int)start)));
        return target;
    }

    /// <summary>Integers of any width as int64; refuses values outside.</summary>
    internal static long[] ReadInt64(H5Dataset d, int threads)
    {
        RequireIntegers(d);
        var target = new long[Length(d)];
        d.ReadBlocks(threads, (start, bytes) => Convert(d, bytes, target.AsSpan((int)start)));
        return target;
    }

    /// <summary>Any numbers: as float32 when that holds every one exactly, else as float64.</summary>
    /// <param name="d">A 1-D dataset.</param>
    /// <param name="threads">Threads that decompress.</param>
    /// <param name="rounded">Whether float64 does not hold every one exactly either (64-bit integers above 2^53).</param>
    internal static (float[]? Single, double[]? Double) ReadValues(H5Dataset d, int threads, out bool rounded)
    {
        rounded = false;
        int n = Length(d);
        if (d.Type.ClrType != typeof(double))
        {
            var single = new float[n];
            int inexact = 0;
            d.ReadBlocks(threads, (start, bytes) =>
            {
                if (!Narrow(d, bytes, single.AsSpan((int)start))) Interlocked.Exchange(ref inexact, 1);
            });
            if (inexact == 0) return (single, null);
        }
        var wide = new double[n];
        int lost = 0;
        d.ReadBlocks(threads, (start, bytes) =>
        {
            if (!Narrow(d, bytes, wide.AsSpan((int)start))) Interlocked.Exchange(ref lost, 1);
        });
        rounded = lost != 0;
        foreach (double v in wide)
            if ((float)v != v && !double.IsNaN(v)) return (null, wide);
        return (Array.ConvertAll(wide, v => (float)v), null);
    }

    /// <summary>Truth values as bytes: 0, 1, and 2 for missing where the type has that.</summary>
    internal static byte[] ReadBooleans(H5Dataset d, int threads)
    {
        if (d.Type.Kind != H5Kind.Boolean) throw new Hdf5Exception($"it is {d.Type.Describe()}, expected truth values");
        byte[] target = new byte[Length(d)];
        d.ReadBlocks(threads, (start, bytes) => bytes.CopyTo(target.AsSpan((int)start)));
        return target;
    }

    private static int Length(H5Dataset d)
    {
        if (d.Shape.Length != 1) throw new Hdf5Exception($"it has {d.Shape.Length} dimensions, expected 1");
        d.RequirePlausibleSize();
        return (int)d.Count;
    }

    internal static void RequireIntegers(H5Dataset d)
    {
        if (d.Type.Kind is not (H5Kind.Integer or H5Kind.Enumeration)) throw new Hdf5Exception($"it is {d.Type.Describe()}, expected integers");
    }

    /// <summary>Integers of any width as int32; refuses values outside.</summary>
    internal static void Integers(H5Dataset d, ReadOnlySpan<byte> bytes, Span<int> target) => Convert(d, bytes, target);

    private static void Convert<T>(H5Dataset d, ReadOnlySpan<byte> bytes, Span<T> target) where T : unmanaged, INumber<T>
    {
        switch (Type.GetTypeCode(d.Type.ClrType))
        {
            case TypeCode.SByte: Checked<sbyte, T>(bytes, target); break;
            case TypeCode.Byte: Checked<byte, T>(bytes, target); break;
            case TypeCode.Int16: Checked<short, T>(bytes, target); break;
            case TypeCode.UInt16: Checked<ushort, T>(bytes, target); break;
            case TypeCode.Int32: Checked<int, T>(bytes, target); break;
            case TypeCode.UInt32: Checked<uint, T>(bytes, target); break;
            case TypeCode.Int64: Checked<long, T>(bytes, target); break;
            default: Checked<ulong, T>(bytes, target); break;
        }
    }

    private static void Checked<TFrom, TTo>(ReadOnlySpan<byte> bytes, Span<TTo> target) where TFrom : unmanaged, INumber<TFrom> where TTo : unmanaged, INumber<TTo>
    {
        var source = MemoryMarshal.Cast<byte, TFrom>(bytes);
        if (typeof(TFrom) == typeof(TTo))
        {
            MemoryMarshal.Cast<TFrom, TTo>(source).CopyTo(target);
            return;
        }
        for (int i = 0; i < source.Length; i++) target[i] = TTo.CreateChecked(source[i]);
    }

    /// <summary>Converts to a floating point type; false when a value changed.</summary>
    internal static bool Narrow<T>(H5Dataset d, ReadOnlySpan<byte> bytes, Span<T> target) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (d.Type.ClrType == typeof(Half)) return Exact<Half, T>(bytes, target);
        if (d.Type.ClrType == typeof(bool)) return Exact<byte, T>(bytes, target);
        return Type.GetTypeCode(d.Type.ClrType) switch
        {
            TypeCode.SByte => Exact<sbyte, T>(bytes, target),
            TypeCode.Byte => Exact<byte, T>(bytes, target),
            TypeCode.Int16 => Exact<short, T>(bytes, target),
            TypeCode.UInt16 => Exact<ushort, T>(bytes, target),
            TypeCode.Int32 => Exact<int, T>(bytes, target),
            TypeCode.UInt32 => Exact<uint, T>(bytes, target),
            TypeCode.Int64 => Exact<long, T>(bytes, target),
            TypeCode.UInt64 => Exact<ulong, T>(bytes, target),
            TypeCode.Single => Exact<float, T>(bytes, target),
            _ => Exact<double, T>(bytes, target),
        };
    }

    private static bool Exact<TFrom, TTo>(ReadOnlySpan<byte> bytes, Span<TTo> target) where TFrom : unmanaged, INumber<TFrom> where TTo : unmanaged, INumber<TTo>
    {
        var source = MemoryMarshal.Cast<byte, TFrom>(bytes);
        if (typeof(TFrom) == typeof(TTo))
        {
            MemoryMarshal.Cast<TFrom, TTo>(source).CopyTo(target);
            return true;
        }
        bool exact = true;
        for (int i = 0; i < source.Length; i++)
        {
            target[i] = TTo.CreateTruncating(source[i]);
            exact &= TFrom.CreateSaturating(target[i]) == source[i] || TFrom.IsNaN(source[i]);
        }
        return exact;
    }
}
