using Cellcast.AnnData.TenX;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests.TenX;

public sealed class TenXH5Tests : IDisposable
{
    private const string V3 = "formats/tenx/3.0.0/filtered_feature_bc_matrix.h5";
    private const string V2 = "formats/tenx/1.2.0/filtered_gene_bc_matrices_h5.h5";
    private const string Probes = "formats/visium/2.1.0/raw_probe_bc_matrix.h5";

    // Writes a small file of version 3 with h5py; further statements may change it.
    private const string Make = """
        import h5py, numpy as np, sys
        f = h5py.File(sys.argv[1], 'w')
        m = f.create_group('matrix')
        m['barcodes'] = np.array([b'AAAC-1', b'AAAG-1']); m['shape'] = np.array([3, 2], 'i4')
        m['data'] = np.array([7, 5, 2, 1], 'i4'); m['indices'] = np.array([2, 0, 0, 1], 'i8'); m['indptr'] = np.array([0, 2, 4], 'i8')
        g = m.create_group('features')
        g['id'] = np.array([b'E1', b'E2', b'E3']); g['name'] = np.array([b'A', b'B', b'A'])
        g['feature_type'] = np.array([b'Gene Expression', b'Gene Expression', b'Antibody Capture']); g['genome'] = np.array([b'hg', b'mm', b'hg'])

        """;

    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private string File(string changes = "")
    {
        var result = ExternalTool.RunPython(Make + changes, _folder["f.h5"]);
        Assert.True(result.ExitCode == 0, result.Error);
        return _folder["f.h5"];
    }

    private string Failure(string changes) => Assert.Throws<InputException>(() => AnyFile.Read(File(changes))).Message;

    [SharedDataFact(V3, "formats/tenx/3.0.0/filtered_feature_bc_matrix")]
    public void Version_3_equals_its_mtx_folder()
    {
        string path = TestPaths.SharedData(V3);
        Assert.Equal(FileFormat.TenXH5, AnyFile.Detect(path));
        var h5 = AnyFile.Read(path);
        var mtx = AnyFile.Read(TestPaths.SharedData("formats/tenx/3.0.0/filtered_feature_bc_matrix"));
        Assert.Equal(mtx.Obs.Index, h5.Obs.Index);
        Assert.Equal(mtx.Var.Index, h5.Var.Index);
        Assert.Equal((IEnumerable<string?>)mtx.Var["gene_ids"].ToText(), h5.Var["gene_ids"].ToText());
        Assert.Equal(mtx.X!.ToSparse().IndPtr, h5.X!.ToSparse().IndPtr);
        Assert.Equal(mtx.X.ToSparse().Indices, h5.X.ToSparse().Indices);
        Assert.Equal(mtx.X.ToSparse().Values, h5.X.ToSparse().Values);
        Assert.Equal("GRCh38", h5.Var["genome"].Text(0)![..6]);
    }

    [SharedDataFact(V2, "formats/tenx/1.2.0/filtered_gene_bc_matrices")]
    public void Version_2_equals_its_mtx_folder()
    {
        var h5 = AnyFile.Read(TestPaths.SharedData(V2));
        var mtx = AnyFile.Read(TestPaths.SharedData("formats/tenx/1.2.0/filtered_gene_bc_matrices"));
        Assert.Equal(mtx.Obs.Index, h5.Obs.Index);
        Assert.Equal(mtx.Var.Index, h5.Var.Index);
        Assert.Equal(mtx.X!.ToSparse().ToDense(), h5.X!.ToSparse().ToDense());
    }

    [SharedDataFact(Probes)]
    public void A_probe_matrix_keeps_what_it_says_about_probes_and_spots()
    {
        var data = AnyFile.Read(TestPaths.SharedData(Probes));
        Assert.Equal((4987, 1000), (data.ObservationCount, data.VariableCount));
        Assert.Equal(858, data.X!.ToSparse().StoredCount);
        Assert.Equal(["gene_ids", "probe_ids", "feature_types", "genome", "filtered_probes", "gene_name", "probe_region"], data.Var.ColumnNames);
        Assert.Equal(4987, Assert.IsType<BooleanColumn>(data.Obs["filtered_barcodes"]).Length);
        Assert.Equal(1000, data.Var.Index.Distinct().Count());
    }

    [ToolFact("h5py")]
    public void Genome_and_feature_type_choose_the_columns()
    {
        string path = File();
        Assert.Contains("'hg', 'mm'", Assert.Throws<InputException>(() => TenXH5.Read(path)).Message);
        Assert.Contains("no genome 'rn'", Assert.Throws<InputException>(() => TenXH5.Read(path, new() { Genome = "rn" })).Message);
        var human = TenXH5.Read(path, new() { Genome = "hg" });
        Assert.Equal(["A"], human.Var.Index);
        Assert.Equal([5, 2], human.X!.ToSparse().ToDense());
        var all = TenXH5.Read(path, new() { Genome = "hg", FeatureType = null });
        Assert.Equal(["A", "A-1"], all.Var.Index);
        Assert.Equal([5, 7, 2, 0], all.X!.ToSparse().ToDense());
    }

    [ToolTheory("h5py")]
    [InlineData("m['shape'][...] = [4, 2]", "there are 3 features and 2 barcodes")]
    [InlineData("m['indices'][...] = [2, 9, 0, 1]", "index 9")]
    [InlineData("m['indptr'][...] = [0, 5, 4]", "falls from 5 to 4")]
    [InlineData("del m['data']", "has no '/matrix/data'")]
    [InlineData("del m['data']; m['data'] = np.array([b'a'] * 4)", "holds no numbers")]
    [InlineData("del g['name']; g['name'] = np.array([b'A'])", "feature")]
    [InlineData("m['indices'][...] = [2, 0, 0, 2**40]", "does not fit 32 bits")]
    public void Damage_is_named(string changes, string what)
    {
        string message = Failure("del g['genome']\n" + changes);
        Assert.StartsWith($"'{_folder["f.h5"]}': ", message);
        Assert.Contains(what, message);
    }

    [ToolTheory("h5py")]
    [InlineData("del f['matrix']; f.create_group('row_attrs'); f.create_group('col_attrs'); f['matrix'] = np.zeros((2, 2))", "loom")]
    [InlineData("del f['matrix']; f.create_group('mod/rna'); f.create_group('mod/atac'); f.attrs['encoding-type'] = 'MuData'", "f.h5/mod/rna'")]
    [InlineData("del f['matrix']; f.create_group('assays'); f['cell.names'] = np.array([b'a'])", "h5Seurat")]
    [InlineData("f.close(); b = open(sys.argv[1], 'rb').read(); open(sys.argv[1], 'wb').write(b[:len(b) // 2])", "damaged")]
    public void Other_hdf5_files_are_named(string changes, string what) => Assert.Contains(what, Failure(changes));
}
