using System.CommandLine;
using System.Globalization;
using Cellcast.AnnData;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary>What the commands for cell vectors share.</summary>
internal static class ScRobustOptions
{
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

    /// <summary>Which genes of a cell come first.</summary>
    internal static ChoiceOption<GeneRanking> Order(GeneRanking initial) =>
        new("--order", "Which genes of a cell come first: the rarest (hug), the most variable (hvg), or at random.", initial, ("hug", GeneRanking.Hug), ("hvg", GeneRanking.Hvg), ("random", GeneRanking.Random));

    /// <summary>An option that is true, false, or left out.</summary>
    internal static ChoiceOption<bool?> YesOrNo(string name, string description) => new(name, description, ("true", true), ("false", false));

    /// <summary>The shares in a text, ascending; null where it holds something else.</summary>
    internal static double[]? Shares(string? text)
    {
        if (string.IsNullOrEmpty(text)) return [];
        var shares = new SortedSet<double>();
        foreach (string part in text.Split(','))
            if (NumberOptions.TryParse(part, out double x) && x is > 0 and < 1) shares.Add(x);
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
