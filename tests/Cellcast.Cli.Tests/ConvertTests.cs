using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast convert</c>: there and back.</summary>
public sealed class ConvertTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private ProcessResult Convert(params string[] arguments) => CommandLine.Run(["convert", .. arguments]);

    private string Cells()
    {
        var data = new AnnotatedData(new DataFrame(["AAACCCAAGATTAGCA-1", "AAACCCACACAATGAA-1"]), new DataFrame(["TP53", "EGFR", "GAPDH"]), SparseMatrix.FromDense(2, 3, [0.5f, 0, 1, 0, 2, 0]));
        data.Layers["counts"] = SparseMatrix.FromDense(2, 3, [5, 0, 1, 0, 2, 0]);
        data.Obs["label"] = CategoricalColumn.FromLabels(["B", "T"]);
        H5adFile.Write(_folder["cells.h5ad"], data);
        return _folder["cells.h5ad"];
    }

    [Theory]
    [InlineData("mtx")]
    [InlineData("table.csv")]
    [InlineData("table.tsv.gz")]
    public void Counts_and_names_survive_the_way_there_and_back(string middle)
    {
        var there = Convert(Cells(), _folder[middle], "--layer", "counts");
        Assert.Equal(0, there.ExitCode);
        Assert.Contains("warning: this format keeps one matrix and names only: obs columns, layers", there.Error);
        Assert.Equal(0, Convert(_folder[middle], _folder["back.h5ad"]).ExitCode);
        var back = H5adFile.Read(_folder["back.h5ad"]);
        Assert.Equal(["AAACCCAAGATTAGCA-1", "AAACCCACACAATGAA-1"], back.Obs.Index);
        Assert.Equal(["TP53", "EGFR", "GAPDH"], back.Var.Index);
        Assert.Equal([5, 0, 1, 0, 2, 0], back.X!.ToSparse().ToDense());
    }

    [Fact]
    public void The_layout_of_a_table_is_as_stated()
    {
        Assert.Equal(0, Convert(Cells(), _folder["s.csv"], "--orientation", "samples", "--layer", "counts").ExitCode);
        Assert.Equal("sample,TP53,EGFR,GAPDH\nAAACCCAAGATTAGCA-1,5,0,1\nAAACCCACACAATGAA-1,0,2,0\n", File.ReadAllText(_folder["s.csv"]));
    }

    [Fact]
    public void Nothing_is_replaced_unasked()
    {
        string cells = Cells();
        File.WriteAllText(_folder["mine.csv"], "mine");
        Directory.CreateDirectory(_folder["mine"]);
        File.WriteAllText(_folder["mine/mine.txt"], "mine");
        foreach (string target in new[] { "mine.csv", "mine" })
        {
            var result = Convert(cells, _folder[target]);
            Assert.Equal(2, result.ExitCode);
            Assert.Contains("--overwrite", result.ErrorSentence());
        }
        Assert.Equal("mine", File.ReadAllText(_folder["mine.csv"]));
        Assert.Equal("mine", File.ReadAllText(_folder["mine/mine.txt"]));
        Assert.Equal(0, Convert(cells, _folder["mine.csv"], "--overwrite").ExitCode);
        Assert.StartsWith("gene,", File.ReadAllText(_folder["mine.csv"]));
    }

    [Fact]
    public void Choices_that_a_format_leaves_open_are_options()
    {
        File.WriteAllText(_folder["t.txt"], "x|1001|1002\n2001|1|2\n2001|3|4\n");
        Assert.Equal(3, Convert(_folder["t.txt"], _folder["t.h5ad"]).ExitCode);
        var result = Convert(_folder["t.txt"], _folder["t.h5ad"], "--orientation", "genes", "--repeated-genes", "sum", "--delimiter", "|", "--json");
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(1, (int?)result.LastLine()["variables"]);
        Assert.Equal([4, 6], H5adFile.Read(_folder["t.h5ad"]).X!.ToSparse().ToDense());
    }

    [Theory]
    [InlineData("x.loom", "names a format that is not written")]
    [InlineData("absent/x.h5ad", "create it first")]
    public void Impossible_targets_are_refused_before_reading(string target, string what)
    {
        var result = Convert(_folder["absent.h5ad"], _folder[target]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(what, result.ErrorSentence());
    }

    [Fact]
    public void A_missing_layer_leaves_no_output()
    {
        var result = Convert(Cells(), _folder["out"], "--layer", "nothing");
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("has no layer 'nothing'; there are 'counts'", result.ErrorSentence());
        Assert.Equal(["cells.h5ad"], Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }
}
