using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests;

/// <summary>Data sets for tests.</summary>
internal static class SampleData
{
    /// <summary>One of every kind of element that can be written; 6 observations x 4 variables.</summary>
    internal static AnnotatedData Everything()
    {
        var obs = new DataFrame(["cell0", "cell1", "cell2", "Zelle ü", "細胞", "cell5"], "barcode");
        obs["cat"] = new CategoricalColumn([0, 1, -1, 2, 1, 0], ["T cell", "B cell", "µglia"]);
        obs["cat_ordered"] = new CategoricalColumn([2, 1, 0, 0, 1, 2], ["low", "mid", "high"], ordered: true);
        obs.Set("f64", new[] { 0.1, -2.5, double.NaN, 1e300, 0, 6 });
        obs.Set("f32", new[] { 0.1f, -2.5f, float.NaN, 1e30f, 0, 6 });
        obs.Set("i64", new[] { 1L << 60, -1, 2, 3, 4, 5 });
        obs.Set("i32", new[] { int.MinValue, -1, 2, 3, 4, int.MaxValue });
        obs.Set("i8", new sbyte[] { -128, -1, 2, 3, 4, 127 });
        obs.Set("u8", new byte[] { 255, 1, 2, 3, 4, 5 });
        obs.Set("u16", new ushort[] { 65535, 1, 2, 3, 4, 5 });
        obs.Set("flag", new[] { true, false, true, true, false, false });
        obs.Set("text", new[] { "a", "", "ß", "long long text", "x,y", "\"q\"" });
        obs["text_gaps"] = new StringColumn(["b", null, "a", null, "b", "c"]);
        obs["int_gaps"] = new NumericColumn(new long[] { 7, 0, 9, 10, 0, 12 }, [false, true, false, false, true, false]);
        obs["flag_gaps"] = new BooleanColumn([true, false, false, true, false, true], [false, true, false, false, false, false]);
        var var = new DataFrame(["g1", "g2", "g3", "g4"]);
        var x = new SparseMatrix(6, 4, [0, 2, 2, 3, 5, 6, 7], [0, 3, 1, 0, 2, 3, 1], [1, 2, 3, 4.5f, 5, 16777216, 7]);
        var data = new AnnotatedData(obs, var, x)
        {
            Raw = new RawData(new SparseMatrix(6, 5, [0, 1, 1, 1, 1, 1, 2], [4, 0], [1, 2]), new DataFrame(["g1", "g2", "g3", "g4", "g5"])) { Varm = new ElementMap { ["PCs"] = new DenseMatrix(5, 1, new[] { 1.0, 2, 3, 4, 5 }) } },
        };
        data.Layers["counts"] = new SparseMatrix(6, 4, [0, 0, 0, 0, 0, 0, 1], [2], [9]);
        data.Layers["scaled"] = new DenseMatrix(6, 4, Enumerable.Range(0, 24).Select(i => i / 7.0).ToArray());
        data.Obsm["X_pca"] = new DenseMatrix(6, 3, Enumerable.Range(0, 18).Select(i => i / 3f).ToArray());
        data.Obsm["spatial"] = new DenseMatrix(6, 2, Enumerable.Range(0, 12).Select(i => (long)i).ToArray());
        data.Obsm["cube"] = new NdArray(Enumerable.Range(0, 24).Select(i => (short)i).ToArray(), 6, 2, 2);
        var table = new DataFrame(obs.Index);
        table.Set("a", new[] { 1.0, 2, 3, 4, 5, 6 });
        data.Obsm["table"] = table;
        data.Varm["PCs"] = new DenseMatrix(4, 2, new[] { 1.0, 2, 3, 4, 5, 6, 7, 8 });
        data.Obsp["distances"] = new SparseMatrix64(6, 6, [0, 1, 1, 1, 1, 1, 2], [1, 0], [0.1, 1.0 / 3]);
        data.Varp["corr"] = new DenseMatrix(4, 4, Enumerable.Range(0, 16).Select(i => i * 0.5).ToArray());
        data.Uns["name"] = new Scalar("run 1 – ü");
        data.Uns["seed"] = new Scalar(42L);
        data.Uns["rate"] = new Scalar(0.25);
        data.Uns["done"] = new Scalar(true);
        data.Uns["empty"] = new ElementMap();
        data.Uns["colors"] = new NdArray(new[] { "#fff", "#000" });
        data.Uns["grid"] = new DenseMatrix(2, 2, new[] { 1, 2, 3, 4 });
        data.Uns["words"] = new DenseMatrix(2, 2, new[] { "a", "b", "c", "dd" });
        data.Uns["none"] = new NdArray(Array.Empty<float>());
        data.Uns["nested"] = new ElementMap { ["params"] = new ElementMap { ["method"] = new Scalar("umap"), ["masks"] = new NdArray(new[] { true, false }) } };
        data.Uns["groups"] = new CategoricalColumn([0, 0, 1], ["u", "v"]);
        data.Uns["ranks"] = new RecordArray(
        [
            KeyValuePair.Create("A", new NdArray(new[] { "g1", "gene 2" })),
            KeyValuePair.Create("score", new NdArray(new[] { 0.5f, -1f })),
            KeyValuePair.Create("n", new NdArray(new[] { 3L, 4L })),
        ]);
        return data;
    }

    /// <summary>Random counts, reproducible, big enough to be written in chunks.</summary>
    internal static AnnotatedData Random(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        var (p, indices, values) = (new long[rows + 1], new List<int>(), new List<float>());
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
                if (random.NextDouble() < 0.3)
                {
                    indices.Add(c);
                    values.Add(random.Next(1, 50));
                }
            p[r + 1] = indices.Count;
        }
        var obs = new DataFrame(Names("cell", rows));
        obs.Set("x", Enumerable.Range(0, rows).Select(_ => random.NextDouble()).ToArray());
        return new AnnotatedData(obs, new DataFrame(Names("gene", columns)), new SparseMatrix(rows, columns, p, [.. indices], [.. values]));
    }

    internal static string[] Names(string prefix, int n) => Enumerable.Range(0, n).Select(i => $"{prefix}{i}").ToArray();

    /// <summary>Runs a script with Debian's Python and fails the test with its words when it fails.</summary>
    internal static string Python(string script, params string[] arguments)
    {
        var r = ExternalTool.RunPython(script, arguments);
        Assert.True(r.ExitCode == 0, r.Error + r.Output);
        return r.Output;
    }
}
