using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>One reading: the file for messages, the options, what was left out so far.</summary>
internal sealed class ReadContext(string file, H5adReadOptions options)
{
    private const int MaximalDepth = 64;

    private int _depth;

    internal string File => file;

    internal H5adReadOptions Options => options;

    internal int Threads => options.Threads;

    /// <summary>Whether a matrix is to stay in the file.</summary>
    internal bool Streams(string key) => options.Stream && (key is "X" or "raw/X" or "raw.X" || key.StartsWith("layers/", StringComparison.Ordinal));

    private readonly HashSet<(string, ulong)> _within = [];

    /// <summary>Reads the entries of a group; a link below it that leads back to it is broken.</summary>
    internal T Within<T>(H5Group group, Func<T> read)
    {
        var identity = group.Identity();
        if (!_within.Add(identity)) throw new BrokenLinkException("is a link to a group that it is in itself");
        try { return read(); }
        finally { _within.Remove(identity); }
    }

    /// <summary>Reads what nobody needs, an entry of <c>uns</c>: left out with a warning where it is, or holds, a link to nothing.</summary>
    internal T? Dispensable<T>(string key, Func<T?> read) where T : class
    {
        try { return read(); }
        catch (InputException e) when (!options.Strict && key.Split('/').Contains("uns") && e.InnerException is BrokenLinkException link)
        {
            Warn(key, (link.Key == key ? link.Message : $"holds '{link.Key}', which {link.Message},") + " and was left out");
            return null;
        }
    }

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
        catch (BrokenLinkException e)
        {
            e.Key = key;
            throw Error(key, e.Message, e);
        }
        catch (Hdf5Exception e) { throw Error(key, $"could not be read: {e.Message}", e); }
        catch (ArgumentException e) { throw Error(key, $"is damaged: {e.Message}", e); }
        catch (OverflowException e) { throw Error(key, "is damaged: a number in it is out of range", e); }
        finally { _depth--; }
    }
}
