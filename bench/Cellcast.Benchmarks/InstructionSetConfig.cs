using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;

namespace Cellcast.Benchmarks;

/// <summary>Every suite at three instruction-set levels, each in a process of its own.</summary>
internal sealed class InstructionSetConfig : ManualConfig
{
    public InstructionSetConfig()
    {
        Add(DefaultConfig.Instance);
        AddJob(Job.ShortRun.WithId("AVX-512").AsBaseline());
        AddJob(Job.ShortRun.WithId("AVX2").WithEnvironmentVariable("DOTNET_EnableAVX512", "0"));
        AddJob(Job.ShortRun.WithId("128-bit").WithEnvironmentVariable("DOTNET_EnableAVX2", "0"));
    }
}
