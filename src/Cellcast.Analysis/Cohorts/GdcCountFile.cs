using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Cohorts;

/// <summary>Which program wrote a count file of GDC.</summary>
internal enum GdcCountKind
{
    /// <summary><c>*.rna_seq.augmented_star_gene_counts.tsv</c>: a comment, a header, four summary rows (<c>N_unmapped</c> …), then genes with symbols.</summary>
    Star,
    /// <summary><c>*.htseq.counts.gz</c>: two columns without header, summary rows (<c>__no_feature</c> …) at the end.</summary>
    HtSeq,
}

/// <summary>The genes that all files of a folder list.</summary>
internal sealed class GdcGenes
{
    private readonly Dictionary<string, int> _row = new(StringComparer.Ordinal);

    internal GdcGenes(string[] ids, string?[]? symbols)
    {
        (Ids, Symbols) = (ids, symbols);
        Utf8 = Array.ConvertAll(ids, System.Text.Encoding.UTF8.GetBytes);
        for (int i = 0; i < ids.Length; i++) _row[ids[i]] = i;
    }

    internal string[] Ids { get; }

    internal string?[]? Symbols { get; }

    internal byte[][] Utf8 { get; }

    internal int RowOf(string id) => _row.GetValueOrDefault(id, -1);
}

/// <summary>Reads the count files that GDC gives, one sample each.</summary>
internal static class GdcCountFile
{
    private const string StarSummary = "N_", HtSeqSummary = "__";

    /// <summary>The kind of a file, by its name; null for any other file.</summary>
    internal static GdcCountKind? KindOf(string name)
    {
        string n = WithoutGz(name);
        if (n.EndsWith("star_gene_counts.tsv", StringComparison.OrdinalIgnoreCase)) return GdcCountKind.Star;
        return n.EndsWith(".htseq.counts", StringComparison.OrdinalIgnoreCase) || n.EndsWith(".htseq_counts.txt", StringComparison.OrdinalIgnoreCase) ? GdcCountKind.HtSeq : null;
    }

    /// <summary>A name without <c>.gz</c>, since downloads may have been unpacked.</summary>
    internal static string WithoutGz(string name) => name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? name[..^3] : name;

    /// <summary>The genes of a file, in its order, summary rows left out.</summary>
    internal static GdcGenes ReadGenes(string path, GdcCountKind kind)
    {
        using var reader = new DelimitedReader(path, '\t');
        var columns = Columns.Of(path, reader, kind, null);
        var ids = new List<string>();
        var symbols = new List<string?>();
        while (columns.Next(reader))
        {
            ids.Add(reader.Text(columns.Id));
            symbols.Add(columns.Symbol < 0 ? null : reader.Text(columns.Symbol));
        }
        if (ids.Count == 0) throw new InputException($"'{path}': lists no genes.");
        var twice = new NameIndex(ids).Duplicates;
        if (twice.Count > 0) throw new InputException($"'{path}': the gene '{twice[0]}' is listed twice.");
        return new GdcGenes([.. ids], columns.Symbol < 0 ? null : [.. symbols]);
    }

    /// <summary>The counts of a file in the order of <paramref name="genes"/>.</summary>
    /// <exception cref="InputException">A gene is unknown or missing (another gene model), or a count is no count.</exception>
    internal static float[] ReadCounts(string path, GdcCountKind kind, GdcGenes genes, string starColumn)
    {
        using var reader = new DelimitedReader(path, '\t');
        var columns = Columns.Of(path, reader, kind, starColumn);
        var counts = new float[genes.Ids.Length];
        int expected = 0, found = 0;
        while (columns.Next(reader))
        {
            // Files of one release list genes in the same order; then no name has to be looked up.
            int gene = expected < counts.Length && reader[columns.Id].SequenceEqual(genes.Utf8[expected]) ? expected : genes.RowOf(reader.Text(columns.Id));
            if (gene < 0) throw new InputException($"'{path}': lists the gene '{reader.Text(columns.Id)}', which the other files do not; files of different gene models cannot be mixed.");
            if (!double.TryParse(reader[columns.Count], System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out double value) || !(value >= 0) || double.IsInfinity(value))
                throw new InputException($"'{path}': line {reader.Line}, gene '{reader.Text(columns.Id)}': '{reader.Text(columns.Count)}' is no count.");
            counts[gene] = (float)value;
            expected = gene + 1;
            found++;
        }
        if (found != counts.Length) throw new InputException($"'{path}': lists {found} genes where the other files list {counts.Length}; it is cut short or of another gene model.");
        return counts;
    }

    /// <summary>Where the fields of a file are.</summary>
    private sealed class Columns
    {
        private readonly int _fields;
        private readonly string _path, _summary;

        private Columns(string path, string summary, int id, int symbol, int count, int fields) =>
            (_path, _summary, Id, Symbol, Count, _fields) = (path, summary, id, symbol, count, fields);

        internal int Id { get; }
        internal int Symbol { get; }
        internal int Count { get; }

        internal static Columns Of(string path, DelimitedReader reader, GdcCountKind kind, string? starColumn)
        {
            if (kind == GdcCountKind.HtSeq) return new Columns(path, HtSeqSummary, 0, -1, 1, 2);
            if (!reader.Read()) throw new InputException($"'{path}': is empty.");
            string[] header = reader.Texts();
            int id = Array.IndexOf(header, "gene_id"), count = starColumn is null ? 0 : Array.IndexOf(header, starColumn);
            if (id < 0) throw new InputException($"'{path}': has no column 'gene_id', so it is no STAR count file of GDC.");
            if (count < 0) throw new InputException($"'{path}': has no column '{starColumn}'; it has {string.Join(", ", header.Select(h => $"'{h}'"))}.");
            return new Columns(path, StarSummary, id, Array.IndexOf(header, "gene_name"), count, header.Length);
        }

        // Summary rows are skipped: N_unmapped … of STAR, __no_feature … of HTSeq.
        internal bool Next(DelimitedReader reader)
        {
            while (reader.Read())
            {
                if (reader.Count != _fields) throw new InputException($"'{_path}': line {reader.Line} has {reader.Count} fields where {_fields} were expected; the file is damaged.");
                if (!reader[Id].StartsWith(_summary == StarSummary ? "N_"u8 : "__"u8)) return true;
            }
            return false;
        }
    }
}
