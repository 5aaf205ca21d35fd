using System.CommandLine;
using System.Globalization;

namespace Cellcast.Cli.Commands;

/// <summary>Options that take a number within bounds, and say so when it is not.</summary>
internal static class NumberOptions
{
    /// <summary>A whole number.</summary>
    internal static Option<int> Whole(string name, string description, int value, int least)
    {
        var option = new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value };
        CheckWhole(option, least);
        return option;
    }

    /// <summary>A whole number of at least 1, or none.</summary>
    internal static Option<int?> Whole(string name, string description)
    {
        var option = new Option<int?>(name) { Description = description, HelpName = "N" };
        CheckWhole(option, 1);
        return option;
    }

    /// <summary>A number.</summary>
    internal static Option<double> Real(string name, string description, double value, double least, double most)
    {
        var option = new Option<double>(name) { Description = description, HelpName = "X", DefaultValueFactory = _ => value };
        CheckReal(option, least, most);
        return option;
    }

    /// <summary>A number, or none.</summary>
    internal static Option<double?> Real(string name, string description, double least, double most)
    {
        var option = new Option<double?>(name) { Description = description, HelpName = "X" };
        CheckReal(option, least, most);
        return option;
    }

    private static void CheckWhole(Option option, int least) => option.Validators.Add(r =>
    {
        if (r.Tokens.Count == 1 && (!int.TryParse(r.Tokens[0].Value, CultureInfo.InvariantCulture, out int n) || n < least))
            r.AddError($"{option.Name} takes a whole number of at least {least}, not '{r.Tokens[0].Value}'.");
    });

    private static void CheckReal(Option option, double least, double most) => option.Validators.Add(r =>
    {
        if (r.Tokens.Count == 1 && (!double.TryParse(r.Tokens[0].Value, CultureInfo.InvariantCulture, out double x) || !(x >= least && x <= most)))
            r.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} takes a number from {least} to {most}, not '{r.Tokens[0].Value}'."));
    });
}
