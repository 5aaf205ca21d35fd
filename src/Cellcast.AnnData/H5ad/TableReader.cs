using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>Tables: groups of columns (since 0.7) and compound datasets (before).</summary>
internal static class TableReader
{
    private const string LegacyCategories = "__categories";

    /// <summary>A table stored as a group.</summary>
    internal static DataFrame Read(ReadContext context, H5Group group, string key)
    {
        var names = group.Names();
        string indexKey = group.StringAttribute("_index") ?? (names.Contains("_index") ? "_index" : names.Contains("index") ? "index" : throw new Hdf5Exception("it has no attribute '_index'"));
        string[] index = Index(context, group, indexKey, key);
        var table = new DataFrame(index, indexKey is "_index" or "index" ? null : indexKey);
        string[]? order = group.StringsAttribute("column-order");
        if (order is null)
        {
            order = names.Where(n => n != indexKey && n != LegacyCategories).ToArray();
            if (order.Length > 0) context.Warn(key, "has no attribute 'column-order', so its columns are in name order");
        }
        foreach (string name in order)
        {
            string columnKey = $"{key}/{name}";
            if (table.Contains(name)) throw context.Error(columnKey, "is listed twice in 'column-order'");
            // In old files a name with a slash is a path.
            if (!Exists(group, name)) throw context.Error(columnKey, "is listed in 'column-order' but missing");
            if (ColumnReader.Read(context, group, name, columnKey) is not { } column) continue;
            if (column.Length != index.Length) throw context.Error(columnKey, $"has {column.Length} entries, but the table has {index.Length} rows");
            table[name] = column;
        }
        return table;
    }

    private static bool Exists(H5Group group, string name)
    {
        string[] parts = name.Split('/');
        for (int i = 1; i <= parts.Length; i++)
            if (!group.Contains(string.Join('/', parts[..i]))) return false;
        return true;
    }

    private static string[] Index(ReadContext context, H5Group group, string name, string key)
    {
        string indexKey = $"{key}/{name}";
        if (!Exists(group, name)) throw context.Error(indexKey, "is named as the index but missing");
        switch (ColumnReader.Read(context, group, name, indexKey))
        {
            case StringColumn s:
                int missing = Array.IndexOf(s.Values, null);
                return missing < 0 ? Array.ConvertAll(s.Values, x => x!) : throw context.Error(indexKey, $"has no name in row {missing}");
            case { } column:
                return column.ToText().Select((t, i) => t ?? throw context.Error(indexKey, $"has no name in row {i}")).ToArray();
            default:
                throw context.Error(indexKey, "is no list of names");
        }
    }

    /// <summary>A table stored as a compound dataset; its first field is the index.</summary>
    internal static DataFrame ReadCompound(ReadContext context, H5Dataset dataset, string key)
    {
        List<string>? unreadable = context.Options.Strict ? null : [];
        var fields = CompoundReader.Read(dataset, unreadable);
        if (fields.Count == 0) throw context.Error(key, "has no fields");
        if (unreadable is [var first, ..] && first == dataset.Type.Fields[0].Name) throw context.Error($"{key}/{first}", "is named as the index but cannot be read");
        foreach (string name in unreadable ?? []) context.Warn($"{key}/{name}", "has a type that cannot be read and was left out");
        string[] index = ColumnReader.FromArray(fields[0].Values).ToText().Select(t => t ?? "").ToArray();
        var table = new DataFrame(index, fields[0].Name is "_index" or "index" ? null : fields[0].Name);
        foreach (var field in fields.Skip(1))
        {
            if (field.Width is null) table[field.Name] = ColumnReader.FromArray(field.Values);
            else context.Warn($"{key}/{field.Name}", "is an array in a table and was left out");
        }
        return table;
    }
}
