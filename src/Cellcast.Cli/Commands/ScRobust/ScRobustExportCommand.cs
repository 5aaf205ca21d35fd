using System.CommandLine;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary><c>cellcast scrobust export</c>: an encoder for Python.</summary>
internal sealed class ScRobustExportCommand : CellcastCommand
{
    private readonly Option<string> _model = new("--model", "-m") { Description = "Folder with the encoder.", HelpName = "DIR", Required = true };

    public ScRobustExportCommand() : base("export", "Write an encoder for Python: weights.safetensors with the names of the published state dict, and vocabulary.csv.", OutputKind.Folder)
    {
        Options.Add(_model);
        AddExample("cellcast scrobust export --model encoder --out for_python", "the usual call");
    }

    protected internal override void Run(CommandContext context)
    {
        ScRobustModel model = ScRobustModel.Load(context.Arguments.GetValue(_model)!);
        PublishedWeights.WriteWeights(model, context.Directory.File("weights.safetensors"));
        PublishedWeights.WriteVocabulary(model.Vocabulary, context.Directory.File("vocabulary.csv"));
    }
}
