using System.IO.Compression;
using System.Numerics;

namespace Cellcast.Tensors.Io;

/// <summary>Reads tensors from PyTorch's <c>.pt</c> and <c>.pth</c> files, the zip format and the one before it (PyTorch 0.1.10 to 1.5), without executing anything in them:
/// of all callables that such a file can ask for only those that describe a tensor or a dictionary are recognised, and every other one is refused by name.</summary>
public sealed class PyTorchCheckpoint : IDisposable
{
    private const int DeepestNesting = 64;
    private const int LargestPickle = 1 << 28;
    private readonly Stream _stream;
    private readonly ZipArchive? _zip;
    private readonly string _source;
    private readonly string _prefix = "";
    private readonly Dictionary<string, PyTorchStorage> _storages = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, PyTorchTensor> _tensors = new(StringComparer.Ordinal);
    private int _visited;

    private PyTorchCheckpoint(Stream stream, string source)
    {
        _stream = stream;
        _source = source;
        try
        {
            byte[] start = new byte[4];
            stream.Position = 0;
            int read = stream.ReadAtLeast(start, 4, throwOnEndOfStream: false);
            stream.Position = 0;
            object? root;
            if (read == 4 && start.AsSpan().SequenceEqual("PK\x3\x4"u8))
            {
                _zip = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
                (_prefix, root) = ReadZip(_zip);
            }
            else root = ReadLegacy(stream);
            Collect("", root, 0);
        }
        catch (InvalidDataException e) { throw Bad(e.Message); }
        catch (EndOfStreamException) { throw Bad("the file is cut off"); }
    }

    /// <summary>All tensors: names of nested dictionaries are joined by dots, as in a state dict's own names. Values that are not tensors are left out.</summary>
    public IReadOnlyDictionary<string, PyTorchTensor> Tensors => _tensors;

    /// <summary>Opens a file.</summary>
    /// <param name="path">Its path.</param>
    /// <exception cref="InvalidDataException">It is not such a file, it is damaged, or it asks for a callable that is not permitted; the message says which.</exception>
    public static PyTorchCheckpoint Open(string path)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        try { return new PyTorchCheckpoint(stream, path); }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Reads from a stream that can seek; it is closed with this object.</summary>
    /// <param name="stream">The file's bytes.</param>
    /// <param name="source">Name in messages.</param>
    /// <exception cref="InvalidDataException">As for a file.</exception>
    public static PyTorchCheckpoint Open(Stream stream, string source = "checkpoint") => new(stream, source);

    /// <summary>A tensor's numbers as float32, in row-major order however it was stored.</summary>
    /// <param name="name">One of <see cref="Tensors"/>.</param>
    /// <exception cref="InvalidDataException">There is none of that name, or its numbers are not all in the file.</exception>
    public Tensor ReadTensor(string name)
    {
        var t = Find(name);
        byte[] bytes = Load(t.Storage);
        float[] stored = new float[t.Storage.Count];
        ElementTypes.Convert(t.Type, bytes, stored);
        var result = Tensor.Zeros(t.Shape.Count == 0 ? [1] : [.. t.Shape.Select(d => (int)d)]);
        t.CopyRowMajor<float>(stored, result.Span);
        return result;
    }

    /// <summary>A tensor's integers, in row-major order however it was stored.</summary>
    /// <param name="name">One of <see cref="Tensors"/>.</param>
    /// <exception cref="InvalidDataException">There is none of that name, its numbers are not integers or not all in the file.</exception>
    public long[] ReadIntegers(string name)
    {
        var t = Find(name);
        byte[] bytes = Load(t.Storage);
        long[] stored = new long[t.Storage.Count], result = new long[t.Count];
        try { ElementTypes.Convert(t.Type, bytes, stored); }
        catch (InvalidDataException e) { throw Bad($"tensor '{name}': {e.Message}"); }
        t.CopyRowMajor<long>(stored, result);
        return result;
    }

    /// <summary>All tensors as float32, by name.</summary>
    public SortedDictionary<string, Tensor> ReadAll()
    {
        var all = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (string name in _tensors.Keys) all.Add(name, ReadTensor(name));
        return all;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _zip?.Dispose();
        _stream.Dispose();
    }

