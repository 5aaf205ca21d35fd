using System.Runtime.InteropServices;
using System.Text;

namespace Cellcast.AnnData.Hdf5;

/// <summary>Bytes of HDF5 strings to text: UTF-8, and Latin-1 where the bytes are not UTF-8 (old R writers).</summary>
internal static unsafe class H5Strings
{
    private static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    internal static string Decode(ReadOnlySpan<byte> bytes)
    {
        try { return s_strict.GetString(bytes); }
        catch (DecoderFallbackException) { return Encoding.Latin1.GetString(bytes); }
    }

    /// <summary>A fixed-length string without its padding.</summary>
    internal static string Fixed(ReadOnlySpan<byte> bytes, int padding)
    {
        const int SpacePadded = 2;
        if (padding == SpacePadded) return Decode(bytes.TrimEnd((ReadOnlySpan<byte>)[(byte)' ', 0]));
        int end = bytes.IndexOf((byte)0);
        return Decode(end < 0 ? bytes : bytes[..end]);
    }

    /// <summary>A C string; null counts as empty.</summary>
    internal static string Variable(nint pointer) => pointer == 0 ? "" : Decode(MemoryMarshal.CreateReadOnlySpanFromNullTerminated((byte*)pointer));
}
