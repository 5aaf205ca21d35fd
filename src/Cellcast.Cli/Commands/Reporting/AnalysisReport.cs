using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.Analysis.Workflow;
using Cellcast.AnnData;
using Cellcast.Reports;

namespace Cellcast.Cli.Commands.Reporting;

/// <summary>Turns the results of an analysis into what a report shows.</summary>
internal static class AnalysisReport
{
    private const int GenesPerGroup = 4, MostGenesOnCells = 120, MostDottedGroups = 40, MostDottedGenes = 90, RowsPerGroup = 50, MostRows = 5000;

    private static readonly (string Column, string Name, string Label)[] s_quality =
    [
        ("n_genes_by_counts", "genes", "genes with counts"), ("total_counts", "counts", "counts"), ("pct_counts_mt", "mitochondrial counts", "share of mitochondrial counts, %"),
        ("pct_counts_ribo", "ribosomal counts", "share of counts of ribosomal proteins, %"), ("pct_counts_in_top_50_genes", "counts in the top 50 genes", "share of the counts in the 50 strongest genes, %"), ("doublet_score", "doublet score", "doublet score"),
    ];

    internal static ReportData From(AnalysisReportSource source)
    {
        AnnotatedData data = source.Data;
        string[] scores = [.. data.Obs.ColumnNames.Where(c => c.StartsWith("score_", StringComparison.Ordinal) && data.Obs[c] is NumericColumn)];
        var groups = CellPictures.Groups(data.Obs, StandardAnalysis.ClusterColumn, source.LabelColumn).ToList();
        MarkerRanking[] rankings = [.. new[] { ("clusters", StandardAnalysis.ClusterColumn, source.Markers), (source.LabelColumn ?? "", source.LabelColumn ?? "", source.LabelMarkers) }
            .Where(m => m.Item3 is not null).Select(m => Ranking(data, m.Item1, m.Item2, m.Item3!))];
        return new ReportData
        {
            Title = source.Name.Length == 0 ? "Analysis" : source.Name,
            Subtitle = "Single cells: quality, clusters and their marker genes",
            Version = source.Metrics["version"]?.ToString() ?? "",
            Summary = Summary(source),
            Quality = Quality(data, groups),
            Cells = Cells(source, groups, scores),
            Markers = rankings.Length == 0 && source.Clusters is null ? null : new MarkerSection(rankings, Clusters(source.Clusters),
                "Clusters were made from the same cells that they are compared on, so p-values are too small: take them as a ranking. A gene may come first that few cells of a group express and nobody else: see the share."),
            Run = Run(source),
        };
    }

    private static ReportSummary Summary(AnalysisReportSource source)
    {
        JsonObject m = source.Metrics;
        double Number(params string[] path)
        {
            JsonNode? node = m;
            foreach (string key in path) node = node?[key];
            return node is JsonValue v && v.TryGetValue(out double d) ? d : double.NaN;
        }
        double cells = Number("dimensions", "cells"), before = Number("dimensions", "cells_before"), clusters = Number("clusters"), modularity = Number("modularity"), ari = Number("agreement", "ari"), nmi = Number("agreement", "nmi");
        var numbers = new List<Headline> { new("Cells", Whole(cells), $"of {Whole(before)}"), new("Genes", Whole(Number("dimensions", "genes")), $"{Whole(Number("dimensions", "variable_genes"))} variable ones used"), new("Clusters", Whole(clusters), double.IsNaN(modularity) ? null : FormattableString.Invariant($"modularity {modularity:0.000}")) };
        if (!double.IsNaN(ari)) numbers.Add(new($"Agreement with {source.LabelColumn}", FormattableString.Invariant($"{ari:0.00}"), FormattableString.Invariant($"adjusted Rand index; mutual information {nmi:0.00}")));
        double[] counts = Columns.Numbers(source.Data.Obs, "total_counts"), genes = Columns.Numbers(source.Data.Obs, "n_genes_by_counts"), mt = Columns.Numbers(source.Data.Obs, "pct_counts_mt");
        var findings = new List<string> { FormattableString.Invariant($"The median cell has {Median(counts):#,0} counts of {Median(genes):#,0} genes, and {Median(mt):0.0} % of its counts are mitochondrial.") };
        foreach (JsonNode? d in m["left_out"] as JsonArray ?? []) findings.Add($"Left out: {Whole(d?["cells"]?.GetValue<double>() ?? double.NaN)} cells {d?["why"]}.");
        if (source.Clusters is { } c && source.LabelColumn is not null)
        {
            double[] share = Columns.Numbers(c, "label_share");
            string[] label = Columns.Texts(c, "label");
            string[] mixed = [.. Enumerable.Range(0, c.Length).Where(i => share[i] < 0.7).Select(i => FormattableString.Invariant($"cluster {c.Index[i]} ({label[i]} {share[i] * 100:0} %)"))];
            if (mixed.Length > 0) findings.Add($"Clusters in which no known type has 70 %: {string.Join(", ", mixed.Take(12))}{(mixed.Length > 12 ? ", …" : "")}.");
        }
        double recall = Number("neighbors", "recall");
        var cautions = new List<string> { "How many clusters there are follows from the resolution: it is a choice, not a finding.", "Distances between far groups and sizes of groups on UMAP or t-SNE mean nothing; who is whose neighbour does." };
        if (recall < 0.95) cautions.Add(FormattableString.Invariant($"Neighbours were searched for approximately: {recall:P0} of the true ones were found."));
        return new ReportSummary(numbers, findings, cautions);
    }

