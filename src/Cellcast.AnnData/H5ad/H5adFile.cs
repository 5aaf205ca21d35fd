using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>Reads and writes annotated data in HDF5 (<c>.h5ad</c>), of all eras of the format.</summary>
public static class H5adFile
{
    /// <summary>Reads a file, or one data set inside a file (<c>cohort.h5mu/mod/rna</c>).</summary>
    /// <param name="path">The file; a path that goes on inside the file names a group.</param>
    /// <param name="options">What to read; everything when left out.</param>
    /// <exception cref="InputException">The file is missing, damaged or not h5ad: the message names the file and the key.</exception>
    public static AnnotatedData Read(string path, H5adReadOptions? options = null)
    {
        return Open(path, options ?? new H5adReadOptions(), (context, group) => AnnDataReader.Read(context, group, ""));
    }

    /// <summary>Lists matrices, layers and the other elements beside the tables from their metadata, without reading them; cheap for files of any size.</summary>
    /// <param name="path">As in <see cref="Read"/>.</param>
    /// <exception cref="InputException">The file is missing, damaged or not h5ad.</exception>
    public static IReadOnlyList<H5adOutlineEntry> Outline(string path) => Open(path, H5adReadOptions.TablesOnly, H5adOutline.Of);

    private static T Open<T>(string path, H5adReadOptions options, Func<ReadContext, H5Group, T> read)
    {
        var (file, inside) = H5adSource.Split(path);
        using var h5 = H5adSource.Open(file);
        var context = new ReadContext(path, options);
        using var group = context.At(inside.Length == 0 ? "/" : inside, () => OpenGroup(h5.Root, inside));
        return context.At("/", () => group.Contains("obs") && group.Contains("var") ? read(context, group) : throw H5adSource.NotAnnData(file, group, inside));
    }

    private static H5Group OpenGroup(H5Group root, string inside)
    {
        if (inside.Length == 0) return (H5Group)root.Open("/");
        string at = "";
        foreach (string part in inside.Split('/'))
        {
            at = at.Length == 0 ? part : $"{at}/{part}";
            if (!root.Contains(at)) throw new Hdf5Exception("there is no such group in the file");
        }
        return root.Open(inside) as H5Group ?? throw new Hdf5Exception("it is no group");
    }

    /// <summary>Writes a file in the profile that every reader of the field opens; atomically, and the same bytes for the same content.</summary>
    /// <remarks>Rows of <see cref="StreamedMatrix"/> and <see cref="GeneratedArray"/> pass through block by block: memory does not grow with them.</remarks>
    /// <param name="path">The file.</param>
    /// <param name="data">What to write.</param>
    /// <param name="options">Compression and threads.</param>
    /// <param name="beforeTables">Called when all matrices per observation are written and <c>obs</c>, <c>var</c> and <c>uns</c> are not: adds what was found out while their rows were computed.</param>
    /// <returns>What could not be written as it was (names with slashes), one sentence each; usually empty.</returns>
    /// <exception cref="OutputException">The file could not be written.</exception>
    /// <exception cref="ArgumentException">Shapes in <paramref name="data"/> do not fit together.</exception>
    public static IReadOnlyList<string> Write(string path, AnnotatedData data, H5adWriteOptions? options = null, Action? beforeTables = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (data.Problem() is { } problem) throw new ArgumentException(problem, nameof(data));
        options ??= new H5adWriteOptions();
        var writer = new AnnDataWriter(new H5Writer(options.Compression, options.Threads));
        AtomicFile.WriteTo(path, temporary =>
        {
            try
            {
                using var h5 = H5File.Create(temporary, AnnDataWriter.NeedsWideAttributes(data));
                writer.Write(h5.Root, data, beforeTables);
                h5.Flush();
            }
            catch (Hdf5Exception e) { throw Failure(path, e); }
        });
        return writer.Notes;
    }

    private static OutputException Failure(string path, Hdf5Exception e)
    {
        string reason = e.Says("No space left") ? "the disk is full"
            : e.Says("Disk quota") ? "the disk quota is used up"
            : e.Says("File too large") ? "the file would become larger than allowed here"
            : e.Says("Permission denied") ? "there is no permission to write there"
            : e.Says("Read-only file system") ? "the file system is read-only"
            : e.Message;
        return new OutputException($"'{path}' could not be written: {reason}; nothing was left half written.", e);
    }
}

/// <summary>What to read of a file.</summary>
public sealed record H5adReadOptions
{
    /// <summary>Read the main matrix.</summary>
    public bool X { get; init; } = true;

    /// <summary>Names of the layers to read; null for all.</summary>
    public IReadOnlyCollection<string>? Layers { get; init; }

    /// <summary>Read <c>obsm</c>, <c>varm</c>, <c>obsp</c>, <c>varp</c>, <c>uns</c> and <c>raw</c>.</summary>
    public bool Rest { get; init; } = true;

    /// <summary>Keys of elements to leave out, as in <c>obsm/map2bulk</c>.</summary>
    public IReadOnlyCollection<string> Without { get; init; } = [];

    /// <summary>Refuse elements of unknown encoding instead of leaving them out with a warning.</summary>
    public bool Strict { get; init; }

    /// <summary>Leave X, layers and raw/X in the file where they are stored as compressed rows: they become <see cref="StoredMatrix"/>, whose rows are read when asked for.</summary>
    public bool Stream { get; init; }

    /// <summary>Threads that decompress; 0 for all cores. The result does not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>Tables only: <c>obs</c> and <c>var</c>.</summary>
    public static H5adReadOptions TablesOnly { get; } = new() { X = false, Layers = [], Rest = false };

    /// <summary>Tables and the main matrix.</summary>
    public static H5adReadOptions WithoutRest { get; } = new() { Layers = [], Rest = false };
}

/// <summary>How to write a file.</summary>
public sealed record H5adWriteOptions
{
    /// <summary>Threads that compress; 0 for all cores. The bytes do not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>Deflate level of big arrays, 0 (none) to 9.</summary>
    public int Compression { get; init; } = 4;
}
