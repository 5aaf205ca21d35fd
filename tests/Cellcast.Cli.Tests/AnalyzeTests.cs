using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast analyze</c> and <c>cellcast enrich</c>, as users run them.</summary>
public sealed class AnalyzeTests : IDisposable
{
    private const int Cells = 180, Genes = 240;

    private static readonly string[] s_types = ["B cell", "Mono", "T cell"];
    private readonly TemporaryDirectory _folder = new();

    public AnalyzeTests() => H5adFile.Write(_folder["cells.h5ad"], Study());

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Clusters_are_the_types_and_results_stand_under_the_names_of_the_field()
    {
        File.WriteAllText(_folder["sets.gmt"], "B set\t\tGENE0\tGENE3\tGENE6\tGENE9\nforeign\t\tNOWHERE\n");
        var run = CommandLine.Run("analyze", _folder["cells.h5ad"], "--out", _folder["out"], "--label", "type", "--batch", "sample", "--min-genes", "20", "--max-mt", "40", "--variable-genes", "150", "--components", "10",
            "--resolution", "0.3", "--gene-sets", _folder["sets.gmt"], "--tsne", "--json");
        Assert.True(run.ExitCode == 0, run.Error);
        var line = run.LastLine();
        Assert.Equal(3, (int)line["clusters"]!);
        Assert.Equal(1, (double)line["agreement"]!["ari"]!, 1e-12);
        Assert.Contains("2 cells with fewer than 20 genes were left out", run.Error, StringComparison.Ordinal);
        Assert.Contains("1 cell with more than 40 % mitochondrial counts was left out", run.Error, StringComparison.Ordinal);
        Assert.Contains("'foreign' has no gene", run.Error, StringComparison.Ordinal);
        Assert.Contains("T cell (100 %)", run.Output, StringComparison.Ordinal);
        foreach (string file in new[] { "cells.csv", "genes.csv", "clusters.csv", "markers.csv", "label_markers.csv", "metrics.json", "report.html", "run.log" }) Assert.True(File.Exists(Path.Combine(_folder["out"], file)), file);
        // Folders of a machine are nobody's business.
        Assert.DoesNotContain(_folder.Path, File.ReadAllText(Path.Combine(_folder["out"], "metrics.json")), StringComparison.Ordinal);

        Documentation.NamesAllOf(_folder["out"], "type", "sample", "score_B set", "names", "column");
        Assert.DoesNotContain("report could not be made", run.Error, StringComparison.Ordinal);
        // The report of the folder is that of the run.
        var again = CommandLine.Run("report", _folder["out"], "--to", _folder["again"]);
        Assert.True(again.ExitCode == 0, again.Error);
        Assert.Equal(File.ReadAllText(Path.Combine(_folder["out"], "report.html")), File.ReadAllText(Path.Combine(_folder["again"], "report.html")));

        var data = H5adFile.Read(Path.Combine(_folder["out"], "analysis.h5ad"));
        Assert.Equal(Cells - 3, data.ObservationCount);
        Assert.Equal(3, ((CategoricalColumn)data.Obs["leiden"]).Categories.Length);
        foreach (string column in new[] { "type", "n_genes_by_counts", "total_counts", "pct_counts_mt", "pct_counts_ribo", "pct_counts_in_top_50_genes", "score_B set" }) Assert.True(data.Obs.Contains(column), column);
        foreach (string column in new[] { "mt", "n_cells_by_counts", "mean_counts", "pct_dropout_by_counts", "highly_variable", "highly_variable_nbatches", "means", "dispersions", "dispersions_norm" }) Assert.True(data.Var.Contains(column), column);
        Assert.Equal(["X_pca", "X_tsne", "X_umap"], data.Obsm.Keys);
        Assert.Equal(["PCs"], data.Varm.Keys);
        Assert.Equal(["connectivities", "distances"], data.Obsp.Keys);
        Assert.True(data.Uns.TryGet<NdArray>(["pca", "variance_ratio"], out _) && data.Uns.TryGet<Scalar>(["neighbors", "connectivities_key"], out _) && data.Uns.TryGet<Scalar>(["log1p", "base"], out _));
        Assert.True(data.Uns.TryGet<RecordArray>(["rank_genes_groups", "names"], out var names) && names.Fields.Count == 3);
        Assert.True(data.Uns.TryGet<RecordArray>(["rank_genes_groups_type", "names"], out var ofTypes));
        // Genes 0, 3, 6, … are those of B cells.
        Assert.All(((string[])ofTypes.Fields["B cell"].Data)[..20], g => Assert.Equal(0, int.Parse(g[4..]) % 3));
        // Counts are kept, X is their logarithm at 10,000 per cell.
        var counts = data.MatrixOf("counts").ToSparse();
        double total = counts.RowSums()[5];
        Assert.Equal(Math.Log(1 + counts.RowValues(5)[3] / total * 10_000), data.MatrixOf().ToSparse().RowValues(5)[3], 1e-5);
        double[] score = ((NumericColumn)data.Obs["score_B set"]).ToDouble();
        string?[] type = data.Obs["type"].ToText();
        Assert.True(Enumerable.Range(0, score.Length).Where(i => type[i] == "B cell").Average(i => score[i]) > Enumerable.Range(0, score.Length).Where(i => type[i] != "B cell").Average(i => score[i]) + 1);
    }

