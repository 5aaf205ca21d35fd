using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Markers;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Spectre.Console;

namespace Cellcast.Cli.Commands.ScRobust;

/// <summary><c>cellcast scrobust markers</c>: what tells a group of cells from others, gene by gene and in the space of the cell vectors.</summary>
internal sealed class ScRobustMarkersCommand : CellcastCommand
{
    private const string Rest = "rest", VectorKey = "rank_genes_vectors";

    private static readonly VectorGenesOptions s_defaults = new();
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Option<string> _cells = new("--cells", "-c") { Description = "Cells with raw counts or log-normalised values.", HelpName = "FILE", Required = true };
    private readonly Option<string> _label = new("--label") { Description = "Column of obs with the groups.", HelpName = "COLUMN", Required = true };
    private readonly Option<string?> _group = new("--group") { Description = "Group to look at; every group when left out.", HelpName = "NAME" };
    private readonly Option<string?> _reference = new("--reference") { Description = "Group to compare with; all other cells when left out.", HelpName = "NAME" };
    private readonly Option<string?> _model = new("--model", "-m") { Description = "Folder with an encoder: also find the genes whose presence moves cell vectors towards the group.", HelpName = "DIR" };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer to use; X when left out.", HelpName = "NAME" };
    private readonly Option<int> _cellsPerGroup = NumberOptions.Whole("--cells-per-group", "With --model: most cells that genes are left out of, one at a time, in the group and in the reference.", s_defaults.CellsPerGroup, 4);
    private readonly Option<double> _minShare = NumberOptions.RealBelow("--min-share", "With --model: share of the cells of one of the two groups that must express a gene.", s_defaults.MinimumShare, 0, 1);
    private readonly Option<int?> _genes = NumberOptions.WholeOrNone("--genes", "With --model: most genes of a cell; all that it expresses when left out.");
    private readonly Option<int> _top = NumberOptions.Whole("--top", "Genes that are printed.", 15);
    private readonly Option<int> _checkpoint = NumberOptions.Whole("--checkpoint-every", "Least seconds between two checkpoints.", 30, 0);

    public ScRobustMarkersCommand() : base("markers", "Find the genes that tell a group of cells from others, and those that move their vectors.", OutputKind.ResumableFolder, usesSeed: true)
    {
        foreach (Option o in (Option[])[_cells, _label, _group, _reference, _model, _layer, _cellsPerGroup, _minShare, _genes, _top, _checkpoint]) Options.Add(o);
        AddExample("cellcast scrobust markers --cells cells.h5ad --label cell_type --out markers", "marker genes of every type");
        AddExample("cellcast scrobust markers --cells cells.h5ad --label sample --group treated --reference control --model encoder --out markers", "two conditions, with cell vectors");
    }

    protected internal override void Run(CommandContext context)
    {
        if (context.Resume && context.Directory.IsComplete)
        {
            context.Log.Info("the run in this folder is complete: nothing to resume.");
            return;
        }
        ParseResult a = context.Arguments;
        string column = a.GetValue(_label)!;
        ScRobustModel? model = a.GetValue(_model) is { } folder ? ScRobustModel.Load(folder) : null;
        AnnotatedData data = ScRobustOptions.Read(context, a.GetValue(_cells)!);
        var (groups, reference) = Groups(data, column, a.GetValue(_group), a.GetValue(_reference));
        NormalizedCells cells = NormalizedCells.From(data, model?.Preprocessing ?? new CellPreprocessing(), context.Progress, a.GetValue(_layer));
        var markers = MarkerGenes.Rank(cells.Values, groups, new MarkerOptions { Reference = reference }, context.Threads, context.Cancellation);
        ElementMap entry = RankGenesGroups.Of(markers, cells.Genes, column, layer: a.GetValue(_layer));

        var byVector = new Dictionary<string, IReadOnlyList<VectorGene>>(StringComparer.Ordinal);
        if (model is not null)
        {
            using var device = new CpuDevice(context.Threads);
            CellSet tokens = CellSet.From([cells], model.Vocabulary, context.Progress);
            for (int k = 0; k < markers.Groups.Count; k++)
            {
                string name = markers.Groups[k].Group;
                context.Log.Info($"leaving genes out of cells of '{name}' and of {(reference is null ? "the other cells" : $"'{reference}'")}, one at a time");
                byVector[name] = Find(context, device, model, tokens, groups, name, reference, k);
            }
        }
        Write(context, data, column, reference, cells.Genes, markers, entry, byVector);
    }

