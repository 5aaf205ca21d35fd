using System.Text;
using Cellcast.TestSupport;
using Cellcast.Tensors.Io;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.Tensors.Tests.Io;

public sealed class SafetensorsTests
{
    [Fact]
    public void Everything_that_is_written_is_read_back()
    {
        using var stream = new MemoryStream();
        new SafetensorsWriter().AddMetadata("format", "test ü \"quoted\"").Add("b", Tensor.From([1, 2, 3, 4, 5, 6], 2, 3)).Add("a/double", new double[] { Math.PI, -0.0 })
            .Add("z", new long[] { long.MinValue, 7 }).Add("i", new[] { int.MaxValue }, 1, 1).Add("empty", Array.Empty<float>(), 0, 4).Write(stream);
        using var file = SafetensorsFile.Open(stream);
        Assert.Equal(["a/double", "b", "empty", "i", "z"], file.Entries.Select(e => e.Name));
        Assert.Equal([1f, 2, 3, 4, 5, 6], file.ReadTensor("b").ToArray());
        Assert.Equal([2, 3], file.ReadTensor("b").Shape.ToArray());
        Assert.Equal([Math.PI, -0.0], file.ReadDoubles("a/double"));
        Assert.Equal([long.MinValue, 7], file.ReadIntegers("z"));
        Assert.Equal([int.MaxValue], file.ReadIntegers("i"));
        Assert.Equal(0, file.ReadTensor("empty").Length);
        Assert.Equal("test ü \"quoted\"", file.Metadata["format"]);
    }

    [Fact]
    public void The_bytes_do_not_depend_on_the_order_of_adding_and_numbers_are_aligned()
    {
        float[] odd = [1, 2, 3];
        double[] wide = [1, 2];
        byte[] Bytes(bool reversed)
        {
            using var stream = new MemoryStream();
            var writer = new SafetensorsWriter();
            if (reversed) writer.Add("wide", wide).Add("odd", odd);
            else writer.Add("odd", odd).Add("wide", wide);
            writer.Write(stream);
            return stream.ToArray();
        }
        byte[] bytes = Bytes(false);
        Assert.Equal(bytes, Bytes(true));
        Assert.Equal(0, BitConverter.ToInt64(bytes) % 8);
        using var file = SafetensorsFile.Open(new MemoryStream(bytes));
        Assert.All(file.Entries, e => Assert.Equal(0, e.Offset % 4));
        Assert.Equal(0, file.Entry("wide").Offset % 8);
    }

    [Fact]
    public void Any_floats_survive_bit_for_bit() =>
        Prop.ForAll(ArbMap.Default.ArbFor<float[]>(), values =>
        {
            using var stream = new MemoryStream();
            new SafetensorsWriter().Add("x", values).Write(stream);
            using var file = SafetensorsFile.Open(stream);
            return values.Select(BitConverter.SingleToInt32Bits).SequenceEqual(file.ReadTensor("x").ToArray().Select(BitConverter.SingleToInt32Bits));
        }).CheckOnRandomCases();

    [Theory]
    [InlineData("F16", new byte[] { 0x00, 0x3C, 0x01, 0x00, 0x00, 0xFC }, new[] { 1f, 5.9604645e-8f, float.NegativeInfinity })]
    [InlineData("BF16", new byte[] { 0x80, 0x3F, 0x49, 0xC0 }, new[] { 1f, -3.140625f })]
    [InlineData("F64", new byte[] { 0, 0, 0, 0, 0, 0, 0xF8, 0x3F }, new[] { 1.5f })]
    [InlineData("I64", new byte[] { 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF }, new[] { -2f })]
    [InlineData("I32", new byte[] { 3, 0, 0, 0 }, new[] { 3f })]
    [InlineData("I16", new byte[] { 0xFF, 0xFF }, new[] { -1f })]
    [InlineData("I8", new byte[] { 0x80 }, new[] { -128f })]
    [InlineData("U8", new byte[] { 0x80 }, new[] { 128f })]
    [InlineData("BOOL", new byte[] { 1, 0 }, new[] { 1f, 0 })]
    public void Every_type_of_number_is_understood(string type, byte[] data, float[] expected)
    {
        using var file = SafetensorsFile.Open(FileWith($"{{\"x\":{{\"dtype\":\"{type}\",\"shape\":[{expected.Length}],\"data_offsets\":[0,{data.Length}]}}}}", data));
        Assert.Equal(expected, file.ReadTensor("x").ToArray());
        Assert.Equal(expected.Select(v => (double)v), file.ReadDoubles("x"));
    }

