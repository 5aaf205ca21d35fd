using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests;

public class AtomicFileTests
{
    [Fact]
    public void A_file_is_the_old_or_the_new_one()
    {
        using var dir = new TemporaryDirectory();
        AtomicFile.WriteText(dir["sub/a.txt"], "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.WriteText(dir["sub/a.txt"], w =>
        {
            w.Write("half");
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(dir["sub/a.txt"]));
        AtomicFile.WriteText(dir["sub/a.txt"], "néw\n");
        Assert.Equal([0x6E, 0xC3, 0xA9, 0x77, 0x0A], File.ReadAllBytes(dir["sub/a.txt"]));
        Assert.Single(Directory.GetFileSystemEntries(dir["sub"]));
    }

    [Fact]
    public void Where_nothing_can_be_written_one_sentence_says_so()
    {
        using var dir = new TemporaryDirectory();
        File.WriteAllText(dir["file"], "");
        string message = Assert.Throws<OutputException>(() => AtomicFile.WriteText(dir["file/inside"], "x")).Message;
        Assert.Contains($"'{dir["file/inside"]}' could not be written", message, StringComparison.Ordinal);
        Assert.Contains("it is a folder", Assert.Throws<OutputException>(() => AtomicFile.WriteText(dir.Path, "x")).Message, StringComparison.Ordinal);
        // proc takes no new files, whoever asks
        if (OperatingSystem.IsLinux()) Assert.Throws<OutputException>(() => AtomicFile.WriteText("/proc/cellcast-test", "x"));
    }

    [Fact]
    public void A_folder_appears_whole_or_not_at_all()
    {
        using var dir = new TemporaryDirectory();
        using (var abandoned = AtomicDirectory.Create(dir["out"])) File.WriteAllText(abandoned["a"], "1");
        Assert.Empty(Directory.GetFileSystemEntries(dir.Path));
        using (var result = AtomicDirectory.Create(dir["out"]))
        {
            File.WriteAllText(result["a"], "1");
            Assert.False(Directory.Exists(dir["out"]));
            result.Commit();
        }
        Assert.Equal("1", File.ReadAllText(dir["out/a"]));
        Assert.Contains("is not empty", Assert.Throws<OutputException>(() => AtomicDirectory.Create(dir["out"])).Message, StringComparison.Ordinal);
        using (var result = AtomicDirectory.Create(dir["out"], overwrite: true))
        {
            File.WriteAllText(result["b"], "2");
            result.Commit();
        }
        Assert.Equal([dir["out/b"]], Directory.GetFileSystemEntries(dir["out"]));
        Assert.Equal([dir["out"]], Directory.GetFileSystemEntries(dir.Path));
    }
}
