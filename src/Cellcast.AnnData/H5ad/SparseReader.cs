using System.Numerics;
using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>Groups of <c>data</c>, <c>indices</c>, <c>indptr</c>: compressed rows or columns, of any number types, into canonical compressed rows.</summary>
internal static class SparseReader
{
    internal static Matrix Read(ReadContext context, H5Group group, string key, bool columnMajor)
    {
        long[] shape = group.IntegersAttribute("shape") ?? group.IntegersAttribute("h5sparse_shape") ?? throw new Hdf5Exception("it has no attribute 'shape'");
        if (shape.Length != 2 || shape.Any(d => d is < 0 or > int.MaxValue - 1)) throw new Hdf5Exception($"its shape ({string.Join(" x ", shape)}) is not that of a matrix");
        var (rows, columns) = ((int)shape[0], (int)shape[1]);
        var (major, minor) = columnMajor ? (columns, rows) : (rows, columns);
        if (!columnMajor && context.Streams(key)) return StoredMatrix.Open(context, key, rows, columns);

        using var indPtrSet = Part(context, group, key, "indptr");
        using var indicesSet = Part(context, group, key, "indices");
        using var dataSet = Part(context, group, key, "data");
        // All lengths before any bulk read: a damaged file must not cost memory.
        if (indPtrSet.Count != major + 1L) throw context.Error($"{key}/indptr", $"has {indPtrSet.Count} entries, but a matrix of {rows} x {columns} needs {major + 1L}");
        if (indicesSet.Count != dataSet.Count) throw context.Error(key, $"has {indicesSet.Count} indices but {dataSet.Count} values");
        long[] indPtr = context.At($"{key}/indptr", () => VectorReader.ReadInt64(indPtrSet, context.Threads));
        if (indPtr[major] != indicesSet.Count) throw context.Error($"{key}/indptr", $"ends with {indPtr[major]}, but there are {indicesSet.Count} indices; the file is damaged or was cut off");
        int[] indices = context.At($"{key}/indices", () => VectorReader.ReadInt32(indicesSet, context.Threads));
        if (Csr.Problem(major, minor, indPtr, indices, dataSet.Count, requireSorted: false) is { } problem) throw new Hdf5Exception(columnMajor ? problem.Replace("row", "column", StringComparison.Ordinal) : problem);
        bool rounded = false;
        var (single, wide) = context.At($"{key}/data", () => VectorReader.ReadValues(dataSet, context.Threads, out rounded));
        if (rounded) context.Warn($"{key}/data", "holds integers above 2^53, which were rounded");
        if (single is not null)
        {
            (indPtr, indices, single) = Canonical(indPtr, indices, single);
            return new SparseMatrix(rows, columns, indPtr, indices, single);
        }
        (indPtr, indices, wide) = Canonical(indPtr, indices, wide!);
        return new SparseMatrix64(rows, columns, indPtr, indices, wide);

        (long[], int[], T[]) Canonical<T>(long[] p, int[] i, T[] v) where T : unmanaged, INumber<T>
        {
            // Turning columns into rows sorts on the way; repeats end up side by side.
            if (columnMajor) (p, i, v) = Csr.Transpose(major, minor, p, i, v);
            Csr.Canonicalise(rows, p, ref i, ref v);
            return (p, i, v);
        }
    }

    private static H5Dataset Part(ReadContext context, H5Group group, string key, string name) =>
        context.At($"{key}/{name}", () => group.OpenDataset(name) ?? throw new Hdf5Exception("the dataset is missing"));
}
