using System.Text;
using CsvHelper;

namespace Cellcast.AnnData.Tables;

/// <summary>Reads delimited text, plain or gzip, record by record; fields are spans of UTF-8 bytes, so that no string is made for a number.</summary>
/// <remarks>
/// Quoted fields (with doubled quotes, delimiters and line breaks inside), any line break and a missing last one are understood; blank
/// lines are skipped, and so are lines starting with <c>#</c> before the first record (after it, <c>#</c> is part of a name).
/// </remarks>
public sealed class DelimitedReader : IDisposable
{
    private const int HeadSize = 1 << 16, MostOfARecord = 1 << 30;

    private readonly CsvReader _reader;
    private readonly string _path;
    private readonly int _comments;

    /// <param name="path">The file.</param>
    /// <param name="delimiter">A single ASCII character, or <c>null</c> to detect it from the first record.</param>
    /// <exception cref="InputException">The file is missing, empty, damaged or no text.</exception>
    public DelimitedReader(string path, char? delimiter = null)
    {
        _path = path;
        var stream = TextInput.Open(path);
        try
        {
            var head = new byte[HeadSize];
            head = head[..stream.ReadAtLeast(head, HeadSize, throwOnEndOfStream: false)];
            if (head.AsSpan().Contains((byte)0)) throw new InputException($"'{path}': holds zero bytes, so it is no text table.");
            int start = SkipComments(head, out _comments);
            Delimiter = delimiter ?? (char)DetectDelimiter(FirstLine(head.AsSpan(start)));
            _reader = CsvReader.Create(new PrefixedStream(head[start..], stream), new CsvReaderOptions
            {
                Separator = Delimiter,
                HasHeader = false,
                TrackLineNumbers = true,
                MaxRecordSize = MostOfARecord,
                BufferSize = HeadSize,
                OnMalformedRecord = OnMalformed,
            }, leaveOpen: false);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>The delimiter in use: stated or detected.</summary>
    public char Delimiter { get; }

    /// <summary>Line on which the current record starts, counted from 1.</summary>
    public long Line => _reader.LineNumber + _comments;

    /// <summary>Number of fields of the current record.</summary>
    public int Count { get; private set; }

    /// <summary>A field of the current record, without its quotes; valid until the next record is read.</summary>
    public ReadOnlySpan<byte> this[int field] => _reader.GetSpan(field);

    /// <summary>A field as text, without surrounding blanks.</summary>
    public string Text(int field) => Encoding.UTF8.GetString(this[field]).Trim();

    /// <summary>All fields of the current record as text.</summary>
    public string[] Texts()
    {
        var t = new string[Count];
        for (int i = 0; i < t.Length; i++) t[i] = Text(i);
        return t;
    }

    /// <summary>Moves to the next record; false at the end.</summary>
    /// <exception cref="InputException">The text is damaged: a quote that is never closed, a gzip stream that ends early.</exception>
    public bool Read()
    {
        try
        {
            do
            {
                if (!_reader.Read())
                {
                    Count = 0;
                    return false;
                }
            }
            while (_reader.RawRecord.Trim(" \t\r"u8).IsEmpty);
        }
        catch (CsvFormatException e)
        {
            throw new InputException($"'{_path}': the table is damaged near line {e.LineNumber + _comments}.", e);
        }
        Count = _reader.FieldCount;
        return true;
    }

    // A stray quote inside a field is harmless; one that is never closed swallows the rest of the file.
    private void OnMalformed(CsvMalformedRecord record)
    {
        if (record.Reason == CsvMalformedReason.UnterminatedQuote)
            throw new InputException($"'{_path}': a quoted field that starts in the record at line {record.LineNumber + _comments} is never closed.");
    }

    private static int SkipComments(ReadOnlySpan<byte> head, out int lines)
    {
        int at = 0;
        lines = 0;
        while (at < head.Length && head[at] is (byte)'#' or (byte)'\n' or (byte)'\r')
        {
            int end = head[at..].IndexOfAny((byte)'\n', (byte)'\r');
            if (end < 0) return head.Length;
            at += end + 1;
            if (at < head.Length && head[at] == (byte)'\n' && head[at - 1] == (byte)'\r') at++;
            lines++;
        }
        return at;
    }

    private static ReadOnlySpan<byte> FirstLine(ReadOnlySpan<byte> text)
    {
        int end = text.IndexOfAny((byte)'\n', (byte)'\r');
        return end < 0 ? text : text[..end];
    }

    /// <summary>The most plausible delimiter of a first record: tab, then the more frequent of comma and semicolon, then bar, then blank.</summary>
    private static byte DetectDelimiter(ReadOnlySpan<byte> record)
    {
        int tabs = 0, commas = 0, semicolons = 0, blanks = 0, bars = 0;
        bool quoted = false;
        foreach (byte b in record)
        {
            if (b == '"') quoted = !quoted;
            if (quoted) continue;
            if (b == '\t') tabs++;
            else if (b == ',') commas++;
            else if (b == ';') semicolons++;
            else if (b == ' ') blanks++;
            else if (b == '|') bars++;
        }
        if (tabs > 0) return (byte)'\t';
        if (commas > 0 || semicolons > 0) return semicolons > commas ? (byte)';' : (byte)',';
        if (bars > 0) return (byte)'|';
        return blanks > 0 ? (byte)' ' : (byte)',';
    }

    /// <inheritdoc/>
    public void Dispose() => _reader.Dispose();
}
