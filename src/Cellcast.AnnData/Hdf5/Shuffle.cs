using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cellcast.AnnData.Hdf5;

/// <summary>HDF5's byte shuffle: all first bytes of the elements, then all second bytes, and so on; a tail that fills no element stays.</summary>
internal static class Shuffle
{
    internal static void Forward(ReadOnlySpan<byte> source, Span<byte> target, int size)
    {
        int n = source.Length / size;
        for (int b = 0; b < size; b++)
        {
            var plane = target.Slice(b * n, n);
            for (int i = 0, k = b; i < n; i++, k += size) plane[i] = source[k];
        }
        source[(n * size)..].CopyTo(target[(n * size)..]);
    }

    internal static void Inverse(ReadOnlySpan<byte> source, Span<byte> target, int size)
    {
        target = target[..source.Length];
        int n = source.Length / size;
        int done = size == 4 ? Inverse4(source, target, n) : 0;
        for (int b = 0; b < size; b++)
        {
            var plane = source.Slice(b * n, n);
            for (int i = done, k = done * size + b; i < n; i++, k += size) target[k] = plane[i];
        }
        source[(n * size)..].CopyTo(target[(n * size)..]);
    }

    /// <summary>Sixteen 4-byte elements at a time; returns how many were done.</summary>
    private static int Inverse4(ReadOnlySpan<byte> source, Span<byte> target, int n)
    {
        ref byte s = ref MemoryMarshal.GetReference(source);
        ref byte t = ref MemoryMarshal.GetReference(target);
        int i = 0;
        for (; i + 16 <= n; i += 16)
        {
            var (a0, a1) = Vector128.Widen(Vector128.LoadUnsafe(ref s, (nuint)i));
            var (b0, b1) = Vector128.Widen(Vector128.LoadUnsafe(ref s, (nuint)(n + i)));
            var (c0, c1) = Vector128.Widen(Vector128.LoadUnsafe(ref s, (nuint)(2L * n + i)));
            var (d0, d1) = Vector128.Widen(Vector128.LoadUnsafe(ref s, (nuint)(3L * n + i)));
            Store(a0 | b0 << 8, c0 | d0 << 8, ref Unsafe.Add(ref t, (nint)i * 4));
            Store(a1 | b1 << 8, c1 | d1 << 8, ref Unsafe.Add(ref t, (nint)i * 4 + 32));
        }
        return i;
    }

    private static void Store(Vector128<ushort> low, Vector128<ushort> high, ref byte target)
    {
        var (l0, l1) = Vector128.Widen(low);
        var (h0, h1) = Vector128.Widen(high);
        (l0 | h0 << 16).AsByte().StoreUnsafe(ref target);
        (l1 | h1 << 16).AsByte().StoreUnsafe(ref target, 16);
    }
}
