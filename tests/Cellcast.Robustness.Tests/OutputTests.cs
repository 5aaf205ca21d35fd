using Cellcast.TestSupport;

namespace Cellcast.Robustness.Tests;

/// <summary>Places where the results of <c>scsurv fit</c> cannot go, and runs that are stopped.</summary>
public class OutputTests
{
    [SmallDiskFact]
    public void A_disk_that_fills_up_is_code_5_and_leaves_no_result()
    {
        using var folder = new TemporaryDirectory();
        using var disk = new SmallDisk(kilobytes: 200);
        new SmallStudy().Write(folder);
        var result = CommandLine.Run([.. SmallStudy.Arguments(folder), "--out", Path.Combine(disk.Path, "fit")]);
        Assert.Equal(2, result.ExitCode);
        result = CommandLine.Run([.. SmallStudy.Arguments(folder).SkipLast(2), "--out", Path.Combine(disk.Path, "fit")]);
        Assert.True(result.ExitCode == 5, $"exit code {result.ExitCode}: {result.Error}");
        Assert.Contains("full", result.ErrorSentence(), StringComparison.Ordinal);
        string[] left = [.. Directory.EnumerateFiles(disk.Path, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(disk.Path, f))];
        Assert.DoesNotContain(left, f => f.EndsWith(".h5ad", StringComparison.Ordinal) || f.EndsWith(".csv", StringComparison.Ordinal) || f.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [SmallDiskFact]
    public void A_read_only_place_is_code_5_and_named()
    {
        using var folder = new TemporaryDirectory();
        using var disk = new SmallDisk(kilobytes: 1000);
        new SmallStudy().Write(folder);
        Assert.Equal(0, ExternalTool.Run("mount", ["-o", "remount,ro", disk.Path]).ExitCode);
        string target = Path.Combine(disk.Path, "fit");
        var result = CommandLine.Run([.. SmallStudy.Arguments(folder).SkipLast(2), "--out", target]);
        Assert.Equal(5, result.ExitCode);
        Assert.Contains(target, result.ErrorSentence(), StringComparison.Ordinal);
        Assert.Contains("--out", result.ErrorSentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_in_place_of_the_folder_is_code_2()
    {
        using var folder = new TemporaryDirectory();
        File.WriteAllText(folder["fit"], "mine");
        Assert.Equal(2, new SmallStudy().Fit(folder).ExitCode);
        Assert.Equal("mine", File.ReadAllText(folder["fit"]));
    }

    [Fact]
    public void Earlier_results_survive_a_run_that_fails()
    {
        using var folder = new TemporaryDirectory();
        Assert.Equal(0, new SmallStudy().Fit(folder).ExitCode);
        byte[] before = File.ReadAllBytes(folder["fit/cells.h5ad"]);
        string[] files = Directory.GetFileSystemEntries(folder["fit"]);
        var spoilt = new SmallStudy();
        spoilt.Cells = SmallStudy.WithValue(spoilt.Cells, 1, -1);
        Assert.Equal(3, spoilt.Fit(folder, "--overwrite").ExitCode);
        Assert.Equal(before, File.ReadAllBytes(folder["fit/cells.h5ad"]));
        Assert.Equal(files.Order(), Directory.GetFileSystemEntries(folder["fit"]).Order());
    }

    [Fact]
    public void Interrupted_it_ends_with_130_says_how_to_resume_and_then_resumes()
    {
        using var folder = new TemporaryDirectory();
        new SmallStudy().Write(folder);
        string[] arguments = SmallStudy.Arguments(folder);
        using (var process = CommandLineProcess.StartAndHold("cells epoch 0 step 1.", arguments))
        {
            process.Signal("INT");
            var result = process.WaitForExit();
            Assert.Equal(130, result.ExitCode);
            Assert.Contains("--resume", result.ErrorSentence(), StringComparison.Ordinal);
            Assert.True((bool)result.LastLine()["resumable"]!);
        }
        Assert.False(File.Exists(folder["fit/cells.h5ad"]));
        var resumed = CommandLine.Run([.. arguments, "--resume"]);
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Contains("resuming", resumed.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(folder["fit/cells.h5ad"]));
    }
}
