using Cellcast.Analysis.Counts;
using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Counts;

public class CountCheckTests
{
    private static AnnotatedData Data(params float[] x)
    {
        var m = SparseMatrix.FromDense(2, x.Length / 2, x);
        return new AnnotatedData(new DataFrame(["P1", "P2"]), new DataFrame([.. Enumerable.Range(0, m.Columns).Select(g => "G" + g)]), m) { Source = "bulk.h5ad" };
    }

    private static string Failure(AnnotatedData data, bool empty = false) =>
        Assert.Throws<InputException>(() => CountCheck.RequireRawCounts(data.X!.ToSparse(), data, "X", "patient", empty)).Message;

    [Theory]
    [InlineData(-1f, "the value -1 is negative")]
    [InlineData(0.5f, "the value 0.5 is a fraction")]
    [InlineData(float.NaN, "the value NaN is missing")]
    [InlineData(float.PositiveInfinity, "is infinite")]
    [InlineData(float.NegativeInfinity, "is infinite")]
    public void The_first_offending_row_and_gene_are_named(float bad, string what)
    {
        string message = Failure(Data(1, 2, 0, 3, 0, bad));
        Assert.StartsWith("'bulk.h5ad', X: patient 'P2' (row 2), gene 'G2': ", message);
        Assert.Contains(what, message);
        Assert.Contains("no other matrix of the file holds any", message);
    }

    [Fact]
    public void Raw_counts_pass_and_empty_rows_are_refused_on_request()
    {
        var data = Data(1, 2, 0, 0, 0, 0);
        CountCheck.RequireRawCounts(data.X!.ToSparse(), data, "X");
        Assert.Contains("patient 'P2' (row 2) has no counts at all", Failure(data, empty: true));
    }

    [Fact]
    public void Counts_elsewhere_in_the_file_are_pointed_to()
    {
        var data = Data(0.5f, 1, 2, 3);
        data.Layers["scaled"] = SparseMatrix.FromDense(2, 2, [-1, 1, 0, 2]);
        data.Raw = new RawData(SparseMatrix.FromDense(2, 1, [4, 5]), new DataFrame(["G"]));
        Assert.Equal(["raw/X"], CountCheck.SlotsWithCounts(data));
        Assert.Contains("raw/X holds raw counts", Failure(data));
        data.Layers["counts"] = SparseMatrix.FromDense(2, 2, [1, 1, 0, 2]);
        Assert.Contains("layers/counts holds raw counts, so choose that layer", Failure(data));
    }

    [Fact]
    public void Kinds_are_told_apart()
    {
        float[] counts = [3, 0, 8, 1, 2, 4];
        double[] totals = [11, 7];
        float[] normalised = [.. counts.Select((v, i) => (float)(v / totals[i / 3] * 1e4))];
        Assert.Equal(ValueKind.Counts, Kind(counts));
        Assert.Equal(ValueKind.Binary, Kind([1, 0, 1, 0, 0, 1]));
        Assert.Equal(ValueKind.Normalised, Kind(normalised));
        Assert.Equal(ValueKind.Logged, Kind([.. normalised.Select(v => MathF.Log(1 + v))]));
        Assert.Equal(1e4, CountSummary.Of(Data([.. normalised.Select(v => MathF.Log(1 + v))]).X!).CommonTotal!.Value, 2.0);
        Assert.Equal(ValueKind.Scaled, Kind([-1, 0.5f, 0, 0, 0, 1]));
        Assert.Equal(ValueKind.Fractional, Kind([100.5f, 0.5f, 0, 0, 0, 1]));
        Assert.Equal(ValueKind.NotFinite, Kind([float.NaN, 1, 0, 0, 0, 1]));
        Assert.Equal(ValueKind.Empty, Kind(new float[6]));

        static ValueKind Kind(float[] x) => CountSummary.Of(Data(x).X!).Kind;
    }

    [Fact]
    public void Dense_matrices_of_other_types_are_summarised_alike()
    {
        var s = CountSummary.Of(new DenseMatrix(2, 2, new short[] { 4, 1, 0, 0 }));
        Assert.Equal((ValueKind.Counts, 2L, 0.0, 4.0, 1), (s.Kind, s.NonZeros, s.Minimum, s.Maximum, s.EmptyRows));
    }

    [SharedDataFact("pbmc3k.h5ad")]
    public void The_well_known_cells_are_raw_counts_of_people()
    {
        var data = AnyFile.Read(TestPaths.SharedData("pbmc3k.h5ad"));
        Assert.True(CountSummary.Of(data.X!).IsRawCounts);
        Assert.Equal("human", NameEvidence.GuessSpecies(data.Var.Index));
    }

    [SharedDataFact("baron_mouse1.h5ad")]
    public void Mouse_genes_are_told_by_their_case() =>
        Assert.Equal("mouse", NameEvidence.GuessSpecies(AnyFile.Read(TestPaths.SharedData("baron_mouse1.h5ad")).Var.Index));
}
