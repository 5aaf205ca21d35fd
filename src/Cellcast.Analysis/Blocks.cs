namespace Cellcast.Analysis;

/// <summary>Cuts work into blocks whose number depends on the amount of work only, so that sums over blocks in their order have the same bits
/// for any number of threads.</summary>
internal static class Blocks
{
    private const int Most = 32;

    /// <summary>Number of blocks for a number of items.</summary>
    public static int Count(int items) => Math.Clamp(items / 64, 1, Most);

    /// <summary>First item of a block; that of the block after the last is the number of items.</summary>
    public static int Start(int block, int blocks, int items) => (int)((long)items * block / blocks);

    /// <summary>Runs every index once, on at most <paramref name="threads"/> threads (0: all cores).</summary>
    public static void For(int count, int threads, Action<int> body)
    {
        if (threads == 1 || count <= 1)
        {
            for (int i = 0; i < count; i++) body(i);
            return;
        }
        try { Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount }, body); }
        catch (AggregateException e) when (e.InnerExceptions.Count > 0) { System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]); }
    }
}
