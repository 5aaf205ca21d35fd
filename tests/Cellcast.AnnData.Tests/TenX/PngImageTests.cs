using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Cellcast.AnnData.TenX;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.AnnData.Tests.TenX;

public sealed class PngImageTests
{
    private static byte[] Encode(int width, int height, int colour, byte[] pixels, byte[] filters, int bits = 8, int interlace = 0, params (string, byte[])[] more)
    {
        int channels = colour switch { 0 or 3 => 1, 4 => 2, 2 => 3, _ => 4 }, stride = width * channels;
        var raw = new MemoryStream();
        for (int y = 0; y < height; y++)
        {
            int filter = filters[y % filters.Length] % 5;
            raw.WriteByte((byte)filter);
            for (int i = 0; i < stride; i++)
            {
                int a = i >= channels ? pixels[y * stride + i - channels] : 0, b = y > 0 ? pixels[(y - 1) * stride + i] : 0;
                int c = i >= channels && y > 0 ? pixels[(y - 1) * stride + i - channels] : 0;
                int p = a + b - c, pa = Math.Abs(p - a), pb = Math.Abs(p - b), pc = Math.Abs(p - c);
                int paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
                int predicted = filter switch { 0 => 0, 1 => a, 2 => b, 3 => (a + b) / 2, _ => paeth };
                raw.WriteByte((byte)(pixels[y * stride + i] - predicted));
            }
        }
        var data = new MemoryStream();
        using (var zip = new ZLibStream(data, CompressionLevel.Fastest, leaveOpen: true)) zip.Write(raw.ToArray());
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9], header[12]) = ((byte)bits, (byte)colour, (byte)interlace);
        var png = new MemoryStream();
        png.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10]);
        byte[] idat = data.ToArray();
        foreach (var (kind, body) in ((string, byte[])[])[("IHDR", header), .. more, ("IDAT", idat[..(idat.Length / 2)]), ("IDAT", idat[(idat.Length / 2)..]), ("IEND", [])])
        {
            var length = new byte[4];
            BinaryPrimitives.WriteInt32BigEndian(length, body.Length);
            png.Write(length);
            png.Write(Encoding.ASCII.GetBytes(kind));
            png.Write(body);
            png.Write(new byte[4]);
        }
        return png.ToArray();
    }

    [Fact]
    public void Pixels_come_back_for_every_filter_and_colour_type()
    {
        var images = from colour in Gen.Elements(0, 2, 4, 6)
                     from width in Gen.Choose(1, 9)
                     from height in Gen.Choose(1, 9)
                     let channels = colour switch { 0 => 1, 4 => 2, 2 => 3, _ => 4 }
                     from pixels in Gen.Choose(0, 255).Select(b => (byte)b).ArrayOf(width * height * channels)
                     from filters in Gen.Choose(0, 4).Select(b => (byte)b).ArrayOf(height)
                     select (colour, width, height, channels, pixels, filters);
        RandomCases.Check(200, Prop.ForAll(images.ToArbitrary(), t =>
        {
            var image = PngImage.Decode(Encode(t.width, t.height, t.colour, t.pixels, t.filters));
            return image.Width == t.width && image.Height == t.height && image.Channels == t.channels && image.Pixels.SequenceEqual(t.pixels);
        }));
    }

    [Fact]
    public void A_palette_becomes_colours()
    {
        byte[] file = Encode(2, 1, 3, [1, 0], [0], more: [("PLTE", [1, 2, 3, 4, 5, 6])]);
        Assert.Equal([4, 5, 6, 1, 2, 3], PngImage.Decode(file).Pixels);
        file = Encode(2, 1, 3, [1, 0], [0], more: [("PLTE", [1, 2, 3, 4, 5, 6]), ("tRNS", [9])]);
        Assert.Equal([4, 5, 6, 255, 1, 2, 3, 9], PngImage.Decode(file).Pixels);
    }

    [Fact]
    public void Other_kinds_are_told_apart_from_damage()
    {
        Assert.Throws<NotSupportedException>(() => PngImage.Decode(Encode(1, 1, 0, [1], [0], bits: 16)));
        Assert.Throws<NotSupportedException>(() => PngImage.Decode(Encode(1, 1, 0, [1], [0], interlace: 1)));
        using var folder = new TemporaryDirectory();
        byte[] good = Encode(4, 4, 2, new byte[48], [0]);
        foreach (byte[] bad in (byte[][])[good[..^20], good[..30], [1, 2, 3], Encode(1, 1, 3, [7], [0], more: [("PLTE", [1, 2, 3])])])
        {
            File.WriteAllBytes(folder["i.png"], bad);
            Assert.Contains("damaged", Assert.Throws<InputException>(() => PngImage.Read(folder["i.png"])).Message);
        }
    }
}
