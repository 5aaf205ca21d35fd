using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary>The report of a run, and the report made again from its folder.</summary>
public class ReportTests
{
    [Fact]
    public void A_run_leaves_a_report_and_the_command_makes_the_same_from_its_folder()
    {
        using var folder = new TemporaryDirectory();
        Done("simulate", "--out", folder["study"], "--cells", "150", "--genes", "120", "--types", "4", "--families", "2", "--samples", "2", "--patients", "80", "--spots", "40", "--gradient-types", "1");
        string[] files = Directory.GetFiles(folder["study"], "*.h5ad");
        string File_(string part) => files.Single(f => Path.GetFileName(f).Contains(part, StringComparison.Ordinal));
        Done("scsurv", "fit", "--reference", File_("cells"), "--bulk", File_("bulk"), "--spatial", File_("spots"), "--batch", "sample", "--label", "label", "--out", folder["fit"],
            "--genes", "60", "--max-epochs", "3", "--draws", "2", "--latent", "4", "--hidden", "8");

        JsonObject run = Data(folder["fit/report.html"]);
        foreach (string section in new[] { "summary", "cells", "contributions", "genes", "patients", "spots", "training", "run" }) Assert.True(run[section] is not null, section);
        Assert.Equal(150, (int)run["cells"]!["count"]!);
        Assert.Equal(40, (int)run["spots"]!["count"]!);
        Assert.Equal(["hazard", "hazard, smoothed", "how sure"], run["spots"]!["values"]!.AsArray().Take(3).Select(v => (string)v!["name"]!));
        Assert.Contains("pearson_q", run["spots"]!["genes"]!["columns"]!.AsArray().Select(c => (string)c!["key"]!));
        Assert.Equal(["test", "validation", "train", "all"], run["patients"]!["parts"]!.AsArray().Select(p => (string)p!["key"]!));
        Assert.Equal(4, run["contributions"]!["groupings"]![0]!["items"]!.AsArray().Count);
        var reference = run["run"]!["files"]!.AsArray().Single(f => (string)f!["role"]! == "reference")!;
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(File_("cells")))), (string)reference["sha256"]!);
        Assert.DoesNotContain(folder.Path, File.ReadAllText(folder["fit/report.html"]), StringComparison.Ordinal);
        Assert.NotEmpty(Directory.GetFiles(folder["fit/multiqc"], "*_mqc.json"));

        File.Delete(folder["fit/report.html"]);
        Assert.Equal(folder["fit/report.html"], (string)CommandLine.Run("report", folder["fit"], "--json").LastLine()["report"]!);
        JsonObject again = Data(folder["fit/report.html"]);
        foreach (string section in new[] { "summary", "cells", "contributions", "spots", "training", "run" })
            Assert.True(JsonNode.DeepEquals(run[section], again[section]), $"{section} differs");
        Assert.True(JsonNode.DeepEquals(run["patients"]!["parts"]![0]!["concordance"], again["patients"]!["parts"]![0]!["concordance"]));
        Assert.True(JsonNode.DeepEquals(run["patients"]!["parts"]![0]!["logRank"], again["patients"]!["parts"]![0]!["logRank"]));

        // UMAP of the latent state comes first; a run from before there was one still has a picture.
        Assert.Equal("UMAP", (string)run["cells"]!["embeddings"]![0]!["name"]!);
        Assert.Contains("the latent state", (string)run["cells"]!["embeddings"]![0]!["note"]!, StringComparison.Ordinal);
        AnnotatedData cells = H5adFile.Read(folder["fit/cells.h5ad"]);
        Assert.Equal(2, ((DenseMatrix)cells.Obsm["X_umap"]).Columns);
        cells.Obsm.Remove("X_umap");
        H5adFile.Write(folder["fit/cells.h5ad"], cells);
        Done("report", folder["fit"]);
        Assert.StartsWith("principal components", (string)Data(folder["fit/report.html"])["cells"]!["embeddings"]![0]!["name"]!, StringComparison.Ordinal);
    }

    [Fact]
    public void An_evaluation_leaves_a_report_and_the_command_makes_the_same_from_its_folder()
    {
        using var folder = new TemporaryDirectory();
        Done("simulate", "--out", folder["study"], "--cells", "120", "--genes", "80", "--types", "3", "--families", "3", "--samples", "1", "--patients", "10", "--gradient-types", "0");
        string cells = Directory.GetFiles(folder["study"], "*cells*.h5ad").Single();
        Done("scrobust", "evaluate", "--cells", cells, "--label", "label", "--folds", "2", "--dropout", "0.5", "--hidden", "16", "--heads", "2", "--genes", "40", "--batch", "16", "--epochs", "2", "--out", folder["evaluation"]);

        JsonObject run = Data(folder["evaluation/report.html"]);
        JsonObject evaluation = run["evaluation"]!.AsObject();
        string[] models = [.. evaluation["robustness"]!["models"]!.AsArray().Select(m => (string)m!["name"]!)];
        Assert.Equal("scrobust", models[0]);
        Assert.Contains("logistic regression", models);
        Assert.All(evaluation["robustness"]!["models"]!.AsArray(), m => Assert.Equal([0, 0.5], m!["x"]!.AsArray().Select(x => (double)x!)));
        var scores = AnnData.Tables.TextTable.Read(folder["evaluation/scores.csv"]);
        double mean = Enumerable.Range(0, scores.Rows).Where(r => scores.Require("method")[r] == "scrobust" && scores.Require("dropout")[r] == "0.5")
            .Average(r => double.Parse(scores.Require("macro_f1")[r], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(mean, (double)evaluation["robustness"]!["models"]![0]!["mean"]![1]!, 12);
        Assert.Equal(120, evaluation["confusions"]![0]!["counts"]!.AsArray().Sum(c => (double)c!));
        Assert.DoesNotContain(folder.Path, File.ReadAllText(folder["evaluation/report.html"]), StringComparison.Ordinal);

        File.Delete(folder["evaluation/report.html"]);
        Done("report", folder["evaluation"]);
        JsonObject again = Data(folder["evaluation/report.html"]);
        Assert.Equal(["principal components", "vectors of the first fold's model"], run["cells"]!["embeddings"]!.AsArray().Select(e => (string)e!["name"]!));
        Assert.Equal(["given label", "predicted label", "right or wrong", "fold in which it was tested"], run["cells"]!["groups"]!.AsArray().Select(g => (string)g!["name"]!));
        Assert.Equal(["fold 1", "fold 2"], run["trainingRuns"]![0]!["runs"]!.AsArray().Select(r => (string)r!["name"]!));
        foreach (string section in new[] { "summary", "cells", "evaluation", "trainingRuns", "run" }) Assert.True(JsonNode.DeepEquals(run[section], again[section]), $"{section} differs");
    }

    /// <summary>Test cells by the vectors of the encoder that all folds start from: a map of all of them, in which neither labels nor folds had a part.</summary>
    [Fact]
    public void An_evaluation_that_starts_from_an_encoder_shows_the_cells_as_the_encoder_sees_them()
    {
        using var folder = new TemporaryDirectory();
        Done("simulate", "--out", folder["study"], "--cells", "90", "--genes", "60", "--types", "3", "--families", "3", "--samples", "1", "--patients", "10", "--gradient-types", "0");
        string cells = Directory.GetFiles(folder["study"], "*cells*.h5ad").Single();
        Done("scrobust", "pretrain", "--cells", cells, "--hidden", "16", "--heads", "2", "--genes-per-view", "15", "--batch", "16", "--epochs", "2", "--out", folder["encoder"]);
        JsonObject Evaluated(string name, params string[] options)
        {
            Done(["scrobust", "evaluate", "--cells", cells, "--label", "label", "--encoder", folder["encoder"], "--genes", "40", "--batch", "16", "--epochs", "1", "--baselines", "false", .. options, "--out", folder[name]]);
            return Data(folder[name + "/report.html"])["cells"]!.AsObject();
        }

        JsonObject two = Evaluated("two", "--folds", "2"), three = Evaluated("three", "--folds", "3", "--repeats", "2");
        Assert.Equal(["vectors of the encoder", "vectors of the first fold's model", "principal components"], two["embeddings"]!.AsArray().Select(e => (string)e!["name"]!));
        JsonNode map = two["embeddings"]![0]!;
        Assert.Contains("before any fold trained it", (string)map["note"]!, StringComparison.Ordinal);
        Assert.True(JsonNode.DeepEquals(map, three["embeddings"]![0]), "how the folds were cut decides where cells lie");
        Assert.False(JsonNode.DeepEquals(two["embeddings"]![1], three["embeddings"]![1]));

        // All cells have a place in it, which the table tells too; in the map of the first fold only the cells that it was tested on have.
        var table = AnnData.Tables.TextTable.Read(folder["two/cells.csv"]);
        Assert.Equal(90, table.Rows);
        double[] At(string column) => [.. table.Require(column).Select(v => v.Length == 0 ? double.NaN : double.Parse(v, System.Globalization.CultureInfo.InvariantCulture))];
        foreach (string axis in new[] { "umap1", "umap2" })
        {
            double[] all = At("encoder_" + axis);
            Assert.DoesNotContain(all, double.IsNaN);
            Assert.True(all.Distinct().Count() > 80);
            Assert.Equal(45, At("fold1_" + axis).Count(double.IsFinite));
        }

        JsonObject run = Data(folder["two/report.html"]);
        File.Delete(folder["two/report.html"]);
        Done("report", folder["two"]);
        Assert.True(JsonNode.DeepEquals(run, Data(folder["two/report.html"])), "the report of the folder is not that of the run");
    }

    [Fact]
    public void A_folder_without_results_is_refused_with_what_to_do()
    {
        using var folder = new TemporaryDirectory();
        var none = CommandLine.Run("report", folder["nothing"]);
        Assert.Equal(3, none.ExitCode);
        Assert.Contains("there is no such folder", none.ErrorSentence()!, StringComparison.Ordinal);
        var empty = CommandLine.Run("report", folder.Path);
        Assert.Equal(3, empty.ExitCode);
        Assert.Contains("has no metrics.json", empty.ErrorSentence()!, StringComparison.Ordinal);
        File.WriteAllText(folder["metrics.json"], "{\"model\": ");
        Assert.Contains("is damaged", CommandLine.Run("report", folder.Path).ErrorSentence()!, StringComparison.Ordinal);
        File.WriteAllText(folder["metrics.json"], "{\"model\": \"scsurv\"}");
        Assert.Contains("has no cells.h5ad", CommandLine.Run("report", folder.Path).ErrorSentence()!, StringComparison.Ordinal);
        Assert.False(File.Exists(folder["report.html"]));
    }

    private static void Done(params string[] arguments)
    {
        var result = CommandLine.Run(arguments);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.DoesNotContain("could not be made", result.Error, StringComparison.Ordinal);
    }

    internal static JsonObject Data(string path)
    {
        string text = File.ReadAllText(path);
        const string start = "id=\"cellcast-data\">";
        int from = text.IndexOf(start, StringComparison.Ordinal) + start.Length;
        return JsonNode.Parse(text[from..text.IndexOf("</script>", from, StringComparison.Ordinal)])!.AsObject();
    }
}
