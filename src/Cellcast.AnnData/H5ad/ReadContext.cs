using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>One reading: the file for messages, the options, what was left out so far.</summary>
internal sealed class ReadContext(string file, H5adReadOptions options)
{
    /// <summary>Hard links can make a group its own grandchild.</summary>
    private const int MaximalDepth = 64;

    private int _depth;

    internal string File => file;

    internal H5adReadOptions Options => options;

    internal int Threads => options.Threads;

    /// <summary>Whether a matrix is to stay in the file.</summary>
    internal bool Streams(string key) => options.Stream && (key is "X" or "raw/X" or "raw.X" || key.StartsWith("layers/", StringComparison.Ordinal));

    internal List<string> Warnings { get; } = [];

    internal void Warn(string key, string what) => Warnings.Add($"'{file}': '{key}' {what}.");

    internal InputException Error(string key, string problem, Exception? inner = null)
    {
        string message = $"'{file}': '{key}' {problem}.";
        return inner is null ? new InputException(message) : new InputException(message, inner);
    }

    /// <summary>Runs a reading step; whatever HDF5 or a constructor objects to becomes an error that names file and key.</summary>
    internal T At<T>(string key, Func<T> read)
    {
        if (++_depth > MaximalDepth) throw Error(key, "is nested too deeply");
        try { return read(); }
        catch (Hdf5Exception e) { throw Error(key, $"could not be read: {e.Message}", e); }
        catch (ArgumentException e) { throw Error(key, $"is damaged: {e.Message}", e); }
        catch (OverflowException e) { throw Error(key, "is damaged: a number in it is out of range", e); }
        finally { _depth--; }
    }
}
