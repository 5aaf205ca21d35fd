using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast demo</c>: the first command that anyone runs.</summary>
public class DemoTests
{
    [SlowFact]
    public void The_demo_finds_the_known_answer_and_may_be_run_again()
    {
        using var folder = new TemporaryDirectory();
        for (int run = 0; run < 2; run++)
        {
            var result = ExternalTool.Run("dotnet", [TestPaths.CommandLine, "demo", "--out", folder["demo"], "--json"]);
            Assert.True(result.ExitCode == 0, result.Error);
            var agreement = result.LastLine()["agreement"]!;
            Assert.True((double)agreement["correlation_types"]! > 0.7);
            Assert.True((double)agreement["correlation_shares"]! > 0.9);
            Assert.True((double)agreement["concordance_train"]! > 0.65);
            foreach (string file in new[] { "cells.h5ad", "patients.csv", "genes.csv", "cell_types.csv", "model/weights.safetensors", "data/demo_cells.h5ad" })
                Assert.True(File.Exists(folder["demo/" + file]), file);
        }
    }

    [Fact]
    public void The_demo_does_not_touch_a_folder_that_holds_something_else()
    {
        using var folder = new TemporaryDirectory();
        Directory.CreateDirectory(folder["mine"]);
        File.WriteAllText(folder["mine/notes.txt"], "mine");
        var result = CommandLine.Run("demo", "--out", folder["mine"]);
        Assert.Equal(2, result.ExitCode);
        Assert.Equal("mine", File.ReadAllText(folder["mine/notes.txt"]));
        Assert.Single(Directory.GetFileSystemEntries(folder["mine"]));
    }
}