    [Fact]
    public void Results_have_the_same_bytes_for_any_number_of_threads()
    {
        foreach (string threads in new[] { "1", "3" })
            Assert.Equal(0, CommandLine.Run("analyze", _folder["cells.h5ad"], "--out", _folder["t" + threads], "--threads", threads, "--seed", "5", "--min-genes", "20", "--scale", "--flavor", "cell_ranger", "--doublets", "mark", "--quiet").ExitCode);
        foreach (string file in new[] { "analysis.h5ad", "markers.csv", "clusters.csv" })
            Assert.True(File.ReadAllBytes(Path.Combine(_folder["t1"], file)).SequenceEqual(File.ReadAllBytes(Path.Combine(_folder["t3"], file))), file);
    }

    [ToolFact("anndata")]
    public void Anndata_opens_the_result_with_everything_where_scanpy_looks_for_it()
    {
        Assert.Equal(0, CommandLine.Run("analyze", _folder["cells.h5ad"], "--out", _folder["out"], "--min-genes", "20", "--quiet").ExitCode);
        var read = ExternalTool.RunPython("""
            import sys, warnings, numpy as np; warnings.simplefilter('ignore')
            import anndata, scipy.sparse as sp
            a = anndata.read_h5ad(sys.argv[1])
            assert a.obs['leiden'].dtype.name == 'category' and list(a.obs['leiden'].cat.categories) == [str(i) for i in range(a.obs['leiden'].nunique())]
            assert a.obs['leiden'].value_counts().index[0] == '0'
            assert a.var['highly_variable'].dtype == bool and a.var['mt'].dtype == bool
            assert a.obsm['X_pca'].shape[1] == len(a.uns['pca']['variance_ratio']) == a.varm['PCs'].shape[1]
            x = a.X[:, a.var['highly_variable'].values].toarray().astype(float); x -= x.mean(0)
            assert np.allclose(x @ a.varm['PCs'][a.var['highly_variable'].values], a.obsm['X_pca'], atol=1e-3)
            n = a.uns['neighbors']; c = a.obsp[n['connectivities_key']]; d = a.obsp[n['distances_key']]
            assert sp.issparse(c) and abs(c - c.T).max() < 1e-6 and d.getnnz(1).max() == n['params']['n_neighbors'] - 1
            assert a.obsm['X_umap'].shape == (a.n_obs, 2)
            assert a.uns['log1p']['base'] == np.e and np.allclose(np.expm1(a.X.toarray()).sum(1), 1e4, rtol=1e-4)
            assert (a.layers['counts'].data == np.round(a.layers['counts'].data)).all()
            g = a.uns['rank_genes_groups']; assert g['params']['groupby'] == 'leiden' and g['names'].dtype.names == tuple(a.obs['leiden'].cat.categories)
            """, Path.Combine(_folder["out"], "analysis.h5ad"));
        Assert.True(read.ExitCode == 0, read.Error);
    }

