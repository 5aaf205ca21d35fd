using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast cohort</c>.</summary>
public sealed class CohortTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Write(string name, string text)
    {
        File.WriteAllText(_folder[name], text);
        return _folder[name];
    }

    private string[] Tables() =>
        ["--counts", Write("counts.csv", "gene,P1,P2,P3\nTP53,1,2,3\nEGFR,4,5,6\nTP53,10,10,10\n"), "--clinical", Write("c.csv", "id,os,dead\nP1,10,1\nP2,20,0\nP4,5,1\n")];

    private ProcessResult Cohort(params string[] arguments) => CommandLine.Run(["cohort", .. arguments]);

    [Fact]
    public void Two_tables_become_one_file_and_the_report_says_what_happened()
    {
        var result = Cohort([.. Tables(), "--time", "os", "--event", "dead", "--out", _folder["bulk.h5ad"], "--json"]);
        Assert.Equal(0, result.ExitCode);
        Assert.Contains("1 sample without clinical data left out (P3)", result.Error);
        var line = result.LastLine();
        Assert.Equal((2, 1, 2), ((int)line["patients"]!, (int)line["events"]!, (int)line["genes"]!));
        Assert.Contains(line["report"]!.AsArray(), n => (bool)n!["loss"]! && (int?)n["count"] == 1 && (string?)n["examples"]![0] == "P3");
        var bulk = H5adFile.Read(_folder["bulk.h5ad"]);
        Assert.Equal(["P1", "P2"], bulk.Obs.Index);
        Assert.Equal([11, 4, 12, 5], bulk.X!.ToSparse().ToDense());
        Assert.Equal(["Dead", "Alive"], (IEnumerable<string?>)bulk.Obs["vital_status"].ToText());
    }

    [ToolFact("anndata")]
    public void The_fields_own_reader_opens_it()
    {
        Assert.Equal(0, Cohort([.. Tables(), "--time", "os", "--event", "dead", "--out", _folder["bulk.h5ad"]]).ExitCode);
        var python = ExternalTool.RunPython("import sys, anndata; a = anndata.read_h5ad(sys.argv[1]); print(a.obs['survival_time'].tolist(), a.obs['vital_status'].tolist(), a.var_names.tolist(), len(a.uns['cohort']['report']) > 3)", _folder["bulk.h5ad"]);
        Assert.Equal("[10.0, 20.0] ['Dead', 'Alive'] ['TP53', 'EGFR'] True", python.Output.Trim());
    }

    [Fact]
    public void One_source_and_its_companion_are_required()
    {
        string[] tables = Tables();
        string output = _folder["bulk.h5ad"];
        Assert.Contains("give one source", Refused("--out", output));
        Assert.Contains("give one source", Refused([.. tables, "--gdc", _folder.Path, "--out", output]));
        Assert.Contains("--counts needs --clinical", Refused("--counts", tables[1], "--out", output));
        Assert.Contains("--xena needs --survival", Refused("--xena", tables[1], "--out", output));
        Assert.Contains("must end in .h5ad", Refused([.. tables, "--out", _folder["bulk.csv"]]));
    }

    private string Refused(params string[] arguments)
    {
        var result = Cohort(arguments);
        Assert.Equal(2, result.ExitCode);
        return result.ErrorSentence()!;
    }

    [Fact]
    public void A_missing_column_is_bad_input_and_leaves_no_file()
    {
        var result = Cohort([.. Tables(), "--time", "os", "--event", "status", "--out", _folder["bulk.h5ad"]]);
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("has no column 'status' for the event; it has 'id', 'os', 'dead'", result.ErrorSentence());
        Assert.False(File.Exists(_folder["bulk.h5ad"]));
    }
}
