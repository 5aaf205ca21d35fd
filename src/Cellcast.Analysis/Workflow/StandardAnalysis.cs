using System.Globalization;
using Cellcast.Analysis.Communities;
using Cellcast.Analysis.Counts;
using Cellcast.Analysis.Embedding;
using Cellcast.Analysis.GeneSets;
using Cellcast.Analysis.Markers;
using Cellcast.Analysis.Metrics;
using Cellcast.Analysis.Neighbors;
using Cellcast.Analysis.Preprocessing;
using Cellcast.Analysis.QualityControl;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;

namespace Cellcast.Analysis.Workflow;

/// <summary>
/// The usual way from raw counts to clusters and their marker genes: quality metrics, filter, normalisation, variable genes, principal components, neighbours, Leiden, UMAP and t-SNE, markers, scores of gene
/// sets. Every step leaves its results where scanpy leaves them, so that its plots and tools go on from here.
/// </summary>
public static class StandardAnalysis
{
    private const double ScaleLimit = 10;

    /// <summary>Name of the clusters in <c>obs</c>.</summary>
    public const string ClusterColumn = "leiden";

    /// <summary>Analyses cells.</summary>
    /// <param name="data">Cells with raw counts; not changed.</param>
    /// <param name="options">Settings.</param>
    /// <param name="progress">Is told of every step.</param>
    /// <param name="cancellation">Stops the work between parts of steps.</param>
    /// <exception cref="InputException">The matrix holds no raw counts, a column is missing, too little is left after filtering, or the reference of the marker genes is neither a cluster nor a known type.</exception>
    public static AnalysisResult Run(AnnotatedData data, AnalysisOptions options, IAnalysisProgress progress, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(progress);
        string source = data.Source ?? "the data";
        foreach (string column in new[] { options.Batch, options.Label }.OfType<string>()) data.Obs.Require(column, source);

        var (result, counts, filtered) = Filter(data, options, progress, cancellation);
        cancellation.ThrowIfCancellationRequested();
        SparseMatrix expression = Normalize(result, counts, options, progress);
        int[] variable = VariableGenesOf(result, expression, options, progress);
        cancellation.ThrowIfCancellationRequested();
        var (components, scores) = ComponentsOf(result, expression, variable, options, progress);
        NeighborGraph graph = NeighborsOf(result, scores, components.Count, options, progress, cancellation);
        Partition clusters = ClustersOf(result, graph, options, progress, cancellation);
        CategoricalColumn? label = options.Label is { } name ? Categorical(result.Obs[name]) : null;
        RequireReference(options, clusters, label, source);
        LayOut(result, graph, scores, components.Count, options, progress, cancellation);

        MarkerGenes? markers = MarkersOf(result, expression, (CategoricalColumn)result.Obs[ClusterColumn], ClusterColumn, "rank_genes_groups", options, progress, cancellation);
        MarkerGenes? labelMarkers = label is null ? null : MarkersOf(result, expression, label, options.Label!, "rank_genes_groups_" + options.Label, options, progress, cancellation);
        return new AnalysisResult
        {
            Data = result,
            Before = (data.ObservationCount, data.VariableCount),
            Filtered = filtered,
            VariableGenes = variable,
            Components = components,
            Graph = graph,
            Clusters = clusters,
            Markers = markers,
            LabelMarkers = labelMarkers,
            Agreement = label is null ? null : Agreement(clusters, label, options.Label!),
            GeneSets = Score(result, expression, options, source, progress),
        };
    }

