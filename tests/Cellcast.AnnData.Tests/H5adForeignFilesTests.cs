using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests;

public class H5adForeignFilesTests(ForeignFiles files) : IClassFixture<ForeignFiles>
{
    private static readonly float[] s_dense = [0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 5, 6, 0, 0];

    [ToolFact("h5py")]
    public void Strings_and_numbers_come_in_every_dress()
    {
        var data = H5adFile.Read(files["dress.h5ad"]);
        Assert.Empty(data.Warnings);
        Assert.Equal(["obs0", "obs1", "obs2"], data.Obs.Index);
        Assert.Equal("names", data.Obs.IndexName);
        Assert.Equal<IEnumerable<string?>>(["abcdefgh", "b", ""], data.Obs["nullpad"].ToText());
        Assert.Equal<IEnumerable<string?>>(["abc", "b", ""], data.Obs["nullterm"].ToText());
        Assert.Equal<IEnumerable<string?>>(["a b", " b", ""], data.Obs["spacepad"].ToText());
        Assert.Equal<IEnumerable<string?>>(["ü", "細", "x"], data.Obs["utf8"].ToText());
        Assert.Equal<IEnumerable<string?>>(["ü", "a", "b"], data.Obs["latin"].ToText());
        Assert.Equal([1, -2, 3], Assert.IsType<int[]>(((NumericColumn)data.Obs["i4be"]).Values));
        Assert.Equal([65535, 2, 3], Assert.IsType<ushort[]>(((NumericColumn)data.Obs["u2be"]).Values));
        Assert.Equal([1UL << 63, 2, 3], Assert.IsType<ulong[]>(((NumericColumn)data.Obs["u8"]).Values));
        Assert.Equal([(Half)0.5, (Half)2, Half.PositiveInfinity], Assert.IsType<Half[]>(((NumericColumn)data.Obs["f2"]).Values));
        Assert.Equal([0.5f, 2, -1], Assert.IsType<float[]>(((NumericColumn)data.Obs["f2be"]).Values));
        Assert.Equal([0.1f, 2, 3], Assert.IsType<float[]>(((NumericColumn)data.Obs["f4be"]).Values));
        Assert.Equal([0.1, 2, 3], Assert.IsType<double[]>(((NumericColumn)data.Obs["f8be"]).Values));
        Assert.Equal<IEnumerable<string?>>(["True", "False", "True"], data.Obs["b"].ToText());
        Assert.Equal<IEnumerable<string?>>(["True", null, "False"], data.Obs["logical"].ToText());
        Assert.Equal([1, 2, 3, 4, 5.5, 6], Assert.IsType<double[]>(((DenseMatrix)data.X!).Data));
        Assert.Equal("scalar", ((Scalar)data.Uns["one"]).Value);
        Assert.Equal(["a", "b"], Assert.IsType<string[]>(((NdArray)data.Uns["list"]).Data));
    }

    [ToolTheory("h5py")]
    [InlineData("csr")]
    [InlineData("csr_unsorted")]
    [InlineData("csc")]
    [InlineData("csc_repeats")]
    public void Sparse_matrices_of_every_dress_become_the_same_canonical_rows(string name)
    {
        var x = Assert.IsType<SparseMatrix>(H5adFile.Read(files[name + ".h5ad"]).X);
        Assert.Equal(s_dense, x.ToDense());
        Assert.Equal(6, x.StoredCount);
    }

    [ToolFact("h5py")]
    public void Values_that_single_precision_cannot_hold_are_kept_in_double()
    {
        Assert.Equal([1f, 1, 1, 1, 1, 1], Assert.IsType<SparseMatrix>(H5adFile.Read(files["csr_bool.h5ad"]).X).Values);
        Assert.Equal([0.1, 2, 3, 4, 5, 1e300], Assert.IsType<SparseMatrix64>(H5adFile.Read(files["csr_wide.h5ad"]).X).Values);
        var big = H5adFile.Read(files["csr_big_integers.h5ad"]);
        Assert.Equal([16777217, 2, 3, 4, 5, 1L << 60], Assert.IsType<SparseMatrix64>(big.X).Values);
        Assert.Empty(big.Warnings);
        big.X!.ToSparse(out long rounded);
        Assert.Equal(1, rounded);
        Assert.Contains("2^53", Assert.Single(H5adFile.Read(files["csr_too_big_integers.h5ad"]).Warnings), StringComparison.Ordinal);
        Assert.Contains("1E+300", Assert.Throws<InputException>(() => H5adFile.Read(files["csr_wide.h5ad"]).X!.ToSparse()).Message, StringComparison.Ordinal);
    }

