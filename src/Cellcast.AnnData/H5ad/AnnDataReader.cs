using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>Reads a whole annotated data set from a group, of any era.</summary>
internal static class AnnDataReader
{
    internal static AnnotatedData Read(ReadContext context, H5Group group, string prefix) => context.Within(group, () => Whole(context, group, prefix));

    private static AnnotatedData Whole(ReadContext context, H5Group group, string prefix)
    {
        var options = context.Options;
        var obs = Table(context, group, "obs", Key("obs"));
        var var = Table(context, group, "var", Key("var"));
        Matrix? x = options.X && group.Contains("X") ? MainMatrix(context, group, Key("X"), obs.Length, var.Length) : null;
        bool old = IsCompound(group, "obs") || IsCompound(group, "var");
        ElementMap uns = options.Rest || old ? context.Dispensable(Key("uns"), () => Map(context, group, "uns", Key("uns"))) ?? [] : [];
        if (old) LegacyLayout.RestoreCategories(context, uns, obs, var);
        var data = new AnnotatedData(obs, var, x)
        {
            Source = context.File,
            Warnings = context.Warnings,
            Uns = options.Rest ? uns : [],
            Obsm = options.Rest ? Map(context, group, "obsm", Key("obsm")) : [],
            Varm = options.Rest ? Map(context, group, "varm", Key("varm")) : [],
            Obsp = options.Rest ? Map(context, group, "obsp", Key("obsp")) : [],
            Varp = options.Rest ? Map(context, group, "varp", Key("varp")) : [],
            Raw = options.Rest ? Raw(context, group, Key("raw")) : null,
        };
        Layers(context, group, Key("layers"), data);
        if (old) LegacyLayout.ListsOfOneToScalars(data.Uns);
        if (group.StringAttribute("encoding-type") is null) LegacyLayout.MoveNeighbours(data);
        if (data.Problem() is { } problem) throw new InputException($"'{context.File}': {(prefix.Length == 0 ? "" : prefix + "/")}{problem}; the file is damaged.");
        return data;

        string Key(string slot) => prefix.Length == 0 ? slot : $"{prefix}/{slot}";
    }

    private static bool IsCompound(H5Group group, string name)
    {
        using var d = group.OpenDataset(name);
        return d is { Type.Kind: H5Kind.Compound };
    }

    private static DataFrame Table(ReadContext context, H5Group group, string name, string key)
    {
        if (!group.Contains(name)) throw context.Error(key, "is missing");
        using var o = context.At(key, () => group.Open(name));
        if (o is H5Dataset { Type.Kind: H5Kind.Compound } d) return context.At(key, () => TableReader.ReadCompound(context, d, key));
        return ElementReader.Read(context, o, key) switch
        {
            DataFrame table => table,
            null => throw context.Error(key, "cannot be read"),
            var e => throw context.Error(key, $"is no table but {e.Describe()}"),
        };
    }

    private static Matrix MainMatrix(ReadContext context, H5Group group, string key, int rows, int columns)
    {
        switch (ElementReader.ReadEntry(context, group, "X", key))
        {
            case Matrix m when m.Rows != rows || m.Columns != columns:
                throw context.Error(key, $"is {m.Rows} x {m.Columns}, but obs has {rows} rows and var has {columns}");
            case Matrix m:
                return m;
            // With a single cell or gene, old versions wrote one dimension.
            case NdArray { Shape.Length: 1 } a when a.Data.LongLength == (long)rows * columns:
                return new DenseMatrix(rows, columns, a.Data);
            case null:
                throw context.Error(key, "cannot be read");
            case var e:
                throw context.Error(key, $"is no matrix but {e.Describe()}");
        }
    }

    private static void Layers(ReadContext context, H5Group group, string key, AnnotatedData data)
    {
        using var layers = group.Contains("layers") ? context.At(key, () => group.Open("layers")) : null;
        var names = layers is H5Group g ? g.Names() : [];
        foreach (string missing in context.Options.Layers?.Except(names) ?? [])
            throw new InputException($"'{context.File}': there is no layer '{missing}'{(names.Count == 0 ? "" : "; there are " + string.Join(", ", names.Select(n => $"'{n}'")))}.");
        foreach (string name in names)
        {
            if (context.Options.Layers is { } wanted && !wanted.Contains(name)) continue;
            switch (ElementReader.ReadEntry(context, (H5Group)layers!, name, $"{key}/{name}"))
            {
                case Matrix m:
                    data.Layers[name] = m;
                    break;
                case null:
                    break;
                case var e:
                    throw context.Error($"{key}/{name}", $"is no matrix but {e.Describe()}");
            }
        }
    }

    private static ElementMap Map(ReadContext context, H5Group group, string name, string key)
    {
        if (!group.Contains(name)) return [];
        using var o = context.At(key, () => group.Open(name));
        if (o is H5Dataset { Type.Kind: H5Kind.Compound } d) return context.At(key, () => LegacyLayout.Matrices(d));
        return context.At(key, () => o is H5Group g ? ElementReader.Map(context, g, key) : throw new Hdf5Exception("it is a dataset, expected a group"));
    }

    private static RawData? Raw(ReadContext context, H5Group group, string key)
    {
        if (group.Contains("raw"))
        {
            using var o = context.At(key, () => group.Open("raw"));
            return o is not H5Group raw || !raw.Contains("var") ? null : RawParts(context, raw, "X", "var", "varm", key + "/");
        }
        return group.Contains("raw.var") ? RawParts(context, group, "raw.X", "raw.var", "raw.varm", key[..^"raw".Length]) : null;
    }

    private static RawData RawParts(ReadContext context, H5Group group, string x, string var, string varm, string prefix) =>
        new(ElementReader.ReadEntry(context, group, x, prefix + x) as Matrix, Table(context, group, var, prefix + var)) { Varm = Map(context, group, varm, prefix + varm) };
}
