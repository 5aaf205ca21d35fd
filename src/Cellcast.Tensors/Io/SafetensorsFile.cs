using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Cellcast.Tensors.Io;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">How its numbers are stored.</param>
/// <param name="Shape">Sizes of the dimensions; none for a single number.</param>
/// <param name="Offset">Where its bytes start in the file.</param>
/// <param name="Count">How many numbers it holds.</param>
public sealed record SafetensorsEntry(string Name, ElementType Type, IReadOnlyList<long> Shape, long Offset, long Count);

/// <summary>Reads safetensors: eight bytes with the length of a JSON header, the header, then the numbers of all tensors without a gap. Nothing is read but the header
/// until a tensor is asked for, and nothing in the file is believed before it has been checked.</summary>
public sealed class SafetensorsFile : IDisposable
{
    private const long LargestHeader = 100_000_000;
    private const int ChunkBytes = 1 << 20;
    private readonly Stream _stream;
    private readonly string _source;
    private readonly SortedDictionary<string, SafetensorsEntry> _entries = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsFile(Stream stream, string source)
    {
        _stream = stream;
        _source = source;
        ReadHeader();
    }

    /// <summary>The tensors, in the order of their names.</summary>
    public IReadOnlyCollection<SafetensorsEntry> Entries => _entries.Values;

    /// <summary>Free text that the writer added, by key.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Opens a file.</summary>
    /// <param name="path">Its path.</param>
    /// <exception cref="InvalidDataException">It is not a sound safetensors file; the message says where and why.</exception>
    public static SafetensorsFile Open(string path)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try { return new SafetensorsFile(stream, path); }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Reads from a stream that can seek; it is closed with this object.</summary>
    /// <param name="stream">Starts with the header length.</param>
    /// <param name="source">Name in messages.</param>
    /// <exception cref="InvalidDataException">It is not a sound safetensors file; the message says where and why.</exception>
    public static SafetensorsFile Open(Stream stream, string source = "safetensors") => new(stream, source);

    /// <summary>Whether there is a tensor of that name.</summary>
    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>What is known about a tensor.</summary>
    /// <exception cref="InvalidDataException">There is none of that name.</exception>
    public SafetensorsEntry Entry(string name) => _entries.TryGetValue(name, out var e) ? e : throw Bad($"there is no tensor '{name}'");

    /// <summary>A tensor's numbers as float32, converted if they are stored otherwise.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="InvalidDataException">There is none of that name, or it is too large for one tensor.</exception>
    public Tensor ReadTensor(string name)
    {
        var e = Entry(name);
        var t = Tensor.Zeros(ShapeOf(e));
        Read(e, (bytes, first, count) => ElementTypes.Convert(e.Type, bytes, t.Span.Slice(first, count)));
        return t;
    }

    /// <summary>A tensor's numbers in double precision.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="InvalidDataException">There is none of that name, or it is too large.</exception>
    public double[] ReadDoubles(string name)
    {
        var e = Entry(name);
        var values = new double[CountOf(e)];
        Read(e, (bytes, first, count) => ElementTypes.Convert(e.Type, bytes, values.AsSpan(first, count)));
        return values;
    }

    /// <summary>A tensor's integers.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="InvalidDataException">There is none of that name, its numbers are not integers, or it is too large.</exception>
    public long[] ReadIntegers(string name)
    {
        var e = Entry(name);
        var values = new long[CountOf(e)];
        try { Read(e, (bytes, first, count) => ElementTypes.Convert(e.Type, bytes, values.AsSpan(first, count))); }
        catch (InvalidDataException reason) { throw Bad($"tensor '{name}': {reason.Message}"); }
        return values;
    }

    /// <summary>All tensors as float32, by name.</summary>
    public SortedDictionary<string, Tensor> ReadAll()
    {
        var all = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (string name in _entries.Keys) all.Add(name, ReadTensor(name));
        return all;
    }

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private void ReadHeader()
    {
        long length = _stream.Length;
        if (length < 8) throw Bad($"{length} bytes are too few");
        Span<byte> prefix = stackalloc byte[8];
        _stream.Position = 0;
        _stream.ReadExactly(prefix);
        ulong headerLength = BitConverter.ToUInt64(prefix);
        if (headerLength > LargestHeader) throw Bad($"the header claims {headerLength} bytes; at most {LargestHeader} are allowed");
        if ((long)headerLength > length - 8) throw Bad($"the header claims {headerLength} bytes, the file has {length - 8} after its length");
        byte[] header = new byte[headerLength];
        _stream.ReadExactly(header);
        if (header.Length == 0 || header[0] != '{') throw Bad("the header is not a JSON object");
        try
        {
            using var json = JsonDocument.Parse(header);
            ReadEntries(json.RootElement, 8 + (long)headerLength, length);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw Bad($"the header is malformed: {e.Message}");
        }
    }

