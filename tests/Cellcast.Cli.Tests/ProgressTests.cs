using Cellcast.Cli.Progress;
using Cellcast.Models.Training;

namespace Cellcast.Cli.Tests;

/// <summary>What progress lines tell.</summary>
public class ProgressTests
{
    [Fact]
    public void A_line_names_stage_epoch_step_losses_patience_and_time_left()
    {
        var stage = new StageProgress("bulk");
        stage.Update(new TrainingUpdate("bulk", 12, 100)
        {
            StageNumber = 2,
            StageCount = 4,
            Step = 3,
            StepsPerEpoch = 8,
            TrainingLoss = 1234.5678,
            ValidationValue = 0.6543,
            ValidationName = "concordance",
            EpochsWithoutImprovement = 4,
            Patience = 10,
            ItemsPerSecond = 12345,
            TimeLeft = TimeSpan.FromMinutes(3),
        });
        Assert.Equal("[2/4 bulk] epoch 12/100 step 3/8, loss 1234.5678, validation concordance 0.6543 (no better for 4 of 10), 12,345 cells/s, about 3 min 00 s left", stage.Line);
    }

    [Fact]
    public void What_is_unknown_is_left_out()
    {
        var stage = new StageProgress("reading");
        stage.Update(new TrainingUpdate("reading", 0, 0));
        Assert.Equal("[reading] epoch 0", stage.Line);
    }

    [Fact]
    public void A_finished_stage_says_why_and_how_long()
    {
        var stage = new StageProgress("cells");
        stage.Update(new TrainingUpdate("cells", 40, 10_000) { TrainingLoss = 2 });
        stage.Finish(41, "converged");
        Assert.StartsWith("[cells] epoch 41, loss 2, converged, ", stage.Line, StringComparison.Ordinal);
        Assert.Equal(1, stage.Fraction);
    }

    [Theory]
    [InlineData(0.24, "0.2 s")]
    [InlineData(42, "42 s")]
    [InlineData(150, "2 min 30 s")]
    [InlineData(7500, "2 h 05 min")]
    [InlineData(260_000, "3 days")]
    public void Durations_read_well(double seconds, string text) => Assert.Equal(text, StageProgress.Duration(TimeSpan.FromSeconds(seconds)));
}

/// <summary>The live table, on a terminal made for the test.</summary>
public class LiveProgressTests
{
    [Cellcast.TestSupport.ToolFact("script")]
    public void On_a_terminal_results_come_below_the_finished_table_and_nothing_is_drawn_over_them()
    {
        using var folder = new Cellcast.TestSupport.TemporaryDirectory();
        string study = folder["study"], fit = folder["fit"], program = Cellcast.TestSupport.TestPaths.CommandLine;
        Assert.Equal(0, Cellcast.TestSupport.CommandLine.Run("simulate", "--out", study, "--cells", "60", "--genes", "60", "--types", "3", "--families", "2", "--gradient-types", "1", "--patients", "40", "--bulk-depth", "5000").ExitCode);
        string line = $"stty cols 150 rows 40; dotnet '{program}' scsurv fit --reference '{study}/simulated_cells.h5ad' --bulk '{study}/simulated_bulk.h5ad' --batch sample --max-epochs 3 --draws 2 --out '{fit}'";
        var result = Cellcast.TestSupport.ExternalTool.Run("script", ["-qec", line, "/dev/null"], new Dictionary<string, string> { ["TERM"] = "xterm-256color" });
        Assert.True(result.ExitCode == 0, result.Output);
        // Everything behind the heading of the results: no cursor movement upwards any more.
        string behind = result.Output[result.Output.LastIndexOf("concordance", StringComparison.Ordinal)..];
        Assert.DoesNotMatch("\u001b\\[[0-9]*A", behind);
        Assert.Contains("bulk", result.Output, StringComparison.Ordinal);
        Assert.Contains("results are in", behind, StringComparison.Ordinal);
    }
}
