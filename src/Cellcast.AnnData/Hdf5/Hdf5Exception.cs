namespace Cellcast.AnnData.Hdf5;

/// <summary>The HDF5 library refused something, or a file holds what it must not. Callers add file and key and rethrow for the user.</summary>
internal class Hdf5Exception : Exception
{
    internal Hdf5Exception(string message) : base(message) { }

    internal Hdf5Exception(string message, Exception inner) : base(message, inner) { }

    /// <summary>The library's own words, outermost first, when it said something.</summary>
    internal IReadOnlyList<string> Stack { get; init; } = [];

    /// <summary>Whether the library's words contain a phrase.</summary>
    internal bool Says(string phrase) => Stack.Any(s => s.Contains(phrase, StringComparison.OrdinalIgnoreCase));
}

/// <summary>A name that leads to no object, or back to a group that it is in: the message goes on after the key. What nobody needs may be left out for it.</summary>
internal sealed class BrokenLinkException : Hdf5Exception
{
    internal BrokenLinkException(string message) : base(message) { }

    internal BrokenLinkException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Where the link stands, once that is known.</summary>
    internal string? Key { get; set; }
}
