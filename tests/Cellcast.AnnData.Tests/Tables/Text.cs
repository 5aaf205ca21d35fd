using System.IO.Compression;
using System.Text;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests.Tables;

/// <summary>Small files for reading tests.</summary>
internal static class Text
{
    internal static string Write(this TemporaryDirectory folder, string name, string text)
    {
        string path = folder[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, name.EndsWith(".gz", StringComparison.Ordinal) ? Gzip(Encoding.UTF8.GetBytes(text)) : Encoding.UTF8.GetBytes(text));
        return path;
    }

    internal static byte[] Gzip(byte[] bytes)
    {
        using var target = new MemoryStream();
        using (var zip = new GZipStream(target, CompressionLevel.Optimal)) zip.Write(bytes);
        return target.ToArray();
    }
}
