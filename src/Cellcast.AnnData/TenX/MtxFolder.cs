using System.Globalization;
using Cellcast.AnnData.Tables;

namespace Cellcast.AnnData.TenX;

/// <summary>
/// Reads and writes folders of <c>matrix.mtx</c>, <c>features.tsv</c> (or <c>genes.tsv</c>) and <c>barcodes.tsv</c>, each plain or gzip, with or
/// without a common prefix: Cell Ranger 2 and later, STARsolo, and archives that follow them.
/// </summary>
public static class MtxFolder
{
    private const string Matrix = "matrix.mtx";

    /// <summary>Whether a folder holds such files.</summary>
    public static bool IsOne(string folder) => Directory.Exists(folder) && Matrices(folder).Length > 0;

    /// <summary>Reads a folder as cells x genes.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Genome, feature type, prefix.</param>
    /// <exception cref="InputException">A file is missing or damaged, or the three do not fit together.</exception>
    public static AnnotatedData Read(string folder, TenXOptions? options = null)
    {
        options ??= new TenXOptions();
        var (matrixPath, prefix) = FindMatrix(folder, options.Prefix);
        string featurePath = Find(folder, prefix, "features.tsv", "genes.tsv", "features.txt", "genes.txt")
            ?? throw new InputException($"'{folder}': has {Path.GetFileName(matrixPath)} but neither {prefix}features.tsv nor {prefix}genes.tsv (plain or .gz).");
        string barcodePath = Find(folder, prefix, "barcodes.tsv", "barcodes.txt")
            ?? throw new InputException($"'{folder}': has {Path.GetFileName(matrixPath)} but no {prefix}barcodes.tsv (plain or .gz).");

        var warnings = new List<string>();
        string[][] features = ReadRecords(featurePath), barcodes = ReadRecords(barcodePath);
        var entries = MatrixMarket.Read(matrixPath);
        bool asUsual = entries.Rows == features.Length && entries.Columns == barcodes.Length;
        if (!asUsual && !(entries.Rows == barcodes.Length && entries.Columns == features.Length))
            throw new InputException($"'{matrixPath}': is {entries.Rows} x {entries.Columns}, but there are {features.Length} features and {barcodes.Length} barcodes; the files do not belong together.");
        if (!asUsual) warnings.Add($"'{matrixPath}': is cells x features, not the usual features x cells; it was read as such.");
        var (cells, genes) = asUsual ? (entries.ColumnOf, entries.RowOf) : (entries.RowOf, entries.ColumnOf);
        var x = SparseMatrix.FromCoordinates(barcodes.Length, features.Length, cells, genes, entries.Values);

        string[] cellNames = Array.ConvertAll(barcodes, b => b[0]);
        return FeatureFilter.Apply(folder, new DataFrame(cellNames), ToTable(features), x, options, warnings);
    }

    // Columns: id, name, type; of some programs only the first, or the first two.
    private static DataFrame ToTable(string[][] features)
    {
        int width = features.Length == 0 ? 1 : features.Min(f => f.Length);
        var var = new DataFrame(Array.ConvertAll(features, f => f[width > 1 ? 1 : 0]));
        if (width > 1) var["gene_ids"] = new StringColumn(Array.ConvertAll(features, f => f[0]));
        if (width > 2) var[FeatureFilter.TypeColumn] = CategoricalColumn.FromLabels(Array.ConvertAll(features, f => f[2]));
        return var;
    }

    private static string[][] ReadRecords(string path)
    {
        using var reader = new DelimitedReader(path, '\t');
        var records = new List<string[]>();
        while (reader.Read()) records.Add(reader.Texts());
        return [.. records];
    }

    private static string[] Matrices(string folder) =>
        [.. Directory.EnumerateFiles(folder).Where(f => IsMatrix(Path.GetFileName(f))).Order(StringComparer.Ordinal)];

    /// <summary>Whether a file name is that of a matrix, with any prefix.</summary>
    internal static bool IsMatrix(string name) => name.EndsWith(Matrix, StringComparison.Ordinal) || name.EndsWith(Matrix + ".gz", StringComparison.Ordinal);

