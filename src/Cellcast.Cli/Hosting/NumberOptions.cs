using System.CommandLine;
using System.Globalization;

namespace Cellcast.Cli.Hosting;

/// <summary>Options that take a number within bounds, and say so when it is not.</summary>
internal static class NumberOptions
{
    /// <summary>A whole number.</summary>
    internal static Option<int> Whole(string name, string description, int value, int least = 1) =>
        Bounded(new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value }, least);

    /// <summary>A whole number, or none, which means something of its own.</summary>
    internal static Option<int?> WholeOrNone(string name, string description, int least = 1) =>
        Bounded(new Option<int?>(name) { Description = description, HelpName = "N" }, least);

    /// <summary>A number, both bounds included.</summary>
    internal static Option<double> Real(string name, string description, double value, double least, double most) =>
        Within(new Option<double>(name) { Description = description, HelpName = "X", DefaultValueFactory = _ => value }, least, most);

    /// <summary>A number, both bounds included, or none.</summary>
    internal static Option<double?> RealOrNone(string name, string description, double least, double most) =>
        Within(new Option<double?>(name) { Description = description, HelpName = "X" }, least, most);

    /// <summary>A number below a bound, which may be infinity.</summary>
    internal static Option<double> RealBelow(string name, string description, double value, double least, double below) =>
        Below(new Option<double>(name) { Description = description, HelpName = "X", DefaultValueFactory = _ => value }, least, below);

    /// <summary>A number below a bound, which may be infinity, or none.</summary>
    internal static Option<double?> RealBelowOrNone(string name, string description, double least, double below) =>
        Below(new Option<double?>(name) { Description = description, HelpName = "X" }, least, below);

    /// <summary>A number above 0, up to and including a bound.</summary>
    internal static Option<double> Positive(string name, string description, double value, double most) =>
        Within(new Option<double>(name) { Description = description, HelpName = "X", DefaultValueFactory = _ => value }, double.Epsilon, most);

    /// <summary>Reads a number with a decimal point. A comma is refused: taken for a separator of thousands it would make 0,5 a 5.</summary>
    internal static bool TryParse(string text, out double value) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value);

    /// <summary>Why a value of an option that takes a number is none, where the parser of the command line would take it for one; null where there is nothing to say.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="command">The command whose options are looked at.</param>
    internal static string? Problem(ParseResult arguments, Command command)
    {
        foreach (Option option in command.Options)
        {
            if (!typeof(double).IsAssignableFrom(Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType)) continue;
            foreach (var token in arguments.GetResult(option)?.Tokens ?? [])
                if (!TryParse(token.Value, out _)) return $"{option.Name} takes a number with a decimal point, such as 0.5, not '{token.Value}'.";
        }
        return null;
    }

    private static Option<T> Bounded<T>(Option<T> option, int least)
    {
        option.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && (!int.TryParse(r.Tokens[0].Value, CultureInfo.InvariantCulture, out int n) || n < least))
                r.AddError($"{option.Name} takes a whole number of at least {least}, not '{r.Tokens[0].Value}'.");
        });
        return option;
    }

    private static Option<T> Within<T>(Option<T> option, double least, double most)
    {
        option.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && (!TryParse(r.Tokens[0].Value, out double x) || !(x >= least && x <= most)))
                r.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} takes a number {(least == double.Epsilon ? $"above 0, at most {most}" : $"from {least} to {most}")}, not '{r.Tokens[0].Value}'."));
        });
        return option;
    }

    private static Option<T> Below<T>(Option<T> option, double least, double below)
    {
        option.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && (!TryParse(r.Tokens[0].Value, out double x) || !(x >= least && x < below)))
                r.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} takes a number {(least is > 0 and < 1e-9 ? "above 0" : string.Create(CultureInfo.InvariantCulture, $"of at least {least:0.#########}"))}{(double.IsInfinity(below) ? "" : string.Create(CultureInfo.InvariantCulture, $" and below {below}"))}, not '{r.Tokens[0].Value}'."));
        });
        return option;
    }
}
