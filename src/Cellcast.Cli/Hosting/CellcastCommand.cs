using System.CommandLine;

namespace Cellcast.Cli.Hosting;

/// <summary>What a command leaves behind, which decides the options it has.</summary>
internal enum OutputKind
{
    /// <summary>Only what it prints.</summary>
    None,

    /// <summary>One file; the command adds its own argument or option and calls <see cref="CommandContext.CheckOutputFile"/>.</summary>
    File,

    /// <summary>A folder of results, <c>--out DIR</c>.</summary>
    Folder,

    /// <summary>As <see cref="Folder"/>, and the work can be continued with <c>--resume</c>.</summary>
    ResumableFolder,
}

/// <summary>A command of the command line. A subclass adds its own arguments and options in its constructor and does its work in
/// <see cref="Run"/>; everything that commands share is here and in <see cref="CommandHost"/>.</summary>
internal abstract class CellcastCommand : Command
{
    private readonly List<(string Line, string Explanation)> _examples = [];

    protected CellcastCommand(string name, string description, OutputKind output = OutputKind.None, bool usesSeed = false, string? defaultFolder = null)
        : base(name, description)
    {
        Output = output;
        if (output is OutputKind.Folder or OutputKind.ResumableFolder)
        {
            OutOption = new Option<string>("--out", "-o") { Description = "Folder for the results: new or empty.", HelpName = "DIR" };
            if (defaultFolder is null) OutOption.Required = true;
            else OutOption.DefaultValueFactory = _ => defaultFolder;
            Options.Add(OutOption);
        }
        if (output != OutputKind.None) Options.Add(Overwrite);
        if (output == OutputKind.ResumableFolder) Options.Add(Resume);
        if (usesSeed) Options.Add(Seed);
        Options.Add(Threads);
        Options.Add(Quiet);
        Options.Add(Json);
        SetAction(result => CommandHost.Invoke(this, result));
    }

    internal OutputKind Output { get; }

    /// <summary>Lines shown below the help text.</summary>
    internal IReadOnlyList<(string Line, string Explanation)> Examples => _examples;

    internal Option<string>? OutOption { get; }

    internal Option<bool> Overwrite { get; } = new("--overwrite") { Description = "Replace earlier results." };

    internal Option<bool> Resume { get; } = new("--resume") { Description = "Continue an interrupted run in the same folder." };

    internal Option<long> Seed { get; } = new("--seed") { Description = "Seed of all random numbers: same seed, same bytes, for any number of threads.", DefaultValueFactory = _ => 0, HelpName = "N" };

    internal Option<int> Threads { get; } = CreateThreads();

    internal Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "No log and no progress on standard error; warnings and errors stay." };

    internal Option<bool> Json { get; } = new("--json") { Description = "End standard output with one line of JSON that says how it went." };

    /// <summary>The command may run again in the folder of its own earlier run without being told to overwrite.</summary>
    protected internal virtual bool ReplacesItsOwnResults => false;

    /// <summary>An option of the command itself that, like <c>--threads</c>, does not decide what is computed; null when there is none.</summary>
    protected internal virtual Option? DecidesNothing => null;

    /// <summary>Does the work. Throws to fail: <see cref="Failure"/> turns the exception into an exit code and a sentence.</summary>
    protected internal abstract void Run(CommandContext context);

    /// <summary>For the help text: what a command does of its own comes first.</summary>
    internal void MoveCommonOptionsLast()
    {
        foreach (var option in new Option?[] { OutOption, Overwrite, Resume, Seed, Threads, Quiet, Json })
            if (option is not null && Options.Remove(option)) Options.Add(option);
    }

    /// <summary>Adds an example to the help text.</summary>
    protected void AddExample(string line, string explanation) => _examples.Add((line, explanation));

    /// <summary>The values that decide what this run computes, by option or argument: a resumed run must have the same.</summary>
    internal IReadOnlyDictionary<string, string> Settings(ParseResult arguments)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var option in Options)
        {
            if (option == OutOption || option == Overwrite || option == Resume || option == Threads || option == Quiet || option == Json || option == DecidesNothing || option is System.CommandLine.Help.HelpOption) continue;
            var result = arguments.GetResult(option);
            string value = result is { Implicit: false }
                ? result.Tokens.Count == 0 ? "true" : string.Join(' ', result.Tokens.Select(t => NamesFile(option) ? FullPathIfFile(t.Value) : t.Value))
                : option.HasDefaultValue ? Convert.ToString(option.GetDefaultValue(), System.Globalization.CultureInfo.InvariantCulture) ?? "" : "";
            settings[option.Name] = value;
        }
        foreach (var argument in Arguments)
            settings[argument.Name] = string.Join(' ', arguments.GetResult(argument)?.Tokens.Select(t => NamedFullPath(t.Value)) ?? []);
        return settings;

        // A column may be called like a folder that happens to be there.
        static bool NamesFile(Option option) => option.HelpName is { } help && (help.StartsWith("FILE", StringComparison.Ordinal) || help.StartsWith("DIR", StringComparison.Ordinal));

        // So that a run can be resumed from another working folder.
        static string FullPathIfFile(string value) => File.Exists(value) || Directory.Exists(value) ? Path.GetFullPath(value) : value;

        // DIR or NAME=DIR.
        static string NamedFullPath(string value) => FullPathIfFile(value) is var path && path == value && value.IndexOf('=') is > 0 and var at ? value[..(at + 1)] + FullPathIfFile(value[(at + 1)..]) : path;
    }

    /// <summary>Everything on the command line that may name a file or folder to read.</summary>
    internal IEnumerable<string> MayBeRead(ParseResult arguments)
    {
        foreach (string given in Options.Where(o => o != OutOption).SelectMany(o => arguments.GetResult(o)?.Tokens ?? []).Concat(Arguments.SelectMany(x => arguments.GetResult(x)?.Tokens ?? [])).Select(t => t.Value))
        {
            yield return given;
            // NAME=DIR
            if (given.IndexOf('=') is > 0 and var at) yield return given[(at + 1)..];
        }
    }

    private static Option<int> CreateThreads()
    {
        var option = new Option<int>("--threads", "-t")
        {
            Description = "Threads to compute with; results do not depend on it.",
            HelpName = "N",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && (!int.TryParse(result.Tokens[0].Value, out int n) || n is < 1 or > 1024))
                result.AddError($"--threads takes a whole number from 1 to 1024, not '{result.Tokens[0].Value}'.");
        });
        return option;
    }
}
