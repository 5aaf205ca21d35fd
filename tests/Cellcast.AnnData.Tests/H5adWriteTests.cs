using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests;

public class H5adWriteTests
{
    [Fact]
    public void Every_kind_of_element_survives_writing_and_reading()
    {
        using var dir = new TemporaryDirectory();
        var data = SampleData.Everything();
        Assert.Empty(H5adFile.Write(dir["a.h5ad"], data));
        var back = H5adFile.Read(dir["a.h5ad"]);
        Assert.Empty(back.Warnings);
        // Text with gaps becomes a categorical: the one deliberate change.
        Assert.Equal(data.Obs["text_gaps"].ToText(), back.Obs["text_gaps"].ToText());
        data.Obs["text_gaps"] = CategoricalColumn.FromLabels(data.Obs["text_gaps"].ToText());
        Same.Data(data, back);
    }

    [Fact]
    public void The_same_content_gives_the_same_bytes_whatever_the_number_of_threads()
    {
        using var dir = new TemporaryDirectory();
        var data = SampleData.Random(3000, 300, seed: 1);
        foreach (var (k, e) in SampleData.Everything().Uns) data.Uns[k] = e;
        H5adFile.Write(dir["1.h5ad"], data, new H5adWriteOptions { Threads = 1 });
        H5adFile.Write(dir["2.h5ad"], data, new H5adWriteOptions { Threads = 2 });
        H5adFile.Write(dir["7.h5ad"], data, new H5adWriteOptions { Threads = 7 });
        byte[] first = File.ReadAllBytes(dir["1.h5ad"]);
        Assert.Equal(first, File.ReadAllBytes(dir["2.h5ad"]));
        Assert.Equal(first, File.ReadAllBytes(dir["7.h5ad"]));
        Same.Data(H5adFile.Read(dir["1.h5ad"], new H5adReadOptions { Threads = 1 }), H5adFile.Read(dir["1.h5ad"], new H5adReadOptions { Threads = 5 }));
        Same.Data(data, H5adFile.Read(dir["1.h5ad"]));
    }

    [Theory]
    [InlineData(70000, 3)]
    [InlineData(3, 70000)]
    [InlineData(1, 300000)]
    [InlineData(513, 257)]
    public void Big_dense_arrays_of_any_shape_are_cut_into_chunks_and_put_together_again(int rows, int columns)
    {
        using var dir = new TemporaryDirectory();
        var random = new Random(3);
        var data = new AnnotatedData(new DataFrame(SampleData.Names("c", rows)), new DataFrame(SampleData.Names("g", 1)));
        data.Obsm["d"] = new DenseMatrix(rows, columns, Enumerable.Range(0, rows * columns).Select(_ => random.NextDouble()).ToArray());
        data.Obsm["i"] = new DenseMatrix(rows, columns, Enumerable.Range(0, rows * columns).Select(i => (short)i).ToArray());
        data.Obsm["b"] = new DenseMatrix(rows, columns, Enumerable.Range(0, rows * columns).Select(i => i % 3 == 0).ToArray());
        data.Uns["cube"] = new NdArray(Enumerable.Range(0, rows * columns).Select(i => (byte)i).ToArray(), rows, columns, 1);
        H5adFile.Write(dir["a.h5ad"], data);
        Same.Data(data, H5adFile.Read(dir["a.h5ad"]));
    }

    [Fact]
    public void A_table_of_five_thousand_columns_can_be_written()
    {
        using var dir = new TemporaryDirectory();
        var data = new AnnotatedData(new DataFrame(["a", "b"]), new DataFrame(["g"]));
        for (int i = 0; i < 5000; i++) data.Obs.Set($"column {i}", new[] { i, i + 1 });
        H5adFile.Write(dir["wide.h5ad"], data);
        Same.Data(data, H5adFile.Read(dir["wide.h5ad"]));
    }

    [Fact]
    public void Names_with_slashes_are_replaced_and_said()
    {
        using var dir = new TemporaryDirectory();
        var data = new AnnotatedData(new DataFrame(["a"]), new DataFrame(["g"]));
        data.Obs.Set("CD4/CD8", new[] { 2.0 });
        Assert.Contains("CD4_CD8", Assert.Single(H5adFile.Write(dir["a.h5ad"], data)), StringComparison.Ordinal);
        Assert.Equal(["CD4_CD8"], H5adFile.Read(dir["a.h5ad"]).Obs.ColumnNames);
        data.Obs.Set("CD4_CD8", new[] { 1.0 });
        Assert.Throws<InputException>(() => H5adFile.Write(dir["b.h5ad"], data));
        Assert.False(File.Exists(dir["b.h5ad"]));
    }

    [Fact]
    public void A_write_that_fails_leaves_the_old_file_and_nothing_else()
    {
        using var dir = new TemporaryDirectory();
        H5adFile.Write(dir["a.h5ad"], SampleData.Everything());
        byte[] before = File.ReadAllBytes(dir["a.h5ad"]);
        var bad = SampleData.Random(500, 300, seed: 2);
        bad.Uns["zz"] = new Scalar("null \0 inside");
        var e = Assert.Throws<InputException>(() => H5adFile.Write(dir["a.h5ad"], bad));
        Assert.Contains("null character", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(dir["a.h5ad"]));
        Assert.Single(Directory.GetFileSystemEntries(dir.Path));
    }

