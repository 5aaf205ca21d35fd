using System.Text.Json.Nodes;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast scsurv benchmark</c>.</summary>
public sealed class BenchmarkTests : IDisposable
{
    private static readonly string[] s_tiny = ["--patients", "24", "--events", "0.5,1", "--types", "3", "--cells", "90", "--genes", "80", "--gradient-types", "1", "--test-patients", "12", "--seeds", "2", "--max-epochs", "3", "--methods", "published,cox-nnls,marker-correlation"];
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_leaves_the_tables_it_says_the_same_for_any_number_of_threads()
    {
        var result = Benchmark("one", [.. s_tiny, "--threads", "1", "--json"]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(["results.csv", "run.log", "summary.csv", "times.csv", "types.csv"], Directory.EnumerateFiles(_folder["one"]).Select(f => Path.GetFileName(f)).Where(n => n[0] != '.').Order(StringComparer.Ordinal));
        Documentation.NamesAllOf(_folder["one"]);
        Assert.Equal(4, (int?)result.LastLine()["cohorts"]);
        Assert.Contains("marker-correlation", result.Output, StringComparison.Ordinal);
        string[] rows = File.ReadAllLines(_folder["one/results.csv"]);
        Assert.StartsWith("patients,event_share,types,platform_effect,batch_effect,missing_types,effect,seed,method,events,r_type,r_cell,r_within,r_shares,concordance,concordance_oracle,concordance_difference,coverage_types,coverage_cells,coverage_patients,coverage_types_bootstrap,coverage_cells_bootstrap,signal_p,note", rows[0], StringComparison.Ordinal);
        Assert.Equal(1 + 4 * 3, rows.Length);
        Assert.Equal(1 + 2 * 3, File.ReadAllLines(_folder["one/summary.csv"]).Length);
        Assert.Equal(1 + 4 * 3 * 3, File.ReadAllLines(_folder["one/types.csv"]).Length);

        Assert.Equal(0, Benchmark("two", [.. s_tiny, "--threads", "2"]).ExitCode);
        foreach (string file in (string[])["results.csv", "summary.csv", "types.csv"])
            Assert.Equal(File.ReadAllBytes(_folder["one/" + file]), File.ReadAllBytes(_folder["two/" + file]));
    }

    [Theory]
    [InlineData("--methods knows published", "--methods", "magic")]
    [InlineData("--patients takes numbers", "--patients", "many")]
    [InlineData("--events is 2", "--events", "2")]
    [InlineData("--from needs --label", "--from", "cells.h5ad")]
    [InlineData("--label belongs to --from", "--label", "type")]
    [InlineData("no whole number", "--types", "2.5")]
    public void Options_that_make_no_grid_are_refused_with_the_reason(string sentence, params string[] options)
    {
        var result = Benchmark("no", options);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(sentence, result.ErrorSentence(), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["no"]));
    }

    private ProcessResult Benchmark(string name, params string[] options) => CommandLine.Run(["scsurv", "benchmark", "--out", _folder[name], .. options]);
}