    private static (AnnotatedData Data, SparseMatrix Counts, FilteredCells Filtered) Filter(AnnotatedData data, AnalysisOptions options, IAnalysisProgress progress, CancellationToken cancellation)
    {
        const string step = "quality control";
        progress.Step(step, 0);
        string source = data.Source ?? "the data", slot = options.Layer is null or "X" ? "X" : "layers/" + options.Layer;
        SparseMatrix counts = data.MatrixOf(options.Layer).ToSparse(out long rounded).WithoutZeros();
        CountCheck.RequireRawCounts(counts, data, slot, "cell", cancellation: cancellation);
        if (rounded > 0) progress.Warning($"{rounded:N0} counts are too large to be held exactly and were rounded.");
        string[] genes = UniqueNames.Make(data.Var.Index);
        int repeated = genes.Where((g, i) => g != data.Var.Index[i]).Count();
        if (repeated > 0) progress.Message(string.Create(CultureInfo.InvariantCulture, $"{repeated:#,0} genes share their name with another and were called NAME-1, NAME-2 …"));

        GeneGroup mitochondrial = GeneGroup.Mitochondrial(genes), ribosomal = GeneGroup.Ribosomal(genes);
        if (mitochondrial.Count == 0)
        {
            if (options.Filter.MaximumPercentMitochondrial is not null)
                throw new InputException($"'{source}': no gene is called MT-… or mt-…, so the share of mitochondrial counts is unknown; leave its limit out, or name genes by their symbols.");
            progress.Message("no gene is called MT-… or mt-…: the share of mitochondrial counts is 0 everywhere");
        }
        FilteredCells filtered = options.Filter.Cells(QualityMetrics.Of(counts, [mitochondrial], options.Threads));
        if (filtered.Kept.Length < 3)
            throw new InputException(filtered.Dropped.Count == 0 ? $"'{source}' has {counts.Rows} cell{(counts.Rows == 1 ? "" : "s")}; at least 3 are needed."
                : $"'{source}': of {counts.Rows} cells {filtered.Kept.Length} are left by the filter ({string.Join(", ", filtered.Dropped.Select(d => $"{d.Count} {d.Why}"))}), and at least 3 are needed; relax its limits.");
        counts = filtered.Kept.Length == counts.Rows ? counts : counts.SelectRows(filtered.Kept);
        double[]? doubletScores = null;
        bool[]? doublets = null;
        if (options.Doublets != DoubletTreatment.Ignore)
        {
            (doubletScores, doublets) = Doublets(counts, options.Batch is { } batch ? data.Obs[batch].Select(filtered.Kept).ToText() : null, options, progress, cancellation);
            if (options.Doublets == DoubletTreatment.Drop && Array.Exists(doublets, d => d))
            {
                int[] single = [.. Enumerable.Range(0, doublets.Length).Where(i => !doublets[i])];
                filtered = new FilteredCells([.. single.Select(i => filtered.Kept[i])], [.. filtered.Dropped, new DroppedCells(doublets.Length - single.Length, "that look like doublets")]);
                (doubletScores, doublets, counts) = ([.. single.Select(i => doubletScores[i])], new bool[single.Length], counts.SelectRows(single));
            }
        }
        int[] keptGenes = Filters.GenesInCells(counts, Math.Max(1, options.Filter.MinimumCells ?? 0));
        if (keptGenes.Length < 3) throw new InputException($"'{source}': {keptGenes.Length} genes are detected in {options.Filter.MinimumCells} cells or more; lower that number.");
        // Metrics of cells are of all genes, those of genes of the cells that are kept.
        var metrics = QualityMetrics.Of(counts, [mitochondrial, ribosomal], options.Threads);

        var whole = new AnnotatedData(data.Obs, Renamed(data.Var, genes)) { Source = data.Source, Obsm = data.Obsm, Varm = data.Varm, Obsp = data.Obsp, Varp = data.Varp, Uns = data.Uns };
        foreach (var (name, layer) in data.Layers)
            if (name != "counts") whole.Layers[name] = layer;
        // Tables and maps are new, so that the input stays as it is.
        AnnotatedData kept = whole.SelectObservations(filtered.Kept).SelectVariables(keptGenes);
        var result = new AnnotatedData(kept.Obs, kept.Var) { Source = data.Source, Obsm = kept.Obsm, Varm = kept.Varm, Obsp = kept.Obsp, Varp = kept.Varp, Uns = [] };
        foreach (var (key, element) in data.Uns) result.Uns[key] = element;
        foreach (var (name, layer) in kept.Layers) result.Layers[name] = layer;
        if (data.Raw is not null) progress.Message("'raw' is not kept: X holds all genes, and raw counts are in layers/counts");
        metrics.AddToCells(result.Obs);
        if (doubletScores is not null)
        {
            result.Obs.Set("doublet_score", doubletScores);
            result.Obs.Set("predicted_doublet", doublets!);
        }
        var table = new DataFrame(genes);
        table["mt"] = new BooleanColumn(mitochondrial.Members);
        table["ribo"] = new BooleanColumn(ribosomal.Members);
        metrics.AddToGenes(table);
        foreach (string column in table.ColumnNames) result.Var[column] = table[column].Select(keptGenes);
        foreach (var d in filtered.Dropped) progress.Message(string.Create(CultureInfo.InvariantCulture, $"{(d.Count == 1 ? "1 cell" : $"{d.Count:#,0} cells")} {d.Why} {(d.Count == 1 ? "was" : "were")} left out"));
        progress.Done(step, string.Create(CultureInfo.InvariantCulture, $"{filtered.Kept.Length:#,0} of {data.ObservationCount:#,0} cells and {keptGenes.Length:#,0} of {data.VariableCount:#,0} genes are kept"));
        return (result, keptGenes.Length == counts.Columns ? counts : counts.SelectColumns(keptGenes), filtered);
    }

    private static (double[] Scores, bool[] Called) Doublets(SparseMatrix counts, string?[]? batches, AnalysisOptions options, IAnalysisProgress progress, CancellationToken cancellation)
    {
        const string step = "doublets";
        progress.Step(step, 0);
        var scores = new double[counts.Rows];
        var called = new bool[counts.Rows];
        Array.Fill(scores, double.NaN);
        var samples = Enumerable.Range(0, counts.Rows).GroupBy(i => batches?[i] ?? "", StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).ToArray();
        for (int s = 0; s < samples.Length; s++)
        {
            int[] cells = [.. samples[s]];
            string name = batches is null ? "the cells" : $"sample '{samples[s].Key}'";
            if (cells.Length < 20)
            {
                progress.Warning($"{name}: {cells.Length} cells are too few to look for doublets.");
                continue;
            }
            var found = DoubletScores.Of(counts.SelectRows(cells), new DoubletOptions { ExpectedRate = options.ExpectedDoublets, Seed = options.Seed, Threads = options.Threads }, cancellation);
            bool[] predicted = found.Predicted;
            for (int k = 0; k < cells.Length; k++) (scores[cells[k]], called[cells[k]]) = (found.Scores[k], predicted[k]);
            if (double.IsNaN(found.Threshold)) progress.Warning($"{name}: the scores of simulated doublets have no two modes, so no cell is called a doublet; look at obs/doublet_score.");
            progress.Step(step, (s + 1.0) / samples.Length);
        }
        progress.Done(step, string.Create(CultureInfo.InvariantCulture, $"{called.Count(c => c):#,0} of {called.Length:#,0} cells look like doublets"));
        return (scores, called);
    }

    private static DataFrame Renamed(DataFrame table, string[] index)
    {
        if (ReferenceEquals(index, table.Index)) return table;
        var result = new DataFrame(index, table.IndexName);
        foreach (string column in table.ColumnNames) result[column] = table[column];
        return result;
    }

    private static SparseMatrix Normalize(AnnotatedData result, SparseMatrix counts, AnalysisOptions options, IAnalysisProgress progress)
    {
        const string step = "normalisation";
        progress.Step(step, 0);
        double total = options.Total ?? Normalization.MedianTotal(counts.RowSums());
        SparseMatrix expression = Normalization.LogNormalize(counts, total);
        result.X = expression;
        result.Layers["counts"] = counts;
        // The base is e; said in figures, since scanpy's readers stumble over its being absent.
        result.Uns["log1p"] = new ElementMap { ["base"] = new Scalar(Math.E) };
        progress.Done(step, string.Create(CultureInfo.InvariantCulture, $"{total:G6} counts per cell, then log1p"));
        return expression;
    }

    private static int[] VariableGenesOf(AnnotatedData result, SparseMatrix expression, AnalysisOptions options, IAnalysisProgress progress)
    {
        const string step = "variable genes";
        progress.Step(step, 0);
        int[] chosen;
        double[] means, dispersions, normalized;
        if (options.Batch is { } batch)
        {
            var found = BatchVariableGenes.Of(expression, result.Obs[batch].ToText(), options.VariableGenes, options.Flavor, options.Threads);
            (chosen, means, dispersions, normalized) = (found.Chosen, found.Means, found.Dispersions, found.NormalizedDispersions);
            result.Var.Set("highly_variable_nbatches", found.BatchesOf);
            result.Var.Set("highly_variable_intersection", found.BatchesOf.Select(b => b == found.BatchCount).ToArray());
        }
        else
        {
            var found = VariableGenes.Of(expression, options.Flavor, options.Threads);
            (chosen, means, dispersions, normalized) = (found.Top(options.VariableGenes), found.Means, found.Dispersions, found.NormalizedDispersions);
        }
        if (chosen.Length < 2) throw new InputException($"'{result.Source ?? "the data"}': {chosen.Length} genes vary between the {result.ObservationCount} cells that are left; there is nothing to cluster them by.");
        var variable = new bool[expression.Columns];
        foreach (int g in chosen) variable[g] = true;
        result.Var.Set("highly_variable", variable);
        result.Var.Set("means", means);
        result.Var.Set("dispersions", dispersions);
        result.Var.Set("dispersions_norm", Array.ConvertAll(normalized, v => (float)v));
        result.Uns["hvg"] = new ElementMap { ["flavor"] = new Scalar(options.Flavor == DispersionFlavor.Seurat ? "seurat" : "cell_ranger") };
        progress.Done(step, string.Create(CultureInfo.InvariantCulture, $"{chosen.Length:#,0} genes"));
        return chosen;
    }

    private static (PrincipalComponents Components, float[] Scores) ComponentsOf(AnnotatedData result, SparseMatrix expression, int[] variable, AnalysisOptions options, IAnalysisProgress progress)
    {
        const string step = "principal components";
        progress.Step(step, 0);
        SparseMatrix used = expression.SelectColumns(variable);
        if (options.Scale) used = ScaledExpression.Of(used, ScaleLimit, options.Threads).AboveZero; // centring takes the values of zeros away again
        int count = Math.Min(options.Components, Math.Min(used.Rows, used.Columns) - 1);
        var components = PrincipalComponents.Fit(used, count, options.Seed, options.Threads);
        float[] scores = components.Transform(used, options.Threads);
        // Loadings of all genes, zero for those that take no part.
        var loadings = new double[(long)expression.Columns * count];
        for (int k = 0; k < variable.Length; k++)
            for (int c = 0; c < count; c++) loadings[(long)variable[k] * count + c] = components.Loading(k, c);
        result.Obsm["X_pca"] = new DenseMatrix(used.Rows, count, scores);
        result.Varm["PCs"] = new DenseMatrix(expression.Columns, count, loadings);
        result.Uns["pca"] = new ElementMap
        {
            ["params"] = new ElementMap { ["zero_center"] = new Scalar(true), ["use_highly_variable"] = new Scalar(true), ["scaled"] = new Scalar(options.Scale) },
            ["variance"] = new NdArray(components.Variances.ToArray()),
            ["variance_ratio"] = new NdArray(components.Variances.Select(v => v / components.TotalVariance).ToArray()),
        };
        progress.Done(step, string.Create(CultureInfo.InvariantCulture, $"{count} components hold {components.Variances.Sum() / components.TotalVariance:P0} of the variance"));
        return (components, scores);
    }

    private static NeighborGraph NeighborsOf(AnnotatedData result, float[] scores, int dimensions, AnalysisOptions options, IAnalysisProgress progress, CancellationToken cancellation)
    {
        const string step = "neighbours";
        progress.Step(step, 0);
        int size = Math.Min(options.Neighbors.Neighbors, result.ObservationCount);
        var graph = NeighborGraph.Build(scores, dimensions, options.Neighbors with { Neighbors = size, Seed = options.Seed, Threads = options.Threads }, cancellation);
        result.Obsp["connectivities"] = graph.Connectivities;
        result.Obsp["distances"] = graph.Distances();
        result.Uns["neighbors"] = graph.Parameters("X_pca");
        progress.Done(step, string.Create(CultureInfo.InvariantCulture, $"{size} per cell{(graph.Neighbors.IsExact ? "" : $", found with a recall of {graph.Neighbors.Recall:P1}")}"));
        return graph;
    }

    private static Partition ClustersOf(AnnotatedData result, NeighborGraph graph, AnalysisOptions options, IAnalysisProgress progress, CancellationToken cancellation)
    {
        progress.Step(ClusterColumn, 0);
        var found = Leiden.Find(WeightedGraph.FromSymmetric(graph.Connectivities), options.Leiden with { Seed = options.Seed }, cancellation);
        result.Obs[ClusterColumn] = new CategoricalColumn(found.Communities, [.. Enumerable.Range(0, found.Count).Select(c => c.ToString(CultureInfo.InvariantCulture))]);
        result.Uns[ClusterColumn] = new ElementMap
        {
            ["params"] = new ElementMap { ["resolution"] = new Scalar(options.Leiden.Resolution), ["random_state"] = new Scalar(options.Seed), ["n_iterations"] = new Scalar((long)(options.Leiden.Iterations == 0 ? -1 : options.Leiden.Iterations)) },
        };
        if (options.Leiden.Objective == PartitionObjective.Modularity) ((ElementMap)result.Uns[ClusterColumn])["modularity"] = new Scalar(found.Quality);
        result.Uns.Remove(ClusterColumn + "_colors"); // of an earlier clustering
        progress.Done(ClusterColumn, string.Create(CultureInfo.InvariantCulture, $"{found.Count} clusters, {(options.Leiden.Objective == PartitionObjective.Modularity ? "modularity" : "quality")} {found.Quality:0.0000}"));
        return found;
    }

    /// <summary>As soon as it is known which clusters there are, and before what takes longest.</summary>
    private static void RequireReference(AnalysisOptions options, Partition clusters, CategoricalColumn? label, string source)
    {
        if (options.Markers.Reference is not { } reference) return;
        if (int.TryParse(reference, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < clusters.Count && reference == number.ToString(CultureInfo.InvariantCulture)) return;
        if (label is not null && Enumerable.Range(0, label.Length).Any(i => label.Codes[i] >= 0 && label.Categories[label.Codes[i]] == reference)) return;
        throw new InputException($"'{source}': there is no group '{reference}' to compare others with: the cells fall into clusters 0 to {clusters.Count - 1}{(label is null ? "" : $", and none that is left is of that type in obs['{options.Label}']")}.");
    }

    private static void LayOut(AnnotatedData result, NeighborGraph graph, float[] scores, int dimensions, AnalysisOptions options, IAnalysisProgress progress, CancellationToken cancellation)
    {
        if (options.Umap)
        {
            progress.Step("UMAP", 0);
            var umap = Umap.Fit(graph, new UmapOptions { Seed = options.Seed, Threads = options.Threads }, new Share("UMAP", progress), cancellation);
            result.Obsm["X_umap"] = new DenseMatrix(graph.Count, 2, umap.Coordinates);
            result.Uns["umap"] = umap.Parameters();
            progress.Done("UMAP", string.Create(CultureInfo.InvariantCulture, $"{umap.Epochs} epochs"));
        }
        if (!options.Tsne) return;
        progress.Step("t-SNE", 0);
        var settings = new TsneOptions { Seed = options.Seed, Threads = options.Threads };
        // Each cell needs three times as many neighbours as the perplexity, which must be above 1.
        double perplexity = Math.Min(settings.Perplexity, Math.Max(1.5, (graph.Count - 1) / 3));
        var tsne = Embedding.Tsne.Fit(scores, dimensions, settings with { Perplexity = perplexity }, new Share("t-SNE", progress), cancellation);
        result.Obsm["X_tsne"] = new DenseMatrix(graph.Count, 2, tsne.Coordinates);
        result.Uns["tsne"] = tsne.Parameters();
        progress.Done("t-SNE", string.Create(CultureInfo.InvariantCulture, $"divergence {tsne.KullbackLeiblerDivergence:0.000}"));
    }

    private static MarkerGenes? MarkersOf(AnnotatedData result, SparseMatrix expression, CategoricalColumn groups, string column, string key, AnalysisOptions options, IAnalysisProgress progress, CancellationToken cancellation)
    {
        string step = "markers of " + column;
        int there = groups.Counts().Count(c => c > 0);
        if (there < 2)
        {
            progress.Warning($"'{column}' has {there} group{(there == 1 ? "" : "s")}, so there are no marker genes that tell groups apart.");
            result.Uns.Remove(key);
            return null;
        }
        progress.Step(step, 0);
        // A reference names a known type, or a cluster; it means the column that has it.
        MarkerOptions settings = options.Markers.Reference is { } reference && !groups.Categories.Contains(reference) ? options.Markers with { Reference = null } : options.Markers;
        var found = MarkerGenes.Rank(expression, groups, settings, options.Threads, cancellation);
        if (found.Groups.Count <= RankGenesGroups.MostGroups) result.Uns[key] = RankGenesGroups.Of(found, result.Var.Index, column, options.MarkersKept);
        else progress.Warning($"'{column}' has {found.Groups.Count} groups, more than uns/{key} can hold; their marker genes are in the table only.");
        progress.Done(step, string.Create(CultureInfo.InvariantCulture, $"{found.Groups.Count} groups"));
        return found;
    }

    private static LabelAgreement Agreement(Partition clusters, CategoricalColumn label, string column)
    {
        int[] cells = [.. Enumerable.Range(0, label.Length).Where(i => label.Codes[i] >= 0)];
        if (cells.Length == 0) return new LabelAgreement(column, 0, double.NaN, double.NaN, double.NaN);
        int[] a = [.. cells.Select(i => clusters.Communities[i])], b = [.. cells.Select(i => label.Codes[i])];
        return new LabelAgreement(column, cells.Length, Clustering.AdjustedRandIndex(a, b), Clustering.NormalizedMutualInformation(a, b), Clustering.AdjustedMutualInformation(a, b));
    }

    private static MatchedGeneSet[] Score(AnnotatedData result, SparseMatrix expression, AnalysisOptions options, string source, IAnalysisProgress progress)
    {
        if (options.GeneSets.Count == 0) return [];
        const string step = "gene sets";
        progress.Step(step, 0);
        var all = MatchedGeneSets.Of(options.GeneSets, result.Var.Index, source);
        foreach (var none in all.Where(s => s.Genes.Length == 0)) progress.Warning($"the gene set '{none.Name}' has no gene among those that are kept; it is not scored.");
        MatchedGeneSet[] sets = [.. all.Where(s => s.Genes.Length > 0)];
        double[][] scores = options.Scoring == GeneSetScoring.Rank ? GeneSetScores.ByRank(expression, sets, threads: options.Threads) : GeneSetScores.AgainstControls(expression, sets, seed: options.Seed, threads: options.Threads);
        for (int s = 0; s < sets.Length; s++) result.Obs.Set("score_" + sets[s].Name, Array.ConvertAll(scores[s], v => (float)v));
        progress.Done(step, $"{sets.Length} scored");
        return sets;
    }

    private static CategoricalColumn Categorical(Column column) => column as CategoricalColumn ?? CategoricalColumn.FromLabels(column.ToText());

    private sealed class Share(string step, IAnalysisProgress progress) : IProgress<double>
    {
        public void Report(double value) => progress.Step(step, value);
    }
}