    private static (string Path, string Prefix) FindMatrix(string folder, string? prefix)
    {
        if (!Directory.Exists(folder)) throw new InputException($"'{folder}': no such folder.");
        string[] there = Matrices(folder);
        if (prefix is not null)
            return (Find(folder, prefix, Matrix) ?? throw new InputException($"'{folder}': has no {prefix}{Matrix} (plain or .gz)."), prefix);
        string[] prefixes = [.. there.Select(PrefixOf).Distinct(StringComparer.Ordinal)];
        if (prefixes.Length == 0) throw new InputException($"'{folder}': has no {Matrix} (plain or .gz).");
        if (prefixes.Length > 1 && !prefixes.Contains(""))
            throw new InputException($"'{folder}': holds several matrices, with the prefixes {string.Join(", ", prefixes.Select(p => $"'{p}'"))}; choose one of them.");
        string chosen = prefixes.Length == 1 ? prefixes[0] : "";
        return (Find(folder, chosen, Matrix)!, chosen);
    }

    /// <summary>Prefix of a matrix file: <c>GSM1_</c> of <c>GSM1_matrix.mtx.gz</c>.</summary>
    internal static string PrefixOf(string matrixPath)
    {
        string name = Path.GetFileName(matrixPath);
        return name[..name.LastIndexOf(Matrix, StringComparison.Ordinal)];
    }

    private static string? Find(string folder, string prefix, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            foreach (string ending in new[] { ".gz", "" })
                if (Path.Combine(folder, prefix + name + ending) is var path && File.Exists(path)) return path;
        return null;
    }

    /// <summary>Writes a folder in the layout of Cell Ranger 3: gzip, features x cells. Only names, ids and feature types go along.</summary>
    /// <param name="folder">Target; appears whole or not at all.</param>
    /// <param name="data">Names of <c>obs</c> and <c>var</c>; ids from <c>var['gene_ids']</c> if present.</param>
    /// <param name="layer">Layer to write; null for X.</param>
    /// <param name="overwrite">Replace what is there.</param>
    /// <exception cref="OutputException">The folder is not empty or cannot be written.</exception>
    public static void Write(string folder, AnnotatedData data, string? layer = null, bool overwrite = false)
    {
        ArgumentNullException.ThrowIfNull(data);
        var x = data.MatrixOf(layer).ToSparse().WithoutZeros();
        string?[] ids = data.Var.TryGet("gene_ids", out var idColumn) ? idColumn.ToText() : data.Var.Index;
        string?[]? types = data.Var.TryGet(FeatureFilter.TypeColumn, out var typeColumn) ? typeColumn.ToText() : null;
        using var target = AtomicDirectory.Create(folder, overwrite);
        CsvFile.WriteText(target["barcodes.tsv.gz"], w =>
        {
            foreach (string cell in data.Obs.Index) CsvFile.WriteRecord(w, '\t', 1, _ => cell);
        });
        CsvFile.WriteText(target["features.tsv.gz"], w =>
        {
            for (int g = 0; g < data.VariableCount; g++)
            {
                string[] record = [ids[g] ?? data.Var.Index[g], data.Var.Index[g], types?[g] ?? TenXOptions.GeneExpression];
                CsvFile.WriteRecord(w, '\t', 3, c => record[c]);
            }
        });
        CsvFile.WriteText(target[Matrix + ".gz"], w => WriteMatrix(w, x));
        target.Commit();
    }

    private static void WriteMatrix(TextWriter writer, SparseMatrix x)
    {
        // Whole numbers below 2^53 print exactly as such; anything else in shortest round-trip form.
        bool whole = Array.TrueForAll(x.Values, v => v == MathF.Truncate(v) && MathF.Abs(v) < 9e15f);
        writer.Write($"%%MatrixMarket matrix coordinate {(whole ? "integer" : "real")} general\n%\n");
        writer.Write(string.Create(CultureInfo.InvariantCulture, $"{x.Columns} {x.Rows} {x.StoredCount}\n"));
        Span<char> line = stackalloc char[80];
        for (int c = 0; c < x.Rows; c++)
        {
            var genes = x.RowIndices(c);
            var values = x.RowValues(c);
            for (int k = 0; k < genes.Length; k++)
            {
                int n;
                if (whole) line.TryWrite(CultureInfo.InvariantCulture, $"{genes[k] + 1} {c + 1} {(long)values[k]}\n", out n);
                else line.TryWrite(CultureInfo.InvariantCulture, $"{genes[k] + 1} {c + 1} {values[k]:R}\n", out n);
                writer.Write(line[..n]);
            }
        }
    }
}
