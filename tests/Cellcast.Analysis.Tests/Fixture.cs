using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using Cellcast.AnnData;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests;

/// <summary>Reads a file of tests/fixtures by the format's own description, so that these tests stand on nothing of ours.</summary>
internal sealed class Fixture
{
    private readonly byte[] _bytes;
    private readonly JsonElement _header;
    private readonly int _data;

    public Fixture(params string[] path)
    {
        _bytes = File.ReadAllBytes(TestPaths.Fixture(path));
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(_bytes);
        _header = JsonDocument.Parse(_bytes.AsMemory(8, length)).RootElement;
        _data = 8 + length;
    }

    public float[] Floats(string key) => Read<float>(key, "F32");

    public double[] Doubles(string key) => Read<double>(key, "F64");

    public long[] Longs(string key) => Read<long>(key, "I64");

    public int[] Ints(string key) => Read<int>(key, "I32");

    public SparseMatrix Sparse(string key)
    {
        int[] shape = [.. _header.GetProperty(key).GetProperty("shape").EnumerateArray().Select(e => e.GetInt32())];
        return SparseMatrix.FromDense(shape[0], shape[1], Floats(key));
    }

    private T[] Read<T>(string key, string type) where T : struct
    {
        var entry = _header.GetProperty(key);
        Assert.Equal(type, entry.GetProperty("dtype").GetString());
        int[] range = [.. entry.GetProperty("data_offsets").EnumerateArray().Select(e => e.GetInt32())];
        return MemoryMarshal.Cast<byte, T>(_bytes.AsSpan(_data + range[0], range[1] - range[0])).ToArray();
    }
}

internal static class Close
{
    public static void To(double expected, double actual, double relative, string what = "")
    {
        if (double.IsNaN(expected) && double.IsNaN(actual)) return;
        double scale = Math.Max(Math.Abs(expected), 1e-300);
        Assert.True(Math.Abs(expected - actual) <= relative * scale, $"{what} expected {expected:R} but is {actual:R} (relative {Math.Abs(expected - actual) / scale:g2})");
    }

    public static void To(IReadOnlyList<double> expected, IReadOnlyList<double> actual, double relative, string what = "")
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++) To(expected[i], actual[i], relative, $"{what}[{i}]");
    }

    public static void To(IReadOnlyList<float> expected, IReadOnlyList<float> actual, double relative, string what = "") =>
        To([.. expected.Select(v => (double)v)], [.. actual.Select(v => (double)v)], relative, what);
}