/// <summary><c>cellcast scsurv power</c>.</summary>
public sealed class PowerTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_prints_and_writes_a_table_that_does_not_depend_on_threads()
    {
        string[] options = ["scsurv", "power", "--patients", "40,80", "--events", "0.5", "--effects", "0,2", "--simulations", "40"];
        var result = CommandLine.Run([.. options, "--threads", "1", "--json", "--to", _folder["a.csv"]]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(4, result.LastLine()["power"]!.AsArray().Count);
        Assert.Contains("effect 2", result.Output, StringComparison.Ordinal);
        Assert.Equal(0, CommandLine.Run([.. options, "--threads", "2", "--to", _folder["b.csv"]]).ExitCode);
        Assert.Equal(File.ReadAllBytes(_folder["a.csv"]), File.ReadAllBytes(_folder["b.csv"]));
        Assert.Equal("patients,event_share,events,effect,power,power_se,true_concordance,simulations", File.ReadLines(_folder["a.csv"]).First());
        Assert.Equal(2, CommandLine.Run([.. options, "--to", _folder["b.csv"]]).ExitCode); // it exists
    }

    [Theory]
    [InlineData("--patients takes whole numbers", "--patients", "3")]
    [InlineData("--events takes shares", "--events", "0")]
    [InlineData("--effects takes numbers", "--effects", "-1")]
    [InlineData("--types takes", "--types", "1")]
    public void Values_that_make_no_study_are_refused(string sentence, params string[] options)
    {
        var result = CommandLine.Run(["scsurv", "power", .. options]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(sentence, result.ErrorSentence(), StringComparison.Ordinal);
    }
}

/// <summary><c>cellcast scsurv uncertainty</c>.</summary>
public sealed class UncertaintyTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_finished_run_gets_intervals_tests_and_power_that_agree_with_its_own_tables()
    {
        // More cells than pass through a model at once.
        Done("simulate", "--out", _folder["study"], "--name", "s", "--cells", "1150", "--genes", "120", "--types", "4", "--families", "2", "--samples", "2", "--patients", "80", "--gradient-types", "1");
        Done("scsurv", "fit", "--reference", _folder["study/s_cells.h5ad"], "--bulk", _folder["study/s_bulk.h5ad"], "--batch", "sample", "--label", "label", "--out", _folder["fit"],
            "--max-epochs", "3", "--draws", "2", "--latent", "4", "--hidden", "8", "--runs", "2");
        // What two seeds agree on; the first is the run itself.
        JsonObject runs = JsonNode.Parse(File.ReadAllText(_folder["fit/metrics.json"]))!["runs"]!.AsObject();
        Assert.Equal([0, 1], runs["seeds"]!.AsArray().Select(s => (int)s!));
        Assert.All((string[])["train", "test"], part => Assert.True((double)runs["concordance"]![part]!["sd"]! >= 0));
        foreach (var (file, rows) in ((string, int)[])[("cells", 1150), ("patients", 80), ("genes", Table("fit/genes.csv").Length), ("cell_types", 4)])
        {
            var table = Table($"fit/runs/{file}.csv");
            Assert.Equal(rows, table.Length);
            Assert.All(table, r => Assert.True(Number(r["sd"]) >= Number(r["sd_runs"]) && Number(r["lower"]) <= Number(r["mean"]) && Number(r["mean"]) <= Number(r["upper"])));
        }
        string[] options = ["scsurv", "uncertainty", _folder["fit"], "--bootstrap", "20", "--permutations", "49"];
        var result = Done([.. options, "--out", _folder["one"], "--threads", "1", "--json"]);
        Assert.Equal(["cell_types.csv", "cells.csv", "cells.h5ad", "genes.csv", "patients.csv", "power.csv", "run.log", "uncertainty.json"],
            Directory.EnumerateFiles(_folder["one"]).Select(f => Path.GetFileName(f)).Where(n => n[0] != '.').Order(StringComparer.Ordinal));
        Documentation.NamesAllOf(_folder["one"]);
        Documentation.NamesAllOf(_folder["fit"]);
        Assert.InRange((double)result.LastLine()["signal_p"]!, 0.02, 1);
        Assert.Contains("any signal: p = ", result.Output, StringComparison.Ordinal);

        // The estimates are those of the fit; intervals are around them.
        var genes = Table("one/genes.csv");
        var fitted = Table("fit/genes.csv").ToDictionary(r => r["gene"], r => Number(r["pearson"]));
        Assert.Equal(fitted.Count, genes.Length);
        Assert.All(genes, g => Assert.Equal(fitted[g["gene"]], Number(g["correlation"]), 1e-4));
        // Contributions were learned from all patients, held-out ones too: so are their intervals.
        Assert.Equal(Table("fit/patients.csv").Select(r => r["patient"]), Table("one/patients.csv").Select(r => r["patient"]));
        var types = Table("fit/cell_types.csv").ToDictionary(r => r["cell_type"], r => Number(r["mean"]));
        Assert.All(Table("one/cell_types.csv"), t => Assert.Equal(types[t["cell_type"]], Number(t["contribution"]), 1e-4));
        Assert.All(Table("one/cell_types.csv"), t => Assert.True(Number(t["contribution_lower"]) < Number(t["contribution"]) && Number(t["contribution"]) < Number(t["contribution_upper"])));
        Assert.Equal(1150, Table("one/cells.csv").Length);

        Done([.. options, "--out", _folder["two"], "--threads", "2"]);
        foreach (string file in (string[])["cell_types.csv", "cells.csv", "cells.h5ad", "genes.csv", "patients.csv", "power.csv", "uncertainty.json"])
            Assert.Equal(File.ReadAllBytes(_folder["one/" + file]), File.ReadAllBytes(_folder["two/" + file]));
    }

    [Fact]
    public void What_is_no_finished_run_is_refused()
    {
        var result = CommandLine.Run("scsurv", "uncertainty", _folder["nothing"], "--out", _folder["out"]);
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("there is no such folder", result.ErrorSentence(), StringComparison.Ordinal);
        result = CommandLine.Run("scsurv", "uncertainty", _folder["nothing"], "--out", _folder["out"], "--bootstrap", "1");
        Assert.Equal(2, result.ExitCode);
    }

    private static ProcessResult Done(params string[] arguments)
    {
        var result = CommandLine.Run(arguments);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    private static double Number(string text) => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private Dictionary<string, string>[] Table(string name)
    {
        string[][] rows = [.. File.ReadLines(_folder[name]).Select(l => l.Split(','))];
        return [.. rows.Skip(1).Select(r => rows[0].Zip(r).ToDictionary(p => p.First, p => p.Second))];
    }
}
