using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>
/// Reads any element: a registry from (encoding-type, encoding-version) to its reader, and the conventions of files from before
/// the encodings were marked. Elements that have no counterpart here are left out with a warning, or refused when strict.
/// </summary>
internal static class ElementReader
{
    private delegate Element? Reader(ReadContext context, H5Object element, string key);

    private static readonly Dictionary<(string Type, string Version), Reader> s_registry = new()
    {
        [("array", "0.2.0")] = (c, e, k) => Array(c, Dataset(e), k),
        [("string-array", "0.2.0")] = (c, e, k) => Array(c, Dataset(e), k),
        [("numeric-scalar", "0.2.0")] = (c, e, k) => Array(c, Dataset(e), k),
        [("string", "0.2.0")] = (c, e, k) => Array(c, Dataset(e), k),
        [("bytes", "0.2.0")] = (c, e, k) => Array(c, Dataset(e), k),
        [("rec-array", "0.2.0")] = (c, e, k) => Array(c, Dataset(e), k),
        [("null", "0.1.0")] = (_, _, _) => null,
        [("csr_matrix", "0.1.0")] = (c, e, k) => SparseReader.Read(c, Group(e), k, columnMajor: false),
        [("csc_matrix", "0.1.0")] = (c, e, k) => SparseReader.Read(c, Group(e), k, columnMajor: true),
        [("dataframe", "0.1.0")] = (c, e, k) => TableReader.Read(c, Group(e), k),
        [("dataframe", "0.2.0")] = (c, e, k) => TableReader.Read(c, Group(e), k),
        [("categorical", "0.2.0")] = (c, e, k) => ColumnReader.Categorical(c, Group(e), k),
        [("nullable-integer", "0.1.0")] = (c, e, k) => ColumnReader.Nullable(c, Group(e), k),
        [("nullable-boolean", "0.1.0")] = (c, e, k) => ColumnReader.Nullable(c, Group(e), k),
        [("nullable-string-array", "0.1.0")] = (c, e, k) => ColumnReader.Nullable(c, Group(e), k),
        [("dict", "0.1.0")] = (c, e, k) => Map(c, Group(e), k),
        [("anndata", "0.1.0")] = (c, e, k) => AnnDataReader.Read(c, Group(e), k),
        [("raw", "0.1.0")] = (c, e, k) => Map(c, Group(e), k),
    };

    /// <summary>Reads an element; null when it was left out (a null, or unknown and said so).</summary>
    internal static Element? Read(ReadContext context, H5Object element, string key) => context.At(key, () =>
    {
        string? type = element.StringAttribute("encoding-type");
        string version = element.StringAttribute("encoding-version") ?? "";
        if (type is null or "") return Unmarked(context, element, key);
        if (s_registry.TryGetValue((type, version), out var reader)) return reader(context, element, key);
        string what = type == "awkward-array" ? "is an awkward array" : $"has the unknown encoding '{type}' {version}".TrimEnd();
        if (context.Options.Strict) throw context.Error(key, what);
        context.Warn(key, what + " and was left out");
        return null;
    });

    private static Element? Unmarked(ReadContext context, H5Object element, string key) => element switch
    {
        H5Dataset d => Array(context, d, key),
        H5Group g when g.StringAttribute("h5sparse_format") is { } format => SparseReader.Read(context, g, key, columnMajor: format == "csc"),
        H5Group g when g.HasAttribute("_index") && g.HasAttribute("column-order") => TableReader.Read(context, g, key),
        H5Group g => Map(context, g, key),
        _ => null,
    };

    /// <summary>Opens and reads an entry of a group; null when it is absent or was left out, as <see cref="H5adReadOptions.Without"/> or its encoding say.</summary>
    internal static Element? ReadEntry(ReadContext context, H5Group group, string name, string key)
    {
        if (context.Options.Without.Contains(key) || !group.Contains(name)) return null;
        using var o = context.At(key, () => group.Open(name));
        return Read(context, o, key);
    }

    /// <summary>Every entry of a group, in name order.</summary>
    internal static ElementMap Map(ReadContext context, H5Group group, string key) => context.Within(group, () =>
    {
        var map = new ElementMap();
        foreach (string name in group.Names())
            if (context.Dispensable($"{key}/{name}", () => ReadEntry(context, group, name, $"{key}/{name}")) is { } e) map[name] = e;
        return map;
    });

    /// <summary>A dataset without further structure: scalar, array, matrix or records.</summary>
    internal static Element? Array(ReadContext context, H5Dataset d, string key)
    {
        if (d.IsNull) return null;
        if (d.Type.Kind == H5Kind.Compound) return Records(context, d, key);
        if (d.Type.ClrType is null)
        {
            if (context.Options.Strict) throw context.Error(key, $"has a type ({d.Type.Describe()}) that cannot be read");
            context.Warn(key, $"has a type ({d.Type.Describe()}) that cannot be read and was left out");
            return null;
        }
        if (d.Shape.Any(n => n > int.MaxValue)) throw new Hdf5Exception($"its shape {string.Join(" x ", d.Shape)} is too big");
        var data = d.ReadAll(context.Threads);
        return d.Shape.Length switch
        {
            0 => new Scalar(data.GetValue(0)!),
            2 => new DenseMatrix((int)d.Shape[0], (int)d.Shape[1], data),
            _ => new NdArray(data, System.Array.ConvertAll(d.Shape, n => (int)n)),
        };
    }

    private static RecordArray? Records(ReadContext context, H5Dataset d, string key)
    {
        List<string>? unreadable = context.Options.Strict ? null : [];
        var fields = CompoundReader.Read(d, unreadable);
        if (unreadable is [_, ..]) context.Warn(key, $"has fields that cannot be read and were left out: {string.Join(", ", unreadable.Select(f => $"'{f}'"))}");
        var simple = fields.Where(f => f.Width is null).Select(f => KeyValuePair.Create(f.Name, new NdArray(f.Values))).ToList();
        if (simple.Count < fields.Count) context.Warn(key, "has fields that are arrays, which were left out");
        return simple.Count == 0 ? null : new RecordArray(simple);
    }

    private static H5Dataset Dataset(H5Object o) => o as H5Dataset ?? throw new Hdf5Exception("it is a group, expected a dataset");

    private static H5Group Group(H5Object o) => o as H5Group ?? throw new Hdf5Exception("it is a dataset, expected a group");
}
