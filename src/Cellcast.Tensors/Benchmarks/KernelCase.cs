using Cellcast.Tensors.Kernels;

namespace Cellcast.Tensors.Benchmarks;

/// <summary>A kernel at a stated size.</summary>
/// <param name="Group">Kind of kernel: "gemm", "loss", "sparse", "rows", "functions".</param>
/// <param name="Name">What and how large.</param>
/// <param name="Flops">Multiply-adds times two that the mathematics needs, or 0 where they are not what limits.</param>
/// <param name="Bytes">Bytes that must be read and written, or 0 where they are not what limits.</param>
/// <param name="Elements">Elements of the result, for a time per element.</param>
/// <param name="Prepare">Makes inputs and returns the work to be timed.</param>
public sealed record KernelCase(string Group, string Name, double Flops, double Bytes, double Elements, Func<Workers, Action> Prepare)
{
    /// <summary>Share of the ceiling that the kernel is meant to reach on so many threads, or null. Matrix products: 85 % of the multiply-adds on one core, 80 % on all.</summary>
    public double? GoalOn(int threads) => Group != "gemm" ? null : threads == 1 ? 0.85 : 0.80;
}

/// <summary>What a case took.</summary>
/// <param name="Group">Kind of kernel.</param>
/// <param name="Name">What and how large.</param>
/// <param name="Threads">Threads.</param>
/// <param name="InstructionSet">Vectors in use.</param>
/// <param name="Seconds">Shortest run.</param>
/// <param name="MedianSeconds">Middle run.</param>
/// <param name="GigaflopsPerSecond">Rate of useful floating-point operations, or null.</param>
/// <param name="GigabytesPerSecond">Rate of bytes that must move, or null.</param>
/// <param name="NanosecondsPerElement">Time per element of the result.</param>
/// <param name="ShareOfCeiling">Rate over the machine's ceiling (multiply-adds where they limit, memory elsewhere), measured in turns: the median of the ratios of each run to the ceiling just
/// before and after it. Above 1 where the data stay in cache.</param>
/// <param name="BestShareOfCeiling">The highest of these ratios but for the highest tenth, which may owe to an unlucky measurement of the ceiling.</param>
/// <param name="Turns">Number of these ratios.</param>
/// <param name="HandOverNanoseconds">Time that a cache line took from core to core meanwhile, median; 0 on one thread.</param>
/// <param name="Goal">Share of the ceiling that is meant to be reached, or null.</param>
public sealed record KernelResult(string Group, string Name, int Threads, string InstructionSet, double Seconds, double MedianSeconds, double? GigaflopsPerSecond,
    double? GigabytesPerSecond, double NanosecondsPerElement, double ShareOfCeiling, double BestShareOfCeiling, int Turns, double HandOverNanoseconds, double? Goal)
{
    /// <summary>Whether the median reaches the goal; null where there is none.</summary>
    public bool? MeetsGoal => Goal is { } goal ? ShareOfCeiling >= goal : null;
}