    private PyTorchTensor Find(string name) => _tensors.TryGetValue(name, out var t) ? t : throw Bad($"there is no tensor '{name}'");

    private (string Prefix, object? Root) ReadZip(ZipArchive zip)
    {
        var pickle = zip.Entries.FirstOrDefault(e => e.FullName == "data.pkl" || (e.FullName.EndsWith("/data.pkl", StringComparison.Ordinal) && e.FullName.Count(c => c == '/') == 1))
            ?? throw new InvalidDataException("the archive has no data.pkl");
        string prefix = pickle.FullName[..^"data.pkl".Length];
        if (zip.GetEntry(prefix + "constants.pkl") is not null) throw new InvalidDataException("this is a TorchScript program, not a file of weights");
        if (zip.GetEntry(prefix + "byteorder") is { } order && System.Text.Encoding.ASCII.GetString(ReadEntry(order, 16)).Trim() != "little")
            throw new InvalidDataException("its numbers are big-endian");
        return (prefix, Unpickle(new MemoryStream(ReadEntry(pickle, Math.Min(LargestPickle, _stream.Length)))));
    }

    /// <summary>PyTorch stores without compression, so what is compressed is refused: it could unfold to any size.</summary>
    private static byte[] ReadEntry(ZipArchiveEntry entry, long atMost)
    {
        if (entry.Length != entry.CompressedLength || entry.Length > atMost) throw new InvalidDataException($"'{entry.FullName}' is compressed or too large, which PyTorch's own files never are");
        byte[] bytes = new byte[entry.Length];
        using var stream = entry.Open();
        stream.ReadExactly(bytes);
        return bytes;
    }

    private object? ReadLegacy(Stream stream)
    {
        if (Unpickle(stream) is not BigInteger magic || magic != BigInteger.Parse("119547037146038801333356"))
            throw new InvalidDataException("this is neither of PyTorch's two formats (files of PyTorch before 0.1.10 are not supported)");
        if (Unpickle(stream) is not long version || version != 1001) throw new InvalidDataException("the protocol version is not known");
        if (Unpickle(stream) is PickleDictionary system)
            foreach (var (key, value) in system.Items)
                if (key is "little_endian" && value is false) throw new InvalidDataException("its numbers are big-endian");
        object? root = Unpickle(stream);
        if (Unpickle(stream) is not List<object?> keys) throw new InvalidDataException("the list of storages is missing");
        byte[] prefix = new byte[8];
        foreach (object? key in keys)
        {
            if (key is not string name || !_storages.TryGetValue(name, out var storage)) throw new InvalidDataException($"storage '{key}' belongs to no tensor");
            stream.ReadExactly(prefix);
            long count = BitConverter.ToInt64(prefix);
            if (count != storage.Count) throw new InvalidDataException($"storage '{name}' holds {count} numbers, its tensors need {storage.Count}");
            storage.FileOffset = stream.Position;
            if (storage.ByteLength > stream.Length - stream.Position) throw new InvalidDataException($"the file ended within storage '{name}'");
            stream.Position += storage.ByteLength;
        }
        return root;
    }

    private byte[] Load(PyTorchStorage storage)
    {
        byte[] bytes;
        if (_zip is not null)
        {
            var entry = _zip.GetEntry($"{_prefix}data/{storage.Key}") ?? throw Bad($"storage '{storage.Key}' is missing");
            // No entry is larger than the file, whatever its directory says.
            try { bytes = ReadEntry(entry, _stream.Length); }
            catch (InvalidDataException e) { throw Bad(e.Message); }
            catch (EndOfStreamException) { throw Bad($"the file ended within storage '{storage.Key}'"); }
            if (bytes.LongLength < storage.ByteLength) throw Bad($"storage '{storage.Key}' holds {bytes.LongLength} bytes, its tensors need {storage.ByteLength}");
            return bytes.LongLength == storage.ByteLength ? bytes : bytes[..(int)storage.ByteLength];
        }
        if (storage.FileOffset < 0) throw Bad($"storage '{storage.Key}' is missing");
        bytes = new byte[storage.ByteLength];
        _stream.Position = storage.FileOffset;
        _stream.ReadExactly(bytes);
        return bytes;
    }

    private object? Unpickle(Stream stream) => new PickleReader(stream, Permit, Call, Resolve).Read();

