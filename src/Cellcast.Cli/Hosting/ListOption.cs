using System.CommandLine;
using System.Globalization;

namespace Cellcast.Cli.Hosting;

/// <summary>Options that take several values with commas between them.</summary>
internal static class ListOption
{
    /// <summary>A list of numbers.</summary>
    internal static Option<string> Create(string name, string description, IEnumerable<double> values) => Create(name, description, values.Select(v => v.ToString(CultureInfo.InvariantCulture)));

    /// <summary>A list of words.</summary>
    internal static Option<string> Create(string name, string description, IEnumerable<string> values)
    {
        string initial = string.Join(',', values);
        return new Option<string>(name) { Description = description, HelpName = "LIST", DefaultValueFactory = _ => initial };
    }

    /// <summary>The words, each once.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    internal static string[] Words(ParseResult arguments, Option<string> option) =>
        arguments.GetValue(option)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) is { Length: > 0 } words
            ? [.. words.Distinct(StringComparer.OrdinalIgnoreCase)]
            : throw new UsageException($"{option.Name} is empty: give at least one value.");

    /// <summary>The numbers, each once.</summary>
    /// <exception cref="UsageException">There is none, or one is no number.</exception>
    internal static double[] Numbers(ParseResult arguments, Option<string> option) => [.. Words(arguments, option).Select(w => Number(option, w)).Distinct()];

    /// <summary>One of the words as a number.</summary>
    internal static double Number(Option<string> option, string word) => double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)
        ? value
        : throw new UsageException($"{option.Name} takes numbers with commas between them, not '{word}'.");
}
