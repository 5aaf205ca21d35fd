namespace Cellcast.Cli.Hosting;

/// <summary>The machine lacks something that Cellcast needs. The message is one sentence.</summary>
internal sealed class UnfitMachineException(string message) : Exception(message);
