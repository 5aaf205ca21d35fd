using Cellcast.Cli.Commands;
using Cellcast.Cli.Hosting;

return CommandHost.Run(CommandRegistry.Create(), args);
