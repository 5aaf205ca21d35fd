using System.Text;
using Cellcast.AnnData.Tables;

namespace Cellcast.AnnData.TenX;

/// <summary>The entries of a Matrix Market file, in the order of the file.</summary>
/// <param name="Rows">Number of rows.</param>
/// <param name="Columns">Number of columns.</param>
/// <param name="RowOf">Row of each entry, from 0.</param>
/// <param name="ColumnOf">Column of each entry, from 0.</param>
/// <param name="Values">Value of each entry.</param>
internal sealed record MatrixMarketEntries(int Rows, int Columns, int[] RowOf, int[] ColumnOf, float[] Values);

/// <summary>Reads and writes Matrix Market coordinate files (<c>%%MatrixMarket matrix coordinate integer|real|pattern general</c>).</summary>
internal static class MatrixMarket
{
    /// <summary>Reads a file, plain or gzip.</summary>
    /// <exception cref="InputException">Anything that is not such a file, is cut short, or points outside the matrix.</exception>
    internal static MatrixMarketEntries Read(string path)
    {
        using var stream = TextInput.Open(path);
        var text = new ByteCursor(stream);
        string banner = Encoding.UTF8.GetString(text.Line() ?? []).TrimEnd();
        string[] words = banner.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (words.Length < 5 || !words[0].Equals("%%MatrixMarket", StringComparison.OrdinalIgnoreCase) || !Is(words[1], "matrix"))
            throw new InputException($"'{path}': does not start with '%%MatrixMarket matrix …', so it is no Matrix Market file.");
        if (!Is(words[2], "coordinate"))
            throw new InputException($"'{path}': is a Matrix Market '{words[2]}' file; only 'coordinate' (sparse) files are read.");
        bool pattern = Is(words[3], "pattern");
        if (!pattern && !Is(words[3], "integer") && !Is(words[3], "real") && !Is(words[3], "double"))
            throw new InputException($"'{path}': holds '{words[3]}' values; integer, real or pattern was expected.");
        if (!Is(words[4], "general"))
            throw new InputException($"'{path}': is stored as '{words[4]}'; only 'general' matrices are count matrices.");

        var line = text.Line();
        while (line is { } l && (l.Length == 0 || l[0] == (byte)'%' || string.IsNullOrWhiteSpace(Encoding.UTF8.GetString(l)))) line = text.Line();
        long[]? size = line is null ? null : ParseSize(line);
        if (size is null) throw new InputException($"'{path}': has no line with rows, columns and number of entries.");
        if (size[0] > int.MaxValue || size[1] > int.MaxValue || size[2] > Array.MaxLength)
            throw new InputException($"'{path}': states {size[0]} x {size[1]} with {size[2]} entries; at most {Array.MaxLength} entries can be held.");
        return ReadEntries(path, text, (int)size[0], (int)size[1], (int)size[2], pattern);
    }

    private static bool Is(string word, string name) => word.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static long[]? ParseSize(byte[] line)
    {
        string[] parts = Encoding.UTF8.GetString(line).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var size = new long[3];
        if (parts.Length != 3) return null;
        for (int i = 0; i < 3; i++)
            if (!long.TryParse(parts[i], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out size[i])) return null;
        return size;
    }

    private static MatrixMarketEntries ReadEntries(string path, ByteCursor text, int rows, int columns, int entries, bool pattern)
    {
        // A damaged header must not reserve gigabytes: the arrays grow with what is really there.
        int capacity = Math.Min(entries, 1 << 22);
        var rowOf = new int[capacity];
        var columnOf = new int[capacity];
        var values = new float[capacity];
        for (int k = 0; k < entries; k++)
        {
            if (!text.SkipBlanks())
                throw new InputException($"'{path}': ends after {k} of {entries} entries; the file is cut short.");
            if (k == capacity)
            {
                capacity = (int)Math.Min(entries, 2L * capacity);
                Array.Resize(ref rowOf, capacity);
                Array.Resize(ref columnOf, capacity);
                Array.Resize(ref values, capacity);
            }
            double value = 1;
            if (!text.Index(out long r) || !text.Index(out long c) || (!pattern && !text.Number(out value)))
                throw new InputException($"'{path}': entry {k + 1} is not 'row column{(pattern ? "" : " value")}'.");
            if (r < 1 || r > rows || c < 1 || c > columns)
                throw new InputException($"'{path}': entry {k + 1} is at row {r}, column {c}, outside the stated {rows} x {columns}.");
            rowOf[k] = (int)r - 1;
            columnOf[k] = (int)c - 1;
            values[k] = (float)value;
        }
        if (text.SkipBlanks()) throw new InputException($"'{path}': goes on after the {entries} entries that its header states.");
        return new MatrixMarketEntries(rows, columns, rowOf, columnOf, values);
    }

    /// <summary>Walks over a byte stream token by token.</summary>
    private sealed class ByteCursor(Stream stream)
    {
        private readonly byte[] _buffer = new byte[1 << 18];
        private int _next, _end;

        internal byte[]? Line()
        {
            var line = new List<byte>();
            while (Peek() is var b && b >= 0)
            {
                _next++;
                if (b == '\n') return [.. line];
                // An endless first line is some other file.
                if (line.Count > 1 << 20) return [.. line];
                line.Add((byte)b);
            }
            return line.Count == 0 ? null : [.. line];
        }

        internal bool SkipBlanks()
        {
            while (true)
            {
                int b = Peek();
                if (b < 0) return false;
                if (b is not (' ' or '\t' or '\r' or '\n')) return true;
                _next++;
            }
        }

        internal bool Index(out long value)
        {
            value = 0;
            SkipInLine();
            int digits = 0;
            while (Peek() is >= '0' and <= '9' and var b)
            {
                value = value * 10 + (b - '0');
                _next++;
                if (++digits > 18) return false;
            }
            return digits > 0 && AtTokenEnd();
        }

        internal bool Number(out double value)
        {
            SkipInLine();
            Span<byte> token = stackalloc byte[64];
            int n = 0;
            while (!AtTokenEnd())
            {
                if (n == token.Length) break;
                token[n++] = _buffer[_next++];
            }
            return Utf8Number.TryParse(token[..n], out value, out _) && AtTokenEnd();
        }

        private void SkipInLine()
        {
            while (Peek() is ' ' or '\t') _next++;
        }

        private bool AtTokenEnd() => Peek() is < 0 or ' ' or '\t' or '\r' or '\n';

        private int Peek()
        {
            if (_next == _end)
            {
                _end = stream.Read(_buffer.AsSpan());
                _next = 0;
                if (_end == 0) return -1;
            }
            return _buffer[_next];
        }
    }
}
