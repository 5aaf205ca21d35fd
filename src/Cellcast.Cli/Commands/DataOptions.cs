using System.CommandLine;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.AnnData.TenX;
using Cellcast.Cli.Hosting;

namespace Cellcast.Cli.Commands;

/// <summary>Options that say how to read data whose format leaves a choice.</summary>
internal sealed class DataOptions
{
    private const string AllTypes = "all";

    private readonly Option<string?> _genome = new("--genome") { Description = "Genome to read from a 10x file that holds several.", HelpName = "NAME" };
    private readonly Option<string> _featureType = new("--feature-type") { Description = "Features to read from 10x files and mtx folders; 'all' for all.", HelpName = "TYPE", DefaultValueFactory = _ => new TenXOptions().FeatureType! };
    private readonly Option<string?> _prefix = new("--prefix") { Description = "Text before matrix.mtx in an mtx folder that holds several.", HelpName = "TEXT" };
    private readonly ChoiceOption<TableOrientation> _orientation = new("--orientation", "What the rows of a table are; decided from the names when left out.", TableOrientation.Detect,
        ("detect", TableOrientation.Detect), ("genes", TableOrientation.GenesInRows), ("samples", TableOrientation.SamplesInRows));
    private readonly ChoiceOption<RepeatedGenes> _repeated;
    private readonly Option<string?> _delimiter = new("--delimiter") { Description = "Delimiter of a table: one character, or tab.", HelpName = "CHAR" };

    internal DataOptions(RepeatedGenes repeated = RepeatedGenes.Refuse)
    {
        _repeated = new("--repeated-genes", "What to do with a gene name that a table has more than once.", repeated, ("refuse", RepeatedGenes.Refuse), ("rename", RepeatedGenes.Rename), ("sum", RepeatedGenes.Sum));
        _delimiter.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && DelimiterOf(result.Tokens[0].Value) is null) result.AddError($"--delimiter takes one ASCII character or 'tab', not '{result.Tokens[0].Value}'.");
        });
    }

    /// <summary>Adds all to a command.</summary>
    internal void AddTo(CellcastCommand command)
    {
        command.Options.Add(_genome);
        command.Options.Add(_featureType);
        command.Options.Add(_prefix);
        AddTableOptionsTo(command);
    }

    /// <summary>Adds only those that concern tables.</summary>
    internal void AddTableOptionsTo(CellcastCommand command)
    {
        command.Options.Add(_orientation);
        command.Options.Add(_repeated);
        command.Options.Add(_delimiter);
    }

    internal CountTableOptions TableOf(ParseResult arguments) => new()
    {
        Delimiter = DelimiterOf(arguments.GetValue(_delimiter)),
        Orientation = _orientation.Of(arguments),
        Repeated = _repeated.Of(arguments),
    };

    internal AnyFileOptions Of(ParseResult arguments, int threads) => new()
    {
        H5ad = new H5adReadOptions { Threads = threads },
        TenX = new TenXOptions
        {
            Genome = arguments.GetValue(_genome),
            FeatureType = arguments.GetValue(_featureType) is var t && AllTypes.Equals(t, StringComparison.OrdinalIgnoreCase) ? null : t,
            Prefix = arguments.GetValue(_prefix),
        },
        Table = TableOf(arguments),
    };

    private static char? DelimiterOf(string? text) => text switch
    {
        "tab" or "\\t" => '\t',
        { Length: 1 } when char.IsAscii(text[0]) => text[0],
        _ => null,
    };
}
