namespace Cellcast.AnnData.Tables;


/// <summary>A table of numbers with names on both sides, as it lies in a file, zeros left out.</summary>
internal sealed class NumericTable
{
    // Descriptive columns that programs put between the gene names and the samples; some of them hold numbers.
    private static readonly HashSet<string> s_descriptions = new(StringComparer.OrdinalIgnoreCase)
    {
        "chr", "chrom", "chromosome", "start", "end", "strand", "length", "entrez_gene_id", "entrez", "entrezid", "entrez_id", "ncbi_gene_id",
        "gene_name", "gene_symbol", "genesymbol", "symbol", "hugo_symbol", "hgnc_symbol", "gene_type", "gene_biotype", "biotype", "description", "name",
    };

    /// <summary>The file.</summary>
    internal required string Path { get; init; }

    /// <summary>Text above the row names; empty where the header leaves it out, as R does.</summary>
    internal required string Corner { get; init; }

    /// <summary>Names of the rows, as in the file.</summary>
    internal required string[] RowNames { get; init; }

    /// <summary>Names of the numeric columns, as in the file.</summary>
    internal required string[] ColumnNames { get; init; }

    /// <summary>Where each row starts in <see cref="Columns"/> and <see cref="Values"/>; one more than there are rows.</summary>
    internal required long[] RowStarts { get; init; }

    /// <summary>Column of each number that is not zero, rising within a row.</summary>
    internal required int[] Columns { get; init; }

    /// <summary>The numbers that are not zero.</summary>
    internal required float[] Values { get; init; }

    /// <summary>Columns of text (and known descriptive columns) beside the numbers, one value per row.</summary>
    internal required IReadOnlyList<(string Header, string[] Values)> Descriptions { get; init; }

    /// <summary>Reads a table.</summary>
    /// <param name="path">csv, tsv, or any delimited text, plain or gzip.</param>
    /// <param name="delimiter">Delimiter, or null to detect it.</param>
    /// <param name="transform">Applied to every number, zeros included.</param>
    /// <exception cref="InputException">Rows of different length, a cell that is no number, no header: named with line and column.</exception>
    internal static NumericTable Read(string path, char? delimiter = null, CellTransform? transform = null)
    {
        using var reader = new DelimitedReader(path, delimiter);
        if (!reader.Read()) throw new InputException($"'{path}': holds no table.");
        string[] header = reader.Texts();
        if (IsGct(path, header))
        {
            if (!reader.Read()) throw new InputException($"'{path}': ends before its header.");
            header = reader.Texts();
        }
        if (!reader.Read()) throw new InputException($"'{path}': has a header but no rows.");
        var layout = Layout.From(path, header, reader);
        return ReadRows(path, reader, layout, transform);
    }

    // GCT: "#1.2", then the size, then the header.
    private static bool IsGct(string path, string[] header) =>
        header.Length == 2 && path.Contains(".gct", StringComparison.OrdinalIgnoreCase) && header.All(h => h.Length > 0 && h.All(char.IsAsciiDigit));

    private static NumericTable ReadRows(string path, DelimitedReader reader, Layout layout, CellTransform? transform)
    {
        var names = new List<string>();
        var starts = new List<long> { 0 };
        var columns = new List<int>();
        var values = new List<float>();
        var descriptions = layout.Descriptive.Select(_ => new List<string>()).ToArray();
        int fields = layout.Fields, firstNumber = layout.FirstNumber, numbers = layout.ColumnNames.Length;
        do
        {
            if (reader.Count != fields && !(reader.Count == fields + 1 && reader[fields].Trim((byte)' ').IsEmpty))
                throw new InputException($"'{path}': line {reader.Line} has {reader.Count} fields where {fields} were expected.");
            names.Add(reader.Text(0));
            for (int d = 0; d < descriptions.Length; d++) descriptions[d].Add(reader.Text(layout.Descriptive[d]));
            for (int c = 0; c < numbers; c++)
            {
                if (!Utf8Number.TryParse(reader[firstNumber + c], out double value, out int decimals)) throw NotANumber(path, reader, layout, c);
                if (transform is not null) value = transform(value, decimals, names[^1], layout.ColumnNames[c]);
                float v = (float)value;
                if (v == 0) continue;
                columns.Add(c);
                values.Add(v);
            }
            starts.Add(values.Count);
        }
        while (reader.Read());
        for (int d = 0; d < descriptions.Length; d++) CheckIsText(path, layout, d, descriptions[d], names);
        return new NumericTable
        {
            Path = path,
            Corner = layout.Corner,
            RowNames = [.. names],
            ColumnNames = layout.ColumnNames,
            RowStarts = [.. starts],
            Columns = [.. columns],
            Values = [.. values],
            Descriptions = [.. layout.Descriptive.Select((f, d) => (layout.Header(f), descriptions[d].ToArray()))],
        };
    }

