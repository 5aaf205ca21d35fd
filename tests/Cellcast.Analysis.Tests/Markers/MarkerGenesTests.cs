using Cellcast.Analysis.Markers;
using Cellcast.Analysis.Preprocessing;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Markers;

public class MarkerGenesTests
{
    private const int Cells = 120, Genes = 60;

    private static readonly SparseMatrix s_expression = Normalization.LogNormalize(Samples.Counts(Cells, Genes, 9), 50);
    private static readonly CategoricalColumn s_groups = CategoricalColumn.FromLabels([.. Enumerable.Range(0, Cells).Select(i => i % 3 == 0 ? "T cell" : i % 3 == 1 ? "B" : i % 4 == 0 ? "rare" : "NK")]);

    private const string Oracle = """
        from scipy import stats
        x = np.loadtxt(sys.argv[1]); label = np.array(open(sys.argv[2]).read().split('\n')); method, reference = sys.argv[3], sys.argv[4]
        out = {}
        for g in sorted(set(label)):
            if g == reference: continue
            a = x[label == g]; b = x[label != g] if reference == 'rest' else x[label == reference]
            n1, n2 = len(a), len(b)
            m1, m2, v1, v2 = a.mean(0), b.mean(0), a.var(0, ddof=1), b.var(0, ddof=1)
            if method.startswith('wilcoxon'):
                r = np.apply_along_axis(stats.rankdata, 0, np.vstack([a, b]))
                n = n1 + n2
                t = np.array([1 - sum(c ** 3 - c for c in np.unique(k, return_counts=True)[1]) / (n ** 3 - n) for k in r.T]) if method == 'wilcoxon-ties' else 1
                z = (r[:n1].sum(0) - n1 * (n + 1) / 2) / np.sqrt(t * n1 * n2 * (n + 1) / 12)
                z[np.isnan(z)] = 0; p = 2 * stats.norm.sf(abs(z))
            else:
                z, p = stats.ttest_ind_from_stats(m1, np.sqrt(v1), n1, m2, np.sqrt(v2), n1 if method == 'overestimate' else n2, equal_var=False)
                z[np.isnan(z)] = 0; p[np.isnan(p)] = 1
            o = np.argsort(p); q = np.empty_like(p); q[o] = np.minimum(1, np.minimum.accumulate((p[o] * len(p) / np.arange(1, len(p) + 1))[::-1])[::-1])
            out[g] = {'z': list(z), 'p': list(p), 'q': list(q), 'fc': list(np.log2((np.expm1(m1) + 1e-9) / (np.expm1(m2) + 1e-9))), 'pts': list((a > 0).mean(0)), 'rest': list((b > 0).mean(0))}
        print(json.dumps(out))
        """;

    [ToolTheory("sklearn")] // for SciPy
    [InlineData(MarkerTest.Wilcoxon, true, null, "wilcoxon-ties")]
    [InlineData(MarkerTest.Wilcoxon, false, null, "wilcoxon")]
    [InlineData(MarkerTest.Wilcoxon, true, "T cell", "wilcoxon-ties")]
    [InlineData(MarkerTest.Wilcoxon, false, "rare", "wilcoxon")]
    [InlineData(MarkerTest.Welch, true, null, "t-test")]
    [InlineData(MarkerTest.Welch, true, "B", "t-test")]
    [InlineData(MarkerTest.WelchOverestimatedVariance, true, null, "overestimate")]
    public void Scores_are_those_of_scanpys_formulas_on_the_dense_matrix(MarkerTest test, bool ties, string? reference, string method)
    {
        using var dir = new TemporaryDirectory();
        // The second matrix has negative values, as scaled expression does, and a gene that is nowhere expressed.
        var shifted = new SparseMatrix(Cells, Genes, s_expression.IndPtr, s_expression.Indices, [.. s_expression.Values.Select((v, k) => s_expression.Indices[k] == 7 ? 0 : s_expression.Indices[k] % 3 == 0 ? v - 1.5f : v)]);
        foreach (var x in new[] { s_expression, shifted })
        {
            Samples.Save(x, dir["x"]);
            File.WriteAllText(dir["l"], string.Join('\n', s_groups.ToText()));
            var expected = Samples.Python(Oracle, dir["x"], dir["l"], method, reference ?? "rest");
            var found = MarkerGenes.Rank(x, s_groups, new MarkerOptions { Test = test, TieCorrection = ties, Reference = reference }, threads: 2);
            Assert.Equal(expected.AsObject().Select(e => e.Key), found.Groups.Select(g => g.Group));
            foreach (var g in found.Groups)
            {
                var e = expected[g.Group]!;
                for (int k = 0; k < Genes; k++)
                {
                    Assert.Equal(e["z"]!.Numbers()[k], g.Scores[k], 2e-5);
                    Close.To(e["p"]!.Numbers()[k], g.PValues[k], 1e-3);
                    Close.To(e["q"]!.Numbers()[k], g.QValues[k], 1e-3);
                    if (x == s_expression) Close.To(e["fc"]!.Numbers()[k], g.LogFoldChanges[k], 1e-5);
                    if (x == s_expression) Close.To(e["pts"]!.Numbers()[k], g.Shares[k], 1e-12);
                    if (x == s_expression) Close.To(e["rest"]!.Numbers()[k], g.ReferenceShares[k], 1e-12);
                }
                for (int k = 1; k < Genes; k++) Assert.True(g.Scores[g.Order[k - 1]] >= g.Scores[g.Order[k]]);
            }
        }
    }

