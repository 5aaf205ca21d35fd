using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Cellcast.Tensors.Kernels;

/// <summary>One piece of parallel work. Blocks may run in any order and on any thread, so what block <c>i</c> writes may depend on
/// <c>i</c> only; that is what makes results the same for every number of threads. Every thread has its own copy of the structure: results go through pointers.</summary>
public interface IBlockWork
{
    /// <summary>Runs one block.</summary>
    void Run(int block);
}

/// <summary>A fixed set of threads that share the blocks of a loop. The calling thread works too, so one thread means no other thread at all.
/// A call allocates nothing. Calls from inside a block, or while another thread uses the same set, run on the calling thread alone,
/// with the same result.</summary>
public sealed unsafe class Workers : IDisposable
{
    private readonly Thread[] _threads;
    private readonly object _gate = new();
    private readonly object _signal = new();
    private readonly int _spins;

    /// <summary>Blocks of each thread that nobody has begun yet: the first in the upper half, the end in the lower. A cache line apart.</summary>
    private readonly long[] _ranges;
    private delegate*<Workers, void*, int, void> _drain;
    private void* _state;

    /// <summary>Threads at work on the present loop besides the caller, or <see cref="Closed"/>.</summary>
    private int _inside = Closed;
    private volatile int _generation;
    private volatile bool _stopping;
    private int _asleep;
    private Exception? _failure;

    private const int Closed = -1;
    private const int LineLongs = 8;

    [ThreadStatic]
    private static bool t_inside;

    /// <summary>A set of one: everything runs on the calling thread.</summary>
    public static Workers Inline { get; } = new(1);

    /// <summary>Starts <paramref name="threads"/> - 1 threads.</summary>
    /// <param name="threads">Threads that take part, the caller's included; at least 1.</param>
    public Workers(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Count = threads;
        // Spinning keeps the hand-over between two kernels under a microsecond, but only where every thread can have a core.
        _spins = threads <= Environment.ProcessorCount ? 2000 : 0;
        _ranges = new long[threads * LineLongs];
        _threads = new Thread[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int thread = i + 1;
            _threads[i] = new Thread(() => Loop(thread)) { IsBackground = true, Name = $"cellcast-worker-{i + 1}" };
            _threads[i].Start();
        }
    }

    /// <summary>Threads that take part, the caller's included.</summary>
    public int Count { get; }

    /// <summary>Runs blocks 0 … <paramref name="blocks"/> - 1 and returns when all are done. An exception of a block is thrown here once
    /// no block is running any more; blocks not yet begun are dropped.</summary>
    /// <typeparam name="TWork">The work; a structure, so that the call needs no allocation.</typeparam>
    public void For<TWork>(int blocks, TWork work) where TWork : struct, IBlockWork
    {
        if (blocks <= 0) return;
        if (_threads.Length == 0 || blocks == 1 || t_inside || _stopping || !Monitor.TryEnter(_gate))
        {
            for (int i = 0; i < blocks; i++) work.Run(i);
            return;
        }
        try
        {
            // The structure lives in this frame, which outlives every block, and stacks do not move: a raw pointer to it is safe.
            _state = Unsafe.AsPointer(ref work);
            _drain = &Drain<TWork>;
            for (int i = 0; i < Count; i++) Volatile.Write(ref _ranges[i * LineLongs], Range((int)((long)blocks * i / Count), (int)((long)blocks * (i + 1) / Count)));
            _failure = null;
            Volatile.Write(ref _inside, 0);
            Interlocked.Increment(ref _generation);
            if (Volatile.Read(ref _asleep) > 0)
                lock (_signal) Monitor.PulseAll(_signal);
            Drain<TWork>(this, _state, 0);
            var wait = new SpinWait();
            // Waits for those who came, not for those who are still waking up: a short loop is over before they could help.
            while (Interlocked.CompareExchange(ref _inside, Closed, 0) != 0)
            {
                if (wait.Count < 200) wait.SpinOnce(sleep1Threshold: -1);
                else Thread.Yield();
            }
            if (_failure is { } failure) ExceptionDispatchInfo.Throw(failure);
        }
        finally { Monitor.Exit(_gate); }
    }

    private static void Drain<TWork>(Workers workers, void* state, int thread) where TWork : struct, IBlockWork
    {
        // Every thread works on a copy in its own frame: the caller's frame shares cache lines with what the caller's own blocks write to its stack, and reading a
        // field from there in an inner loop can make a kernel thirty times slower.
        TWork work = Unsafe.AsRef<TWork>(state);
        t_inside = true;
        try
        {
            int i;
            while ((i = workers.Next(thread)) >= 0) work.Run(i);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref workers._failure, e, null);
            for (int i = 0; i < workers.Count; i++) Volatile.Write(ref workers._ranges[i * LineLongs], 0);
        }
        finally { t_inside = false; }
    }

    private static long Range(int next, int end) => ((long)next << 32) | (uint)end;

    /// <summary>A block for a thread, or -1 where all are begun. Neighbouring blocks go to one thread, and the same ones every time a loop is run, so that what a core has written it
    /// finds in its own caches; cores of one processor may be as far from each other as from memory. Who has finished takes from the end of what others have left.</summary>
    private int Next(int thread)
    {
        for (int i = 0; i < Count; i++)
        {
            int whose = thread + i < Count ? thread + i : thread + i - Count;
            ref long range = ref _ranges[whose * LineLongs];
            long seen = Volatile.Read(ref range);
            while ((int)(seen >> 32) is var next && (int)seen is var end && next < end)
            {
                long before = Interlocked.CompareExchange(ref range, i == 0 ? Range(next + 1, end) : Range(next, end - 1), seen);
                if (before == seen) return i == 0 ? next : end - 1;
                seen = before;
            }
        }
        return -1;
    }

    /// <summary>Takes part in the loop that is open, if one is: from then on the caller waits for this thread.</summary>
    private bool TryEnter()
    {
        int inside;
        while ((inside = Volatile.Read(ref _inside)) != Closed)
            if (Interlocked.CompareExchange(ref _inside, inside + 1, inside) == inside) return true;
        return false;
    }

    private void Loop(int thread)
    {
        int seen = 0;
        while (true)
        {
            for (int s = 0; s < _spins && _generation == seen && !_stopping; s++) Thread.SpinWait(8);
            if (_generation == seen && !_stopping)
            {
                lock (_signal)
                {
                    Interlocked.Increment(ref _asleep);
                    while (_generation == seen && !_stopping) Monitor.Wait(_signal);
                    Interlocked.Decrement(ref _asleep);
                }
            }
            if (_stopping) return;
            seen = _generation;
            if (!TryEnter()) continue;
            _drain(this, _state, thread);
            Interlocked.Decrement(ref _inside);
        }
    }

    /// <summary>Ends the threads. Later calls run on the calling thread.</summary>
    public void Dispose()
    {
        if (_threads.Length == 0) return;
        lock (_gate)
        {
            _stopping = true;
            lock (_signal) Monitor.PulseAll(_signal);
        }
        foreach (Thread t in _threads) t.Join();
    }
}
