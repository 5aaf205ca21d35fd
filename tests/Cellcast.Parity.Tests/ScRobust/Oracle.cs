using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Cellcast.TestSupport;

namespace Cellcast.Parity.Tests.ScRobust;

/// <summary>A fixture file of oracle values, all numbers as doubles.</summary>
internal sealed class Oracle
{
    private readonly byte[] _bytes;
    private readonly JsonElement _header;
    private readonly int _data;

    public Oracle(string name)
    {
        _bytes = File.ReadAllBytes(TestPaths.Fixture("scrobust", name + ".safetensors"));
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(_bytes);
        _header = JsonDocument.Parse(_bytes.AsMemory(8, length)).RootElement;
        _data = 8 + length;
    }

    public int Number(string key) => int.Parse(_header.GetProperty("__metadata__").GetProperty(key).GetString()!);

    public IEnumerable<string> Names(string prefix) =>
        _header.EnumerateObject().Select(p => p.Name).Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).Select(n => n[prefix.Length..]);

    public int[] Shape(string name) => [.. _header.GetProperty(name).GetProperty("shape").EnumerateArray().Select(d => d.GetInt32())];

    public double[] this[string name]
    {
        get
        {
            var entry = _header.GetProperty(name);
            var at = entry.GetProperty("data_offsets");
            var bytes = _bytes.AsSpan((_data + at[0].GetInt32())..(_data + at[1].GetInt32()));
            return entry.GetProperty("dtype").GetString() switch
            {
                "F32" => [.. MemoryMarshal.Cast<byte, float>(bytes).ToArray().Select(v => (double)v)],
                "F64" => MemoryMarshal.Cast<byte, double>(bytes).ToArray(),
                "I64" => [.. MemoryMarshal.Cast<byte, long>(bytes).ToArray().Select(v => (double)v)],
                var type => throw new NotSupportedException(type),
            };
        }
    }
}
