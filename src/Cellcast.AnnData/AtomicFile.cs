using System.Runtime.InteropServices;
using System.Text;

namespace Cellcast.AnnData;

/// <summary>
/// Writes a file so that it is either the whole new content or what was there before: a temporary file beside the target is
/// written, flushed to the disk and renamed over it. Failures are <see cref="OutputException"/>s.
/// </summary>
public static class AtomicFile
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Writes through a stream. An exception of <paramref name="write"/> leaves the old file as it was.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        WriteTo(path, temporary =>
        {
            using var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
            write(stream);
            stream.Flush(flushToDisk: true);
        });
    }

    /// <summary>Writes text as UTF-8 without a byte order mark, through a writer that ends lines with a line feed.</summary>
    public static void WriteText(string path, Action<TextWriter> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        Write(path, stream =>
        {
            using var writer = new StreamWriter(stream, s_utf8, 1 << 16, leaveOpen: true) { NewLine = "\n" };
            write(writer);
        });
    }

    /// <summary>Writes a text as UTF-8.</summary>
    public static void WriteText(string path, string text) => WriteText(path, w => w.Write(text));

    /// <summary>
    /// For libraries that open files themselves: <paramref name="write"/> is given the path of a file beside the target that does
    /// not exist yet; when it returns, that file is flushed to the disk and takes the target's place.
    /// </summary>
    public static void WriteTo(string path, Action<string> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        string full = Path.GetFullPath(path);
        string temporary = TemporaryName.Beside(full);
        try
        {
            if (Directory.Exists(full)) throw new OutputException($"'{path}' could not be written: it is a folder.");
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            write(temporary);
            FileSystemSync.File(temporary);
            File.Move(temporary, full, overwrite: true);
            FileSystemSync.Folder(Path.GetDirectoryName(full)!);
        }
        catch (Exception e)
        {
            TryDelete(temporary);
            if (e is IOException or UnauthorizedAccessException) throw OutputException.For(path, e);
            throw;
        }
    }

    private static void TryDelete(string path)
    {
        try { File.Delete(path); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { /* the first error is the one to report */ }
    }
}

/// <summary>
/// A folder of results that appears all at once: files are written into <see cref="Path"/>, a temporary folder beside the target,
/// and <see cref="Commit"/> renames it. Disposed without a commit, it vanishes and the target is as it was.
/// </summary>
public sealed class AtomicDirectory : IDisposable
{
    private readonly string _target;
    private readonly bool _overwrite;
    private bool _done;

    private AtomicDirectory(string target, string path, bool overwrite) => (_target, Path, _overwrite) = (target, path, overwrite);

    /// <summary>The temporary folder to write into.</summary>
    public string Path { get; }

    /// <summary>A path inside <see cref="Path"/>.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Starts a folder of results.</summary>
    /// <param name="target">Where it shall be; must be absent or empty unless <paramref name="overwrite"/>.</param>
    /// <param name="overwrite">Replace what is there.</param>
    /// <exception cref="OutputException">The target holds something, or cannot be written.</exception>
    public static AtomicDirectory Create(string target, bool overwrite = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(target);
        string full = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(target));
        string temporary = TemporaryName.Beside(full);
        try
        {
            if (File.Exists(full)) throw new OutputException($"'{target}' could not be written: it is a file, not a folder.");
            if (!overwrite && Directory.Exists(full) && Directory.EnumerateFileSystemEntries(full).Any())
                throw new OutputException($"'{target}' is not empty; choose another folder or allow overwriting.");
            Directory.CreateDirectory(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw OutputException.For(target, e); }
        return new AtomicDirectory(full, temporary, overwrite);
    }

    /// <summary>Puts the finished folder in its place.</summary>
    public void Commit()
    {
        ObjectDisposedException.ThrowIf(_done, this);
        string old = TemporaryName.Beside(_target);
        try
        {
            foreach (string file in Directory.EnumerateFiles(Path, "*", SearchOption.AllDirectories)) FileSystemSync.File(file);
            bool replaced = Directory.Exists(_target);
            if (replaced)
            {
                if (!_overwrite) Directory.Delete(_target);
                else Directory.Move(_target, old);
            }
            try { Directory.Move(Path, _target); }
            catch when (replaced && _overwrite)
            {
                Directory.Move(old, _target);
                throw;
            }
            _done = true;
            FileSystemSync.Folder(System.IO.Path.GetDirectoryName(_target)!);
            if (replaced && _overwrite) Directory.Delete(old, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw OutputException.For(_target, e); }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_done) return;
        _done = true;
        try { Directory.Delete(Path, recursive: true); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { /* a leftover temporary folder hides nothing */ }
    }
}

/// <summary>Names of temporary files: in the target's folder, so that a rename never crosses file systems.</summary>
internal static class TemporaryName
{
    internal static string Beside(string fullPath) =>
        Path.Combine(Path.GetDirectoryName(fullPath) ?? "/", $".{Path.GetFileName(fullPath)}.{Guid.NewGuid():N}.tmp");
}

/// <summary>Makes what was written survive a power cut.</summary>
internal static partial class FileSystemSync
{
    internal static void File(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            using var handle = System.IO.File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            RandomAccess.FlushToDisk(handle);
        }
        else if (Synchronise(path) is var error && error != 0) throw new IOException(Marshal.GetPInvokeErrorMessage(error), error);
    }

    /// <summary>The rename itself; not every system can do that, and the content is safe without it.</summary>
    internal static void Folder(string path)
    {
        if (!OperatingSystem.IsWindows()) Synchronise(path);
    }

    /// <summary>
    /// Straight to the system: .NET would take an advisory lock on the way, and refuse while a child process that was started
    /// during the write still holds HDF5's.
    /// </summary>
    private static int Synchronise(string path)
    {
        int file = Open(path, 0);
        if (file < 0) return Marshal.GetLastPInvokeError();
        int error = Fsync(file) < 0 ? Marshal.GetLastPInvokeError() : 0;
        _ = Close(file);
        return error;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int file);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int file);
}