    /// <summary>The group of every cell, none for cells that take no part, and the name of the reference where it is one group.</summary>
    private static (CategoricalColumn Groups, string? Reference) Groups(AnnotatedData data, string column, string? group, string? reference)
    {
        string source = data.Source ?? "the data";
        string?[] labels = data.Obs.Require(column, source).ToText();
        foreach (string? name in (string?[])[group, reference])
            if (name is not null && !labels.Contains(name))
                throw new InputException($"'{source}', obs['{column}']: no cell is '{name}'; there are {string.Join(", ", labels.Where(l => !string.IsNullOrEmpty(l)).Distinct().Order(StringComparer.Ordinal).Take(10).Select(l => $"'{l}'"))}.");
        if (group is not null && group == reference) throw new UsageException($"'{group}' cannot be compared with itself: give --group and --reference different names.");
        string other = reference ?? Rest;
        string?[] used = group is null ? labels : [.. labels.Select(l => l == group ? l : string.IsNullOrEmpty(l) ? null : reference is null ? other : l == reference ? l : null)];
        return (CategoricalColumn.FromLabels([.. used.Select(l => string.IsNullOrEmpty(l) ? null : l)]), group is null ? reference : other);
    }

    private IReadOnlyList<VectorGene> Find(CommandContext context, CpuDevice device, ScRobustModel model, CellSet tokens, CategoricalColumn groups, string name, string? reference, int number)
    {
        ParseResult a = context.Arguments;
        int code = Array.IndexOf(groups.Categories, name), other = reference is null ? -1 : Array.IndexOf(groups.Categories, reference);
        int[] mine = [.. Enumerable.Range(0, groups.Length).Where(i => groups.Codes[i] == code)];
        int[] theirs = [.. Enumerable.Range(0, groups.Length).Where(i => groups.Codes[i] >= 0 && (other < 0 ? groups.Codes[i] != code : groups.Codes[i] == other))];
        var options = new VectorGenesOptions
        {
            Embedding = new EmbeddingOptions { Genes = a.GetValue(_genes), Seed = context.Seed, Mapped = false },
            CellsPerGroup = a.GetValue(_cellsPerGroup),
            MinimumShare = a.GetValue(_minShare),
            Seed = context.Seed,
        };
        var checkpoint = new CheckpointFile(Path.Combine(context.Directory.CheckpointFolder, $"group{number + 1}.safetensors"), TimeSpan.FromSeconds(a.GetValue(_checkpoint)));
        Snapshot? resume = context.Directory.IsResumed ? checkpoint.Load() : null;
        if (resume is not null) context.Log.Info($"resuming after {resume.Stage - 1} cells");
        return VectorGenes.Find(device, model, tokens, mine, theirs, options, checkpoint, resume, context.Progress, context.Cancellation);
    }

    private void Write(CommandContext context, AnnotatedData data, string column, string? reference, string[] genes, MarkerGenes markers, ElementMap entry, Dictionary<string, IReadOnlyList<VectorGene>> byVector)
    {
        RunDirectory directory = context.Directory;
        var rows = markers.Groups.SelectMany(g => g.Order.Select(k => (G: g, K: k))).ToArray();
        new CsvFile().Add("group", rows.Select(r => r.G.Group).ToArray()).Add("reference", rows.Select(_ => reference ?? Rest).ToArray()).Add("gene", rows.Select(r => genes[r.K]).ToArray())
            .Add("score", rows.Select(r => r.G.Scores[r.K]).ToArray()).Add("log2_fold_change", rows.Select(r => r.G.LogFoldChanges[r.K]).ToArray())
            .Add("p", rows.Select(r => r.G.PValues[r.K]).ToArray()).Add("q", rows.Select(r => r.G.QValues[r.K]).ToArray())
            .Add("share", rows.Select(r => r.G.Shares[r.K]).ToArray()).Add("reference_share", rows.Select(r => r.G.ReferenceShares[r.K]).ToArray())
            .Add("mean", rows.Select(r => r.G.Means[r.K]).ToArray()).Add("reference_mean", rows.Select(r => r.G.ReferenceMeans[r.K]).ToArray())
            .Write(directory.File("markers.csv"));
        data.Uns["rank_genes_groups"] = entry;
        if (byVector.Count > 0)
        {
            var found = byVector.SelectMany(b => b.Value.Select(v => (Group: b.Key, V: v))).ToArray();
            new CsvFile().Add("group", found.Select(f => f.Group).ToArray()).Add("reference", found.Select(_ => reference ?? Rest).ToArray()).Add("gene", found.Select(f => f.V.Gene).ToArray())
                .Add("pull", found.Select(f => f.V.Pull).ToArray()).Add("effect", found.Select(f => f.V.Effect).ToArray()).Add("cells", found.Select(f => f.V.Cells).ToArray())
                .Add("cells_moved_towards", found.Select(f => f.V.Towards).ToArray()).Add("score", found.Select(f => f.V.Score).ToArray()).Add("p", found.Select(f => f.V.PValue).ToArray())
                .Add("q", found.Select(f => f.V.QValue).ToArray()).Add("share", found.Select(f => f.V.Share).ToArray()).Add("reference_share", found.Select(f => f.V.ReferenceShare).ToArray())
                .Write(directory.File("vector_genes.csv"));
            data.Uns[VectorKey] = VectorEntry(column, reference, genes, markers, byVector);
        }
        foreach (string note in H5adFile.Write(directory.File("markers.h5ad"), data)) context.Log.Warning(note);

        var json = new JsonArray();
        foreach (GroupMarkers g in markers.Groups)
        {
            var significant = g.Order.Where(k => g.QValues[k] < 0.05 && g.Scores[k] > 0).ToArray();
            var entryOfGroup = new JsonObject
            {
                ["group"] = g.Group,
                ["reference"] = reference ?? Rest,
                ["cells"] = g.Cells,
                ["reference_cells"] = g.ReferenceCells,
                ["genes_up"] = significant.Length,
                ["top"] = new JsonArray([.. g.Order.Take(context.Arguments.GetValue(_top)).Select(k => (JsonNode)genes[k])]),
            };
            if (byVector.TryGetValue(g.Group, out var v)) entryOfGroup["top_of_vectors"] = new JsonArray([.. v.Take(context.Arguments.GetValue(_top)).Select(x => (JsonNode)x.Gene)]);
            json.Add(entryOfGroup);
            Print(context, g, reference, genes, significant.Length, v);
        }
        var metrics = new JsonObject { ["version"] = CommandHost.Version, ["seed"] = context.Seed, ["groups"] = json };
        InputFiles.AddTo(metrics, context);
        AtomicFile.WriteText(directory.File("metrics.json"), metrics.ToJsonString(s_json) + "\n");
        context.Result["groups"] = json.DeepClone();
    }