    [ToolTheory("h5py")]
    [InlineData("u1", typeof(byte))]
    [InlineData("be_i2", typeof(short))]
    [InlineData("i8", typeof(long))]
    [InlineData("f2", typeof(Half))]
    [InlineData("f4", typeof(float))]
    [InlineData("be_f8", typeof(double))]
    [InlineData("f8", typeof(double))]
    [InlineData("fletcher", typeof(float))]
    [InlineData("lzf", typeof(float))]
    public void Dense_matrices_of_every_width_hold_the_same_numbers(string type, Type stored)
    {
        var x = Assert.IsType<DenseMatrix>(H5adFile.Read(files[$"dense_{type}.h5ad"]).X);
        Assert.Equal(stored, x.ElementType);
        Assert.Equal(((DenseMatrix)H5adFile.Read(files["dense_f8.h5ad"]).X!).ToDouble(), x.ToDouble());
        Assert.Equal(x.ToSingle(), x.ToSparse(out long rounded).ToDense());
        Assert.Equal(0, rounded);
        // Poisson(1) x 37 x 53: not all zeros, so that equality says something
        Assert.InRange(x.ToDouble().Sum(), 1700, 2200);
    }

    [ToolFact("h5py")]
    public void Parts_never_written_hold_the_fill_value()
    {
        double[] expected = ((DenseMatrix)H5adFile.Read(files["dense_f8.h5ad"]).X!).ToDouble();
        Array.Fill(expected, 7, 16 * 53, 21 * 53);
        Assert.Equal(expected, ((DenseMatrix)H5adFile.Read(files["dense_szip_like_gap.h5ad"]).X!).ToDouble());
    }

    [ToolFact("h5py")]
    public void A_single_gene_may_be_one_dimensional()
    {
        var x = Assert.IsType<DenseMatrix>(H5adFile.Read(files["one_dimension.h5ad"]).X);
        Assert.Equal((3, 1), (x.Rows, x.Columns));
    }

    [ToolFact("h5py")]
    public void New_encodings_are_read_and_unknown_ones_left_out_with_a_warning()
    {
        var data = H5adFile.Read(files["new.h5ad"]);
        Assert.Equal(["x", "y", "z"], data.Obs.Index);
        Assert.Equal(["ns", "ni", "c", "cn", "cf"], data.Obs.ColumnNames);
        Assert.Equal<IEnumerable<string?>>(["x", null, "z"], data.Obs["ns"].ToText());
        Assert.Equal<IEnumerable<string?>>(["1", "0", "3"], data.Obs["ni"].ToText());
        Assert.Equal<IEnumerable<string?>>(["q", "p", "q"], data.Obs["c"].ToText());
        Assert.Equal<IEnumerable<string?>>(["20", null, "10"], data.Obs["cn"].ToText());
        Assert.True(((CategoricalColumn)data.Obs["cn"]).Ordered);
        Assert.Equal<IEnumerable<string?>>(["2.5", "2.5", "1.0"], data.Obs["cf"].ToText());
        Assert.Equal(["bytes", "complex", "group"], data.Uns.Keys);
        Assert.Equal("raw", ((Scalar)data.Uns["bytes"]).Value);
        // Complex numbers are stored as records of a real and an imaginary part.
        Assert.Equal(["r", "i"], ((RecordArray)data.Uns["complex"]).Fields.Keys);
        Assert.Empty(data.Obsm.Keys);
        foreach (string key in (string[])["obs/odd", "obsm/ragged", "uns/future"]) Assert.Contains(data.Warnings, w => w.Contains($"'{key}'", StringComparison.Ordinal));
        Assert.Equal(3, data.Warnings.Count);
        Assert.Contains("hologram", Assert.Throws<InputException>(() => H5adFile.Read(files["new.h5ad"], new H5adReadOptions { Strict = true })).Message, StringComparison.Ordinal);
    }

    [ToolFact("h5py")]
    public void A_modality_of_a_MuData_file_is_named_by_its_path()
    {
        Assert.Equal(["a", "b"], H5adFile.Read(files["mu.h5mu/mod/rna"]).Obs.Index);
        Assert.Contains("mu.h5mu/mod/rna'", Assert.Throws<InputException>(() => H5adFile.Read(files["mu.h5mu"])).Message, StringComparison.Ordinal);
        Assert.Contains("no such group", Assert.Throws<InputException>(() => H5adFile.Read(files["mu.h5mu/mod/atac"])).Message, StringComparison.Ordinal);
    }