    private static PickleGlobal Permit(PickleGlobal global) => global switch
    {
        ("collections", "OrderedDict") or ("torch._utils", "_rebuild_tensor_v2") or ("torch._utils", "_rebuild_tensor") or ("torch._utils", "_rebuild_parameter") => global,
        ("torch", var name) when PyTorchStorage.TypeOf(name) is not null => global,
        _ => throw new InvalidDataException($"the file asks for '{global}', which is not permitted: only plain dictionaries of tensors are read (save model.state_dict(), not the model)"),
    };

    private static object? Call(PickleGlobal function, object?[] arguments) => (function.Name, arguments) switch
    {
        ("OrderedDict", []) => new PickleDictionary(),
        ("OrderedDict", [List<object?> pairs]) => FromPairs(pairs),
        ("_rebuild_tensor_v2" or "_rebuild_tensor", [PyTorchStorage storage, long offset, PickleTuple shape, PickleTuple strides, ..]) =>
            PyTorchTensor.Create(storage, offset, Integers(shape), Integers(strides)),
        ("_rebuild_parameter", [PyTorchTensor tensor, ..]) => tensor,
        _ => throw new InvalidDataException($"'{function}' is given arguments that it does not take"),
    };

    private static PickleDictionary FromPairs(List<object?> pairs)
    {
        var dictionary = new PickleDictionary();
        foreach (object? pair in pairs)
            dictionary.Items.Add(pair switch
            {
                PickleTuple { Items: [var key, var value] } => new(key, value),
                List<object?> { Count: 2 } list => new(list[0], list[1]),
                _ => throw new InvalidDataException("a dictionary is given items that are no pairs"),
            });
        return dictionary;
    }

    private static long[] Integers(PickleTuple tuple) => [.. tuple.Items.Select(i => i is long v ? v : throw new InvalidDataException("a tensor's shape is not made of integers"))];

    /// <summary>('storage', type, key, device, count), in the older format with a sixth part that names a piece of a storage.</summary>
    private PyTorchStorage Resolve(object? reference)
    {
        if (reference is not PickleTuple { Items: ["storage", PickleGlobal global, string key, _, long count, .. var rest] } || PyTorchStorage.TypeOf(global.Name) is not { } type)
            throw new InvalidDataException("the file refers to something outside that is not a storage");
        if (count < 0 || count > Array.MaxLength / ElementTypes.SizeOf(type)) throw new InvalidDataException($"storage '{key}' claims {count} numbers");
        if (_storages.TryGetValue(key, out var known))
        {
            if (known.Type != type || known.Count != count) throw new InvalidDataException($"storage '{key}' is described in two ways");
        }
        else _storages.Add(key, known = new PyTorchStorage(key, type, count));
        if (rest is not [PickleTuple { Items: [_, long offset, long size] }]) return known;
        return _zip is null ? known.Piece(offset, size) : throw new InvalidDataException($"storage '{key}' is cut into pieces, which this format does not know");
    }

    private void Collect(string name, object? value, int depth)
    {
        // Shared and nested lists can unfold without end; no file of weights needs that much.
        if (depth > DeepestNesting || ++_visited > 10_000_000) throw new InvalidDataException("its values are nested too deeply");
        switch (value)
        {
            case PyTorchTensor tensor:
                _tensors[name.Length == 0 ? "tensor" : name] = tensor;
                break;
            case PickleDictionary dictionary:
                foreach (var (key, item) in dictionary.Items)
                    if (key is string or long) Collect(Join(name, key), item, depth + 1);
                break;
            case List<object?> list:
                for (int i = 0; i < list.Count; i++) Collect(Join(name, (long)i), list[i], depth + 1);
                break;
            case PickleTuple tuple:
                for (int i = 0; i < tuple.Items.Length; i++) Collect(Join(name, (long)i), tuple.Items[i], depth + 1);
                break;
        }
    }

    private static string Join(string name, object key)
    {
        string joined = name.Length == 0 ? $"{key}" : $"{name}.{key}";
        return joined.Length <= 4096 ? joined : throw new InvalidDataException("a name is longer than any parameter's");
    }

    private InvalidDataException Bad(string what) => new($"{_source}: cannot be read as a PyTorch checkpoint: {what}");
}