    /// <summary>The genes of the vectors in the form of <c>rank_genes_groups</c>, so that scanpy's functions take them by this key. Fields of one record array have one length: a group with fewer genes ends in
    /// nameless ones.</summary>
    private static ElementMap VectorEntry(string column, string? reference, string[] genes, MarkerGenes markers, Dictionary<string, IReadOnlyList<VectorGene>> byVector)
    {
        var place = genes.Select((g, i) => (g, i)).ToDictionary(x => x.g, x => x.i, StringComparer.Ordinal);
        int length = byVector.Values.Max(v => v.Count);
        RecordArray Records<T>(Func<GroupMarkers, VectorGene, T> value, T none) => new(markers.Groups.Select(g => KeyValuePair.Create(g.Group,
            new NdArray(Enumerable.Range(0, length).Select(i => i < byVector[g.Group].Count ? value(g, byVector[g.Group][i]) : none).ToArray()))));
        return new ElementMap
        {
            ["params"] = new ElementMap
            {
                ["groupby"] = new Scalar(column),
                ["reference"] = new Scalar(reference ?? Rest),
                ["method"] = new Scalar("leave one gene out"),
                ["use_raw"] = new Scalar(false),
                ["corr_method"] = new Scalar("benjamini-hochberg"),
            },
            ["names"] = Records((_, v) => v.Gene, ""),
            ["scores"] = Records((_, v) => (float)v.Score, 0),
            ["pvals"] = Records((_, v) => v.PValue, 1),
            ["pvals_adj"] = Records((_, v) => v.QValue, 1),
            ["logfoldchanges"] = Records((g, v) => (float)g.LogFoldChanges[place[v.Gene]], 0),
            ["pulls"] = Records((_, v) => (float)v.Pull, 0),
        };
    }

    private void Print(CommandContext context, GroupMarkers g, string? reference, string[] genes, int significant, IReadOnlyList<VectorGene>? vectors)
    {
        int top = context.Arguments.GetValue(_top);
        var table = new Table().Border(TableBorder.Simple)
            .Title(Markup.Escape(FormattableString.Invariant($"{g.Group} ({g.Cells:N0} cells) against {reference ?? "all others"} ({g.ReferenceCells:N0}): {significant:N0} genes higher at 5 % false discoveries")))
            .AddColumns("gene", "log2 fold change", "cells", "other cells", "q");
        if (vectors is not null) table.AddColumns("by vectors", "pull", "q");
        for (int i = 0; i < Math.Min(top, genes.Length); i++)
        {
            int k = g.Order[i];
            string[] row = [Markup.Escape(genes[k]), FormattableString.Invariant($"{g.LogFoldChanges[k]:0.00}"), FormattableString.Invariant($"{g.Shares[k]:0%}"), FormattableString.Invariant($"{g.ReferenceShares[k]:0%}"), FormattableString.Invariant($"{g.QValues[k]:0.0e0}")];
            if (vectors is not null)
                row = i < vectors.Count ? [.. row, Markup.Escape(vectors[i].Gene), FormattableString.Invariant($"{vectors[i].Pull:0.0000}"), FormattableString.Invariant($"{vectors[i].QValue:0.0e0}")] : [.. row, "", "", ""];
            table.AddRow(row);
        }
        context.Output.Write(table);
    }
}