    private static QualitySection Quality(AnnotatedData data, List<PointGroups> groups)
    {
        PointGroups[] shown = [.. groups.Take(4)];
        var metrics = new List<QualityMetric>();
        foreach (var (column, name, label) in s_quality)
        {
            if (!data.Obs.TryGet(column, out Column? c) || c is not NumericColumn n) continue;
            float[] values = [.. n.ToDouble().Select(v => (float)v)];
            if (!values.Any(float.IsFinite)) continue;
            double median = Median(n.ToDouble());
            metrics.Add(new QualityMetric(name, label, double.IsFinite(median) ? median : null, [.. shown.Select(g => Distribution.Group(g, values)).Where(g => g.Items.Count > 0)]));
        }
        double[]? variance = data.Uns.TryGet(["pca", "variance_ratio"], out NdArray? ratio) ? ratio.ToDouble() : null;
        return new QualitySection(metrics, variance, null);
    }

    private static CellSection? Cells(AnalysisReportSource source, List<PointGroups> groups, string[] scores)
    {
        AnnotatedData data = source.Data;
        var embeddings = new List<Embedding>();
        foreach (var (slot, name) in new[] { ("X_umap", "UMAP"), ("X_tsne", "t-SNE"), ("X_pca", "PC") })
            if (data.Obsm.TryGet(slot, out DenseMatrix? m) && m.Columns >= 2)
                embeddings.Add(new Embedding(name == "PC" ? "principal components" : name, name + " 1", name + " 2", CellPictures.Column(m, 0), CellPictures.Column(m, 1), $"Coordinates: {slot} of {AnalysisReportSource.DataFile}."));
        if (embeddings.Count == 0) return null;
        int n = data.ObservationCount;
        int[] rows = PointSample.Choose(embeddings[0].X, embeddings[0].Y);
        var values = scores.Concat(s_quality.Select(q => q.Column)).Where(c => data.Obs.TryGet(c, out Column? column) && column is NumericColumn)
            .Select(c => new PointValues(c, CellPictures.Take([.. Columns.Numbers(data.Obs, c).Select(v => (float)v)], rows)));
        string[] genes = [.. Best(source.Markers).Concat(Best(source.LabelMarkers)).Distinct(StringComparer.Ordinal).Take(MostGenesOnCells)];
        return new CellSection
        {
            Count = n,
            SampleNote = rows.Length == n ? null : $"{rows.Length:N0} of {n:N0} cells are drawn: every region keeps its share of the cells. All statistics are of all cells.",
            Names = CellPictures.Take(data.Obs.Index, rows),
            Embeddings = [.. embeddings.Select(e => e with { X = CellPictures.Take(e.X, rows), Y = CellPictures.Take(e.Y, rows) })],
            Values = [.. values],
            Groups = [.. groups.Select(g => g with { Codes = CellPictures.Take(g.Codes, rows) })],
            Genes = Expression(data, genes, rows),
            GroupsFirst = true,
        };
    }

