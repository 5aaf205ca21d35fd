using System.Text;
using static Cellcast.AnnData.Hdf5.NativeMethods;

namespace Cellcast.AnnData.Hdf5;

/// <summary>An open file; its root group is <see cref="Root"/>.</summary>
internal sealed class H5File : IDisposable
{
    private readonly H5FileId _id;

    private H5File(H5FileId id)
    {
        _id = id;
        Root = new H5Group(OpenObject(id, "/"));
    }

    internal H5Group Root { get; }

    /// <summary>Opens for reading.</summary>
    internal static H5File Open(string path)
    {
        using var _ = H5.Enter();
        return new H5File(H5.Check(H5Fopen(path, 0, H5PropertiesId.Default), "open the file"));
    }

    /// <summary>Creates a new file without times in it.</summary>
    /// <param name="path">Must not exist.</param>
    /// <param name="wideAttributes">Allow attributes above 64 KiB, at the price of HDF5 1.8's newer object headers.</param>
    internal static H5File Create(string path, bool wideAttributes)
    {
        using var _ = H5.Enter();
        using var creation = H5.Check(H5Pcreate(H5.FileCreation), "create the file");
        H5.Check(H5Pset_obj_track_times(creation, false), "create the file");
        using var access = H5.Check(H5Pcreate(H5.FileAccess), "create the file");
        H5.WithoutFileLock(access);
        // 1 = HDF5 1.8; the highest number differs from version to version, 2 (1.10) is known to all that are accepted.
        if (wideAttributes) H5.Check(H5Pset_libver_bounds(access, 1, 2), "create the file");
        const uint CreateNew = 4;
        return new H5File(H5.Check(H5Fcreate(path, CreateNew, creation, access), "create the file"));
    }

    internal static H5ObjectId OpenObject(H5Id location, string name) => H5.Check(H5Oopen(location, name, H5PropertiesId.Default), $"open '{name}'");

    /// <summary>Writes what is still in memory to the file, so that a full disk shows before the file is closed.</summary>
    internal void Flush()
    {
        using var _ = H5.Enter();
        H5.Check(H5Fflush(_id, 1), "write the file");
    }

    public void Dispose()
    {
        Root.Dispose();
        _id.Dispose();
    }
}

/// <summary>A group or a dataset, with its attributes.</summary>
internal abstract unsafe class H5Object : IDisposable
{
    private protected H5Object(H5ObjectId id) => Id = id;

    internal H5ObjectId Id { get; }

    public void Dispose() => Id.Dispose();

    internal static H5Object Wrap(H5ObjectId id)
    {
        const int Group = 2, Dataset = 5;
        switch (H5Iget_type(id))
        {
            case Group: return new H5Group(id);
            case Dataset:
                try { return new H5Dataset(id); }
                catch
                {
                    id.Dispose();
                    throw;
                }
            default:
                id.Dispose();
                throw new Hdf5Exception("it is neither a group nor a dataset");
        }
    }

    internal bool HasAttribute(string name)
    {
        using var _ = H5.Enter();
        return H5Aexists(Id, name) > 0;
    }

    /// <summary>A string attribute, scalar or of one element; null when absent or not a string.</summary>
    internal string? StringAttribute(string name) => Attribute(name) is { Values: string[] { Length: 1 } s } ? s[0] : null;

    /// <summary>A list of strings; null when absent. An empty list may be stored in any type.</summary>
    internal string[]? StringsAttribute(string name) => Attribute(name) switch
    {
        null => null,
        { Values: string[] s } => s,
        { Values.Length: 0 } => [],
        _ => throw new Hdf5Exception($"its attribute '{name}' is not a list of strings"),
    };

    /// <summary>Integers of any width; null when absent.</summary>
    internal long[]? IntegersAttribute(string name)
    {
        if (Attribute(name) is not { } a) return null;
        if (a.Values is long[] exact) return exact;
        if (a.Values is string[]) throw new Hdf5Exception($"its attribute '{name}' is not a list of integers");
        double[] d = ElementTypes.ToDouble(a.Values);
        return Array.ConvertAll(d, x => x == Math.Floor(x) && Math.Abs(x) < 1L << 53 ? (long)x : throw new Hdf5Exception($"its attribute '{name}' is not a list of integers"));
    }