    [ToolTheory("h5py")]
    [InlineData("bad_indptr_falls", "X", "indptr falls from 4 to 2 at row 1")]
    [InlineData("bad_indptr_last", "X/indptr", "ends with 9, but there are 6 indices")]
    [InlineData("bad_indptr_first", "X", "indptr starts with 1")]
    [InlineData("bad_indptr_length", "X/indptr", "3 entries, but a matrix of 4 x 5 needs 5")]
    [InlineData("bad_indptr_overflow", "X", "indptr falls")]
    [InlineData("bad_index_high", "X", "row 2 has index 5, outside 0 … 4")]
    [InlineData("bad_index_negative", "X", "column 2 has index -3")]
    [InlineData("bad_index_huge", "X/indices", "out of range")]
    [InlineData("bad_lengths", "X", "6 indices but 5 values")]
    [InlineData("bad_float_indices", "X/indices", "float32, expected integers")]
    [InlineData("bad_string_data", "X/data", "not a number")]
    [InlineData("bad_shape_huge", "X", "is not that of a matrix")]
    [InlineData("bad_shape_other", "X", "4 x 6, but obs has 4 rows and var has 5")]
    [InlineData("bad_no_shape", "X", "no attribute 'shape'")]
    [InlineData("bad_no_data", "X/indptr", "missing")]
    [InlineData("bad_claims", "uns/big", "claims 1000000000 elements")]
    [InlineData("bad_claims_more", "uns/big", "is too big")]
    [InlineData("bad_codes", "obs/c", "code 2 in row 2, but there are 2 categories")]
    [InlineData("bad_codes_negative", "obs/c", "code -2 in row 2")]
    [InlineData("bad_no_categories", "obs/c/categories", "missing")]
    [InlineData("bad_mask", "obs/c", "3 values but a mask of 2")]
    [InlineData("bad_column_length", "obs/c", "4 entries, but the table has 3 rows")]
    [InlineData("bad_column_missing", "obs/c", "listed in 'column-order' but missing")]
    [InlineData("bad_column_twice", "obs/c", "listed twice")]
    [InlineData("bad_index_missing", "obs/_index", "missing")]
    [InlineData("bad_x_shape", "X", "3 x 4, but obs has 3 rows and var has 2")]
    [InlineData("bad_obsm_length", "obsm/X_pca", "4 rows, expected 3")]
    [InlineData("bad_layer_shape", "layers/counts", "3 x 3, expected 3 x 2")]
    [InlineData("bad_no_obs", "obs", "there is no 'obs'")]
    [InlineData("bad_obs_kind", "obs", "is no table")]
    [InlineData("bad_loop", "obsm/loop", "is a link to a group that it is in itself")]
    [InlineData("bad_link_x", "X", "is a link to something that is not there")]
    [InlineData("bad_link_x_file", "X", "is a link to something that is not there")]
    [InlineData("bad_link_obs", "obs", "is a link to something that is not there")]
    [InlineData("bad_link_var", "var", "is a link to something that is not there")]
    [InlineData("bad_link_layer", "layers/counts", "is a link to something that is not there")]
    [InlineData("bad_link_column", "obs/c", "is a link to something that is not there")]
    [InlineData("bad_link_obsm", "obsm/X_pca", "is a link to something that is not there")]
    [InlineData("bad_x_unknown", "X", "cannot be read")]
    [InlineData("bad_chunk", "X", "damaged")]
    [InlineData("bad_shuffled_chunk", "X", "unpacks to more than 80000 bytes")]
    [InlineData("bad_truncated", "", "cut off")]
    [InlineData("bad_text", "", "not an HDF5")]
    [InlineData("bad_empty", "", "is empty")]
    [InlineData("bad_gzip", "", "gzip")]
    [InlineData("bad_tenx", "", "10x")]
    public void A_damaged_file_gives_one_sentence_that_names_file_and_key(string name, string key, string reason)
    {
        string path = files[name + ".h5ad"];
        string message = Assert.Throws<InputException>(() => H5adFile.Read(path)).Message;
        Assert.Contains($"'{path}'", message, StringComparison.Ordinal);
        Assert.Contains(key, message, StringComparison.Ordinal);
        Assert.True(message.Contains(reason, StringComparison.Ordinal), message);
        Assert.EndsWith(".", message, StringComparison.Ordinal);
        Assert.DoesNotContain("\n", message, StringComparison.Ordinal);
    }

