using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast inspect</c>.</summary>
public sealed class InspectTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Bulk(Action<AnnotatedData>? change = null)
    {
        var data = new AnnotatedData(new DataFrame(["P1", "P2", "P3"]), new DataFrame(["TP53", "EGFR"]), SparseMatrix.FromDense(3, 2, [1, 2, 3, 4, 0, 6]));
        data.Obs.Set("days", new[] { 10.0, 20, double.NaN });
        data.Obs["died"] = new BooleanColumn([true, false, true]);
        data.Obs["site"] = CategoricalColumn.FromLabels(["A", "B", "A"]);
        change?.Invoke(data);
        H5adFile.Write(_folder["b.h5ad"], data);
        return _folder["b.h5ad"];
    }

    [Fact]
    public void A_person_reads_shape_values_columns_and_what_is_missing()
    {
        var result = CommandLine.Run("inspect", Bulk());
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("h5ad, 3 observations x 2 variables", result.Output);
        Assert.Contains("raw counts (whole numbers up to 6", result.Output);
        Assert.Contains("A (2), B (1)", result.Output);
        Assert.Contains("10 to 20", result.Output);
        Assert.Contains("scsurv fit --reference: ready", result.Output);
        Assert.Contains("scsurv fit --bulk: missing a survival time and an event in obs", result.Output);
    }

    [Fact]
    public void A_program_reads_the_same_as_json()
    {
        string path = Bulk(d =>
        {
            d.Obs.Set("OS.time", new[] { 1.0, 2, 3 });
            d.Obs.Set("OS", new long[] { 1, 0, 1 });
            d.Layers["counts"] = d.X!;
            d.X = SparseMatrix.FromDense(3, 2, [0.1f, 2, 3, 4, 0, 6.5f]);
        });
        var line = CommandLine.Run("inspect", path, "--json").LastLine();
        Assert.Equal("h5ad", (string?)line["format"]);
        Assert.Equal("human", (string?)line["species"]);
        Assert.Equal([false, true], line["matrices"]!.AsArray().Select(m => (bool)m!["raw_counts"]!));
        var bulk = line["uses"]!.AsArray().Single(u => (string?)u!["use"] == "scsurv fit --bulk")!;
        Assert.True((bool)bulk["ready"]!);
        Assert.Equal("--layer counts --time OS.time --event OS", (string?)bulk["hint"]);
    }

    [Fact]
    public void Normalised_data_are_not_called_ready()
    {
        var line = CommandLine.Run("inspect", Bulk(d => d.X = SparseMatrix.FromDense(3, 2, [0.5f, 1, 0, -2, 0, 1])), "--json").LastLine();
        Assert.All(line["uses"]!.AsArray(), u => Assert.Contains(u!["missing"]!.AsArray(), m => ((string?)m)!.Contains("raw counts")));
    }

    [Fact]
    public void Without_a_look_at_the_values_nothing_is_promised_about_them()
    {
        var result = CommandLine.Run("inspect", Bulk(), "--tables-only");
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("scsurv fit --reference: ready (if its values, which were not looked at, are raw counts)", result.Output);
        Assert.DoesNotContain("whole numbers", result.Output);
    }

    [Fact]
    public void What_is_no_data_is_bad_input()
    {
        File.WriteAllText(_folder["page.h5ad"], "<html>");
        var result = CommandLine.Run("inspect", _folder["page.h5ad"]);
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("is no HDF5 file in spite of its name", result.ErrorSentence());
    }
}
