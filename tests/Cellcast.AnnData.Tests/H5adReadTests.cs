using System.Security.Cryptography;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests;

public class H5adReadTests
{
    [ToolFact("anndata", "pbmc3k.h5ad", "formats/anndata_v0.5.0.h5ad")]
    public void Real_files_hold_what_anndata_finds_in_them()
    {
        string[] files = [.. Directory.GetFiles(TestPaths.SharedData(), "*.h5ad"), .. Directory.GetFiles(TestPaths.SharedData("formats"), "*.h5ad")];
        Assert.True(files.Length >= 16);
        string json = SampleData.Python("""
            import sys, json, hashlib, warnings, numpy as np, pandas as pd, anndata, scipy.sparse as sp
            warnings.simplefilter('ignore')
            def text(values): return hashlib.sha256('\n'.join(values).encode()).hexdigest()
            def numbers(a, t): return hashlib.sha256(np.ascontiguousarray(a, dtype=t).tobytes()).hexdigest()
            def matrix(m):
                if sp.issparse(m):
                    m = m.tocsr(); m.sum_duplicates()
                    return [list(m.shape), numbers(m.indptr, '<i8'), numbers(m.indices, '<i4'), numbers(m.data, '<f8')]
                return [list(m.shape), numbers(m, '<f8')]
            def column(c):
                if isinstance(c.dtype, pd.CategoricalDtype): return ['categorical', numbers(c.cat.codes, '<i4'), text([str(x) for x in c.cat.categories]), bool(c.cat.ordered)]
                if c.dtype == bool: return ['bool', numbers(c, '<u1')]
                if c.dtype == object: return ['text', text([str(x) for x in c])]
                return [str(c.dtype), numbers(c, '<f8')]
            def frame(d): return [text(d.index), {k: column(d[k]) for k in d.columns}]
            out = {}
            for path in sys.argv[1:]:
                a = anndata.read_h5ad(path)
                out[path] = dict(obs=frame(a.obs), var=frame(a.var), X=None if a.X is None else matrix(a.X), layers={k: matrix(v) for k, v in a.layers.items()},
                    obsm={k: matrix(v) for k, v in a.obsm.items() if not isinstance(v, pd.DataFrame)}, tables={k: frame(v) for k, v in a.obsm.items() if isinstance(v, pd.DataFrame)},
                    obsp={k: matrix(v) for k, v in a.obsp.items()}, varm={k: matrix(v) for k, v in a.varm.items() if not isinstance(v, pd.DataFrame)},
                    raw=None if a.raw is None else [matrix(a.raw.X), frame(a.raw.var)])
            print(json.dumps(out))
            """, files);
        using var expected = JsonDocument.Parse(json);
        foreach (string file in files)
        {
            var data = H5adFile.Read(file);
            Assert.Empty(data.Warnings);
            object ours = new
            {
                obs = Frame(data.Obs),
                var = Frame(data.Var),
                X = data.X is null ? null : Matrix(data.X),
                layers = data.Layers.ToDictionary(l => l.Key, l => Matrix(l.Value)),
                obsm = Matrices(data.Obsm),
                tables = data.Obsm.Where(e => e.Value is DataFrame).ToDictionary(e => e.Key, e => Frame((DataFrame)e.Value)),
                obsp = Matrices(data.Obsp),
                varm = Matrices(data.Varm),
                raw = data.Raw is null ? null : new[] { Matrix(data.Raw.X!), Frame(data.Raw.Var) },
            };
            using var found = JsonDocument.Parse(JsonSerializer.Serialize(ours));
            Assert.True(JsonElement.DeepEquals(expected.RootElement.GetProperty(file), found.RootElement), $"{file}\nanndata: {expected.RootElement.GetProperty(file)}\nours:    {found.RootElement}");
        }
    }

    private static Dictionary<string, object> Matrices(ElementMap map) => map.Where(e => e.Value is Matrix).ToDictionary(e => e.Key, e => Matrix((Matrix)e.Value));

