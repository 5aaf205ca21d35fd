using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast simulate</c>, and with it what holds for every command that fills a folder.</summary>
public sealed class SimulateTests : IDisposable
{
    private static readonly string[] s_small = ["--cells", "60", "--genes", "80", "--types", "3", "--families", "2", "--gradient-types", "1", "--patients", "12", "--bulk-depth", "5000"];
    private readonly TemporaryDirectory _folder = new();

    [Fact]
    public void It_writes_the_files_it_says_and_nothing_else()
    {
        var result = Simulate("a", "--spots", "9", "--name", "toy", "--json");
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(["run.log", "toy_bulk.h5ad", "toy_cells.h5ad", "toy_spots.h5ad"], VisibleFiles("a"));
        var line = result.LastLine();
        Assert.Equal(60, (int?)line["cells"]);
        Assert.Equal(12, (int?)line["patients"]);
        Assert.Equal(_folder["a"], (string?)line["out"]);
        var cells = H5adFile.Read(_folder["a/toy_cells.h5ad"]);
        Assert.Equal((60, 80), (cells.ObservationCount, cells.VariableCount));
        Assert.Equal(["label", "major", "sample", "true_beta", "state", "has_gradient"], cells.Obs.ColumnNames);
        var bulk = H5adFile.Read(_folder["a/toy_bulk.h5ad"]);
        Assert.Equal(["survival_time", "vital_status", "true_lp"], bulk.Obs.ColumnNames);
        Assert.Equal(["true_proportions", "true_state"], bulk.Obsm.Keys);
        Assert.Equal(3, ((NdArray)bulk.Uns["types"]).Data.Length);
    }

    [ToolFact("anndata")]
    public void The_fields_own_reader_finds_the_answer_where_the_scoring_scripts_look()
    {
        Assert.Equal(0, Simulate("a").ExitCode);
        var python = ExternalTool.RunPython("""
            import sys, anndata
            c, b = anndata.read_h5ad(sys.argv[1] + "_cells.h5ad"), anndata.read_h5ad(sys.argv[1] + "_bulk.h5ad")
            types = list(b.uns["types"])
            assert set(c.obs["label"]) == set(types), types
            assert c.obs["has_gradient"].dtype == bool and c.obs["true_beta"].dtype == float
            assert b.obsm["true_proportions"].shape == (12, 3) and abs(b.obsm["true_proportions"].sum(1) - 1).max() < 1e-12
            assert set(b.obs["vital_status"]) == {"Dead", "Alive"} and (b.obs["survival_time"] > 0).all()
            assert abs(b.obs["true_lp"].mean()) < 1e-9 and len(b.uns["true_beta"]) == 3
            assert (c.X.data == c.X.data.round()).all() and list(c.var_names) == list(b.var_names)
            """, _folder["a/simulated"]);
        Assert.True(python.ExitCode == 0, python.Error);
    }

    [Fact]
    public void Files_are_the_same_to_the_byte_for_any_number_of_threads()
    {
        Assert.Equal(0, Simulate("one", "--threads", "1", "--seed", "7").ExitCode);
        Assert.Equal(0, Simulate("three", "--threads", "3", "--seed", "7").ExitCode);
        foreach (string file in new[] { "simulated_cells.h5ad", "simulated_bulk.h5ad" })
            Assert.Equal(File.ReadAllBytes(_folder["one/" + file]), File.ReadAllBytes(_folder["three/" + file]));
    }

    [Fact]
    public void A_cohort_can_be_mixed_from_a_labelled_file()
    {
        Assert.Equal(0, Simulate("cells").ExitCode);
        var result = CommandLine.Run("simulate", "--out", _folder["mixed"], "--from", _folder["cells/simulated_cells.h5ad"], "--label", "major", "--batch", "sample", "--patients", "15");
        Assert.True(result.ExitCode == 0, result.Error);
        var bulk = H5adFile.Read(_folder["mixed/simulated_bulk.h5ad"]);
        Assert.Equal((15, 80), (bulk.ObservationCount, bulk.VariableCount));
        Assert.Equal(["T0", "T1"], (string[])((NdArray)bulk.Uns["types"]).Data);
    }

