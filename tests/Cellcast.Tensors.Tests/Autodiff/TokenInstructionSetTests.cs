using Cellcast.TestSupport;

namespace Cellcast.Tensors.Tests.Autodiff;

/// <summary>The operations on token sequences once more with narrower vectors, each in a process of its own because the runtime decides at its start.</summary>
public sealed class TokenInstructionSetTests
{
    [Theory]
    [InlineData("DOTNET_EnableAVX512")]
    [InlineData("DOTNET_EnableAVX2")]
    [InlineData("DOTNET_EnableHWIntrinsic")]
    public void Operations_on_tokens_are_right_at_every_instruction_set_level(string switchedOff)
    {
        var result = ExternalTool.RunTestsWithout(typeof(TokenInstructionSetTests).Assembly.Location, "FullyQualifiedName~TokenOpTests", switchedOff);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
    }
}
