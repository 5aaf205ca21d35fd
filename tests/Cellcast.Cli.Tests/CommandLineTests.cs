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