    private void ReadEntries(JsonElement header, long dataStart, long fileLength)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var extents = new List<(long Begin, long End, string Name)>();
        foreach (var item in header.EnumerateObject())
        {
            if (!seen.Add(item.Name)) throw Bad($"'{item.Name}' appears twice");
            if (item.Name == "__metadata__")
            {
                foreach (var pair in item.Value.EnumerateObject()) _metadata[pair.Name] = pair.Value.GetString() ?? throw Bad("metadata must be text");
                continue;
            }
            var (entry, begin, end) = ReadEntry(item.Name, item.Value, dataStart);
            if (end > fileLength - dataStart) throw Bad($"tensor '{item.Name}' ends at byte {end}, the data has {fileLength - dataStart}: the file is cut off or damaged");
            extents.Add((begin, end, item.Name));
            _entries.Add(item.Name, entry);
        }
        extents.Sort();
        long covered = 0;
        foreach (var (begin, end, name) in extents)
        {
            if (begin != covered) throw Bad($"tensor '{name}' starts at byte {begin}, the one before it ends at {covered}");
            covered = end;
        }
        if (covered != fileLength - dataStart) throw Bad($"{fileLength - dataStart - covered} bytes at the end belong to no tensor");
    }

    private (SafetensorsEntry Entry, long Begin, long End) ReadEntry(string name, JsonElement item, long dataStart)
    {
        string typeName = item.GetProperty("dtype").GetString() ?? "null";
        if (!TryType(typeName, out var type)) throw Bad($"tensor '{name}' has numbers of type {typeName}, which is not supported");
        var shape = new List<long>();
        long count = 1;
        foreach (var d in item.GetProperty("shape").EnumerateArray())
        {
            long size = d.GetInt64();
            if (size < 0) throw Bad($"tensor '{name}' has a negative dimension");
            shape.Add(size);
            try { count = checked(count * size); }
            catch (OverflowException) { throw Bad($"tensor '{name}' has an impossible shape"); }
        }
        var offsets = item.GetProperty("data_offsets");
        if (offsets.GetArrayLength() != 2) throw Bad($"tensor '{name}' has no two offsets");
        long begin = offsets[0].GetInt64(), end = offsets[1].GetInt64();
        if (begin < 0 || end < begin || (end - begin) % ElementTypes.SizeOf(type) != 0 || (end - begin) / ElementTypes.SizeOf(type) != count)
            throw Bad($"tensor '{name}' of shape [{string.Join(", ", shape)}] and type {typeName} does not fill bytes {begin} to {end}");
        return (new SafetensorsEntry(name, type, shape, dataStart + begin, count), begin, end);
    }

    private static bool TryType(string name, out ElementType type)
    {
        (bool known, type) = name switch
        {
            "BOOL" => (true, ElementType.Bool),
            "U8" => (true, ElementType.U8),
            "I8" => (true, ElementType.I8),
            "I16" => (true, ElementType.I16),
            "I32" => (true, ElementType.I32),
            "I64" => (true, ElementType.I64),
            "F16" => (true, ElementType.F16),
            "BF16" => (true, ElementType.BF16),
            "F32" => (true, ElementType.F32),
            "F64" => (true, ElementType.F64),
            _ => (false, default),
        };
        return known;
    }

    private int CountOf(SafetensorsEntry e) => e.Count <= Array.MaxLength ? (int)e.Count : throw Bad($"tensor '{e.Name}' holds {e.Count} numbers, more than fit into memory at once");

    private int[] ShapeOf(SafetensorsEntry e)
    {
        _ = CountOf(e);
        // A tensor of ours has at least one dimension. An empty one may name any sizes beside the zero; they mean nothing.
        if (e.Shape.Count == 0) return [1];
        return e.Count == 0 ? [0] : [.. e.Shape.Select(d => (int)d)];
    }

    private void Read(SafetensorsEntry e, ChunkReader use)
    {
        int size = ElementTypes.SizeOf(e.Type), total = CountOf(e);
        byte[] buffer = new byte[Math.Min(ChunkBytes, (long)total * size)];
        _stream.Position = e.Offset;
        for (int first = 0; first < total;)
        {
            int count = Math.Min(total - first, buffer.Length / size);
            var bytes = buffer.AsSpan(0, count * size);
            try { _stream.ReadExactly(bytes); }
            catch (EndOfStreamException) { throw Bad($"the file ended within tensor '{e.Name}'"); }
            use(bytes, first, count);
            first += count;
        }
    }

    private delegate void ChunkReader(ReadOnlySpan<byte> bytes, int first, int count);

    private InvalidDataException Bad(string what) => new($"{_source}: not a sound safetensors file: {what}");
}
