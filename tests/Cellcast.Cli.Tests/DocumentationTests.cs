using System.CommandLine;
using System.Text.RegularExpressions;
using Cellcast.Cli.Commands;

namespace Cellcast.Cli.Tests;

/// <summary>What README and the pages of docs tell the user to type exists.</summary>
public partial class DocumentationTests
{
    /// <summary>Options of other programs that the pages mention.</summary>
    private static readonly HashSet<string> s_foreign = ["--slow", "--project", "--add-source", "--global", "--seeds"];

    [GeneratedRegex(@"^\s*(?:\./)?cellcast (?<rest>.+?)(?:\s+#.*)?$", RegexOptions.Multiline)]
    private static partial Regex CommandLines();

    [GeneratedRegex("```[a-z]*\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Blocks();

    [GeneratedRegex("`[^`\n]*?(?<option>--[a-z][a-z0-9-]*)")]
    private static partial Regex Options();

    [GeneratedRegex(@"`(?:\./)?cellcast (?<group>scsurv|scrobust)? ?(?<name>[a-z]+)")]
    private static partial Regex Commands();

    public static TheoryData<string> Pages() => [.. Documentation.Pages.Keys];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_command_line_of_a_page_is_understood(string page)
    {
        RootCommand root = CommandRegistry.Create();
        foreach (Match block in Blocks().Matches(Documentation.Pages[page]))
            foreach (Match line in CommandLines().Matches(block.Groups["text"].Value))
            {
                string[] words = line.Groups["rest"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                // Placeholders stand for numbers.
                ParseResult parsed = root.Parse([.. words.Select(w => w is "N" or "G" ? "2" : w)]);
                Assert.True(parsed.Errors.Count == 0, $"{page}: {line.Value.Trim()}: {string.Join("; ", parsed.Errors.Select(e => e.Message))}");
            }
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_option_and_command_that_a_page_names_exists(string page)
    {
        Command[] commands = [.. All(CommandRegistry.Create())];
        var options = commands.SelectMany(c => c.Options).Select(o => o.Name).ToHashSet(StringComparer.Ordinal);
        foreach (Match m in Options().Matches(Documentation.Pages[page]))
            Assert.True(options.Contains(m.Groups["option"].Value) || s_foreign.Contains(m.Groups["option"].Value), $"{page} names {m.Groups["option"].Value}, which no command has");
        var names = commands.Select(c => (c.Parents.OfType<Command>().FirstOrDefault() is { } p and not RootCommand ? p.Name + " " : "") + c.Name).ToHashSet(StringComparer.Ordinal);
        foreach (Match m in Commands().Matches(Documentation.Pages[page]))
        {
            string name = m.Groups["group"].Success ? $"{m.Groups["group"].Value} {m.Groups["name"].Value}" : m.Groups["name"].Value;
            Assert.True(names.Contains(name) || name == "COMMAND", $"{page} names 'cellcast {name}', which does not exist");
        }
    }

    private static IEnumerable<Command> All(Command command) => [command, .. command.Subcommands.SelectMany(All)];
}
