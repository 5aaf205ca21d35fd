using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Cellcast.Tensors.Io;

/// <summary>Collects tensors and writes them as safetensors. The bytes depend on names and values only: wider types first, then by name, so that every tensor is aligned;
/// header padded with spaces to a multiple of eight.</summary>
/// <remarks>Values are kept by reference and read when <see cref="Write"/> is called.</remarks>
public sealed class SafetensorsWriter
{
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly SortedDictionary<string, Item> _items = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, string> _metadata = new(StringComparer.Ordinal);

    /// <summary>Adds free text.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="value">The text.</param>
    public SafetensorsWriter AddMetadata(string key, string value)
    {
        _metadata[key] = value;
        return this;
    }

    /// <summary>Adds a tensor.</summary>
    /// <param name="name">Its name, unique.</param>
    /// <param name="tensor">The numbers, written as F32.</param>
    public SafetensorsWriter Add(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return Add(name, "F32", sizeof(float), tensor.Length, tensor.Shape.ToArray(), s => s.Write(MemoryMarshal.AsBytes(tensor.Span)));
    }

    /// <summary>Adds all tensors of a state, each under its name.</summary>
    /// <param name="state">Tensors by name.</param>
    /// <param name="prefix">Put before every name.</param>
    public SafetensorsWriter AddAll(IReadOnlyDictionary<string, Tensor> state, string prefix = "")
    {
        ArgumentNullException.ThrowIfNull(state);
        foreach (var (name, tensor) in state) Add(prefix + name, tensor);
        return this;
    }

    /// <summary>Adds numbers in single precision.</summary>
    /// <param name="name">Name, unique.</param>
    /// <param name="values">Row by row.</param>
    /// <param name="shape">Sizes of the dimensions; none means a vector.</param>
    public SafetensorsWriter Add(string name, ReadOnlyMemory<float> values, params int[] shape) => Add(name, "F32", values, shape);

    /// <summary>Adds numbers in double precision.</summary>
    /// <inheritdoc cref="Add(string, ReadOnlyMemory{float}, int[])"/>
    public SafetensorsWriter Add(string name, ReadOnlyMemory<double> values, params int[] shape) => Add(name, "F64", values, shape);

    /// <summary>Adds 64-bit integers.</summary>
    /// <inheritdoc cref="Add(string, ReadOnlyMemory{float}, int[])"/>
    public SafetensorsWriter Add(string name, ReadOnlyMemory<long> values, params int[] shape) => Add(name, "I64", values, shape);

    /// <summary>Adds 32-bit integers.</summary>
    /// <inheritdoc cref="Add(string, ReadOnlyMemory{float}, int[])"/>
    public SafetensorsWriter Add(string name, ReadOnlyMemory<int> values, params int[] shape) => Add(name, "I32", values, shape);

    /// <summary>Writes everything.</summary>
    /// <param name="stream">Written to from its present position on; not closed.</param>
    public void Write(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var ordered = _items.OrderByDescending(i => i.Value.Size).ThenBy(i => i.Key, StringComparer.Ordinal).ToList();
        byte[] header = Header(ordered);
        stream.Write(BitConverter.GetBytes((ulong)header.Length));
        stream.Write(header);
        foreach (var (_, item) in ordered) item.Write(stream);
    }

    private SafetensorsWriter Add<T>(string name, string type, ReadOnlyMemory<T> values, int[] shape) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(shape);
        return Add(name, type, Marshal.SizeOf<T>(), values.Length, shape.Length == 0 ? [values.Length] : [.. shape], s => s.Write(MemoryMarshal.AsBytes(values.Span)));
    }

    private SafetensorsWriter Add(string name, string type, int size, int length, int[] shape, Action<Stream> write)
    {
        if (name == "__metadata__") throw new ArgumentException("the name __metadata__ is reserved", nameof(name));
        if (Tensor.CountOf(shape) != length) throw new ArgumentException($"'{name}': {length} numbers do not fill the shape [{string.Join(", ", shape)}]", nameof(shape));
        if (!_items.TryAdd(name, new Item(type, size, length, shape, write))) throw new ArgumentException($"two tensors are named '{name}'", nameof(name));
        return this;
    }

    private byte[] Header(List<KeyValuePair<string, Item>> ordered)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, s_json))
        {
            json.WriteStartObject();
            if (_metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in _metadata) json.WriteString(key, value);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (var (name, item) in ordered)
            {
                long end = offset + (long)item.Size * item.Length;
                json.WriteStartObject(name);
                json.WriteString("dtype", item.Type);
                json.WriteStartArray("shape");
                foreach (int d in item.Shape) json.WriteNumberValue(d);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(end);
                json.WriteEndArray();
                json.WriteEndObject();
                offset = end;
            }
            json.WriteEndObject();
        }
        buffer.Write(Encoding.ASCII.GetBytes(new string(' ', (int)((8 - buffer.Length % 8) % 8))));
        return buffer.ToArray();
    }

    private sealed record Item(string Type, int Size, int Length, int[] Shape, Action<Stream> Write);
}
