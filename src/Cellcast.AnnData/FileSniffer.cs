using System.Text;
using Cellcast.AnnData.Tables;

namespace Cellcast.AnnData;

/// <summary>Recognises files by their first bytes, and says what to do with those that are not read.</summary>
internal static class FileSniffer
{
    private const int HeadSize = 4096;

    private static ReadOnlySpan<byte> Hdf5Signature => [0x89, (byte)'H', (byte)'D', (byte)'F', 0x0d, 0x0a, 0x1a, 0x0a];

    /// <summary>What a file is, by content: HDF5 or text, all else is refused.</summary>
    /// <exception cref="InputException">The file is of a kind that is not read; the message says which and what to do.</exception>
    internal static bool IsHdf5(string path)
    {
        using var file = TextInput.OpenRaw(path);
        if (file.Length == 0) throw new InputException($"'{path}': the file is empty.");
        if (HasHdf5Signature(file)) return true;
        byte[] head = Head(file);
        if (head is [0x1f, 0x8b, ..]) head = Inflated(path, head);
        if (Foreign(head) is { } what) throw new InputException($"'{path}': is {what}.");
        string name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        if (Path.GetExtension(name).ToLowerInvariant() is ".h5ad" or ".h5" or ".h5mu" or ".hdf5" or ".loom")
            throw new InputException($"'{path}': is no HDF5 file in spite of its name; perhaps the download broke off or brought an error page.");
        if (StartsWithMarkup(head)) throw new InputException($"'{path}': is a web page, not data; download the file itself.");
        if (head.AsSpan().Contains((byte)0) || Controls(head) * 10 > head.Length)
            throw new InputException($"'{path}': is a binary file of a kind that is not recognised; h5ad, 10x h5, mtx and Visium folders, csv and tsv are read.");
        return false;
    }

    // HDF5 may be preceded by a user block of 512, 1024, 2048 … bytes (MuData has one of 512).
    private static bool HasHdf5Signature(FileStream file)
    {
        Span<byte> bytes = stackalloc byte[8];
        for (long at = 0; at <= 1 << 20 && at + 8 <= file.Length; at = at == 0 ? 512 : at * 2)
        {
            file.Position = at;
            file.ReadExactly(bytes);
            if (bytes.SequenceEqual(Hdf5Signature)) return true;
        }
        return false;
    }

    private static byte[] Head(Stream stream)
    {
        if (stream.CanSeek) stream.Position = 0;
        var head = new byte[HeadSize];
        return head[..stream.ReadAtLeast(head, HeadSize, throwOnEndOfStream: false)];
    }

    private static byte[] Inflated(string path, byte[] compressed)
    {
        using var inflate = TextInput.OpenBytes(path);
        byte[] head = Head(inflate);
        if (head.AsSpan().StartsWith(Hdf5Signature)) throw new InputException($"'{path}': is a gzip-compressed HDF5 file; unpack it first (gunzip).");
        return head;
    }

    private static string? Foreign(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("PK\u0003\u0004"u8))
        {
            bool office = head.IndexOf("[Content_Types].xml"u8) >= 0 || head.IndexOf("xl/"u8) >= 0;
            return office ? "a spreadsheet (xlsx); save the sheet as CSV (UTF-8) first" : "a zip archive; unpack it and give the file or folder inside";
        }
        if (head.StartsWith("X\n\0\0"u8) || head.StartsWith("A\n2\n"u8) || head.StartsWith("A\n3\n"u8) || head.StartsWith("RDX"u8) || head.StartsWith("RDA"u8))
            return "an R data file (rds or RData); in R, write it as h5ad (for Seurat: package 'anndataR' or 'SeuratDisk') or its counts as csv or mtx";
        if (head.StartsWith("BZh"u8)) return "compressed with bzip2; unpack it first (bunzip2)";
        if (head.StartsWith((ReadOnlySpan<byte>)[0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0])) return "compressed with xz; unpack it first (unxz)";
        if (head.StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd])) return "compressed with zstd; unpack it first (unzstd)";
        if (head.StartsWith((ReadOnlySpan<byte>)[(byte)'7', (byte)'z', 0xbc, 0xaf])) return "a 7-zip archive; unpack it and give the file or folder inside";
        if (head.Length > 262 && head.Slice(257, 5).SequenceEqual("ustar"u8)) return "a tar archive; unpack it (tar xf) and give the file or folder inside";
        if (head.StartsWith("PAR1"u8)) return "a Parquet file; write it as csv or h5ad first";
        if (head.StartsWith("ARROW1"u8)) return "an Arrow (Feather) file; write it as csv or h5ad first";
        if (head.StartsWith((ReadOnlySpan<byte>)[0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'])) return "a NumPy array, which has no names; write it as h5ad first";
        if (head.StartsWith((ReadOnlySpan<byte>)[0xd0, 0xcf, 0x11, 0xe0])) return "an old Excel file (xls); save the sheet as CSV (UTF-8) first";
        if (head.StartsWith((ReadOnlySpan<byte>)[0x80, 0x02]) || head.StartsWith((ReadOnlySpan<byte>)[0x80, 0x04]) || head.StartsWith((ReadOnlySpan<byte>)[0x80, 0x05])) return "a Python pickle, which is not read because it can run code; write it as h5ad first";
        if (head.StartsWith("%PDF"u8)) return "a PDF document, not data";
        return null;
    }

    private static bool StartsWithMarkup(ReadOnlySpan<byte> head)
    {
        string start = Encoding.Latin1.GetString(head[..Math.Min(head.Length, 64)]).TrimStart().ToLowerInvariant();
        return start.StartsWith("<!doctype", StringComparison.Ordinal) || start.StartsWith("<html", StringComparison.Ordinal) || start.StartsWith("<?xml", StringComparison.Ordinal);
    }

    private static int Controls(ReadOnlySpan<byte> head)
    {
        int n = 0;
        foreach (byte b in head)
            if (b < 32 && b is not ((byte)'\t' or (byte)'\n' or (byte)'\r')) n++;
        return n;
    }
}
