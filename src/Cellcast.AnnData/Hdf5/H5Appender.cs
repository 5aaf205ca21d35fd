using System.Buffers;
using System.Runtime.InteropServices;
using static Cellcast.AnnData.Hdf5.NativeMethods;

namespace Cellcast.AnnData.Hdf5;

/// <summary>
/// A dataset that is written from its first row to its last without being held: chunks of whole rows are collected, a few at a time packed on several
/// threads, and written in order. What fits the first batch is written as any array is.
/// </summary>
internal sealed unsafe class H5Appender : IDisposable
{
    private readonly H5Writer _writer;
    private readonly H5Group _parent;
    private readonly string _name;
    private readonly Type _type;
    private readonly int? _columns;
    private readonly long? _rows;
    private readonly int _size, _chunkBytes;
    private readonly long _rowBytes, _chunkRows;
    private readonly List<byte[]> _full = [];
    private byte[] _current;
    private int _used;
    private long _bytes, _written;
    private H5ObjectId? _id;

    /// <param name="writer">Packs.</param>
    /// <param name="parent">Group.</param>
    /// <param name="name">Name of the dataset.</param>
    /// <param name="type">Its number type.</param>
    /// <param name="columns">Elements of a row; null for an array of one dimension.</param>
    /// <param name="rows">Number of rows, or of elements; null where that is not known before the last: then the dataset can grow.</param>
    internal H5Appender(H5Writer writer, H5Group parent, string name, Type type, int? columns, long? rows)
    {
        (_writer, _parent, _name, _type, _columns, _rows) = (writer, parent, name, type, columns, rows);
        _size = Marshal.SizeOf(type);
        _rowBytes = (long)(columns ?? 1) * _size;
        _chunkRows = Math.Max(1, H5Writer.ChunkBytes / Math.Max(1, _rowBytes));
        if (rows is > 0 and var n) _chunkRows = Math.Min(_chunkRows, n);
        _chunkBytes = checked((int)(_chunkRows * _rowBytes));
        _current = ArrayPool<byte>.Shared.Rent(Math.Max(1, _chunkBytes));
    }

    /// <summary>Adds elements, row by row, in the bytes of their type.</summary>
    internal void Add(ReadOnlySpan<byte> values)
    {
        _bytes += values.Length;
        while (values.Length > 0)
        {
            int n = Math.Min(values.Length, _chunkBytes - _used);
            values[..n].CopyTo(_current.AsSpan(_used));
            values = values[n..];
            if ((_used += n) < _chunkBytes) continue;
            // A full batch waits for the next element: what ends here is written as any array is.
            if (_full.Count == H5Writer.Batch) Flush();
            _full.Add(_current);
            _current = ArrayPool<byte>.Shared.Rent(_chunkBytes);
            _used = 0;
        }
    }

    /// <summary>Writes what is left; the dataset is then complete.</summary>
    internal H5Dataset Complete()
    {
        long rows = _rowBytes == 0 ? _rows ?? 0 : _bytes / _rowBytes;
        if (_rows is { } expected && expected != rows || _rowBytes > 0 && _bytes % _rowBytes != 0)
            throw new InvalidOperationException($"'{_name}' was given {_bytes} bytes, not the {_rows} rows of {_rowBytes} bytes that were announced");
        if (_id is null) return WriteWhole(rows);
        if (_used > 0)
        {
            _current.AsSpan(_used, _chunkBytes - _used).Clear();
            _full.Add(_current);
            _current = [];
            _used = 0;
        }
        Flush();
        using var _ = H5.Enter();
        if (_rows is null) Resize(rows);
        var dataset = new H5Dataset(_id);
        _id = null;
        return dataset;
    }

    public void Dispose()
    {
        foreach (byte[] chunk in _full) ArrayPool<byte>.Shared.Return(chunk);
        _full.Clear();
        if (_current.Length > 0) ArrayPool<byte>.Shared.Return(_current);
        _current = [];
        _id?.Dispose();
    }

    private H5Dataset WriteWhole(long rows)
    {
        var all = Array.CreateInstance(_type, _bytes / _size);
        var target = MemoryMarshal.CreateSpan(ref MemoryMarshal.GetArrayDataReference(all), (int)_bytes);
        foreach (byte[] chunk in _full)
        {
            chunk.AsSpan(0, _chunkBytes).CopyTo(target);
            target = target[_chunkBytes..];
        }
        _current.AsSpan(0, _used).CopyTo(target);
        return _columns is { } c ? _writer.WriteArray(_parent, _name, all, rows, c) : _writer.WriteArray(_parent, _name, all);
    }

    private void Flush()
    {
        var packed = new (byte[] Bytes, int Length)[_full.Count];
        Parallel.For(0, packed.Length, new ParallelOptions { MaxDegreeOfParallelism = _writer.Threads }, i => packed[i] = _writer.Pack(_full[i], _chunkBytes, _size));
        _full.Clear();
        using var _ = H5.Enter();
        _id ??= Create();
        if (_rows is null) Resize(_written + packed.Length * _chunkRows);
        ulong* offset = stackalloc ulong[2];
        offset[1] = 0;
        foreach (var chunk in packed)
        {
            offset[0] = (ulong)_written;
            fixed (byte* p = chunk.Bytes) H5.Check(H5Dwrite_chunk(_id, H5PropertiesId.Default, 0, offset, (nuint)chunk.Length, p), $"write '{_name}'");
            _written += _chunkRows;
        }
    }

    private H5ObjectId Create()
    {
        if (!H5.HasRawChunks) throw new Hdf5Exception("arrays of this size need libhdf5 1.10.3 or later");
        long rows = _rows ?? 0;
        long[] shape = _columns is { } c ? [rows, c] : [rows], chunk = _columns is { } w ? [_chunkRows, w] : [_chunkRows];
        using var space = _rows is null ? H5Space.Growing(shape) : H5Space.Simple(shape);
        using var fileType = H5Writer.FileType(_type);
        return _writer.Create(_parent, _name, fileType, space, chunk, _size);
    }

    private void Resize(long rows)
    {
        ulong* size = stackalloc ulong[2];
        (size[0], size[1]) = ((ulong)rows, (ulong)(_columns ?? 1));
        H5.Check(H5Dset_extent(_id!, size), $"extend '{_name}'");
    }
}
