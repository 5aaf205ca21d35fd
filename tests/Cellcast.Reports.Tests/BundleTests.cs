using System.Security.Cryptography;
using System.Text;
using Cellcast.TestSupport;

namespace Cellcast.Reports.Tests;

/// <summary>The bundle in the repository is what its sources give.</summary>
public class BundleTests
{
    private static readonly string s_web = Path.Combine(TestPaths.Root, "web");

    [Fact]
    public void The_bundle_was_built_from_the_sources_as_they_are()
    {
        string[] names = [.. Directory.GetFiles(Path.Combine(s_web, "src")).Select(f => "src/" + Path.GetFileName(f)).Order(StringComparer.Ordinal), "package-lock.json", "build.mjs"];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string name in names)
            hash.AppendData(Encoding.UTF8.GetBytes(name + "\n" + File.ReadAllText(Path.Combine(s_web, name)).Replace("\r\n", "\n", StringComparison.Ordinal) + "\n"));
        string expected = Convert.ToHexStringLower(hash.GetHashAndReset());
        string bundle = ReportWriter.Asset("report.js");
        Assert.True(bundle[..200].Contains($"Sources sha256 {expected}.", StringComparison.Ordinal), "web/ has changed: run 'npm ci && npm run build' in web/ and commit src/Cellcast.Reports/Assets");
    }

    [ToolFact("npm")]
    public void Building_the_sources_gives_the_bundle_to_the_byte()
    {
        if (!Directory.Exists(Path.Combine(s_web, "node_modules", "esbuild")))
        {
            var install = ExternalTool.Run("npm", ["ci", "--no-audit", "--no-fund", "--fetch-retries", "5"], workingDirectory: s_web);
            Assert.True(install.ExitCode == 0, install.Error);
        }
        using var folder = new TemporaryDirectory();
        var types = ExternalTool.Run("npx", ["tsc", "--noEmit"], workingDirectory: s_web);
        Assert.True(types.ExitCode == 0, types.Output);
        var build = ExternalTool.Run("node", ["build.mjs", folder.Path], workingDirectory: s_web);
        Assert.True(build.ExitCode == 0, build.Error);
        foreach (string name in new[] { "report.js", "report.css" })
            Assert.True(File.ReadAllText(folder[name]) == ReportWriter.Asset(name), $"{name} differs from its build: run 'npm ci && npm run build' in web/ and commit");
    }

    [Fact]
    public void The_lock_file_names_no_registry()
    {
        string text = File.ReadAllText(Path.Combine(s_web, "package-lock.json"));
        Assert.DoesNotContain("\"resolved\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("://", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_bundle_is_small_and_names_no_address_to_load_from()
    {
        string script = ReportWriter.Asset("report.js"), style = ReportWriter.Asset("report.css");
        Assert.InRange(script.Length + style.Length, 20_000, 250_000);
        Assert.DoesNotContain("://", style, StringComparison.Ordinal);
        // The one address is the name of the SVG format.
        Assert.Equal(script.Split("://").Length - 1, script.Split("http://www.w3.org/2000/svg").Length - 1);
        foreach (string way in new[] { "XMLHttpRequest", "fetch(", "WebSocket", "innerHTML", "insertAdjacentHTML", "eval(", "new Function" }) Assert.DoesNotContain(way, script, StringComparison.Ordinal);
    }
}