    [Fact]
    public void Two_groups_are_compared_as_the_comparison_of_two_groups_does()
    {
        int[] a = [.. Enumerable.Range(0, Cells).Where(i => i % 2 == 0)], b = [.. Enumerable.Range(0, Cells).Where(i => i % 2 == 1)];
        var two = Statistics.GroupComparison.RankSum(s_expression, a, b);
        var markers = MarkerGenes.Rank(s_expression, CategoricalColumn.FromLabels([.. Enumerable.Range(0, Cells).Select(i => i % 2 == 0 ? "a" : "b")])).Groups;
        for (int g = 0; g < Genes; g++)
        {
            Assert.Equal(two.Tests[g].Z, markers[0].Scores[g], 1e-12);
            Assert.Equal(-two.Tests[g].Z, markers[1].Scores[g], 1e-12);
            Close.To(two.QValues[g], markers[0].QValues[g], 1e-12);
            Close.To(two.GroupMeans[g], markers[0].Means[g], 1e-12);
        }
    }

    [Fact]
    public void Cells_without_a_group_take_no_part_and_threads_change_nothing()
    {
        string?[] labels = [.. s_groups.ToText().Select((l, i) => i < 10 ? null : l)];
        var some = CategoricalColumn.FromLabels(labels);
        int[] rest = [.. Enumerable.Range(10, Cells - 10)];
        var left = MarkerGenes.Rank(s_expression, some, threads: 1);
        var cut = MarkerGenes.Rank(s_expression.SelectRows(rest), CategoricalColumn.FromLabels(labels[10..]), threads: 3);
        foreach (var (x, y) in left.Groups.Zip(cut.Groups))
        {
            Assert.Equal(x.Scores, y.Scores);
            Assert.Equal(x.Order, y.Order);
        }
        Assert.Contains("at least two", Assert.Throws<InputException>(() => MarkerGenes.Rank(s_expression, CategoricalColumn.FromLabels([.. Enumerable.Repeat("one", Cells)]))).Message, StringComparison.Ordinal);
        Assert.Contains("'foreign'", Assert.Throws<InputException>(() => MarkerGenes.Rank(s_expression, s_groups, new MarkerOptions { Reference = "foreign" })).Message, StringComparison.Ordinal);
    }

    [ToolFact("anndata")]
    public void Anndata_reads_the_ranking_as_scanpy_leaves_it()
    {
        using var dir = new TemporaryDirectory();
        string[] genes = [.. Enumerable.Range(0, Genes).Select(g => $"GENE{g}")];
        var data = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, Cells).Select(i => $"c{i}")]), new DataFrame(genes), s_expression);
        data.Obs["label"] = s_groups;
        var markers = MarkerGenes.Rank(s_expression, s_groups);
        data.Uns["rank_genes_groups"] = RankGenesGroups.Of(markers, genes, "label", 20);
        var slashed = CategoricalColumn.FromLabels([.. s_groups.ToText().Select(l => l == "B" ? "CD4+/CD25 T" : l)]);
        data.Uns["slashed"] = RankGenesGroups.Of(MarkerGenes.Rank(s_expression, slashed), genes, "slashed", 5);
        Assert.Empty(H5adFile.Write(dir["a.h5ad"], data));
        var read = Samples.Python("""
            import anndata, pandas as pd
            a = anndata.read_h5ad(sys.argv[1]); u = a.uns['rank_genes_groups']
            assert set(u) == {'params', 'pts', 'pts_rest', 'names', 'scores', 'pvals', 'pvals_adj', 'logfoldchanges'}, list(u)
            assert u['params']['groupby'] == 'label' and u['params']['reference'] == 'rest' and u['params']['method'] == 'wilcoxon' and not u['params']['use_raw'] and u['params']['corr_method'] == 'benjamini-hochberg'
            assert u['names'].dtype.names == ('B', 'NK', 'T cell', 'rare'), u['names'].dtype
            assert u['scores'].dtype['B'] == np.float32 and u['pvals'].dtype['B'] == np.float64 and u['logfoldchanges'].dtype['B'] == np.float32
            assert a.uns['slashed']['names'].dtype.names[0] == 'CD4+/CD25 T' or 'CD4+/CD25 T' in a.uns['slashed']['names'].dtype.names
            # as scanpy.get.rank_genes_groups_df does
            d = pd.DataFrame({k: u[k]['NK'] for k in ['names', 'scores', 'logfoldchanges', 'pvals', 'pvals_adj']})
            d['pct_nz_group'] = d['names'].map(u['pts']['NK']); d['pct_nz_reference'] = d['names'].map(u['pts_rest']['NK'])
            # as the plots do: names of the best genes of a group, looked up in var
            assert all(n in a.var_names for n in u['names']['T cell'][:5])
            print(json.dumps({c: [str(v) if c == 'names' else float(v) for v in d[c]] for c in d}))
            """, dir["a.h5ad"]);
        var nk = markers.Groups[1];
        Assert.Equal(nk.Order.Take(20).Select(k => genes[k]), read["names"]!.AsArray().Select(n => n!.GetValue<string>()));
        Close.To([.. nk.Order.Take(20).Select(k => nk.PValues[k])], read["pvals"]!.Numbers(), 1e-15);
        Close.To([.. nk.Order.Take(20).Select(k => (double)(float)nk.Scores[k])], read["scores"]!.Numbers(), 1e-15);
        Close.To([.. nk.Order.Take(20).Select(k => nk.Shares[k])], read["pct_nz_group"]!.Numbers(), 1e-15);
        Close.To([.. nk.Order.Take(20).Select(k => nk.ReferenceShares[k])], read["pct_nz_reference"]!.Numbers(), 1e-15);
    }
}
