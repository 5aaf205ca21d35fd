namespace Cellcast.AnnData.TenX;

/// <summary>What all readers of this layout do once counts and features are there: keep genes, make names unique.</summary>
internal static class FeatureFilter
{
    /// <summary>Column of <c>var</c> with the feature type, as scanpy names it.</summary>
    internal const string TypeColumn = "feature_types";

    /// <summary>Column of <c>var</c> with the genome, as scanpy names it.</summary>
    internal const string GenomeColumn = "genome";

    /// <summary>Keeps the wanted genome and feature type, and makes <c>var_names</c> unique (<c>-1</c>, <c>-2</c> …).</summary>
    internal static AnnotatedData Apply(string path, DataFrame obs, DataFrame var, SparseMatrix x, TenXOptions options, List<string> warnings)
    {
        if (Genomes(var) is { } genome && Choose(path, genome, options.Genome) is { } chosen) (var, x) = Keep(var, x, genome, chosen);
        else if (options.Genome is { } wanted && Genomes(var) is null) warnings.Add($"'{path}': names no genomes; '{wanted}' was not looked for.");
        if (options.FeatureType is { } type && var.TryGet(TypeColumn, out var types))
        {
            int kept = Enumerable.Range(0, var.Length).Count(i => types.Text(i) == type);
            if (kept == 0 && var.Length > 0) warnings.Add($"'{path}': has no features of type '{type}'; all {var.Length} ('{types.Text(0)}', …) were kept.");
            else if (kept < var.Length)
            {
                warnings.Add($"'{path}': kept {kept} features of type '{type}' and left {var.Length - kept} others out.");
                (var, x) = Keep(var, x, types, type);
            }
        }
        string[] unique = Tables.UniqueNames.Make(var.Index);
        if (!ReferenceEquals(unique, var.Index))
        {
            warnings.Add($"'{path}': {new NameIndex(var.Index).Duplicates.Count} gene names occur more than once; the later ones got '-1', '-2' … appended.");
            var = Tables.CountTable.WithIndex(var, unique);
        }
        return new AnnotatedData(obs, var, x) { Source = path, Warnings = warnings };
    }

    private static Column? Genomes(DataFrame var) => var.TryGet(GenomeColumn, out var g) ? g : null;

    private static string? Choose(string path, Column genomes, string? wanted)
    {
        string[] there = genomes.ToText().Where(g => !string.IsNullOrEmpty(g)).Select(g => g!).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        if (wanted is null)
        {
            if (there.Length > 1) throw Several(path, there);
            return null;
        }
        if (!there.Contains(wanted, StringComparer.Ordinal)) throw Absent(path, wanted, there);
        return there.Length > 1 ? wanted : null;
    }

    /// <summary>The file holds several genomes and none was chosen.</summary>
    internal static InputException Several(string path, IEnumerable<string> there) =>
        new($"'{path}': holds several genomes ({string.Join(", ", there.Select(g => $"'{g}'"))}); choose one of them.");

    /// <summary>The chosen genome is not there.</summary>
    internal static InputException Absent(string path, string wanted, IEnumerable<string> there) =>
        new($"'{path}': has no genome '{wanted}'; it has {string.Join(", ", there.Select(g => $"'{g}'"))}.");

    private static (DataFrame, SparseMatrix) Keep(DataFrame var, SparseMatrix x, Column column, string value)
    {
        int[] kept = [.. Enumerable.Range(0, var.Length).Where(i => column.Text(i) == value)];
        return (var.Select(kept), x.SelectColumns(kept));
    }
}
