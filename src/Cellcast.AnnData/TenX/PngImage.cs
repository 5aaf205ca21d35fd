using System.Buffers.Binary;
using System.IO.Compression;

namespace Cellcast.AnnData.TenX;

/// <summary>A decoded image.</summary>
/// <param name="Height">Rows of pixels.</param>
/// <param name="Width">Pixels per row.</param>
/// <param name="Channels">1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha.</param>
/// <param name="Pixels">Height x width x channels, row-major.</param>
public sealed record PngImage(int Height, int Width, int Channels, byte[] Pixels)
{
    private const int MostPixels = 1 << 28;
    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a];

    /// <summary>Decodes a PNG file of 8 bits per channel, not interlaced: gray, RGB, RGBA, or a palette (returned as RGB or RGBA).
    /// That covers what Space Ranger writes.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InputException">The file is damaged or no PNG.</exception>
    /// <exception cref="NotSupportedException">A valid PNG of another kind (16 bits, fewer than 8 bits, interlaced).</exception>
    public static PngImage Read(string path)
    {
        try
        {
            return Decode(File.ReadAllBytes(path));
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ArgumentOutOfRangeException)
        {
            throw new InputException($"'{path}': the PNG image is damaged ({e.Message.TrimEnd('.')}).", e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            throw new InputException($"'{path}': cannot be read ({e.Message.TrimEnd('.')}).", e);
        }
    }

    internal static PngImage Decode(ReadOnlySpan<byte> file)
    {
        if (file.Length < 8 || !file[..8].SequenceEqual(Signature)) throw new InvalidDataException("no PNG signature");
        int width = 0, height = 0, colour = -1;
        ReadOnlySpan<byte> palette = default, alpha = default;
        using var compressed = new MemoryStream();
        bool ended = false;
        for (int at = 8; !ended;)
        {
            if (file.Length - at < 12) throw new InvalidDataException("it ends too early");
            uint length = BinaryPrimitives.ReadUInt32BigEndian(file[at..]);
            if (length > file.Length - at - 12) throw new InvalidDataException("it ends too early");
            var kind = file.Slice(at + 4, 4);
            var data = file.Slice(at + 8, (int)length);
            if (kind.SequenceEqual("IHDR"u8)) (width, height, colour) = Header(data);
            else if (kind.SequenceEqual("PLTE"u8)) palette = data;
            else if (kind.SequenceEqual("tRNS"u8)) alpha = data;
            else if (kind.SequenceEqual("IDAT"u8)) compressed.Write(data);
            else if (kind.SequenceEqual("IEND"u8)) ended = true;
            at += 12 + (int)length;
        }
        if (colour < 0) throw new InvalidDataException("it has no header");
        int channels = colour switch { 0 or 3 => 1, 4 => 2, 2 => 3, _ => 4 };
        compressed.Position = 0;
        byte[] pixels = Unfilter(compressed, height, width, channels);
        return colour == 3 ? Expand(pixels, height, width, palette, alpha) : new PngImage(height, width, channels, pixels);
    }

    private static (int Width, int Height, int Colour) Header(ReadOnlySpan<byte> data)
    {
        if (data.Length < 13) throw new InvalidDataException("its header is too short");
        uint w = BinaryPrimitives.ReadUInt32BigEndian(data), h = BinaryPrimitives.ReadUInt32BigEndian(data[4..]);
        if (w == 0 || h == 0 || (ulong)w * h > MostPixels) throw new InvalidDataException($"it states {w} x {h} pixels");
        if (data[9] is not (0 or 2 or 3 or 4 or 6)) throw new InvalidDataException("its colour type is unknown");
        if (data[8] != 8) throw new NotSupportedException($"PNG with {data[8]} bits per channel");
        if (data[12] != 0) throw new NotSupportedException("interlaced PNG");
        return ((int)w, (int)h, data[9]);
    }

    // Each row starts with the number of the predictor that its bytes are differences to (PNG specification, section 9).
    private static byte[] Unfilter(Stream compressed, int height, int width, int channels)
    {
        int stride = checked(width * channels);
        var pixels = new byte[checked(height * stride)];
        using var inflate = new ZLibStream(compressed, CompressionMode.Decompress);
        var none = new byte[stride];
        for (int y = 0; y < height; y++)
        {
            int filter = inflate.ReadByte();
            var row = pixels.AsSpan(y * stride, stride);
            inflate.ReadExactly(row);
            ReadOnlySpan<byte> above = y == 0 ? none : pixels.AsSpan((y - 1) * stride, stride);
            switch (filter)
            {
                case 0:
                    break;
                case 1:
                    for (int i = channels; i < stride; i++) row[i] += row[i - channels];
                    break;
                case 2:
                    for (int i = 0; i < stride; i++) row[i] += above[i];
                    break;
                case 3:
                    for (int i = 0; i < stride; i++) row[i] += (byte)(((i < channels ? 0 : row[i - channels]) + above[i]) >> 1);
                    break;
                case 4:
                    for (int i = 0; i < stride; i++)
                        row[i] += i < channels ? above[i] : Paeth(row[i - channels], above[i], above[i - channels]);
                    break;
                default:
                    throw new InvalidDataException("a row has an unknown filter");
            }
        }
        return pixels;
    }

    private static byte Paeth(byte left, byte above, byte corner)
    {
        int p = left + above - corner;
        int a = Math.Abs(p - left), b = Math.Abs(p - above), c = Math.Abs(p - corner);
        return a <= b && a <= c ? left : b <= c ? above : corner;
    }

    private static PngImage Expand(byte[] indices, int height, int width, ReadOnlySpan<byte> palette, ReadOnlySpan<byte> alpha)
    {
        int channels = alpha.IsEmpty ? 3 : 4;
        var pixels = new byte[checked(indices.Length * channels)];
        for (int i = 0; i < indices.Length; i++)
        {
            int p = indices[i];
            if (3 * p + 3 > palette.Length) throw new InvalidDataException("a pixel is outside the palette");
            palette.Slice(3 * p, 3).CopyTo(pixels.AsSpan(i * channels));
            if (channels == 4) pixels[i * 4 + 3] = p < alpha.Length ? alpha[p] : (byte)255;
        }
        return new PngImage(height, width, channels, pixels);
    }
}
