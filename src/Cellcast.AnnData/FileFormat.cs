namespace Cellcast.AnnData;

/// <summary>Formats that <see cref="AnyFile"/> reads.</summary>
public enum FileFormat
{
    /// <summary>AnnData in HDF5, or one data set inside a larger HDF5 file (<c>cohort.h5mu/mod/rna</c>).</summary>
    H5ad,
    /// <summary>Counts of Cell Ranger in HDF5.</summary>
    TenXH5,
    /// <summary>Folder of <c>matrix.mtx</c>, <c>features.tsv</c>, <c>barcodes.tsv</c>.</summary>
    MtxFolder,
    /// <summary>Folder of Space Ranger.</summary>
    VisiumFolder,
    /// <summary>csv, tsv or other delimited text, plain or gzip.</summary>
    Table,
}
