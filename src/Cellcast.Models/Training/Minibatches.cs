using Cellcast.Tensors.Random;

namespace Cellcast.Models.Training;

/// <summary>
/// Shuffled minibatches of equal size: the items are dealt to ceil(n / size) batches whose sizes differ by at most one, so that every item is
/// used and no batch is a small remainder (whose softmax over cells would be noise).
/// </summary>
public sealed class Minibatches
{
    private readonly int[] _items;
    private readonly RandomKey _key;
    private int[] _order = [];
    private int _epoch = -1;

    /// <param name="items">What is dealt, e.g. row numbers.</param>
    /// <param name="size">Most items per batch; at least 1.</param>
    /// <param name="key">Source of the order; the order of an epoch depends on nothing else.</param>
    public Minibatches(int[] items, int size, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        _items = items;
        _key = key;
        Count = Math.Max(1, (items.Length + size - 1) / size);
    }

    /// <summary>Batches per epoch.</summary>
    public int Count { get; }

    /// <summary>The items of a batch, in ascending order so that memory is read forward.</summary>
    public int[] Batch(int epoch, int index)
    {
        if (epoch != _epoch)
        {
            int[] permutation = new RandomStream(_key.Split(epoch)).NextPermutation(_items.Length);
            _order = [.. permutation.Select(i => _items[i])];
            _epoch = epoch;
        }
        int from = (int)((long)_items.Length * index / Count), to = (int)((long)_items.Length * (index + 1) / Count);
        int[] batch = _order[from..to];
        Array.Sort(batch);
        return batch;
    }
}
