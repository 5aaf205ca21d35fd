using System.Runtime.CompilerServices;

namespace Cellcast.Tensors.Kernels.Simd;

/// <summary>Arrays that all blocks of a loop add to. Blocks form four groups, sums are taken block by block within a group and group by group in the end, whoever runs which. A thread that
/// goes from a block to the next of its group adds in place, so that an array per group is written where few threads share the blocks, and stays in the caches of one core; a block that is
/// not preceded in this way leaves an array of its own, which is added in its turn. The bits are the same.</summary>
internal readonly unsafe struct PartialSums
{
    private const int Groups = 4;

    private readonly float* _memory;
    private readonly int* _owners;
    private readonly nint _size;
    private readonly int _blocks, _perGroup;

    /// <param name="memory">Room for <paramref name="blocks"/> arrays, most of which will not be touched.</param>
    /// <param name="size">Elements of an array.</param>
    /// <param name="owners">A number per block.</param>
    /// <param name="blocks">Blocks of the loop.</param>
    public PartialSums(float* memory, long size, int* owners, int blocks)
    {
        _memory = memory;
        _size = (nint)size;
        _owners = owners;
        _blocks = blocks;
        _perGroup = (blocks + Groups - 1) / Groups;
        new Span<int>(owners, blocks).Clear();
    }

    public bool IsWanted => _memory != null;

    /// <summary>Where a block puts its part. Called once per block, by the thread that runs it.</summary>
    /// <param name="block">The block.</param>
    /// <param name="add">Add to what is there, rather than replace it.</param>
    public float* Of(int block, out bool add)
    {
        int first = block / _perGroup * _perGroup, thread = Environment.CurrentManagedThreadId;
        add = block > first && Volatile.Read(ref _owners[block - 1]) == thread;
        if (add || block == first) Volatile.Write(ref _owners[block], thread);
        return _memory + (add ? first : block) * _size;
    }

    /// <summary>The sum of all blocks' elements from <paramref name="position"/> on, once the loop is over.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Total<T>(nint position) where T : struct, IVec<T>
    {
        T total = T.Zero;
        for (int first = 0; first < _blocks; first += _perGroup)
        {
            T group = T.Load(_memory + first * _size + position);
            for (int b = first + 1; b < Math.Min(_blocks, first + _perGroup); b++)
                if (_owners[b] == 0) group += T.Load(_memory + b * _size + position);
            total = first == 0 ? group : total + group;
        }
        return total;
    }
}

/// <summary>Genes cut into blocks of about as many, in whole panels of columns, so that as many threads as there are get as much to do.</summary>
/// <param name="genes">Genes.</param>
/// <param name="unit">What blocks are multiples of.</param>
/// <param name="most">Most genes of a block; a multiple of the unit.</param>
internal readonly struct EvenBlocks(int genes, int unit, int most)
{
    private readonly int _units = (genes + unit - 1) / unit;

    public int Count => (_units * unit + most - 1) / most;

    /// <summary>First gene of a block; of the one after the last, the number of genes.</summary>
    public int First(int block) => Math.Min(genes, (int)((long)_units * block / Count) * unit);
}
