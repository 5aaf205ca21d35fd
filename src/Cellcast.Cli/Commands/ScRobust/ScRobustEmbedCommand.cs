using System.CommandLine;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.Metrics;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;
using Cellcast.Tensors;
using Spectre.Console;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary><c>cellcast scrobust embed</c>: vectors of cells from a trained encoder.</summary>
internal sealed class ScRobustEmbedCommand : CellcastCommand
{
    private static readonly EmbeddingOptions s_defaults = new();

    private readonly Option<string> _model = new("--model", "-m") { Description = "Folder with the encoder.", HelpName = "DIR", Required = true };
    private readonly Option<string> _cells = new("--cells", "-c") { Description = "Cells with raw counts or log-normalised values.", HelpName = "FILE", Required = true };
    private readonly Option<string> _out = new("--out", "-o") { Description = "The same cells with their vectors in obsm['X_scrobust'].", HelpName = "FILE.h5ad", Required = true };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer to use; X when left out.", HelpName = "NAME" };
    private readonly Option<int?> _genes = NumberOptions.WholeOrNone("--genes", "Most genes of a cell; all that it expresses when left out (1,000 with published padding).");
    private readonly ChoiceOption<GeneRanking> _order = ScRobustOptions.Order(s_defaults.Order);
    private readonly ChoiceOption<Pooling> _pooling = new("--pooling", "What becomes the vector: the cell token's output (cls), or sum, mean or maximum over all tokens.", s_defaults.Pooling,
        ("cls", Pooling.Cls), ("sum", Pooling.Sum), ("mean", Pooling.Mean), ("max", Pooling.Max));
    private readonly ChoiceOption<Models.ScRobust.Padding?> _padding = new("--padding", "Cells with fewer genes: shorter (masked) or filled up (published); as the encoder was trained when left out.",
        ("masked", Models.ScRobust.Padding.Masked), ("published", Models.ScRobust.Padding.Published));
    private readonly ChoiceOption<bool?> _map = ScRobustOptions.YesOrNo("--map", "Map vectors as pretrain learned to (true); false gives them as the network makes them.");

    private readonly Option<bool> _umap = new("--umap") { Description = "Add UMAP of the vectors as obsm['X_umap'], in the place of one that is there." };
    private readonly Option<string?> _label = new("--label") { Description = "Column of obs with labels: also print how well neighbours, k-means and Leiden groups of the vectors agree with them, beside principal components of the same cells.", HelpName = "COLUMN" };
    private readonly Option<string?> _dropout = ScRobustOptions.Shares("--dropout", "With --label: also compare with these shares of each cell's expressed genes removed from the counts.");
    private readonly Option<int> _clusterings = NumberOptions.Whole("--clusterings", "With --label: how often k-means and Leiden are run, each time with another seed; means are printed.", 1);

    public ScRobustEmbedCommand() : base("embed", "Turn cells into vectors with a trained encoder.", OutputKind.File, usesSeed: true)
    {
        foreach (Option o in (Option[])[_model, _cells, _out, _layer, _genes, _order, _pooling, _padding, _map, _umap, _label, _dropout, _clusterings]) Options.Add(o);
        AddExample("cellcast scrobust embed --model encoder --cells cells.h5ad --out embedded.h5ad", "the usual call");
        AddExample("cellcast scrobust embed --model encoder --cells cells.h5ad --label cell_type --dropout 0.5,0.8 --out embedded.h5ad", "compare with principal components");
    }

