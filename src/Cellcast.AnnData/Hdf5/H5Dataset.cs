using System.Runtime.InteropServices;
using static Cellcast.AnnData.Hdf5.NativeMethods;

namespace Cellcast.AnnData.Hdf5;

/// <summary>A dataset: shape, type, and its elements.</summary>
internal sealed unsafe class H5Dataset : H5Object
{
    private static readonly Dictionary<int, string> s_filters = new()
    {
        [4] = "szip",
        [307] = "bzip2",
        [32001] = "blosc",
        [32004] = "lz4",
        [32008] = "bitshuffle",
        [32013] = "zfp",
        [32015] = "zstd",
        [32026] = "blosc2",
    };

    internal H5Dataset(H5ObjectId id) : base(id)
    {
        using var _ = H5.Enter();
        using var space = H5.Check(H5Dget_space(id), "read a dataset's shape");
        using var type = H5.Check(H5Dget_type(id), "read a dataset's type");
        long[]? shape = H5Space.Shape(space);
        (IsNull, Shape, Type) = (shape is null, shape ?? [0], H5TypeInfo.Of(type));
        Count = H5Space.Count(Shape);
    }

    /// <summary>Whether it has the null dataspace: nothing at all is stored.</summary>
    internal bool IsNull { get; }

    internal bool IsScalar => Shape.Length == 0;

    internal long[] Shape { get; }

    /// <summary>Number of elements.</summary>
    internal long Count { get; }

    internal H5TypeInfo Type { get; }

    /// <summary>Refuses sizes that no array can have or that the stored bytes cannot unpack to.</summary>
    internal void RequirePlausibleSize()
    {
        if (Count > Array.MaxLength) throw new Hdf5Exception($"it has {Count} elements, more than the {Array.MaxLength} that one array can hold");
        RequireStoredSize();
    }

    /// <summary>Refuses sizes that the stored bytes cannot unpack to.</summary>
    internal void RequireStoredSize()
    {
        const long Harmless = 1L << 28, DeflateLimit = 1032;
        long bytes = Count > long.MaxValue / Math.Max(1, Type.Size) ? long.MaxValue : Count * Math.Max(1, Type.Size);
        if (bytes <= Harmless) return;
        using var _ = H5.Enter();
        ulong stored = H5Dget_storage_size(Id);
        if ((ulong)bytes / DeflateLimit > stored) throw new Hdf5Exception($"it claims {Count} elements but stores only {stored} bytes");
    }

    /// <summary>All elements, row-major, in the CLR type that holds them.</summary>
    internal Array ReadAll(int threads)
    {
        RequirePlausibleSize();
        if (Count == 0) return Array.CreateInstance(Type.ClrType ?? typeof(double), 0);
        if (Type.BytesAreValues && Type.Kind != H5Kind.Boolean && ChunkReader.TryOpen(this) is { } chunks)
        {
            var values = Array.CreateInstance(Type.ClrType!, Count);
            var pin = GCHandle.Alloc(values, GCHandleType.Pinned);
            try { chunks.ReadAll((byte*)pin.AddrOfPinnedObject(), threads); }
            finally { pin.Free(); }
            return values;
        }
        using var _ = H5.Enter();
        using var type = H5.Check(H5Dget_type(Id), "read a dataset's type");
        using var space = H5.Check(H5Dget_space(Id), "read a dataset's shape");
        return H5Transfer.Read(type, space, Count, (t, buffer) => Transfer(t, 0, 0, buffer));
    }

    internal delegate void BlockSink(long start, ReadOnlySpan<byte> values);

    /// <summary>
    /// Hands the elements of a 1-D dataset of numbers or truth values out in blocks, in their CLR type's bytes, unordered and from several threads at once;
    /// no more than a few blocks are in memory.
    /// </summary>
    internal void ReadBlocks(int threads, BlockSink sink)
    {
        RequirePlausibleSize();
        if (Count == 0) return;
        var blocks = H5Blocks.Open(this);
        blocks.Read(threads, blocks.Count, b => b, sink);
    }

    /// <summary>Rows of a compound dataset as bytes, with the memory layout of the fields; strings of variable length are taken out and given back.</summary>
    internal (H5TypeInfo Layout, byte[] Rows, string[]?[] VariableStrings) ReadCompound()
    {
        RequirePlausibleSize();
        using var _ = H5.Enter();
        using var fileType = H5.Check(H5Dget_type(Id), "read a dataset's type");
        using var type = H5.Check(H5Tget_native_type(fileType, 0), "convert a compound type");
        using var space = H5.Check(H5Dget_space(Id), "read a dataset's shape");
        var layout = H5TypeInfo.Of(type);
        long bytes = checked(Count * layout.Size);
        if (bytes > Array.MaxLength) throw new Hdf5Exception($"it has {Count} rows of {layout.Size} bytes, which is too much for this old layout");
        byte[] rows = new byte[bytes];
        var strings = new string[]?[layout.Fields.Count];
        if (Count == 0) return (layout, rows, strings);
        fixed (byte* p = rows)
        {
            Transfer(type, 0, 0, p);
            for (int f = 0; f < layout.Fields.Count; f++)
            {
                if (layout.Fields[f].Type is not { Kind: H5Kind.String, VariableLength: true }) continue;
                var s = new string[Count];
                for (long i = 0; i < Count; i++) s[i] = H5Strings.Variable(*(nint*)(p + i * layout.Size + layout.Fields[f].Offset));
                strings[f] = s;
            }
            H5.Reclaim(type, space, p);
        }
        return (layout, rows, strings);
    }

    /// <summary>0 for a space means all of the dataset. Under the lock.</summary>
    internal void Transfer(H5TypeId memoryType, nint memorySpace, nint fileSpace, void* buffer)
    {
        if (H5Dread(Id, memoryType, memorySpace, fileSpace, H5PropertiesId.Default, buffer) >= 0) return;
        if (MissingFilter() is { } filter)
        {
            _ = H5Eclear2(0);
            throw new Hdf5Exception($"it is compressed with {filter}, which this installation of HDF5 does not have; write the file again with compression='gzip'");
        }
        H5.Check(-1, "read a dataset");
    }

    private string? MissingFilter()
    {
        using var creation = H5Dget_create_plist(Id);
        if (creation.IsInvalid) return null;
        foreach (var f in Filters(creation))
            if (H5Zfilter_avail(f.Id) <= 0) return s_filters.TryGetValue(f.Id, out string? name) ? name : $"filter {f.Id}";
        return null;
    }

    /// <summary>The filters data went through when written, in order. Under the lock.</summary>
    internal static List<(int Id, uint FirstValue)> Filters(H5PropertiesId creation)
    {
        int n = H5Pget_nfilters(creation);
        var result = new List<(int, uint)>();
        uint* values = stackalloc uint[16];
        for (uint i = 0; i < n; i++)
        {
            nuint count = 16;
            int id = (int)H5.Check(H5Pget_filter2(creation, i, out _, ref count, values, 0, null, out _), "read a filter");
            result.Add((id, count > 0 ? values[0] : 0));
        }
        return result;
    }
}
