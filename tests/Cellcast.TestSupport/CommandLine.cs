using System.Text.Json.Nodes;

namespace Cellcast.TestSupport;

/// <summary>Runs <c>cellcast</c> as a user does: in a child process. The test project must reference <c>Cellcast.Cli</c>.</summary>
public static class CommandLine
{
    /// <summary>Runs it to its end.</summary>
    public static ProcessResult Run(params string[] arguments) => ExternalTool.Run("dotnet", [TestPaths.CommandLine, .. arguments]);

    /// <summary>The line of JSON that <c>--json</c> puts last on standard output.</summary>
    public static JsonObject LastLine(this ProcessResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return JsonNode.Parse(result.Output.TrimEnd('\n').Split('\n')[^1])!.AsObject();
    }

    /// <summary>What the user was told went wrong: the text after <c>cellcast: error:</c>, null when nothing did.</summary>
    public static string? ErrorSentence(this ProcessResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        const string Mark = "cellcast: error: ";
        string[] lines = [.. result.Error.Split('\n').Where(l => l.StartsWith(Mark, StringComparison.Ordinal))];
        return lines.Length switch { 0 => null, 1 => lines[0][Mark.Length..], _ => throw new InvalidOperationException("more than one error was reported:\n" + result.Error) };
    }
}
