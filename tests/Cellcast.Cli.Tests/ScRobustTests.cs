using System.Text.Json.Nodes;
using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast scrobust pretrain</c> and <c>embed</c> as users type them.</summary>
public sealed class ScRobustTests : IDisposable
{
    private static readonly string[] s_small = ["--hidden", "32", "--heads", "4", "--genes-per-view", "15", "--batch", "16", "--epochs", "5", "--lr", "1e-3", "--seed", "3"];
    private readonly TemporaryDirectory _folder = new();

    public ScRobustTests() => H5adFile.Write(_folder["cells.h5ad"], Cells(70, 60));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Pretrain_leaves_the_encoder_its_history_and_its_metrics()
    {
        var result = Pretrain("encoder", "--json");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(["encoder.json", "encoder.safetensors", "history.csv", "metrics.json", "run.log"],
            Directory.EnumerateFiles(_folder["encoder"]).Select(f => Path.GetFileName(f)!).Where(f => f[0] != '.').Order(StringComparer.Ordinal));
        Documentation.NamesAllOf(_folder["encoder"]);
        Assert.Equal("cells.h5ad", (string)JsonNode.Parse(File.ReadAllText(_folder["encoder/metrics.json"]))!["inputs"]![0]!["name"]!);
        Assert.Equal(6, File.ReadAllLines(_folder["encoder/history.csv"]).Length);
        var metrics = JsonNode.Parse(File.ReadAllText(_folder["encoder/metrics.json"]))!;
        Assert.Equal(70, (int)metrics["dimensions"]!["cells"]!);
        Assert.Equal((double)metrics["best"]!["validation_contrastive"]!, (double)result.LastLine()["best"]!["validation_contrastive"]!);
        Assert.Contains("raw counts", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Vectors_are_mapped_as_pretrain_learned_to_unless_asked_otherwise()
    {
        Assert.Equal(0, Pretrain("encoder").ExitCode);
        Assert.Equal(0, Pretrain("plain", "--map", "false").ExitCode);
        Assert.True((bool)JsonNode.Parse(File.ReadAllText(_folder["encoder/metrics.json"]))!["mapped"]!);
        Assert.False((bool)JsonNode.Parse(File.ReadAllText(_folder["plain/metrics.json"]))!["mapped"]!);
        Assert.Equal(0, Embed("encoder", "mapped.h5ad").ExitCode);
        Assert.Equal(0, Embed("encoder", "network.h5ad", "--map", "false").ExitCode);
        Assert.Equal(0, Embed("plain", "plain.h5ad").ExitCode);
        Assert.NotEqual(Vectors("mapped.h5ad"), Vectors("network.h5ad"));
        Assert.Equal(Vectors("plain.h5ad"), Vectors("network.h5ad"));

        float[] Vectors(string file) => ((DenseMatrix)H5adFile.Read(_folder[file]).Obsm["X_scrobust"]).ToSingle();
    }

    [Theory]
    [InlineData("1")]
    [InlineData("2")]
    public void Same_seed_and_any_number_of_threads_give_the_same_bytes(string layers)
    {
        Assert.Equal(0, Pretrain("one", "--threads", "1", "--layers", layers).ExitCode);
        Assert.Equal(0, Pretrain("three", "--threads", "3", "--layers", layers).ExitCode);
        Assert.Equal(0, Embed("one", "one.h5ad", "--threads", "1").ExitCode);
        Assert.Equal(0, Embed("one", "three.h5ad", "--threads", "3").ExitCode);
        AssertSameResults("one", "three");
        Assert.Equal(File.ReadAllBytes(_folder["one.h5ad"]), File.ReadAllBytes(_folder["three.h5ad"]));
    }

    [Fact]
    public void Killed_and_resumed_it_gives_the_same_bytes()
    {
        string[] longer = [.. s_small, "--epochs", "20", "--early-stop", "20"];
        longer = ["scrobust", "pretrain", "--cells", _folder["cells.h5ad"], .. longer.Where((_, i) => i is not (8 or 9)), "--checkpoint-every", "0"];
        Assert.Equal(0, CommandLine.Run([.. longer, "--out", _folder["whole"]]).ExitCode);
        using (var killed = CommandLineProcess.StartAndHold("epoch 7 step 2.", [.. longer, "--out", _folder["killed"]]))
        {
            killed.Signal("KILL");
            killed.WaitForExit();
        }
        Assert.False(File.Exists(_folder["killed/encoder.safetensors"]));
        var resumed = CommandLine.Run([.. longer, "--out", _folder["killed"], "--resume"]);
        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.Contains("resuming after epoch 7", resumed.Error, StringComparison.Ordinal);
        AssertSameResults("whole", "killed");
    }

    [Fact]
    public void Resume_with_other_options_is_wrong_usage()
    {
        Assert.Equal(0, Pretrain("encoder").ExitCode);
        Assert.Equal(2, Pretrain("encoder", "--resume", "--layers", "2").ExitCode);
    }

    [ToolFact("anndata")]
    public void The_fields_own_reader_finds_the_vectors_and_everything_else_as_it_was()
    {
        Assert.Equal(0, Pretrain("encoder").ExitCode);
        Assert.Equal(0, Embed("encoder", "embedded.h5ad", "--genes", "20").ExitCode);
        var python = ExternalTool.RunPython("""
            import sys, anndata, numpy
            a, b = anndata.read_h5ad(sys.argv[1]), anndata.read_h5ad(sys.argv[2])
            v = b.obsm["X_scrobust"]
            assert v.shape == (70, 32) and v.dtype == numpy.float32 and numpy.isfinite(v).all()
            assert (a.X != b.X).nnz == 0 and list(a.obs["kind"]) == list(b.obs["kind"])
            kind = numpy.array(b.obs["kind"]) == "even"
            centre = [v[kind].mean(0), v[~kind].mean(0)]
            near = ((v - centre[0]) ** 2).sum(1) < ((v - centre[1]) ** 2).sum(1)
            assert (near == kind).mean() > 0.9, (near == kind).mean()
            """, _folder["cells.h5ad"], _folder["embedded.h5ad"]);
        Assert.True(python.ExitCode == 0, python.Error);
    }

    [Theory]
    [InlineData("mean", "masked", "hvg")]
    [InlineData("sum", "published", "random")]
    [InlineData("max", "published", "hug")]
    public void Every_pooling_padding_and_order_is_taken(string pooling, string padding, string order)
    {
        Assert.Equal(0, Pretrain("encoder").ExitCode);
        var result = Embed("encoder", "embedded.h5ad", "--pooling", pooling, "--padding", padding, "--order", order, "--genes", "25", "--umap");
        Assert.True(result.ExitCode == 0, result.Error);
        AnnotatedData embedded = H5adFile.Read(_folder["embedded.h5ad"]);
        var vectors = (DenseMatrix)embedded.Obsm["X_scrobust"];
        Assert.Equal(2, ((DenseMatrix)embedded.Obsm["X_umap"]).Columns);
        Assert.All(vectors.ToSingle(), v => Assert.True(float.IsFinite(v)));
    }

    [Fact]
    public void Several_files_are_combined_by_gene_name()
    {
        H5adFile.Write(_folder["more.h5ad"], Cells(40, 60, upperCase: false));
        var result = CommandLine.Run(["scrobust", "pretrain", "--cells", _folder["cells.h5ad"], _folder["more.h5ad"], "--uppercase", .. s_small, "--out", _folder["encoder"]]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("110 cells, 60 genes of 2 files", result.Error, StringComparison.Ordinal);
        var apart = CommandLine.Run(["scrobust", "pretrain", "--cells", _folder["cells.h5ad"], _folder["more.h5ad"], .. s_small, "--out", _folder["apart"]]);
        Assert.Equal(3, apart.ExitCode);
        Assert.Contains("--uppercase", apart.ErrorSentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void Cells_that_share_no_gene_with_the_encoder_are_refused()
    {
        Assert.Equal(0, Pretrain("encoder").ExitCode);
        H5adFile.Write(_folder["other.h5ad"], Cells(40, 60, upperCase: false));
        var result = CommandLine.Run("scrobust", "embed", "--model", _folder["encoder"], "--cells", _folder["other.h5ad"], "--out", _folder["x.h5ad"]);
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("no gene of the model's vocabulary", result.ErrorSentence(), StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["x.h5ad"]));
    }

    [Fact]
    public void A_folder_without_an_encoder_and_heads_that_do_not_divide_are_said()
    {
        var result = Embed("nothing", "x.h5ad");
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("holds no encoder", result.ErrorSentence(), StringComparison.Ordinal);
        var heads = Pretrain("encoder", "--heads", "5");
        Assert.Equal(2, heads.ExitCode);
    }

    [Theory]
    [InlineData("pretrain", "--values", "counts", "--values takes one of relative, logged, presence, not 'counts'")]
    [InlineData("embed", "--pooling", "median", "--pooling takes one of cls, sum, mean, max, not 'median'")]
    [InlineData("train", "--order", "first", "--order takes one of hug, hvg, random, not 'first'")]
    [InlineData("evaluate", "--evidence", "maybe", "--evidence takes one of true, false, not 'maybe'")]
    [InlineData("evaluate", "--dropout", "80", "--dropout takes numbers above 0 and below 1 with commas between them, such as 0.5,0.8, not '80'")]
    public void A_word_that_an_option_does_not_know_is_said_with_those_that_it_knows(string command, string option, string value, string expected)
    {
        string[] required = command switch { "embed" => ["--model", _folder["encoder"]], "train" or "evaluate" => ["--label", "kind"], _ => [] };
        var result = CommandLine.Run(["scrobust", command, "--cells", _folder["cells.h5ad"], .. required, option, value, "--out", _folder["out"]]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(expected, result.ErrorSentence(), StringComparison.Ordinal);
    }

    [Fact]
    public void Vectors_are_written_to_h5ad_only()
    {
        Assert.Equal(0, Pretrain("encoder").ExitCode);
        var result = Embed("encoder", "vectors.csv");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("name the output .h5ad", result.ErrorSentence(), StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["vectors.csv"]));
    }

    private ProcessResult Pretrain(string folder, params string[] more)
    {
        // Options given again replace the small ones.
        var options = new List<string>();
        for (int i = 0; i < s_small.Length; i += 2)
            if (!more.Contains(s_small[i])) options.AddRange([s_small[i], s_small[i + 1]]);
        return CommandLine.Run(["scrobust", "pretrain", "--cells", _folder["cells.h5ad"], .. options, .. more, "--out", _folder[folder]]);
    }

    private ProcessResult Embed(string folder, string file, params string[] more) =>
        CommandLine.Run(["scrobust", "embed", "--model", _folder[folder], "--cells", _folder["cells.h5ad"], .. more, "--out", _folder[file]]);

    private void AssertSameResults(string a, string b)
    {
        foreach (string file in new[] { "encoder.safetensors", "encoder.json", "history.csv" })
            Assert.Equal(File.ReadAllBytes(_folder[$"{a}/{file}"]), File.ReadAllBytes(_folder[$"{b}/{file}"]));
    }

    private static AnnotatedData Cells(int count, int genes, bool upperCase = true)
    {
        var random = new RandomStream(RandomKey.From(8, "cells"));
        var counts = new float[count * genes];
        for (int c = 0; c < count; c++)
            for (int g = 0; g < genes; g++)
                counts[c * genes + g] = random.NextPoisson(g < 10 || g % 2 == c % 2 ? 1 + g % 5 : 0.05) + (c == 0 ? 1 : 0);
        var data = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, count).Select(i => "cell" + i)]), new DataFrame([.. Enumerable.Range(0, genes).Select(i => (upperCase ? "GENE" : "Gene") + i)]),
            SparseMatrix.FromDense(count, genes, counts));
        data.Obs["kind"] = CategoricalColumn.FromLabels([.. Enumerable.Range(0, count).Select(i => i % 2 == 0 ? "even" : "odd")]);
        return data;
    }
}
