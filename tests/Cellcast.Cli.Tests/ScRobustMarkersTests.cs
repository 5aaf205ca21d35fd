using System.Globalization;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast scrobust markers</c>, the comparison that <c>embed --label</c> prints, and accessibility peaks, as users type them.</summary>
public sealed class ScRobustMarkersTests : IDisposable
{
    private static readonly string[] s_small = ["--hidden", "32", "--genes-per-view", "60", "--batch", "32", "--epochs", "10", "--seed", "3"];
    private readonly TemporaryDirectory _folder = new();

    public ScRobustMarkersTests() => H5adFile.Write(_folder["cells.h5ad"], Counts(80, 60));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Genes_of_a_group_come_out_by_both_ways_in_tables_and_figures()
    {
        Pretrain("cells.h5ad");
        var result = Markers("markers", "--group", "even", "--reference", "odd", "--model", _folder["encoder"], "--json");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(["markers.csv", "markers.h5ad", "metrics.json", "run.log", "vector_genes.csv"],
            Directory.EnumerateFiles(_folder["markers"]).Select(f => Path.GetFileName(f)!).Where(f => f[0] != '.').Order(StringComparer.Ordinal));
        foreach (string table in new[] { "markers.csv", "vector_genes.csv" })
        {
            string[] lines = File.ReadAllLines(_folder["markers/" + table]);
            Assert.StartsWith("group,reference,gene,", lines[0], StringComparison.Ordinal);
            Assert.StartsWith("even,odd,", lines[1], StringComparison.Ordinal);
            Assert.All(lines[1..6], l => Assert.True(Number(l) >= 10 && Number(l) % 2 == 0, l));
        }
        Documentation.NamesAllOf(_folder["markers"]);
        JsonNode group = result.LastLine()["groups"]![0]!;
        Assert.Equal(("even", 40, 40), ((string)group["group"]!, (int)group["cells"]!, (int)group["reference_cells"]!));
        Assert.Equal(0, Number("," + "," + (string)group["top_of_vectors"]![0]!) % 2);

        static int Number(string line) => int.Parse(line.Split(',')[2][4..], CultureInfo.InvariantCulture);
    }

    [ToolFact("anndata")]
    public void Scanpys_reader_of_ranked_genes_takes_both_entries()
    {
        Pretrain("cells.h5ad");
        Assert.Equal(0, Markers("markers", "--model", _folder["encoder"]).ExitCode);
        var python = ExternalTool.RunPython("""
            import sys, anndata, pandas as pd
            a = anndata.read_h5ad(sys.argv[1])
            for key in ["rank_genes_groups", "rank_genes_vectors"]:
                e = a.uns[key]
                groups = list(e["names"].dtype.names)
                assert groups == ["even", "odd"], groups
                assert e["params"]["groupby"] == "kind" and e["params"]["reference"] == "rest"
                columns = ["names", "scores", "logfoldchanges", "pvals", "pvals_adj"]
                d = pd.concat([pd.DataFrame(e[c])[groups] for c in columns], axis=1, names=[None, "group"], keys=columns).stack(level=1).reset_index()
                top = d[d.group == "even"].iloc[0]
                name = top.names if isinstance(top.names, str) else top["names"]
                assert int(name[4:]) % 2 == 0 and int(name[4:]) >= 10, name
                assert top.scores > 0 and top.logfoldchanges > 1 and top.pvals_adj < 0.01
            """, _folder["markers/markers.h5ad"]);
        Assert.True(python.ExitCode == 0, python.Error);
    }

    [Fact]
    public void Killed_and_resumed_and_on_another_number_of_threads_it_gives_the_same_bytes()
    {
        Pretrain("cells.h5ad");
        string[] options = ["--model", _folder["encoder"], "--checkpoint-every", "0"];
        Assert.Equal(0, Markers("whole", [.. options, "--threads", "1"]).ExitCode);
        using (var killed = CommandLineProcess.StartAndHold("epoch 0 step 9.", ["scrobust", "markers", "--cells", _folder["cells.h5ad"], "--label", "kind", .. options, "--out", _folder["killed"]]))
        {
            killed.Signal("KILL");
            killed.WaitForExit();
        }
        Assert.NotEmpty(Directory.GetFiles(_folder["killed/checkpoint"]));
        Assert.False(File.Exists(_folder["killed/vector_genes.csv"]));
        var resumed = Markers("killed", [.. options, "--threads", "3", "--resume"]);
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Contains("resuming after 8 cells", resumed.Error, StringComparison.Ordinal);
        foreach (string file in new[] { "markers.csv", "vector_genes.csv", "markers.h5ad" }) Assert.Equal(File.ReadAllBytes(_folder["whole/" + file]), File.ReadAllBytes(_folder["killed/" + file]));
    }

    [Fact]
    public void A_group_that_is_not_there_is_refused_with_those_that_are()
    {
        var result = Markers("markers", "--group", "third");
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("no cell is 'third'; there are 'even', 'odd'", result.ErrorSentence(), StringComparison.Ordinal);
        Assert.Equal(2, Markers("markers", "--group", "odd", "--reference", "odd").ExitCode);
        Assert.False(File.Exists(_folder["markers/markers.csv"]));
    }

