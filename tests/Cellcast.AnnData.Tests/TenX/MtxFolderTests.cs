using Cellcast.AnnData.Tables;
using Cellcast.AnnData.TenX;
using Cellcast.AnnData.Tests.Tables;
using Cellcast.TestSupport;
using FsCheck;
using FsCheck.Fluent;

namespace Cellcast.AnnData.Tests.TenX;

public sealed class MtxFolderTests : IDisposable
{
    private const string Banner = "%%MatrixMarket matrix coordinate integer general\n%metadata_json: {\"format_version\": 2}\n";
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private void Folder(string matrix, string features, string barcodes, string prefix = "", string gz = "", string genes = "features.tsv")
    {
        _folder.Write(prefix + "matrix.mtx" + gz, matrix);
        _folder.Write(prefix + genes + gz, features);
        _folder.Write(prefix + "barcodes.tsv" + gz, barcodes);
    }

    private string Failure(TenXOptions? options = null) => Assert.Throws<InputException>(() => MtxFolder.Read(_folder.Path, options)).Message;

    [Theory]
    [InlineData("", "", "features.tsv")]
    [InlineData("", ".gz", "features.tsv")]
    [InlineData("GSM123_donor1_", ".gz", "features.tsv")]
    [InlineData("", "", "genes.tsv")]
    public void Every_layout_reads_as_cells_by_genes(string prefix, string gz, string genes)
    {
        string features = genes == "genes.tsv" ? "1\tA\n2\tB\n3\tA\n" : "1\tA\tGene Expression\n2\tB\tGene Expression\n3\tA\tGene Expression\n";
        Folder(Banner + "3 2 4\n3 1 7\n1 1 5\n2 2 1\n1 2 2\n", features, "AAAC-1\nAAAG-1\n", prefix, gz, genes);
        var data = MtxFolder.Read(_folder.Path);
        Assert.Equal(["AAAC-1", "AAAG-1"], data.Obs.Index);
        Assert.Equal(["A", "B", "A-1"], data.Var.Index);
        Assert.Equal(["1", "2", "3"], (IEnumerable<string?>)data.Var["gene_ids"].ToText());
        Assert.Equal([5, 0, 7, 2, 1, 0], data.X!.ToSparse().ToDense());
        Assert.Contains(data.Warnings, w => w.Contains("more than once"));
    }

    [Fact]
    public void Only_genes_are_kept_unless_asked_otherwise()
    {
        Folder(Banner + "2 1 2\n1 1 5\n2 1 9\n", "G1\tTP53\tGene Expression\nADT1\tCD3\tAntibody Capture\n", "AAAC-1\n");
        Assert.Equal(["TP53"], MtxFolder.Read(_folder.Path).Var.Index);
        Assert.Equal([5, 9], MtxFolder.Read(_folder.Path, new() { FeatureType = null }).X!.ToSparse().ToDense());
        Assert.Equal(["CD3"], MtxFolder.Read(_folder.Path, new() { FeatureType = "Antibody Capture" }).Var.Index);
    }

    [Fact]
    public void Peaks_are_kept_where_there_are_no_genes()
    {
        Folder(Banner + "1 1 1\n1 1 5\n", "chr1:10-20\tchr1:10-20\tPeaks\n", "AAAC-1\n");
        var data = MtxFolder.Read(_folder.Path);
        Assert.Equal(["chr1:10-20"], data.Var.Index);
        Assert.Contains(data.Warnings, w => w.Contains("no features of type 'Gene Expression'"));
    }

    [Fact]
    public void Cells_by_features_is_recognised_by_the_names()
    {
        Folder(Banner + "1 2 1\n1 2 5\n", "g1\tA\ng2\tB\n", "AAAC-1\n");
        Assert.Equal([0, 5], MtxFolder.Read(_folder.Path).X!.ToSparse().ToDense());
    }

    [Fact]
    public void Several_prefixes_ask_which()
    {
        Folder(Banner + "1 1 1\n1 1 5\n", "g\tA\n", "c\n", "s1_");
        Folder(Banner + "1 1 1\n1 1 6\n", "g\tA\n", "c\n", "s2_");
        Assert.Contains("'s1_', 's2_'", Failure());
        Assert.Equal([6], MtxFolder.Read(_folder.Path, new() { Prefix = "s2_" }).X!.ToSparse().ToDense());
        Assert.Equal([5], AnyFile.Read(_folder["s1_matrix.mtx"]).X!.ToSparse().ToDense());
    }

