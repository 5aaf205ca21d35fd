using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.AnnData.TenX;

namespace Cellcast.AnnData;

/// <summary>How <see cref="AnyFile"/> reads; each format uses what concerns it.</summary>
public sealed record AnyFileOptions
{
    /// <summary>What to read of h5ad files.</summary>
    public H5adReadOptions H5ad { get; init; } = new();

    /// <summary>How to read count files of 10x Genomics, mtx and Visium folders.</summary>
    public TenXOptions TenX { get; init; } = new();

    /// <summary>How to read tables.</summary>
    public CountTableOptions Table { get; init; } = new();
}

/// <summary>The front door for data: one path, whatever its format.</summary>
public static class AnyFile
{
    private static readonly string[] s_zarrFiles = [".zgroup", ".zattrs", "zarr.json"];
    private static readonly string[] s_outsFiles = ["filtered_feature_bc_matrix.h5", "sample_filtered_feature_bc_matrix.h5"];

    /// <summary>Reads a file or folder as observations x variables; what was decided on the way is in <see cref="AnnotatedData.Warnings"/>.</summary>
    /// <param name="path">h5ad of any era, 10x h5, mtx or Visium folder (or the <c>outs</c> folder that holds one), csv / tsv / GCT, plain or gzip, or
    /// a data set inside a file, as <c>cohort.h5mu/mod/rna</c>.</param>
    /// <param name="options">How to read each format.</param>
    /// <exception cref="InputException">The path is none of these; the message says what it is and what to do.</exception>
    public static AnnotatedData Read(string path, AnyFileOptions? options = null)
    {
        options ??= new AnyFileOptions();
        var (format, place, tenX) = Locate(path, options.TenX);
        return format switch
        {
            FileFormat.H5ad => H5adFile.Read(place, options.H5ad),
            FileFormat.TenXH5 => TenXH5.Read(place, tenX),
            FileFormat.MtxFolder => MtxFolder.Read(place, tenX),
            FileFormat.VisiumFolder => VisiumFolder.Read(place, tenX),
            _ => CountTable.Read(place, options.Table),
        };
    }

    /// <summary>The format of a file or folder, without reading it.</summary>
    /// <exception cref="InputException">The path is of no format that is read.</exception>
    public static FileFormat Detect(string path) => Locate(path, new TenXOptions()).Format;

    private static (FileFormat Format, string Place, TenXOptions TenX) Locate(string path, TenXOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path)) return LocateFolder(path, options);
        if (File.Exists(path)) return LocateFile(path, options);
        if (ContainingFile(path) is { } file)
        {
            if (FileSniffer.IsHdf5(file)) return (FileFormat.H5ad, path, options);
            throw new InputException($"'{file}': is no HDF5 file, so there is no '{path[(file.Length + 1)..]}' inside it.");
        }
        throw new InputException($"'{path}': no such file or folder.");
    }

    private static (FileFormat, string, TenXOptions) LocateFile(string path, TenXOptions options)
    {
        if (FileSniffer.IsHdf5(path)) return (Hdf5Sniffer.Format(path), path, options);
        using (var text = TextInput.Open(path))
        {
            var head = new byte[14];
            int n = text.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
            if (!head.AsSpan(0, n).SequenceEqual("%%MatrixMarket"u8)) return (FileFormat.Table, path, options);
        }
        // The matrix of an mtx folder: its names lie beside it.
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!MtxFolder.IsMatrix(Path.GetFileName(path)))
            throw new InputException($"'{path}': is a Matrix Market file without names; call it matrix.mtx, put features.tsv and barcodes.tsv beside it, and give the folder.");
        return (FileFormat.MtxFolder, folder, options with { Prefix = options.Prefix ?? MtxFolder.PrefixOf(path) });
    }

    private static (FileFormat, string, TenXOptions) LocateFolder(string folder, TenXOptions options)
    {
        if (VisiumFolder.IsOne(folder)) return (FileFormat.VisiumFolder, folder, options);
        if (MtxFolder.IsOne(folder)) return (FileFormat.MtxFolder, folder, options);
        if (s_zarrFiles.Any(f => File.Exists(Path.Combine(folder, f))))
            throw new InputException($"'{folder}': is a Zarr store, which is not read; write it as h5ad first.");

        if (File.Exists(Path.Combine(folder, "spatial", "tissue_positions.parquet")))
            throw new InputException($"'{folder}': has the positions of its spots as Parquet (Visium HD), which is not read; write spatial/tissue_positions.csv from it first.");

        // 'outs' of Cell Ranger, or a folder around one folder per genome.
        string? h5 = s_outsFiles.Select(f => Path.Combine(folder, f)).FirstOrDefault(File.Exists);
        if (h5 is not null) return (FileFormat.TenXH5, h5, options);
        string[] inside = [.. Directory.EnumerateDirectories(folder).Where(MtxFolder.IsOne).Order(StringComparer.Ordinal)];
        string[] names = [.. inside.Select(d => Path.GetFileName(d)!)];
        if (options.Genome is { } genome && Array.IndexOf(names, genome) is >= 0 and var g) return (FileFormat.MtxFolder, inside[g], options with { Genome = null });
        if (Array.FindIndex(names, n => n is "filtered_feature_bc_matrix" or "filtered") is >= 0 and var f) return (FileFormat.MtxFolder, inside[f], options);
        if (inside.Length == 1) return (FileFormat.MtxFolder, inside[0], options);
        if (inside.Length > 1)
            throw new InputException($"'{folder}': holds several matrices ({string.Join(", ", names.Select(n => $"'{n}'"))}); give one of these folders.");
        throw new InputException($"'{folder}' is neither an mtx folder (matrix.mtx, features.tsv, barcodes.tsv) nor a Visium folder (spatial/tissue_positions.csv).");
    }

    /// <summary>The file that a path goes on inside of, as in <c>cohort.h5mu/mod/rna</c>; null where there is none.</summary>
    private static string? ContainingFile(string path)
    {
        for (string? p = Path.GetDirectoryName(path); !string.IsNullOrEmpty(p); p = Path.GetDirectoryName(p))
            if (File.Exists(p)) return p;
        return null;
    }
}
