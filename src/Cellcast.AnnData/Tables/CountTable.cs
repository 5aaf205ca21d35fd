namespace Cellcast.AnnData.Tables;

/// <summary>Which way round a table of counts lies.</summary>
public enum TableOrientation
{
    /// <summary>Decide from the names.</summary>
    Detect,
    /// <summary>A row per gene, a column per sample or cell.</summary>
    GenesInRows,
    /// <summary>A row per sample or cell, a column per gene.</summary>
    SamplesInRows,
}

/// <summary>What to do with a gene name that occurs more than once.</summary>
public enum RepeatedGenes
{
    /// <summary>Refuse the file.</summary>
    Refuse,
    /// <summary>Add their counts up under the one name.</summary>
    Sum,
    /// <summary>Keep all, renamed (<see cref="UniqueNames"/>).</summary>
    Rename,
}

/// <summary>A number as read: its value, its digits after the decimal point, the names of its row and column in the file.</summary>
/// <returns>The number to keep.</returns>
public delegate double CellTransform(double value, int decimals, string row, string column);

/// <summary>How to read a table of counts.</summary>
public sealed record CountTableOptions
{
    /// <summary>Delimiter; null to detect it.</summary>
    public char? Delimiter { get; init; }

    /// <summary>Which way round the table lies.</summary>
    public TableOrientation Orientation { get; init; }

    /// <summary>What to do with repeated gene names.</summary>
    public RepeatedGenes Repeated { get; init; }

    /// <summary>Applied to every number, zeros included; null to take them as they are.</summary>
    public CellTransform? Transform { get; init; }
}

/// <summary>Reads a table of counts, genes x samples or samples x genes, from csv, tsv, GCT or any delimited text, plain or gzip.</summary>
/// <remarks>
/// The first column names the rows. Further columns of text (and known descriptive ones, such as <c>Length</c> of featureCounts) go
/// into <c>var</c> or <c>obs</c>. Zeros are never stored, so a table of single cells takes the memory of its counts only.
/// </remarks>
public static class CountTable
{
    /// <summary>Reads a table as samples x genes.</summary>
    /// <exception cref="InputException">The file is damaged, its orientation unclear, or names repeat.</exception>
    public static AnnotatedData Read(string path, CountTableOptions? options = null)
    {
        options ??= new CountTableOptions();
        var table = NumericTable.Read(path, options.Delimiter, options.Transform);
        var (genesInRows, why) = Orient(table, options.Orientation);
        var warnings = new List<string> { $"'{path}': read as {(genesInRows ? "genes x samples" : "samples x genes")} ({why})." };

        var inFile = new SparseMatrix(table.RowNames.Length, table.ColumnNames.Length, table.RowStarts, table.Columns, table.Values);
        var x = genesInRows ? inFile.Transpose() : inFile;
        string[] genes = genesInRows ? table.RowNames : table.ColumnNames, samples = genesInRows ? table.ColumnNames : table.RowNames;
        RequireUniqueSamples(path, samples);

        var descriptions = new DataFrame(table.RowNames);
        foreach (var (header, values) in table.Descriptions) descriptions[FreeName(descriptions, header)] = ColumnInference.Infer(values);
        var var = genesInRows ? descriptions : new DataFrame(genes);
        var obs = genesInRows ? new DataFrame(samples) : descriptions;
        var repeated = new NameIndex(genes).Duplicates;
        if (repeated.Count > 0)
        {
            string found = $"{repeated.Count} gene name{(repeated.Count == 1 ? " occurs" : "s occur")} more than once ({GeneNames.Examples(repeated)})";
            switch (options.Repeated)
            {
                case RepeatedGenes.Refuse:
                    throw new InputException($"'{path}': {found}; choose to sum or to rename them{(LooksHeaderless(genes) ? ", or check that the table has a header line" : "")}.");
                case RepeatedGenes.Sum:
                    (x, var) = GeneSums.ByName(x, var, genes);
                    warnings.Add($"'{path}': {found}; their counts were added up.");
                    break;
                default:
                    var = WithIndex(var, UniqueNames.Make(genes));
                    warnings.Add($"'{path}': {found}; the later ones got '-1', '-2' … appended.");
                    break;
            }
        }
        return new AnnotatedData(obs, var, x) { Source = path, Warnings = warnings };
    }

    /// <summary>The same table under other row names.</summary>
    internal static DataFrame WithIndex(DataFrame frame, string[] index)
    {
        var result = new DataFrame(index, frame.IndexName);
        foreach (string c in frame.ColumnNames) result[c] = frame[c];
        return result;
    }

    private static (bool GenesInRows, string Why) Orient(NumericTable table, TableOrientation orientation)
    {
        if (orientation != TableOrientation.Detect) return (orientation == TableOrientation.GenesInRows, "as stated");
        double rows = NameEvidence.Likeness(table.RowNames), columns = NameEvidence.Likeness(table.ColumnNames);
        const double clear = 0.2;
        if (rows - columns > clear) return (true, $"rows such as '{table.RowNames[0]}' look like genes");
        if (columns - rows > clear) return (false, $"columns such as '{table.ColumnNames[0]}' look like genes");
        string corner = table.Corner.ToLowerInvariant();
        if (corner.Contains("gene") || corner.Contains("symbol") || corner.Contains("ensembl") || corner.Contains("probe"))
            return (true, $"the first column is called '{table.Corner}'");
        if (corner.Contains("cell") || corner.Contains("sample") || corner.Contains("patient") || corner.Contains("barcode"))
            return (false, $"the first column is called '{table.Corner}'");
        throw new InputException($"'{table.Path}': cannot tell whether genes are the rows ('{table.RowNames[0]}', …) or the columns ('{table.ColumnNames[0]}', …); state it with --orientation genes or --orientation samples ('cellcast convert' and 'cellcast cohort' take it).");
    }

    private static void RequireUniqueSamples(string path, string[] samples)
    {
        var twice = new NameIndex(samples).Duplicates;
        if (twice.Count == 0) return;
        string hint = LooksHeaderless(samples) ? "; does the table have a header line?" : "; make them unique.";
        throw new InputException($"'{path}': {twice.Count} sample name{(twice.Count == 1 ? " occurs" : "s occur")} more than once ({GeneNames.Examples(twice)}){hint}");
    }

    private static bool LooksHeaderless(string[] names) =>
        names.Count(n => Utf8Number.TryParse(System.Text.Encoding.UTF8.GetBytes(n), out _, out _)) * 2 > names.Length;

    private static string FreeName(DataFrame frame, string header)
    {
        string name = header.Length == 0 ? "column" : header.Replace('/', '_');
        string free = name;
        for (int k = 1; frame.Contains(free) || free == "_index"; k++) free = $"{name}-{k}";
        return free;
    }
}