    [Fact]
    public void Where_space_runs_out_the_old_file_stays_and_the_process_lives_on()
    {
        if (!OperatingSystem.IsLinux()) return;
        using var dir = new TemporaryDirectory();
        H5adFile.Write(dir["a.h5ad"], SampleData.Everything());
        byte[] before = File.ReadAllBytes(dir["a.h5ad"]);
        // A limit on file sizes stands for a full disk: writing fails half way. The runtime's own mappings must not count.
        var r = ExternalTool.Run("bash", ["-c", "trap '' XFSZ; ulimit -f 500; exec dotnet \"$@\"", "bash", ChildProgram.Assembly, "write", dir["a.h5ad"], "5000"],
            new Dictionary<string, string> { ["DOTNET_EnableWriteXorExecute"] = "0" });
        Assert.Equal($"'{dir["a.h5ad"]}' could not be written: the file would become larger than allowed here; nothing was left half written.", r.Error.Trim());
        Assert.Equal("6 observations x 4 variables", r.Output.Trim());
        Assert.Equal(5, r.ExitCode);
        Assert.Equal(before, File.ReadAllBytes(dir["a.h5ad"]));
        Assert.Single(Directory.GetFileSystemEntries(dir.Path));
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        using var dir = new TemporaryDirectory();
        var data = SampleData.Everything();
        data.Obsm["short"] = new DenseMatrix(2, 1, new[] { 1.0, 2 });
        Assert.Contains("obsm/short has 2 rows, expected 6", Assert.Throws<ArgumentException>(() => H5adFile.Write(dir["a.h5ad"], data)).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(dir.Path));
    }

    [ToolFact("anndata")]
    public void Anndata_opens_what_was_written_and_finds_the_same_values()
    {
        using var dir = new TemporaryDirectory();
        H5adFile.Write(dir["a.h5ad"], SampleData.Everything());
        var random = SampleData.Random(3000, 300, seed: 1);
        H5adFile.Write(dir["big.h5ad"], random);
        SampleData.Python("""
            import sys, warnings, numpy as np, pandas as pd, anndata, scipy.sparse as sp
            warnings.simplefilter('ignore')
            a = anndata.read_h5ad(sys.argv[1])
            def same(x, y):
                assert np.array_equal(np.asarray(x), np.asarray(y)), (x, y)
            assert a.shape == (6, 4)
            assert a.obs.index.name == 'barcode'
            same(a.obs_names, ['cell0', 'cell1', 'cell2', 'Zelle ü', '細胞', 'cell5'])
            same(a.var_names, ['g1', 'g2', 'g3', 'g4'])
            o = a.obs
            assert list(o.columns) == ['cat','cat_ordered','f64','f32','i64','i32','i8','u8','u16','flag','text','text_gaps','int_gaps','flag_gaps'], o.columns
            assert list(o['cat'].cat.categories) == ['T cell', 'B cell', 'µglia'] and not o['cat'].cat.ordered
            same(o['cat'].cat.codes, [0, 1, -1, 2, 1, 0]); assert o['cat'].cat.codes.dtype == np.int8
            assert o['cat_ordered'].cat.ordered and list(o['cat_ordered']) == ['high','mid','low','low','mid','high']
            assert o['f64'].dtype == np.float64 and np.array_equal(o['f64'], [0.1, -2.5, np.nan, 1e300, 0, 6], equal_nan=True)
            assert o['f32'].dtype == np.float32 and np.array_equal(o['f32'], np.array([0.1, -2.5, np.nan, 1e30, 0, 6], np.float32), equal_nan=True)
            for c, t, v in [('i64', np.int64, 1 << 60), ('i32', np.int32, -2**31), ('i8', np.int8, -128), ('u8', np.uint8, 255), ('u16', np.uint16, 65535)]:
                assert o[c].dtype == t and o[c][0] == v, c
            assert o['flag'].dtype == bool; same(o['flag'], [True, False, True, True, False, False])
            same(o['text'], ['a', '', 'ß', 'long long text', 'x,y', '"q"'])
            assert [None if pd.isna(x) else x for x in o['text_gaps']] == ['b', None, 'a', None, 'b', 'c']
            assert str(o['int_gaps'].dtype) == 'Int64' and [None if pd.isna(x) else x for x in o['int_gaps']] == [7, None, 9, 10, None, 12]
            assert str(o['flag_gaps'].dtype) == 'boolean' and [None if pd.isna(x) else x for x in o['flag_gaps']] == [True, None, False, True, False, True]
            assert sp.issparse(a.X) and a.X.format == 'csr' and a.X.dtype == np.float32 and a.X.indptr.dtype == np.int32
            same(a.X.toarray(), [[1,0,0,2],[0,0,0,0],[0,3,0,0],[4.5,0,5,0],[0,0,0,16777216],[0,7,0,0]])
            assert a.layers['counts'].nnz == 1 and a.layers['counts'][5, 2] == 9
            same(a.layers['scaled'], np.arange(24).reshape(6, 4) / 7.0)
            same(a.obsm['X_pca'], (np.arange(18, dtype=np.float32) / np.float32(3)).reshape(6, 3)); assert a.obsm['X_pca'].dtype == np.float32
            same(a.obsm['spatial'], np.arange(12).reshape(6, 2)); assert a.obsm['spatial'].dtype == np.int64
            same(a.obsm['cube'], np.arange(24).reshape(6, 2, 2)); assert a.obsm['cube'].dtype == np.int16
            same(a.obsm['table']['a'], [1, 2, 3, 4, 5, 6])
            same(a.varm['PCs'], np.arange(1, 9).reshape(4, 2))
            assert a.obsp['distances'].dtype == np.float64 and a.obsp['distances'][5, 0] == 1 / 3 and a.obsp['distances'].nnz == 2
            same(a.varp['corr'], np.arange(16).reshape(4, 4) * 0.5)
            u = a.uns
            assert u['name'] == 'run 1 – ü' and u['seed'] == 42 and u['rate'] == 0.25 and u['done'] == True and u['empty'] == {}
            same(u['colors'], ['#fff', '#000']); same(u['grid'], [[1, 2], [3, 4]]); same(u['words'], [['a', 'b'], ['c', 'dd']])
            assert u['none'].shape == (0,) and u['none'].dtype == np.float32
            assert u['nested']['params']['method'] == 'umap'; same(u['nested']['params']['masks'], [True, False])
            assert list(u['groups']) == ['u', 'u', 'v']
            r = u['ranks']; assert r.dtype.names == ('A', 'score', 'n') and r['A'][1] == 'gene 2' and r['score'][1] == -1 and r['n'][1] == 4
            assert a.raw.shape == (6, 5) and a.raw.X[5, 0] == 2; same(a.raw.varm['PCs'], np.arange(1, 6).reshape(5, 1)); same(a.raw.var_names, ['g1','g2','g3','g4','g5'])
            b = anndata.read_h5ad(sys.argv[2])
            assert b.shape == (3000, 300) and b.X.has_canonical_format and b.X.nnz == int(sys.argv[3]) and b.X.sum(dtype=np.float64) == float(sys.argv[4]), (b.X.nnz, b.X.sum(dtype=np.float64))
            """, dir["a.h5ad"], dir["big.h5ad"], ((SparseMatrix)random.X!).StoredCount.ToString(), ((SparseMatrix)random.X!).RowSums().Sum().ToString());
    }

