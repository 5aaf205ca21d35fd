using System.IO.Compression;
using System.Text;
using Cellcast.TestSupport;
using Cellcast.Tensors.Io;

namespace Cellcast.Tensors.Tests.Io;

public sealed class PyTorchCheckpointTests
{
    [Theory]
    [InlineData("torch_encoder.pt")]
    [InlineData("torch_encoder_legacy.pt")]
    public void State_dicts_of_both_formats_are_read_exactly(string name)
    {
        using var checkpoint = PyTorchCheckpoint.Open(TestPaths.Fixture("scrobust", name));
        using var expected = SafetensorsFile.Open(TestPaths.Fixture("scrobust", "torch_encoder_expected.safetensors"));
        string[] weights = [.. expected.Entries.Select(e => e.Name).Where(n => n.StartsWith("weights/", StringComparison.Ordinal))];
        Assert.Equal(weights.Select(n => n["weights/".Length..]), checkpoint.Tensors.Keys);
        foreach (string w in weights)
        {
            var actual = checkpoint.ReadTensor(w["weights/".Length..]);
            Assert.Equal(expected.ReadTensor(w).Shape.ToArray(), actual.Shape.ToArray());
            Assert.Equal(expected.ReadTensor(w).ToArray(), actual.ToArray());
        }
    }

    [Fact]
    public void Shared_strided_and_nested_tensors_come_out_in_row_major_order()
    {
        float[] data = [.. Enumerable.Range(0, 12).Select(i => (float)i)];
        byte[] bytes = [.. data.SelectMany(BitConverter.GetBytes)];
        var pickle = new Pickle().Dictionary(d => d
            .Item("whole", p => p.Tensor("FloatStorage", "0", 12, 0, [3, 4], [4, 1]))
            .Item("turned", p => p.Tensor("FloatStorage", "0", 12, 0, [4, 3], [1, 4]))
            .Item("part", p => p.Tensor("FloatStorage", "0", 12, 5, [2, 2], [4, 2]))
            .Item("spread", p => p.Tensor("FloatStorage", "0", 12, 3, [2, 3], [0, 1]))
            .Item("scalar", p => p.Tensor("FloatStorage", "0", 12, 11, [], []))
            .Item("empty", p => p.Tensor("FloatStorage", "0", 12, 0, [0, 5], [5, 1]))
            .Item("note", p => p.Text("not a tensor"))
            .Item("model", p => p.Dictionary(q => q.Item("parameter", r => r.Parameter(s => s.Tensor("FloatStorage", "0", 12, 1, [2], [1]))))));
        using var checkpoint = PyTorchCheckpoint.Open(Zip(pickle, ("0", bytes)));
        Assert.Equal(["empty", "model.parameter", "part", "scalar", "spread", "turned", "whole"], checkpoint.Tensors.Keys);
        Assert.Equal(data, checkpoint.ReadTensor("whole").ToArray());
        Assert.Equal([0f, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11], checkpoint.ReadTensor("turned").ToArray());
        Assert.Equal([4, 3], checkpoint.ReadTensor("turned").Shape.ToArray());
        Assert.Equal([5f, 7, 9, 11], checkpoint.ReadTensor("part").ToArray());
        Assert.Equal([3f, 4, 5, 3, 4, 5], checkpoint.ReadTensor("spread").ToArray());
        Assert.Equal([11f], checkpoint.ReadTensor("scalar").ToArray());
        Assert.Equal(0, checkpoint.ReadTensor("empty").Length);
        Assert.Equal([1f, 2], checkpoint.ReadTensor("model.parameter").ToArray());
    }

