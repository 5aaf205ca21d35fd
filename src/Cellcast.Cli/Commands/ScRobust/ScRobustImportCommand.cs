using System.CommandLine;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary><c>cellcast scrobust import</c>: an encoder from published PyTorch weights.</summary>
internal sealed class ScRobustImportCommand : CellcastCommand
{
    private readonly Option<string> _weights = new("--weights", "-w") { Description = "State dict of the encoder, alone or with its heads: .pt, .pth (nothing in it is executed) or .safetensors.", HelpName = "FILE", Required = true };
    private readonly Option<string> _vocabulary = new("--vocab") { Description = "Its vocabulary: a table with the columns ID and SYMBOL.", HelpName = "FILE.csv", Required = true };
    private readonly Option<int> _heads = NumberOptions.Whole("--heads", "Attention heads, which the weights do not tell.", 8);

    public ScRobustImportCommand() : base("import", "Take over an encoder from published PyTorch weights.", OutputKind.Folder)
    {
        foreach (Option o in (Option[])[_weights, _vocabulary, _heads]) Options.Add(o);
        AddExample("cellcast scrobust import --weights encoder.pt --vocab vocab.csv --out encoder", "the usual call");
    }

    protected internal override void Run(CommandContext context)
    {
        ParseResult a = context.Arguments;
        ScRobustModel model = PublishedWeights.Read(a.GetValue(_weights)!, a.GetValue(_vocabulary)!, a.GetValue(_heads), context.Progress);
        model.Save(Path.GetDirectoryName(context.Directory.File("encoder.json"))!);
        context.Result["genes"] = model.Vocabulary.Genes.Count;
        context.Result["layers"] = model.Encoder.Size.Layers;
        context.Result["hidden"] = model.Encoder.Size.Hidden;
    }
}