    [ToolFact("h5diff")]
    public void H5diff_finds_no_difference_to_the_file_that_anndata_writes_of_it()
    {
        if (!ExternalTool.IsPresent("anndata")) return;
        using var dir = new TemporaryDirectory();
        var everything = SampleData.Everything();
        // h5diff calls empty arrays "not comparable".
        everything.Uns.Remove("none");
        H5adFile.Write(dir["ours.h5ad"], everything);
        H5adFile.Write(dir["ours_big.h5ad"], SampleData.Random(3000, 300, seed: 1));
        H5adFile.Write(dir["ours_bare.h5ad"], new AnnotatedData(new DataFrame(["a", "b"]), new DataFrame(["g"]), new DenseMatrix(2, 1, new[] { 1f, 2f })));
        SampleData.Python("""
            import sys, warnings, anndata
            warnings.simplefilter('ignore')
            for name in ['', '_big', '_bare']:
                anndata.read_h5ad(sys.argv[1] + '/ours' + name + '.h5ad').write_h5ad(sys.argv[1] + '/theirs' + name + '.h5ad')
            """, dir.Path);
        foreach (string name in (string[])["", "_big", "_bare"])
        {
            var r = ExternalTool.Run("h5diff", ["-c", dir[$"ours{name}.h5ad"], dir[$"theirs{name}.h5ad"]]);
            Assert.True(r.ExitCode == 0 && r.Output.Length == 0, name + r.Output + r.Error);
        }
    }

    [ToolFact("anndata")]
    public void Anndata_opens_a_table_of_five_thousand_columns()
    {
        using var dir = new TemporaryDirectory();
        var data = new AnnotatedData(new DataFrame(["a", "b"]), new DataFrame(["g"]), new DenseMatrix(2, 1, new[] { 1f, 2f }));
        for (int i = 0; i < 5000; i++) data.Obs.Set($"column {i}", new[] { i, i + 1 });
        H5adFile.Write(dir["wide.h5ad"], data);
        Assert.Equal("5000 4999", SampleData.Python("import sys, warnings, anndata; warnings.simplefilter('ignore'); a = anndata.read_h5ad(sys.argv[1]); print(a.obs.shape[1], a.obs['column 4998'][1])", dir["wide.h5ad"]).Trim());
    }
}