    [Theory]
    [InlineData("HalfStorage", new byte[] { 0x00, 0x3C, 0x00, 0xC0 }, new[] { 1f, -2 })]
    [InlineData("BFloat16Storage", new byte[] { 0x80, 0x3F, 0x49, 0xC0 }, new[] { 1f, -3.140625f })]
    [InlineData("DoubleStorage", new byte[] { 0, 0, 0, 0, 0, 0, 0xF8, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0 }, new[] { 1.5f, 0 })]
    [InlineData("LongStorage", new byte[] { 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 9, 0, 0, 0, 0, 0, 0, 0 }, new[] { -2f, 9 })]
    [InlineData("IntStorage", new byte[] { 3, 0, 0, 0, 4, 0, 0, 0 }, new[] { 3f, 4 })]
    [InlineData("ShortStorage", new byte[] { 3, 0, 0xFF, 0xFF }, new[] { 3f, -1 })]
    [InlineData("CharStorage", new byte[] { 3, 0xFF }, new[] { 3f, -1 })]
    [InlineData("ByteStorage", new byte[] { 3, 0xFF }, new[] { 3f, 255 })]
    [InlineData("BoolStorage", new byte[] { 1, 0 }, new[] { 1f, 0 })]
    public void Every_type_of_storage_is_understood(string type, byte[] bytes, float[] expected)
    {
        using var checkpoint = PyTorchCheckpoint.Open(Zip(new Pickle().Dictionary(d => d.Item("x", p => p.Tensor(type, "0", 2, 0, [2], [1]))), ("0", bytes)));
        Assert.Equal(expected, checkpoint.ReadTensor("x").ToArray());
        if (type is "LongStorage" or "IntStorage" or "ShortStorage") Assert.Equal(expected.Select(v => (long)v), checkpoint.ReadIntegers("x"));
        if (type is "HalfStorage") Assert.Contains("not integers", Assert.Throws<InvalidDataException>(() => checkpoint.ReadIntegers("x")).Message);
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("posix", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("__builtin__", "exec")]
    [InlineData("subprocess", "Popen")]
    [InlineData("torch", "load")]
    [InlineData("torch.hub", "load")]
    [InlineData("torch._utils", "_rebuild_device_tensor_from_numpy")]
    [InlineData("collections", "defaultdict")]
    [InlineData("functools", "partial")]
    [InlineData("torch.nn.modules.linear", "Linear")]
    public void A_file_that_asks_for_any_other_callable_is_refused_by_name(string module, string name)
    {
        foreach (var pickle in new[] { new Pickle().Global(module, name).Text("touch /tmp/owned").Op(0x85).Op('R'), new Pickle().Text(module).Text(name).Op(0x93).Op(')').Op('R') })
            Assert.Contains($"'{module}.{name}'", Assert.Throws<InvalidDataException>(() => PyTorchCheckpoint.Open(Zip(pickle), "weights.pt")).Message);
    }

    [Theory]
    [InlineData("cos\nsystem\n(S'ls'\ntR.", "'os.system'")]
    [InlineData("(ios\nsystem\n.", "INST")]
    [InlineData("(cos\nsystem\no.", "'os.system'")]
    [InlineData("(o.", "OBJ")]
    [InlineData("))\u0081.", "NEWOBJ")]
    [InlineData("\u0082\u0001.", "EXT")]
    [InlineData("ccollections\nOrderedDict\nK\u0001\u0085R.", "does not take")]
    [InlineData("N)R.", "not callable")]
    [InlineData("Ptorch\n.", "refers to something outside")]
    [InlineData("]}b.", "attributes")]
    [InlineData("N.N", null)]
    [InlineData("NN.", "left over")]
    [InlineData("(N.", "left over")]
    [InlineData("0.", "more values")]
    [InlineData("(K\u0001t(t0t.", "lacks a mark")]
    [InlineData("h\u0007.", "not kept")]
    [InlineData("NNs.", "more values")]
    [InlineData("NNNs.", "not a dictionary")]
    [InlineData("}(Nu.", "without a value")]
    [InlineData("X\u00FF\u00FF\u00FF\u007F.", "cut off")]
    [InlineData("\u008D\u00FF\u00FF\u00FF\u00FF\u00FF\u00FF\u00FF\u00FF.", "cut off")]
    [InlineData("\u008B\u00FF\u00FF\u00FF\u00FF.", "cut off")]
    [InlineData("N", "cut off")]
    [InlineData("", "cut off")]
    [InlineData("\u0080\u0009N.", "protocol 9")]
    [InlineData("]q\u0000h\u0000a.", "too deeply")]
    public void Malformed_and_hostile_pickles_are_refused_with_a_reason(string pickle, string? reason)
    {
        var stream = Zip(new Pickle(Encoding.Latin1.GetBytes(pickle)));
        if (reason is null) PyTorchCheckpoint.Open(stream).Dispose();
        else Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => PyTorchCheckpoint.Open(stream)).Message);
    }

    [Fact]
    public void Lists_that_unfold_exponentially_are_refused()
    {
        var pickle = new Pickle().Op(']').Op('q', 0);
        for (byte i = 1; i < 60; i++) pickle.Op(']').Op('h', (byte)(i - 1)).Op('a').Op('h', (byte)(i - 1)).Op('a').Op('q', i);
        for (int i = 1; i < 60; i++) pickle.Op('a');
        Assert.Contains("too deeply", Assert.Throws<InvalidDataException>(() => PyTorchCheckpoint.Open(Zip(pickle.Op('.')))).Message);
    }

    [Theory]
    [InlineData(12, 0, new[] { 3, 4 }, new[] { 5, 1 }, "beyond")]
    [InlineData(12, 1, new[] { 12 }, new[] { 1 }, "beyond")]
    [InlineData(12, -1, new[] { 2 }, new[] { 1 }, "negative")]
    [InlineData(12, 0, new[] { 2 }, new[] { -1 }, "negative")]
    [InlineData(12, 0, new[] { 2, 2 }, new[] { 1 }, "do not fit")]
    [InlineData(12, 0, new[] { int.MaxValue, int.MaxValue, int.MaxValue }, new[] { 0, 0, 0 }, "impossible")]
    [InlineData(12, 0, new[] { 1 << 30 }, new[] { 0 }, "far larger")]
    [InlineData(-1, 0, new[] { 1 }, new[] { 1 }, "claims -1")]
    [InlineData(int.MaxValue, 0, new[] { 1 }, new[] { 1 }, "claims")]
    public void A_tensor_outside_its_storage_is_refused(int stored, int offset, int[] shape, int[] strides, string reason)
    {
        var pickle = new Pickle().Dictionary(d => d.Item("x", p => p.Tensor("FloatStorage", "0", stored, offset, shape, strides)));
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => PyTorchCheckpoint.Open(Zip(pickle, ("0", new byte[48])))).Message);
    }

    [Fact]
    public void Missing_short_and_compressed_storages_are_refused()
    {
        var pickle = new Pickle().Dictionary(d => d.Item("x", p => p.Tensor("FloatStorage", "0", 12, 0, [12], [1])));
        foreach (var (stream, reason) in new[] { (Zip(pickle), "missing"), (Zip(pickle, ("0", new byte[47])), "holds 47 bytes"), (Zip(CompressionLevel.SmallestSize, pickle, ("0", new byte[48])), "compressed") })
            Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => { using var c = PyTorchCheckpoint.Open(stream, "w.pt"); c.ReadTensor("x"); }).Message);
    }

    [Fact]
    public void A_storage_that_is_said_to_be_larger_than_the_file_costs_no_memory()
    {
        byte[] bytes = Zip(new Pickle().Dictionary(d => d.Item("x", p => p.Tensor("FloatStorage", "0", 12, 0, [12], [1]))), ("0", new byte[48])).ToArray();
        // Both sizes in the last header of the directory.
        int header = bytes.AsSpan().LastIndexOf("PK\u0001\u0002"u8);
        foreach (int at in (int[])[20, 24]) BitConverter.TryWriteBytes(bytes.AsSpan(header + at), 0x7fff0000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("too large", Assert.Throws<InvalidDataException>(() => { using var c = PyTorchCheckpoint.Open(new MemoryStream(bytes), "w.pt"); c.ReadTensor("x"); }).Message);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 26);
    }

    [Theory]
    [InlineData("torch_encoder.pt", 1)]
    [InlineData("torch_encoder_legacy.pt", 7)]
    public void No_damaged_byte_of_a_real_file_makes_it_fail_otherwise(string name, int step)
    {
        byte[] good = File.ReadAllBytes(TestPaths.Fixture("scrobust", name));
        for (int i = 0; i < Math.Min(good.Length, 7000); i += step * 13)
        {
            byte[] bad = [.. good];
            bad[i] ^= (byte)(1 << (i % 8));
            Try(new MemoryStream(bad));
        }
        for (int length = 0; length < good.Length; length += 997) Try(new MemoryStream(good[..length]));

        static void Try(MemoryStream stream)
        {
            try
            {
                using var c = PyTorchCheckpoint.Open(stream);
                c.ReadAll();
            }
            catch (InvalidDataException) { }
        }
    }

    private static MemoryStream Zip(Pickle pickle, params (string Key, byte[] Bytes)[] storages) => Zip(CompressionLevel.NoCompression, pickle, storages);

    private static MemoryStream Zip(CompressionLevel level, Pickle pickle, params (string Key, byte[] Bytes)[] storages)
    {
        var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Write("data.pkl", pickle.ToArray(), CompressionLevel.NoCompression);
            foreach (var (key, bytes) in storages) Write("data/" + key, bytes, level);

            void Write(string name, byte[] bytes, CompressionLevel level)
            {
                using var entry = zip.CreateEntry("archive/" + name, level).Open();
                entry.Write(bytes);
            }
        }
        return stream;
    }

    /// <summary>Writes pickles instruction by instruction.</summary>
    private sealed class Pickle(byte[]? raw = null)
    {
        private readonly List<byte> _bytes = [.. raw ?? [0x80, 2]];

        public byte[] ToArray() => [.. _bytes, .. raw is null ? ".."u8[..1].ToArray() : []];

        public Pickle Op(int code, params byte[] arguments)
        {
            _bytes.Add((byte)code);
            _bytes.AddRange(arguments);
            return this;
        }

        public Pickle Text(string text) => Op('X', [.. BitConverter.GetBytes(Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)]);

        public Pickle Integer(int value) => Op('J', BitConverter.GetBytes(value));

        public Pickle Global(string module, string name) => Op('c', Encoding.ASCII.GetBytes($"{module}\n{name}\n"));

        public Pickle Dictionary(Action<Pickle> items)
        {
            Global("collections", "OrderedDict").Op(')').Op('R').Op('(');
            items(this);
            return Op('u').Op('}').Op('b');
        }

        public Pickle Item(string key, Action<Pickle> value)
        {
            Text(key);
            value(this);
            return this;
        }

        public Pickle Tensor(string storageClass, string key, int stored, int offset, int[] shape, int[] strides)
        {
            Global("torch._utils", "_rebuild_tensor_v2").Op('(');
            Op('(').Text("storage").Global("torch", storageClass).Text(key).Text("cpu").Integer(stored).Op('t').Op('Q').Integer(offset);
            foreach (int[] sizes in new[] { shape, strides })
            {
                Op('(');
                foreach (int s in sizes) Integer(s);
                Op('t');
            }
            return Op(0x89).Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R');
        }

        public Pickle Parameter(Action<Pickle> tensor)
        {
            Global("torch._utils", "_rebuild_parameter").Op('(');
            tensor(this);
            return Op(0x88).Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R');
        }
    }
}
