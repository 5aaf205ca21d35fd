using Cellcast.Cli.Hosting;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary>The folder of results: nothing half written, nothing lost, one run at a time.</summary>
public sealed class RunDirectoryTests : IDisposable
{
    private static readonly Dictionary<string, string> s_settings = new() { ["--genes"] = "5000" };
    private readonly TemporaryDirectory _folder = new();
    private readonly List<RunLog> _logs = [];

    [Fact]
    public void A_run_that_fails_before_it_begins_leaves_no_folder_it_created()
    {
        using (var run = Open("a/b/c")) Assert.True(Directory.Exists(run.FullPath));
        Assert.False(Directory.Exists(_folder["a"]));
    }

    [Fact]
    public void A_run_that_fails_later_leaves_its_log_and_its_checkpoint_but_no_result()
    {
        using (var run = Open("a"))
        {
            File.WriteAllText(run.File("cells.csv"), "half");
            File.WriteAllText(Path.Combine(run.CheckpointFolder, "state"), "s");
        }
        Assert.Equal(["checkpoint/state", "run.log"], VisibleFiles("a"));
    }

    [Fact]
    public void A_run_that_ends_because_of_what_it_was_given_leaves_nothing_unless_it_can_be_resumed()
    {
        using (var run = Open("a/b"))
        {
            Assert.True(Directory.Exists(run.CheckpointFolder));
            run.Forget();
        }
        Assert.False(Directory.Exists(_folder["a"]));
        using (var run = Open("a"))
        {
            File.WriteAllText(Path.Combine(run.CheckpointFolder, "state"), "s");
            run.Forget();
        }
        Assert.Equal(["checkpoint/state", "run.log"], VisibleFiles("a"));
    }

    [Fact]
    public void Results_get_their_names_together_when_the_run_succeeds()
    {
        using (var run = Open("a"))
        {
            File.WriteAllText(run.File("cells.csv"), "1");
            File.WriteAllText(Path.Combine(run.Folder("model"), "model.json"), "2");
            File.WriteAllText(Path.Combine(run.CheckpointFolder, "state"), "s");
            Assert.False(File.Exists(_folder["a/cells.csv"]));
            run.Commit();
        }
        Assert.Equal(["cells.csv", "model/model.json", "run.log"], VisibleFiles("a"));
    }

    [Fact]
    public void What_stands_in_the_way_of_one_result_keeps_all_of_them_from_replacing_earlier_ones()
    {
        using (var run = Open("a"))
        {
            File.WriteAllText(run.File("cells.csv"), "old");
            run.Commit();
        }
        Directory.CreateDirectory(_folder["a/genes.csv"]);
        File.WriteAllText(_folder["a/genes.csv/mine.txt"], "mine");
        using (var run = Open("a", overwrite: true))
        {
            foreach (string name in (string[])["cells.csv", "genes.csv"]) File.WriteAllText(run.File(name), "new");
            Assert.Contains("genes.csv", Assert.Throws<Cellcast.AnnData.OutputException>(run.Commit).Message, StringComparison.Ordinal);
        }
        Assert.Equal(["cells.csv", "genes.csv/mine.txt", "run.log"], VisibleFiles("a"));
        Assert.Equal("old", File.ReadAllText(_folder["a/cells.csv"]));
    }

    [Fact]
    public void A_file_may_take_the_place_of_an_earlier_folder_of_results_and_the_other_way_round()
    {
        using (var run = Open("a"))
        {
            File.WriteAllText(run.File("x"), "1");
            File.WriteAllText(run.File("y/deep/z"), "1");
            run.Commit();
        }
        using (var run = Open("a", overwrite: true))
        {
            File.WriteAllText(run.File("x/deep/z"), "2");
            File.WriteAllText(run.File("y"), "2");
            run.Commit();
        }
        Assert.Equal(["run.log", "x/deep/z", "y"], VisibleFiles("a"));
    }

