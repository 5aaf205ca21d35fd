using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.AnnData.Tables;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>scsurv pan</c>: cohorts fitted from a table, put together, and put together again from their folders.</summary>
public sealed class ScSurvPanTests : IClassFixture<ScSurvPanTests.Study>
{
    private readonly Study _study;

    public ScSurvPanTests(Study study) => _study = study;

    [Fact]
    public void Cohorts_of_a_table_are_fitted_and_put_together()
    {
        foreach (string cohort in (string[])["one", "two", "three"])
            foreach (string file in (string[])["cells.h5ad", "metrics.json", "report.html", "run.log", "model/model.json"]) Assert.True(File.Exists(_study.Folder[$"pan/fits/{cohort}/{file}"]), $"{cohort}/{file}");
        TextTable types = TextTable.Read(_study.Folder["pan/cell_types.csv"]), genes = TextTable.Read(_study.Folder["pan/genes.csv"]), effects = TextTable.Read(_study.Folder["pan/effects.csv"]), without = TextTable.Read(_study.Folder["pan/leave_one_out.csv"]), cohorts = TextTable.Read(_study.Folder["pan/cohorts.csv"]);
        Assert.Equal(["cell_type", "verdict", "cohorts", "cohorts_adverse", "mean", "standard_error", "lower", "upper", "p", "q", "prediction_lower", "prediction_upper", "tau2", "i2", "cochran_q", "cochran_p", "largest_p_without_one"], types.Header);
        Documentation.NamesAllOf(_study.Folder["pan"]);
        Assert.Equal(["one", "two", "three"], cohorts.Require("cohort"));
        Assert.All(types.Require("cohorts"), c => Assert.Equal("3", c));
        foreach (TextTable t in (TextTable[])[types, genes])
        {
            double[] mean = Numbers(t, "mean"), lower = Numbers(t, "lower"), upper = Numbers(t, "upper"), p = Numbers(t, "p"), q = Numbers(t, "q");
            for (int i = 0; i < mean.Length; i++)
            {
                Assert.True(lower[i] <= mean[i] && mean[i] <= upper[i]);
                Assert.True(p[i] <= q[i] && q[i] <= 1);
                Assert.Equal(p[i] < 0.05, lower[i] > 0 || upper[i] < 0);
                Assert.True(i == 0 || mean[i] <= mean[i - 1]);
            }
        }
        double[] had = [.. Numbers(types, "cohorts"), .. Numbers(genes, "cohorts")];
        Assert.Equal(had.Sum(), effects.Rows);
        // Without one of two cohorts there is nothing to put together.
        Assert.Equal(had.Where(c => c > 2).Sum(), without.Rows);
        Assert.Equal(had.Length, Numbers(effects, "weight").Sum(), 1e-6);
        // The correlation of a cohort is about that of its own genes.csv, which averages over strengths of the prior.
        TextTable own = TextTable.Read(_study.Folder["pan/fits/two/genes.csv"]);
        string[] names = own.Require("gene"), of = effects.Require("cohort"), name = effects.Require("name"), kind = effects.Require("kind");
        double[] r = Numbers(own, "pearson"), z = Numbers(effects, "estimate");
        int[] compared = [.. Enumerable.Range(0, effects.Rows).Where(i => kind[i] == "gene" && of[i] == "two")];
        Assert.True(compared.Length >= 50);
        Assert.InRange(Analysis.Statistics.Correlation.Pearson([.. compared.Select(i => r[Array.IndexOf(names, name[i])])], [.. compared.Select(i => Math.Tanh(z[i]))]).Coefficient, 0.9, 1);
        JsonObject summary = JsonNode.Parse(File.ReadAllText(_study.Folder["pan/pan.json"]))!.AsObject();
        Assert.Equal(types.Rows, (int)summary["cell_types"]!["tested"]!);
        Assert.Equal("hartung-knapp", summary["interval"]!.ToString());
        Assert.False(Directory.Exists(_study.Folder["pan/checkpoint"]));
        Assert.Contains("Random-effects meta-analysis", File.ReadAllText(_study.Folder["pan/report.html"]));
        JsonObject multiqc = JsonNode.Parse(File.ReadAllText(_study.Folder["pan/multiqc/cellcast_pooled_cell_types_mqc.json"]))!.AsObject();
        Assert.Equal(types.Require("cell_type").Order(StringComparer.Ordinal), multiqc["data"]!.AsObject().Select(r => r.Key).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Folders_give_the_same_as_the_table_and_labels_meet_under_their_names()
    {
        ProcessResult again = CommandLine.Run("scsurv", "pan", "one=" + _study.Folder["pan/fits/one"], _study.Folder["pan/fits/two"], _study.Folder["pan/fits/three"], "--gene-effect", "correlation", "--out", _study.Folder["again"], "--threads", "2", "--json");
        Assert.True(again.ExitCode == 0, again.Error);
        foreach (string file in (string[])["cell_types.csv", "genes.csv", "effects.csv", "leave_one_out.csv", "cohorts.csv"]) Assert.Equal(File.ReadAllText(_study.Folder["pan/" + file]), File.ReadAllText(_study.Folder["again/" + file]));
        Assert.Equal(TextTable.Read(_study.Folder["again/genes.csv"]).Rows, (int)again.LastLine()["genes"]!["tested"]!);

        ProcessResult others = CommandLine.Run("scsurv", "pan", "one=" + _study.Folder["pan/fits/one"], _study.Folder["pan/fits/two"], "--gene-effect", "correlation", "--out", _study.Folder["again"], "--resume");
        Assert.Equal(2, others.ExitCode);
        Assert.Contains("FIT was 'one=", others.ErrorSentence());
        ProcessResult same = CommandLine.Run("scsurv", "pan", "one=" + Path.GetRelativePath(Directory.GetCurrentDirectory(), _study.Folder["pan/fits/one"]), _study.Folder["pan/fits/two"], _study.Folder["pan/fits/three"], "--gene-effect", "correlation", "--out", _study.Folder["again"], "--resume");
        Assert.True(same.ExitCode == 0, same.Error);
        Assert.Contains("nothing to resume", same.Error);

        string[] types = TextTable.Read(_study.Folder["pan/fits/one/cell_types.csv"]).Require("cell_type");
        File.WriteAllText(_study.Folder["labels.csv"], $"label,name\n{types[0]},merged\n{types[1]},merged\n{types[2]},\n");
        ProcessResult merged = CommandLine.Run("scsurv", "pan", _study.Folder["pan/fits/one"], _study.Folder["pan/fits/two"], "--labels", _study.Folder["labels.csv"], "--interval", "normal", "--heterogeneity", "dl", "--out", _study.Folder["merged"]);
        Assert.True(merged.ExitCode == 0, merged.Error);
        Assert.Contains("two cohorts can hardly show", merged.Error);
        Assert.Equal([types[3], "merged"], TextTable.Read(_study.Folder["merged/cell_types.csv"]).Require("cell_type").Order(StringComparer.Ordinal));
        Assert.DoesNotContain("correlation", TextTable.Read(_study.Folder["merged/genes.csv"]).Header);
    }

    [Fact]
    public void The_report_of_the_folder_is_that_of_the_run()
    {
        string to = _study.Folder["report"];
        ProcessResult report = CommandLine.Run("report", _study.Folder["pan"], "--to", to, "--json");
        Assert.True(report.ExitCode == 0, report.Error);
        Assert.Equal(Path.Combine(to, "report.html"), (string)report.LastLine()["report"]!);
        Assert.Equal(File.ReadAllText(_study.Folder["pan/report.html"]), File.ReadAllText(Path.Combine(to, "report.html")));
        foreach (string section in Directory.GetFiles(_study.Folder["pan/multiqc"])) Assert.Equal(File.ReadAllText(section), File.ReadAllText(Path.Combine(to, "multiqc", Path.GetFileName(section))));

        foreach (string file in (string[])["pan.json", "cell_types.csv", "genes.csv", "cohorts.csv"]) File.Copy(_study.Folder["pan/" + file], Path.Combine(to, file));
        ProcessResult incomplete = CommandLine.Run("report", to);
        Assert.Equal(3, incomplete.ExitCode);
        Assert.Contains("has no effects.csv, so it is no complete result of 'cellcast scsurv pan'", incomplete.ErrorSentence());
    }

    [Fact]
    public void An_interrupted_table_goes_on_with_the_fits_that_are_missing()
    {
        // The second row cannot be fitted; the first is kept.
        string table = _study.Table("broken.csv", "one", "wrong");
        ProcessResult failed = CommandLine.Run("scsurv", "pan", "--table", table, "--out", _study.Folder["resumed"], "--json");
        Assert.Equal(3, failed.ExitCode);
        Assert.True((bool)failed.LastLine()["resumable"]!);
        Assert.False(File.Exists(_study.Folder["resumed/pan.json"]));
        Assert.False(Directory.Exists(_study.Folder["resumed/fits"]));
        DateTime first = File.GetLastWriteTimeUtc(_study.Folder["resumed/checkpoint/fits/one/metrics.json"]);
        File.Copy(_study.Folder["two/simulated_bulk.h5ad"], _study.Folder["wrong/simulated_bulk.h5ad"], overwrite: true);
        ProcessResult resumed = CommandLine.Run("scsurv", "pan", "--table", table, "--out", _study.Folder["resumed"], "--resume");
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Equal(first, File.GetLastWriteTimeUtc(_study.Folder["resumed/fits/one/metrics.json"]));
        Assert.True(File.Exists(_study.Folder["resumed/pan.json"]));

        // Overwriting keeps the earlier fits until it has succeeded, resumed or not, and then replaces all of them.
        string[] Fits() => [.. Directory.GetDirectories(_study.Folder["resumed/fits"]).Select(d => Path.GetFileName(d)).Order(StringComparer.Ordinal)];
        string pan = File.ReadAllText(_study.Folder["resumed/pan.json"]);
        _study.Table("broken.csv", "two", "wrong");
        File.Copy(_study.Folder["two/simulated_cells.h5ad"], _study.Folder["wrong/simulated_bulk.h5ad"], overwrite: true);
        Assert.Equal(3, CommandLine.Run("scsurv", "pan", "--table", table, "--out", _study.Folder["resumed"], "--overwrite").ExitCode);
        Assert.Equal(["one", "wrong"], Fits());
        Assert.Equal(first, File.GetLastWriteTimeUtc(_study.Folder["resumed/fits/one/metrics.json"]));
        Assert.True(File.Exists(_study.Folder["resumed/fits/wrong/model/model.json"]));
        Assert.Equal(pan, File.ReadAllText(_study.Folder["resumed/pan.json"]));
        File.Copy(_study.Folder["three/simulated_bulk.h5ad"], _study.Folder["wrong/simulated_bulk.h5ad"], overwrite: true);
        resumed = CommandLine.Run("scsurv", "pan", "--table", table, "--out", _study.Folder["resumed"], "--resume");
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Equal(["two", "wrong"], Fits());
        Assert.Equal(["two", "wrong"], TextTable.Read(_study.Folder["resumed/cohorts.csv"]).Require("cohort"));
        Assert.False(Directory.Exists(_study.Folder["resumed/checkpoint"]));

        // Its own fits are no input of a run that replaces them.
        ProcessResult itself = CommandLine.Run("scsurv", "pan", _study.Folder["resumed/fits/two"], _study.Folder["resumed/fits/wrong"], "--out", _study.Folder["resumed"], "--overwrite");
        Assert.Equal(2, itself.ExitCode);
        Assert.Contains("choose another folder with --out", itself.ErrorSentence());
        Assert.Equal(["two", "wrong"], Fits());
    }

    [Fact]
    public void What_cannot_be_put_together_is_refused_in_a_sentence()
    {
        void Refused(int code, string sentence, params string[] arguments)
        {
            ProcessResult run = CommandLine.Run(["scsurv", "pan", "--out", _study.Folder["refused"], .. arguments]);
            Assert.Equal(code, run.ExitCode);
            Assert.Contains(sentence, run.ErrorSentence());
            Assert.False(File.Exists(_study.Folder["refused/pan.json"]));
        }
        string one = _study.Folder["pan/fits/one"];
        Refused(2, "only one cohort is given", one);
        Refused(2, "two cohorts are called 'one'", one, one);
        Refused(3, "there is no such folder", one, _study.Folder["nowhere"]);
        Refused(3, "has no metrics.json", one, "x=" + _study.Folder["one"]);
        File.WriteAllText(_study.Folder["t.csv"], "cohort,reference,bulk,colour\na,x,y,red\n");
        Refused(3, "the column 'colour' is no option of 'cellcast scsurv fit'", "--table", _study.Folder["t.csv"]);
        File.WriteAllText(_study.Folder["t.csv"], "cohort,reference,bulk,epochs\na,x,y,\n".Replace("epochs", "max-epochs", StringComparison.Ordinal) + "b,,z,3\n");
        Refused(3, "there is no file", "--table", _study.Folder["t.csv"]);
        File.WriteAllText(_study.Folder["t.csv"], $"cohort,reference,bulk\na,{_study.Folder["one/simulated_cells.h5ad"]},\n");
        Refused(3, "neither a finished fit nor a bulk", "--table", _study.Folder["t.csv"]);
        File.WriteAllText(_study.Folder["t.csv"], "cohort,reference,bulk,method\na,x,y,published\n");
        Refused(3, "no standard errors", "--table", _study.Folder["t.csv"]);
        File.WriteAllText(_study.Folder["t.csv"], "cohort,reference,bulk,genes\na,x,y,many\n");
        Refused(3, "row 1 (cohort 'a'): --genes takes a whole number", "--table", _study.Folder["t.csv"]);
    }

    private static double[] Numbers(TextTable table, string name) => [.. table.Require(name).Select(v => v.Length == 0 ? double.NaN : double.Parse(v, CultureInfo.InvariantCulture))];

    /// <summary>Three small simulated cohorts with cells of the same kinds, and a run over them.</summary>
    public sealed class Study : IDisposable
    {
        public Study()
        {
            int seed = 0;
            foreach (string cohort in (string[])["one", "two", "three"])
                Done("simulate", "--out", Folder[cohort], "--cells", "150", "--genes", "120", "--types", "4", "--families", "1", "--samples", "2", "--patients", "80", "--gradient-types", "1", "--seed", (++seed).ToString(CultureInfo.InvariantCulture));
            Directory.CreateDirectory(Folder["wrong"]);
            File.Copy(Folder["two/simulated_cells.h5ad"], Folder["wrong/simulated_cells.h5ad"]);
            // No survival in it.
            File.Copy(Folder["two/simulated_cells.h5ad"], Folder["wrong/simulated_bulk.h5ad"]);
            Done("scsurv", "pan", "--table", Table("cohorts.csv", "one", "two", "three"), "--gene-effect", "correlation", "--out", Folder["pan"], "--threads", "1", "--quiet");
        }

        internal TemporaryDirectory Folder { get; } = new();

        // Paths are relative to the table.
        internal string Table(string name, params string[] cohorts)
        {
            File.WriteAllText(Folder[name], "cohort,fit,reference,bulk,batch,label,genes,max-epochs,draws,latent,hidden,no-shares\n"
                + string.Concat(cohorts.Select(c => $"{c},,{c}/simulated_cells.h5ad,{c}/simulated_bulk.h5ad,sample,label,100,20,2,6,16,true\n")));
            return Folder[name];
        }

        public void Dispose() => Folder.Dispose();

        private static void Done(params string[] arguments)
        {
            ProcessResult result = CommandLine.Run(arguments);
            Assert.True(result.ExitCode == 0, result.Error);
        }
    }
}
