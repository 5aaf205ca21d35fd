using System.Runtime.InteropServices;

namespace Cellcast.Tensors.Kernels;

/// <summary>Native memory that asks Linux for large pages where it is large: packing walks across many pages at once, and a miss of the
/// address cache costs more than the data, doubly so in a virtual machine.</summary>
internal static unsafe partial class HugePages
{
    private const int CacheLine = 64;
    private const int LargePage = 1 << 21;
    private const int Advice = 14;

    /// <summary>Memory aligned to a cache line, or to a large page where it fills one. Free with <see cref="NativeMemory.AlignedFree"/>.</summary>
    public static void* Allocate(nuint bytes)
    {
        if (bytes < LargePage || !OperatingSystem.IsLinux()) return NativeMemory.AlignedAlloc(bytes, CacheLine);
        void* p = NativeMemory.AlignedAlloc(bytes, LargePage);
        // A kernel that declines leaves ordinary pages, which is all right.
        _ = Advise(p, bytes, Advice);
        return p;
    }

    /// <summary>Asks for large pages for memory that belongs to someone else and has not been touched yet.</summary>
    public static void Prefer(void* from, nuint bytes)
    {
        if (bytes < 2 * LargePage || !OperatingSystem.IsLinux()) return;
        nuint first = ((nuint)from + LargePage - 1) & ~(nuint)(LargePage - 1), last = ((nuint)from + bytes) & ~(nuint)(LargePage - 1);
        if (last > first) _ = Advise((void*)first, last - first, Advice);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
