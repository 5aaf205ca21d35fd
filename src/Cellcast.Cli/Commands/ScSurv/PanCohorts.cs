using System.CommandLine;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Hosting;
using Cellcast.Cli.Progress;

namespace Cellcast.Cli.Commands.ScSurv;

/// <summary>A cohort of <c>scsurv pan</c>: a finished fit, or what to fit.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Folder">Folder of the finished fit; null where it has to be fitted.</param>
/// <param name="Arguments">Options of <c>scsurv fit</c> otherwise.</param>
internal sealed record PanCohort(string Name, string? Folder, IReadOnlyList<string> Arguments);

/// <summary>Reads which cohorts there are, and fits those that need it.</summary>
internal static class PanCohorts
{
    /// <summary>Where the fits of a table are: in the folder of results, and before the run has succeeded among what it can be resumed from.</summary>
    internal const string FitsFolder = "fits";

    private static readonly string[] s_files = ["reference", "bulk", "spatial"];

    /// <summary>Fits named on the command line: <c>DIR</c> or <c>NAME=DIR</c>.</summary>
    internal static IEnumerable<PanCohort> OfFolders(IEnumerable<string> folders) => folders.Select(given =>
    {
        int equals = given.IndexOf('=');
        bool named = equals > 0 && !Directory.Exists(given);
        string folder = named ? given[(equals + 1)..] : given;
        return new PanCohort(named ? given[..equals] : Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), folder, []);
    });

    /// <summary>Cohorts of a table: column <c>cohort</c>, and <c>fit</c> with a finished fit or <c>reference</c> and <c>bulk</c>; further columns are options of <c>scsurv fit</c>.</summary>
    internal static IEnumerable<PanCohort> OfTable(string path)
    {
        TextTable table = TextTable.Read(path);
        string[] names = table.Require("cohort");
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var fit = new ScSurvFitCommand();
        foreach (string column in table.Header)
            if (column is not ("cohort" or "fit") && (OptionOf(fit, column) is not { } option || option == fit.OutOption || option == fit.Overwrite || option == fit.Resume || option == fit.Json || option == fit.Quiet))
                throw new InputException($"'{path}': the column '{column}' is no option of 'cellcast scsurv fit'; columns are cohort, fit, and options such as reference, bulk, batch, label, time, event, covariates.");
        for (int r = 0; r < table.Rows; r++)
        {
            string Cell(string column) => table.Find(column)?[r] ?? "";
            string At(string file) => Path.GetFullPath(file, folder);
            if (names[r].Length == 0) throw new InputException($"'{path}': row {r + 1} has no cohort; name it.");
            if (Cell("fit").Length > 0)
            {
                if (table.Header.FirstOrDefault(h => h is not ("cohort" or "fit") && Cell(h).Length > 0) is { } extra)
                    throw new InputException($"'{path}': row {r + 1} names a finished fit and has '{Cell(extra)}' under '{extra}', which would not be used; leave one of them empty.");
                yield return new PanCohort(names[r], At(Cell("fit")), []);
                continue;
            }
            foreach (string needed in (string[])["reference", "bulk"])
                if (Cell(needed).Length == 0) throw new InputException($"'{path}': row {r + 1} (cohort '{names[r]}') has neither a finished fit nor a {needed}; fill in column 'fit', or 'reference' and 'bulk'.");
            if (Cell("method") == "published") throw new InputException($"'{path}': row {r + 1} (cohort '{names[r]}') asks for the published method, which has no standard errors to put cohorts together by; leave the method out.");
            var arguments = new List<string>();
            foreach (string column in table.Header)
            {
                string value = Cell(column);
                if (column is "cohort" or "fit" || value.Length == 0) continue;
                bool flag = OptionOf(fit, column) is Option<bool>;
                if (flag && bool.TryParse(value, out bool on) && !on) continue;
                arguments.Add("--" + column);
                if (!flag) arguments.Add(s_files.Contains(column) ? At(value) : value);
            }
            var parsed = fit.Parse([.. arguments, "--out", "x"]);
            if (parsed.Errors.Count > 0) throw new InputException($"'{path}': row {r + 1} (cohort '{names[r]}'): {parsed.Errors[0].Message.TrimEnd('.')}.");
            if (NumberOptions.Problem(parsed, fit) is { } problem) throw new InputException($"'{path}': row {r + 1} (cohort '{names[r]}'): {problem}");
            foreach (string file in s_files)
                if (Cell(file).Length > 0 && !File.Exists(At(Cell(file))) && !Directory.Exists(At(Cell(file)))) throw new InputException($"'{path}': row {r + 1} (cohort '{names[r]}'): there is no file '{At(Cell(file))}'.");
            yield return new PanCohort(names[r], null, arguments);
        }

        static Option? OptionOf(Command command, string name) => command.Options.FirstOrDefault(o => o.Name == "--" + name);
    }

    /// <summary>Fits a cohort into a folder of its own, as <c>scsurv fit</c> does; goes on where an earlier run ended, and leaves a finished one alone.</summary>
    /// <returns>The folder.</returns>
    internal static string Fit(CommandContext context, PanCohort cohort)
    {
        string folder = Path.Combine(context.Directory.CheckpointFolder, FitsFolder, cohort.Name);
        var fit = new ScSurvFitCommand();
        string[] own = cohort.Arguments.Contains("--seed") ? [] : ["--seed", context.Seed.ToString(System.Globalization.CultureInfo.InvariantCulture)];
        string[] threads = cohort.Arguments.Contains("--threads") ? [] : ["--threads", context.Threads.ToString(System.Globalization.CultureInfo.InvariantCulture)];
        bool quiet = context.Arguments.GetValue(context.Command.Quiet);
        ParseResult parsed = fit.Parse([.. cohort.Arguments, .. own, .. threads, "--out", folder, "--resume", .. quiet ? (string[])["--quiet"] : []]);
        context.Log.Info($"cohort {cohort.Name}");
        using var log = new RunLog(quiet);
        using var progress = new ProgressDisplay(log, quiet);
        using RunDirectory directory = RunDirectory.Open(folder, "scsurv fit", fit.Settings(parsed), log, overwrite: false, resume: true);
        fit.Run(new CommandContext(fit, parsed, directory, log, progress, context.Cancellation));
        progress.Dispose();
        directory.Commit();
        return folder;
    }

    /// <summary>Makes the fits results of the run, which get their places together with all others.</summary>
    internal static void Publish(RunDirectory directory)
    {
        string fits = Path.Combine(directory.CheckpointFolder, FitsFolder);
        if (Directory.Exists(fits)) directory.Adopt(fits, FitsFolder);
    }
}