    private static object Matrix(Matrix m) => m switch
    {
        SparseMatrix s => new object[] { new[] { s.Rows, s.Columns }, Hash(s.IndPtr), Hash(s.Indices), Hash(ElementTypes.ToDouble(s.Values)) },
        SparseMatrix64 s => new object[] { new[] { s.Rows, s.Columns }, Hash(s.IndPtr), Hash(s.Indices), Hash(s.Values) },
        _ => new object[] { new[] { m.Rows, m.Columns }, Hash(((DenseMatrix)m).ToDouble()) },
    };

    private static object Frame(DataFrame d) => new object[] { Text(d.Index), d.ColumnNames.ToDictionary(n => n, n => Column(d[n])) };

    private static object Column(Column c) => c switch
    {
        CategoricalColumn k => new object[] { "categorical", Hash(k.Codes), Text(k.Categories), k.Ordered },
        BooleanColumn b => new object[] { "bool", Hash(Array.ConvertAll(b.Values, x => x ? (byte)1 : (byte)0)) },
        StringColumn s => new object[] { "text", Text(s.Values!) },
        _ => new object[] { ElementTypes.Name(((NumericColumn)c).ElementType), Hash(((NumericColumn)c).ToDouble()) },
    };

    private static string Text(IEnumerable<string?> values) => Hash(Encoding.UTF8.GetBytes(string.Join('\n', values)));

