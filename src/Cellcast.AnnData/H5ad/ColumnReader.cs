using System.Globalization;
using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>Columns of tables: plain, categorical (both layouts), nullable.</summary>
internal static class ColumnReader
{
    /// <summary>Reads a column; null when it was left out with a warning.</summary>
    internal static Column? Read(ReadContext context, H5Group table, string name, string key)
    {
        using var o = context.At(key, () => table.Open(name));
        if (o is H5Dataset d && d.HasAttribute("categories")) return context.At(key, () => CategoricalByReference(context, table, d, name, key));
        if (o is H5Dataset { Type: { Kind: H5Kind.Boolean, HasMissing: true } } b) return context.At(key, () => ThreeValued(context, b));
        switch (ElementReader.Read(context, o, key))
        {
            case Column c:
                return c;
            case NdArray a when a.Shape.Length == 1:
                return FromArray(a.Data);
            case null:
                return null;
            case var e:
                if (context.Options.Strict) throw context.Error(key, $"is no column: {e.Describe()}");
                context.Warn(key, $"is no column ({e.Describe()}) and was left out");
                return null;
        }
    }

    internal static Column FromArray(Array values) => values switch
    {
        string[] s => new StringColumn(s),
        bool[] b => new BooleanColumn(b),
        _ => new NumericColumn(values),
    };

    /// <summary>A group of codes and categories (since 0.8).</summary>
    internal static CategoricalColumn Categorical(ReadContext context, H5Group group, string key)
    {
        using var codes = context.At($"{key}/codes", () => group.OpenDataset("codes") ?? throw new Hdf5Exception("the dataset is missing"));
        var categories = ElementReader.ReadEntry(context, group, "categories", $"{key}/categories") ?? throw context.Error($"{key}/categories", "is missing");
        return Categorical(context, codes, categories, group.BooleanAttribute("ordered") ?? false, key);
    }

    /// <summary>Codes with a reference to their categories under <c>__categories</c> (0.7).</summary>
    private static CategoricalColumn CategoricalByReference(ReadContext context, H5Group table, H5Dataset codes, string name, string key)
    {
        using var categories = codes.ReferenceAttribute("categories") ?? ByName() ?? throw context.Error(key, "is categorical, but its categories were not found");
        var labels = ElementReader.Read(context, categories, $"{key} (categories)") ?? throw context.Error(key, "has categories that cannot be read");
        return Categorical(context, codes, labels, categories.BooleanAttribute("ordered") ?? false, key);

        H5Object? ByName()
        {
            if (!table.Contains("__categories")) return null;
            using var all = table.Open("__categories");
            return all is H5Group g && g.Contains(name) ? g.Open(name) : null;
        }
    }

    private static CategoricalColumn Categorical(ReadContext context, H5Dataset codes, Element categories, bool ordered, string key)
    {
        int[] values = VectorReader.ReadInt32(codes, context.Threads);
        var (labels, numeric) = Labels(categories) ?? throw context.Error(key, $"has categories that are no list ({categories.Describe()})");
        return Categorical(context, values, labels, numeric, ordered, key);
    }

    /// <summary>Checks codes and labels as pandas does.</summary>
    internal static CategoricalColumn Categorical(ReadContext context, int[] codes, string[] labels, Array? numeric, bool ordered, string key)
    {
        if (new NameIndex(labels).Duplicates is [var twice, ..]) throw context.Error(key, $"has the category '{twice}' more than once");
        for (int i = 0; i < codes.Length; i++)
            if (codes[i] < -1 || codes[i] >= labels.Length) throw context.Error(key, $"has code {codes[i]} in row {i}, but there are {labels.Length} categories");
        return new CategoricalColumn(codes, labels, ordered, numeric);
    }

    private static (string[], Array?)? Labels(Element e) => e switch
    {
        NdArray { Data: string[] s } => (s, null),
        NdArray { Data: bool[] b } => (Array.ConvertAll(b, x => x ? "True" : "False"), b),
        NdArray { Shape.Length: 1, Data: var v } => (NumberLabels(v), v),
        StringColumn { Values: var s } when !s.Contains(null) => (Array.ConvertAll(s, x => x!), null),
        NumericColumn { Missing: null or { Length: 0 }, Values: var v } => (NumberLabels(v), v),
        NumericColumn n when !n.Missing!.Contains(true) => (NumberLabels(n.Values), n.Values),
        BooleanColumn n when n.Missing is null || !n.Missing.Contains(true) => (Array.ConvertAll(n.Values, x => x ? "True" : "False"), n.Values),
        // One label may have been written as a scalar (before 0.7).
        Scalar { Value: string s } => ([s], null),
        _ => null,
    };

    /// <summary>Numbers as Python prints them: whole floating point numbers keep their <c>.0</c>.</summary>
    internal static string[] NumberLabels(Array values)
    {
        var labels = new string[values.Length];
        for (int i = 0; i < labels.Length; i++)
        {
            string s = ((IFormattable)values.GetValue(i)!).ToString(null, CultureInfo.InvariantCulture);
            labels[i] = values is double[] or float[] or Half[] && s.All(c => char.IsAsciiDigit(c) || c == '-') ? s + ".0" : s;
        }
        return labels;
    }

    /// <summary>A group of values and a mask of the missing; the mask may be absent.</summary>
    internal static Column Nullable(ReadContext context, H5Group group, string key)
    {
        var values = ElementReader.ReadEntry(context, group, "values", $"{key}/values") as NdArray ?? throw context.Error($"{key}/values", "is missing or no array");
        bool[]? mask = null;
        if (group.Contains("mask"))
            mask = (ElementReader.ReadEntry(context, group, "mask", $"{key}/mask") as NdArray)?.Data as bool[] ?? throw context.Error($"{key}/mask", "is no list of truth values");
        if (mask is not null && mask.Length != values.Data.Length) throw context.Error(key, $"has {values.Data.Length} values but a mask of {mask.Length}");
        mask ??= new bool[values.Data.Length];
        if (values.Data is string[] s)
        {
            string?[] text = s;
            for (int i = 0; i < s.Length; i++)
                if (mask[i]) text[i] = null;
            return new StringColumn(text);
        }
        return values.Data is bool[] b ? new BooleanColumn(b, mask) : new NumericColumn(values.Data, mask);
    }

    /// <summary>Truth values with a third member for "missing", as hdf5r writes R's logicals.</summary>
    private static BooleanColumn ThreeValued(ReadContext context, H5Dataset d)
    {
        byte[] raw = VectorReader.ReadBooleans(d, context.Threads);
        bool[] values = Array.ConvertAll(raw, x => x == 1);
        return raw.All(x => x < 2) ? new BooleanColumn(values) : new BooleanColumn(values, Array.ConvertAll(raw, x => x >= 2));
    }
}
