using System.Buffers;
using System.IO.Compression;
using static Cellcast.AnnData.Hdf5.NativeMethods;

namespace Cellcast.AnnData.Hdf5;

/// <summary>
/// Reads chunked datasets whose only filters are deflate and byte shuffle: the stored bytes of each chunk are fetched under the
/// lock, unpacked outside it on several threads, and put where they belong. The result is what H5Dread would give.
/// </summary>
internal sealed unsafe class ChunkReader
{
    private const int Deflate = 1, ByteShuffle = 2;

    private readonly H5Dataset _dataset;
    private readonly long[] _chunk, _grid;
    private readonly List<int> _filters;
    private readonly int _elementSize, _chunkBytes;
    private readonly long _chunkCount;

    private ChunkReader(H5Dataset dataset, long[] chunk, List<int> filters)
    {
        (_dataset, _chunk, _filters, _elementSize) = (dataset, chunk, filters, dataset.Type.Size);
        _chunkBytes = checked((int)(H5Space.Count(chunk) * _elementSize));
        _grid = new long[chunk.Length];
        for (int d = 0; d < chunk.Length; d++) _grid[d] = (dataset.Shape[d] + chunk[d] - 1) / chunk[d];
        _chunkCount = H5Space.Count(_grid);
    }

    /// <summary>A reader, or null when the dataset must go through H5Dread: not chunked, other filters, or chunks never written (fill values).</summary>
    internal static ChunkReader? TryOpen(H5Dataset dataset)
    {
        const int Chunked = 2;
        int rank = dataset.Shape.Length;
        using var _ = H5.Enter();
        if (!H5.HasRawChunks || rank == 0 || dataset.Count == 0) return null;
        using var creation = H5.Check(H5Dget_create_plist(dataset.Id), "read a dataset's layout");
        if (H5Pget_layout(creation) != Chunked) return null;
        var filters = H5Dataset.Filters(creation).Select(f => f.Id).ToList();
        if (filters.Count == 0 || filters.Any(f => f is not (Deflate or ByteShuffle))) return null;
        ulong* dims = stackalloc ulong[H5Space.MaximalRank];
        if (H5Pget_chunk(creation, rank, dims) != rank) return null;
        var chunk = new long[rank];
        long bytes = dataset.Type.Size;
        for (int d = 0; d < rank; d++)
        {
            if (dims[d] is 0 or > int.MaxValue) return null;
            chunk[d] = (long)dims[d];
            bytes *= chunk[d];
            if (bytes > 1 << 30) return null;
        }
        var reader = new ChunkReader(dataset, chunk, filters);
        for (long c = 0; c < reader._chunkCount; c++)
            if (reader.StoredSize(c) == 0) return null;
        return reader;
    }

    /// <summary>Elements of one chunk.</summary>
    internal long ChunkLength => H5Space.Count(_chunk);

    /// <summary>1-D only: chosen chunks, each as one block.</summary>
    internal void ReadBlocks(int threads, long count, Func<long, long> chunkOf, H5Dataset.BlockSink sink) => ForEachChunk(threads, count, chunkOf, (c, bytes) =>
    {
        long start = c * _chunk[0];
        int n = (int)Math.Min(_chunk[0], _dataset.Shape[0] - start);
        sink(start, bytes[..(n * _elementSize)]);
    });

    /// <summary>All elements, row-major, into <paramref name="target"/>.</summary>
    internal void ReadAll(byte* target, int threads)
    {
        long[] shape = _dataset.Shape;
        int rank = shape.Length;
        nint address = (nint)target;
        ForEachChunk(threads, _chunkCount, c => c, (c, bytes) =>
        {
            Span<long> origin = stackalloc long[rank], size = stackalloc long[rank], at = stackalloc long[rank];
            Origin(c, origin);
            for (int d = 0; d < rank; d++) size[d] = Math.Min(_chunk[d], shape[d] - origin[d]);
            int run = (int)(size[rank - 1] * _elementSize);
            at.Clear();
            while (true)
            {
                long from = 0, to = 0;
                for (int d = 0; d < rank; d++)
                {
                    from = from * _chunk[d] + at[d];
                    to = to * shape[d] + origin[d] + at[d];
                }
                bytes.Slice((int)(from * _elementSize), run).CopyTo(new Span<byte>((byte*)address + to * _elementSize, run));
                int k = rank - 2;
                while (k >= 0 && ++at[k] == size[k]) at[k--] = 0;
                if (k < 0) break;
            }
        });
    }

