using Cellcast.AnnData;

namespace Cellcast.Cli.Hosting;

/// <summary>
/// Puts the results of a run in their places, all of them or none. No file system renames many files at once, so what is to be done is written into the folder's manifest first:
/// from then on the new results count. Whoever opens the folder next completes what a kill or a power cut interrupted; whoever only reads it is told.
/// </summary>
internal static class ResultPlacement
{
    /// <summary>Refuses what cannot work, before anything has changed.</summary>
    /// <exception cref="OutputException">Something that is not an earlier result stands where a result shall be.</exception>
    internal static void Check(string folder, RunManifest plan)
    {
        var stale = (plan.Stale ?? []).ToHashSet(StringComparer.Ordinal);
        foreach (RunManifest.Move move in plan.Moves ?? [])
        {
            string target = Inside(folder, move.To);
            if (Directory.Exists(target) && Directory.EnumerateFiles(target, "*", SearchOption.AllDirectories).Any(f => !stale.Contains(Path.GetRelativePath(folder, f))))
                throw new OutputException($"the results cannot be put in place: '{target}' is a folder and would become a file; move it away, or choose another place with --out.");
            for (string? parent = Path.GetDirectoryName(target); parent is not null && parent.Length > folder.Length; parent = Path.GetDirectoryName(parent))
                if (File.Exists(parent) && !stale.Contains(Path.GetRelativePath(folder, parent)))
                    throw new OutputException($"the results cannot be put in place: '{parent}' is a file and would become a folder; move it away, or choose another place with --out.");
        }
    }

    /// <summary>Does, or completes, what a manifest plans, and records that it is done.</summary>
    /// <param name="folder">The folder of results, locked.</param>
    /// <param name="plan">Its manifest, already written.</param>
    /// <param name="log">Is told of every file.</param>
    /// <returns>Whether all results are there; a planned file may have been removed while nobody was looking.</returns>
    internal static bool Complete(string folder, RunManifest plan, RunLog log)
    {
        // Before the moves: a folder may take the place of an earlier file, and the other way round.
        foreach (string stale in plan.Stale ?? []) Remove(folder, stale);
        bool complete = true;
        foreach (RunManifest.Move move in plan.Moves ?? [])
        {
            string source = Inside(folder, move.From), target = Inside(folder, move.To);
            log.Detail($"putting {move.To} in its place.");
            if (File.Exists(source))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                if (Directory.Exists(target)) Directory.Delete(target, recursive: true); // only empty folders are left in it
                File.Move(source, target, overwrite: true);
            }
            else if (!File.Exists(target)) complete = false;
        }
        foreach (string leftover in (string[])[RunDirectory.StagingName, RunDirectory.CheckpointName])
            if (Directory.Exists(Path.Combine(folder, leftover))) Directory.Delete(Path.Combine(folder, leftover), recursive: true);
        (plan with { Status = complete ? RunManifest.Done : RunManifest.Running, Moves = null, Stale = null }).Write(folder);
        return complete;
    }

    /// <summary>Refuses to read from a folder whose results are a mixture of two runs.</summary>
    /// <param name="path">A file or folder that is about to be read.</param>
    /// <exception cref="InputException">It is in a folder of results in which a run is putting its own, or was killed while it did.</exception>
    internal static void RequireSettled(string path)
    {
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal)) return;
        for (string? folder = Path.GetFullPath(path); folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, RunManifest.FileName)) && RunManifest.Read(folder) is { Status: RunManifest.Placing } manifest)
                throw new InputException($"'{folder}' holds results of two runs: 'cellcast {manifest.Command}' is replacing them, or was killed while it did. Wait for it, or give its command line again (with --resume, where it has that): the new results are all there, and will be put in place at once.");
    }

    /// <summary>Removes an earlier result, and folders that it leaves empty.</summary>
    private static void Remove(string folder, string name)
    {
        string path = Path.GetFullPath(Path.Combine(folder, name));
        // The list comes from a file that anyone may have edited: never leave the folder.
        if (!IsInside(folder, path)) return;
        if (File.Exists(path)) File.Delete(path);
        for (string? parent = Path.GetDirectoryName(path); parent is not null && parent.Length > folder.Length; parent = Path.GetDirectoryName(parent))
        {
            if (Directory.Exists(parent) && !Directory.EnumerateFileSystemEntries(parent).Any()) Directory.Delete(parent);
        }
    }

    private static string Inside(string folder, string name)
    {
        string path = Path.GetFullPath(Path.Combine(folder, name));
        return IsInside(folder, path) ? path : throw new OutputException($"'{Path.Combine(folder, RunManifest.FileName)}' names a file outside its folder: it was edited; choose another folder with --out.");
    }

    private static bool IsInside(string folder, string path) => path.StartsWith(Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
