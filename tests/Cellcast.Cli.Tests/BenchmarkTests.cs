using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast scsurv benchmark</c>.</summary>
public sealed class BenchmarkTests : IDisposable
{
    private static readonly string[] s_tiny = ["--patients", "24", "--events", "0.5,1", "--types", "3", "--cells", "90", "--genes", "80", "--gradient-types", "1", "--test-patients", "12", "--seeds", "2", "--max-epochs", "3", "--methods", "published,cox-nnls,marker-correlation"];
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_leaves_the_tables_it_says_the_same_for_any_number_of_threads()
    {
        var result = Benchmark("one", [.. s_tiny, "--threads", "1", "--json"]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(["results.csv", "run.log", "summary.csv", "times.csv", "types.csv"], Directory.EnumerateFiles(_folder["one"]).Select(f => Path.GetFileName(f)).Where(n => n[0] != '.').Order(StringComparer.Ordinal));
        Assert.Equal(4, (int?)result.LastLine()["cohorts"]);
        Assert.Contains("marker-correlation", result.Output, StringComparison.Ordinal);
        string[] rows = File.ReadAllLines(_folder["one/results.csv"]);
        Assert.StartsWith("patients,event_share,types,platform_effect,batch_effect,missing_types,effect,seed,method,events,r_type,r_cell,r_within,r_shares,concordance,concordance_oracle,concordance_difference,note", rows[0], StringComparison.Ordinal);
        Assert.Equal(1 + 4 * 3, rows.Length);
        Assert.Equal(1 + 2 * 3, File.ReadAllLines(_folder["one/summary.csv"]).Length);
        Assert.Equal(1 + 4 * 3 * 3, File.ReadAllLines(_folder["one/types.csv"]).Length);

        Assert.Equal(0, Benchmark("two", [.. s_tiny, "--threads", "2"]).ExitCode);
        foreach (string file in (string[])["results.csv", "summary.csv", "types.csv"])
            Assert.Equal(File.ReadAllBytes(_folder["one/" + file]), File.ReadAllBytes(_folder["two/" + file]));
    }

    [Theory]
    [InlineData("--methods knows published", "--methods", "magic")]
    [InlineData("--patients takes numbers", "--patients", "many")]
    [InlineData("--event-share is 2", "--events", "2")]
    [InlineData("--from needs --label", "--from", "cells.h5ad")]
    [InlineData("--label belongs to --from", "--label", "type")]
    [InlineData("no whole number", "--types", "2.5")]
    public void Options_that_make_no_grid_are_refused_with_the_reason(string sentence, params string[] options)
    {
        var result = Benchmark("no", options);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(sentence, result.ErrorSentence(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["no"]));
    }

    private ProcessResult Benchmark(string name, params string[] options) => CommandLine.Run(["scsurv", "benchmark", "--out", _folder[name], .. options]);
}

/// <summary><c>cellcast scsurv power</c>.</summary>
public sealed class PowerTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_prints_and_writes_a_table_that_does_not_depend_on_threads()
    {
        string[] options = ["scsurv", "power", "--patients", "40,80", "--events", "0.5", "--effects", "0,2", "--simulations", "40"];
        var result = CommandLine.Run([.. options, "--threads", "1", "--json", "--to", _folder["a.csv"]]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(4, result.LastLine()["power"]!.AsArray().Count);
        Assert.Contains("effect 2", result.Output, StringComparison.Ordinal);
        Assert.Equal(0, CommandLine.Run([.. options, "--threads", "2", "--to", _folder["b.csv"]]).ExitCode);
        Assert.Equal(File.ReadAllBytes(_folder["a.csv"]), File.ReadAllBytes(_folder["b.csv"]));
        Assert.Equal("patients,event_share,events,effect,power,power_se,true_concordance,simulations", File.ReadLines(_folder["a.csv"]).First());
        Assert.Equal(2, CommandLine.Run([.. options, "--to", _folder["b.csv"]]).ExitCode); // it exists
    }

    [Theory]
    [InlineData("--patients takes whole numbers", "--patients", "3")]
    [InlineData("--events takes shares", "--events", "0")]
    [InlineData("--effects takes numbers", "--effects", "-1")]
    [InlineData("--types takes", "--types", "1")]
    public void Values_that_make_no_study_are_refused(string sentence, params string[] options)
    {
        var result = CommandLine.Run(["scsurv", "power", .. options]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(sentence, result.ErrorSentence(), StringComparison.Ordinal);
    }
}