    [Fact]
    public void Embed_compares_its_vectors_with_principal_components_where_labels_are_named()
    {
        Pretrain("cells.h5ad");
        var result = CommandLine.Run("scrobust", "embed", "--model", _folder["encoder"], "--cells", _folder["cells.h5ad"], "--label", "kind", "--dropout", "0.5", "--clusterings", "2", "--json", "--out", _folder["embedded.h5ad"]);
        Assert.True(result.ExitCode == 0, result.Error);
        JsonArray rows = result.LastLine()["comparison"]!.AsArray();
        Assert.Equal([("scrobust", 0), ("PCA", 0), ("scrobust", 0.5), ("PCA", 0.5), ("PCA, fitted again", 0.5)], rows.Select(r => ((string)r!["vectors"]!, (double)r["removed"]!)));
        Assert.All(rows, r => Assert.InRange((double)r!["neighbor_purity"]!, 0.5, 1));
        Assert.Equal(1, (double)rows[0]!["kmeans"]!["ari"]!, 1e-9);
        var alone = CommandLine.Run("scrobust", "embed", "--model", _folder["encoder"], "--cells", _folder["cells.h5ad"], "--dropout", "0.5", "--out", _folder["other.h5ad"]);
        Assert.Equal(2, alone.ExitCode);
        Assert.Equal(2, CommandLine.Run("scrobust", "embed", "--model", _folder["encoder"], "--cells", _folder["cells.h5ad"], "--clusterings", "2", "--out", _folder["other.h5ad"]).ExitCode);
    }

    [Fact]
    public void Accessibility_peaks_are_taken_as_presence_and_their_vectors_tell_the_types_apart()
    {
        H5adFile.Write(_folder["peaks.h5ad"], Peaks(240, 6000));
        var trained = Pretrain("peaks.h5ad");
        Assert.Contains("only 0 and 1; taken as presence and absence, neither scaled nor logged", trained.Error, StringComparison.Ordinal);
        Assert.Contains("\"presence\": true", File.ReadAllText(_folder["encoder/encoder.json"]), StringComparison.Ordinal);
        var result = CommandLine.Run("scrobust", "embed", "--model", _folder["encoder"], "--cells", _folder["peaks.h5ad"], "--label", "type", "--json", "--out", _folder["embedded.h5ad"]);
        Assert.True(result.ExitCode == 0, result.Error);
        JsonNode vectors = result.LastLine()["comparison"]![0]!;
        Assert.InRange((double)vectors["neighbor_purity"]!, 0.95, 1);
        Assert.InRange((double)vectors["kmeans"]!["ari"]!, 0.9, 1);
    }

    [Fact]
    public void The_published_settings_are_one_option_away_and_options_beside_it_count()
    {
        var result = CommandLine.Run("scrobust", "pretrain", "--cells", _folder["cells.h5ad"], "--published", "--hidden", "32", "--epochs", "2", "--out", _folder["encoder"]);
        Assert.True(result.ExitCode == 0, result.Error);
        JsonNode metrics = JsonNode.Parse(File.ReadAllText(_folder["encoder/metrics.json"]))!;
        Assert.Equal((32, 8, "logged"), ((int)metrics["dimensions"]!["hidden"]!, (int)metrics["dimensions"]!["heads"]!, (string)metrics["values"]!));
        Assert.Equal(3, File.ReadAllLines(_folder["encoder/history.csv"]).Length);
        Assert.DoesNotContain("principal components", result.Error, StringComparison.Ordinal);
    }

    private ProcessResult Pretrain(string cells)
    {
        var result = CommandLine.Run(["scrobust", "pretrain", "--cells", _folder[cells], .. s_small, "--out", _folder["encoder"]]);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    private ProcessResult Markers(string folder, params string[] more) => CommandLine.Run(["scrobust", "markers", "--cells", _folder["cells.h5ad"], "--label", "kind", .. more, "--out", _folder[folder]]);

    /// <summary>Cells of two kinds, each with genes of its own and ten in common.</summary>
    private static AnnotatedData Counts(int count, int genes)
    {
        var random = new RandomStream(RandomKey.From(8, "cells"));
        var counts = new float[count * genes];
        for (int c = 0; c < count; c++)
            for (int g = 0; g < genes; g++) counts[c * genes + g] = random.NextPoisson(g < 10 || g % 2 == c % 2 ? 1 + g % 5 : 0.05) + (c == 0 ? 1 : 0);
        return Data(count, [.. Enumerable.Range(0, genes).Select(i => "gene" + i)], counts, "kind", i => i % 2 == 0 ? "even" : "odd");
    }

    /// <summary>Cells of three types that differ in depth: a peak in twenty is open more often in one type, all others everywhere alike.</summary>
    private static AnnotatedData Peaks(int count, int peaks)
    {
        var random = new RandomStream(RandomKey.From(9, "peaks"));
        var open = new float[count * peaks];
        for (int c = 0; c < count; c++)
        {
            double depth = 0.5 + random.NextUniform();
            for (int p = 0; p < peaks; p++) open[c * peaks + p] = random.NextUniform() < depth * (p % 20 == c % 3 ? 0.2 : 0.03) ? 1 : 0;
        }
        return Data(count, [.. Enumerable.Range(0, peaks).Select(i => $"chr{1 + i % 22}:{1000 * i}-{1000 * i + 500}")], open, "type", i => "type " + i % 3);
    }

    private static AnnotatedData Data(int count, string[] names, float[] values, string column, Func<int, string> label)
    {
        var data = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, count).Select(i => "cell" + i)]), new DataFrame(names), SparseMatrix.FromDense(count, names.Length, values));
        data.Obs[column] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, count).Select(label)]);
        return data;
    }
}