    /// <summary>A truth value, stored as such or as an integer; null when absent.</summary>
    internal bool? BooleanAttribute(string name) => Attribute(name) switch { { Values: bool[] { Length: 1 } b } => b[0], { Values: { Length: 1 } v } when v is not string[] => ElementTypes.ToDouble(v)[0] != 0, _ => null };

    private const long AttributeLimit = 1 << 26;

    /// <summary>The values of an attribute and their dimensions, null when absent.</summary>
    private (Array Values, long[] Shape)? Attribute(string name)
    {
        using var _ = H5.Enter();
        if (H5.Check(H5Aexists(Id, name), $"look for attribute '{name}'") == 0) return null;
        using var attribute = H5.Check(H5Aopen(Id, name, H5PropertiesId.Default), $"open attribute '{name}'");
        using var type = H5.Check(H5Aget_type(attribute), $"read attribute '{name}'");
        using var space = H5.Check(H5Aget_space(attribute), $"read attribute '{name}'");
        long[] shape = H5Space.Shape(space) ?? [0];
        long n = H5Space.Count(shape);
        if (n > AttributeLimit) throw new Hdf5Exception($"its attribute '{name}' claims {n} elements");
        if (n == 0) return (Array.Empty<double>(), shape);
        return (H5Transfer.Read(type, space, n, (t, buffer) => H5.Check(H5Aread(attribute, t, buffer), $"read attribute '{name}'")), shape);
    }

    /// <summary>The object that an attribute refers to; null when the attribute is absent or no reference.</summary>
    internal H5Object? ReferenceAttribute(string name)
    {
        using var _ = H5.Enter();
        if (H5Aexists(Id, name) <= 0) return null;
        using var attribute = H5.Check(H5Aopen(Id, name, H5PropertiesId.Default), $"open attribute '{name}'");
        using var type = H5.Check(H5Aget_type(attribute), $"read attribute '{name}'");
        using var space = H5.Check(H5Aget_space(attribute), $"read attribute '{name}'");
        const int ObjectReferenceSize = 8;
        if (H5TypeInfo.Of(type) is not { Kind: H5Kind.Reference, Size: ObjectReferenceSize } || H5Space.Count(H5Space.Shape(space) ?? [0]) != 1) return null;
        ulong reference = 0;
        H5.Check(H5Aread(attribute, H5.ObjectReference, &reference), $"read attribute '{name}'");
        return Wrap(H5.Check(H5Rdereference2(Id, H5PropertiesId.Default, 0, &reference), $"follow the reference in attribute '{name}'"));
    }

    internal void WriteAttribute(string name, string value) => WriteStrings(name, [value], scalar: true);

    internal void WriteAttribute(string name, string[] values) => WriteStrings(name, values, scalar: false);

    internal void WriteAttribute(string name, bool value)
    {
        using var _ = H5.Enter();
        using var type = H5.NewBoolean();
        using var space = H5.Check(H5Screate(0), "make a dataspace");
        byte b = value ? (byte)1 : (byte)0;
        WriteRaw(name, type, space, &b);
    }

    internal void WriteAttribute(string name, long[] values)
    {
        using var _ = H5.Enter();
        using var space = H5Space.Simple([values.Length]);
        fixed (long* p = values) WriteRaw(name, H5.Int64, space, p);
    }

    /// <summary>An empty list, in the type anndata gives it.</summary>
    internal void WriteEmptyAttribute(string name)
    {
        using var _ = H5.Enter();
        using var space = H5Space.Simple([0]);
        double none = 0;
        WriteRaw(name, H5.Double, space, &none);
    }

