using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

public class DoctorTests
{
    [Fact]
    public void Doctor_finds_what_the_tests_themselves_need()
    {
        var result = CommandLine.Run("doctor", "--json");
        Assert.Equal(0, result.ExitCode);
        var checks = result.LastLine()["checks"]!.AsArray();
        Assert.All(checks, c => Assert.True((bool)c!["ok"]!));
        Assert.Contains(checks, c => (string?)c!["name"] == "libhdf5" && char.IsAsciiDigit(((string)c["found"]!)[0]));
        Assert.Contains(checks, c => (string?)c!["name"] == ".NET" && ((string)c["found"]!).Contains(Environment.Version.ToString(2), StringComparison.Ordinal));
    }

    [Fact]
    public void A_temporary_folder_that_cannot_be_written_is_named_with_its_remedy()
    {
        using var folder = new TemporaryDirectory();
        var result = ExternalTool.Run("dotnet", [TestPaths.CommandLine, "doctor"], new Dictionary<string, string> { ["TMPDIR"] = folder["absent"] });
        Assert.Equal(3, result.ExitCode);
        Assert.Contains(folder["absent"], result.ErrorSentence(), StringComparison.Ordinal);
        Assert.Contains("TMPDIR", result.ErrorSentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_libhdf5_is_a_problem_that_says_what_to_install()
    {
        var result = ExternalTool.Run("dotnet", [TestPaths.CommandLine, "doctor"], new Dictionary<string, string> { ["CELLCAST_HDF5"] = "/nonexistent/libhdf5.so" });
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("/nonexistent/libhdf5.so", result.ErrorSentence(), StringComparison.Ordinal);
        Assert.Contains("libhdf5-103-1", result.ErrorSentence(), StringComparison.Ordinal);
    }
}
