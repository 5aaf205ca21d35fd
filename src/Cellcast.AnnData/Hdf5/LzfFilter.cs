using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static Cellcast.AnnData.Hdf5.NativeMethods;

namespace Cellcast.AnnData.Hdf5;

/// <summary>
/// Decompression of LZF, the filter that h5py brings along (number 32000) and libhdf5 itself lacks. The stream is a sequence of
/// literal runs (control byte below 32: that many + 1 bytes follow) and back references (3 bits of length, 13 bits of distance).
/// </summary>
internal static unsafe class LzfFilter
{
    internal const int Id = 32000;
    private const uint Reverse = 0x100;

    /// <summary>Registers the filter unless the process has one. Under the lock.</summary>
    internal static void Register()
    {
        if (H5Zfilter_avail(Id) > 0) return;
        var filter = (H5FilterClass*)NativeMemory.AllocZeroed((nuint)sizeof(H5FilterClass));
        (filter->Version, filter->Id, filter->EncoderPresent, filter->DecoderPresent) = (1, Id, 0, 1);
        filter->Name = (byte*)Marshal.StringToCoTaskMemUTF8("lzf");
        filter->Filter = &Apply;
        _ = H5Zregister(filter);
    }

    [UnmanagedCallersOnly]
    private static nuint Apply(uint flags, nuint valueCount, uint* values, nuint byteCount, nuint* bufferSize, void** buffer)
    {
        // No exception may leave here: 0 says that it failed.
        if ((flags & Reverse) == 0 || byteCount > int.MaxValue) return 0;
        // The third value is the size of a whole chunk; without it, grow until it fits.
        nuint size = valueCount >= 3 && values[2] != 0 ? values[2] : *bufferSize;
        const nuint Limit = 1u << 31;
        for (; size > 0 && size <= Limit; size *= 2)
        {
            byte* target = (byte*)H5allocate_memory(size, false);
            if (target is null) return 0;
            int n = Decompress(new ReadOnlySpan<byte>(*buffer, (int)byteCount), new Span<byte>(target, (int)Math.Min(size, int.MaxValue)));
            if (n > 0)
            {
                _ = H5free_memory(*buffer);
                *buffer = target;
                *bufferSize = size;
                return (nuint)n;
            }
            _ = H5free_memory(target);
            if (n == Damaged) return 0;
        }
        return 0;
    }

    internal const int TooSmall = -1, Damaged = -2;

    /// <summary>The number of bytes produced, <see cref="TooSmall"/> when they do not fit, <see cref="Damaged"/> when the input is not LZF.</summary>
    internal static int Decompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        int s = 0, t = 0;
        while (s < source.Length)
        {
            int control = source[s++];
            if (control < 32)
            {
                int run = control + 1;
                if (s + run > source.Length) return Damaged;
                if (t + run > target.Length) return TooSmall;
                source.Slice(s, run).CopyTo(target[t..]);
                (s, t) = (s + run, t + run);
                continue;
            }
            int length = control >> 5;
            if (length == 7)
            {
                if (s >= source.Length) return Damaged;
                length += source[s++];
            }
            if (s >= source.Length) return Damaged;
            int from = t - ((control & 31) << 8) - source[s++] - 1;
            length += 2;
            if (from < 0) return Damaged;
            if (t + length > target.Length) return TooSmall;
            // Source and target may overlap: a byte at a time repeats what was just written.
            for (int k = 0; k < length; k++) target[t++] = target[from++];
        }
        return t;
    }
}
