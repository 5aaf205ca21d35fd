using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Microsoft.Win32.SafeHandles;

namespace Cellcast.AnnData;

/// <summary>
/// A sparse matrix of counts packed into 3 bytes per stored value (column in 2, value in 1): a million cells with 500 genes each take 1.5 GB. It lies in
/// memory or in a file without a name, and rows are unpacked into the block of whoever asks. Nothing is lost: a value that is no whole number below 255
/// takes 4 more bytes, and so do columns beyond the first 65,536 take 2 more.
/// </summary>
public sealed class PackedMatrix : StreamedMatrix, IDisposable
{
    private const int SegmentBits = 26;
    private const int SegmentBytes = 1 << SegmentBits;
    private const byte Escape = 255;

    private readonly long[] _starts;
    private readonly int[] _lengths;
    private readonly byte[]?[] _segments;
    private readonly SafeFileHandle? _file;
    private readonly long _stored;

    private PackedMatrix(int columns, long[] starts, int[] lengths, byte[]?[] segments, SafeFileHandle? file, long stored, long bytes) : base(lengths.Length, columns) =>
        (_starts, _lengths, _segments, _file, _stored, PackedBytes) = (starts, lengths, segments, file, stored, bytes);

    /// <inheritdoc/>
    public override long? StoredCount => _stored;

    /// <summary>Size of the packed rows.</summary>
    public long PackedBytes { get; }

    /// <summary>Whether the rows lie in a file.</summary>
    public bool IsSpilled => _file is not null;

