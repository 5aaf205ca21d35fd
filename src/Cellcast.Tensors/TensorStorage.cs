using System.Runtime.InteropServices;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors;

/// <summary>The memory behind a tensor. Another device brings its own kind; its <see cref="Span"/> is then what the host sees.</summary>
public abstract class TensorStorage
{
    /// <summary>How many floats fit.</summary>
    public abstract int Capacity { get; }

    /// <summary>The floats as the host sees them.</summary>
    public abstract Span<float> Span { get; }

    /// <summary>The floats as the host sees them, in a form that closures can hold.</summary>
    public abstract Memory<float> Memory { get; }
}

/// <summary>Main memory that does not move and starts on a cache line, so that vector loads never cross one.</summary>
internal sealed unsafe class HostStorage : TensorStorage
{
    private const int CacheLineFloats = 16;
    private readonly float[] _array;
    private readonly int _start;

    internal HostStorage(int capacity, bool cleared)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, Array.MaxLength - CacheLineFloats);
        _array = cleared ? GC.AllocateArray<float>(capacity + CacheLineFloats, pinned: true)
            : GC.AllocateUninitializedArray<float>(capacity + CacheLineFloats, pinned: true);
        long misalignment = Marshal.UnsafeAddrOfPinnedArrayElement(_array, 0) % (CacheLineFloats * sizeof(float));
        _start = (int)((CacheLineFloats - misalignment / sizeof(float)) % CacheLineFloats);
        Capacity = capacity;
        HugePages.Prefer(Pointer, (nuint)capacity * sizeof(float));
    }

    /// <summary>Address of the first float; valid as long as the storage is referenced.</summary>
    internal float* Pointer => (float*)Marshal.UnsafeAddrOfPinnedArrayElement(_array, _start);

    public override int Capacity { get; }

    public override Span<float> Span => new(_array, _start, Capacity);

    public override Memory<float> Memory => new(_array, _start, Capacity);
}
