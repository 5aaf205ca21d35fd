using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Communities;
using Cellcast.Analysis.Markers;
using Cellcast.Analysis.Neighbors;
using Cellcast.Analysis.Preprocessing;
using Cellcast.Analysis.QualityControl;
using Cellcast.Analysis.Workflow;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.Cli.Commands.Reporting;
using Cellcast.Cli.Hosting;
using Spectre.Console;

namespace Cellcast.Cli.Commands.Analysis;

/// <summary><c>cellcast analyze</c>: from raw counts to clusters, embeddings and marker genes.</summary>
internal sealed class AnalyzeCommand : CellcastCommand
{
    private const int MostShown = 40;

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };
    private static readonly AnalysisOptions s_defaults = new();

    private readonly Argument<string> _file = new("FILE") { Description = "Cells with raw counts: h5ad, 10x h5, mtx folder, csv." };
    private readonly Option<string?> _layer = new("--layer") { Description = "Layer with the raw counts; X when left out.", HelpName = "NAME" };
    private readonly Option<int> _minGenes = NumberOptions.Whole("--min-genes", "Fewest genes with counts in a cell that is kept.", s_defaults.Filter.MinimumGenes!.Value, least: 0);
    private readonly Option<int?> _maxGenes = NumberOptions.WholeOrNone("--max-genes", "Most genes with counts in a cell that is kept.");
    private readonly Option<int?> _minCounts = NumberOptions.WholeOrNone("--min-counts", "Fewest counts of a cell that is kept.");
    private readonly Option<int?> _maxCounts = NumberOptions.WholeOrNone("--max-counts", "Most counts of a cell that is kept.");
    private readonly Option<double?> _maxMt = NumberOptions.RealOrNone("--max-mt", "Largest share of mitochondrial counts of a cell that is kept, in per cent; usual are 5 to 20, none for nuclei and for tissues full of mitochondria.", 0, 100);
    private readonly Option<int> _minCells = NumberOptions.Whole("--min-cells", "Fewest cells with counts of a gene that is kept.", s_defaults.Filter.MinimumCells!.Value, least: 1);
    private readonly ChoiceOption<DoubletTreatment> _doublets = new("--doublets", "What becomes of cells that look like two cells in one droplet; with --batch looked for in each sample.", s_defaults.Doublets, ("ignore", DoubletTreatment.Ignore), ("mark", DoubletTreatment.Mark), ("drop", DoubletTreatment.Drop));
    private readonly Option<double> _doubletRate = NumberOptions.Real("--doublet-rate", "Share of doublets to expect.", s_defaults.ExpectedDoublets, 0.0001, 0.49);
    private readonly Option<int> _total = NumberOptions.Whole("--total", "Counts that every cell is scaled to; 0 for the median of the cells.", (int)s_defaults.Total!.Value, least: 0);
    private readonly Option<int> _variable = NumberOptions.Whole("--variable-genes", "Variable genes that components are made of.", s_defaults.VariableGenes, least: 2);
    private readonly ChoiceOption<DispersionFlavor> _flavor = new("--flavor", "How the variability of genes is compared.", s_defaults.Flavor, ("seurat", DispersionFlavor.Seurat), ("cell_ranger", DispersionFlavor.CellRanger));
    private readonly Option<string?> _batch = new("--batch") { Description = "Column of obs with the sample of each cell: genes must vary within samples to be chosen. Cells are not moved towards each other.", HelpName = "COLUMN" };
    private readonly Option<bool> _scale = new("--scale") { Description = "Bring every gene to variance 1, cut off at 10, before components are made." };
    private readonly Option<int> _components = NumberOptions.Whole("--components", "Principal components.", s_defaults.Components, least: 1);
    private readonly Option<int> _neighbors = NumberOptions.Whole("--neighbors", "Size of a neighbourhood, the cell itself included.", s_defaults.Neighbors.Neighbors, least: 2);
    private readonly ChoiceOption<DistanceMetric> _metric = new("--metric", "Distance between cells.", s_defaults.Neighbors.Metric, ("euclidean", DistanceMetric.Euclidean), ("cosine", DistanceMetric.Cosine));
    private readonly Option<double> _resolution = NumberOptions.Real("--resolution", "Resolution of the clusters: more gives more of them.", s_defaults.Leiden.Resolution, 1e-9, 1e6);
    private readonly ChoiceOption<PartitionObjective> _objective = new("--objective", "What the clusters make large: modularity, or the constant Potts model, whose resolution is a density.", s_defaults.Leiden.Objective, ("modularity", PartitionObjective.Modularity), ("cpm", PartitionObjective.ConstantPotts));
    private readonly Option<bool> _noUmap = new("--no-umap") { Description = "Leave UMAP out." };
    private readonly Option<bool> _tsne = new("--tsne") { Description = "Also lay the cells out by t-SNE." };
    private readonly Option<string?> _label = new("--label") { Description = "Column of obs with known types: compared with the clusters, and with marker genes of their own.", HelpName = "COLUMN" };
    private readonly ChoiceOption<MarkerTest> _test = new("--test", "Test for marker genes.", s_defaults.Markers.Test, ("wilcoxon", MarkerTest.Wilcoxon), ("t-test", MarkerTest.Welch), ("t-test_overestim_var", MarkerTest.WelchOverestimatedVariance));
    private readonly Option<bool> _noTies = new("--no-tie-correction") { Description = "Wilcoxon without correction for ties, as scanpy does when it is not told otherwise." };
    private readonly Option<string?> _against = new("--against") { Description = "Cluster or type that all others are compared with; all other cells when left out.", HelpName = "GROUP" };
    private readonly Option<int> _markers = NumberOptions.Whole("--markers", "Marker genes to keep of each group; 0 for all genes.", s_defaults.MarkersKept!.Value, least: 0);
    private readonly Option<string?> _sets = new("--gene-sets") { Description = "Gene sets to score in every cell: .gmt, .json, or a table with the columns name and gene.", HelpName = "FILE" };
    private readonly ChoiceOption<GeneSetScoring> _scoring = new("--score", "How gene sets are scored: against control genes of similar expression, or by rank within the cell.", s_defaults.Scoring, ("controls", GeneSetScoring.Controls), ("rank", GeneSetScoring.Rank));
    private readonly DataOptions _data = new();

    public AnalyzeCommand() : base("analyze", "The usual analysis of single cells: quality control, components, clusters, UMAP, marker genes.", OutputKind.Folder, usesSeed: true)
    {
        Arguments.Add(_file);
        foreach (Option o in (Option[])[_layer, _minGenes, _maxGenes, _minCounts, _maxCounts, _maxMt, _minCells, _doublets, _doubletRate, _total, _variable, _flavor, _batch, _scale, _components, _neighbors, _metric, _resolution, _objective, _noUmap, _tsne, _label, _test,
            _noTies, _against, _markers, _sets, _scoring]) Options.Add(o);
        _data.AddTo(this);
        AddExample("cellcast analyze filtered_feature_bc_matrix.h5 --max-mt 10 --out analysis", "from a 10x file");
        AddExample("cellcast analyze cells.h5ad --batch sample --label cell_type --gene-sets hallmark.gmt --out analysis", "several samples, known types, gene sets");
    }

    protected internal override void Run(CommandContext context)
    {
        ParseResult a = context.Arguments;
        string path = a.GetValue(_file)!;
        int markersKept = a.GetValue(_markers), total = a.GetValue(_total);
        IReadOnlyList<GeneSet> sets = a.GetValue(_sets) is { } file ? GeneSet.Read(file) : [];
        var options = new AnalysisOptions
        {
            Layer = a.GetValue(_layer),
            Filter = new CellFilter
            {
                MinimumGenes = a.GetValue(_minGenes),
                MaximumGenes = a.GetValue(_maxGenes),
                MinimumCounts = a.GetValue(_minCounts),
                MaximumCounts = a.GetValue(_maxCounts),
                MaximumPercentMitochondrial = a.GetValue(_maxMt),
                MinimumCells = a.GetValue(_minCells),
            },
            Doublets = _doublets.Of(a),
            ExpectedDoublets = a.GetValue(_doubletRate),
            Total = total == 0 ? null : total,
            VariableGenes = a.GetValue(_variable),
            Flavor = _flavor.Of(a),
            Batch = a.GetValue(_batch),
            Scale = a.GetValue(_scale),
            Components = a.GetValue(_components),
            Neighbors = new NeighborOptions { Neighbors = a.GetValue(_neighbors), Metric = _metric.Of(a) },
            Leiden = new LeidenOptions { Resolution = a.GetValue(_resolution), Objective = _objective.Of(a) },
            Umap = !a.GetValue(_noUmap),
            Tsne = a.GetValue(_tsne),
            Label = a.GetValue(_label),
            Markers = new MarkerOptions { Test = _test.Of(a), TieCorrection = !a.GetValue(_noTies), Reference = a.GetValue(_against) },
            MarkersKept = markersKept == 0 ? null : markersKept,
            GeneSets = sets,
            Scoring = _scoring.Of(a),
            Seed = context.Seed,
            Threads = context.Threads,
        };
        if (options.Label is null) RequireGroup(options.Markers.Reference, [], int.MaxValue);
        context.Log.Info($"reading {path}");
        AnnotatedData data = AnyFile.Read(path, _data.Of(a, context.Threads));
        foreach (string warning in data.Warnings) context.Log.Warning(warning);
        if (new NameIndex(data.Obs.Index).Duplicates is { Count: > 0 } twice)
            context.Log.Warning($"'{path}': {twice.Count} cell name{(twice.Count == 1 ? " occurs" : "s occur")} more than once ({string.Join(", ", twice.Take(3).Select(n => $"'{n}'"))}{(twice.Count > 3 ? ", …" : "")}): tables cannot be joined by them; make them unique, for example with the sample in front.");
        RequireGroup(options.Markers.Reference, options.Label is { } known && data.Obs.TryGet(known, out Column? types) ? types.ToText() : [], data.ObservationCount);
        AnalysisResult result = StandardAnalysis.Run(data, options, new AnalyzeProgress(context.Progress), context.Cancellation);

        var clusters = ClusterSummary.Of(result);
        foreach (string note in H5adFile.Write(context.Directory.File(AnalysisReportSource.DataFile), result.Data, new H5adWriteOptions { Threads = context.Threads })) context.Log.Warning(note);
        AnalyzeTables.Cells(result.Data).Write(context.Directory.File("cells.csv"));
        CsvFile.From(result.Data.Var, "gene").Write(context.Directory.File("genes.csv"));
        CsvFile clusterTable = AnalyzeTables.Clusters(clusters, result.Agreement is not null);
        CsvFile? markerTable = result.Markers is { } m ? AnalyzeTables.Markers(m, result.Data.Var.Index, options.MarkersKept) : null;
        CsvFile? labelTable = result.LabelMarkers is { } l ? AnalyzeTables.Markers(l, result.Data.Var.Index, options.MarkersKept) : null;
        clusterTable.Write(context.Directory.File("clusters.csv"));
        markerTable?.Write(context.Directory.File("markers.csv"));
        labelTable?.Write(context.Directory.File("label_markers.csv"));
        JsonObject metrics = Metrics(context, result, options);
        AtomicFile.WriteText(context.Directory.File("metrics.json"), metrics.ToJsonString(s_json) + "\n");
        ReportFiles.TryWrite(context, () => AnalysisReport.From(new AnalysisReportSource
        {
            Name = Path.GetFileName(context.Directory.FullPath),
            Data = result.Data,
            Clusters = clusterTable.ToDataFrame(),
            Markers = markerTable?.ToDataFrame(),
            LabelMarkers = labelTable?.ToDataFrame(),
            Metrics = JsonNode.Parse(metrics.ToJsonString())!.AsObject(), // numbers as the file has them
        }));
        Summarize(context, result, clusters);
        foreach (string key in new[] { "dimensions", "clusters", "modularity", "agreement" })
            if (metrics[key] is { } value) context.Result[key] = value.DeepClone();
    }

    /// <summary>Refuses, before any work, what can be neither a known type nor the number of a cluster. Which clusters there are shows only when they have been found.</summary>
    private static void RequireGroup(string? reference, IReadOnlyList<string?> types, int cells)
    {
        if (reference is null || types.Contains(reference)) return;
        if (reference.Length > 0 && reference.All(char.IsAsciiDigit))
        {
            // Clusters are numbered from 0, the largest first.
            if (reference is "0" || (reference[0] != '0' && int.TryParse(reference, CultureInfo.InvariantCulture, out int number) && number < cells)) return;
            throw new UsageException($"--against '{reference}' is no number of a cluster: they are numbered from 0{(cells < int.MaxValue ? string.Create(CultureInfo.InvariantCulture, $", and there are {cells:#,0} cells") : "")}.");
        }
        string[] named = [.. types.OfType<string>().Distinct().Order(StringComparer.Ordinal)];
        throw new UsageException($"--against '{reference}' is neither the number of a cluster nor a type of --label" + (named.Length == 0 ? "; with --label types can be named, too." : $"; the types are {string.Join(", ", named.Take(20).Select(n => $"'{n}'"))}{(named.Length > 20 ? ", …" : "")}."));
    }

    private JsonObject Metrics(CommandContext context, AnalysisResult result, AnalysisOptions options)
    {
        var metrics = new JsonObject
        {
            ["version"] = CommandHost.Version,
            ["model"] = "analyze",
            ["seed"] = context.Seed,
            ["dimensions"] = new JsonObject
            {
                ["cells"] = result.Data.ObservationCount,
                ["genes"] = result.Data.VariableCount,
                ["cells_before"] = result.Before.Cells,
                ["genes_before"] = result.Before.Genes,
                ["variable_genes"] = result.VariableGenes.Length,
                ["components"] = result.Components.Count,
            },
            ["left_out"] = new JsonArray([.. result.Filtered.Dropped.Select(d => new JsonObject { ["cells"] = d.Count, ["why"] = d.Why })]),
            ["variance_in_components"] = result.Components.Variances.Sum() / result.Components.TotalVariance,
            ["neighbors"] = new JsonObject { ["size"] = result.Graph.Neighbors.K + 1, ["exact"] = result.Graph.Neighbors.IsExact, ["recall"] = result.Graph.Neighbors.Recall },
            ["clusters"] = result.Clusters.Count,
            ["resolution"] = options.Leiden.Resolution,
        };
        metrics[options.Leiden.Objective == PartitionObjective.Modularity ? "modularity" : "quality"] = result.Clusters.Quality;
        if (result.Agreement is { Cells: > 0 } g)
            metrics["agreement"] = new JsonObject { ["column"] = g.Column, ["cells"] = g.Cells, ["ari"] = g.AdjustedRandIndex, ["nmi"] = g.NormalizedMutualInformation, ["ami"] = g.AdjustedMutualInformation };
        if (result.GeneSets.Count > 0) metrics["gene_sets"] = new JsonArray([.. result.GeneSets.Select(s => new JsonObject { ["name"] = s.Name, ["genes"] = s.Listed, ["found"] = s.Genes.Length })]);
        metrics["options"] = InputFiles.Options(Settings(context.Arguments));
        InputFiles.AddTo(metrics, context, new Dictionary<string, string>(Settings(context.Arguments), StringComparer.Ordinal) { ["FILE"] = Path.GetFullPath(context.Arguments.GetValue(_file)!) });
        return metrics;
    }

    private static void Summarize(CommandContext context, AnalysisResult result, IReadOnlyList<ClusterSummary> clusters)
    {
        bool labels = result.Agreement is not null;
        var table = new Table().Border(TableBorder.Simple).AddColumns("cluster", "cells", "genes", "counts", "mt %");
        if (labels) table.AddColumn(Markup.Escape(result.Agreement!.Column));
        table.AddColumn("marker genes");
        foreach (var c in clusters.Take(MostShown))
        {
            List<string> row = [c.Cluster, Number(c.Cells), Number(c.MedianGenes), Number(c.MedianCounts), c.MedianPercentMitochondrial.ToString("0.0", CultureInfo.InvariantCulture)];
            if (labels) row.Add(c.Label is null ? "" : Markup.Escape(string.Create(CultureInfo.InvariantCulture, $"{c.Label} ({c.LabelShare:P0})")));
            row.Add(Markup.Escape(string.Join(' ', c.Markers.Take(6))));
            table.AddRow([.. row]);
        }
        context.Output.Write(table);
        if (clusters.Count > MostShown) context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"… and {clusters.Count - MostShown:#,0} smaller clusters: see clusters.csv"));
        if (result.Agreement is { Cells: > 0 } g)
            context.Output.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"agreement of clusters with {g.Column}: ARI {g.AdjustedRandIndex:0.000}, NMI {g.NormalizedMutualInformation:0.000}, AMI {g.AdjustedMutualInformation:0.000}");

        static string Number(double value) => value.ToString("#,0", CultureInfo.InvariantCulture);
    }
}
