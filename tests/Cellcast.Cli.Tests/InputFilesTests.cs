using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary>Which files a run says it has read.</summary>
public sealed class InputFilesTests
{
    /// <summary>Hours may pass between reading and the end of a run, when files are hashed.</summary>
    [Fact]
    public void A_file_that_changed_since_the_run_began_has_no_hash_and_the_user_is_told()
    {
        using var folder = new TemporaryDirectory();
        string[] names = ["kept", "longer", "rewritten", "gone"];
        foreach (string name in names) File.WriteAllText(folder[name], "as it was");
        var settings = names.Select(n => KeyValuePair.Create("--" + n, folder[n])).ToArray();
        var start = InputFiles.Look(settings.Select(s => s.Value));
        File.WriteAllText(folder["longer"], "as it was, and more");
        File.WriteAllText(folder["rewritten"], "as it is!");
        File.SetLastWriteTimeUtc(folder["rewritten"], start[folder["rewritten"]].Written.AddSeconds(1));
        File.Delete(folder["gone"]);

        using var log = new RunLog(quiet: true);
        JsonArray files = InputFiles.Describe(settings, start, log, default);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData("as it was"u8)), (string)files[0]!["sha256"]!);
        Assert.Null(files[0]!["changed"]);
        foreach (JsonNode? file in files.Skip(1))
        {
            Assert.Null(file!["sha256"]);
            Assert.Equal((true, 9), ((bool)file["changed"]!, (long)file["bytes"]!));
        }
        Assert.Equal(names[1..], log.Warnings.Select(w => names.Single(n => w.Contains($"/{n}'", StringComparison.Ordinal))));
        Assert.Equal([null, .. Enumerable.Repeat("changed during the run: not hashed", 3)], InputFiles.Records(new JsonObject { ["inputs"] = files }).Select(r => r.Note));
    }
}
