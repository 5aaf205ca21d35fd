using System.IO.Compression;
using System.Text;

namespace Cellcast.AnnData.Tables;

/// <summary>Opens text files, plain or gzip (by content, not by name), as a stream of UTF-8 bytes without byte-order mark.</summary>
/// <remarks>
/// .NET accepts a gzip stream that ends early unless strict validation is on, so a half-downloaded file would silently
/// lose its last rows. The switch is therefore set before the first stream is made.
/// </remarks>
internal static class TextInput
{
    private const int FileBuffer = 1 << 16;

    static TextInput() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    /// <summary>Opens a file for sequential reading.</summary>
    /// <exception cref="InputException">The file is missing, unreadable, empty, or a binary format.</exception>
    internal static Stream Open(string path) => SkipMark(OpenBytes(path), path);

    /// <summary>As <see cref="Open"/>, but every byte is kept.</summary>
    internal static Stream OpenBytes(string path)
    {
        FileStream file = OpenRaw(path);
        try
        {
            Span<byte> head = stackalloc byte[4];
            int n = file.ReadAtLeast(head, 4, throwOnEndOfStream: false);
            file.Position = 0;
            if (n == 0) throw new InputException($"'{path}': the file is empty.");
            if (n >= 2 && head[0] == 0x1f && head[1] == 0x8b)
                return new GzipInput(new GZipStream(file, CompressionMode.Decompress), path);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens a file as it is, turning the usual failures into one sentence.</summary>
    internal static FileStream OpenRaw(string path)
    {
        try
        {
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileBuffer, FileOptions.SequentialScan);
            if (file.CanSeek) return file;
            file.Dispose();
            throw new InputException($"'{path}': is a pipe or device; write the data to a file first.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"'{path}': no such file.", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new InputException(Directory.Exists(path) ? $"'{path}': is a folder, not a file." : $"'{path}': no permission to read it.", e);
        }
    }

    private static Stream SkipMark(Stream stream, string path)
    {
        try
        {
            var head = new byte[3];
            int n = stream.ReadAtLeast(head, 3, throwOnEndOfStream: false);
            if (n == 0) throw new InputException($"'{path}': the file is empty.");
            if (n >= 2 && ((head[0] == 0xff && head[1] == 0xfe) || (head[0] == 0xfe && head[1] == 0xff)))
                throw new InputException($"'{path}': is UTF-16 text; save it as UTF-8 (in a spreadsheet: \"CSV UTF-8\").");
            return head.AsSpan(0, n).SequenceEqual(Encoding.UTF8.Preamble) ? stream : new PrefixedStream(head[..n], stream);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Turns failures of decompression into a sentence that names the file.</summary>
    private sealed class GzipInput(GZipStream inner, string path) : SequentialStream
    {
        public override int Read(Span<byte> buffer)
        {
            try
            {
                return inner.Read(buffer);
            }
            catch (InvalidDataException e)
            {
                throw new InputException($"'{path}': the gzip data is damaged or ends too early; download or compress it again.", e);
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