    [Theory]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,16]}}", "does not fill")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "cut off")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", "negative")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,8],\"data_offsets\":[0,8]}}", "impossible")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", "does not fill")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", "belong to no tensor")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", "starts at byte 4")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", "the one before it ends")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", "twice")]
    [InlineData("{\"x\":{\"dtype\":\"C64\",\"shape\":[1],\"data_offsets\":[0,8]}}", "C64")]
    [InlineData("{\"x\":{\"shape\":[1],\"data_offsets\":[0,8]}}", "malformed")]
    [InlineData("{\"x\":[1]}", "malformed")]
    [InlineData("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,1e300]}}", "malformed")]
    [InlineData("{\"x\"", "malformed")]
    [InlineData("[1]", "JSON object")]
    public void A_damaged_or_hostile_header_is_refused_with_a_reason(string header, string reason)
    {
        var e = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(FileWith(header, new byte[8]), "weights.safetensors"));
        Assert.Contains("weights.safetensors", e.Message);
        Assert.Contains(reason, e.Message);
    }

    [Theory]
    [InlineData(new byte[] { }, "too few")]
    [InlineData(new byte[] { 1, 0, 0, 0, 0, 0, 0, 0 }, "claims 1 bytes")]
    [InlineData(new byte[] { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1 }, "claims 18446744073709551615")]
    public void A_file_that_is_none_is_refused(byte[] bytes, string reason) =>
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(new MemoryStream(bytes))).Message);

    [Fact]
    public void No_flipped_byte_makes_it_fail_otherwise()
    {
        using var stream = new MemoryStream();
        new SafetensorsWriter().Add("x", new float[] { 1, 2 }, 1, 2).Add("y", new long[] { 3 }).AddMetadata("k", "v").Write(stream);
        byte[] good = stream.ToArray();
        for (int i = 0; i < good.Length; i++)
            foreach (byte flip in new byte[] { 1, 0x20, 0x80, 0xFF })
            {
                byte[] bad = [.. good];
                bad[i] ^= flip;
                try
                {
                    using var file = SafetensorsFile.Open(new MemoryStream(bad));
                    foreach (var e in file.Entries) file.ReadTensor(e.Name);
                }
                catch (InvalidDataException) { }
            }
    }

    [Fact]
    public void Missing_tensors_and_wrong_types_are_named()
    {
        using var stream = new MemoryStream();
        new SafetensorsWriter().Add("x", new float[] { 1 }).Write(stream);
        using var file = SafetensorsFile.Open(stream);
        Assert.Contains("'y'", Assert.Throws<InvalidDataException>(() => file.ReadTensor("y")).Message);
        Assert.Contains("not integers", Assert.Throws<InvalidDataException>(() => file.ReadIntegers("x")).Message);
    }

    [Fact]
    public void Files_of_another_writer_are_read()
    {
        using var file = SafetensorsFile.Open(TestPaths.Fixture("scrobust", "layers1.safetensors"));
        Assert.Equal("0.07", file.Metadata["temperature"]);
        Assert.Equal([10, 19, 32], file.ReadTensor("forward/tokens").Shape.ToArray());
        Assert.All(file.ReadIntegers("input/genes"), g => Assert.InRange(g, 0, 59));
    }

    private static MemoryStream FileWith(string header, byte[] data)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        return new MemoryStream([.. BitConverter.GetBytes((ulong)json.Length), .. json, .. data]);
    }
}
