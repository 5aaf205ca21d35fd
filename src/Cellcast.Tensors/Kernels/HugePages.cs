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

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
