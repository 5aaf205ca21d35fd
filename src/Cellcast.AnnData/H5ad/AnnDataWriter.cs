using System.Runtime.InteropServices;
using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>
/// Writes annotated data in the encodings of anndata 0.8, the subset that every reader of the field opens: strings never nullable,
/// categories always strings with signed codes, canonical compressed rows with 32-bit offsets, no null elements, no slashes in names.
/// </summary>
internal sealed class AnnDataWriter(H5Writer arrays)
{
    /// <summary>An attribute must fit one 64 KiB header message in the format that all versions of HDF5 read; a string takes 16 bytes.</summary>
    private const int MaximalColumns = 4000;

    private const string DefaultIndex = "_index";

    /// <summary>What could not be written as it was, one sentence each.</summary>
    internal List<string> Notes { get; } = [];

    /// <summary>Whether a table has more columns than the old header format can list.</summary>
    internal static bool NeedsWideAttributes(Element? e) => e switch
    {
        DataFrame d => d.ColumnCount > MaximalColumns,
        ElementMap m => m.Any(x => NeedsWideAttributes(x.Value)),
        AnnotatedData a => NeedsWideAttributes(a.Obs) || NeedsWideAttributes(a.Var) || NeedsWideAttributes(a.Obsm) || NeedsWideAttributes(a.Varm)
            || NeedsWideAttributes(a.Uns) || NeedsWideAttributes(a.Raw?.Var) || NeedsWideAttributes(a.Raw?.Varm),
        _ => false,
    };

    internal void Write(H5Group root, AnnotatedData data, Action? beforeTables = null)
    {
        Mark(root, "anndata", "0.1.0");
        if (data.X is not null) Element(root, "X", data.X, "X");
        Map(root, "layers", data.Layers.Select(l => KeyValuePair.Create(l.Key, (Element)l.Value)), "layers");
        Map(root, "obsm", data.Obsm, "obsm");
        Map(root, "obsp", data.Obsp, "obsp");
        if (data.Raw is { X: null }) Notes.Add("'raw' has no matrix and was left out.");
        else if (data.Raw is { } raw)
        {
            using var group = root.CreateGroup("raw");
            Mark(group, "raw", "0.1.0");
            Element(group, "X", raw.X, "raw/X");
            Table(group, "var", raw.Var, "raw/var");
            Map(group, "varm", raw.Varm, "raw/varm");
        }
        beforeTables?.Invoke();
        Table(root, "obs", data.Obs, "obs");
        Table(root, "var", data.Var, "var");
        Map(root, "varm", data.Varm, "varm");
        Map(root, "varp", data.Varp, "varp");
        Map(root, "uns", data.Uns, "uns");
    }

    private void Element(H5Group parent, string name, Element element, string key)
    {
        switch (element)
        {
            case SparseMatrix m:
                Sparse(parent, name, m, m.IndPtr, m.Indices, m.Values);
                break;
            case SparseMatrix64 m:
                Sparse(parent, name, m, m.IndPtr, m.Indices, m.Values);
                break;
            case StreamedMatrix m:
                Streamed(parent, name, m);
                break;
            case DenseMatrix m:
                Array(parent, name, m.Data, m.Rows, m.Columns);
                break;
            case GeneratedArray m:
                Generated(parent, name, m);
                break;
            case NdArray a:
                Array(parent, name, a.Data, System.Array.ConvertAll(a.Shape, d => (long)d));
                break;
            case DataFrame d:
                Table(parent, name, d, key);
                break;
            case Column c:
                Column(parent, name, c);
                break;
            case Scalar s:
                using (var dataset = arrays.WriteScalar(parent, name, s.Value)) Mark(dataset, s.Value is string ? "string" : "numeric-scalar", "0.2.0");
                break;
            case RecordArray r:
                using (var dataset = arrays.WriteRecords(parent, name, [.. r.Fields.Select(f => KeyValuePair.Create(f.Key, f.Value.Data))], r.Length)) Mark(dataset, "rec-array", "0.2.0");
                break;
            case ElementMap m:
                Map(parent, name, m, key);
                break;
            case AnnotatedData a:
                using (var group = parent.CreateGroup(name)) Write(group, a);
                break;
            default:
                throw new ArgumentException($"'{key}': a {element.GetType().Name} cannot be written");
        }
    }

