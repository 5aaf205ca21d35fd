using Cellcast.AnnData.Tests.Tables;
using Cellcast.AnnData.TenX;
using Cellcast.TestSupport;

namespace Cellcast.AnnData.Tests.TenX;

public sealed class VisiumFolderTests : IDisposable
{
    private const string Real = "formats/visium/1.0.0";
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private void Counts()
    {
        _folder.Write("filtered_feature_bc_matrix/matrix.mtx", "%%MatrixMarket matrix coordinate integer general\n1 2 2\n1 1 5\n1 2 6\n");
        _folder.Write("filtered_feature_bc_matrix/features.tsv", "G\tA\tGene Expression\n");
        _folder.Write("filtered_feature_bc_matrix/barcodes.tsv", "AAAC-1\nAAAG-1\n");
    }

    [SharedDataFact(Real)]
    public void A_real_folder_is_read_with_positions_images_and_scales()
    {
        var data = AnyFile.Read(TestPaths.SharedData(Real));
        Assert.Equal((100, 100), (data.ObservationCount, data.VariableCount));
        Assert.Null(data.Problem());
        // The line of this spot in the positions file: ACGCCTGACACGCGCT-1,0,0,0,2546,2779.
        string[] line = File.ReadLines(TestPaths.SharedData(Real, "spatial", "tissue_positions_list.csv")).First(l => l.StartsWith(data.Obs.Index[0], StringComparison.Ordinal)).Split(',');
        var xy = Assert.IsType<DenseMatrix>(data.Obsm["spatial"]);
        Assert.Equal((long.Parse(line[5]), long.Parse(line[4])), (((long[])xy.Data)[0], ((long[])xy.Data)[1]));
        Assert.Equal(line[3], data.Obs["array_col"].Text(0));

        string library = Assert.Single(((ElementMap)data.Uns["spatial"]).Keys);
        Assert.True(data.Uns.TryGet<Scalar>(["spatial", library, "scalefactors", "tissue_hires_scalef"], out var scale));
        Assert.Equal(0.150015, scale.ToDouble());
        Assert.True(data.Uns.TryGet<NdArray>(["spatial", library, "images", "hires"], out var hires));
        Assert.Equal([2000, 2000, 4], hires.Shape);
        Assert.True(data.Uns.TryGet<NdArray>(["spatial", library, "images", "lowres"], out var lowres));
        Assert.Equal([600, 600, 3], lowres.Shape);
    }

    [Theory]
    [InlineData("tissue_positions_list.csv", "")]
    [InlineData("tissue_positions.csv", "barcode,in_tissue,array_row,array_col,pxl_row_in_fullres,pxl_col_in_fullres\n")]
    public void Positions_are_read_with_and_without_a_header(string name, string header)
    {
        Counts();
        _folder.Write("spatial/" + name, header + "AAAG-1,0,7,8,30,40\nCCCC-1,0,0,0,0,0\nAAAC-1,1,5,6,10,20\n");
        var data = AnyFile.Read(_folder.Path, new() { TenX = new() { Images = false } });
        Assert.Equal(new long[] { 20, 10, 40, 30 }, ((DenseMatrix)data.Obsm["spatial"]).Data);
        Assert.Equal(new long[] { 1, 0 }, ((NumericColumn)data.Obs["in_tissue"]).Values);
        Assert.Contains(data.Warnings, w => w.Contains("scalefactors_json.json"));
    }

    [Fact]
    public void Fractional_positions_stay_fractional()
    {
        Counts();
        _folder.Write("spatial/tissue_positions.csv", "AAAG-1,0,7,8,30.5,40\nAAAC-1,1,5,6,10,20\n");
        Assert.Equal(new[] { 20.0, 10, 40, 30.5 }, ((DenseMatrix)VisiumFolder.Read(_folder.Path).Obsm["spatial"]).Data);
    }

    [Theory]
    [InlineData("AAAC-1,1,5,6,10,20\n", "no position for the spot 'AAAG-1'")]
    [InlineData("AAAC-1,1,5,6,10\n", "line 1 has 5 fields")]
    [InlineData("AAAC-1,1,5,6,10,x\nAAAG-1,0,7,8,30,40\n", "spot 'AAAC-1' is not five numbers")]
    public void Positions_that_do_not_fit_are_named(string positions, string what)
    {
        Counts();
        _folder.Write("spatial/tissue_positions.csv", positions);
        Assert.Contains(what, Assert.Throws<InputException>(() => AnyFile.Read(_folder.Path)).Message);
    }

    [Fact]
    public void Images_of_other_kinds_are_left_out_with_a_word()
    {
        Counts();
        _folder.Write("spatial/tissue_positions.csv", "AAAC-1,1,5,6,10,20\nAAAG-1,0,7,8,30,40\n");
        File.WriteAllBytes(_folder["spatial/tissue_hires_image.png"], [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10, 0, 0, 0, 13, (byte)'I', (byte)'H', (byte)'D', (byte)'R', 0, 0, 0, 1, 0, 0, 0, 1, 16, 0, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Contains(AnyFile.Read(_folder.Path).Warnings, w => w.Contains("tissue_hires_image.png") && w.Contains("16 bits"));
    }

    [Fact]
    public void Positions_without_counts_are_named()
    {
        _folder.Write("spatial/tissue_positions.csv", "AAAC-1,1,5,6,10,20\n");
        Assert.Contains("no counts", Assert.Throws<InputException>(() => AnyFile.Read(_folder.Path)).Message);
    }
}
