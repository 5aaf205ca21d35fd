using Cellcast.AnnData;

namespace Cellcast.Cli.Hosting;

/// <summary>The folder of results of one run. Locked against a second run; results are collected in a hidden folder inside it and moved
/// to their names when the run succeeds, so that a run that fails leaves its log and what it can be resumed from, and no result at all.
/// Files of an earlier run are replaced or, with <c>--overwrite</c>, removed only then.</summary>
internal sealed class RunDirectory : IDisposable
{
    /// <summary>Names of the folders inside: where results are collected, and what a run can be resumed from.</summary>
    internal const string StagingName = ".cellcast-partial", CheckpointName = "checkpoint";

    private const string LockName = ".cellcast-lock", LogName = "run.log";

    private readonly FileStream _lock;
    private readonly List<RunManifest.Move> _adopted = [];
    private readonly List<string> _created;
    private readonly RunLog _log;
    private readonly string _command;
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly RunManifest? _previous;
    private readonly bool _overwrite;
    private bool _begun, _finished, _forgotten, _placing;

    private RunDirectory(string path, string command, IReadOnlyDictionary<string, string> settings, bool overwrite, bool resume, RunLog log, FileStream lockFile, List<string> created)
    {
        FullPath = path;
        _command = command;
        _settings = settings;
        _overwrite = overwrite;
        _log = log;
        _lock = lockFile;
        _created = created;
        _previous = RunManifest.Read(path);
        IsResumed = resume && _previous is not null;
    }

    /// <summary>The folder.</summary>
    internal string FullPath { get; }

    /// <summary><c>--resume</c> was given and there is an earlier run of this command to continue.</summary>
    internal bool IsResumed { get; }

    /// <summary>The earlier run that is resumed had ended with success: nothing is left to do.</summary>
    internal bool IsComplete => IsResumed && _previous!.Status == RunManifest.Done;

    /// <summary>Folder for states that <c>--resume</c> continues from: survives a failure, removed with success. Created here.</summary>
    internal string CheckpointFolder
    {
        get
        {
            Begin();
            return Directory.CreateDirectory(Path.Combine(FullPath, CheckpointName)).FullName;
        }
    }

    /// <summary>Something that <c>--resume</c> can continue from has been kept.</summary>
    internal bool HasCheckpoint
    {
        get
        {
            string folder = Path.Combine(FullPath, CheckpointName);
            return Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Any();
        }
    }