    private static InputException NotANumber(string path, DelimitedReader reader, Layout layout, int column)
    {
        string text = reader.Text(layout.FirstNumber + column);
        string where = $"'{path}': line {reader.Line} (row '{reader.Text(0)}'), column '{layout.ColumnNames[column]}'";
        if (MissingValue.Is(text)) return new InputException($"{where}: the value is missing; a missing count is not a zero, so fill it in or leave the row out.");
        string hint = text.Contains(',') && reader.Delimiter != ',' ? "; decimals are written with a point here" : "";
        return new InputException($"{where}: '{text}' is not a number{hint}.");
    }

    // A column was taken for text because of its first cell: if the rest are numbers, that cell is the mistake.
    private static void CheckIsText(string path, Layout layout, int d, List<string> cells, List<string> names)
    {
        string header = layout.Header(layout.Descriptive[d]);
        if (s_descriptions.Contains(header) || cells.Count < 2) return;
        int numeric = cells.Count(c => Utf8Number.TryParse(System.Text.Encoding.UTF8.GetBytes(c), out _, out _));
        if (numeric * 2 > cells.Count)
            throw new InputException($"'{path}': row '{names[0]}', column '{header}': '{cells[0]}' is not a number.");
    }

    /// <summary>Which field of a record is what.</summary>
    private sealed class Layout
    {
        private readonly string[] _header;
        private readonly int _shift;

        private Layout(string[] header, int shift, int fields, int firstNumber, int numbers, int[] descriptive)
        {
            _header = header;
            _shift = shift;
            Fields = fields;
            FirstNumber = firstNumber;
            Descriptive = descriptive;
            ColumnNames = [.. Enumerable.Range(firstNumber, numbers).Select(Header)];
        }

        internal int Fields { get; }
        internal int FirstNumber { get; }
        internal int[] Descriptive { get; }
        internal string[] ColumnNames { get; }
        internal string Corner => _shift == 1 ? "" : _header[0];
        internal string Header(int field) => _header[field - _shift];

        internal static Layout From(string path, string[] header, DelimitedReader first)
        {
            int fields = first.Count;
            if (fields < 2)
                throw new InputException($"'{path}': has one column with delimiter '{Show(first.Delimiter)}'; state the right one or check that this is a table of counts.");
            int shift = header.Length == fields ? 0 : header.Length == fields - 1 ? 1 : -1;
            if (shift < 0) throw new InputException($"'{path}': the header has {header.Length} fields but line {first.Line} has {fields}.");
            var kinds = new bool[fields];
            for (int f = 1; f < fields; f++) kinds[f] = Utf8Number.TryParse(first[f], out _, out _) || Utf8Number.IsMissing(first[f]) || Utf8Number.HasDecimalComma(first[f]);
            int start = 1;
            while (start < fields && (!kinds[start] || s_descriptions.Contains(header[start - shift]))) start++;
            int end = fields;
            while (end > start && !kinds[end - 1]) end--;
            if (start == end)
                throw new InputException($"'{path}': line {first.Line} holds no numbers after its first field, so this is no table of counts.");
            for (int f = start; f < end; f++)
                if (!kinds[f]) throw new InputException($"'{path}': line {first.Line} (row '{first.Text(0)}'), column '{header[f - shift]}': '{first.Text(f)}' is not a number.");
            int[] descriptive = [.. Enumerable.Range(1, start - 1), .. Enumerable.Range(end, fields - end)];
            return new Layout(header, shift, fields, start, end - start, descriptive);
        }

        private static string Show(char delimiter) => delimiter == '\t' ? "\\t" : delimiter.ToString();
    }
}
