using System.Runtime.InteropServices;
using static Cellcast.AnnData.Hdf5.NativeMethods;

namespace Cellcast.AnnData.Hdf5;

/// <summary>A 1-D dataset of numbers or truth values in blocks of equal length, each read when asked for: its chunks, or pieces where it has none that can be unpacked here.</summary>
internal sealed unsafe class H5Blocks
{
    private const int PieceLength = 1 << 18;

    private readonly H5Dataset _dataset;
    private readonly ChunkReader? _chunks;
    private readonly Type _clr;

    private H5Blocks(H5Dataset dataset, ChunkReader? chunks, Type clr)
    {
        (_dataset, _chunks, _clr) = (dataset, chunks, clr);
        Length = chunks?.ChunkLength ?? PieceLength;
        Count = (dataset.Count + Length - 1) / Length;
    }

    /// <summary>Elements of a block; the last one may have fewer.</summary>
    internal long Length { get; }

    /// <summary>Number of blocks.</summary>
    internal long Count { get; }

    internal static H5Blocks Open(H5Dataset dataset)
    {
        if (dataset.Shape.Length != 1) throw new Hdf5Exception($"it has {dataset.Shape.Length} dimensions, expected 1");
        if (dataset.Type.Kind is not (H5Kind.Integer or H5Kind.Float or H5Kind.Boolean or H5Kind.Enumeration) || dataset.Type.ClrType is not { } clr)
            throw new Hdf5Exception($"its type ({dataset.Type.Describe()}) is not a number");
        return new H5Blocks(dataset, dataset.Type.BytesAreValues ? ChunkReader.TryOpen(dataset) : null, clr);
    }

    /// <summary>Reads chosen blocks, unordered and from several threads at once.</summary>
    /// <param name="threads">Threads that unpack; 0 for all cores.</param>
    /// <param name="count">How many blocks.</param>
    /// <param name="blockOf">Number of each.</param>
    /// <param name="sink">Is given the first element's position and the elements, in their CLR type's bytes.</param>
    internal void Read(int threads, long count, Func<long, long> blockOf, H5Dataset.BlockSink sink)
    {
        if (_chunks is not null)
        {
            _chunks.ReadBlocks(threads, count, blockOf, sink);
            return;
        }
        int size = _clr == typeof(bool) ? 1 : Marshal.SizeOf(_clr);
        byte[] buffer = new byte[Math.Min(Length, _dataset.Count) * size];
        for (long i = 0; i < count; i++)
        {
            long start = blockOf(i) * Length, n = Math.Min(Length, _dataset.Count - start);
            using (H5.Enter())
            {
                using var type = H5.Check(H5Dget_type(_dataset.Id), "read a dataset's type");
                using var file = H5.Check(H5Dget_space(_dataset.Id), "read a dataset's shape");
                using var memory = H5Space.Simple([n]);
                ulong from = (ulong)start, length = (ulong)n;
                H5.Check(H5Sselect_hyperslab(file, 0, &from, null, &length, null), "select a part");
                using var owned = H5Transfer.MemoryType(_dataset.Type, type, _clr);
                var memoryType = owned ?? (_clr == typeof(bool) || _clr == typeof(Half) ? type : H5.NativeType(_clr));
                fixed (byte* p = buffer) _dataset.Transfer(memoryType, memory.DangerousGetHandle(), file.DangerousGetHandle(), p);
            }
            sink(start, buffer.AsSpan(0, (int)n * size));
        }
    }
}