    /// <summary>Where to write a result; it gets its name when the run succeeds.</summary>
    /// <param name="name">Name relative to the folder, with <c>/</c> between folders.</param>
    internal string File(string name)
    {
        Begin();
        string path = Path.Combine(FullPath, StagingName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>A text in which results have the names that the user knows.</summary>
    internal static string WithFinalNames(string text) => text.Replace(Path.DirectorySeparatorChar + StagingName, "", StringComparison.Ordinal);

    /// <summary>Where a folder of results is collected; as <see cref="File"/>.</summary>
    internal string Folder(string name) => Directory.CreateDirectory(File(name)).FullName;

    /// <summary>Makes a folder inside <see cref="CheckpointFolder"/> a result, together with all others: until then a run can be resumed from it.</summary>
    /// <param name="folder">Path of the folder.</param>
    /// <param name="name">Name of the result.</param>
    internal void Adopt(string folder, string name)
    {
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            _adopted.Add(new(Path.GetRelativePath(FullPath, file), Path.Combine(name, Path.GetRelativePath(folder, file))));
    }

    /// <summary>Opens and locks the folder; creates it where it does not exist. Nothing else is written before <see cref="Begin"/>.</summary>
    /// <param name="path">Where.</param>
    /// <param name="command">Full name of the command.</param>
    /// <param name="settings">What decides its result, compared when it is resumed.</param>
    /// <param name="log">Gets its file here.</param>
    /// <param name="overwrite">Earlier results may be replaced.</param>
    /// <param name="resume">Continue an earlier run; null for commands that cannot.</param>
    /// <exception cref="UsageException">It holds files and neither <c>--overwrite</c> nor <c>--resume</c> was given, it is a file, or another run is in it.</exception>
    internal static RunDirectory Open(string path, string command, IReadOnlyDictionary<string, string> settings, RunLog log, bool overwrite, bool? resume)
    {
        if (path.Length == 0) throw new UsageException("--out is empty: name a folder.");
        if (overwrite && resume == true) throw new UsageException("--overwrite and --resume exclude each other: give one of them.");
        path = Path.GetFullPath(path);
        if (System.IO.File.Exists(path)) throw new UsageException($"'{path}' is a file: --out takes a folder.");
        bool settled = Settle(path, log);
        if (Directory.Exists(path) && !overwrite && resume != true && Entries(path).Any())
            throw new UsageException(settled
                ? $"the run in '{path}' was killed when all its results were made: they have been put in place now; to replace them give --overwrite."
                : resume is false && RunManifest.Read(path) is { Status: not RunManifest.Done }
                ? $"the output folder '{path}' holds an unfinished run: continue it with --resume, replace it with --overwrite, or choose another folder."
                : $"the output folder '{path}' is not empty: choose another one or give --overwrite.");
        var created = CreateFolders(path);
        try
        {
            var lockFile = Lock(path);
            var directory = new RunDirectory(path, command, settings, overwrite, resume == true, log, lockFile, created);
            if (resume == true && directory.WhyNotResumable() is { } reason)
            {
                directory.Dispose();
                throw new UsageException(reason);
            }
            return directory;
        }
        catch
        {
            RemoveFolders(created);
            throw;
        }
    }

    private string? WhyNotResumable()
    {
        if (_previous is null)
            return Entries(FullPath).Any() ? $"'{FullPath}' holds files but no run that could be resumed: choose another folder." : null;
        if (_previous.Command != _command)
            return $"the run in '{FullPath}' is of '{_previous.Command}': '{_command}' cannot resume it.";
        foreach (var (name, value) in _settings)
        {
            string before = _previous.Settings?.GetValueOrDefault(name) ?? "";
            if (before != value)
                return $"{name} was '{before}' when the run in '{FullPath}' began and is '{value}' now: resume with the same options, or start anew with --overwrite.";
        }
        return null;
    }

    /// <summary>To be called when the inputs have been read and found good; from here on a failure leaves <c>run.log</c>. Called by itself by the first result.</summary>
    internal void Begin()
    {
        if (_begun) return;
        _begun = true;
        DeleteFolder(Path.Combine(FullPath, StagingName));
        if (!IsResumed) DeleteFolder(Path.Combine(FullPath, CheckpointName));
        // Before anything that a user sees: a run that is killed here can be resumed as at any later moment.
        if (!IsComplete) new RunManifest(_command, CommandHost.Version, RunManifest.Running, _settings, _previous?.Files ?? []).Write(FullPath);
        _log.OpenFile(Path.Combine(FullPath, LogName), append: IsResumed);
    }

    /// <summary>Moves the results to their names and removes what an earlier run left and this one does not replace: all of it, even if the run is killed now (<see cref="ResultPlacement"/>).</summary>
    internal void Commit()
    {
        Begin();
        string staging = Path.Combine(FullPath, StagingName);
        var moves = new List<RunManifest.Move>();
        if (Directory.Exists(staging))
            foreach (string source in Directory.EnumerateFiles(staging, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
                moves.Add(new(Path.GetRelativePath(FullPath, source), Path.GetRelativePath(staging, source)));
        moves.AddRange(_adopted);
        if (IsComplete && moves.Count == 0)
        {
            DeleteFolder(staging);
            _finished = true;
            return;
        }
        string[] files = [.. moves.Select(m => m.To)], before = [.. _previous?.Files ?? []];
        // What a resumed run had not yet replaced when it was interrupted was to be overwritten.
        string[] stale = _overwrite || (IsResumed && !IsComplete) ? [.. before.Except(files)] : [];
        var plan = new RunManifest(_command, CommandHost.Version, RunManifest.Placing, _settings, [.. files, .. IsComplete ? before.Except(files) : []], moves, stale);
        ResultPlacement.Check(FullPath, plan);
        plan.Write(FullPath);
        _placing = true;
        try { ResultPlacement.Complete(FullPath, plan, _log); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OutputException($"not all results could be put in place ({e.Message.TrimEnd('.')}): put that right and give the same command line again (with --resume, where the command has that), which does the rest at once.", e);
        }
        _finished = true;
    }

    /// <summary>To be called when a run ends because of what it was given: if there is nothing to resume and no earlier run, not even its log stays.</summary>
    internal void Forget() => _forgotten = _begun && _previous is null && !HasCheckpoint;

    /// <summary>Unlocks. Without <see cref="Commit"/> nothing but log and checkpoint stays; before <see cref="Begin"/> nothing at all.</summary>
    public void Dispose()
    {
        if (!_finished && _begun && !_placing) DeleteFolder(Path.Combine(FullPath, StagingName));
        if (_forgotten)
        {
            DeleteFolder(Path.Combine(FullPath, CheckpointName));
            foreach (string name in (string[])[RunManifest.FileName, LogName]) System.IO.File.Delete(Path.Combine(FullPath, name));
        }
        Unlock(_lock);
        _lock.Dispose();
        if (!_begun || _forgotten) RemoveFolders(_created);
    }

    /// <summary>Full name of the command whose run is in a folder; null where there is none.</summary>
    internal static string? CommandIn(string path) => Directory.Exists(path) ? RunManifest.Read(path)?.Command : null;

    /// <summary>What is in a folder, without what a run that was killed at once may leave.</summary>
    private static IEnumerable<string> Entries(string path) =>
        Directory.EnumerateFileSystemEntries(path).Where(e => Path.GetFileName(e) is not (LockName or StagingName or RunManifest.UnfinishedName));

    /// <summary>Completes what a run was killed in: putting its results in place.</summary>
    /// <returns>Whether there was such a run.</returns>
    private static bool Settle(string path, RunLog log)
    {
        if (RunManifest.Read(path) is not { Status: RunManifest.Placing }) return false;
        using FileStream held = Lock(path);
        try
        {
            // Whoever held the lock may have done it meanwhile.
            if (RunManifest.Read(path) is not { Status: RunManifest.Placing } plan) return false;
            bool complete = ResultPlacement.Complete(path, plan, log);
            if (complete) log.Info($"the run in '{path}' was killed when all its results were made: they are in place now.");
            else log.Warning($"the run in '{path}' was killed when all its results were made, and some of them have been removed since: it is treated as unfinished.");
            return complete;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OutputException($"the results of an earlier run in '{path}' could not be put in place ({e.Message.TrimEnd('.')}): put that right, or choose another folder with --out.", e);
        }
        finally { Unlock(held); }
    }

    private static void Unlock(FileStream held)
    {
        // Deleted while still locked: whoever opened it meanwhile finds the name gone and tries again.
        try { System.IO.File.Delete(held.Name); }
        catch (IOException) { }
    }

    private static FileStream Lock(string folder)
    {
        string path = Path.Combine(folder, LockName);
        for (int attempt = 0; ; attempt++)
        {
            FileStream stream;
            try { stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None); }
            catch (IOException e) when (IsSharingViolation(e))
            {
                throw new UsageException($"another run is working in '{folder}': wait for it or choose another folder.");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new OutputException($"the output folder '{folder}' cannot be written ({e.Message.TrimEnd('.')}): choose another place with --out.", e);
            }
            if (System.IO.File.Exists(path) || attempt > 100) return stream;
            stream.Dispose();
        }
    }

    // EAGAIN on Linux, EWOULDBLOCK (35) on macOS, ERROR_SHARING_VIOLATION on Windows.
    private static bool IsSharingViolation(IOException e) => e.HResult is 11 or 35 or unchecked((int)0x80070020);

    private static List<string> CreateFolders(string path)
    {
        var missing = new Stack<string>();
        for (string? p = path; p is not null && !Directory.Exists(p); p = Path.GetDirectoryName(p)) missing.Push(p);
        var created = new List<string>();
        try
        {
            while (missing.TryPop(out string? p))
            {
                Directory.CreateDirectory(p);
                created.Add(p);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            RemoveFolders(created);
            // On a file system that takes no new folders (/proc) this is a FileNotFoundException: it is about the output all the same.
            throw new OutputException($"the output folder '{path}' cannot be created ({e.Message.TrimEnd('.')}): choose another place with --out.", e);
        }
        return created;
    }

    /// <summary>Removes folders that this run created, innermost first, as far as they are empty.</summary>
    private static void RemoveFolders(List<string> created)
    {
        for (int i = created.Count - 1; i >= 0; i--)
        {
            try { Directory.Delete(created[i]); }
            catch (IOException) { return; }
        }
    }

    private static void DeleteFolder(string path)
    {
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
    }
}
