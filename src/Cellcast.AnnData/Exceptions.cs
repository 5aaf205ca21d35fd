namespace Cellcast.AnnData;

/// <summary>Bad input: the message is one sentence that names the file, the slot and the row, and says what to do. Exit code 3 of the command line.</summary>
public sealed class InputException : Exception
{
    /// <param name="message">One sentence for the user.</param>
    public InputException(string message) : base(message) { }

    /// <param name="message">One sentence for the user.</param>
    /// <param name="inner">What was caught.</param>
    public InputException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>A result could not be written (disk full, read-only, no permission): one sentence for the user. Exit code 5 of the command line.</summary>
public sealed class OutputException : Exception
{
    /// <param name="message">One sentence for the user.</param>
    public OutputException(string message) : base(message) { }

    /// <param name="message">One sentence for the user.</param>
    /// <param name="inner">What was caught.</param>
    public OutputException(string message, Exception inner) : base(message, inner) { }

    /// <summary>The sentence for a failed write of <paramref name="path"/>.</summary>
    internal static OutputException For(string path, Exception cause)
    {
        const int DiskFull = 28, DiskFullWindows = unchecked((int)0x80070070), HandleDiskFull = unchecked((int)0x80070027), ReadOnlyFileSystem = 30, QuotaExceeded = 122;
        string reason = cause switch
        {
            UnauthorizedAccessException => "there is no permission to write there",
            DirectoryNotFoundException => "its folder does not exist and could not be created",
            PathTooLongException => "the path is too long",
            IOException { HResult: DiskFull or DiskFullWindows or HandleDiskFull } => "the disk is full",
            IOException { HResult: ReadOnlyFileSystem } => "the file system is read-only",
            IOException { HResult: QuotaExceeded } => "the disk quota is used up",
            _ => cause.Message.TrimEnd('.'),
        };
        return new OutputException($"'{path}' could not be written: {reason}; nothing was left half written.", cause);
    }
}
