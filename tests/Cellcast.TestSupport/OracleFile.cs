using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Cellcast.TestSupport;

/// <summary>Oracle values from a safetensors file, as float64, read independently of the library's own reader.</summary>
public sealed class OracleFile
{
    private readonly Dictionary<string, (int[] Shape, double[] Values)> _arrays = [];

    /// <param name="path">The file, see <see cref="TestPaths.Fixture"/>.</param>
    public OracleFile(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using var json = JsonDocument.Parse(bytes.AsMemory(8, header));
        foreach (JsonProperty p in json.RootElement.EnumerateObject())
        {
            if (p.Name == "__metadata__") continue;
            int[] shape = [.. p.Value.GetProperty("shape").EnumerateArray().Select(e => e.GetInt32())];
            int from = p.Value.GetProperty("data_offsets")[0].GetInt32(), to = p.Value.GetProperty("data_offsets")[1].GetInt32();
            ReadOnlySpan<byte> raw = bytes.AsSpan(8 + header + from, to - from);
            double[] values = p.Value.GetProperty("dtype").GetString() switch
            {
                "F64" => MemoryMarshal.Cast<byte, double>(raw).ToArray(),
                "F32" => [.. MemoryMarshal.Cast<byte, float>(raw).ToArray().Select(v => (double)v)],
                "I64" => [.. MemoryMarshal.Cast<byte, long>(raw).ToArray().Select(v => (double)v)],
                "I32" => [.. MemoryMarshal.Cast<byte, int>(raw).ToArray().Select(v => (double)v)],
                "BOOL" or "U8" => [.. raw.ToArray().Select(v => (double)v)],
                var other => throw new NotSupportedException($"{path}: {p.Name} has type {other}"),
            };
            _arrays[p.Name] = (shape, values);
        }
    }

    /// <summary>All names.</summary>
    public IEnumerable<string> Names => _arrays.Keys;

    /// <summary>Values, row by row.</summary>
    public double[] this[string name] => _arrays[name].Values;

    /// <summary>Whether there is such an array.</summary>
    public bool Contains(string name) => _arrays.ContainsKey(name);

    /// <summary>Sizes of the dimensions.</summary>
    public int[] Shape(string name) => _arrays[name].Shape;

    /// <summary>Values rounded to float32 (exact for inputs and weights, which are stored so).</summary>
    public float[] Single(string name) => [.. _arrays[name].Values.Select(v => (float)v)];
}

/// <summary>How far a computed array is from its oracle.</summary>
public static class Deviation
{
    /// <summary>Norm of the difference over the norm of the expected values.</summary>
    public static double Relative(ReadOnlySpan<float> actual, ReadOnlySpan<double> expected)
    {
        if (actual.Length != expected.Length) throw new ArgumentException($"{actual.Length} numbers instead of {expected.Length}");
        double difference = 0, norm = 0;
        for (int i = 0; i < actual.Length; i++)
        {
            difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            norm += expected[i] * expected[i];
        }
        return Math.Sqrt(difference / Math.Max(norm, 1e-300));
    }
}
