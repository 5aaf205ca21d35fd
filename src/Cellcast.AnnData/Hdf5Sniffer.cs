using Cellcast.AnnData.Hdf5;
using Cellcast.AnnData.TenX;

namespace Cellcast.AnnData;

/// <summary>Tells the HDF5 formats of the field apart by their groups.</summary>
internal static class Hdf5Sniffer
{
    /// <summary>The format of an HDF5 file.</summary>
    /// <exception cref="InputException">It is damaged, or of a format that is not read; the message says which.</exception>
    internal static FileFormat Format(string path)
    {
        try
        {
            using var file = H5File.Open(path);
            var root = file.Root;
            if (root.Contains("obs") && root.Contains("var") && root.StringAttribute("encoding-type") != "MuData" && !root.Contains("mod")) return FileFormat.H5ad;
            if (TenXH5.IsOne(root)) return FileFormat.TenXH5;
            if (root.Contains("mod")) throw new InputException($"'{path}': is a MuData file of several data sets; give one of them, as in {string.Join(", ", Modalities(root).Select(m => $"'{path}/mod/{m}'"))}.");
            if (root.Contains("row_attrs") && root.Contains("col_attrs"))
                throw new InputException($"'{path}': is a loom file, which is not read; write it as h5ad first (scanpy: read_loom, write_h5ad).");
            if (root.Contains("assays") && root.Contains("cell.names"))
                throw new InputException($"'{path}': is an h5Seurat file, which is not read; write it as h5ad first (SeuratDisk: Convert).");
            if (root.Contains("molecule_info") || root.Contains("barcode_idx"))
                throw new InputException($"'{path}': is a molecule info file of Cell Ranger, which has no count matrix; give filtered_feature_bc_matrix.h5.");
        }
        catch (Hdf5Exception e)
        {
            throw new InputException($"'{path}': is a damaged HDF5 file ({e.Message.TrimEnd('.')}).", e);
        }
        // Old and unusual files: the reader of h5ad has the last word.
        return FileFormat.H5ad;
    }

    private static IReadOnlyList<string> Modalities(H5Group root)
    {
        using var mod = root.Open("mod");
        return mod is H5Group g && g.Names() is { Count: > 0 } names ? names : ["NAME"];
    }
}
