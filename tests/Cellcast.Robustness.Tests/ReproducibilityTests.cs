using System.Text;
using System.Text.RegularExpressions;
using Cellcast.TestSupport;

namespace Cellcast.Robustness.Tests;

/// <summary>Same seed, same bytes: for more threads than cores, and when a run goes on in the middle of a stage.</summary>
public sealed class ReproducibilityTests : IDisposable
{
    // One folder of inputs: their paths are kept in the results.
    private static readonly Lazy<TemporaryDirectory> s_inputs = new(() =>
    {
        var folder = new TemporaryDirectory();
        new SmallStudy().Write(folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        return folder;
    });

    private static readonly Lazy<Dictionary<string, byte[]>> s_uninterrupted = new(() =>
    {
        using var folder = new TemporaryDirectory();
        var result = CommandLine.Run(Arguments(folder, "1"));
        Assert.True(result.ExitCode == 0, result.Error);
        return Results(folder);
    });

    private readonly TemporaryDirectory _folder = new();

    [Fact]
    public void Many_threads_give_the_same_bytes()
    {
        var result = CommandLine.Run(Arguments(_folder, "5"));
        Assert.True(result.ExitCode == 0, result.Error);
        Same(s_uninterrupted.Value, Results(_folder));
    }

    [Fact]
    public void Another_seed_gives_other_weights()
    {
        Assert.Equal(0, CommandLine.Run(Arguments(_folder, "2", "--seed", "1")).ExitCode);
        Assert.NotEqual(s_uninterrupted.Value["model/weights.safetensors"], Results(_folder)["model/weights.safetensors"]);
    }

    [Theory]
    [InlineData("cells epoch 20 step 1.")]
    [InlineData("bulk epoch 20 step 1.")]
    public void Killed_within_a_stage_and_resumed_from_its_last_epoch_it_gives_the_same_bytes(string at)
    {
        using (var process = CommandLineProcess.StartAndHold(at, Arguments(_folder, "2")))
        {
            process.Signal("KILL");
            process.WaitForExit();
        }
        Assert.False(File.Exists(_folder["fit/cells.h5ad"]));
        Resumed("resuming ");
    }

    /// <summary>At any moment, be it while a checkpoint is written, before there is one, or when all is done: where the signal finds the run is left to chance, what must come of it is not.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(300)]
    [InlineData(1000)]
    public void Killed_at_any_moment_and_resumed_it_gives_the_same_bytes(int milliseconds)
    {
        using (var process = CommandLineProcess.Start(Arguments(_folder, "2")))
        {
            process.WaitForError("28 events");
            Thread.Sleep(milliseconds);
            process.Signal("KILL");
            process.WaitForExit();
        }
        Resumed("");
    }

    [Fact]
    public void With_no_memory_for_counts_and_shares_it_gives_the_same_bytes()
    {
        var result = CommandLine.Run(Arguments(_folder, "2", "--memory", "0M"));
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("MB in a file", result.Error, StringComparison.Ordinal);
        Same(s_uninterrupted.Value, Results(_folder));
        Assert.Equal(2, CommandLine.Run(Arguments(_folder, "2", "--overwrite", "--memory", "much")).ExitCode);
    }

    [Fact]
    public void Resuming_a_complete_run_changes_nothing()
    {
        Assert.Equal(0, CommandLine.Run(Arguments(_folder, "2")).ExitCode);
        var before = Results(_folder);
        var again = CommandLine.Run(Arguments(_folder, "2", "--resume"));
        Assert.True(again.ExitCode == 0, again.Error);
        Same(before, Results(_folder));
    }

    [Fact]
    public void Resuming_with_another_option_is_refused()
    {
        Assert.Equal(0, CommandLine.Run(Arguments(_folder, "2")).ExitCode);
        var refused = CommandLine.Run(Arguments(_folder, "2", "--resume", "--latent", "7"));
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("--latent was '20'", refused.ErrorSentence(), StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private void Resumed(string said)
    {
        var resumed = CommandLine.Run(Arguments(_folder, "1", "--resume"));
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Contains(said, resumed.Error, StringComparison.Ordinal);
        Same(s_uninterrupted.Value, Results(_folder));
    }

    private static string[] Arguments(TemporaryDirectory folder, string threads, params string[] more) =>
    [
        "scsurv", "fit", "--reference", s_inputs.Value["cells.h5ad"], "--bulk", s_inputs.Value["bulk.h5ad"], "--spatial", s_inputs.Value["spots.h5ad"], "--batch", "sample", "--label", "label",
        "--max-epochs", "100", "--patience", "1000", "--draws", "2", "--checkpoint-every", "0", "--threads", threads, "--out", folder["fit"], .. more,
    ];

    /// <summary>Everything that must be reproducible: all but the log and the wall times in metrics.json and the report.</summary>
    private static Dictionary<string, byte[]> Results(TemporaryDirectory folder) =>
        Directory.EnumerateFiles(folder["fit"], "*", SearchOption.AllDirectories)
            .ToDictionary(f => Path.GetRelativePath(folder["fit"], f), File.ReadAllBytes)
            .Where(f => f.Key is not ("run.log" or "metrics.json" or ".cellcast-run.json"))
            .ToDictionary(f => f.Key, f => f.Key == "report.html" ? WithoutWallTimes(f.Value) : f.Value);

    // As numbers of the stages, and in words: "100 epochs, 100 steps, 0.2 s".
    private static byte[] WithoutWallTimes(byte[] report) =>
        Encoding.UTF8.GetBytes(Regex.Replace(Encoding.UTF8.GetString(report), "(?<=\"seconds\":)[0-9.eE+-]+|(?<= steps, )[^\"]+(?=\")", "0"));

    private static void Same(Dictionary<string, byte[]> expected, Dictionary<string, byte[]> actual)
    {
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        foreach (var (name, bytes) in expected)
        {
            int at = bytes.AsSpan().CommonPrefixLength(actual[name]);
            string Around(byte[] all) => Encoding.UTF8.GetString(all.AsSpan(Math.Max(0, at - 60)..Math.Min(all.Length, at + 30)));
            Assert.True(bytes.AsSpan().SequenceEqual(actual[name]), $"{name} differs at byte {at}: {Around(bytes)} <> {Around(actual[name])}");
        }
    }
}
