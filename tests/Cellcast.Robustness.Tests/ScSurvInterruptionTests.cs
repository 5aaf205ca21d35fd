using System.Security.Cryptography;
using Cellcast.TestSupport;

namespace Cellcast.Robustness.Tests;

/// <summary>The same bytes whatever happens on the way: threads, Ctrl-C, kill -9.</summary>
public sealed class ScSurvInterruptionTests(ScSurvInterruptionTests.Study study) : IClassFixture<ScSurvInterruptionTests.Study>
{
    private static readonly string[] s_files = ["model/weights.safetensors", "model/reference.safetensors", "patients.csv", "genes.csv", "cell_types.csv", "survival_curves.csv", "history.csv", "cells.h5ad", "spots.h5ad"];

    [Fact]
    public void One_and_two_threads_write_the_same_bytes()
    {
        using var folder = new TemporaryDirectory();
        study.Fit(folder["two"], "--threads", "2");
        Assert.Equal(study.Expected, Hashes(folder["two"]));
    }

    // A stage says [2/3 bulk] when it is done. Every epoch leaves a checkpoint, and every end of a stage.
    [Theory]
    [InlineData("[1/3 cells]", "KILL")]
    [InlineData("bulk epoch 0 step 1.", "KILL")]
    [InlineData("[2/3 bulk]", "KILL")]
    [InlineData("spots epoch 20 step 1.", "KILL")]
    [InlineData("[3/3 spots]", "KILL")]
    [InlineData("spots epoch 20 step 1.", "INT")]
    public void A_run_that_was_ended_on_the_way_and_resumed_writes_the_bytes_of_one_that_was_not(string at, string signal)
    {
        using var folder = new TemporaryDirectory();
        using (CommandLineProcess process = CommandLineProcess.StartAndHold(at, [.. study.Arguments(folder["run"])]))
        {
            process.Signal(signal);
            Assert.Equal(signal == "INT" ? 130 : 137, process.WaitForExit().ExitCode);
        }
        Assert.False(File.Exists(Path.Combine(folder["run"], "patients.csv")));
        study.Fit(folder["run"], "--resume");
        Assert.Equal(study.Expected, Hashes(folder["run"]));
    }

    private static string[] Hashes(string folder) => [.. s_files.Select(f => f + " " + Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, f)))))];

    /// <summary>A small simulated study and the bytes of a fit that nothing disturbed.</summary>
    public sealed class Study : IDisposable
    {
        private readonly TemporaryDirectory _folder = new();

        public Study()
        {
            ProcessResult simulated = CommandLine.Run("simulate", "--out", _folder["data"], "--cells", "300", "--genes", "200", "--types", "4", "--families", "2", "--gradient-types", "1", "--samples", "2", "--patients", "60", "--spots", "20");
            Assert.True(simulated.ExitCode == 0, simulated.Error);
            Fit(_folder["expected"]);
            Expected = Hashes(_folder["expected"]);
        }

        internal string[] Expected { get; }

        internal IEnumerable<string> Arguments(string output) =>
        [
            "scsurv", "fit", "--reference", Data("cells"), "--bulk", Data("bulk"), "--spatial", Data("spots"), "--batch", "sample", "--label", "label", "--out", output,
            "--max-epochs", "50", "--patience", "1000", "--checkpoint-every", "0", "--hidden", "16", "--latent", "5", "--draws", "5", "--threads", "1",
        ];

        internal void Fit(string output, params string[] more)
        {
            string[] arguments = [.. Arguments(output)];
            if (more is ["--threads", ..]) arguments = [.. arguments.SkipLast(2)];
            ProcessResult result = CommandLine.Run([.. arguments, .. more]);
            Assert.True(result.ExitCode == 0, result.Error);
        }

        public void Dispose() => _folder.Dispose();

        private string Data(string kind) => Path.Combine(_folder["data"], $"simulated_{kind}.h5ad");
    }
}
