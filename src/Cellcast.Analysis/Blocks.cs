using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Cellcast.Analysis;

/// <summary>Cuts work into blocks whose number depends on the amount of work only, so that sums over blocks in their order have the same bits
/// for any number of threads.</summary>
public static class Blocks
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

    /// <summary>Runs ranges of items that together cover all once; what is done to one item must not depend on the others.</summary>
    public static void Ranges(int items, int threads, Action<int, int> body)
    {
        int ranges = Math.Clamp(items / 16, 1, 256);
        For(ranges, threads, b => body(Start(b, ranges, items), Start(b + 1, ranges, items)));
    }

    /// <summary>y += a x. Element by element, so the bits do not depend on the machine's vector width.</summary>
    public static void AddScaled(double a, ReadOnlySpan<double> x, Span<double> y)
    {
        int i = 0;
        if (Vector.IsHardwareAccelerated)
        {
            ref double px = ref MemoryMarshal.GetReference(x), py = ref MemoryMarshal.GetReference(y);
            for (; i <= y.Length - Vector<double>.Count; i += Vector<double>.Count)
                (Vector.LoadUnsafe(ref py, (nuint)i) + a * Vector.LoadUnsafe(ref px, (nuint)i)).StoreUnsafe(ref py, (nuint)i);
        }
        for (; i < y.Length; i++) y[i] += a * x[i];
    }

    /// <summary>x'y over eight fixed lanes: the same bits whatever the machine's vector width.</summary>
    public static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        var lanes = Vector512<double>.Zero;
        ref double px = ref MemoryMarshal.GetReference(x), py = ref MemoryMarshal.GetReference(y);
        int i = 0;
        for (; i <= x.Length - 8; i += 8) lanes += Vector512.LoadUnsafe(ref px, (nuint)i) * Vector512.LoadUnsafe(ref py, (nuint)i);
        double sum = Vector512.Sum(lanes);
        for (; i < x.Length; i++) sum += x[i] * y[i];
        return sum;
    }
}
