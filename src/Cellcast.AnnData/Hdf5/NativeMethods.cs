using System.Runtime.InteropServices;

namespace Cellcast.AnnData.Hdf5;

/// <summary>The functions of libhdf5 that are used: only those whose name and signature are the same from 1.10 to 2.0. Call them under <see cref="H5.Enter"/>.</summary>
internal static unsafe partial class NativeMethods
{
    internal const string Library = "cellcast-libhdf5";

    [LibraryImport(Library)] internal static partial int H5open();
    [LibraryImport(Library)] internal static partial int H5get_libversion(out uint major, out uint minor, out uint release);
    [LibraryImport(Library)] internal static partial int H5free_memory(void* memory);
    [LibraryImport(Library)] internal static partial void* H5allocate_memory(nuint size, [MarshalAs(UnmanagedType.I1)] bool clear);

    [LibraryImport(Library)] internal static partial int H5Eset_auto2(long stack, void* function, void* data);
    [LibraryImport(Library)] internal static partial int H5Ewalk2(long stack, int direction, delegate* unmanaged<uint, H5Error*, void*, int> function, void* data);
    [LibraryImport(Library)] internal static partial int H5Eclear2(long stack);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial H5FileId H5Fopen(string name, uint flags, H5PropertiesId access);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial H5FileId H5Fcreate(string name, uint flags, H5PropertiesId creation, H5PropertiesId access);
    [LibraryImport(Library)] internal static partial int H5Fclose(nint id);
    [LibraryImport(Library)] internal static partial nint H5Fget_name(H5Id id, byte* name, nuint size);
    [LibraryImport(Library)] internal static partial int H5Fflush(H5Id id, int scope);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial H5ObjectId H5Oopen(H5Id location, string name, H5PropertiesId access);
    [LibraryImport(Library)] internal static partial int H5Oclose(nint id);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int H5Oexists_by_name(H5Id location, string name, H5PropertiesId access);
    [LibraryImport(Library)] internal static partial int H5Iget_type(H5Id id);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int H5Rcreate(void* reference, H5Id location, string name, int kind, long space);
    [LibraryImport(Library)] internal static partial H5ObjectId H5Rdereference2(H5Id location, H5PropertiesId access, int kind, void* reference);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial H5ObjectId H5Gcreate2(H5Id location, string name, H5PropertiesId link, H5PropertiesId creation, H5PropertiesId access);
    [LibraryImport(Library)] internal static partial int H5Gget_info(H5Id id, out H5GroupInfo info);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int H5Lexists(H5Id location, string name, H5PropertiesId access);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int H5Aexists(H5Id location, string name);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial H5AttributeId H5Aopen(H5Id location, string name, H5PropertiesId access);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial H5AttributeId H5Acreate2(H5Id location, string name, H5TypeId type, H5SpaceId space, H5PropertiesId creation, H5PropertiesId access);
    [LibraryImport(Library)] internal static partial int H5Aclose(nint id);
    [LibraryImport(Library)] internal static partial H5TypeId H5Aget_type(H5AttributeId id);
    [LibraryImport(Library)] internal static partial H5SpaceId H5Aget_space(H5AttributeId id);
    [LibraryImport(Library)] internal static partial int H5Aread(H5AttributeId id, H5TypeId type, void* buffer);
    [LibraryImport(Library)] internal static partial int H5Awrite(H5AttributeId id, H5TypeId type, void* buffer);

    [LibraryImport(Library)] internal static partial H5SpaceId H5Screate(int kind);
    [LibraryImport(Library)] internal static partial H5SpaceId H5Screate_simple(int rank, ulong* dims, ulong* maximum);
    [LibraryImport(Library)] internal static partial int H5Sclose(nint id);
    [LibraryImport(Library)] internal static partial int H5Sget_simple_extent_type(H5SpaceId id);
    [LibraryImport(Library)] internal static partial int H5Sget_simple_extent_ndims(H5SpaceId id);
    [LibraryImport(Library)] internal static partial int H5Sget_simple_extent_dims(H5SpaceId id, ulong* dims, ulong* maximum);
    [LibraryImport(Library)] internal static partial int H5Sselect_hyperslab(H5SpaceId id, int operation, ulong* start, ulong* stride, ulong* count, ulong* block);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial H5ObjectId H5Dcreate2(H5Id location, string name, H5TypeId type, H5SpaceId space, H5PropertiesId link, H5PropertiesId creation, H5PropertiesId access);
    [LibraryImport(Library)] internal static partial H5TypeId H5Dget_type(H5ObjectId id);
    [LibraryImport(Library)] internal static partial H5SpaceId H5Dget_space(H5ObjectId id);
    [LibraryImport(Library)] internal static partial H5PropertiesId H5Dget_create_plist(H5ObjectId id);
    [LibraryImport(Library)] internal static partial int H5Dset_extent(H5ObjectId id, ulong* size);
    [LibraryImport(Library)] internal static partial ulong H5Dget_storage_size(H5ObjectId id);
    [LibraryImport(Library)] internal static partial int H5Dread(H5ObjectId id, H5TypeId type, nint memorySpace, nint fileSpace, H5PropertiesId transfer, void* buffer);
    [LibraryImport(Library)] internal static partial int H5Dwrite(H5ObjectId id, H5TypeId type, nint memorySpace, nint fileSpace, H5PropertiesId transfer, void* buffer);
    [LibraryImport(Library)] internal static partial int H5Dget_chunk_storage_size(H5ObjectId id, ulong* offset, out ulong size);
    [LibraryImport(Library)] internal static partial int H5Dread_chunk(H5ObjectId id, H5PropertiesId transfer, ulong* offset, out uint filterMask, void* buffer);
    [LibraryImport(Library)] internal static partial int H5Dwrite_chunk(H5ObjectId id, H5PropertiesId transfer, uint filterMask, ulong* offset, nuint size, void* buffer);
    [LibraryImport(Library)] internal static partial int H5Dvlen_reclaim(H5TypeId type, H5SpaceId space, H5PropertiesId transfer, void* buffer);
    [LibraryImport(Library)] internal static partial int H5Treclaim(H5TypeId type, H5SpaceId space, H5PropertiesId transfer, void* buffer);

