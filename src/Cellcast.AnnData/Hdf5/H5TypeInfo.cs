using System.Runtime.InteropServices;
using static Cellcast.AnnData.Hdf5.NativeMethods;

namespace Cellcast.AnnData.Hdf5;

internal enum H5Kind
{
    Integer,
    Float,
    String,
    Boolean,
    Enumeration,
    Compound,
    Reference,
    Array,
    Other,
}

/// <summary>A field of a compound type.</summary>
internal sealed record H5Field(string Name, int Offset, H5TypeInfo Type);

/// <summary>What a datatype is, in terms of this program.</summary>
internal sealed record H5TypeInfo(H5Kind Kind, int Size)
{
    internal bool Signed { get; private init; }
    internal bool BigEndian { get; private init; }
    /// <summary>Whether all bits of the value count (no padding bits) and, of a floating point number, lie where IEEE 754 has them, so that its bytes are the value.</summary>
    internal bool FullPrecision { get; private init; } = true;
    internal bool VariableLength { get; private init; }
    /// <summary>0 null-terminated, 1 null-padded, 2 space-padded.</summary>
    internal int Padding { get; private init; }
    /// <summary>Of a truth value: whether a third member stands for "missing" (value 2).</summary>
    internal bool HasMissing { get; private init; }
    internal IReadOnlyList<H5Field> Fields { get; private init; } = [];
    internal int[] Dimensions { get; private init; } = [];
    internal H5TypeInfo? Base { get; private init; }

    /// <summary>The CLR type that holds one element, null where there is none.</summary>
    internal Type? ClrType => Kind switch
    {
        H5Kind.Integer or H5Kind.Enumeration => (Size, Signed) switch
        {
            (1, true) => typeof(sbyte),
            (1, false) => typeof(byte),
            (2, true) => typeof(short),
            (2, false) => typeof(ushort),
            ( <= 4, true) => typeof(int),
            ( <= 4, false) => typeof(uint),
            ( <= 8, true) => typeof(long),
            ( <= 8, false) => typeof(ulong),
            _ => null,
        },
        H5Kind.Float => Size switch { 2 => BigEndian || !FullPrecision ? typeof(float) : typeof(Half), <= 4 => typeof(float), _ => typeof(double) },
        H5Kind.Boolean => typeof(bool),
        H5Kind.String => typeof(string),
        _ => null,
    };

    /// <summary>Whether the file's bytes, after decompression, are the CLR values.</summary>
    internal bool BytesAreValues => Kind is H5Kind.Integer or H5Kind.Float or H5Kind.Boolean && FullPrecision && (!BigEndian || Size == 1) && Size is 1 or 2 or 4 or 8;

    /// <summary>For people.</summary>
    internal string Describe() => Kind switch
    {
        H5Kind.String => "string",
        H5Kind.Compound => "compound",
        H5Kind.Reference => "reference",
        _ when ClrType is { } t => ElementTypes.Name(t),
        _ => "unsupported type",
    };

    /// <summary>Reads a type. Under the lock.</summary>
    internal static H5TypeInfo Of(H5TypeId id, int depth = 0)
    {
        if (depth > 8) throw new Hdf5Exception("a type is nested too deeply");
        int size = (int)Math.Min((ulong)H5Tget_size(id), int.MaxValue);
        switch (H5Tget_class(id))
        {
            case 0:
                return new H5TypeInfo(H5Kind.Integer, size) { Signed = H5Tget_sign(id) == 1, BigEndian = H5Tget_order(id) == 1, FullPrecision = (int)H5Tget_precision(id) == 8 * size };
            case 1:
                return new H5TypeInfo(H5Kind.Float, size) { Signed = true, BigEndian = H5Tget_order(id) == 1, FullPrecision = IsIeee(id, size) };
            case 3:
                return new H5TypeInfo(H5Kind.String, size) { VariableLength = H5Tis_variable_str(id) > 0, Padding = H5Tget_strpad(id) };
            case 6:
                return new H5TypeInfo(H5Kind.Compound, size) { Fields = FieldsOf(id, depth) };
            case 7:
                return new H5TypeInfo(H5Kind.Reference, size);
            case 8:
                return Enumeration(id, size, depth);
            case 10:
                return ArrayOf(id, size, depth);
            default:
                return new H5TypeInfo(H5Kind.Other, size);
        }
    }

    /// <summary>Sign, exponent and mantissa of half, single or double precision; not of bfloat16, VAX or extended precision.</summary>
    private static bool IsIeee(H5TypeId id, int size)
    {
        if (H5Tget_order(id) is not (0 or 1) || H5Tget_fields(id, out nuint sign, out nuint exponentAt, out nuint exponent, out nuint mantissaAt, out nuint mantissa) < 0) return false;
        int bits = size switch { 2 => 5, 4 => 8, 8 => 11, _ => 0 };
        return bits > 0 && (int)exponent == bits && (int)mantissa == 8 * size - bits - 1 && mantissaAt == 0 && exponentAt == mantissa && (int)sign == 8 * size - 1 && (long)H5Tget_ebias(id) == (1L << bits - 1) - 1;
    }

    private static unsafe List<H5Field> FieldsOf(H5TypeId id, int depth)
    {
        int n = (int)H5.Check(H5Tget_nmembers(id), "read a compound type");
        var fields = new List<H5Field>(n);
        for (uint i = 0; i < n; i++)
        {
            using var member = H5.Check(H5Tget_member_type(id, i), "read a compound type");
            fields.Add(new H5Field(MemberName(id, i), (int)H5Tget_member_offset(id, i), Of(member, depth + 1)));
        }
        return fields;
    }

    private static unsafe string MemberName(H5TypeId id, uint i)
    {
        byte* name = H5Tget_member_name(id, i);
        if (name is null) throw new Hdf5Exception("a member of a type has no name");
        string s = Marshal.PtrToStringUTF8((nint)name)!;
        _ = H5free_memory(name);
        return s;
    }

    private static unsafe H5TypeInfo Enumeration(H5TypeId id, int size, int depth)
    {
        using var baseId = H5.Check(H5Tget_super(id), "read an enumeration");
        var integer = Of(baseId, depth + 1);
        int n = (int)H5.Check(H5Tget_nmembers(id), "read an enumeration");
        if (size == 1 && n is 2 or 3)
        {
            var members = new Dictionary<string, sbyte>(StringComparer.OrdinalIgnoreCase);
            for (uint i = 0; i < n; i++)
            {
                sbyte value;
                H5.Check(H5Tget_member_value(id, i, &value), "read an enumeration");
                members[MemberName(id, i)] = value;
            }
            if (members.GetValueOrDefault("FALSE", (sbyte)-1) == 0 && members.GetValueOrDefault("TRUE", (sbyte)-1) == 1)
                return new H5TypeInfo(H5Kind.Boolean, 1) { HasMissing = n == 3 };
        }
        return integer with { Kind = H5Kind.Enumeration };
    }

    private static unsafe H5TypeInfo ArrayOf(H5TypeId id, int size, int depth)
    {
        using var baseId = H5.Check(H5Tget_super(id), "read an array type");
        int rank = (int)H5.Check(H5Tget_array_ndims(id), "read an array type");
        ulong* dims = stackalloc ulong[32];
        if (rank > 32) throw new Hdf5Exception("an array type has too many dimensions");
        H5.Check(H5Tget_array_dims2(id, dims), "read an array type");
        var d = new int[rank];
        for (int i = 0; i < rank; i++) d[i] = checked((int)dims[i]);
        return new H5TypeInfo(H5Kind.Array, size) { Dimensions = d, Base = Of(baseId, depth + 1) };
    }
}
