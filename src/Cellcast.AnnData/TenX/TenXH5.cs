using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.TenX;

/// <summary>What a count file says about itself beside the counts.</summary>
/// <param name="Library">First library id, null where there is none.</param>
/// <param name="Fields"><c>chemistry_description</c> and <c>software_version</c>, where present.</param>
internal sealed record TenXMetadata(string? Library, ElementMap Fields);

/// <summary>
/// Reads count files of 10x Genomics in HDF5: version 3 (<c>/matrix</c> with <c>features</c>, probe matrices too) and version 2 (a group per genome
/// with <c>genes</c>). The arrays, columns of features x barcodes, are rows of cells x genes as they stand.
/// </summary>
public static class TenXH5
{
    private static readonly string[] s_coreFeatures = ["id", "name", "feature_type", "genome"];

    /// <summary>Reads a file as cells x genes. <c>var_names</c> are symbols; <c>var</c> gets <c>gene_ids</c>, <c>feature_types</c>, <c>genome</c> and whatever else the file says
    /// about its features.</summary>
    /// <exception cref="InputException">The file is damaged, no such file, or asks for a genome.</exception>
    public static AnnotatedData Read(string path, TenXOptions? options = null) => Read(path, options ?? new TenXOptions(), out _);

    internal static AnnotatedData Read(string path, TenXOptions options, out TenXMetadata metadata)
    {
        try
        {
            using var file = H5File.Open(path);
            metadata = Metadata(file.Root);
            if (file.Root.Contains("matrix")) return ReadVersion3(path, file.Root, options);
            return ReadVersion2(path, file.Root, options);
        }
        catch (Exception e) when (e is Hdf5Exception or OverflowException)
        {
            throw new InputException($"'{path}': is damaged or no count file of 10x Genomics ({e.Message.TrimEnd('.')}).", e);
        }
    }

    /// <summary>Whether the groups are those of such a file, of either version.</summary>
    internal static bool IsOne(H5Group root)
    {
        if (root.Contains("matrix"))
        {
            using var matrix = root.Open("matrix");
            return matrix is H5Group g && g.Contains("barcodes") && g.Contains("features");
        }
        return Genomes(root).Length > 0;
    }

    private static string[] Genomes(H5Group root) =>
        [.. root.Names().Where(name =>
        {
            using var o = root.OpenIfThere(name);
            return o is H5Group g && g.Contains("barcodes") && g.Contains("genes") && g.Contains("indptr");
        })];

    private static TenXMetadata Metadata(H5Group root)
    {
        var fields = new ElementMap();
        foreach (string name in (ReadOnlySpan<string>)["chemistry_description", "software_version"])
            if (root.StringAttribute(name) is { } value) fields[name] = new Scalar(value);
        return new TenXMetadata(root.StringsAttribute("library_ids")?.FirstOrDefault(), fields);
    }

    private static AnnotatedData ReadVersion3(string path, H5Group root, TenXOptions options)
    {
        using var opened = root.Open("matrix");
        if (opened is not H5Group matrix || !matrix.Contains("features")) throw new InputException($"'{path}': '/matrix' has no features, so it is no count file of 10x Genomics.");
        using var featuresObject = matrix.Open("features");
        if (featuresObject is not H5Group features) throw new InputException($"'{path}': '/matrix/features' is no group.");

        string[] names = Strings(path, features, "name", "/matrix/features");
        var var = new DataFrame(names);
        // In a probe matrix, 'id' names the probe and 'gene_id' its gene.
        bool probes = features.Contains("gene_id");
        var["gene_ids"] = Labels(Strings(path, features, probes ? "gene_id" : "id", "/matrix/features"), names.Length, path);
        if (probes) var["probe_ids"] = Labels(Strings(path, features, "id", "/matrix/features"), names.Length, path);
        if (features.Contains("feature_type")) var[FeatureFilter.TypeColumn] = Labels(Strings(path, features, "feature_type", "/matrix/features"), names.Length, path);
        if (features.Contains("genome")) var[FeatureFilter.GenomeColumn] = Labels(Strings(path, features, "genome", "/matrix/features"), names.Length, path);
        var warnings = new List<string>();
        foreach (string extra in features.Names())
            if (!s_coreFeatures.Contains(extra) && extra is not ("gene_id" or "_all_tag_keys")) AddExtra(var, features, extra);

        string[] barcodes = Strings(path, matrix, "barcodes", "/matrix");
        var obs = new DataFrame(barcodes);
        if (matrix.Contains("filtered_barcodes")) AddExtra(obs, matrix, "filtered_barcodes");
        return FeatureFilter.Apply(path, obs, var, Counts(path, matrix, "/matrix", barcodes.Length, names.Length), options, warnings);
    }