    [Fact]
    public void What_a_run_could_be_resumed_from_becomes_a_result_with_all_others_and_not_before()
    {
        using (var run = Open("a"))
        {
            Directory.CreateDirectory(Path.Combine(run.CheckpointFolder, "fits"));
            File.WriteAllText(Path.Combine(run.CheckpointFolder, "fits", "x"), "1");
            run.Adopt(Path.Combine(run.CheckpointFolder, "fits"), "fits");
        }
        Assert.Equal(["checkpoint/fits/x", "run.log"], VisibleFiles("a"));
        using (var run = Open("a", resume: true))
        {
            run.Adopt(Path.Combine(run.CheckpointFolder, "fits"), "fits");
            run.Commit();
        }
        Assert.Equal(["fits/x", "run.log"], VisibleFiles("a"));
    }

    /// <summary>A manifest as a kill leaves it: the first of two results is in its place.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_run_killed_among_its_results_is_complete_when_resumed_unless_someone_removed_some(bool allThere)
    {
        using (var run = Open("a")) run.Begin();
        Directory.CreateDirectory(_folder["a/.cellcast-partial"]);
        File.WriteAllText(_folder["a/cells.csv"], "new");
        if (allThere) File.WriteAllText(_folder["a/.cellcast-partial/genes.csv"], "new");
        string manifest = _folder["a/.cellcast-run.json"];
        var plan = (System.Text.Json.Nodes.JsonObject)System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(manifest))!;
        plan["status"] = "placing";
        plan["moves"] = new System.Text.Json.Nodes.JsonArray([.. ((string[])["cells.csv", "genes.csv"]).Select(f => new System.Text.Json.Nodes.JsonObject { ["from"] = ".cellcast-partial/" + f, ["to"] = f })]);
        File.WriteAllText(manifest, plan.ToJsonString());