    private void Map(H5Group parent, string name, IEnumerable<KeyValuePair<string, Element>> entries, string key)
    {
        using var group = parent.CreateGroup(name);
        Mark(group, "dict", "0.1.0");
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (k, e) in entries) Element(group, Name(k, $"{key}/{k}", used), e, $"{key}/{k}");
    }

    /// <summary>A slash would make a path of a name, and a dot alone means the group itself; both are replaced.</summary>
    private string Name(string name, string key, HashSet<string> used)
    {
        string safe = name.Replace('/', '_');
        if (safe is "" or "." or "..") safe = "_" + safe;
        if (!used.Add(safe)) throw new InputException($"two entries would both be written as '{safe}' ('{key}' among them); rename one.");
        if (safe != name) Notes.Add($"'{key}' was written as '{safe}', since names in h5ad files hold no slash.");
        return safe;
    }

    private void Array(H5Group parent, string name, Array data, params long[] shape)
    {
        using var dataset = arrays.WriteArray(parent, name, data, shape);
        Mark(dataset, data is string[]? "string-array" : "array", "0.2.0");
    }

    private void Sparse(H5Group parent, string name, Matrix m, long[] indPtr, int[] indices, Array values)
    {
        using var group = parent.CreateGroup(name);
        Mark(group, "csr_matrix", "0.1.0");
        group.WriteAttribute("shape", [m.Rows, m.Columns]);
        // The members of a sparse matrix carry no marks of their own.
        arrays.WriteArray(group, "data", values).Dispose();
        arrays.WriteArray(group, "indices", indices).Dispose();
        // Array lengths are below 2^31, and so are the offsets.
        arrays.WriteArray(group, "indptr", System.Array.ConvertAll(indPtr, p => (int)p)).Dispose();
    }

    private void Streamed(H5Group parent, string name, StreamedMatrix m)
    {
        using var group = parent.CreateGroup(name);
        Mark(group, "csr_matrix", "0.1.0");
        group.WriteAttribute("shape", [m.Rows, m.Columns]);
        var indPtr = new long[m.Rows + 1];
        using (var values = new H5Appender(arrays, group, "data", typeof(float), null, m.StoredCount))
        using (var indices = new H5Appender(arrays, group, "indices", typeof(int), null, m.StoredCount))
        {
            m.ForEachBlock((first, rows) =>
            {
                values.Add(MemoryMarshal.AsBytes(rows.Values.Span));
                indices.Add(MemoryMarshal.AsBytes(rows.Indices.Span));
                ReadOnlySpan<long> p = rows.RowPointers.Span;
                for (int r = 0; r < rows.Count; r++) indPtr[first + r + 1] = indPtr[first] + p[r + 1];
            });
            values.Complete().Dispose();
            indices.Complete().Dispose();
        }
        // 32 bits wherever they do: not every reader takes more.
        Array offsets = indPtr[^1] <= int.MaxValue ? System.Array.ConvertAll(indPtr, p => (int)p) : indPtr;
        arrays.WriteArray(group, "indptr", offsets).Dispose();
    }

    private void Generated(H5Group parent, string name, GeneratedArray m)
    {
        using var rows = new H5Appender(arrays, parent, name, typeof(float), m.Columns, m.Rows);
        m.ForEachBlock((_, _, values) => rows.Add(MemoryMarshal.AsBytes(values.Span)));
        using var dataset = rows.Complete();
        Mark(dataset, "array", "0.2.0");
    }

    private void Table(H5Group parent, string name, DataFrame table, string key)
    {
        using var group = parent.CreateGroup(name);
        Mark(group, "dataframe", "0.2.0");
        var used = new HashSet<string>(StringComparer.Ordinal) { DefaultIndex };
        string index = DefaultIndex;
        if (table.IndexName is { } n && n is not (DefaultIndex or "." or ".." or "") && !n.Contains('/', StringComparison.Ordinal) && !table.Contains(n)) used.Add(index = n);
        var written = new List<string>();
        foreach (string column in table.ColumnNames)
        {
            if (column == DefaultIndex) throw new InputException($"'{key}' has a column named '{DefaultIndex}', a name that h5ad files keep for the row names; rename it.");
            written.Add(Name(column, $"{key}/{column}", used));
        }
        group.WriteAttribute("_index", index);
        if (written.Count == 0) group.WriteEmptyAttribute("column-order");
        else group.WriteAttribute("column-order", [.. written]);
        Array(group, index, table.Index);
        for (int i = 0; i < written.Count; i++) Column(group, written[i], table[table.ColumnNames[i]]);
    }

    private void Column(H5Group parent, string name, Column column)
    {
        switch (column)
        {
            case CategoricalColumn c:
                Categorical(parent, name, c);
                break;
            case StringColumn s when s.Values.Contains(null):
                // Nullable strings are read by few; a categorical can have gaps everywhere.
                Categorical(parent, name, CategoricalColumn.FromLabels(s.Values));
                break;
            case StringColumn s:
                Array(parent, name, System.Array.ConvertAll(s.Values, v => v!));
                break;
            case BooleanColumn { Missing: { } mask } b:
                Masked(parent, name, "nullable-boolean", b.Values, mask);
                break;
            case BooleanColumn b:
                Array(parent, name, b.Values);
                break;
            case NumericColumn { Missing: { } mask } n when ElementTypes.IsInteger(n.ElementType):
                Masked(parent, name, "nullable-integer", n.Values, mask);
                break;
            case NumericColumn { Missing: not null } n:
                Array(parent, name, n.ToDouble());
                break;
            case NumericColumn n:
                Array(parent, name, n.Values);
                break;
            default:
                throw new ArgumentException($"'{name}': a {column.GetType().Name} cannot be written");
        }
    }

    private void Categorical(H5Group parent, string name, CategoricalColumn c)
    {
        using var group = parent.CreateGroup(name);
        Mark(group, "categorical", "0.2.0");
        group.WriteAttribute("ordered", c.Ordered);
        Array(group, "categories", c.Categories);
        // The narrowest signed type, as pandas chooses it.
        Array codes = c.Categories.Length <= sbyte.MaxValue ? System.Array.ConvertAll(c.Codes, x => (sbyte)x) : c.Categories.Length <= short.MaxValue ? System.Array.ConvertAll(c.Codes, x => (short)x) : c.Codes;
        Array(group, "codes", codes);
    }

    private void Masked(H5Group parent, string name, string encoding, Array values, bool[] mask)
    {
        using var group = parent.CreateGroup(name);
        Mark(group, encoding, "0.1.0");
        Array(group, "values", values);
        Array(group, "mask", mask);
    }

    private static void Mark(H5Object o, string type, string version)
    {
        o.WriteAttribute("encoding-type", type);
        o.WriteAttribute("encoding-version", version);
    }
}