    [Theory]
    [InlineData("--types is 1: it must be from 2 to 1000.", "--types", "1")]
    [InlineData("--event-share is 2: it must be above 0 and at most 1.", "--event-share", "2")]
    [InlineData("--from needs --label", "--from", "x.h5ad")]
    [InlineData("--label belongs to --from", "--label", "kind")]
    [InlineData("--genes describes simulated cells", "--from", "x.h5ad", "--label", "kind", "--genes", "100")]
    [InlineData("Cannot parse argument 'many' for option '--cells' as a whole number", "--cells", "many")]
    [InlineData("--name 'a/b' is no start of a file name", "--name", "a/b")]
    public void Options_that_make_no_sense_are_code_2_and_leave_no_folder(string sentence, params string[] options)
    {
        var result = CommandLine.Run(["simulate", "--out", _folder["new/deep"], .. options]);
        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith(sentence, result.ErrorSentence(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["new"]));
    }

    [Fact]
    public void A_missing_input_is_code_3_and_leaves_no_folder()
    {
        var result = CommandLine.Run("simulate", "--out", _folder["a"], "--from", _folder["absent.h5ad"], "--label", "kind");
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("absent.h5ad", result.ErrorSentence(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["a"]));
    }

    [Fact]
    public void A_folder_with_files_is_code_2_unless_overwriting()
    {
        Assert.Equal(0, Simulate("a", "--spots", "9").ExitCode);
        var refused = Simulate("a");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("--overwrite", refused.ErrorSentence(), StringComparison.Ordinal);
        Assert.Equal(0, Simulate("a", "--overwrite").ExitCode);
        Assert.Equal(["run.log", "simulated_bulk.h5ad", "simulated_cells.h5ad"], VisibleFiles("a"));
    }

    [Fact]
    public void A_file_where_a_folder_is_needed_is_code_2()
    {
        File.WriteAllText(_folder["file"], "x");
        var result = Simulate("file");
        Assert.Equal(2, result.ExitCode);
        Assert.Equal("x", File.ReadAllText(_folder["file"]));
    }

    [Fact]
    public void A_place_that_takes_no_folder_is_code_5()
    {
        if (!OperatingSystem.IsLinux()) return;
        var result = CommandLine.Run(["simulate", "--out", "/proc/cellcast-test", .. s_small]);
        Assert.Equal(5, result.ExitCode);
        Assert.Contains("/proc/cellcast-test", result.ErrorSentence(), StringComparison.Ordinal);
        Assert.Contains("--out", result.ErrorSentence(), StringComparison.Ordinal);
    }

