using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>One element of a file, described from its metadata alone.</summary>
/// <param name="Key">Where it stands: <c>X</c>, <c>layers/counts</c>, <c>obsm/X_pca</c>.</param>
/// <param name="Encoding">Encoding type as stored (<c>csr_matrix</c>), empty in old files.</param>
/// <param name="Shape">Dimensions; empty for scalars and folders.</param>
/// <param name="ElementType">Type of the numbers (<c>float32</c>), empty for tables and folders.</param>
/// <param name="StoredCount">Stored values of a sparse matrix; null for everything else.</param>
public sealed record H5adOutlineEntry(string Key, string Encoding, IReadOnlyList<long> Shape, string ElementType, long? StoredCount)
{
    /// <summary>In a few words: <c>2638 x 13713 sparse float32, 2238732 stored</c>.</summary>
    public override string ToString()
    {
        string size = string.Join(" x ", Shape);
        if (StoredCount is { } n) return $"{size} sparse {ElementType}, {n} stored";
        return (size, ElementType) switch
        {
            ("", "") => Encoding.Length == 0 ? "folder" : Encoding,
            ("", var type) => type,
            (_, "") => $"{size} {Encoding}".TrimEnd(),
            _ => $"{size} {ElementType} array",
        };
    }
}

/// <summary>Lists what is in a file without reading any array.</summary>
internal static class H5adOutline
{
    private static readonly string[] s_slots = ["layers", "obsm", "varm", "obsp", "varp", "uns"];

    internal static List<H5adOutlineEntry> Of(ReadContext context, H5Group group)
    {
        var result = new List<H5adOutlineEntry>();
        Add("X");
        foreach (string slot in s_slots)
        {
            if (!group.Contains(slot)) continue;
            using H5Object? o = Opened(group, slot, slot);
            if (o is H5Group g)
                foreach (string name in g.Names()) AddFrom(g, name, $"{slot}/{name}");
            else if (o is H5Dataset { Type.Kind: H5Kind.Compound } d)
                // One compound dataset of arrays, up to 0.6.
                foreach (var f in d.Type.Fields) result.Add(new H5adOutlineEntry($"{slot}/{f.Name}", "", [d.Count, .. f.Type.Dimensions.Select(n => (long)n)], (f.Type.Base ?? f.Type).Describe(), null));
        }
        Add("raw/X");
        Add("raw.X");
        return result;

        void Add(string key)
        {
            string[] parts = key.Split('/');
            if (group.Contains(parts[0]) && group.Contains(key)) AddFrom(group, key, key);
        }

        void AddFrom(H5Group parent, string name, string key)
        {
            using H5Object? o = Opened(parent, name, key);
            if (o is not null) result.Add(context.Dispensable(key, () => context.At(key, () => Describe(o, key))) ?? Nowhere(key));
        }

        // As reading does, which nothing in uns can stop by leading nowhere.
        H5Object? Opened(H5Group parent, string name, string key)
        {
            H5Object? o = context.Dispensable(key, () => context.At(key, () => parent.Open(name)));
            if (o is null) result.Add(Nowhere(key));
            return o;
        }
    }

    private static H5adOutlineEntry Nowhere(string key) => new(key, "link to nothing", [], "", null);

    private static H5adOutlineEntry Describe(H5Object o, string key)
    {
        string encoding = o.StringAttribute("encoding-type") ?? "";
        if (o is H5Dataset d) return new H5adOutlineEntry(key, encoding, d.IsNull ? [] : d.Shape, d.IsNull ? "null" : d.Type.Describe(), null);
        var g = (H5Group)o;
        using var data = g.OpenDataset("data");
        if (data is not null && (g.IntegersAttribute("shape") ?? g.IntegersAttribute("h5sparse_shape")) is { } shape)
            return new H5adOutlineEntry(key, encoding.Length > 0 ? encoding : (g.StringAttribute("h5sparse_format") ?? "csr") + "_matrix", shape, data.Type.Describe(), data.Count);
        return new H5adOutlineEntry(key, encoding, [], "", null);
    }
}
