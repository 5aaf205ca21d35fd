using System.Text;
using Cellcast.AnnData.Tests.Tables;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests;

public sealed class AnyFileTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Failure(string name, byte[] content)
    {
        File.WriteAllBytes(_folder[name], content);
        string message = Assert.Throws<InputException>(() => AnyFile.Read(_folder[name])).Message;
        Assert.StartsWith($"'{_folder[name]}': ", message);
        return message;
    }

    private static byte[] Ascii(string text) => Encoding.Latin1.GetBytes(text);

    [Fact]
    public void What_is_not_read_is_named_with_the_way_out()
    {
        Assert.Contains("R data file", Failure("x.rds", Text.Gzip(Ascii("X\n\0\0\0\u0003\0\u0004\u0001\0"))));
        Assert.Contains("R data file", Failure("x.RData", Text.Gzip(Ascii("RDX3\nX\n"))));
        Assert.Contains("zip archive", Failure("x.zip", Ascii("PK\u0003\u0004data.csv")));
        Assert.Contains("save the sheet as CSV", Failure("x.xlsx", Ascii("PK\u0003\u0004....[Content_Types].xml")));
        Assert.Contains("bunzip2", Failure("x.bz2", Ascii("BZh91AY&SY")));
        Assert.Contains("unxz", Failure("x.xz", [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0, 0]));
        Assert.Contains("gunzip", Failure("x.h5ad.gz", Text.Gzip([0x89, (byte)'H', (byte)'D', (byte)'F', 13, 10, 26, 10, 0])));
        var tar = new byte[512];
        Ascii("ustar").CopyTo(tar, 257);
        Assert.Contains("tar archive", Failure("x.tar", tar));
        Assert.Contains("tar archive", Failure("x.tar.gz", Text.Gzip(tar)));
        Assert.Contains("Parquet", Failure("x.parquet", Ascii("PAR1")));
        Assert.Contains("web page", Failure("x.tsv", Ascii("<!DOCTYPE html><html>")));
        Assert.Contains("no HDF5 file in spite of its name", Failure("x.h5ad", Ascii("<html>404</html>")));
        Assert.Contains("binary file", Failure("x.bin", [1, 2, 3, 0, 5, 6]));
        Assert.Contains("is empty", Failure("x.csv", []));
        Assert.Contains("UTF-16", Failure("x.txt", [0xff, 0xfe, (byte)'g', (byte)'\t']));
        Assert.Contains("without names", Failure("counts.txt", Ascii("%%MatrixMarket matrix coordinate integer general\n")));
    }

    [Fact]
    public void A_truncated_gzip_table_is_named()
    {
        byte[] whole = Text.Gzip(Ascii("gene,TCGA-1,TCGA-2\nTP53,1,2\n"));
        Assert.Contains("ends too early", Failure("x.csv.gz", whole[..^6]));
    }

    [Fact]
    public void Places_that_do_not_exist_or_hold_nothing_are_named()
    {
        Assert.Contains("no such file or folder", Assert.Throws<InputException>(() => AnyFile.Read(_folder["none.h5ad"])).Message);
        Assert.Contains("neither an mtx folder", Assert.Throws<InputException>(() => AnyFile.Read(_folder.Path)).Message);
        _folder.Write("x.csv", "a,b\n");
        Assert.Contains("no HDF5 file, so there is no 'mod/rna'", Assert.Throws<InputException>(() => AnyFile.Read(_folder["x.csv"] + "/mod/rna")).Message);
        _folder.Write("hd/spatial/tissue_positions.parquet", "PAR1");
        Assert.Contains("Visium HD", Assert.Throws<InputException>(() => AnyFile.Read(_folder["hd"])).Message);
        _folder.Write("store.zarr/zarr.json", "{}");
        Assert.Contains("Zarr", Assert.Throws<InputException>(() => AnyFile.Read(_folder["store.zarr"])).Message);
    }

    [ToolFact("mkfifo")]
    public void A_pipe_is_refused_without_waiting_for_it()
    {
        Assert.Equal(0, ExternalTool.Run("mkfifo", [_folder["pipe"]]).ExitCode);
        // Opened for reading and writing, so that opening it for reading does not wait for a writer.
        using var held = new FileStream(_folder["pipe"], FileMode.Open, FileAccess.ReadWrite);
        Assert.Contains("is a pipe", Assert.Throws<InputException>(() => AnyFile.Read(_folder["pipe"])).Message);
    }

    [Fact]
    public void A_folder_around_folders_asks_or_takes_the_filtered_one()
    {
        foreach (string name in new[] { "hg19", "mm10" })
        {
            _folder.Write(name + "/matrix.mtx", "%%MatrixMarket matrix coordinate integer general\n1 1 1\n1 1 3\n");
            _folder.Write(name + "/genes.tsv", $"{name}_G\tA\n");
            _folder.Write(name + "/barcodes.tsv", "c\n");
        }
        Assert.Contains("'hg19', 'mm10'", Assert.Throws<InputException>(() => AnyFile.Read(_folder.Path)).Message);
        Assert.Equal("mm10_G", AnyFile.Read(_folder.Path, new() { TenX = new() { Genome = "mm10" } }).Var["gene_ids"].Text(0));
        Directory.Move(_folder["hg19"], _folder["filtered"]);
        Assert.Equal("hg19_G", AnyFile.Read(_folder.Path).Var["gene_ids"].Text(0));
    }

    [Fact]
    public void Tables_come_through_the_front_door()
    {
        string path = _folder.Write("counts.tsv.gz", "gene\tTCGA-1\tTCGA-2\nTP53\t1\t2\n");
        Assert.Equal(FileFormat.Table, AnyFile.Detect(path));
        Assert.Equal([1, 2], AnyFile.Read(path).X!.ToSparse().ToDense());
    }

    [SharedDataTheory("formats/anndata_v0.5.0.h5ad", "formats/anndata_v0.11.4.h5ad")]
    [InlineData("anndata_v0.5.0.h5ad")]
    [InlineData("anndata_v0.7.0.h5ad")]
    [InlineData("anndata_v0.7.8.h5ad")]
    [InlineData("anndata_v0.11.4.h5ad")]
    public void H5ad_of_every_era_comes_through_the_front_door(string name)
    {
        string path = TestPaths.SharedData("formats", name);
        Assert.Equal(FileFormat.H5ad, AnyFile.Detect(path));
        Assert.True(AnyFile.Read(path).ObservationCount > 0);
    }

    [ToolFact("anndata", "pbmc68k_reduced.h5ad")]
    public void A_data_set_inside_a_mudata_file_is_read()
    {
        var result = ExternalTool.RunPython("""
            import sys, h5py
            with h5py.File(sys.argv[2], 'w', userblock_size=512) as f:
                f.attrs['encoding-type'] = 'MuData'
                with h5py.File(sys.argv[1]) as s: s.copy(s['/'], f, 'mod/rna')
            """, TestPaths.SharedData("pbmc68k_reduced.h5ad"), _folder["c.h5mu"]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("c.h5mu/mod/rna'", Assert.Throws<InputException>(() => AnyFile.Read(_folder["c.h5mu"])).Message);
        Assert.Equal(AnyFile.Read(TestPaths.SharedData("pbmc68k_reduced.h5ad")).Obs.Index, AnyFile.Read(_folder["c.h5mu"] + "/mod/rna").Obs.Index);
    }
}
