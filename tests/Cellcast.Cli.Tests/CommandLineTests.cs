using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary>What every command has in common, as a user meets it.</summary>
public class CommandLineTests
{
    [Fact]
    public void Version_is_one_line_with_name_and_number()
    {
        var result = CommandLine.Run("--version");
        Assert.Equal(0, result.ExitCode);
        Assert.Matches(@"^cellcast \d+\.\d+\.\d+(-\w+)?\n$", result.Output);
        Assert.Empty(result.Error);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("doctor", "--help")]
    public void Help_goes_to_standard_output_and_succeeds(params string[] arguments)
    {
        var result = CommandLine.Run(arguments);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("Usage:", result.Output, StringComparison.Ordinal);
        Assert.Empty(result.Error);
    }

    [Fact]
    public void Help_of_the_program_lists_the_exit_codes() =>
        Assert.Contains("130 interrupted", CommandLine.Run("--help").Output, StringComparison.Ordinal);

    [Theory]
    [InlineData("there is no option '--jsn'; did you mean '--json'?", "doctor", "--jsn")]
    [InlineData("there is no command or argument 'docter' here; did you mean 'doctor'?", "docter")]
    [InlineData("there is no command or argument 'more' here.", "doctor", "more")]
    [InlineData("--threads takes a whole number from 1 to 1024, not '0'.", "doctor", "--threads", "0")]
    [InlineData("--threads takes a whole number from 1 to 1024, not 'all'.", "doctor", "--threads", "all")]
    [InlineData("a command is missing", new string[0])]
    public void Wrong_usage_is_one_sentence_and_code_2(string sentence, params string[] arguments)
    {
        var result = CommandLine.Run(arguments);
        Assert.Equal(2, result.ExitCode);
        Assert.Empty(result.Output);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
        Assert.StartsWith(sentence, result.ErrorSentence(), StringComparison.Ordinal);
        Assert.Contains("--help'", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--effect takes a number with a decimal point, such as 0.5, not '0,5'.", "simulate", "--effect", "0,5", "--out")]
    [InlineData("--resolution takes a number from 1E-09 to 1000000, not '0,5'.", "analyze", "cells.h5ad", "--resolution", "0,5", "--out")]
    [InlineData("--lr takes a number above 0, not '0'.", "scrobust", "pretrain", "--cells", "cells.h5ad", "--lr", "0", "--out")]
    [InlineData("--lr takes a number above 0, not '0,001'.", "scrobust", "pretrain", "--cells", "cells.h5ad", "--lr", "0,001", "--out")]
    [InlineData("--learning-rate takes a number above 0, at most 1, not '0'.", "scsurv", "fit", "--reference", "a.h5ad", "--bulk", "b.h5ad", "--learning-rate", "0", "--out")]
    [InlineData("--learning-rate takes a number above 0, at most 1, not '0,01'.", "scsurv", "fit", "--reference", "a.h5ad", "--bulk", "b.h5ad", "--learning-rate", "0,01", "--out")]
    [InlineData("--orientation takes one of detect, genes, samples, not 'rows'.", "analyze", "cells.csv", "--orientation", "rows", "--out")]
    [InlineData("--events is 2: it must be above 0 and at most 1.", "scsurv", "benchmark", "--events", "2", "--out")]
    [InlineData("--covariates names 'vital_status', which is the outcome itself", "scsurv", "fit", "--reference", "a.h5ad", "--bulk", "b.h5ad", "--covariates", "age,vital_status", "--out")]
    [InlineData("--strata names 'severe', which is the outcome itself", "scsurv", "evaluate", "--reference", "a.h5ad", "--bulk", "b.h5ad", "--event", "severe", "--strata", "severe", "--out")]
    [InlineData("--batch and --label both name 'sample'", "scsurv", "fit", "--reference", "a.h5ad", "--bulk", "b.h5ad", "--batch", "sample", "--label", "sample", "--out")]
    public void A_value_that_would_be_taken_for_another_is_refused(string sentence, params string[] arguments)
    {
        using var folder = new TemporaryDirectory();
        var result = CommandLine.Run([.. arguments, folder["out"]]);
        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith(sentence, result.ErrorSentence(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["out"]));
    }

    [Fact]
    public void A_column_that_is_called_like_a_folder_keeps_its_name()
    {
        var fit = new Commands.ScSurv.ScSurvFitCommand();
        var settings = fit.Settings(fit.Parse(["--reference", ".", "--bulk", "b.h5ad", "--label", ".", "--out", "o"]));
        Assert.Equal(".", settings["--label"]);
        Assert.Equal(Directory.GetCurrentDirectory(), settings["--reference"]);
    }

    [Fact]
    public void Json_ends_standard_output_with_one_line_that_tells_success()
    {
        var result = CommandLine.Run("doctor", "--json");
        Assert.Equal(0, result.ExitCode);
        var line = result.LastLine();
        Assert.Equal("done", (string?)line["status"]);
        Assert.Equal(0, (int?)line["exit_code"]);
        Assert.Equal("doctor", (string?)line["command"]);
    }

    [Fact]
    public void Json_tells_failure_too()
    {
        var result = CommandLine.Run("doctor", "--nonsense", "--json");
        Assert.Equal(2, result.ExitCode);
        var line = result.LastLine();
        Assert.Equal("failed", (string?)line["status"]);
        Assert.Equal(2, (int?)line["exit_code"]);
        Assert.Equal(result.ErrorSentence(), (string?)line["message"]);
    }

    [Fact]
    public void A_full_disk_behind_standard_output_is_code_5()
    {
        if (!File.Exists("/dev/full")) return;
        var result = ExternalTool.Run("sh", ["-c", $"dotnet '{TestPaths.CommandLine}' doctor > /dev/full"]);
        Assert.Equal(5, result.ExitCode);
        Assert.Contains("No space left on device", result.ErrorSentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void Piped_output_has_no_colours()
    {
        var result = ExternalTool.Run("dotnet", [TestPaths.CommandLine, "doctor"], new Dictionary<string, string> { ["TERM"] = "xterm-256color" });
        Assert.DoesNotContain('\u001b', result.Output);
    }
}
