namespace Cellcast.TestSupport;

/// <summary>Says whether repeated calls allocate managed memory.</summary>
public static class Allocations
{
    /// <summary>
    /// The fewest bytes that ten calls in a row allocated on this thread, over several tries. Scratch memory that a thread takes once,
    /// whenever the scheduler first gives it a piece of that shape, is not counted; what every call allocates is, in every try.
    /// </summary>
    public static long PerTenCallsOnceWarm(Action call)
    {
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 20 && least > 0; attempt++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 10; i++) call();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        return least;
    }
}
