using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using Cellcast.Cli.Progress;

namespace Cellcast.Cli.Hosting;

/// <summary>Parses, runs one command, reports. Nothing here knows any command.</summary>
internal static class CommandHost
{
    private static readonly System.Text.Json.JsonSerializerOptions s_json = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static string s_line = "";

    /// <summary>Version of this program, without build data.</summary>
    internal static string Version { get; } =
        (typeof(CommandHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];

    /// <summary>Whether failures show where in the program they happened.</summary>
    internal static bool IsDebug => Environment.GetEnvironmentVariable("CELLCAST_DEBUG") == "1";

    internal static int Run(RootCommand root, string[] arguments)
    {
        s_line = CommandLineText.Join(["cellcast", .. arguments]);
        foreach (var option in root.Options)
        {
            if (option is HelpOption help) help.Action = new HelpWithExamples();
            if (option is VersionOption version) version.Action = new PrintVersion();
        }
        foreach (var command in root.Subcommands) MoveCommonOptionsLast(command);
        var result = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        bool json = arguments.Contains("--json");
        try
        {
            if (result.Action is ParseErrorAction) return Finish(WrongUsage(result), json, null, []);
            // Signals and exceptions are handled here, not by the parser library.
            int code = result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
            Console.Out.Flush();
            return code;
        }
        catch (Exception e)
        {
            if (IsDebug) Terminal.ErrorLine(e.ToString());
            return Finish(Failure.From(e), json: false, null, []);
        }
    }

    /// <summary>Runs one command with everything it needs around it.</summary>
    internal static int Invoke(CellcastCommand command, ParseResult arguments)
    {
        long start = Stopwatch.GetTimestamp();
        bool quiet = arguments.GetValue(command.Quiet), json = arguments.GetValue(command.Json);
        using var hold = new HoldPoint();
        using var log = new RunLog(quiet, hold);
        using var progress = new ProgressDisplay(log, quiet, hold);
        using var interruption = new Interruption(() => log.Warning("stopping at the next safe point; press Ctrl-C again to kill."));
        using var release = interruption.Token.Register(hold.Release);
        RunDirectory? directory = null;
        Failure? failure = null;
        JsonObject values = [];
        bool resumable = false;
        try
        {
            log.Detail($"cellcast {Version}: {s_line}");
            if (NumberOptions.Problem(arguments, command) is { } problem) throw new UsageException(problem);
            foreach (string given in command.MayBeRead(arguments).Where(g => File.Exists(g) || Directory.Exists(g))) ResultPlacement.RequireSettled(given);
            if (command.OutOption is not null) directory = OpenDirectory(command, arguments, log);
            var context = new CommandContext(command, arguments, directory, log, progress, interruption.Token);
            values = context.Result;
            command.Run(context);
            progress.Dispose();
            directory?.Commit();
        }
        catch (Exception e)
        {
            failure = Failure.From(e);
            failure = failure with { Sentence = RunDirectory.WithFinalNames(failure.Sentence) };
            progress.Dispose();
            resumable = directory is { HasCheckpoint: true } && command.Output == OutputKind.ResumableFolder;
            if (failure.Code == ExitCode.Interrupted && resumable)
                failure = failure with { Sentence = "interrupted: run the same command with --resume to continue." };
            if (failure.IsDefect) failure = failure with { Sentence = $"{failure.Sentence} Details: {KeepDetails(log, directory, e)}" };
            else log.Detail(e.ToString());
            if (IsDebug) Terminal.ErrorLine(e.ToString());
            if (failure.Code is ExitCode.WrongUsage or ExitCode.BadInput) directory?.Forget();
        }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var report = new JsonObject { ["command"] = FullName(command), ["version"] = Version };
        if (directory is not null && failure is null) report["out"] = directory.FullPath;
        if (failure is not null && command.Output == OutputKind.ResumableFolder) report["resumable"] = resumable;
        report["seconds"] = Math.Round(seconds, 3);
        if (failure is null)
        {
            foreach (var (key, value) in values.ToArray())
            {
                values.Remove(key);
                report[key] = value;
            }
            string took = string.Create(CultureInfo.InvariantCulture, $"done in {seconds:0.0} s");
            if (directory is null) log.Detail(took);
            else log.Info($"{took}; results are in {directory.FullPath}");
        }
        int code = Finish(failure, json, log, report);
        log.Dispose();
        directory?.Dispose();
        return code;
    }

    private static RunDirectory OpenDirectory(CellcastCommand command, ParseResult arguments, RunLog log)
    {
        string path = arguments.GetValue(command.OutOption!)!;
        bool? resume = command.Output == OutputKind.ResumableFolder ? arguments.GetValue(command.Resume) : null;
        bool overwrite = arguments.GetValue(command.Overwrite) || (command.ReplacesItsOwnResults && resume != true && RunDirectory.CommandIn(path) == FullName(command));
        return RunDirectory.Open(path, FullName(command), command.Settings(arguments), log, overwrite, resume);
    }

    /// <summary>Says how it went: a sentence on standard error where it failed, the line of JSON where it was asked for.</summary>
    private static int Finish(Failure? failure, bool json, RunLog? log, JsonObject report)
    {
        if (failure is not null)
        {
            if (log is not null) log.Error(failure.Sentence);
            else Terminal.ErrorLine("cellcast: error: " + failure.Sentence);
        }
        int code = (int)(failure?.Code ?? ExitCode.Done);
        if (!json) return code;
        var line = new JsonObject { ["status"] = failure is null ? "done" : failure.Code == ExitCode.Interrupted ? "interrupted" : "failed", ["exit_code"] = code };
        if (failure is not null) line["message"] = failure.Sentence;
        foreach (var (key, value) in report) line[key] = value?.DeepClone();
        Console.Out.WriteLine(line.ToJsonString(s_json));
        Console.Out.Flush();
        return code;
    }

    private static void MoveCommonOptionsLast(Command command)
    {
        (command as CellcastCommand)?.MoveCommonOptionsLast();
        foreach (var sub in command.Subcommands) MoveCommonOptionsLast(sub);
    }

    private static string FullName(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent and not RootCommand ? $"{parent.Name} {command.Name}" : command.Name;

    /// <summary>Writes what nobody foresaw to the log of the run, or to a temporary file where there is none.</summary>
    private static string KeepDetails(RunLog log, RunDirectory? directory, Exception exception)
    {
        string details = $"cellcast {Version}: {s_line}\n{exception}\n";
        try
        {
            directory?.Begin();
            if (log.FilePath is { } path)
            {
                log.Detail(details);
                return path;
            }
            path = Path.Combine(Path.GetTempPath(), $"cellcast-error-{Environment.ProcessId}.log");
            File.WriteAllText(path, details);
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "could not be written (" + e.Message + "); set CELLCAST_DEBUG=1 to see them here.";
        }
    }

    private static Failure WrongUsage(ParseResult result)
    {
        var command = result.CommandResult.Command;
        string message = result.Errors[0].Message.TrimEnd('.')
            .Replace("as expected type 'System.Int32'", "as a whole number", StringComparison.Ordinal)
            .Replace("as expected type 'System.Int64'", "as a whole number", StringComparison.Ordinal)
            .Replace("as expected type 'System.Double'", "as a number", StringComparison.Ordinal) + ".";
        if (result.UnmatchedTokens is [var token, ..])
        {
            message = token.StartsWith('-') ? $"there is no option '{token}'" : $"there is no command or argument '{token}' here";
            message += CommandLineText.Closest(token, command) is { } near ? $"; did you mean '{near}'?" : ".";
        }
        else if (command.Subcommands.Count > 0)
        {
            message = "a command is missing: one of " + string.Join(", ", command.Subcommands.Select(c => c.Name)) + ".";
        }
        return new Failure(ExitCode.WrongUsage, $"{message} See '{(command is RootCommand ? "cellcast" : "cellcast " + FullName(command))} --help'.");
    }

    /// <summary>The usual help, and the command's examples below it.</summary>
    private sealed class HelpWithExamples : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            new HelpAction().Invoke(parseResult);
            var output = parseResult.InvocationConfiguration.Output;
            if (parseResult.CommandResult.Command is CellcastCommand { Examples.Count: > 0 } command)
            {
                output.WriteLine("Examples:");
                foreach (var (line, explanation) in command.Examples)
                {
                    output.WriteLine("  # " + explanation);
                    output.WriteLine("  " + line);
                }
                output.WriteLine();
            }
            if (parseResult.CommandResult.Command is RootCommand)
            {
                output.WriteLine("Exit codes: 0 done, 2 wrong usage, 3 bad input, 4 did not converge or not finite,");
                output.WriteLine("  5 out of memory or disk, 130 interrupted (resumable), 1 a defect of cellcast.");
                output.WriteLine();
            }
            return (int)ExitCode.Done;
        }
    }

    private sealed class PrintVersion : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            parseResult.InvocationConfiguration.Output.WriteLine("cellcast " + Version);
            return (int)ExitCode.Done;
        }
    }
}
