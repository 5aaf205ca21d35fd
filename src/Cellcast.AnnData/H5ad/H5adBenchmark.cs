using System.Diagnostics;

namespace Cellcast.AnnData.H5ad;

/// <summary>Wall time of one way through a file.</summary>
/// <param name="Name">What was done.</param>
/// <param name="Seconds">The fastest of the repetitions.</param>
/// <param name="ProcessorSeconds">Processor time of that repetition, of all threads: what remains comparable on a machine that does other work too.</param>
/// <param name="Megabytes">Size of the values and columns that passed, unpacked: 8 bytes per stored value.</param>
public sealed record H5adTiming(string Name, double Seconds, double ProcessorSeconds, double Megabytes);

/// <summary>How fast a file's main matrix is read and written on this machine.</summary>
public static class H5adBenchmark
{
    /// <summary>Reads the file whole and row by row, packs it, and writes it.</summary>
    /// <param name="path">A file whose X is stored as compressed rows.</param>
    /// <param name="threads">Threads; 0 for all cores.</param>
    /// <param name="repeats">How often each is done.</param>
    /// <param name="cancellation">Checked between the parts.</param>
    /// <exception cref="InputException">The file cannot be read, or X is stored otherwise.</exception>
    public static IReadOnlyList<H5adTiming> Run(string path, int threads = 0, int repeats = 2, CancellationToken cancellation = default)
    {
        var stream = H5adReadOptions.WithoutRest with { Threads = threads, Stream = true };
        using var stored = H5adFile.Read(path, stream).X as StoredMatrix ?? throw new InputException($"'{path}': X is not stored as compressed rows, which this measurement is about.");
        double megabytes = 8e-6 * stored.StoredCount!.Value;
        var timings = new List<H5adTiming>();
        void Time(string name, Action work)
        {
            double best = double.PositiveInfinity, processor = 0;
            using var process = Process.GetCurrentProcess();
            for (int i = 0; i < repeats; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                process.Refresh();
                var before = process.TotalProcessorTime;
                var clock = Stopwatch.StartNew();
                work();
                double seconds = clock.Elapsed.TotalSeconds;
                process.Refresh();
                if (seconds < best) (best, processor) = (seconds, (process.TotalProcessorTime - before).TotalSeconds);
            }
            timings.Add(new H5adTiming(name, best, processor, megabytes));
        }

        string copy = Path.Combine(Path.GetTempPath(), $"cellcast-bench-{Guid.NewGuid():N}.h5ad");
        try
        {
            Time("read row by row", () => stored.ForEachBlock((_, _) => { }, cancellation));
            Time("read and pack", () => PackedMatrix.Of(stored, cancellation: cancellation).Dispose());
            if (stored.StoredCount <= Array.MaxLength)
            {
                AnnotatedData? whole = null;
                Time("read whole", () => whole = H5adFile.Read(path, stream with { Stream = false }));
                Time("write, deflate 4", () => H5adFile.Write(copy, whole!, new H5adWriteOptions { Threads = threads }));
            }
            Time("read and write row by row, deflate 4", () => H5adFile.Write(copy, H5adFile.Read(path, stream), new H5adWriteOptions { Threads = threads }));
        }
        finally { File.Delete(copy); }
        return timings;
    }
}