    [Theory]
    [InlineData("--label", "nothing", 3, "obs has no column 'nothing'")]
    [InlineData("--batch", "nothing", 3, "obs has no column 'nothing'")]
    [InlineData("--layer", "nothing", 3, "no layer 'nothing'")]
    [InlineData("--min-genes", "1000", 3, "0 are left by the filter")]
    [InlineData("--min-cells", "1000", 3, "lower that number")]
    [InlineData("--against", "nobody", 2, "'nobody' is neither the number of a cluster nor a type")]
    [InlineData("--against", "007", 2, "'007' is no number of a cluster: they are numbered from 0.")]
    [InlineData("--against", "180", 2, "'180' is no number of a cluster: they are numbered from 0, and there are 180 cells.")]
    [InlineData("--resolution", "0", 2, "--resolution takes a number")]
    [InlineData("--gene-sets", "missing.gmt", 3, "'missing.gmt' does not exist")]
    public void What_cannot_be_done_is_said_in_a_sentence_and_leaves_no_result(string option, string value, int code, string because)
    {
        string[] few = option == "--min-genes" ? [] : ["--min-genes", "20"];
        var run = CommandLine.Run(["analyze", _folder["cells.h5ad"], "--out", _folder["out"], option, value, "--no-umap", .. few]);
        Assert.Equal(code, run.ExitCode);
        Assert.Contains(because, run.ErrorSentence(), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder["out"], "analysis.h5ad")));
    }

    [Fact]
    public void An_unknown_group_to_compare_with_is_refused_before_the_work_starts()
    {
        var run = CommandLine.Run("analyze", _folder["cells.h5ad"], "--out", _folder["out"], "--min-genes", "20", "--label", "type", "--against", "nobody");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("the types are '", run.ErrorSentence(), StringComparison.Ordinal);
        Assert.DoesNotContain("components", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder["out"], "analysis.h5ad")));
    }

    [Fact]
    public void A_number_that_no_cluster_has_is_refused_as_soon_as_there_are_clusters()
    {
        var run = CommandLine.Run("analyze", _folder["cells.h5ad"], "--out", _folder["out"], "--min-genes", "20", "--label", "type", "--against", "99");
        Assert.Equal(3, run.ExitCode);
        Assert.Matches("there is no group '99' to compare others with: the cells fall into clusters 0 to \\d+, and none that is left is of that type in obs\\['type'\\]\\.$", run.ErrorSentence());
        Assert.Contains("[leiden]", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("[UMAP]", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("markers", run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder["out"], "analysis.h5ad")));
        var known = CommandLine.Run("analyze", _folder["cells.h5ad"], "--out", _folder["known"], "--min-genes", "20", "--no-umap", "--against", "1");
        Assert.True(known.ExitCode == 0, known.Error);
    }

    [Fact]
    public void Cells_of_one_name_are_taken_with_a_warning()
    {
        var data = Study();
        data.Obs.Index[3] = data.Obs.Index[0];
        H5adFile.Write(_folder["twice.h5ad"], data);
        var run = CommandLine.Run("analyze", _folder["twice.h5ad"], "--out", _folder["out"], "--min-genes", "20", "--no-umap");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains($"1 cell name occurs more than once ('{data.Obs.Index[0]}')", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("more than once", CommandLine.Run("analyze", _folder["cells.h5ad"], "--out", _folder["unique"], "--min-genes", "20", "--no-umap").Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(7)]
    public void A_handful_of_cells_is_laid_out_too(int count)
    {
        H5adFile.Write(_folder["few.h5ad"], Study().SelectObservations([.. Enumerable.Range(0, count)]));
        var run = CommandLine.Run("analyze", _folder["few.h5ad"], "--out", _folder["out"], "--min-genes", "1", "--min-cells", "1", "--tsne", "--label", "type");
        Assert.True(run.ExitCode == 0, run.Error);
        var data = H5adFile.Read(Path.Combine(_folder["out"], "analysis.h5ad"));
        foreach (string map in new[] { "X_umap", "X_tsne" })
        {
            Assert.True(data.Obsm.TryGet(map, out DenseMatrix? at));
            Assert.All(at.ToSingle(), v => Assert.True(float.IsFinite(v)));
        }
    }

    [Fact]
    public void Text_in_place_of_counts_is_refused_with_file_and_slot()
    {
        var data = Study();
        H5adFile.Write(_folder["text.h5ad"], new AnnotatedData(data.Obs, data.Var, new DenseMatrix(data.ObservationCount, data.VariableCount, Enumerable.Repeat("a", data.ObservationCount * data.VariableCount).ToArray())));
        var run = CommandLine.Run("analyze", _folder["text.h5ad"], "--out", _folder["out"]);
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("text.h5ad', X: holds text", run.ErrorSentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void Values_that_are_no_counts_are_refused()
    {
        var data = Study();
        var x = data.MatrixOf().ToSparse();
        x.Values[10] = 0.5f;
        H5adFile.Write(_folder["bad.h5ad"], data);
        var run = CommandLine.Run("analyze", _folder["bad.h5ad"], "--out", _folder["out"]);
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("raw counts are needed", run.ErrorSentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void Enrichment_of_a_ranking_finds_the_planted_set_and_that_of_clusters_their_genes()
    {
        var random = new Random(1);
        File.WriteAllLines(_folder["genes.csv"], ["gene,note,pearson", .. Enumerable.Range(0, 900).Select(g => FormattableString.Invariant($"G{g},x,{random.NextDouble() - 0.5 + (g < 30 ? 0.4 : 0):R}")), "G900,x,"]);
        string Set(string name, IEnumerable<int> genes) => $"{name}\t\t{string.Join('\t', genes.Select(g => $"G{g}"))}";
        File.WriteAllLines(_folder["sets.gmt"], [Set("planted", Enumerable.Range(0, 30)), Set("other", Enumerable.Range(200, 40)), Set("small", [1, 2])]);
        var run = CommandLine.Run("enrich", "--ranking", _folder["genes.csv"], "--gene-sets", _folder["sets.gmt"], "--out", _folder["e.csv"], "--json");
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Contains("ranked by 'pearson'", run.Error, StringComparison.Ordinal);
        Assert.Contains("900 genes, 2 sets tested (1 too small", run.Error, StringComparison.Ordinal);
        Assert.Equal(1, (int)run.LastLine()["significant"]!);
        var table = TextTable.Read(_folder["e.csv"]);
        Assert.Equal(["set", "size", "score", "normalized_score", "p", "q", "fdr", "leading_edge"], table.Header);
        Assert.Equal(["planted", "other"], table.Require("set"));

        // Marker genes of clusters: one ranking each, and the genes of types among the best of them.
        Assert.Equal(0, CommandLine.Run("analyze", _folder["cells.h5ad"], "--out", _folder["out"], "--min-genes", "20", "--resolution", "0.3", "--no-umap", "--markers", "0", "--label", "type", "--quiet").ExitCode);
        File.WriteAllLines(_folder["types.gmt"], s_types.Select((t, k) => $"{t} genes\t\t{string.Join('\t', Enumerable.Range(0, 30).Select(g => $"GENE{3 * g + k}"))}"));
        run = CommandLine.Run("enrich", "--ranking", Path.Combine(_folder["out"], "label_markers.csv"), "--gene-sets", _folder["types.gmt"], "--out", _folder["t.csv"], "--top", "40");
        Assert.True(run.ExitCode == 0, run.Error);
        table = TextTable.Read(_folder["t.csv"]);
        Assert.Equal(["group", "set", "size", "overlap", "fold_enrichment", "p", "q", "genes"], table.Header);
        for (int k = 0; k < 3; k++) Assert.Equal((s_types[k], s_types[k] + " genes"), (table.Require("group")[3 * k], table.Require("set")[3 * k]));

        Assert.Contains("no column 'nothing'", CommandLine.Run("enrich", "--ranking", _folder["genes.csv"], "--gene-sets", _folder["sets.gmt"], "--by", "nothing", "--out", _folder["x.csv"]).ErrorSentence(), StringComparison.Ordinal);
        Assert.Contains("'x' in column 'note' is no number", CommandLine.Run("enrich", "--ranking", _folder["genes.csv"], "--gene-sets", _folder["sets.gmt"], "--by", "note", "--out", _folder["x.csv"]).ErrorSentence(), StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["x.csv"]));
    }

    /// <summary>Three types of cells: gene g is high in type g mod 3 if g is below 120. Some genes are mitochondrial. The last cells are bad: two all but empty, one dying.</summary>
    private static AnnotatedData Study()
    {
        var random = new Random(7);
        var counts = new float[Cells * Genes];
        for (int i = 0; i < Cells; i++)
            for (int g = 0; g < Genes; g++)
            {
                double mean = g < 120 ? g % 3 == i % 3 ? 4 : 0.4 : 1;
                if (i >= Cells - 2) mean = 0.01;
                if (i == Cells - 3 && g >= 230) mean = 60;
                int n = 0;
                for (double left = 1, end = Math.Exp(-mean); (left *= random.NextDouble()) > end;) n++;
                counts[i * Genes + g] = n;
            }
        var data = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, Cells).Select(i => $"cell{i}")]), new DataFrame([.. Enumerable.Range(0, Genes).Select(g => g >= 230 ? $"MT-{g}" : $"GENE{g}")]),
            SparseMatrix.FromDense(Cells, Genes, counts));
        data.Obs["type"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, Cells).Select(i => s_types[i % 3])]);
        data.Obs["sample"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, Cells).Select(i => i % 2 == 0 ? "s1" : "s2")]);
        return data;
    }
}