    [ToolFact("h5py")]
    public void What_leads_nowhere_in_uns_is_left_out_with_a_warning_and_the_rest_is_read()
    {
        string path = files["links.h5ad"];
        AnnotatedData data = H5adFile.Read(path);
        Assert.Equal(["alias", "good", "nested", "other"], data.Uns.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(1.5, ((Scalar)data.Uns["alias"]).Value);
        Assert.Equal("scalar", ((Scalar)data.Uns["other"]).Value);
        Assert.Equal(["kept"], ((ElementMap)data.Uns["nested"]).Keys);
        Assert.Equal(20, ((DenseMatrix)data.X!).Data.Length);
        string Left(string key, string why) => $"'{path}': '{key}' {why} and was left out.";
        const string nowhere = "is a link to something that is not there", itself = "is a link to a group that it is in itself";
        (string, string)[] left =
            [("a", nowhere), ("b", nowhere), ("no_file", nowhere), ("no_object", nowhere), ("soft", nowhere), ("nested/lost", nowhere), ("loop", itself), ("whole", itself), ("nested/up", itself),
                ("matrix", "holds 'uns/matrix/data', which is a link to something that is not there,")];
        Assert.Equal(left.Select(l => Left("uns/" + l.Item1, l.Item2)).Order(StringComparer.Ordinal), data.Warnings.Order(StringComparer.Ordinal));
        Assert.Contains("uns/a", Assert.Throws<InputException>(() => H5adFile.Read(path, new H5adReadOptions { Strict = true })).Message, StringComparison.Ordinal);

        // What is copied on is what was read.
        using var folder = new TemporaryDirectory();
        H5adFile.Write(folder["copy.h5ad"], data);
        Assert.Equal(data.Uns.Keys.Order(StringComparer.Ordinal), H5adFile.Read(folder["copy.h5ad"]).Uns.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("link to nothing", H5adFile.Outline(path).Single(e => e.Key == "uns/soft").ToString());
    }

    [ToolFact("h5py")]
    public void Numbers_of_other_layouts_than_IEEE_are_converted_and_large_lists_of_truth_values_survive()
    {
        AnnotatedData data = H5adFile.Read(files["numbers.h5ad"]);
        Assert.Equal([1f, -2.5f, 1e30f], ((float[])((NdArray)data.Uns["bfloat16"]).Data).Select(v => v > 1e29f ? 1e30f : v));
        Assert.Equal(new double[] { 1, 2.5, -3 }, (double[])((NdArray)data.Uns["extended"]).Data);
        var records = (RecordArray)data.Uns["records"];
        Assert.Equal(["b"], records.Fields.Keys);
        Assert.Equal(Enumerable.Range(0, 500).Select(i => (double)i), (double[])records.Fields["b"].Data);
        Assert.Equal($"'{files["numbers.h5ad"]}': 'uns/records' has fields that cannot be read and were left out: 'a'.", Assert.Single(data.Warnings));
        bool[] packed = (bool[])((NdArray)data.Uns["packed"]).Data;
        Assert.Equal(Enumerable.Range(0, 70000).Select(i => i % 3 == 0), packed);
        data.Uns["half"] = new RecordArray([KeyValuePair.Create("a", new NdArray(new[] { (Half)0.5f, (Half)2 }))]);
        using var folder = new TemporaryDirectory();
        H5adFile.Write(folder["copy.h5ad"], data);
        AnnotatedData copy = H5adFile.Read(folder["copy.h5ad"]);
        Assert.Equal(packed, (bool[])((NdArray)copy.Uns["packed"]).Data);
        Assert.Equal(new[] { 0.5f, 2f }, (float[])((RecordArray)copy.Uns["half"]).Fields.Single().Value.Data);
    }

    [ToolFact("h5py")]
    public void An_uns_that_leads_nowhere_is_empty()
    {
        AnnotatedData data = H5adFile.Read(files["links_uns.h5ad"]);
        Assert.Empty(data.Uns);
        Assert.Equal($"'{files["links_uns.h5ad"]}': 'uns' is a link to something that is not there and was left out.", Assert.Single(data.Warnings));
    }

    [ToolFact("h5py")]
    public void A_file_that_is_being_written_says_how_to_go_on()
    {
        string script = $"import h5py, sys; f = h5py.File({'"'}{files["locked.h5ad"]}{'"'}, 'w'); print('open', flush=True); sys.stdin.read()";
        var start = new System.Diagnostics.ProcessStartInfo(ExternalTool.Python) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script);
        using var writer = System.Diagnostics.Process.Start(start)!;
        try
        {
            Assert.Equal("open", writer.StandardOutput.ReadLine());
            string message = Assert.Throws<InputException>(() => H5adFile.Read(files["locked.h5ad"])).Message;
            // Before its first flush the file may not even have a signature.
            Assert.True(message.Contains("HDF5_USE_FILE_LOCKING=FALSE", StringComparison.Ordinal) || message.Contains("is empty", StringComparison.Ordinal), message);
        }
        finally
        {
            writer.StandardInput.Close();
            writer.WaitForExit();
        }
    }
}
