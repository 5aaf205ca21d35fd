using System.Reflection;
using System.Runtime.InteropServices;
using static Cellcast.AnnData.Hdf5.NativeMethods;

namespace Cellcast.AnnData.Hdf5;

/// <summary>
/// The HDF5 library of this process: found and checked on first use, its printing of errors silenced, and one lock around every call,
/// since most builds are not thread-safe and the others only serialise.
/// </summary>
internal static unsafe class H5
{
    internal const string PathVariable = "CELLCAST_HDF5";

    private const string HowToInstall = "install it (Debian or Ubuntu: apt-get install libhdf5-103-1 (or libhdf5-310), Fedora: dnf install hdf5, macOS: brew install hdf5, conda: hdf5) or set " + PathVariable + " to the library's path";

    private static readonly Lock s_gate = new();
    private static readonly Lazy<nint> s_library = new(Load, LazyThreadSafetyMode.ExecutionAndPublication);
    private static bool s_ready;
    [ThreadStatic] private static bool t_silenced;

    static H5() => NativeLibrary.SetDllImportResolver(Assembly.GetExecutingAssembly(), (name, _, _) => name == Library ? s_library.Value : 0);

    /// <summary>Takes the lock (the same thread may take it again); every call of <see cref="NativeMethods"/> happens inside.</summary>
    /// <exception cref="InputException">The library is not there, or too old: the message says what to install.</exception>
    internal static Lock.Scope Enter()
    {
        _ = s_library.Value;
        var scope = s_gate.EnterScope();
        try
        {
            if (!s_ready) Initialise();
            if (!t_silenced)
            {
                // Thread-safe builds keep one error stack per thread.
                _ = H5Eset_auto2(0, null, null);
                t_silenced = true;
            }
            return scope;
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    /// <summary>Whether the raw reading and writing of chunks is there (1.10.3 and later).</summary>
    internal static bool HasRawChunks { get; private set; }

    internal static H5TypeId Int8 { get; private set; } = null!;
    internal static H5TypeId Int16 { get; private set; } = null!;
    internal static H5TypeId Int32 { get; private set; } = null!;
    internal static H5TypeId Int64 { get; private set; } = null!;
    internal static H5TypeId UInt8 { get; private set; } = null!;
    internal static H5TypeId UInt16 { get; private set; } = null!;
    internal static H5TypeId UInt32 { get; private set; } = null!;
    internal static H5TypeId UInt64 { get; private set; } = null!;
    internal static H5TypeId Single { get; private set; } = null!;
    internal static H5TypeId Double { get; private set; } = null!;
    internal static H5TypeId ObjectReference { get; private set; } = null!;
    private static H5TypeId CharString { get; set; } = null!;

    internal static long FileCreation { get; private set; }
    internal static long FileAccess { get; private set; }
    internal static long GroupCreation { get; private set; }
    internal static long DatasetCreation { get; private set; }
    internal static long AttributeCreation { get; private set; }
    internal static long LinkCreation { get; private set; }

    /// <summary>A new variable-length UTF-8 string type. Under the lock.</summary>
    internal static H5TypeId NewString()
    {
        var t = H5Tcopy(CharString);
        Check(H5Tset_size(t, nuint.MaxValue), "make a string type");
        Check(H5Tset_cset(t, 1), "make a string type");
        Check(H5Tset_strpad(t, 0), "make a string type");
        return t;
    }

    /// <summary>A new truth value type as h5py and anndata write it: an 8-bit enumeration of FALSE and TRUE. Under the lock.</summary>
    internal static H5TypeId NewBoolean()
    {
        var t = H5Tenum_create(Int8);
        sbyte value = 0;
        Check(H5Tenum_insert(t, "FALSE", &value), "make a truth value type");
        value = 1;
        Check(H5Tenum_insert(t, "TRUE", &value), "make a truth value type");
        return t;
    }

    /// <summary>The memory type of a CLR number type; it is also the type in our files (little-endian machines only).</summary>
    internal static H5TypeId NativeType(Type type) =>
        type == typeof(sbyte) ? Int8 : type == typeof(short) ? Int16 : type == typeof(int) ? Int32 : type == typeof(long) ? Int64
        : type == typeof(byte) ? UInt8 : type == typeof(ushort) ? UInt16 : type == typeof(uint) ? UInt32 : type == typeof(ulong) ? UInt64
        : type == typeof(float) ? Single : type == typeof(double) ? Double : throw new ArgumentException($"no HDF5 number type for {type}", nameof(type));

    /// <summary>Throws with the library's words when a call failed. Under the lock.</summary>
    internal static long Check(long result, string action) => result >= 0 ? result : throw Failure(action);

    /// <summary>See <see cref="Check(long, string)"/>.</summary>
    internal static T Check<T>(T id, string action) where T : H5Id
    {
        if (!id.IsInvalid) return id;
        id.Dispose();
        throw Failure(action);
    }

    private static Hdf5Exception Failure(string action)
    {
        var words = new List<string>();
        var handle = GCHandle.Alloc(words);
        try
        {
            // 1 = from the public function inwards
            _ = H5Ewalk2(0, 1, &Collect, (void*)GCHandle.ToIntPtr(handle));
            _ = H5Eclear2(0);
        }
        finally { handle.Free(); }
        string last = words.Count == 0 ? "" : $" ({words[^1].TrimEnd('.')})";
        return new Hdf5Exception($"HDF5 could not {action}{last}") { Stack = words };
    }

    [UnmanagedCallersOnly]
    private static int Collect(uint n, H5Error* error, void* data)
    {
        if (error->Description is not null && GCHandle.FromIntPtr((nint)data).Target is List<string> words)
            words.Add(Marshal.PtrToStringUTF8((nint)error->Description) ?? "");
        return 0;
    }

    private static IEnumerable<string> Candidates()
    {
        if (OperatingSystem.IsWindows())
        {
            yield return "hdf5.dll";
            yield break;
        }
        string? conda = Environment.GetEnvironmentVariable("CONDA_PREFIX");
        if (OperatingSystem.IsMacOS())
        {
            yield return "libhdf5.dylib";
            yield return "/opt/homebrew/lib/libhdf5.dylib";
            yield return "/usr/local/lib/libhdf5.dylib";
            yield return "/opt/local/lib/libhdf5.dylib";
            if (conda is not null) yield return Path.Combine(conda, "lib", "libhdf5.dylib");
            yield break;
        }
        foreach (string version in (string[])["103", "310", "200", "320", "101", "100"])
        {
            yield return "libhdf5_serial.so." + version;
            yield return "libhdf5.so." + version;
        }
        yield return "libhdf5_serial.so";
        yield return "libhdf5.so";
        if (conda is not null) yield return Path.Combine(conda, "lib", "libhdf5.so");
    }

    private static nint Load()
    {
        if (Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } chosen)
        {
            if (NativeLibrary.TryLoad(chosen, out nint library)) return Accept(library, chosen);
            throw new InputException($"libhdf5 could not be loaded from '{chosen}', where {PathVariable} points; correct or unset {PathVariable}, or {HowToInstall}.");
        }
        foreach (string name in Candidates())
            if (NativeLibrary.TryLoad(name, out nint library)) return Accept(library, name);
        throw new InputException($"libhdf5, which reads and writes h5ad files, is not installed; {HowToInstall}.");
    }

    private static nint Accept(nint library, string name)
    {
        if (!NativeLibrary.TryGetExport(library, "H5get_libversion", out nint address))
            throw new InputException($"'{name}' is not libhdf5; {HowToInstall}.");
        // Everything is closed explicitly. After a write that failed (full disk) the library's own clean-up at exit would touch freed memory:
        // switch that off before the first call that starts the library.
        if (NativeLibrary.TryGetExport(library, "H5dont_atexit", out nint dontAtExit)) _ = ((delegate* unmanaged<int>)dontAtExit)();
        uint major, minor, release;
        _ = ((delegate* unmanaged<uint*, uint*, uint*, int>)address)(&major, &minor, &release);
        if (major < 1 || major == 1 && minor < 10)
            throw new InputException($"libhdf5 {major}.{minor}.{release} ('{name}') is too old, 1.10 or later is needed; {HowToInstall}.");
        return library;
    }

    private static void Initialise()
    {
        if (!BitConverter.IsLittleEndian || nint.Size != 8) throw new InputException("h5ad files are supported on 64-bit little-endian machines only.");
        nint library = s_library.Value;
        if (H5open() < 0) throw new InputException("libhdf5 could not be started.");
        (Int8, Int16, Int32, Int64) = (Type("NATIVE_INT8"), Type("NATIVE_INT16"), Type("NATIVE_INT32"), Type("NATIVE_INT64"));
        (UInt8, UInt16, UInt32, UInt64) = (Type("NATIVE_UINT8"), Type("NATIVE_UINT16"), Type("NATIVE_UINT32"), Type("NATIVE_UINT64"));
        (Single, Double) = (Type("NATIVE_FLOAT"), Type("NATIVE_DOUBLE"));
        (CharString, ObjectReference) = (Type("C_S1"), Type("STD_REF_OBJ"));
        (FileCreation, FileAccess, GroupCreation) = (Class("FILE_CREATE"), Class("FILE_ACCESS"), Class("GROUP_CREATE"));
        (DatasetCreation, AttributeCreation, LinkCreation) = (Class("DATASET_CREATE"), Class("ATTRIBUTE_CREATE"), Class("LINK_CREATE"));
        HasRawChunks = Has("H5Dread_chunk") && Has("H5Dwrite_chunk") && Has("H5Dget_chunk_storage_size");
        LzfFilter.Register();
        s_ready = true;

        bool Has(string function) => NativeLibrary.TryGetExport(library, function, out _);
        long Global(string symbol) => *(long*)NativeLibrary.GetExport(library, symbol);
        H5TypeId Type(string name) => new(Global($"H5T_{name}_g"));
        long Class(string name) => Global($"H5P_CLS_{name}_ID_g");
    }

    /// <summary>New files have names of their own and need no lock, which a child process started meanwhile would go on holding. Since 1.10.7. Under the lock.</summary>
    internal static void WithoutFileLock(H5PropertiesId access)
    {
        if (!NativeLibrary.TryGetExport(s_library.Value, "H5Pset_file_locking", out nint address)) return;
        _ = ((delegate* unmanaged<nint, byte, byte, int>)address)(access.DangerousGetHandle(), 0, 1);
    }

    /// <summary>Names of a group's links in name order. Under the lock.</summary>
    internal static List<string> LinkNames(H5ObjectId group)
    {
        // The function was renamed in 1.12; of the callback's arguments only the link information differs, which is not looked at.
        nint address = 0;
        foreach (string name in (string[])["H5Literate2", "H5Literate1", "H5Literate"])
            if (NativeLibrary.TryGetExport(s_library.Value, name, out address)) break;
        var iterate = (delegate* unmanaged<nint, int, int, ulong*, delegate* unmanaged<nint, byte*, void*, void*, int>, void*, int>)address;
        var names = new List<string>();
        var handle = GCHandle.Alloc(names);
        bool kept = false;
        try
        {
            group.DangerousAddRef(ref kept);
            ulong position = 0;
            Check(iterate(group.DangerousGetHandle(), 0, 0, &position, &CollectName, (void*)GCHandle.ToIntPtr(handle)), "list a group");
        }
        finally
        {
            handle.Free();
            if (kept) group.DangerousRelease();
        }
        return names;
    }

    [UnmanagedCallersOnly]
    private static int CollectName(nint group, byte* name, void* info, void* data)
    {
        ((List<string>)GCHandle.FromIntPtr((nint)data).Target!).Add(H5Strings.Variable((nint)name));
        return 0;
    }

    /// <summary>Gives the strings that a read allocated back. Under the lock.</summary>
    internal static void Reclaim(H5TypeId type, H5SpaceId space, void* buffer)
    {
        // H5Treclaim replaced H5Dvlen_reclaim in 1.12, where the old name may be compiled out.
        _ = NativeLibrary.TryGetExport(s_library.Value, "H5Treclaim", out _)
            ? H5Treclaim(type, space, H5PropertiesId.Default, buffer)
            : H5Dvlen_reclaim(type, space, H5PropertiesId.Default, buffer);
    }
}