    protected internal override void Run(CommandContext context)
    {
        ParseResult a = context.Arguments;
        string target = a.GetValue(_out)!;
        if (!target.EndsWith(".h5ad", StringComparison.OrdinalIgnoreCase)) throw new UsageException($"'{target}': name the output .h5ad; it holds the cells with their vectors.");
        context.CheckOutputFile(target);
        if (a.GetValue(_dropout) is not null && a.GetValue(_label) is null) throw new UsageException("--dropout compares vectors with labels: give --label too.");
        if (a.GetResult(_clusterings) is { Implicit: false } && a.GetValue(_label) is null) throw new UsageException("--clusterings compares vectors with labels: give --label too.");
        ScRobustModel model = ScRobustModel.Load(a.GetValue(_model)!);
        AnnotatedData data = ScRobustOptions.Read(context, a.GetValue(_cells)!, stream: a.GetValue(_label) is null);
        var cells = new CellStream(model, data, context.Progress, a.GetValue(_layer));
        var options = new EmbeddingOptions
        {
            Genes = a.GetValue(_genes),
            Order = _order.Of(a),
            Pooling = _pooling.Of(a),
            Padding = _padding.Of(a),
            Mapped = _map.Of(a) ?? s_defaults.Mapped,
            Seed = context.Seed,
        };
        if (model.Statistics is null && options.Order != GeneRanking.Random) context.Log.Info("the encoder comes without figures of its training cells: the order of the genes is that of these cells.");
        using var device = new CpuDevice(context.Threads);
        IReadOnlyList<ComparedVectors>? compared = a.GetValue(_label) is not { } label ? null
            : VectorComparison.Run(device, model, data, a.GetValue(_layer), label, ScRobustOptions.Shares(a.GetValue(_dropout))!, options, context.Threads, a.GetValue(_clusterings), context.Progress, context.Cancellation);
        // Computed while the file is written, so that memory does not grow with the cells; a map is laid out over all of them, which have to be held.
        GeneratedArray vectors = cells.Vectors(device, options, context.Cancellation);
        data.Obsm["X_scrobust"] = a.GetValue(_umap) ? vectors.ToDense() : vectors;
        if (a.GetValue(_umap) && CellMap.Add(data, "X_scrobust", context.Seed, context.Threads, replace: true, context.Cancellation) is { } done) context.Log.Info(done);
        foreach (string note in H5adFile.Write(target, data)) context.Log.Warning(note);
        context.Log.Info($"{cells.Count:N0} cells, vectors of {model.Encoder.Size.Hidden} numbers: {target}");
        if (compared is not null) Print(context, compared);
        context.Result["cells"] = cells.Count;
        context.Result["columns"] = model.Encoder.Size.Hidden;
        context.Result["file"] = JsonValue.Create(Path.GetFullPath(target));
    }

    private static void Print(CommandContext context, IReadOnlyList<ComparedVectors> compared)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("genes removed", "vectors", "numbers", "neighbours of the same label", "k-means ARI / NMI", "Leiden ARI / NMI", "best Leiden ARI / NMI (resolution)");
        var json = new JsonArray();
        foreach (ComparedVectors c in compared)
        {
            VectorQuality q = c.Quality;
            table.AddRow(FormattableString.Invariant($"{c.Removed:0.##}"), Markup.Escape(c.Vectors), FormattableString.Invariant($"{c.Dimensions}"), FormattableString.Invariant($"{q.NeighborPurity:0.000}"),
                Figures(q.KMeans), Figures(q.Leiden), FormattableString.Invariant($"{Figures(q.BestLeiden)} ({q.BestResolution:0.##})"));
            json.Add(new JsonObject
            {
                ["vectors"] = c.Vectors,
                ["removed"] = c.Removed,
                ["dimensions"] = c.Dimensions,
                ["neighbor_purity"] = q.NeighborPurity,
                ["kmeans"] = JsonOf(q.KMeans),
                ["leiden"] = JsonOf(q.Leiden),
                ["leiden_best"] = JsonOf(q.BestLeiden, q.BestResolution),
            });
        }
        context.Output.Write(table);
        context.Result["comparison"] = json;
    }

    private static string Figures(GroupAgreement groups) => FormattableString.Invariant($"{groups.AdjustedRandIndex:0.000} / {groups.NormalizedMutualInformation:0.000}");

    private static JsonObject JsonOf(GroupAgreement groups, double? resolution = null)
    {
        var json = new JsonObject { ["groups"] = groups.Groups, ["ari"] = groups.AdjustedRandIndex, ["nmi"] = groups.NormalizedMutualInformation };
        if (resolution is { } r) json["resolution"] = r;
        return json;
    }
}
