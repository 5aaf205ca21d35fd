using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Benchmarks;

/// <summary>What this machine can do at best, measured: every kernel is judged against it.</summary>
/// <param name="Threads">Threads that took part.</param>
/// <param name="InstructionSet">Vectors in use: AVX-512, AVX2, 128-bit or none.</param>
/// <param name="GigaflopsPerSecond">float32 multiply-adds (two operations each) from registers, at the vectors in use.</param>
/// <param name="Gigaflops512">The same with 512-bit vectors, 0 where the machine has none.</param>
/// <param name="Gigaflops256">The same with 256-bit vectors, 0 where the machine has none.</param>
/// <param name="Gigaflops128">The same with 128-bit vectors.</param>
/// <param name="ReadGigabytesPerSecond">Reading from main memory.</param>
/// <param name="CopyGigabytesPerSecond">Copying in main memory, bytes read plus bytes written.</param>
public sealed record MachineCeilings(int Threads, string InstructionSet, double GigaflopsPerSecond, double Gigaflops512, double Gigaflops256, double Gigaflops128,
    double ReadGigabytesPerSecond, double CopyGigabytesPerSecond)
{
    private const int BytesPerThread = 128 << 20;

    /// <summary>Measures them with the threads given; takes a few seconds.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="seconds">Time for each figure.</param>
    public static MachineCeilings Measure(Workers workers, double seconds = 0.3)
    {
        ArgumentNullException.ThrowIfNull(workers);
        double f512 = MachineVectors.Is512 ? Rate<F512>(workers, seconds) : 0;
        double f256 = MachineVectors.Is256 ? Rate<F256>(workers, seconds) : 0;
        double f128 = Rate<F128>(workers, seconds);
        var (read, copy) = Bandwidth(workers, seconds);
        double used = MachineVectors.Is512 ? f512 : MachineVectors.Is256 ? f256 : f128;
        return new MachineCeilings(workers.Count, MachineVectors.Name, used, f512, f256, f128, read, copy);
    }

    private static double Rate<T>(Workers workers, double seconds) where T : struct, IVec<T>
    {
        bool quick = Vector128.IsHardwareAccelerated;
        int rounds = quick ? 200_000 : 200;
        Timing t = BenchmarkTimer.Measure(() => workers.For(workers.Count, new MultiplyAdds<T>(rounds)), seconds);
        return 2.0 * MultiplyAdds<T>.Chains * T.Count * rounds * workers.Count / t.Best / 1e9;
    }

    private static unsafe (double Read, double Copy) Bandwidth(Workers workers, double seconds)
    {
        long floats = (long)BytesPerThread / sizeof(float) * workers.Count;
        using Scratch from = Scratch.Rent(floats), to = Scratch.Rent(floats);
        new Span<float>(from.Pointer, checked((int)floats)).Fill(1);
        new Span<float>(to.Pointer, checked((int)floats)).Clear();
        int blocks = (int)(floats / Stream.Block);
        double read = BenchmarkTimer.Measure(() => workers.ForVectors(blocks, new Stream(from.Pointer, null)), seconds).Best;
        double copy = BenchmarkTimer.Measure(() => workers.ForVectors(blocks, new Stream(from.Pointer, to.Pointer)), seconds).Best;
        return (floats * 4.0 / read / 1e9, floats * 8.0 / copy / 1e9);
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
            BenchmarkTimer.Keep(sink[0]);
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
            BenchmarkTimer.Keep(sink[0]);
        }
    }
}
