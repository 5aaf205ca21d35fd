using System.Buffers;
using System.IO.Compression;
using System.Runtime.InteropServices;
using static Cellcast.AnnData.Hdf5.NativeMethods;

namespace Cellcast.AnnData.Hdf5;

/// <summary>Creates datasets: small ones contiguous, big ones in chunks that are shuffled and deflated on several threads and written in order.</summary>
internal sealed unsafe class H5Writer(int compression, int threads)
{
    /// <summary>Arrays from this size on are chunked and compressed.</summary>
    internal const int BigArrayBytes = 1 << 16;

    internal const int ChunkBytes = 1 << 19;

    /// <summary>Chunks packed before the next ones are started; fixed, though the bytes would not depend on it.</summary>
    internal const int Batch = 32;

    internal int Threads => _threads;

    private readonly int _threads = threads > 0 ? threads : Environment.ProcessorCount;

    /// <summary>Writes a number, a truth value or a string as a scalar dataset.</summary>
    internal H5Dataset WriteScalar(H5Group parent, string name, object value)
    {
        using var _ = H5.Enter();
        using var space = H5.Check(H5Screate(0), "make a dataspace");
        if (value is Half h) value = (float)h;
        var single = Array.CreateInstance(value.GetType(), 1);
        single.SetValue(value, 0);
        return WriteContiguous(parent, name, single, space);
    }

    /// <summary>Writes an array of numbers, truth values or strings.</summary>
    internal H5Dataset WriteArray(H5Group parent, string name, Array data, params long[] shape)
    {
        if (shape.Length == 0) shape = [data.LongLength];
        if (data is Half[] half) data = Array.ConvertAll(half, h => (float)h);
        Type type = data.GetType().GetElementType()!;
        int size = type == typeof(string) ? 16 : type == typeof(bool) ? 1 : Marshal.SizeOf(type);
        if (compression > 0 && type != typeof(string) && data.LongLength * size >= BigArrayBytes && H5.HasRawChunks) return WriteChunked(parent, name, data, shape, type, size);
        using var _ = H5.Enter();
        using var space = H5Space.Simple(shape);
        return WriteContiguous(parent, name, data, space);
    }

    /// <summary>Writes rows with named fields; strings are of variable length.</summary>
    internal H5Dataset WriteRecords(H5Group parent, string name, IReadOnlyList<KeyValuePair<string, Array>> fields, int rows)
    {
        if (fields.Any(f => f.Value is Half[])) fields = [.. fields.Select(f => f.Value is Half[] half ? KeyValuePair.Create(f.Key, (Array)Array.ConvertAll(half, h => (float)h)) : f)];
        using var _ = H5.Enter();
        H5TypeId[] types = fields.Select(f => FileType(f.Value.GetType().GetElementType()!)).ToArray();
        try
        {
            int width = types.Sum(t => (int)H5Tget_size(t));
            using var compound = H5.Check(H5Tcreate(6, (nuint)width), "make a compound type");
            using var space = H5Space.Simple([rows]);
            byte[] buffer = new byte[checked((long)rows * width)];
            string[] text = fields.Where(f => f.Value is string[]).SelectMany(f => (string[])f.Value).ToArray();
            H5ObjectId? id = null;
            H5Transfer.WithStrings(text, pointers =>
            {
                int offset = 0, nextText = 0;
                for (int f = 0; f < types.Length; f++)
                {
                    int size = (int)H5Tget_size(types[f]);
                    H5.Check(H5Tinsert(compound, fields[f].Key, (nuint)offset, types[f]), $"make field '{fields[f].Key}'");
                    var values = fields[f].Value;
                    for (int i = 0; i < rows; i++)
                    {
                        var place = buffer.AsSpan(i * width + offset, size);
                        if (values is string[]) MemoryMarshal.Write(place, ((nint*)pointers)[nextText++]);
                        else MemoryMarshal.CreateReadOnlySpan(ref MemoryMarshal.GetArrayDataReference(values), values.Length * size).Slice(i * size, size).CopyTo(place);
                    }
                    offset += size;
                }
                id = Create(parent, name, compound, space, null, 1);
                fixed (byte* p = buffer)
                    if (rows > 0) H5.Check(H5Dwrite(id, compound, 0, 0, H5PropertiesId.Default, p), $"write '{name}'");
            });
            return new H5Dataset(id!);
        }
        finally
        {
            foreach (var t in types) t.Dispose();
        }
    }

    private H5Dataset WriteContiguous(H5Group parent, string name, Array data, H5SpaceId space)
    {
        using var fileType = FileType(data.GetType().GetElementType()!);
        var id = Create(parent, name, fileType, space, null, 1);
        try
        {
            if (data is string[] strings)
            {
                if (strings.Length > 0) H5Transfer.WithStrings(strings, p => H5.Check(H5Dwrite(id, fileType, 0, 0, H5PropertiesId.Default, p), $"write '{name}'"));
            }
            else if (data.LongLength > 0)
                fixed (byte* p = &MemoryMarshal.GetArrayDataReference(data)) H5.Check(H5Dwrite(id, fileType, 0, 0, H5PropertiesId.Default, p), $"write '{name}'");
            return new H5Dataset(id);
        }
        catch
        {
            id.Dispose();
            throw;
        }
    }

    /// <summary>Truth values as h5py's enumeration, strings as variable-length UTF-8. The caller closes it. Under the lock.</summary>
    internal static H5TypeId FileType(Type type) => type == typeof(bool) ? H5.NewBoolean() : type == typeof(string) ? H5.NewString() : H5.NativeType(type);

