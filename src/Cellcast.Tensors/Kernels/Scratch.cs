using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cellcast.Tensors.Kernels;

/// <summary>Aligned native memory for the inside of kernels, kept per thread and used again, so that calls allocate nothing once warm.
/// Rent and dispose on the same thread. Contents are arbitrary.</summary>
internal readonly unsafe struct Scratch : IDisposable
{
    private const int Classes = 44;
    private const int Depth = 4;

    private readonly int _class;

    [ThreadStatic]
    private static Shelf? t_shelf;

    private Scratch(void* pointer, int sizeClass)
    {
        Pointer = (float*)pointer;
        _class = sizeClass;
    }

    /// <summary>First element, 64-byte aligned.</summary>
    public float* Pointer { get; }

    /// <summary>Rents room for a number of floats.</summary>
    public static Scratch Rent(long floats)
    {
        int c = Math.Max(10, BitOperations.Log2((ulong)Math.Max(1, floats * sizeof(float) - 1)) + 1);
        Shelf shelf = t_shelf ??= new Shelf();
        return new Scratch(shelf.Take(c), c);
    }

    /// <summary>Gives it back to this thread.</summary>
    public void Dispose()
    {
        if (Pointer != null) (t_shelf ??= new Shelf()).Put(Pointer, _class);
    }

    /// <summary>A few free buffers per power of two; freed when the thread is gone.</summary>
    private sealed class Shelf
    {
        private readonly nint[] _free = new nint[Classes * Depth];

        [MethodImpl(MethodImplOptions.NoInlining)]
        public void* Take(int c)
        {
            for (int i = c * Depth; i < (c + 1) * Depth; i++)
            {
                if (_free[i] == 0) continue;
                void* p = (void*)_free[i];
                _free[i] = 0;
                return p;
            }
            return HugePages.Allocate((nuint)1 << c);
        }

        public void Put(void* p, int c)
        {
            for (int i = c * Depth; i < (c + 1) * Depth; i++)
            {
                if (_free[i] != 0) continue;
                _free[i] = (nint)p;
                return;
            }
            NativeMemory.AlignedFree(p);
        }

        ~Shelf()
        {
            foreach (nint p in _free)
                if (p != 0) NativeMemory.AlignedFree((void*)p);
        }
    }
}
