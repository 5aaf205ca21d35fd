using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Benchmarks;

/// <summary>Short measurements of what the machine can do at this moment, to be taken in turns with what is judged by them: how fast a shared machine is changes within seconds.</summary>
public sealed unsafe class CeilingProbe : IDisposable
{
    private const int BytesPerThread = 128 << 20;

    /// <summary>Keeps the compiler from dropping a result.</summary>
    private static volatile float s_sink;

    private readonly Workers _workers;
    private Scratch _from, _to;
    private long _floats;

    /// <param name="workers">Threads that take part.</param>
    public CeilingProbe(Workers workers)
    {
        ArgumentNullException.ThrowIfNull(workers);
        _workers = workers;
    }

    /// <summary>float32 operations per second (two per multiply-add) from registers, at the vectors in use; takes about half a millisecond.</summary>
    public double Flops() => MachineVectors.Is512 ? Flops<F512>() : MachineVectors.Is256 ? Flops<F256>() : Flops<F128>();

    /// <summary>The same for vectors of type <typeparamref name="T"/>.</summary>
    internal double Flops<T>() where T : struct, IVec<T>
    {
        int rounds = Vector128.IsHardwareAccelerated ? 200_000 : 200;
        long start = Stopwatch.GetTimestamp();
        _workers.For(_workers.Count, new MultiplyAdds<T>(rounds));
        return 2.0 * MultiplyAdds<T>.Chains * T.Count * rounds * _workers.Count / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Seconds that a cache line takes from one core to another, on average over the first two threads; 0 on one. Within one third-level cache about 20 to 50 ns, between two of them 100
    /// to 200 ns and more: threads that read what others wrote then wait longer, and which cores a virtual machine has may change from one second to the next. Takes about a millisecond.</summary>
    public double HandOver()
    {
        if (_workers.Count < 2) return 0;
        long* memory = stackalloc long[PingPong.Longs + PingPong.LineLongs];
        memory = (long*)(((nint)memory + 63) & ~(nint)63);
        double best = double.PositiveInfinity;
        for (int i = 0; i < 5; i++)
        {
            new Span<long>(memory, PingPong.Longs).Clear();
            _workers.For(2, new PingPong(memory));
            // Where the other thread came too late nothing was measured.
            if (memory[PingPong.Ticks] > 0) best = Math.Min(best, (double)memory[PingPong.Ticks] / Stopwatch.Frequency / PingPong.HandOvers);
        }
        return double.IsFinite(best) ? best : 0;
    }

    /// <summary>Bytes per second read from main memory; takes some milliseconds.</summary>
    public double Read()
    {
        RentBuffers();
        long start = Stopwatch.GetTimestamp();
        _workers.ForVectors((int)(_floats / Stream.Block), new Stream(_from.Pointer, null));
        return _floats * 4.0 / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Bytes per second read and written while copying in main memory; takes some ten milliseconds.</summary>
    public double Copy()
    {
        RentBuffers();
        long start = Stopwatch.GetTimestamp();
        _workers.ForVectors((int)(_floats / Stream.Block), new Stream(_from.Pointer, _to.Pointer));
        return _floats * 8.0 / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_floats == 0) return;
        _from.Dispose();
        _to.Dispose();
    }

    private void RentBuffers()
    {
        if (_floats > 0) return;
        _floats = (long)BytesPerThread / sizeof(float) * _workers.Count;
        (_from, _to) = (Scratch.Rent(_floats), Scratch.Rent(_floats));
        new Span<float>(_from.Pointer, checked((int)_floats)).Fill(1);
        new Span<float>(_to.Pointer, checked((int)_floats)).Clear();
    }

    /// <summary>Independent chains of multiply-adds in registers: enough of them to cover the latency of two units.</summary>
    private readonly struct MultiplyAdds<T>(int rounds) : IBlockWork where T : struct, IVec<T>
    {
        public const int Chains = 12;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public unsafe void Run(int block)
        {
            T x = T.Create(0.999f), y = T.Create(0.001f);
            T a = x, b = x, c = x, d = x, e = x, f = x, g = x, h = x, i = x, j = x, k = x, l = x;
            for (int n = 0; n < rounds; n++)
            {
                a = T.Fma(a, x, y);
                b = T.Fma(b, x, y);
                c = T.Fma(c, x, y);
                d = T.Fma(d, x, y);
                e = T.Fma(e, x, y);
                f = T.Fma(f, x, y);
                g = T.Fma(g, x, y);
                h = T.Fma(h, x, y);
                i = T.Fma(i, x, y);
                j = T.Fma(j, x, y);
                k = T.Fma(k, x, y);
                l = T.Fma(l, x, y);
            }
            float* sink = stackalloc float[16];
            T.Store(sink, a + b + c + d + (e + f + g + h) + (i + j + k + l));
            s_sink = sink[0];
        }
    }

    private readonly unsafe struct Stream(float* from, float* to) : IVectorKernel
    {
        public const int Block = 1 << 16;

        private readonly float* _from = from, _to = to;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run<T>(int block) where T : struct, IVec<T>
        {
            float* p = _from + (nint)block * Block;
            if (_to != null)
            {
                new ReadOnlySpan<float>(p, Block).CopyTo(new Span<float>(_to + (nint)block * Block, Block));
                return;
            }
            T a = T.Zero, b = T.Zero, c = T.Zero, d = T.Zero;
            for (int i = 0; i < Block; i += 4 * T.Count)
            {
                a += T.Load(p + i);
                b += T.Load(p + i + T.Count);
                c += T.Load(p + i + 2 * T.Count);
                d += T.Load(p + i + 3 * T.Count);
            }
            float* sink = stackalloc float[16];
            T.Store(sink, a + b + (c + d));
            s_sink = sink[0];
        }
    }

    /// <summary>Two threads that pass a number to and fro.</summary>
    private readonly struct PingPong(long* memory) : IBlockWork
    {
        public const int LineLongs = 8, Longs = 32, HandOvers = 2 * Rounds, Ticks = 24;
        private const int Rounds = 1000, Arrivals = 16;
        private const double Patience = 0.002;

        private readonly long* _memory = memory;

        public void Run(int block)
        {
            long start = Stopwatch.GetTimestamp();
            Interlocked.Increment(ref _memory[Arrivals]);
            while (Volatile.Read(ref _memory[Arrivals]) < 2)
                if (Stopwatch.GetElapsedTime(start).TotalSeconds > Patience) return;
            start = Stopwatch.GetTimestamp();
            for (int i = 0; i < Rounds; i++)
            {
                for (int spins = 0; Volatile.Read(ref _memory[0]) != 2 * i + block; spins++)
                    if (spins % 1000 == 999 && Stopwatch.GetElapsedTime(start).TotalSeconds > Patience) return;
                Volatile.Write(ref _memory[0], 2 * i + block + 1);
            }
            if (block == 1) _memory[Ticks] = Stopwatch.GetTimestamp() - start;
        }
    }
}