    /// <summary>The best genes of each group, the first of all groups first.</summary>
    private static IEnumerable<string> Best(DataFrame? markers)
    {
        if (markers is null) return [];
        double[] rank = Columns.Numbers(markers, "rank");
        string[] gene = Columns.Texts(markers, "gene");
        return Enumerable.Range(0, markers.Length).Where(i => rank[i] <= 12).OrderBy(i => rank[i]).Select(i => gene[i]);
    }

    private static GeneExpression[] Expression(AnnotatedData data, string[] genes, int[] rows)
    {
        if (data.X is null) return [];
        var (names, byGene) = OfGenes(data, genes);
        var place = new int[data.ObservationCount];
        Array.Fill(place, -1);
        for (int k = 0; k < rows.Length; k++) place[rows[k]] = k;
        return [.. names.Select((name, g) =>
        {
            var values = new float[rows.Length];
            var index = byGene.RowIndices(g);
            for (int k = 0; k < index.Length; k++)
                if (place[index[k]] is >= 0 and var at) values[at] = byGene.RowValues(g)[k];
            return new GeneExpression(name, values);
        })];
    }

    private static (string[] Names, SparseMatrix ByGene) OfGenes(AnnotatedData data, IEnumerable<string> genes)
    {
        var position = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int g = 0; g < data.VariableCount; g++) position.TryAdd(data.Var.Index[g], g);
        string[] known = [.. genes.Where(position.ContainsKey).Distinct(StringComparer.Ordinal)];
        return (known, data.MatrixOf().ToSparse().SelectColumns([.. known.Select(g => position[g])]).Transpose());
    }

    private static MarkerRanking Ranking(AnnotatedData data, string name, string column, DataFrame table)
    {
        double[] rank = Columns.Numbers(table, "rank"), share = Columns.Numbers(table, "share_in_group");
        string[] gene = Columns.Texts(table, "gene");
        int groups = table.Index.Distinct().Count(), each = Math.Clamp(MostRows / Math.Max(1, groups), 5, RowsPerGroup);
        int[] rows = [.. Enumerable.Range(0, table.Length).Where(i => rank[i] <= each)];
        ReportColumn Of(string key, string title, ColumnFormat format, string? help = null)
        {
            double[] all = Columns.Numbers(table, key);
            return ReportColumn.Of(key, title, rows.Select(i => all[i]), format, help);
        }
        MarkerDots? dots = null;
        if (groups <= MostDottedGroups && data.X is not null)
        {
            // Genes that at least half of a group expresses, the best of each.
            var chosen = Enumerable.Range(0, table.Length).GroupBy(i => table.Index[i], StringComparer.Ordinal)
                .SelectMany(g => g.OrderBy(i => share[i] >= 0.5 ? 0 : 1).ThenBy(i => rank[i]).Take(GenesPerGroup).Select(i => gene[i])).Distinct(StringComparer.Ordinal).Take(MostDottedGenes);
            dots = Dots(data, chosen, data.Obs[column] as CategoricalColumn ?? CategoricalColumn.FromLabels(data.Obs[column].ToText()));
        }
        return new MarkerRanking(name, new ReportTable(
        [
            ReportColumn.Of("gene", "gene", rows.Select(i => gene[i])),
            ReportColumn.Of("group", "group", rows.Select(i => table.Index[i])),
            Of("rank", "rank", ColumnFormat.Integer, "Place among the genes of the group, by score."),
            Of("score", "score", ColumnFormat.Number, "z of the rank-sum test, or t. Positive: higher in the group."),
            Of("log2_fold_change", "log2 fold change", ColumnFormat.Number),
            Of("q", "q", ColumnFormat.Probability, "Adjusted for the number of genes (Benjamini-Hochberg)."),
            Of("share_in_group", "in the group", ColumnFormat.Percent, "Share of the cells of the group that express the gene."),
            Of("share_in_reference", "elsewhere", ColumnFormat.Percent, "Share of the other cells that express it."),
        ]), dots);
    }

    private static MarkerDots Dots(AnnotatedData data, IEnumerable<string> genes, CategoricalColumn groups)
    {
        var (names, byGene) = OfGenes(data, genes);
        int[] size = groups.Counts(), used = [.. Enumerable.Range(0, size.Length).Where(g => size[g] > 0)], place = new int[size.Length];
        for (int k = 0; k < used.Length; k++) place[used[k]] = k;
        float[] shares = new float[names.Length * used.Length], means = new float[shares.Length];
        for (int g = 0; g < names.Length; g++)
        {
            var index = byGene.RowIndices(g);
            var value = byGene.RowValues(g);
            for (int k = 0; k < index.Length; k++)
            {
                int code = groups.Codes[index[k]];
                if (code < 0 || value[k] == 0) continue;
                int at = g * used.Length + place[code];
                shares[at] += 1f / size[code];
                means[at] += value[k] / size[code];
            }
        }
        return new MarkerDots([.. used.Select(u => groups.Categories[u])], names, [.. shares.Select(s => Math.Min(1, s))], means);
    }

    private static ReportTable? Clusters(DataFrame? c)
    {
        if (c is null) return null;
        List<ReportColumn> columns =
        [
            ReportColumn.Of("cluster", "cluster", c.Index),
            ReportColumn.Of("cells", "cells", Columns.Numbers(c, "cells"), ColumnFormat.Integer),
            ReportColumn.Of("share", "of all", Columns.Numbers(c, "share"), ColumnFormat.Percent),
            ReportColumn.Of("median_genes", "genes", Columns.Numbers(c, "median_genes"), ColumnFormat.Integer, "Median number of genes with counts."),
            ReportColumn.Of("median_counts", "counts", Columns.Numbers(c, "median_counts"), ColumnFormat.Integer, "Median number of counts."),
            ReportColumn.Of("median_pct_counts_mt", "mt %", Columns.Numbers(c, "median_pct_counts_mt"), help: "Median share of mitochondrial counts, in per cent."),
        ];
        if (c.Contains("label"))
        {
            columns.Add(ReportColumn.Of("label", "most frequent type", Columns.Texts(c, "label")));
            columns.Add(ReportColumn.Of("label_share", "its share", Columns.Numbers(c, "label_share"), ColumnFormat.Percent));
        }
        columns.Add(ReportColumn.Of("markers", "marker genes", Columns.Texts(c, "markers")));
        return new ReportTable(columns);
    }

    private static RunSection Run(AnalysisReportSource source)
    {
        JsonObject m = source.Metrics;
        var facts = new List<Fact> { new("program", $"cellcast {m["version"]}"), new("seed", m["seed"]?.ToString() ?? "") };
        foreach (var (name, value) in m["dimensions"] as JsonObject ?? []) facts.Add(new(name.Replace('_', ' '), Whole(value?.GetValue<double>() ?? double.NaN)));
        foreach (JsonNode? s in m["gene_sets"] as JsonArray ?? []) facts.Add(new($"gene set {s?["name"]}", $"{s?["found"]} of {s?["genes"]} genes found"));
        return new RunSection
        {
            Facts = facts,
            Options = [.. (m["options"] as JsonObject ?? []).Where(o => o.Value?.ToString() is { Length: > 0 }).Select(o => new Fact(o.Key, Path.IsPathRooted(o.Value!.ToString()) ? InputFiles.NameOf(o.Value!.ToString()) : o.Value!.ToString()))],
            Files = [.. InputFiles.Records(m)],
            Warnings = [.. (m["warnings"] as JsonArray ?? []).Select(w => w?.ToString() ?? "")],
        };
    }

    private static double Median(double[] values)
    {
        double[] v = [.. values.Where(double.IsFinite).Order()];
        return v.Length == 0 ? double.NaN : (v[(v.Length - 1) / 2] + v[v.Length / 2]) / 2;
    }

    private static string Whole(double value) => double.IsFinite(value) ? value.ToString("#,0", CultureInfo.InvariantCulture) : "–";
}