    [Theory]
    [InlineData("hello\n", "no Matrix Market file")]
    [InlineData("%%MatrixMarket matrix array real general\n2 2\n1\n", "'array'")]
    [InlineData("%%MatrixMarket matrix coordinate complex general\n1 1 0\n", "'complex'")]
    [InlineData("%%MatrixMarket matrix coordinate real symmetric\n1 1 0\n", "'symmetric'")]
    [InlineData(Banner, "no line with rows, columns")]
    [InlineData(Banner + "2 1\n", "no line with rows, columns")]
    [InlineData(Banner + "2 1 2\n1 1 5\n", "ends after 1 of 2 entries")]
    [InlineData(Banner + "2 1 1\n3 1 5\n", "entry 1 is at row 3, column 1, outside the stated 2 x 1")]
    [InlineData(Banner + "2 1 1\n0 1 5\n", "entry 1 is at row 0")]
    [InlineData(Banner + "2 1 1\n1 1 x\n", "entry 1 is not 'row column value'")]
    [InlineData(Banner + "2 1 1\n1 1 5\n2 1 5\n", "goes on after the 1 entries")]
    [InlineData(Banner + "3 1 0\n", "do not belong together")]
    [InlineData(Banner + "2 1 999999999999\n", "at most")]
    public void Damaged_matrices_are_refused(string matrix, string what)
    {
        Folder(matrix, "g1\tA\ng2\tB\n", "AAAC-1\n");
        string message = Failure();
        Assert.Contains(_folder.Path, message);
        Assert.Contains(what, message);
    }

    [Fact]
    public void Missing_names_are_named()
    {
        _folder.Write("matrix.mtx", Banner + "1 1 0\n");
        Assert.Contains("neither features.tsv nor genes.tsv", Failure());
        _folder.Write("features.tsv", "g\tA\n");
        Assert.Contains("no barcodes.tsv", Failure());
    }

    [Fact]
    public void What_is_written_reads_back()
    {
        var values = Gen.OneOf(Gen.Constant(0f), Gen.Choose(1, 1 << 20).Select(v => (float)v), Gen.Elements(0.1f, -2.5e-7f, 3.4e38f));
        var matrices = from cells in Gen.Choose(1, 6) from genes in Gen.Choose(1, 6) from x in values.ArrayOf(cells * genes) select (cells, genes, x);
        RandomCases.Check(50, Prop.ForAll(matrices.ToArbitrary(), t =>
        {
            var var = new DataFrame([.. Enumerable.Range(0, t.genes).Select(i => "S" + i)]);
            var["gene_ids"] = new StringColumn([.. Enumerable.Range(0, t.genes).Select(i => "ENSG" + i)]);
            var data = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, t.cells).Select(i => "cell " + i)]), var, SparseMatrix.FromDense(t.cells, t.genes, t.x));
            MtxFolder.Write(_folder["out"], data, overwrite: true);
            var back = MtxFolder.Read(_folder["out"]);
            return back.X!.ToSparse().ToDense().SequenceEqual(t.x) && back.Obs.Index.SequenceEqual(data.Obs.Index)
                && back.Var.Index.SequenceEqual(var.Index) && back.Var["gene_ids"].ToText().SequenceEqual(var["gene_ids"].ToText());
        }));
    }

    [Fact]
    public void A_folder_that_holds_something_is_not_overwritten_unasked()
    {
        _folder.Write("out/precious.txt", "x");
        var data = new AnnotatedData(new DataFrame(["c"]), new DataFrame(["g"]), SparseMatrix.FromDense(1, 1, [1]));
        Assert.Throws<OutputException>(() => MtxFolder.Write(_folder["out"], data));
        Assert.Equal(["precious.txt"], Directory.GetFileSystemEntries(_folder["out"]).Select(Path.GetFileName));
    }

    [ToolFact("anndata")]
    public void Scipy_reads_what_is_written()
    {
        var data = new AnnotatedData(new DataFrame(["c1", "c2"]), new DataFrame(["g1", "g2", "g3"]), SparseMatrix.FromDense(2, 3, [0, 2, 0, 1, 0, 16777216]));
        MtxFolder.Write(_folder["out"], data);
        var result = ExternalTool.RunPython("import sys, scipy.io; print(scipy.io.mmread(sys.argv[1] + '/matrix.mtx.gz').toarray().tolist())", _folder["out"]);
        Assert.Equal("[[0, 1], [2, 0], [0, 16777216]]", result.Output.Trim());
    }

    [SharedDataFact("formats/tenx/3.0.0", "formats/tenx/1.2.0", "formats/tenx/int-ids")]
    public void Real_folders_of_both_versions_are_read()
    {
        var v3 = AnyFile.Read(TestPaths.SharedData("formats", "tenx", "3.0.0", "filtered_feature_bc_matrix"));
        Assert.Equal((1107, 507), (v3.ObservationCount, v3.VariableCount));
        Assert.Equal(23866, v3.X!.ToSparse().StoredCount);
        Assert.Equal("ENSG00000279493", v3.Var["gene_ids"].Text(0));
        var v2 = AnyFile.Read(TestPaths.SharedData("formats", "tenx", "1.2.0", "filtered_gene_bc_matrices"));
        Assert.Equal((12, 343, "DSCAM"), (v2.ObservationCount, v2.VariableCount, v2.Var.Index[0]));
        Assert.Equal(12, v2.X!.ToSparse().StoredCount);
        var ids = AnyFile.Read(TestPaths.SharedData("formats", "tenx", "int-ids"));
        Assert.Equal("574405", ids.Var["gene_ids"].Text(0));
        Assert.Equal("Pwwp4b", ids.Var.Index[0]);
    }
}
