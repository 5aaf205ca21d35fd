using BenchmarkDotNet.Attributes;
using Cellcast.Tensors.Benchmarks;
using Cellcast.Tensors.Kernels;

namespace Cellcast.Benchmarks;

/// <summary>The cases of <c>cellcast bench</c> under BenchmarkDotNet, one suite per kind of kernel.</summary>
public abstract class KernelSuite(string group)
{
    private Workers _workers = Workers.Inline;
    private Action _work = () => { };

    /// <summary>Threads.</summary>
    [Params(1, 2)]
    public int Threads { get; set; }

    /// <summary>Which kernel and how large.</summary>
    [ParamsSource(nameof(Names))]
    public string Case { get; set; } = "";

    /// <summary>Names of the cases of this kind.</summary>
    public IEnumerable<string> Names => KernelCases.All.Where(c => c.Group == group).Select(c => c.Name);

    /// <summary>Makes threads and inputs.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _workers = new Workers(Threads);
        _work = KernelCases.All.Single(c => c.Name == Case).Prepare(_workers);
    }

    /// <summary>Ends the threads.</summary>
    [GlobalCleanup]
    public void Cleanup() => _workers.Dispose();

    /// <summary>One call.</summary>
    [Benchmark]
    public void Run() => _work();
}

/// <summary>Dense products.</summary>
public class GemmSuite() : KernelSuite("gemm");

/// <summary>Fused losses.</summary>
public class LossSuite() : KernelSuite("loss");

/// <summary>Sparse times dense.</summary>
public class SparseSuite() : KernelSuite("sparse");

/// <summary>Softmax, layer normalisation, sums, optimiser steps.</summary>
public class RowSuite() : KernelSuite("rows");

/// <summary>Functions of every element.</summary>
public class FunctionSuite() : KernelSuite("functions");
