using System.CommandLine;
using System.Globalization;
using Cellcast.AnnData;
using Cellcast.Cli.Hosting;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary>What the commands for cell vectors share.</summary>
internal static class ScRobustOptions
{
    /// <summary>An option that takes a whole number.</summary>
    internal static Option<int> Whole(string name, string description, int value, int least = 1) =>
        Bounded(new Option<int>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => value }, least);

    /// <summary>Refuses what is no whole number, or too small.</summary>
    internal static Option<T> Bounded<T>(Option<T> option, int least)
    {
        option.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && (!int.TryParse(r.Tokens[0].Value, CultureInfo.InvariantCulture, out int n) || n < least))
                r.AddError($"{option.Name} takes a whole number of at least {least}, not '{r.Tokens[0].Value}'.");
        });
        return option;
    }

    /// <summary>An option that takes a whole number and means something of its own when left out.</summary>
    internal static Option<int?> WholeOrNone(string name, string description, int least = 1)
    {
        var option = new Option<int?>(name) { Description = description, HelpName = "N" };
        option.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && (!int.TryParse(r.Tokens[0].Value, CultureInfo.InvariantCulture, out int n) || n < least))
                r.AddError($"{name} takes a whole number of at least {least}, not '{r.Tokens[0].Value}'.");
        });
        return option;
    }

    /// <summary>An option that takes a number within bounds.</summary>
    internal static Option<double> Number(string name, string description, double value, double least, double below) =>
        Bounded(new Option<double>(name) { Description = description, HelpName = "X", DefaultValueFactory = _ => value }, least, below);

    /// <summary>Refuses what is no number, or out of bounds.</summary>
    internal static Option<T> Bounded<T>(Option<T> option, double least, double below)
    {
        option.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && (!double.TryParse(r.Tokens[0].Value, CultureInfo.InvariantCulture, out double x) || !(x >= least && x < below)))
                r.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} takes a number of at least {least:0.#########}{(double.IsInfinity(below) ? "" : string.Create(CultureInfo.InvariantCulture, $" and below {below}"))}, not '{r.Tokens[0].Value}'."));
        });
        return option;
    }

    /// <summary>An option that takes shares with commas between them.</summary>
    internal static Option<string?> Shares(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = "X,X,…" };
        option.Validators.Add(r =>
        {
            if (r.Tokens.Count == 1 && Shares(r.Tokens[0].Value) is null) r.AddError($"{name} takes numbers above 0 and below 1 with commas between them, such as 0.5,0.8, not '{r.Tokens[0].Value}'.");
        });
        return option;
    }

    /// <summary>The shares in a text, ascending; null where it holds something else.</summary>
    internal static double[]? Shares(string? text)
    {
        if (string.IsNullOrEmpty(text)) return [];
        var shares = new SortedSet<double>();
        foreach (string part in text.Split(','))
            if (double.TryParse(part, CultureInfo.InvariantCulture, out double x) && x is > 0 and < 1) shares.Add(x);
            else return null;
        return [.. shares];
    }

    /// <summary>Reads cells, passing on what the reader has to say.</summary>
    /// <param name="context">The running command.</param>
    /// <param name="path">The file.</param>
    /// <param name="stream">Leave the matrices in the file, to be read row by row.</param>
    internal static AnnotatedData Read(CommandContext context, string path, bool stream = false)
    {
        context.Log.Info($"reading {path}");
        AnnotatedData data = AnyFile.Read(path, new AnyFileOptions { H5ad = new() { Threads = context.Threads, Stream = stream } });
        foreach (string warning in data.Warnings) context.Log.Warning(warning);
        return data;
    }
}
