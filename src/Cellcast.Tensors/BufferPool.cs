using System.Numerics;

namespace Cellcast.Tensors;

/// <summary>Keeps memory between steps, in size classes of at most a quarter too large, so that a training step allocates nothing large.</summary>
internal sealed class BufferPool
{
    private const int SmallestClass = 64;
    private readonly Dictionary<int, Stack<HostStorage>> _free = [];
    private readonly Lock _lock = new();

    internal HostStorage Rent(int length)
    {
        int size = SizeClass(length);
        lock (_lock)
        {
            if (_free.TryGetValue(size, out var stack) && stack.TryPop(out var storage)) return storage;
        }
        return new HostStorage(size, cleared: false);
    }

    internal void Return(HostStorage storage)
    {
        lock (_lock)
        {
            if (!_free.TryGetValue(storage.Capacity, out var stack)) _free[storage.Capacity] = stack = new Stack<HostStorage>();
            stack.Push(storage);
        }
    }

    internal void Clear()
    {
        lock (_lock) _free.Clear();
    }

    private static int SizeClass(int length)
    {
        if (length <= SmallestClass) return SmallestClass;
        int quarter = (int)(BitOperations.RoundUpToPowerOf2((uint)length) / 8);
        long size = ((long)length + quarter - 1) / quarter * quarter;
        return (int)Math.Min(size, Math.Max(length, Array.MaxLength - SmallestClass));
    }
}