    private void WriteStrings(string name, string[] values, bool scalar)
    {
        using var _ = H5.Enter();
        using var type = H5.NewString();
        using var space = scalar ? H5.Check(H5Screate(0), "make a dataspace") : H5Space.Simple([values.Length]);
        H5Transfer.WithStrings(values, pointers => WriteRaw(name, type, space, pointers));
    }

    private void WriteRaw(string name, H5TypeId type, H5SpaceId space, void* data)
    {
        using var attribute = H5.Check(H5Acreate2(Id, name, type, space, H5PropertiesId.Default, H5PropertiesId.Default), $"write attribute '{name}'");
        H5.Check(H5Awrite(attribute, type, data), $"write attribute '{name}'");
    }
}

/// <summary>A group: named groups and datasets.</summary>
internal sealed unsafe class H5Group : H5Object
{
    private const ulong LinkLimit = 1_000_000;

    internal H5Group(H5ObjectId id) : base(id) { }

    /// <summary>Names of the entries, in name order.</summary>
    internal IReadOnlyList<string> Names()
    {
        using var _ = H5.Enter();
        H5.Check(H5Gget_info(Id, out var info), "list a group");
        if (info.LinkCount > LinkLimit) throw new Hdf5Exception($"it claims {info.LinkCount} entries");
        return H5.LinkNames(Id);
    }

    internal bool Contains(string name)
    {
        using var _ = H5.Enter();
        return name.Length > 0 && H5Lexists(Id, name, H5PropertiesId.Default) > 0;
    }

    /// <summary>Opens an entry that is there.</summary>
    /// <exception cref="BrokenLinkException">It is a link to something that is not there.</exception>
    internal H5Object Open(string name)
    {
        using var _ = H5.Enter();
        H5ObjectId id;
        try { id = H5File.OpenObject(Id, name); }
        catch (Hdf5Exception e) when (LeadsNowhere(name)) { throw new BrokenLinkException("is a link to something that is not there", e); }
        return Wrap(id);
    }

    /// <summary>An entry, or null where it is a link to something that is not there.</summary>
    internal H5Object? OpenIfThere(string name)
    {
        try { return Open(name); }
        catch (BrokenLinkException) { return null; }
    }

    /// <summary>What tells this group from every other one, by whatever links it was reached: its file and its address there.</summary>
    internal (string File, ulong Address) Identity()
    {
        using var _ = H5.Enter();
        ulong address = 0;
        H5.Check(H5Rcreate(&address, Id, ".", 0, -1), "locate a group");
        byte[] name = new byte[checked((int)H5.Check(H5Fget_name(Id, null, 0), "name the file of a group")) + 1];
        fixed (byte* p = name) H5.Check(H5Fget_name(Id, p, (nuint)name.Length), "name the file of a group");
        return (System.Text.Encoding.UTF8.GetString(name), address);
    }

    /// <summary>Under the lock.</summary>
    private bool LeadsNowhere(string name) => H5Lexists(Id, name, H5PropertiesId.Default) > 0 && H5Oexists_by_name(Id, name, H5PropertiesId.Default) <= 0;

    /// <summary>The dataset of that name; null when absent or a group.</summary>
    internal H5Dataset? OpenDataset(string name)
    {
        if (!Contains(name)) return null;
        var o = Open(name);
        if (o is H5Dataset d) return d;
        o.Dispose();
        return null;
    }

    internal H5Group CreateGroup(string name)
    {
        using var _ = H5.Enter();
        using var creation = H5.Check(H5Pcreate(H5.GroupCreation), "create a group");
        H5.Check(H5Pset_obj_track_times(creation, false), "create a group");
        using var link = NewLink();
        return new H5Group(H5.Check(H5Gcreate2(Id, name, link, creation, H5PropertiesId.Default), $"create group '{name}'"));
    }

    /// <summary>Names of entries are UTF-8. Under the lock.</summary>
    internal static H5PropertiesId NewLink()
    {
        var link = H5.Check(H5Pcreate(H5.LinkCreation), "create a link");
        H5.Check(H5Pset_char_encoding(link, 1), "create a link");
        return link;
    }
}