    private static AnnotatedData ReadVersion2(string path, H5Group root, TenXOptions options)
    {
        string[] genomes = Genomes(root);
        if (genomes.Length == 0) throw new InputException($"'{path}': has neither '/matrix' nor a group per genome, so it is no count file of 10x Genomics.");
        if (options.Genome is { } wanted && !genomes.Contains(wanted)) throw FeatureFilter.Absent(path, wanted, genomes);
        if (options.Genome is null && genomes.Length > 1) throw FeatureFilter.Several(path, genomes);
        string genome = options.Genome ?? genomes[0];
        using var group = (H5Group)root.Open(genome);
        string slot = "/" + genome;
        string[] ids = Strings(path, group, "genes", slot), barcodes = Strings(path, group, "barcodes", slot);
        string[] names = group.Contains("gene_names") ? Strings(path, group, "gene_names", slot) : ids;
        var var = new DataFrame(names);
        var["gene_ids"] = Labels(ids, names.Length, path);
        var x = Counts(path, group, slot, barcodes.Length, names.Length);
        return FeatureFilter.Apply(path, new DataFrame(barcodes), var, x, options with { Genome = null, FeatureType = null }, []);
    }

    private static SparseMatrix Counts(string path, H5Group group, string slot, int cells, int genes)
    {
        int[] shape = Integers(path, group, "shape", slot);
        if (shape is not [var rows, var columns] || rows != genes || columns != cells)
            throw new InputException($"'{path}': '{slot}/shape' is {string.Join(" x ", shape)}, but there are {genes} features and {cells} barcodes.");
        long[] indPtr = Array.ConvertAll(Integers(path, group, "indptr", slot), i => (long)i);
        int[] indices = Integers(path, group, "indices", slot);
        Array data = Dataset(path, group, "data", slot);
        if (data.GetType().GetElementType() is not { } type || !ElementTypes.IsNumeric(type)) throw new InputException($"'{path}': '{slot}/data' holds no numbers.");
        try
        {
            return SparseMatrix.FromUnsorted(cells, genes, indPtr, indices, ElementTypes.ToSingle(data));
        }
        catch (ArgumentException e)
        {
            throw new InputException($"'{path}': '{slot}' is damaged: {e.Message}.", e);
        }
    }

    private static Array Dataset(string path, H5Group group, string name, string slot)
    {
        using var dataset = group.OpenDataset(name) ?? throw new InputException($"'{path}': has no '{slot}/{name}'.");
        return dataset.ReadAll(0);
    }

    private static string[] Strings(string path, H5Group group, string name, string slot) => Dataset(path, group, name, slot) switch
    {
        string[] s => s,
        // Ids of some references are plain numbers.
        { Rank: 1 } a when ElementTypes.IsInteger(a.GetType().GetElementType()!) => Array.ConvertAll(new NumericColumn(a).ToText(), t => t!),
        _ => throw new InputException($"'{path}': '{slot}/{name}' holds no text."),
    };

    private static int[] Integers(string path, H5Group group, string name, string slot)
    {
        Array values = Dataset(path, group, name, slot);
        try
        {
            if (values.GetType() == typeof(int[])) return (int[])values;
            if (values.GetType() == typeof(long[])) return Array.ConvertAll((long[])values, v => checked((int)v));
            if (values.GetType() == typeof(uint[])) return Array.ConvertAll((uint[])values, v => checked((int)v));
            if (values.GetType() == typeof(ulong[])) return Array.ConvertAll((ulong[])values, v => checked((int)v));
            if (ElementTypes.IsInteger(values.GetType().GetElementType()!)) return Array.ConvertAll(ElementTypes.ToDouble(values), v => (int)v);
        }
        catch (OverflowException e)
        {
            throw new InputException($"'{path}': '{slot}/{name}' holds a number that does not fit 32 bits.", e);
        }
        throw new InputException($"'{path}': '{slot}/{name}' holds no whole numbers.");
    }

    private static Column Labels(string[] values, int length, string path)
    {
        if (values.Length != length) throw new InputException($"'{path}': has {length} feature names but {values.Length} entries in another column about features.");
        return values.Distinct(StringComparer.Ordinal).Count() < values.Length ? CategoricalColumn.FromLabels(values) : new StringColumn(values);
    }

    // Groups (probe sets) and columns of another length say nothing about single features.
    private static void AddExtra(DataFrame frame, H5Group group, string name)
    {
        using var dataset = group.OpenDataset(name);
        if (dataset is null || dataset.Shape.Length != 1 || dataset.Shape[0] != frame.Length) return;
        frame[name] = dataset.ReadAll(0) switch
        {
            string[] s => s.Distinct(StringComparer.Ordinal).Count() < s.Length ? CategoricalColumn.FromLabels(s) : new StringColumn(s),
            bool[] b => new BooleanColumn(b),
            var numbers => new NumericColumn(numbers),
        };
    }
}