    private delegate void ChunkSink(long chunk, ReadOnlySpan<byte> bytes);

    private void ForEachChunk(int threads, long count, Func<long, long> chunkOf, ChunkSink sink)
    {
        try
        {
            Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount }, i =>
            {
                long c = chunkOf(i);
                byte[] unpacked = ArrayPool<byte>.Shared.Rent(_chunkBytes), spare = ArrayPool<byte>.Shared.Rent(_chunkBytes);
                try { sink(c, Unpack(c, unpacked, spare)); }
                finally
                {
                    ArrayPool<byte>.Shared.Return(unpacked);
                    ArrayPool<byte>.Shared.Return(spare);
                }
            });
        }
        catch (AggregateException e) { System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]); }
    }

    private void Origin(long chunk, Span<long> origin)
    {
        for (int d = _grid.Length - 1; d >= 0; d--)
        {
            origin[d] = chunk % _grid[d] * _chunk[d];
            chunk /= _grid[d];
        }
    }

    private ulong StoredSize(long chunk)
    {
        Span<long> origin = stackalloc long[_grid.Length];
        Origin(chunk, origin);
        fixed (long* o = origin)
            return H5Dget_chunk_storage_size(_dataset.Id, (ulong*)o, out ulong size) < 0 ? 0 : size;
    }

    /// <summary>The bytes of a chunk, in one of the two buffers.</summary>
    private ReadOnlySpan<byte> Unpack(long chunk, byte[] first, byte[] second)
    {
        Span<long> origin = stackalloc long[_grid.Length];
        Origin(chunk, origin);
        byte[] stored;
        int storedSize;
        uint mask;
        using (H5.Enter())
        {
            ulong size = StoredSize(chunk);
            if (size == 0 || size > (ulong)_chunkBytes + (ulong)_chunkBytes / 8 + 4096) throw new Hdf5Exception($"chunk {chunk} has an impossible stored size of {size} bytes");
            storedSize = (int)size;
            stored = ArrayPool<byte>.Shared.Rent(storedSize);
            fixed (byte* p = stored)
            fixed (long* o = origin)
                H5.Check(H5Dread_chunk(_dataset.Id, H5PropertiesId.Default, (ulong*)o, out mask, p), "read a chunk");
        }
        try
        {
            var (current, length, free) = (stored, storedSize, first);
            // Undo the filters from the last to the first; a set bit of the mask says that one was skipped for this chunk.
            for (int f = _filters.Count - 1; f >= 0; f--)
            {
                if ((mask >> f & 1) != 0) continue;
                if (_filters[f] == Deflate) length = Inflate(current, length, free);
                // Only whole chunks are shuffled; more than that would not fit.
                else if (length != _chunkBytes) break;
                else Shuffle.Inverse(current.AsSpan(0, length), free, _elementSize);
                current = free;
                free = ReferenceEquals(free, first) ? second : first;
            }
            if (length != _chunkBytes) throw new Hdf5Exception($"chunk {chunk} is damaged (it unpacks to {(length > _chunkBytes ? "more" : "fewer")} than {_chunkBytes} bytes)");
            if (!ReferenceEquals(current, stored)) return current.AsSpan(0, length);
            current.AsSpan(0, length).CopyTo(first);
            return first.AsSpan(0, length);
        }
        catch (InvalidDataException e) { throw new Hdf5Exception($"chunk {chunk} is damaged", e); }
        finally { ArrayPool<byte>.Shared.Return(stored); }
    }

    private int Inflate(byte[] source, int length, byte[] target)
    {
        using var stream = new ZLibStream(new MemoryStream(source, 0, length, writable: false), CompressionMode.Decompress);
        int n = stream.ReadAtLeast(target.AsSpan(0, _chunkBytes), _chunkBytes, throwOnEndOfStream: false);
        // Reading on to the end makes the decoder check the sum at the end of the stream.
        return n == _chunkBytes && stream.ReadByte() >= 0 ? n + 1 : n;
    }
}
