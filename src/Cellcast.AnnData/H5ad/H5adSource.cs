using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>Finds and opens the file behind a path that may go on inside it, and explains why it cannot.</summary>
internal static class H5adSource
{
    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'H', (byte)'D', (byte)'F', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Splits <c>cohort.h5mu/mod/rna</c> into the file and the group inside it.</summary>
    /// <exception cref="InputException">There is no such file.</exception>
    internal static (string File, string Inside) Split(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (File.Exists(path)) return (path, "");
        if (Directory.Exists(path)) throw new InputException($"'{path}' is a folder, not an h5ad file; name the file, or convert a folder of 10x files first.");
        for (string? parent = Path.GetDirectoryName(path); !string.IsNullOrEmpty(parent); parent = Path.GetDirectoryName(parent))
            if (File.Exists(parent)) return (parent, path[(parent.Length + 1)..].Replace('\\', '/').Trim('/'));
        throw new InputException($"'{path}' does not exist.");
    }

    /// <summary>Opens an HDF5 file for reading.</summary>
    /// <exception cref="InputException">It cannot be opened or is not HDF5.</exception>
    internal static H5File Open(string file)
    {
        try { return H5File.Open(file); }
        catch (Hdf5Exception e) when (e.Says("lock file"))
        {
            throw new InputException($"'{file}' is locked by another program, or its file system has no locks; close the other program, or set HDF5_USE_FILE_LOCKING=FALSE.", e);
        }
        catch (Hdf5Exception e)
        {
            RequireSignature(file);
            string problem = e.Says("truncated") ? $"is cut off: it is shorter ({new FileInfo(file).Length} bytes) than it says; copy or download it again" : $"is damaged: {e.Message}";
            throw new InputException($"'{file}' {problem}.", e);
        }
    }

    /// <summary>HDF5 looks for its signature at byte 0, 512, 1024, 2048 and so on.</summary>
    private static void RequireSignature(string file)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            Span<byte> start = stackalloc byte[8];
            for (long at = 0; at + 8 <= stream.Length; at = at == 0 ? 512 : at * 2)
            {
                stream.Position = at;
                stream.ReadExactly(start);
                if (start.SequenceEqual(Signature)) return;
            }
            stream.Position = 0;
            start.Clear();
            _ = stream.ReadAtLeast(start, 8, throwOnEndOfStream: false);
            string what = stream.Length == 0 ? "it is empty"
                : start[..2].SequenceEqual((ReadOnlySpan<byte>)[0x1F, 0x8B]) ? "it is compressed with gzip, so unpack it first"
                : start[..2].SequenceEqual("PK"u8) ? "it is a zip archive, so unpack it first"
                : start[0] == '<' ? "it looks like a web page, so download it again"
                : "check that it is the right file";
            throw new InputException($"'{file}' is not an HDF5 (h5ad) file; {what}.");
        }
        catch (UnauthorizedAccessException e) { throw new InputException($"'{file}' cannot be read: permission denied.", e); }
        catch (IOException e) { throw new InputException($"'{file}' cannot be read: {e.Message.TrimEnd('.')}.", e); }
    }

    /// <summary>Says what a file is when it is not an annotated data set.</summary>
    internal static InputException NotAnnData(string file, H5Group group, string inside)
    {
        string where = inside.Length == 0 ? "" : $" in '{inside}'";
        var names = group.Names();
        string hint = "";
        if (names.Contains("mod") && group.Open("mod") is H5Group mod)
        {
            using (mod) hint = $"; it is MuData, so name one of its modalities: {string.Join(", ", mod.Names().Take(8).Select(n => $"'{file}/mod/{n}'"))}";
        }
        else if (names.Contains("matrix") && names.Contains("row_attrs")) hint = "; it looks like a loom file";
        else if (names.Contains("matrix") || names.Any(n => IsTenX(group, n))) hint = "; it looks like a 10x file, so convert it first";
        return new InputException($"'{file}' is no h5ad file: there is no 'obs' and 'var'{where}{hint}.");
    }

    private static bool IsTenX(H5Group group, string name)
    {
        using var o = group.OpenIfThere(name);
        return o is H5Group g && g.Contains("barcodes") && g.Contains("indptr");
    }
}