        using (var run = Open("a", resume: true)) Assert.Equal(allThere, run.IsComplete);
        Assert.Equal(allThere ? ["cells.csv", "genes.csv", "run.log"] : ["cells.csv", "run.log"], VisibleFiles("a"));
    }

    [Fact]
    public void A_folder_that_holds_files_is_refused_and_untouched()
    {
        Directory.CreateDirectory(_folder["a"]);
        File.WriteAllText(_folder["a/mine.txt"], "mine");
        var e = Assert.Throws<UsageException>(() => Open("a"));
        Assert.Contains("--overwrite", e.Message, StringComparison.Ordinal);
        Assert.Equal(["mine.txt"], VisibleFiles("a"));
    }

    [Fact]
    public void Overwriting_removes_what_the_earlier_run_left_and_nothing_else()
    {
        using (var run = Open("a"))
        {
            File.WriteAllText(run.File("spots.csv"), "old");
            File.WriteAllText(run.File("old/deep.csv"), "old");
            File.WriteAllText(run.File("cells.csv"), "old");
            run.Commit();
        }
        File.WriteAllText(_folder["a/mine.txt"], "mine");
        using (var run = Open("a", overwrite: true))
        {
            File.WriteAllText(run.File("cells.csv"), "new");
            run.Commit();
        }
        Assert.Equal(["cells.csv", "mine.txt", "run.log"], VisibleFiles("a"));
        Assert.Equal("new", File.ReadAllText(_folder["a/cells.csv"]));
    }

    [Fact]
    public void An_overwriting_run_that_fails_leaves_the_earlier_results()
    {
        using (var run = Open("a"))
        {
            File.WriteAllText(run.File("cells.csv"), "old");
            run.Commit();
        }
        using (var run = Open("a", overwrite: true)) File.WriteAllText(run.File("cells.csv"), "half");
        Assert.Equal("old", File.ReadAllText(_folder["a/cells.csv"]));
    }

    [Fact]
    public void Two_runs_never_share_a_folder()
    {
        using var first = Open("a");
        var e = Assert.Throws<UsageException>(() => Open("a", overwrite: true));
        Assert.Contains("another run", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_lock_goes_with_the_run()
    {
        using (var run = Open("a")) run.Commit();
        using var second = Open("a", overwrite: true);
        Assert.Equal("a", Path.GetFileName(second.FullPath));
    }

    [Fact]
    public void Resuming_finds_the_checkpoint_and_keeps_the_log()
    {
        using (var run = Open("a")) File.WriteAllText(Path.Combine(run.CheckpointFolder, "state"), "s");
        using (var run = Open("a", resume: true))
        {
            Assert.True(run.IsResumed);
            Assert.False(run.IsComplete);
            Assert.True(run.HasCheckpoint);
            Assert.Equal("s", File.ReadAllText(Path.Combine(run.CheckpointFolder, "state")));
            run.Commit();
        }
        using var again = Open("a", resume: true);
        Assert.True(again.IsComplete);
    }

    [Fact]
    public void Resuming_an_absent_folder_starts_from_the_beginning()
    {
        using var run = Open("new", resume: true);
        Assert.False(run.IsResumed);
    }

    [Fact]
    public void A_run_that_was_killed_at_once_is_resumed_from_the_beginning()
    {
        Directory.CreateDirectory(_folder["a/.cellcast-partial"]);
        foreach (string left in new[] { ".cellcast-lock", ".cellcast-run.json.tmp" }) File.WriteAllText(_folder["a/" + left], "");
        using (var run = Open("a", resume: true)) Assert.False(run.IsResumed);
        using (var run = Open("a"))
        {
            run.Begin();
            File.WriteAllText(run.File("cells.csv"), "1");
            run.Commit();
        }
        Assert.Equal(["cells.csv", "run.log"], VisibleFiles("a"));
        Assert.False(File.Exists(_folder["a/.cellcast-run.json.tmp"]));
    }

    [Fact]
    public void A_folder_knows_of_its_run_before_anything_that_a_user_sees_is_in_it()
    {
        // Where the log cannot be written, the run has come as far as one that was killed there.
        Directory.CreateDirectory(_folder["a/run.log"]);
        using (var run = Open("a", overwrite: true)) Assert.ThrowsAny<Exception>(run.Begin);
        Directory.Delete(_folder["a/run.log"]);
        using (var run = Open("a", resume: true)) Assert.True(run.IsResumed);
    }

    [Fact]
    public void Resuming_with_other_options_is_refused_by_name()
    {
        using (var run = Open("a")) run.Begin();
        var e = Assert.Throws<UsageException>(() => Open("a", resume: true, settings: new() { ["--genes"] = "3000" }));
        Assert.Contains("--genes was '5000'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resuming_another_commands_run_is_refused()
    {
        using (var run = Open("a")) run.Begin();
        Assert.Throws<UsageException>(() => Open("a", resume: true, command: "simulate"));
    }

    [Fact]
    public void Starting_anew_over_an_unfinished_run_without_saying_so_points_to_resume()
    {
        using (var run = Open("a")) run.Begin();
        Assert.Contains("--resume", Assert.Throws<UsageException>(() => Open("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_manifest_that_names_files_outside_the_folder_cannot_make_us_delete_them()
    {
        using (var run = Open("a"))
        {
            File.WriteAllText(run.File("cells.csv"), "old");
            run.Commit();
        }
        File.WriteAllText(_folder["precious.txt"], "keep");
        string manifest = Directory.GetFiles(_folder["a"], ".cellcast-run.json").Single();
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("\"cells.csv\"", "\"../precious.txt\"", StringComparison.Ordinal));
        using (var run = Open("a", overwrite: true)) run.Commit();
        Assert.Equal("keep", File.ReadAllText(_folder["precious.txt"]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("file")]
    public void A_target_that_is_no_folder_is_wrong_usage(string name)
    {
        File.WriteAllText(_folder["file"], "x");
        Assert.Throws<UsageException>(() => RunDirectory.Open(name.Length == 0 ? "" : _folder[name], "fit", s_settings, Log(), false, false));
    }

    public void Dispose()
    {
        foreach (var log in _logs) log.Dispose();
        _folder.Dispose();
    }

    private RunDirectory Open(string name, bool overwrite = false, bool resume = false, Dictionary<string, string>? settings = null, string command = "scsurv fit") =>
        RunDirectory.Open(_folder[name], command, settings ?? s_settings, Log(), overwrite, resume);

    private RunLog Log()
    {
        var log = new RunLog(quiet: true);
        _logs.Add(log);
        return log;
    }

    private string[] VisibleFiles(string name) =>
        [.. Directory.EnumerateFiles(_folder[name], "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(_folder[name], f)).Where(f => !f.StartsWith('.')).Order(StringComparer.Ordinal)];
}
