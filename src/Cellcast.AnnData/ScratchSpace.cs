using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Cellcast.AnnData;

/// <summary>How much memory large intermediate results may take, and where they go beyond that: to files without a name, of which nothing is left however the process ends.</summary>
/// <param name="Memory">Most bytes of one result in memory.</param>
/// <param name="Folder">Where files are made, asked for when the first is; the system's temporary folder when null.</param>
public sealed record ScratchSpace(long Memory, Func<string>? Folder = null)
{
    /// <summary>1 GiB, or a quarter of the memory that this process may have where that is less. The system keeps files in what memory is free, so little is lost;
    /// the runtime's heap, which may grow to several times what is alive in it, stays small.</summary>
    public static ScratchSpace Default { get; } = new(Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4, 1L << 28, 1L << 30));

    /// <summary>A new file for reading and writing.</summary>
    /// <exception cref="OutputException">It could not be made.</exception>
    internal SafeFileHandle NewFile()
    {
        string path = Path.Combine(Folder?.Invoke() ?? Path.GetTempPath(), $".cellcast-{Guid.NewGuid():N}.tmp");
        try
        {
            var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, FileOptions.RandomAccess | FileOptions.DeleteOnClose);
            if (!OperatingSystem.IsWindows()) File.Delete(path);
            return file;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { throw OutputException.For(path, e); }
    }

    internal void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long at)
    {
        try { RandomAccess.Write(file, bytes, at); }
        catch (IOException e) { throw OutputException.For(Folder?.Invoke() ?? Path.GetTempPath(), e); }
    }

    /// <summary>Reads; what lies beyond the end of the file is zero.</summary>
    internal static void Read(SafeFileHandle file, Span<byte> target, long at)
    {
        for (int done = 0; done < target.Length;)
        {
            int n = RandomAccess.Read(file, target[done..], at + done);
            if (n == 0)
            {
                target[done..].Clear();
                return;
            }
            done += n;
        }
    }
}

/// <summary>A dense array of float32 rows that is filled and read block by block, in memory or, when it is too large, in a file without a name.</summary>
public sealed class RowStore : IDisposable
{
    private readonly float[]? _held;
    private readonly SafeFileHandle? _file;
    private readonly ScratchSpace? _space;

    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="space">Memory it may take, and where it goes beyond; all memory there is when null.</param>
    public RowStore(int rows, int columns, ScratchSpace? space = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        space ??= ScratchSpace.Default;
        (Rows, Columns, _space) = (rows, columns, space);
        long count = (long)rows * columns;
        if (count <= Array.MaxLength && 4 * count <= space.Memory) _held = new float[count];
        else _file = space.NewFile();
    }

    /// <param name="rows">Number of rows.</param>
    /// <param name="columns">Number of columns.</param>
    /// <param name="values">All elements, row by row; kept, not copied.</param>
    public RowStore(int rows, int columns, float[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.LongLength != (long)rows * columns) throw new ArgumentException($"{values.Length} elements do not fill {rows} x {columns}", nameof(values));
        (Rows, Columns, _held) = (rows, columns, values);
    }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Whether it lies in memory.</summary>
    public bool IsHeld => _held is not null;

    /// <summary>Replaces neighbouring rows.</summary>
    /// <param name="first">First row.</param>
    /// <param name="values">Whole rows.</param>
    /// <exception cref="OutputException">The file could not be written.</exception>
    public void Write(int first, ReadOnlySpan<float> values)
    {
        long at = Position(first, values.Length);
        if (_held is not null) values.CopyTo(_held.AsSpan((int)at));
        else _space!.Write(_file!, MemoryMarshal.AsBytes(values), 4 * at);
    }

    /// <summary>Reads neighbouring rows.</summary>
    /// <param name="first">First row.</param>
    /// <param name="values">Receives whole rows.</param>
    public void Read(int first, Span<float> values)
    {
        long at = Position(first, values.Length);
        if (_held is not null) _held.AsSpan((int)at, values.Length).CopyTo(values);
        else ScratchSpace.Read(_file!, MemoryMarshal.AsBytes(values), 4 * at);
    }

    /// <summary>Calls <paramref name="use"/> with all rows in order, some at a time: first row, how many, their values.</summary>
    public void ForEachBlock(Action<int, int, ReadOnlyMemory<float>> use, int rowsAtOnce = 1024)
    {
        ArgumentNullException.ThrowIfNull(use);
        ArgumentOutOfRangeException.ThrowIfLessThan(rowsAtOnce, 1);
        float[] buffer = _held is null ? new float[checked(Math.Min(rowsAtOnce, Rows) * Columns)] : [];
        for (int first = 0; first < Rows; first += rowsAtOnce)
        {
            int count = Math.Min(rowsAtOnce, Rows - first);
            if (_held is null) Read(first, buffer.AsSpan(0, count * Columns));
            use(first, count, _held is null ? buffer.AsMemory(0, count * Columns) : _held.AsMemory(first * Columns, count * Columns));
        }
    }

    /// <summary>All rows in one array.</summary>
    /// <exception cref="OverflowException">There are more than 2^31 elements.</exception>
    public float[] ToArray()
    {
        if (_held is not null) return _held;
        var all = new float[checked(Rows * Columns)];
        Read(0, all);
        return all;
    }

    /// <summary>The rows as a matrix, which reads them when asked for where they lie in a file.</summary>
    public Matrix ToMatrix() => _held is not null
        ? new DenseMatrix(Rows, Columns, _held)
        : new GeneratedArray(Rows, Columns, (first, _, values) => Read(first, values.Span), rowsAtOnce: 1024);

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private long Position(int first, int length)
    {
        if (first < 0 || Columns > 0 && length % Columns != 0 || (long)first * Columns + length > (long)Rows * Columns)
            throw new ArgumentOutOfRangeException(nameof(first), $"{length} elements from row {first} of {Rows} x {Columns}");
        return (long)first * Columns;
    }
}
