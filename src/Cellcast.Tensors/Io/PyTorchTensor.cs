namespace Cellcast.Tensors.Io;

/// <summary>A run of numbers in a checkpoint that several tensors may share.</summary>
internal sealed class PyTorchStorage(string key, ElementType type, long count)
{
    private readonly PyTorchStorage? _whole;
    private readonly long _start;

    private PyTorchStorage(PyTorchStorage whole, long start, long count) : this(whole.Key, whole.Type, count)
    {
        _whole = whole;
        _start = start;
    }

    internal string Key => key;

    internal ElementType Type => type;

    internal long Count => count;

    internal long ByteLength => count * ElementTypes.SizeOf(type);

    /// <summary>Where its bytes are in a file of the older format; negative where they are not.</summary>
    internal long FileOffset
    {
        get => _whole is null ? field : _whole.FileOffset < 0 ? -1 : _whole.FileOffset + _start * ElementTypes.SizeOf(type);
        set;
    } = -1;

    /// <summary>A part of it as a storage of its own (older format).</summary>
    internal PyTorchStorage Piece(long offset, long size) =>
        _whole is null && offset >= 0 && size >= 0 && offset <= count - size ? new PyTorchStorage(this, offset, size) : throw new InvalidDataException($"a piece of storage '{key}' lies outside it");

    /// <summary>The type of the numbers in a storage class, or null if that is none.</summary>
    internal static ElementType? TypeOf(string storageClass) => storageClass switch
    {
        "FloatStorage" => ElementType.F32,
        "DoubleStorage" => ElementType.F64,
        "HalfStorage" => ElementType.F16,
        "BFloat16Storage" => ElementType.BF16,
        "LongStorage" => ElementType.I64,
        "IntStorage" => ElementType.I32,
        "ShortStorage" => ElementType.I16,
        "CharStorage" => ElementType.I8,
        "ByteStorage" => ElementType.U8,
        "BoolStorage" => ElementType.Bool,
        _ => null,
    };
}

/// <summary>A tensor of a checkpoint: a shape laid over a storage, not necessarily without gaps or in order.</summary>
public sealed class PyTorchTensor
{
    private const long LargestExpansion = 1 << 24;
    private readonly long _offset;
    private readonly long[] _shape;
    private readonly long[] _strides;

    private PyTorchTensor(PyTorchStorage storage, long offset, long[] shape, long[] strides, long count)
    {
        Storage = storage;
        _offset = offset;
        _shape = shape;
        _strides = strides;
        Count = count;
    }

    /// <summary>How its numbers are stored.</summary>
    public ElementType Type => Storage.Type;

    /// <summary>Sizes of the dimensions; none for a single number.</summary>
    public IReadOnlyList<long> Shape => _shape;

    /// <summary>How many numbers it holds.</summary>
    public long Count { get; }

    internal PyTorchStorage Storage { get; }

    /// <summary>Checks that every element lies within the storage.</summary>
    internal static PyTorchTensor Create(PyTorchStorage storage, long offset, long[] shape, long[] strides)
    {
        if (shape.Length != strides.Length || shape.Length > 64) throw new InvalidDataException("a tensor's shape and strides do not fit each other");
        if (offset < 0 || shape.Any(d => d < 0) || strides.Any(s => s < 0)) throw new InvalidDataException("a tensor has a negative size, stride or offset");
        if (shape.Contains(0)) return new PyTorchTensor(storage, 0, [0], [1], 0);
        try
        {
            long count = 1, last = offset;
            for (int i = 0; i < shape.Length; i++)
            {
                count = checked(count * shape[i]);
                last = checked(last + checked((shape[i] - 1) * strides[i]));
            }
            if (last >= storage.Count) throw new InvalidDataException($"a tensor reaches beyond storage '{storage.Key}'");
            // With a stride of 0 a small file can name a huge tensor.
            if (count > Math.Max(storage.Count, LargestExpansion)) throw new InvalidDataException("a tensor is far larger than what is stored of it");
            return new PyTorchTensor(storage, offset, shape, strides, count);
        }
        catch (OverflowException) { throw new InvalidDataException("a tensor has an impossible shape"); }
    }

    /// <summary>Takes the elements out of the storage, last dimension fastest.</summary>
    internal void CopyRowMajor<T>(ReadOnlySpan<T> storage, Span<T> to)
    {
        if (Count == 0) return;
        var index = new long[_shape.Length];
        long from = _offset;
        for (int i = 0; ; i++)
        {
            to[i] = storage[(int)from];
            int d = _shape.Length - 1;
            while (d >= 0 && ++index[d] == _shape[d])
            {
                from -= (index[d] - 1) * _strides[d];
                index[d--] = 0;
            }
            if (d < 0) return;
            from += _strides[d];
        }
    }
}