    private H5Dataset WriteChunked(H5Group parent, string name, Array data, long[] shape, Type type, int size)
    {
        long[] chunk = ChunkShape(shape, size);
        H5ObjectId id;
        using (H5.Enter())
        {
            using var space = H5Space.Simple(shape);
            using var fileType = FileType(type);
            id = Create(parent, name, fileType, space, chunk, size);
        }
        var pin = GCHandle.Alloc(data, GCHandleType.Pinned);
        try
        {
            nint address = pin.AddrOfPinnedObject();
            // A chunk is whole rows, or a part of one row when a row alone is too big.
            long across = shape.Length == 1 ? 1 : H5Space.Count(shape.AsSpan(1));
            long chunkAcross = shape.Length == 1 ? 1 : H5Space.Count(chunk.AsSpan(1));
            long perRow = (across + chunkAcross - 1) / chunkAcross, total = (shape[0] + chunk[0] - 1) / chunk[0] * perRow;
            int chunkBytes = (int)(chunk[0] * chunkAcross) * size;
            var packed = new (byte[] Bytes, int Length)[Batch];
            ulong* offset = stackalloc ulong[H5Space.MaximalRank];
            for (long first = 0; first < total; first += Batch)
            {
                int n = (int)Math.Min(Batch, total - first);
                Parallel.For(0, n, new ParallelOptions { MaxDegreeOfParallelism = _threads }, i =>
                {
                    var (row, column) = ((first + i) / perRow * chunk[0], (first + i) % perRow * chunkAcross);
                    byte[] raw = ArrayPool<byte>.Shared.Rent(chunkBytes);
                    var whole = raw.AsSpan(0, chunkBytes);
                    whole.Clear();
                    int width = (int)Math.Min(chunkAcross, across - column) * size;
                    for (long r = 0; r < Math.Min(chunk[0], shape[0] - row); r++)
                    {
                        if (chunkAcross == across)
                        {
                            int bytes = (int)(Math.Min(chunk[0], shape[0] - row) * across * size);
                            new ReadOnlySpan<byte>((byte*)address + row * across * size, bytes).CopyTo(whole);
                            break;
                        }
                        new ReadOnlySpan<byte>((byte*)address + ((row + r) * across + column) * size, width).CopyTo(whole[(int)(r * chunkAcross * size)..]);
                    }
                    packed[i] = Pack(raw, chunkBytes, size);
                });
                using var _ = H5.Enter();
                for (int i = 0; i < n; i++)
                {
                    new Span<ulong>(offset, H5Space.MaximalRank).Clear();
                    offset[0] = (ulong)((first + i) / perRow * chunk[0]);
                    if (shape.Length > 1) offset[1] = (ulong)((first + i) % perRow * chunk[1]);
                    fixed (byte* p = packed[i].Bytes)
                        H5.Check(H5Dwrite_chunk(id, H5PropertiesId.Default, 0, offset, (nuint)packed[i].Length, p), $"write '{name}'");
                }
            }
            return new H5Dataset(id);
        }
        catch
        {
            id.Dispose();
            throw;
        }
        finally { pin.Free(); }
    }

    /// <summary>Shuffles and deflates; gives <paramref name="raw"/> back to the pool.</summary>
    internal (byte[] Bytes, int Length) Pack(byte[] raw, int length, int size)
    {
        if (compression == 0) return (raw, length);
        byte[] source = raw;
        if (size > 1)
        {
            source = ArrayPool<byte>.Shared.Rent(length);
            Shuffle.Forward(raw.AsSpan(0, length), source, size);
            ArrayPool<byte>.Shared.Return(raw);
        }
        var memory = new MemoryStream(length / 2 + 64);
        using (var deflate = new ZLibStream(memory, new ZLibCompressionOptions { CompressionLevel = compression }, leaveOpen: true)) deflate.Write(source, 0, length);
        ArrayPool<byte>.Shared.Return(source);
        return (memory.GetBuffer(), (int)memory.Length);
    }

    /// <summary>Whole rows up to the chunk size; the parts of one row when a single row is bigger. Only the first two dimensions are ever cut.</summary>
    private static long[] ChunkShape(long[] shape, int size)
    {
        long[] chunk = [.. shape];
        if (shape.Length == 1)
        {
            chunk[0] = Math.Min(shape[0], ChunkBytes / size);
            return chunk;
        }
        long inner = H5Space.Count(shape.AsSpan(2)) * size;
        chunk[1] = Math.Clamp(ChunkBytes / inner, 1, shape[1]);
        chunk[0] = Math.Clamp(ChunkBytes / (chunk[1] * inner), 1, shape[0]);
        return chunk;
    }

    /// <summary>Under the lock.</summary>
    internal H5ObjectId Create(H5Group parent, string name, H5TypeId type, H5SpaceId space, long[]? chunk, int elementSize)
    {
        using var creation = H5.Check(H5Pcreate(H5.DatasetCreation), $"create '{name}'");
        using var link = H5Group.NewLink();
        H5.Check(H5Pset_obj_track_times(creation, false), $"create '{name}'");
        if (chunk is not null)
        {
            fixed (long* c = chunk) H5.Check(H5Pset_chunk(creation, chunk.Length, (ulong*)c), $"create '{name}'");
            if (elementSize > 1 && compression > 0) H5.Check(H5Pset_shuffle(creation), $"create '{name}'");
            if (compression > 0) H5.Check(H5Pset_deflate(creation, (uint)compression), $"create '{name}'");
        }
        return H5.Check(H5Dcreate2(parent.Id, name, type, space, link, creation, H5PropertiesId.Default), $"create '{name}'");
    }
}