    private static string Hash<T>(T[] values) where T : unmanaged => Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<T>(values)));

    [SharedDataFact("formats/anndata_v0.5.0.h5ad")]
    public void The_oldest_layout_is_brought_up_to_date()
    {
        var data = H5adFile.Read(TestPaths.SharedData("formats/anndata_v0.5.0.h5ad"));
        Assert.Equal((700, 765), (data.ObservationCount, data.VariableCount));
        Assert.Equal("CD14+ Monocyte", data.Obs["bulk_labels"].Text(0));
        Assert.False(data.Uns.ContainsKey("bulk_labels_categories"));
        Assert.Equal(["connectivities", "distances"], data.Obsp.Keys);
        Assert.True(data.Uns.TryGet<Scalar>(["neighbors", "params", "method"], out var method));
        Assert.Equal("umap", method.Value);
        Assert.True(data.Uns.TryGet<RecordArray>(["rank_genes_groups", "names"], out var names));
        Assert.Equal(100, names.Length);
    }

    [SharedDataFact("pbmc3k.h5ad")]
    public void Only_what_was_asked_for_is_read()
    {
        string path = TestPaths.SharedData("pbmc3k.h5ad");
        var tables = H5adFile.Read(path, H5adReadOptions.TablesOnly);
        Assert.Null(tables.X);
        Assert.Equal((2638, 13713), (tables.ObservationCount, tables.VariableCount));
        Assert.Equal(9, ((CategoricalColumn)tables.Obs["label"]).Categories.Length);
        Assert.Contains("no layer 'counts'", Assert.Throws<InputException>(() => H5adFile.Read(path, new H5adReadOptions { Layers = ["counts"] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_outline_lists_everything_without_reading_it()
    {
        using var dir = new TemporaryDirectory();
        H5adFile.Write(dir["a.h5ad"], SampleData.Everything());
        var outline = H5adFile.Outline(dir["a.h5ad"]).ToDictionary(e => e.Key, e => e.ToString());
        Assert.Equal("6 x 4 sparse float32, 7 stored", outline["X"]);
        Assert.Equal("6 x 4 float64 array", outline["layers/scaled"]);
        Assert.Equal("6 x 2 x 2 int16 array", outline["obsm/cube"]);
        Assert.Equal("dataframe", outline["obsm/table"]);
        Assert.Equal("6 x 6 sparse float64, 2 stored", outline["obsp/distances"]);
        Assert.Equal("int64", outline["uns/seed"]);
        Assert.Equal("dict", outline["uns/nested"]);
        Assert.Equal("6 x 5 sparse float32, 2 stored", outline["raw/X"]);
    }

    [SharedDataFact("formats/anndata_v0.5.0.h5ad")]
    public void An_outline_of_the_oldest_layout()
    {
        var outline = H5adFile.Outline(TestPaths.SharedData("formats/anndata_v0.5.0.h5ad")).ToDictionary(e => e.Key, e => e.ToString());
        Assert.Equal("700 x 765 float32 array", outline["X"]);
        Assert.Equal("700 x 50 float32 array", outline["obsm/X_pca"]);
        Assert.Equal("700 x 765 sparse float32, 174400 stored", outline["raw.X"]);
    }

    [Fact]
    public void Layers_are_read_by_name()
    {
        using var dir = new TemporaryDirectory();
        H5adFile.Write(dir["a.h5ad"], SampleData.Everything());
        var data = H5adFile.Read(dir["a.h5ad"], new H5adReadOptions { X = false, Layers = ["counts"], Rest = false });
        Assert.Null(data.X);
        Assert.Equal(["counts"], data.Layers.Keys);
        Assert.Empty(data.Uns);
        Assert.Null(data.Raw);
    }

    [Fact]
    public void What_is_no_file_gives_a_sentence()
    {
        using var dir = new TemporaryDirectory();
        Assert.EndsWith("does not exist.", Assert.Throws<InputException>(() => H5adFile.Read(dir["none.h5ad"])).Message, StringComparison.Ordinal);
        Assert.Contains("is a folder", Assert.Throws<InputException>(() => H5adFile.Read(dir.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_libhdf5_the_message_says_what_to_install()
    {
        using var dir = new TemporaryDirectory();
        H5adFile.Write(dir["a.h5ad"], SampleData.Everything());
        var r = ChildProgram.Run(new Dictionary<string, string> { ["CELLCAST_HDF5"] = dir["nothing.so"] }, "read", dir["a.h5ad"]);
        Assert.Equal(3, r.ExitCode);
        Assert.Contains("apt-get install libhdf5", r.Error, StringComparison.Ordinal);
        Assert.Contains(dir["nothing.so"], r.Error, StringComparison.Ordinal);
        Assert.Single(r.Error.TrimEnd().Split('\n'));
        Assert.Equal(0, ChildProgram.Run(new Dictionary<string, string>(), "read", dir["a.h5ad"]).ExitCode);
    }

    [Fact]
    public void Many_threads_may_read_and_write_at_once()
    {
        using var dir = new TemporaryDirectory();
        var data = SampleData.Random(400, 300, seed: 9);
        H5adFile.Write(dir["a.h5ad"], data);
        byte[] bytes = File.ReadAllBytes(dir["a.h5ad"]);
        Parallel.For(0, 16, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            Same.Data(data, H5adFile.Read(dir["a.h5ad"]));
            H5adFile.Write(dir[$"{i}.h5ad"], data);
            Assert.Equal(bytes, File.ReadAllBytes(dir[$"{i}.h5ad"]));
        });
    }

    [Fact]
    public void Named_elements_can_be_left_in_the_file()
    {
        using var dir = new TemporaryDirectory();
        var data = new AnnotatedData(new DataFrame(["a", "b"]), new DataFrame(["g"]), new DenseMatrix(2, 1, new float[] { 1, 2 }));
        data.Obsm["wide"] = new DenseMatrix(2, 3, new float[6]);
        data.Obsm["map"] = new DenseMatrix(2, 2, new float[] { 1, 2, 3, 4 });
        data.Uns["wide"] = new Scalar("kept");
        H5adFile.Write(dir["a.h5ad"], data);
        AnnotatedData read = H5adFile.Read(dir["a.h5ad"], new H5adReadOptions { Without = ["obsm/wide", "obsm/absent"] });
        Assert.Equal(["map"], read.Obsm.Select(e => e.Key));
        Assert.Equal("kept", ((Scalar)read.Uns["wide"]).Value);
        Assert.Empty(read.Warnings);
    }
}
