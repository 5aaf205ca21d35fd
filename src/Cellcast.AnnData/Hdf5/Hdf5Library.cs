namespace Cellcast.AnnData.Hdf5;

/// <summary>Which HDF5 library this process uses: for diagnosis.</summary>
public static class Hdf5Library
{
    /// <summary>Loads the library if need be and describes it.</summary>
    /// <returns>Its version and, where the system tells, the file it was loaded from.</returns>
    /// <exception cref="InputException">It is not there, or too old: the message says what to install.</exception>
    public static (Version Version, string? Path) Describe()
    {
        using (H5.Enter())
        {
            _ = NativeMethods.H5get_libversion(out uint major, out uint minor, out uint release);
            return (new Version((int)major, (int)minor, (int)release), LoadedFile());
        }
    }

    private static string? LoadedFile()
    {
        try
        {
            // Lines end with the mapped file.
            return File.ReadLines("/proc/self/maps").Select(l => l[(l.IndexOf('/', StringComparison.Ordinal) is >= 0 and var i ? i : l.Length)..])
                .FirstOrDefault(p => System.IO.Path.GetFileName(p).Contains("libhdf5", StringComparison.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return null; }
    }
}
