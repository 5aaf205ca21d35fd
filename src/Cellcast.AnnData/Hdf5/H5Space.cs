using static Cellcast.AnnData.Hdf5.NativeMethods;

namespace Cellcast.AnnData.Hdf5;

/// <summary>Dataspaces. Under the lock.</summary>
internal static unsafe class H5Space
{
    internal const int MaximalRank = 32;

    /// <summary>Dimensions; none for a scalar, null for the null dataspace.</summary>
    internal static long[]? Shape(H5SpaceId id)
    {
        const int Null = 2;
        if (H5.Check(H5Sget_simple_extent_type(id), "read a shape") == Null) return null;
        int rank = (int)H5.Check(H5Sget_simple_extent_ndims(id), "read a shape");
        if (rank > MaximalRank) throw new Hdf5Exception($"it claims {rank} dimensions");
        ulong* dims = stackalloc ulong[MaximalRank];
        H5.Check(H5Sget_simple_extent_dims(id, dims, null), "read a shape");
        var shape = new long[rank];
        for (int i = 0; i < rank; i++) shape[i] = dims[i] > long.MaxValue ? throw new Hdf5Exception("it claims an impossible size") : (long)dims[i];
        return shape;
    }

    internal static H5SpaceId Simple(ReadOnlySpan<long> shape)
    {
        ulong* dims = stackalloc ulong[MaximalRank];
        for (int i = 0; i < shape.Length; i++) dims[i] = (ulong)shape[i];
        return H5.Check(H5Screate_simple(shape.Length, dims, null), "make a dataspace");
    }

    /// <summary>A shape whose first dimension can grow.</summary>
    internal static H5SpaceId Growing(ReadOnlySpan<long> shape)
    {
        ulong* dims = stackalloc ulong[2 * MaximalRank], most = dims + MaximalRank;
        for (int i = 0; i < shape.Length; i++) dims[i] = most[i] = (ulong)shape[i];
        most[0] = ulong.MaxValue;
        return H5.Check(H5Screate_simple(shape.Length, dims, most), "make a dataspace");
    }

    /// <summary>Number of elements; 1 for a scalar.</summary>
    internal static long Count(ReadOnlySpan<long> shape)
    {
        if (shape.Contains(0)) return 0;
        long n = 1;
        foreach (long d in shape)
        {
            if (n > long.MaxValue / d) throw new Hdf5Exception("it claims an impossible size");
            n *= d;
        }
        return n;
    }
}
