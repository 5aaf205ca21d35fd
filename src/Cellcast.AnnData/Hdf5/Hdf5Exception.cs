namespace Cellcast.AnnData.Hdf5;

/// <summary>The HDF5 library refused something, or a file holds what it must not. Callers add file and key and rethrow for the user.</summary>
internal sealed class Hdf5Exception : Exception
{
    internal Hdf5Exception(string message) : base(message) { }

    internal Hdf5Exception(string message, Exception inner) : base(message, inner) { }

    /// <summary>The library's own words, outermost first, when it said something.</summary>
    internal IReadOnlyList<string> Stack { get; init; } = [];

    /// <summary>Whether the library's words contain a phrase.</summary>
    internal bool Says(string phrase) => Stack.Any(s => s.Contains(phrase, StringComparison.OrdinalIgnoreCase));
}
