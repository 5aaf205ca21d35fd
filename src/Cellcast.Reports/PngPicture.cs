using System.Buffers.Binary;
using System.IO.Compression;

namespace Cellcast.Reports;

/// <summary>Pictures of tissue, made small enough to mail.</summary>
public static class PngPicture
{
    /// <summary>Shrinks a picture by averaging whole blocks of pixels until neither side is above a limit, and encodes it as a PNG in a <c>data:</c> address.</summary>
    /// <param name="pixels">Height x width x 3 (RGB), row by row.</param>
    /// <param name="width">Pixels per row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="mostSide">Longest side of the result.</param>
    public static string DataAddress(byte[] pixels, int width, int height, int mostSide = 800)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        if (width < 1 || height < 1 || pixels.Length != (long)width * height * 3) throw new ArgumentException($"{pixels.Length} bytes are no picture of {width} x {height} RGB pixels", nameof(pixels));
        int block = (Math.Max(width, height) + mostSide - 1) / mostSide;
        if (block > 1) (pixels, width, height) = Shrink(pixels, width, height, block);
        return "data:image/png;base64," + Convert.ToBase64String(Encode(pixels, width, height));
    }

    private static (byte[] Pixels, int Width, int Height) Shrink(byte[] pixels, int width, int height, int block)
    {
        int w = (width + block - 1) / block, h = (height + block - 1) / block;
        var small = new byte[w * h * 3];
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
            {
                int toY = Math.Min(height, (y + 1) * block), toX = Math.Min(width, (x + 1) * block), n = (toY - y * block) * (toX - x * block);
                for (int c = 0; c < 3; c++)
                {
                    int sum = n / 2;
                    for (int sy = y * block; sy < toY; sy++)
                        for (int sx = x * block; sx < toX; sx++) sum += pixels[(sy * width + sx) * 3 + c];
                    small[(y * w + x) * 3 + c] = (byte)(sum / n);
                }
            }
        return (small, w, h);
    }

    /// <summary>PNG (W3C recommendation, third edition): 8 bits, RGB, every row as differences to the row above, which suits photographs.</summary>
    private static byte[] Encode(byte[] pixels, int width, int height)
    {
        int stride = width * 3;
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a]);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        Chunk(file, "IHDR"u8, header);
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            var row = new byte[stride + 1];
            for (int y = 0; y < height; y++)
            {
                row[0] = 2;
                for (int i = 0; i < stride; i++) row[i + 1] = (byte)(pixels[y * stride + i] - (y == 0 ? 0 : pixels[(y - 1) * stride + i]));
                zlib.Write(row);
            }
        }
        Chunk(file, "IDAT"u8, packed.ToArray());
        Chunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static void Chunk(MemoryStream file, ReadOnlySpan<byte> kind, byte[] data)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        file.Write(word);
        file.Write(kind);
        file.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(word, Checksum(kind, data));
        file.Write(word);
    }

    // CRC-32 of ISO 3309, as in annex D of the recommendation.
    private static uint Checksum(ReadOnlySpan<byte> kind, byte[] data)
    {
        uint crc = 0xffffffff;
        foreach (byte b in kind) crc = Step(crc, b);
        foreach (byte b in data) crc = Step(crc, b);
        return ~crc;

        static uint Step(uint crc, byte b)
        {
            crc ^= b;
            for (int k = 0; k < 8; k++) crc = (crc & 1) != 0 ? 0xedb88320 ^ crc >> 1 : crc >> 1;
            return crc;
        }
    }
}
