namespace Cellcast.Cli.Hosting;

/// <summary>The command was given options that do not fit together or a target it may not touch. The message is one sentence.</summary>
internal sealed class UsageException(string message) : Exception(message);