    [LibraryImport(Library)] internal static partial H5PropertiesId H5Pcreate(long propertyClass);
    [LibraryImport(Library)] internal static partial int H5Pclose(nint id);
    [LibraryImport(Library)] internal static partial int H5Pget_layout(H5PropertiesId id);
    [LibraryImport(Library)] internal static partial int H5Pget_chunk(H5PropertiesId id, int rank, ulong* dims);
    [LibraryImport(Library)] internal static partial int H5Pset_chunk(H5PropertiesId id, int rank, ulong* dims);
    [LibraryImport(Library)] internal static partial int H5Pset_deflate(H5PropertiesId id, uint level);
    [LibraryImport(Library)] internal static partial int H5Pset_shuffle(H5PropertiesId id);
    [LibraryImport(Library)] internal static partial int H5Pget_nfilters(H5PropertiesId id);
    [LibraryImport(Library)]
    internal static partial int H5Pget_filter2(H5PropertiesId id, uint index, out uint flags, ref nuint valueCount, uint* values, nuint nameSize, byte* name, out uint config);
    [LibraryImport(Library)] internal static partial int H5Pset_obj_track_times(H5PropertiesId id, [MarshalAs(UnmanagedType.I1)] bool track);
    [LibraryImport(Library)] internal static partial int H5Pset_libver_bounds(H5PropertiesId id, int low, int high);
    [LibraryImport(Library)] internal static partial int H5Pset_create_intermediate_group(H5PropertiesId id, uint create);
    [LibraryImport(Library)] internal static partial int H5Pset_char_encoding(H5PropertiesId id, int encoding);
    [LibraryImport(Library)] internal static partial int H5Zregister(H5FilterClass* filter);
    [LibraryImport(Library)] internal static partial int H5Zfilter_avail(int id);

    [LibraryImport(Library)] internal static partial H5TypeId H5Tcopy(H5TypeId id);
    [LibraryImport(Library)] internal static partial int H5Tclose(nint id);
    [LibraryImport(Library)] internal static partial int H5Tget_class(H5TypeId id);
    [LibraryImport(Library)] internal static partial nuint H5Tget_size(H5TypeId id);
    [LibraryImport(Library)] internal static partial int H5Tset_size(H5TypeId id, nuint size);
    [LibraryImport(Library)] internal static partial int H5Tget_sign(H5TypeId id);
    [LibraryImport(Library)] internal static partial int H5Tget_order(H5TypeId id);
    [LibraryImport(Library)] internal static partial nuint H5Tget_precision(H5TypeId id);
    [LibraryImport(Library)] internal static partial int H5Tget_fields(H5TypeId id, out nuint sign, out nuint exponentAt, out nuint exponentSize, out nuint mantissaAt, out nuint mantissaSize);
    [LibraryImport(Library)] internal static partial nuint H5Tget_ebias(H5TypeId id);
    [LibraryImport(Library)] internal static partial int H5Tis_variable_str(H5TypeId id);
    [LibraryImport(Library)] internal static partial int H5Tget_strpad(H5TypeId id);
    [LibraryImport(Library)] internal static partial int H5Tset_strpad(H5TypeId id, int padding);
    [LibraryImport(Library)] internal static partial int H5Tset_cset(H5TypeId id, int set);
    [LibraryImport(Library)] internal static partial int H5Tget_nmembers(H5TypeId id);
    [LibraryImport(Library)] internal static partial byte* H5Tget_member_name(H5TypeId id, uint n);
    [LibraryImport(Library)] internal static partial H5TypeId H5Tget_member_type(H5TypeId id, uint n);
    [LibraryImport(Library)] internal static partial nuint H5Tget_member_offset(H5TypeId id, uint n);
    [LibraryImport(Library)] internal static partial int H5Tget_member_value(H5TypeId id, uint n, void* value);
    [LibraryImport(Library)] internal static partial H5TypeId H5Tget_super(H5TypeId id);
    [LibraryImport(Library)] internal static partial H5TypeId H5Tget_native_type(H5TypeId id, int direction);
    [LibraryImport(Library)] internal static partial int H5Tget_array_ndims(H5TypeId id);
    [LibraryImport(Library)] internal static partial int H5Tget_array_dims2(H5TypeId id, ulong* dims);
    [LibraryImport(Library)] internal static partial H5TypeId H5Tenum_create(H5TypeId baseType);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int H5Tenum_insert(H5TypeId id, string name, void* value);
    [LibraryImport(Library)] internal static partial H5TypeId H5Tcreate(int kind, nuint size);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int H5Tinsert(H5TypeId id, string name, nuint offset, H5TypeId member);
}

/// <summary>H5E_error2_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct H5Error
{
    internal long Class, Major, Minor;
    internal uint Line;
    internal byte* Function, File, Description;
}

/// <summary>H5G_info_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct H5GroupInfo
{
    internal int StorageType;
    internal ulong LinkCount;
    internal long MaximalOrder;
    internal byte Mounted;
}

/// <summary>H5Z_class2_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct H5FilterClass
{
    internal int Version, Id;
    internal uint EncoderPresent, DecoderPresent;
    internal byte* Name;
    internal void* CanApply, SetLocal;
    internal delegate* unmanaged<uint, nuint, uint*, nuint, nuint*, void**, nuint> Filter;
}
