using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.AnnData.Tables;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast scrobust train</c>, <c>annotate</c> and <c>evaluate</c> as users type them.</summary>
public sealed class ScRobustAnnotateTests : IDisposable
{
    private static readonly string[] s_scratch = ["--hidden", "32", "--heads", "4"];
    private static readonly string[] s_short = ["--genes", "60", "--batch", "16", "--epochs", "6", "--lr", "2e-3", "--seed", "3"];
    private readonly TemporaryDirectory _folder = new();

    public ScRobustAnnotateTests()
    {
        H5adFile.Write(_folder["cells.h5ad"], Cells(70, 1));
        H5adFile.Write(_folder["new.h5ad"], Cells(50, 2));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Train_leaves_a_classifier_that_labels_new_cells()
    {
        var trained = Train("classifier", [.. s_scratch, "--json"]);
        Assert.True(trained.ExitCode == 0, trained.Error);
        Assert.Equal(["classifier.json", "classifier.safetensors", "encoder.json", "encoder.safetensors", "history.csv", "metrics.json", "run.log"],
            Directory.EnumerateFiles(_folder["classifier"]).Select(f => Path.GetFileName(f)!).Where(f => f[0] != '.').Order(StringComparer.Ordinal));
        var metrics = JsonNode.Parse(File.ReadAllText(_folder["classifier/metrics.json"]))!;
        Assert.Equal((double)metrics["held_out"]!["macro_f1"]!, (double)trained.LastLine()["held_out"]!["macro_f1"]!);

        var annotated = Annotate("classifier", "new.h5ad", "labels.csv", "--threshold", "0", "--json");
        Assert.True(annotated.ExitCode == 0, annotated.Error);
        TextTable table = TextTable.Read(_folder["labels.csv"]);
        Assert.Equal(["cell", "label", "best", "confidence", "p_even/0", "p_odd"], table.Header);
        Assert.InRange(table.Columns[1].Where((l, c) => l == (c % 2 == 0 ? "even/0" : "odd")).Count(), 48, 50);
        Assert.Equal(50, annotated.LastLine()["labels"]!.AsObject().Sum(l => (int)l.Value!));

        Assert.Equal(0, Annotate("classifier", "new.h5ad", "strict.csv", "--threshold", "1").ExitCode);
        Assert.Contains("unknown", TextTable.Read(_folder["strict.csv"]).Columns[1]);
    }

    [Fact]
    public void An_encoder_is_fine_tuned_and_threads_change_nothing()
    {
        var pretrained = CommandLine.Run(["scrobust", "pretrain", "--cells", _folder["cells.h5ad"], .. s_scratch, "--genes-per-view", "15", "--batch", "16", "--epochs", "2", "--lr", "1e-3", "--out", _folder["encoder"]]);
        Assert.True(pretrained.ExitCode == 0, pretrained.Error);
        foreach (string threads in new[] { "1", "3" })
        {
            var trained = Train("threads" + threads, "--encoder", _folder["encoder"], "--threads", threads);
            Assert.True(trained.ExitCode == 0, trained.Error);
            Assert.Equal(0, Annotate("threads" + threads, "new.h5ad", threads + ".h5ad", "--threads", threads).ExitCode);
        }
        foreach (string file in new[] { "classifier.json", "classifier.safetensors", "encoder.safetensors", "history.csv" })
            Assert.Equal(File.ReadAllBytes(_folder["threads1/" + file]), File.ReadAllBytes(_folder["threads3/" + file]));
        Assert.Equal(File.ReadAllBytes(_folder["1.h5ad"]), File.ReadAllBytes(_folder["3.h5ad"]));
        var data = H5adFile.Read(_folder["1.h5ad"]);
        Assert.Equal(50, data.Obs["scrobust_label"].Length);
        Assert.Equal(2, ((DenseMatrix)data.Obsm["scrobust_probabilities"]).Columns);
        Assert.Equal(2, Train("wrong", "--encoder", _folder["encoder"], "--hidden", "64").ExitCode);
    }

    [Fact]
    public void Genes_are_matched_by_name_in_any_order_and_missing_ones_are_reported()
    {
        Assert.Equal(0, Train("classifier", s_scratch).ExitCode);
        AnnotatedData whole = H5adFile.Read(_folder["new.h5ad"]);
        H5adFile.Write(_folder["turned.h5ad"], whole.SelectVariables([.. Enumerable.Range(0, 60).Reverse()]));
        H5adFile.Write(_folder["fewer.h5ad"], whole.SelectVariables([.. Enumerable.Range(0, 40)]));
        Assert.Equal(0, Annotate("classifier", "new.h5ad", "a.csv").ExitCode);
        Assert.Equal(0, Annotate("classifier", "turned.h5ad", "b.csv").ExitCode);
        Assert.Equal(File.ReadAllText(_folder["a.csv"]), File.ReadAllText(_folder["b.csv"]));
        var fewer = Annotate("classifier", "fewer.h5ad", "c.csv");
        Assert.Equal(0, fewer.ExitCode);
        Assert.Contains("40 of the 60 genes", fewer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Marker_lists_give_labels_and_coverage()
    {
        Assert.Equal(0, Train("classifier", s_scratch).ExitCode);
        File.WriteAllText(_folder["markers.gmt"], "even\t\tGENE10\tGENE12\tGENE14\tABSENT\nforeign\t\tX1\n");
        var result = Annotate("classifier", "new.h5ad", "markers.h5ad", "--markers", _folder["markers.gmt"], "--json");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("even: 3 of 4 genes are known", result.Error, StringComparison.Ordinal);
        Assert.Contains("foreign: 0 of 1 genes", result.Error, StringComparison.Ordinal);
        Assert.Equal(3, (int)result.LastLine()["coverage"]![0]!["known"]!);
        Assert.All(H5adFile.Read(_folder["markers.h5ad"]).Obs["scrobust_marker_label"].ToText(), l => Assert.Contains(l, new[] { "even", "no match" }));
        Assert.Equal(2, Annotate("classifier", "new.h5ad", "x.csv", "--markers", _folder["markers.gmt"], "--threshold", "0.5").ExitCode);
    }

    [Fact]
    public void Evaluate_leaves_scores_of_model_and_baselines()
    {
        var result = Evaluate("evaluation", "--dropout", "0.5,0.9", "--json");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(["cells.csv", "classes.csv", "confusion.csv", "curves.csv", "history.csv", "metrics.json", "report.html", "run.log", "scores.csv"], Directory.EnumerateFiles(_folder["evaluation"]).Select(f => Path.GetFileName(f)!).Where(f => f[0] != '.').Order(StringComparer.Ordinal));
        Documentation.NamesAllOf(_folder["evaluation"]);
        TextTable scores = TextTable.Read(_folder["evaluation/scores.csv"]);
        Assert.Equal(6 * 3 * 2, scores.Rows);
        Assert.Equal(["k nearest neighbours", "logistic regression", "logistic regression with dropout", "naive Bayes", "nearest centroid", "scrobust"], scores.Require("method").Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(["0", "0.5", "0.9"], scores.Require("dropout").Distinct().Order(StringComparer.Ordinal));
        TextTable confusion = TextTable.Read(_folder["evaluation/confusion.csv"]);
        Assert.Equal(18 * 70, confusion.Require("cells").Sum(c => int.Parse(c, System.Globalization.CultureInfo.InvariantCulture)));
        var methods = JsonNode.Parse(File.ReadAllText(_folder["evaluation/metrics.json"]))!["methods"]!.AsArray();
        double Clean(string method) => (double)methods.First(m => (string)m!["method"]! == method && (double)m["dropout"]! == 0)!["macro_f1"]!;
        // Nothing beats a baseline that is always right, and this is said.
        Assert.Equal(1, Clean("logistic regression"), 2);
        Assert.Contains("is at least as good as the model", result.Error, StringComparison.Ordinal);
        Assert.Equal(18, result.LastLine()["methods"]!.AsArray().Count);

        // Every cell was tested once, and what was said of it is what the confusion counts.
        TextTable cells = TextTable.Read(_folder["evaluation/cells.csv"]), history = TextTable.Read(_folder["evaluation/history.csv"]);
        Assert.Equal(["cell", "true", "called", "confidence", "fold", "right", "pca_umap1", "pca_umap2", "fold1_umap1", "fold1_umap2"], cells.Header);
        Assert.Equal(70, cells.Require("cell").Distinct().Count());
        Assert.Equal(["1", "2"], cells.Require("fold").Distinct().Order(StringComparer.Ordinal));
        Assert.All(cells.Require("fold").Zip(cells.Require("fold1_umap1")), c => Assert.Equal(c.First == "1", c.Second.Length > 0));
        Assert.All(cells.Require("confidence"), c => Assert.InRange(double.Parse(c, System.Globalization.CultureInfo.InvariantCulture), 0.5, 1));
        Assert.Equal(Enumerable.Range(0, 70).Count(r => cells.Require("true")[r] == cells.Require("called")[r]),
            Enumerable.Range(0, confusion.Rows).Where(r => confusion.Require("method")[r] == "scrobust" && confusion.Require("dropout")[r] == "0" && confusion.Require("true")[r] == confusion.Require("called")[r])
                .Sum(r => int.Parse(confusion.Require("cells")[r], System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal(["repeat", "fold", "epoch", "training_loss", "validation_macro_f1"], history.Header);

        TextTable classes = TextTable.Read(_folder["evaluation/classes.csv"]), curves = TextTable.Read(_folder["evaluation/curves.csv"]);
        Assert.Equal(["method", "dropout", "class", "cells", "precision", "recall", "f1"], classes.Header);
        Assert.Equal(["method", "dropout", "macro_f1", "macro_f1_sd", "kept", "weighted_f1", "accuracy", "auc"], curves.Header);
        Assert.Equal(18, curves.Rows);
        Assert.Equal(18 * 70, classes.Require("cells").Sum(c => int.Parse(c, System.Globalization.CultureInfo.InvariantCulture)));
        foreach (var (method, row) in curves.Require("method").Select((m, r) => (m, r)))
        {
            double Number(string column) => double.Parse(curves.Require(column)[row], System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal(Number("macro_f1") / Clean(method), Number("kept"), 12);
        }
    }

    [Fact]
    public void Evaluate_tests_on_another_file_whose_genes_have_another_order_and_another_case()
    {
        AnnotatedData other = H5adFile.Read(_folder["new.h5ad"]);
        string[] names = [.. other.Var.Index.Select(g => "Gene" + g[4..])];
        var renamed = new AnnotatedData(other.Obs, new DataFrame(names), other.X).SelectVariables([.. Enumerable.Range(5, 55).Reverse()]);
        H5adFile.Write(_folder["mouse.h5ad"], renamed);
        string[] call = ["scrobust", "evaluate", "--cells", _folder["cells.h5ad"], "--test", _folder["mouse.h5ad"], "--label", "kind", .. s_scratch, .. s_short];
        var result = CommandLine.Run([.. call, "--uppercase", "--dropout", "0.5", "--out", _folder["across"]]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("55 of the 60 genes", result.Error, StringComparison.Ordinal);
        TextTable scores = TextTable.Read(_folder["across/scores.csv"]);
        Assert.Equal(12, scores.Rows);
        for (int r = 0; r < 12; r++)
            if (scores.Require("dropout")[r] == "0") Assert.InRange(double.Parse(scores.Require("accuracy")[r], System.Globalization.CultureInfo.InvariantCulture), 0.9, 1);
        var apart = CommandLine.Run([.. call, "--out", _folder["apart"]]);
        Assert.Equal(3, apart.ExitCode);
        Assert.Contains("--uppercase", apart.ErrorSentence(), StringComparison.Ordinal);
        Assert.Equal(2, CommandLine.Run([.. call, "--folds", "3", "--out", _folder["apart"]]).ExitCode);
    }

    /// <summary>Killed when the first fold is done.</summary>
    [Fact]
    public void Evaluate_that_was_killed_and_is_resumed_leaves_the_same_bytes()
    {
        string[] call = ["scrobust", "evaluate", "--cells", _folder["cells.h5ad"], "--label", "kind", "--dropout", "0.8", .. s_scratch, "--epochs", "6", "--lr", "1e-3", "--folds", "10"];
        var whole = CommandLine.Run([.. call, "--out", _folder["whole"]]);
        Assert.True(whole.ExitCode == 0, whole.Error);
        using (var killed = CommandLineProcess.StartAndHold("fold 2 of 10", [.. call, "--out", _folder["killed"]]))
        {
            killed.Signal("KILL");
            killed.WaitForExit();
        }
        Assert.Equal(2, CommandLine.Run([.. call, "--train-dropout", "0.5", "--resume", "--out", _folder["killed"]]).ExitCode);
        var resumed = CommandLine.Run([.. call, "--resume", "--threads", "1", "--out", _folder["killed"]]);
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Contains("already done", resumed.Error, StringComparison.Ordinal);
        foreach (string file in new[] { "scores.csv", "curves.csv", "classes.csv", "confusion.csv", "metrics.json" })
            Assert.Equal(File.ReadAllBytes(_folder["whole/" + file]), File.ReadAllBytes(_folder["killed/" + file]));
        Assert.Contains("nothing to resume", CommandLine.Run([.. call, "--resume", "--out", _folder["killed"]]).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_that_was_killed_and_is_resumed_leaves_the_same_bytes()
    {
        string[] call = ["scrobust", "train", "--cells", _folder["cells.h5ad"], "--label", "kind", .. s_scratch, "--epochs", "40", "--checkpoint-every", "0"];
        var whole = CommandLine.Run([.. call, "--out", _folder["whole"]]);
        Assert.True(whole.ExitCode == 0, whole.Error);
        using (var killed = CommandLineProcess.StartAndHold("epoch 12 step 2.", [.. call, "--out", _folder["killed"]]))
        {
            killed.Signal("KILL");
            killed.WaitForExit();
        }
        Assert.False(File.Exists(_folder["killed/classifier.json"]));
        var resumed = CommandLine.Run([.. call, "--resume", "--threads", "1", "--out", _folder["killed"]]);
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Contains("resuming after epoch 12", resumed.Error, StringComparison.Ordinal);
        foreach (string file in new[] { "classifier.json", "classifier.safetensors", "encoder.json", "encoder.safetensors", "history.csv" })
            Assert.Equal(File.ReadAllBytes(_folder["whole/" + file]), File.ReadAllBytes(_folder["killed/" + file]));
    }

    [Theory]
    [InlineData("robust")]
    [InlineData("published")]
    public void Embed_takes_the_folder_that_train_made(string protocol)
    {
        Assert.Equal(0, Train("classifier", [.. s_scratch, "--protocol", protocol]).ExitCode);
        var embedded = CommandLine.Run("scrobust", "embed", "--model", _folder["classifier"], "--cells", _folder["new.h5ad"], "--genes", "40", "--out", _folder["embedded.h5ad"]);
        Assert.True(embedded.ExitCode == 0, embedded.Error);
        var vectors = (DenseMatrix)H5adFile.Read(_folder["embedded.h5ad"]).Obsm["X_scrobust"];
        Assert.Equal((50, 32), (vectors.Rows, vectors.Columns));
        // The vectors of a fine-tuned encoder stand for the classes: most cells are nearest to the mean of their own.
        float[] v = vectors.ToSingle();
        double[][] centre = [.. Enumerable.Range(0, 2).Select(k => Enumerable.Range(0, 32).Select(j => Enumerable.Range(0, 50).Where(c => c % 2 == k).Average(c => (double)v[c * 32 + j])).ToArray())];
        int right = Enumerable.Range(0, 50).Count(c => Distance(c, c % 2) < Distance(c, 1 - c % 2));
        Assert.InRange(right, 45, 50);
        double Distance(int cell, int of) => Enumerable.Range(0, 32).Sum(j => Math.Pow(v[cell * 32 + j] - centre[of][j], 2));
    }

    [Theory]
    [InlineData("--train-dropout", "1")]
    [InlineData("--balance", "-1")]
    [InlineData("--protocol", "other")]
    [InlineData("--early-stop", "3")]
    public void Train_refuses_options_that_make_no_sense(params string[] options) => Assert.Equal(2, Train("x", [.. s_scratch, .. options]).ExitCode);

    [Theory]
    [InlineData("--dropout", "0.5,1")]
    [InlineData("--dropout", "a")]
    [InlineData("--min-cells", "4", "--folds", "5")]
    [InlineData("--heads", "5")]
    public void Evaluate_refuses_options_that_make_no_sense(params string[] options) => Assert.Equal(2, Evaluate("evaluation", options).ExitCode);

    [Fact]
    public void Wrong_columns_folders_and_endings_are_said()
    {
        var column = CommandLine.Run(["scrobust", "train", "--cells", _folder["cells.h5ad"], "--label", "nothing", .. s_scratch, .. s_short, "--out", _folder["x"]]);
        Assert.Equal(3, column.ExitCode);
        Assert.Contains("'nothing'", column.ErrorSentence(), StringComparison.Ordinal);
        var folder = Annotate("absent", "new.h5ad", "x.csv");
        Assert.Equal(3, folder.ExitCode);
        Assert.Contains("holds no classifier", folder.ErrorSentence(), StringComparison.Ordinal);
        Assert.Equal(2, Annotate("absent", "new.h5ad", "x.docx").ExitCode);
    }

    private ProcessResult Train(string folder, params string[] more) =>
        CommandLine.Run(["scrobust", "train", "--cells", _folder["cells.h5ad"], "--label", "kind", .. s_short, .. more, "--out", _folder[folder]]);

    private ProcessResult Evaluate(string folder, params string[] more)
    {
        string[] size = ["--hidden", "32", .. more.Contains("--heads") ? [] : (string[])["--heads", "4"], .. more.Contains("--folds") ? [] : (string[])["--folds", "2"]];
        return CommandLine.Run(["scrobust", "evaluate", "--cells", _folder["cells.h5ad"], "--label", "kind", .. s_short, .. size, .. more, "--out", _folder[folder]]);
    }

    private ProcessResult Annotate(string folder, string cells, string file, params string[] more) =>
        CommandLine.Run(["scrobust", "annotate", "--model", _folder[folder], "--cells", _folder[cells], .. more, "--out", _folder[file]]);

    private static AnnotatedData Cells(int count, int seed)
    {
        const int Genes = 60;
        var random = new RandomStream(RandomKey.From(seed, "cells"));
        var counts = new float[count * Genes];
        for (int c = 0; c < count; c++)
            for (int g = 0; g < Genes; g++)
                counts[c * Genes + g] = random.NextPoisson(g < 10 || g % 2 == c % 2 ? 1 + g % 5 : 0.05) + (c == 0 ? 1 : 0);
        var data = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, count).Select(i => "cell" + i)]), new DataFrame([.. Enumerable.Range(0, Genes).Select(i => "GENE" + i)]),
            SparseMatrix.FromDense(count, Genes, counts));
        data.Obs["kind"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, count).Select(i => i % 2 == 0 ? "even/0" : "odd")]);
        return data;
    }
}
