using Cellcast.AnnData.Hdf5;

namespace Cellcast.AnnData.H5ad;

/// <summary>A matrix of compressed rows that stays in its file: only the row pointers (8 bytes per row) are in memory, and rows are read when they are asked for,
/// in order or any chosen ones. It may have any number of stored values. Reading is safe from several threads, one at a time.</summary>
public sealed class StoredMatrix : StreamedMatrix, IDisposable
{
    private readonly string _source, _key;
    private readonly int _threads;
    private readonly long[] _rowPointers;
    private readonly H5File _file;
    private readonly H5Group _group;
    private readonly Member _indices, _values;
    private readonly Lock _gate = new();

    private StoredMatrix(int rows, int columns, string source, string key, int threads, long[] rowPointers, H5File file, H5Group group, Member indices, Member values) : base(rows, columns) =>
        (_source, _key, _threads, _rowPointers, _file, _group, _indices, _values) = (source, key, threads, rowPointers, file, group, indices, values);

    /// <inheritdoc/>
    public override long? StoredCount => _rowPointers[^1];

    /// <summary>Whether a value has been read that float32 does not hold exactly.</summary>
    public bool HasRounded { get; private set; }

    /// <summary>Stored values of a row, without reading it.</summary>
    public long LengthOf(int row) => _rowPointers[row + 1] - _rowPointers[row];

    /// <summary>Opens the group once more, by a file handle of its own.</summary>
    internal static StoredMatrix Open(ReadContext context, string key, int rows, int columns)
    {
        var (path, inside) = H5adSource.Split(context.File);
        var file = H5adSource.Open(path);
        try
        {
            var group = (H5Group)file.Root.Open(inside.Length == 0 ? key : $"{inside}/{key}");
            Member Open(string name) => context.At($"{key}/{name}", () => new Member(group.OpenDataset(name) ?? throw new Hdf5Exception("the dataset is missing")));
            Member indices = Open("indices"), values = Open("data");
            using H5Dataset pointerSet = context.At($"{key}/indptr", () => group.OpenDataset("indptr") ?? throw new Hdf5Exception("the dataset is missing"));
            if (pointerSet.Count != rows + 1L) throw context.Error($"{key}/indptr", $"has {pointerSet.Count} entries, but a matrix of {rows} x {columns} needs {rows + 1L}");
            if (indices.Dataset.Count != values.Dataset.Count) throw context.Error(key, $"has {indices.Dataset.Count} indices but {values.Dataset.Count} values");
            long[] pointers = context.At($"{key}/indptr", () => VectorReader.ReadInt64(pointerSet, context.Threads));
            if (pointers[0] != 0) throw context.Error($"{key}/indptr", $"starts with {pointers[0]} instead of 0");
            for (int r = 0; r < rows; r++)
                if (pointers[r + 1] < pointers[r]) throw context.Error($"{key}/indptr", $"falls from {pointers[r]} to {pointers[r + 1]} at row {r}");
            if (pointers[rows] != indices.Dataset.Count) throw context.Error($"{key}/indptr", $"ends with {pointers[rows]}, but there are {indices.Dataset.Count} indices; the file is damaged or was cut off");
            context.At($"{key}/indices", () => { VectorReader.RequireIntegers(indices.Dataset); return 0; });
            return new StoredMatrix(rows, columns, context.File, key, context.Threads, pointers, file, group, indices, values);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _indices.Dataset.Dispose();
        _values.Dataset.Dispose();
        _group.Dispose();
        _file.Dispose();
    }

    private protected override void FillRows(int first, int count, RowBlock block) => Fill(count, i => first + i, [(_rowPointers[first], _rowPointers[first + count], 0)], block);

    private protected override void FillRows(ReadOnlySpan<int> rows, RowBlock block)
    {
        int[] numbers = rows.ToArray();
        var runs = new List<(long Start, long End, long Target)>(numbers.Length);
        long target = 0;
        foreach (int r in numbers)
        {
            // Without empty rows, runs that rise by their start rise by their end.
            if (LengthOf(r) > 0) runs.Add((_rowPointers[r], _rowPointers[r + 1], target));
            target += LengthOf(r);
        }
        runs.Sort((a, b) => a.Start.CompareTo(b.Start));
        Fill(numbers.Length, i => numbers[i], [.. runs], block);
    }

    /// <summary>Runs of stored values, rising by position, each to its place in the block.</summary>
    private void Fill(int rows, Func<int, int> rowOf, (long Start, long End, long Target)[] runs, RowBlock block)
    {
        lock (_gate)
        {
            try
            {
                block.Lay(rows, i => checked((int)LengthOf(rowOf(i))), out var indices, out var values);
                Read(_indices, runs, (from, bytes, at) => VectorReader.Integers(_indices.Dataset, bytes, indices.Span.Slice(at)));
                Read(_values, runs, (from, bytes, at) =>
                {
                    if (!VectorReader.Narrow(_values.Dataset, bytes, values.Span.Slice(at))) HasRounded = true;
                });
                block.MakeCanonical(Columns, rowOf);
            }
            catch (Exception e) when (e is Hdf5Exception or OverflowException or ArgumentException)
            {
                throw new InputException($"'{_source}': '{_key}' is damaged: {e.Message.TrimEnd('.')}.", e);
            }
        }
    }

    private delegate void Piece(long from, ReadOnlySpan<byte> bytes, int at);

    private void Read(Member member, (long Start, long End, long Target)[] runs, Piece piece)
    {
        var wanted = new List<long>();
        long length = member.Blocks.Length;
        foreach (var run in runs)
        {
            if (run.End == run.Start) continue;
            long from = run.Start / length, to = (run.End - 1) / length;
            for (long b = wanted.Count > 0 ? Math.Max(from, wanted[^1] + 1) : from; b <= to; b++) wanted.Add(b);
        }
        member.Blocks.Read(_threads, wanted.Count, i => wanted[(int)i], (start, bytes) =>
        {
            int size = member.ElementSize;
            long end = start + bytes.Length / size;
            for (int k = FirstEndingAfter(runs, start); k < runs.Length && runs[k].Start < end; k++)
            {
                long from = Math.Max(runs[k].Start, start), to = Math.Min(runs[k].End, end);
                if (from < to) piece(from, bytes.Slice((int)(from - start) * size, (int)(to - from) * size), (int)(runs[k].Target + from - runs[k].Start));
            }
        });
    }

    private static int FirstEndingAfter((long Start, long End, long Target)[] runs, long position)
    {
        int low = 0, high = runs.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (runs[middle].End <= position) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    private sealed class Member
    {
        internal Member(H5Dataset dataset)
        {
            dataset.RequireStoredSize();
            (Dataset, Blocks) = (dataset, H5Blocks.Open(dataset));
            ElementSize = dataset.Type.ClrType == typeof(bool) ? 1 : System.Runtime.InteropServices.Marshal.SizeOf(dataset.Type.ClrType!);
        }

        internal H5Dataset Dataset { get; }

        internal H5Blocks Blocks { get; }

        internal int ElementSize { get; }
    }
}
