using Cellcast.TestSupport;

namespace Cellcast.Tensors.Tests;

/// <summary>What holds on this machine holds on lesser ones: random numbers and all operations once more without AVX-512, without AVX2, and without any vector instruction
/// beyond the baseline, each in a process of its own because the runtime decides at its start.</summary>
public sealed class InstructionSetTests
{
    [Theory]
    [InlineData("DOTNET_EnableAVX512")]
    [InlineData("DOTNET_EnableAVX2")]
    [InlineData("DOTNET_EnableHWIntrinsic")]
    public void Random_numbers_and_operations_are_right_at_every_instruction_set_level(string switchedOff)
    {
        var result = ExternalTool.RunTestsWithout(typeof(InstructionSetTests).Assembly.Location, "FullyQualifiedName~RandomTests.The_numbers|FullyQualifiedName~RandomTests.A_number|FullyQualifiedName~OpTests.Values", switchedOff);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
    }
}
