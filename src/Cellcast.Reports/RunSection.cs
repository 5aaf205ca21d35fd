namespace Cellcast.Reports;

/// <summary>What was run.</summary>
public sealed record RunSection
{
    /// <summary>The command line.</summary>
    public string? Command { get; init; }

    /// <summary>Versions, seed, sizes, durations.</summary>
    public IReadOnlyList<Fact> Facts { get; init; } = [];

    /// <summary>All options and their values.</summary>
    public IReadOnlyList<Fact> Options { get; init; } = [];

    /// <summary>Files.</summary>
    public IReadOnlyList<FileRecord> Files { get; init; } = [];

    /// <summary>Warnings.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Lines of the log.</summary>
    public IReadOnlyList<string> Log { get; init; } = [];
}

/// <summary>A name and its value.</summary>
public sealed record Fact(string Label, string Value);

/// <summary>A file that was read or written.</summary>
/// <param name="Role">What it was for.</param>
/// <param name="Name">Its name without folders that tell of the machine.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Its SHA-256 in hexadecimal digits.</param>
/// <param name="Note">Why there is no hash.</param>
public sealed record FileRecord(string Role, string Name, long? Bytes, string? Sha256, string? Note = null);