    [SmallDiskFact]
    public void A_full_disk_is_code_5_and_no_result_is_left()
    {
        using var disk = new SmallDisk(kilobytes: 300);
        var result = CommandLine.Run("simulate", "--out", Path.Combine(disk.Path, "a"), "--cells", "500", "--genes", "1000", "--patients", "100");
        Assert.Equal(5, result.ExitCode);
        Assert.Contains("full", result.ErrorSentence(), StringComparison.Ordinal);
        Assert.DoesNotContain("cellcast-partial", result.ErrorSentence(), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(disk.Path, "*.h5ad", SearchOption.AllDirectories));
        Assert.Empty(Directory.EnumerateFiles(disk.Path, "*.tmp", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void Interrupted_it_ends_with_130_and_leaves_nothing(string signal)
    {
        using var process = CommandLineProcess.StartAndHold("simulating", ["simulate", "--out", _folder["a"], "--json", .. s_small]);
        process.Signal(signal);
        var result = process.WaitForExit();
        Assert.Equal(130, result.ExitCode);
        Assert.Equal("interrupted", (string?)result.LastLine()["status"]);
        Assert.Contains("interrupted", result.ErrorSentence(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["a"]));
    }

    /// <summary>Before it has written anything, and when a first file lies in the hidden folder.</summary>
    [Theory]
    [InlineData("simulating")]
    [InlineData("writing simulated_bulk.h5ad")]
    public void Killed_it_leaves_no_lock_behind_that_would_stop_the_next_run_and_no_result(string at)
    {
        using (var process = CommandLineProcess.StartAndHold(at, ["simulate", "--out", _folder["a"], .. s_small]))
        {
            process.Signal("KILL");
            Assert.Equal(137, process.WaitForExit().ExitCode);
        }
        Assert.DoesNotContain(VisibleFiles("a"), f => f.EndsWith(".h5ad", StringComparison.Ordinal));
        var next = Simulate("a", "--overwrite");
        Assert.True(next.ExitCode == 0, next.Error);
        Assert.Equal(["run.log", "simulated_bulk.h5ad", "simulated_cells.h5ad"], VisibleFiles("a"));
    }

    /// <summary>Between the first result that is replaced and the last.</summary>
    [Theory]
    [InlineData("putting simulated_bulk.h5ad in its place")]
    [InlineData("putting simulated_cells.h5ad in its place")]
    public void Killed_while_it_replaces_results_they_are_never_taken_for_those_of_one_run_and_the_next_start_completes_them(string at)
    {
        Assert.Equal(0, Simulate("expected", "--seed", "2").ExitCode);
        Assert.Equal(0, Simulate("a", "--seed", "1").ExitCode);
        using (var process = CommandLineProcess.StartAndHold(at, ["simulate", "--out", _folder["a"], .. s_small, "--seed", "2", "--overwrite"]))
        {
            process.Signal("KILL");
            Assert.Equal(137, process.WaitForExit().ExitCode);
        }
        var reader = CommandLine.Run("inspect", _folder["a/simulated_cells.h5ad"]);
        Assert.Equal(3, reader.ExitCode);
        Assert.Contains("results of two runs", reader.ErrorSentence(), StringComparison.Ordinal);
        Assert.Contains("simulate", reader.ErrorSentence(), StringComparison.Ordinal);

        var again = Simulate("a", "--seed", "2");
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("put in place now", again.ErrorSentence(), StringComparison.Ordinal);
        Assert.Equal(["run.log", "simulated_bulk.h5ad", "simulated_cells.h5ad"], VisibleFiles("a"));
        foreach (string name in (string[])["simulated_bulk.h5ad", "simulated_cells.h5ad"])
            Assert.Equal(File.ReadAllBytes(_folder["expected/" + name]), File.ReadAllBytes(_folder["a/" + name]));
        Assert.Equal(0, CommandLine.Run("inspect", _folder["a/simulated_cells.h5ad"]).ExitCode);
    }

    [Fact]
    public void Overwriting_after_a_kill_among_results_leaves_the_newest()
    {
        Assert.Equal(0, Simulate("expected", "--seed", "3").ExitCode);
        Assert.Equal(0, Simulate("a", "--seed", "1").ExitCode);
        using (var process = CommandLineProcess.StartAndHold("putting simulated_cells.h5ad", ["simulate", "--out", _folder["a"], .. s_small, "--seed", "2", "--overwrite"]))
        {
            process.Signal("KILL");
            process.WaitForExit();
        }
        Assert.Equal(0, Simulate("a", "--seed", "3", "--overwrite").ExitCode);
        Assert.Equal(File.ReadAllBytes(_folder["expected/simulated_cells.h5ad"]), File.ReadAllBytes(_folder["a/simulated_cells.h5ad"]));
    }

    [Fact]
    public void Two_runs_in_one_folder_are_refused()
    {
        using var process = CommandLineProcess.StartAndHold("simulating", ["simulate", "--out", _folder["a"], .. s_small]);
        var second = Simulate("a", "--overwrite");
        Assert.Equal(2, second.ExitCode);
        Assert.Contains("another run", second.ErrorSentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void Quiet_says_nothing()
    {
        var result = Simulate("a", "--quiet");
        Assert.Equal(0, result.ExitCode);
        Assert.Empty(result.Error);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void The_log_tells_the_command_line_and_ends_with_done()
    {
        Simulate("a", "--quiet");
        string[] log = File.ReadAllLines(_folder["a/run.log"]);
        Assert.Contains("cellcast simulate --out", log[0], StringComparison.Ordinal);
        Assert.Contains("done in", log[^1], StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private ProcessResult Simulate(string name, params string[] more) => CommandLine.Run(["simulate", "--out", _folder[name], .. s_small, .. more]);

    private string[] VisibleFiles(string name) =>
        [.. Directory.EnumerateFiles(_folder[name], "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(_folder[name], f)).Where(f => !f.StartsWith('.')).Order(StringComparer.Ordinal)];
}