    /// <summary>Packs all rows of a matrix.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="space">Memory it may take, and where it goes beyond; <see cref="ScratchSpace.Default"/> when null.</param>
    /// <param name="cancellation">Checked between blocks.</param>
    public static PackedMatrix Of(Matrix matrix, ScratchSpace? space = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(matrix);
        using var packing = new Packing(matrix.Columns, space);
        matrix.ForEachBlock((_, rows) => packing.Append(rows), cancellation);
        return packing.ToMatrix();
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private protected override void FillRows(int first, int count, RowBlock block)
    {
        if (count == 0) return;
        if (_file is null)
        {
            for (int r = first; r < first + count; r++) Unpack(Segment(r), r, block);
            return;
        }
        // Neighbours lie side by side: a few large reads.
        var buffer = new byte[SegmentBytes];
        for (int from = first; from < first + count;)
        {
            int to = from + 1;
            while (to < first + count && End(to) - _starts[from] <= buffer.Length) to++;
            Read(buffer.AsSpan(0, (int)(End(to - 1) - _starts[from])), _starts[from]);
            for (int r = from; r < to; r++) Unpack(buffer.AsSpan((int)(_starts[r] - _starts[from])), r, block);
            from = to;
        }
    }

    private protected override void FillRows(ReadOnlySpan<int> rows, RowBlock block)
    {
        if (_file is null)
        {
            foreach (int r in rows) Unpack(Segment(r), r, block);
            return;
        }
        // Rows are read side by side, so that a disk has several requests to work on.
        var numbers = rows.ToArray();
        var packed = new byte[numbers.Length][];
        Parallel.For(0, numbers.Length, i => Read(packed[i] = new byte[End(numbers[i]) - _starts[numbers[i]]], _starts[numbers[i]]));
        for (int i = 0; i < numbers.Length; i++) Unpack(packed[i], numbers[i], block);
    }

    private long End(int row) => row + 1 < Rows && _starts[row + 1] >> SegmentBits == _starts[row] >> SegmentBits ? _starts[row + 1] : _starts[row] + SizeOf(row);

    // The last row of a segment is followed by nothing; its exact size is found by reading on to the segment's end at most.
    private long SizeOf(int row) => Math.Min(PackedBytes, ((_starts[row] >> SegmentBits) + 1) << SegmentBits) - _starts[row];

    private ReadOnlySpan<byte> Segment(int row) => _segments[_starts[row] >> SegmentBits].AsSpan((int)(_starts[row] & (SegmentBytes - 1)));

    private void Read(Span<byte> target, long at) => ScratchSpace.Read(_file!, target, at);

    private protected override bool RowsLieInMemory => _file is null;

    internal override int LengthInMemory(int row) => _lengths[row];

    private protected override void CopyRow(int row, Span<int> indices, Span<float> values) => Unpack(Segment(row), indices, values);

    private void Unpack(ReadOnlySpan<byte> packed, int row, RowBlock block)
    {
        block.Append(_lengths[row], out var indices, out var values);
        Unpack(packed, indices, values);
    }

    private void Unpack(ReadOnlySpan<byte> packed, Span<int> indices, Span<float> values)
    {
        int n = indices.Length;
        int width = Columns <= 1 << 16 ? 2 : 4;
        if (width == 2) Widen(MemoryMarshal.Cast<byte, ushort>(packed[..(2 * n)]), indices);
        else MemoryMarshal.Cast<byte, int>(packed[..(4 * n)]).CopyTo(indices);
        var small = packed.Slice(width * n, n);
        if (!Widen(small, values)) return;
        var wide = packed[((width + 1) * n)..];
        for (int k = 0, next = 0; k < n; k++)
            if (small[k] == Escape) values[k] = BinaryPrimitives.ReadSingleLittleEndian(wide[(4 * next++)..]);
    }

    private static void Widen(ReadOnlySpan<ushort> from, Span<int> to)
    {
        int i = 0;
        ref ushort f = ref MemoryMarshal.GetReference(from);
        ref int t = ref MemoryMarshal.GetReference(to);
        for (; i <= from.Length - 8; i += 8)
        {
            var (low, high) = Vector128.Widen(Vector128.LoadUnsafe(ref f, (nuint)i));
            low.AsInt32().StoreUnsafe(ref t, (nuint)i);
            high.AsInt32().StoreUnsafe(ref t, (nuint)i + 4);
        }
        for (; i < from.Length; i++) to[i] = from[i];
    }

    /// <summary>Bytes as numbers; true when one of them is the escape.</summary>
    private static bool Widen(ReadOnlySpan<byte> from, Span<float> to)
    {
        int i = 0;
        bool escaped = false;
        ref byte f = ref MemoryMarshal.GetReference(from);
        ref float t = ref MemoryMarshal.GetReference(to);
        for (; i <= from.Length - 16; i += 16)
        {
            var bytes = Vector128.LoadUnsafe(ref f, (nuint)i);
            escaped |= Vector128.EqualsAny(bytes, Vector128.Create(Escape));
            var (a, b) = Vector128.Widen(bytes);
            var (a0, a1) = Vector128.Widen(a);
            var (b0, b1) = Vector128.Widen(b);
            Vector128.ConvertToSingle(a0.AsInt32()).StoreUnsafe(ref t, (nuint)i);
            Vector128.ConvertToSingle(a1.AsInt32()).StoreUnsafe(ref t, (nuint)i + 4);
            Vector128.ConvertToSingle(b0.AsInt32()).StoreUnsafe(ref t, (nuint)i + 8);
            Vector128.ConvertToSingle(b1.AsInt32()).StoreUnsafe(ref t, (nuint)i + 12);
        }
        for (; i < from.Length; i++)
        {
            to[i] = from[i];
            escaped |= from[i] == Escape;
        }
        return escaped;
    }

    /// <summary>Packs rows as they come.</summary>
    public sealed class Packing : IDisposable
    {
        private readonly int _columns;
        private readonly ScratchSpace _space;
        private readonly List<long> _starts = [];
        private readonly List<int> _lengths = [];
        private readonly List<byte[]?> _segments = [];
        private SafeFileHandle? _file;
        private byte[] _current = [];
        private int _used = SegmentBytes;
        private long _stored;

        /// <param name="columns">Number of columns.</param>
        /// <param name="space">Memory it may take, and where it goes beyond; <see cref="ScratchSpace.Default"/> when null.</param>
        public Packing(int columns, ScratchSpace? space = null)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(columns);
            (_columns, _space) = (columns, space ?? ScratchSpace.Default);
        }

        /// <summary>Adds rows.</summary>
        /// <exception cref="OutputException">The file could not be written.</exception>
        public void Append(RowBlock rows)
        {
            ArgumentNullException.ThrowIfNull(rows);
            int width = _columns <= 1 << 16 ? 2 : 4;
            for (int r = 0; r < rows.Count; r++)
            {
                var indices = rows.RowIndices(r);
                var values = rows.RowValues(r);
                int escapes = 0;
                foreach (float v in values)
                    if (!IsSmall(v)) escapes++;
                int size = (width + 1) * indices.Length + 4 * escapes;
                // Columns are read in place as 16-bit or 32-bit numbers.
                int start = (_used + width - 1) & -width;
                if (start > SegmentBytes - size || start == SegmentBytes)
                {
                    if (size > SegmentBytes) throw new ArgumentException($"a row with {indices.Length} stored values is too long to be packed", nameof(rows));
                    NewSegment();
                    start = 0;
                }
                _starts.Add(((long)(_segments.Count - 1) << SegmentBits) + start);
                _lengths.Add(indices.Length);
                _stored += indices.Length;
                Pack(indices, values, width, _current.AsSpan(start, size));
                _used = start + size;
            }
        }

        /// <summary>The matrix; this packing is empty afterwards.</summary>
        public PackedMatrix ToMatrix()
        {
            long bytes = _segments.Count == 0 ? 0 : ((long)(_segments.Count - 1) << SegmentBits) + _used;
            if (_file is null && bytes > _space.Memory) Spill();
            if (_file is not null) Write(_segments.Count - 1, _current, _used);
            else if (_segments.Count > 0) _segments[^1] = _used < SegmentBytes / 2 ? _current[.._used] : _current;
            var matrix = new PackedMatrix(_columns, [.. _starts], [.. _lengths], [.. _segments], _file, _stored, bytes);
            (_file, _current, _used, _stored) = (null, [], SegmentBytes, 0);
            _starts.Clear();
            _lengths.Clear();
            _segments.Clear();
            return matrix;
        }

        /// <inheritdoc/>
        public void Dispose() => _file?.Dispose();

        private static bool IsSmall(float v) => v is >= 0 and < Escape && v == (byte)v && BitConverter.SingleToInt32Bits(v) >= 0;

        private static void Pack(ReadOnlySpan<int> indices, ReadOnlySpan<float> values, int width, Span<byte> target)
        {
            int n = indices.Length, next = (width + 1) * n;
            if (width == 2)
            {
                var columns = MemoryMarshal.Cast<byte, ushort>(target[..(2 * n)]);
                for (int k = 0; k < n; k++) columns[k] = (ushort)indices[k];
            }
            else indices.CopyTo(MemoryMarshal.Cast<byte, int>(target[..(4 * n)]));
            var small = target.Slice(width * n, n);
            for (int k = 0; k < n; k++)
            {
                if (IsSmall(values[k]))
                {
                    small[k] = (byte)values[k];
                    continue;
                }
                small[k] = Escape;
                BinaryPrimitives.WriteSingleLittleEndian(target[next..], values[k]);
                next += 4;
            }
        }

        private void NewSegment()
        {
            if (_segments.Count > 0)
            {
                if (_file is null && (long)(_segments.Count + 1) << SegmentBits > _space.Memory) Spill();
                if (_file is not null) Write(_segments.Count - 1, _current, SegmentBytes);
                else _segments[^1] = _current;
            }
            if (_file is null || _current.Length == 0) _current = GC.AllocateUninitializedArray<byte>(SegmentBytes);
            _segments.Add(null);
            _used = 0;
        }

        private void Spill()
        {
            _file = _space.NewFile();
            for (int s = 0; s < _segments.Count - 1; s++)
            {
                Write(s, _segments[s]!, SegmentBytes);
                _segments[s] = null;
            }
        }

        private void Write(int segment, byte[] bytes, int length) => _space.Write(_file!, bytes.AsSpan(0, length), (long)segment << SegmentBits);
    }
}
