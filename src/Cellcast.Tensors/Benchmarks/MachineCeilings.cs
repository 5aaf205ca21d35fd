using System.Diagnostics;
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
/// <param name="HandOverNanoseconds">Time that a cache line takes from core to core (<see cref="CeilingProbe.HandOver"/>), 0 on one thread.</param>
public sealed record MachineCeilings(int Threads, string InstructionSet, double GigaflopsPerSecond, double Gigaflops512, double Gigaflops256, double Gigaflops128,
    double ReadGigabytesPerSecond, double CopyGigabytesPerSecond, double HandOverNanoseconds)
{
    /// <summary>Measures them with the threads given; takes a few seconds.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="seconds">Time for each figure.</param>
    public static MachineCeilings Measure(Workers workers, double seconds = 0.3)
    {
        ArgumentNullException.ThrowIfNull(workers);
        using var probe = new CeilingProbe(workers);
        double f512 = MachineVectors.Is512 ? Best(probe.Flops<F512>, seconds) : 0;
        double f256 = MachineVectors.Is256 ? Best(probe.Flops<F256>, seconds) : 0;
        double f128 = Best(probe.Flops<F128>, seconds);
        double used = MachineVectors.Is512 ? f512 : MachineVectors.Is256 ? f256 : f128;
        return new MachineCeilings(workers.Count, MachineVectors.Name, used, f512, f256, f128, Best(probe.Read, seconds), Best(probe.Copy, seconds), probe.HandOver() * 1e9);
    }

    /// <summary>The highest of many rates, in units of 1e9.</summary>
    private static double Best(Func<double> rate, double seconds)
    {
        long start = Stopwatch.GetTimestamp();
        double best = 0;
        for (int i = 0; i < 8 || Stopwatch.GetElapsedTime(start).TotalSeconds < seconds; i++) best = Math.Max(best, rate());
        return best / 1e9;
    }
}
