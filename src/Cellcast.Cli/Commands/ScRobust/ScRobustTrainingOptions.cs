using System.CommandLine;
using System.Text.Json.Nodes;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary>How training on labels goes.</summary>
internal enum TrainingProtocol
{
    /// <summary>Ours: for cells that lose genes.</summary>
    Robust,
    /// <summary>That of the paper.</summary>
    Published,
}

/// <summary>The options of training on labels, which <c>train</c> and <c>evaluate</c> share. Those that are left out follow <c>--protocol</c>.</summary>
internal sealed class ScRobustTrainingOptions
{
    private const int RobustHidden = 128;

    private static readonly FineTuningOptions s_robust = new(), s_published = FineTuningOptions.Published;
    private static readonly EncoderSize s_size = new() { Vocabulary = 0 };

    private readonly ChoiceOption<TrainingProtocol> _protocol = new("--protocol", "What options that are left out are: robust (ours, for cells that lose genes), or as published.", TrainingProtocol.Robust,
        ("robust", TrainingProtocol.Robust), ("published", TrainingProtocol.Published));
    private readonly Option<double?> _trainDropout = NumberOptions.RealBelowOrNone("--train-dropout", FormattableString.Invariant($"Every training cell loses in every epoch a random share of its expressed genes, up to this; {s_robust.TrainDropout}, published 0."), 0, 1);
    private readonly ChoiceOption<bool?> _evidence = ScRobustOptions.YesOrNo("--evidence", "Whether genes also speak for themselves, by class profiles, beside the cell vector; true, published false.");
    private readonly Option<double?> _balance = NumberOptions.RealBelowOrNone("--balance", FormattableString.Invariant($"How far small classes are made up for: 0 counts all cells alike, 1 all classes; {s_robust.Balance}, published 0."), 0, double.PositiveInfinity);
    private readonly Option<int?> _genes = NumberOptions.WholeOrNone("--genes", $"Most genes of a cell that the encoder sees; {s_robust.Genes}, published {s_published.Genes}.");
    private readonly Option<int?> _batch = NumberOptions.WholeOrNone("--batch", $"Cells per step; {s_robust.BatchCells}.");
    private readonly Option<int?> _epochs = NumberOptions.WholeOrNone("--epochs", $"Epochs; {s_robust.Epochs}, published {s_published.Epochs}.");
    private readonly Option<double?> _learningRate = NumberOptions.RealBelowOrNone("--lr", FormattableString.Invariant($"Step size of Adam; {s_robust.LearningRate:0.#######}, published {s_published.LearningRate:0.#######}."), 1e-12, double.PositiveInfinity);
    private readonly Option<int?> _layers = NumberOptions.WholeOrNone("--layers", $"From scratch: Transformer blocks; {s_size.Layers}.");
    private readonly Option<int?> _hidden = NumberOptions.WholeOrNone("--hidden", $"From scratch: columns of a cell vector; {RobustHidden}, published {s_size.Hidden}.", 2);
    private readonly Option<int?> _heads = NumberOptions.WholeOrNone("--heads", $"From scratch: attention heads, which must divide --hidden; {s_size.Heads}.");
    private readonly Option<bool> _upperCase = new("--uppercase") { Description = "From scratch: take gene names in upper case, which makes most mouse symbols those of their human orthologues." };

    internal void AddTo(Command command)
    {
        foreach (Option o in (Option[])[_protocol, _trainDropout, _evidence, _balance, _genes, _batch, _epochs, _learningRate, _layers, _hidden, _heads, _upperCase]) command.Options.Add(o);
    }

    internal FineTuningOptions Of(ParseResult a)
    {
        FineTuningOptions d = _protocol.Of(a) == TrainingProtocol.Published ? s_published : s_robust;
        return d with
        {
            TrainDropout = a.GetValue(_trainDropout) ?? d.TrainDropout,
            Evidence = _evidence.Of(a) ?? d.Evidence,
            Balance = a.GetValue(_balance) ?? d.Balance,
            Genes = a.GetValue(_genes) ?? d.Genes,
            BatchCells = a.GetValue(_batch) ?? d.BatchCells,
            Epochs = a.GetValue(_epochs) ?? d.Epochs,
            LearningRate = a.GetValue(_learningRate) ?? d.LearningRate,
        };
    }

    internal CellPreprocessing Preprocessing(ParseResult a) => new() { UpperCase = a.GetValue(_upperCase) };

    internal EncoderSize SizeFor(GeneVocabulary vocabulary, ParseResult a) => Size(vocabulary.Count, a);

    /// <summary>Refuses sizes that make no network or that an encoder brings along.</summary>
    /// <exception cref="UsageException">They do.</exception>
    internal void Check(ParseResult a, bool pretrained)
    {
        EncoderSize size = Size(0, a);
        if (!pretrained && size.Hidden % size.Heads != 0) throw new UsageException($"--heads {size.Heads} does not divide --hidden {size.Hidden}: choose heads that do.");
        if (pretrained && ((Option[])[_layers, _hidden, _heads, _upperCase]).FirstOrDefault(o => a.GetResult(o) is { Implicit: false }) is { } given)
            throw new UsageException($"{given.Name} and --encoder exclude each other: an encoder brings it along.");
    }

    /// <summary>The settings as figures for programs.</summary>
    internal static JsonObject Describe(FineTuningOptions o) => new()
    {
        ["train_dropout"] = o.TrainDropout,
        ["evidence"] = o.Evidence,
        ["balance"] = o.Balance,
        ["shrinking_steps"] = o.ShrinkingSteps,
        ["genes_per_cell"] = o.Genes,
        ["batch"] = o.BatchCells,
        ["epochs"] = o.Epochs,
        ["learning_rate"] = o.LearningRate,
    };

    private EncoderSize Size(int vocabulary, ParseResult a) => new()
    {
        Vocabulary = vocabulary,
        Layers = a.GetValue(_layers) ?? s_size.Layers,
        Hidden = a.GetValue(_hidden) ?? (_protocol.Of(a) == TrainingProtocol.Published ? s_size.Hidden : RobustHidden),
        Heads = a.GetValue(_heads) ?? s_size.Heads,
    };
}
