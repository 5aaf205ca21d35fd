using Cellcast.TestSupport;

namespace Cellcast.Tensors.Tests.Kernels;

/// <summary>Every kernel test of this folder once more with narrower vectors, each level in a process of its own because the runtime decides at its start.</summary>
public class KernelInstructionSetTests
{
    private const string All = "FullyQualifiedName~Tests.Kernels&FullyQualifiedName!~KernelInstructionSetTests&FullyQualifiedName!~WorkersTests&FullyQualifiedName!~BenchmarkTests";

    [Theory]
    [InlineData("DOTNET_EnableAVX512", All)]
    [InlineData("DOTNET_EnableAVX2", All)]
    // Without any vector instruction everything takes a hundred times as long: what does not depend on the width is left out.
    [InlineData("DOTNET_EnableHWIntrinsic", All + "&FullyQualifiedName!~Equals_the_reference_in_every_transposition&FullyQualifiedName!~Optimiser&FullyQualifiedName!~same_bits&FullyQualifiedName!~llocate")]
    public void Kernels_equal_their_references_at_every_instruction_set_level(string switchedOff, string filter)
    {
        var result = ExternalTool.RunTestsWithout(typeof(KernelInstructionSetTests).Assembly.Location, filter, switchedOff);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
    }
}
