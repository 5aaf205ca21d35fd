using System.Runtime.InteropServices;
using System.Text;

namespace Cellcast.AnnData.Hdf5;

/// <summary>Between CLR arrays and HDF5's memory types, for datasets and attributes alike. Under the lock.</summary>
internal static unsafe class H5Transfer
{
    internal delegate void ReadInto(H5TypeId memoryType, void* buffer);

    internal delegate void WithPointer(void* pointer);

    /// <summary>Reads <paramref name="n"/> elements of a file type into the CLR type that holds them.</summary>
    /// <param name="fileType">Type in the file.</param>
    /// <param name="space">Memory dataspace, for giving variable-length strings back.</param>
    /// <param name="n">Number of elements.</param>
    /// <param name="read">Calls the library.</param>
    internal static Array Read(H5TypeId fileType, H5SpaceId space, long n, ReadInto read)
    {
        var info = H5TypeInfo.Of(fileType);
        if (info.Kind == H5Kind.String) return ReadStrings(info, fileType, space, n, read);
        Type clr = info.ClrType ?? throw new Hdf5Exception($"its type ({info.Describe()}) is not supported");
        if (info.Kind == H5Kind.Boolean)
        {
            byte[] raw = new byte[n];
            fixed (byte* p = raw) read(fileType, p);
            return Array.ConvertAll(raw, b => b == 1);
        }
        var values = Array.CreateInstance(clr, n);
        var pin = GCHandle.Alloc(values, GCHandleType.Pinned);
        try
        {
            using var owned = MemoryType(info, fileType, clr);
            read(owned ?? (clr == typeof(Half) ? fileType : H5.NativeType(clr)), (void*)pin.AddrOfPinnedObject());
        }
        finally { pin.Free(); }
        return values;
    }

    /// <summary>Enumerations are read as their base integers through the type's native form; null where a predefined type serves.</summary>
    internal static H5TypeId? MemoryType(H5TypeInfo info, H5TypeId fileType, Type clr) =>
        info.Kind == H5Kind.Enumeration ? H5.Check(NativeMethods.H5Tget_native_type(fileType, 0), "convert an enumeration") : null;

    private static string[] ReadStrings(H5TypeInfo info, H5TypeId fileType, H5SpaceId space, long n, ReadInto read)
    {
        var result = new string[n];
        if (!info.VariableLength)
        {
            byte[] raw = new byte[checked(n * info.Size)];
            fixed (byte* p = raw) read(fileType, p);
            for (long i = 0; i < n; i++) result[i] = H5Strings.Fixed(raw.AsSpan((int)(i * info.Size), info.Size), info.Padding);
            return result;
        }
        nint[] pointers = new nint[n];
        fixed (nint* p = pointers)
        {
            // After a failed read the library has given the strings back itself.
            read(fileType, p);
            try
            {
                for (long i = 0; i < n; i++) result[i] = H5Strings.Variable(p[i]);
            }
            finally { H5.Reclaim(fileType, space, p); }
        }
        return result;
    }

    /// <summary>Lends strings as an array of pointers to null-terminated UTF-8.</summary>
    internal static void WithStrings(ReadOnlySpan<string> values, WithPointer use)
    {
        long total = 0;
        foreach (string s in values) total += Encoding.UTF8.GetByteCount(s) + 1;
        byte* text = (byte*)NativeMemory.Alloc((nuint)Math.Max(total, 1));
        nint* pointers = (nint*)NativeMemory.Alloc((nuint)Math.Max(values.Length, 1), (nuint)sizeof(nint));
        try
        {
            byte* next = text;
            for (int i = 0; i < values.Length; i++)
            {
                pointers[i] = (nint)next;
                int length = Encoding.UTF8.GetBytes(values[i], new Span<byte>(next, int.MaxValue));
                // A null inside would end the string early for every C reader.
                if (new Span<byte>(next, length).IndexOf((byte)0) >= 0) throw new InputException($"the text '{values[i].Replace('\0', '\u2400')}' holds a null character, which h5ad files cannot store.");
                next += length;
                *next++ = 0;
            }
            use(pointers);
        }
        finally
        {
            NativeMemory.Free(pointers);
            NativeMemory.Free(text);
        }
    }
}
