using Xunit;

namespace Cellcast.TestSupport;

/// <summary>A file system of a few kilobytes, for tests of a full disk; needs the right to mount.</summary>
public sealed class SmallDisk : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    /// <param name="kilobytes">Its size.</param>
    public SmallDisk(int kilobytes)
    {
        var mount = ExternalTool.Run("mount", ["-t", "tmpfs", "-o", $"size={kilobytes}k", "tmpfs", _folder.Path]);
        if (mount.ExitCode == 0) return;
        _folder.Dispose();
        throw new InvalidOperationException("tmpfs could not be mounted: " + mount.Error);
    }

    /// <summary>Where it is.</summary>
    public string Path => _folder.Path;

    /// <summary>Whether this process may mount one.</summary>
    public static bool IsPossible { get; } = Try();

    /// <inheritdoc/>
    public void Dispose()
    {
        ExternalTool.Run("umount", ["-l", _folder.Path]);
        _folder.Dispose();
    }

    private static bool Try()
    {
        if (!OperatingSystem.IsLinux()) return false;
        try
        {
            using var disk = new SmallDisk(64);
            return true;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception) { return false; }
    }
}

/// <summary>A test of a full disk: skipped, saying so, where no file system can be mounted.</summary>
public sealed class SmallDiskFactAttribute : FactAttribute
{
    /// <summary>See <see cref="SmallDisk"/>.</summary>
    public SmallDiskFactAttribute() => Skip = SmallDisk.IsPossible ? null : "no small file system can be mounted here (needs root)";
}
