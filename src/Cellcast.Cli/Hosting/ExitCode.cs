namespace Cellcast.Cli.Hosting;

/// <summary>What the command line tells its caller. Part of the public contract: never renumber.</summary>
internal enum ExitCode
{
    Done = 0,

    /// <summary>A defect of Cellcast itself.</summary>
    Unexpected = 1,
    WrongUsage = 2,
    BadInput = 3,
    DidNotConverge = 4,
    OutOfMemoryOrDisk = 5,
    Interrupted = 130,
}
