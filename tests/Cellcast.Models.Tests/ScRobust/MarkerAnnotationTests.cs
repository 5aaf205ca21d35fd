using Cellcast.AnnData;
using Cellcast.AnnData.Tables;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>Marker lists: every dress of the file, the published score, and cells that match nothing.</summary>
public sealed class MarkerAnnotationTests : IDisposable
{
    private readonly CpuDevice _device = new(2);
    private readonly TemporaryDirectory _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("m.gmt", "B\tdescription\tCD19\tMS4A1\tCD19\nT\t\tCD3E\n")]
    [InlineData("m.csv", "kind,gene\nB,CD19\nT,CD3E\nB,MS4A1\nB,CD19\n")]
    [InlineData("m.tsv", "kind\tgene\nB\tCD19\nT\tCD3E\nB\tMS4A1\n")]
    [InlineData("m.json", """{"B": ["CD19", "MS4A1"], "T": ["CD3E"]}""")]
    public void Every_dress_of_a_list_reads_the_same(string file, string text)
    {
        File.WriteAllText(_folder[file], text);
        var lists = GeneSet.Read(_folder[file]);
        Assert.Equal(["B", "T"], lists.Select(l => l.Name));
        Assert.Equal(["CD19", "MS4A1"], lists[0].Genes);
        Assert.Equal(["CD3E"], lists[1].Genes);
    }

    [Theory]
    [InlineData("m.gmt", "B\tCD19\n", "line 1")]
    [InlineData("m.gmt", "", "no marker list")]
    [InlineData("m.gmt", "B\tx\t\n", "'B' has no genes")]
    [InlineData("m.csv", "kind,gene\nB,\n", "row 1")]
    [InlineData("m.csv", "kind\nB\n", "one column")]
    [InlineData("m.json", "[1]", "no JSON object")]
    [InlineData("m.json", "{\"B\": []}", "'B' has no genes")]
    [InlineData("m.json", "{\"B\": null}", "no JSON object")]
    public void What_is_no_list_is_refused(string file, string text, string because)
    {
        File.WriteAllText(_folder[file], text);
        string message = Assert.Throws<InputException>(() => GeneSet.Read(_folder[file])).Message;
        Assert.Contains(because, message, StringComparison.Ordinal);
        Assert.Contains(file, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Padding.Masked)]
    [InlineData(Padding.Published)]
    public void Scores_are_those_of_vectors_made_one_by_one(Padding padding)
    {
        var cells = PretrainingTests.Cells(30);
        var model = Model(cells, padding);
        var list = new GeneSet("even", ["gene10", "gene12", "gene31", "gene33", "nothing"]);
        int[] ids = [.. list.Genes.Select(cells.Vocabulary.IdOf).Where(i => i >= 0)];
        var found = MarkerAnnotation.Score(_device, model, cells, [list], NoProgress.Instance);
        Assert.Equal(new MarkerCoverage("even", 5, 4, 4), found.Coverage[0]);

        double[] v = Vector(ids, [1, 1, 1, 1]), empty = Vector([], []);
        double norm = Dot(v, v), ofNothing = Dot(empty, v) / norm;
        for (int c = 0; c < cells.Count; c++)
        {
            int[] own = [.. cells.GenesOf(c).ToArray().Where(ids.Contains)];
            float[] values = [.. own.Select(g => cells.ValuesOf(c)[cells.GenesOf(c).IndexOf(g)])];
            if (own.Length == 0)
            {
                Assert.True(float.IsNaN(found.Scores[c]));
                Assert.Equal(MarkerAnnotation.NoMatch, found.Labels[c]);
                continue;
            }
            double score = Dot(Vector(own, values), v) / norm;
            Assert.Equal(score, found.Scores[c], 4);
            Assert.Equal(score > ofNothing ? "even" : MarkerAnnotation.NoMatch, found.Labels[c]);
        }

        double[] Vector(int[] genes, float[] values)
        {
            var batch = new TokenBatch();
            int padded = padding == Padding.Published ? ids.Length - genes.Length : 0;
            batch.Append([GeneVocabulary.CellToken, .. genes, .. Enumerable.Repeat(GeneVocabulary.Mask, padded)], [GeneVocabulary.CellTokenValue, .. values, .. new float[padded]]);
            return [.. model.Encoder.CellTokens(new Tape(_device, recordGradients: false), batch).ToArray().Select(x => (double)x)];
        }
    }

    [Fact]
    public void Lists_without_a_known_gene_are_left_unused_and_none_that_has_one_is_refused()
    {
        var cells = PretrainingTests.Cells(30);
        var model = Model(cells, Padding.Masked);
        var foreign = new GeneSet("foreign", ["X1", "X2"]);
        var found = MarkerAnnotation.Score(_device, model, cells, [foreign, new GeneSet("all", ["gene1"])], NoProgress.Instance);
        Assert.Equal(0, found.Coverage[0].Known);
        Assert.DoesNotContain("foreign", found.Labels);
        for (int c = 0; c < 30; c++) Assert.True(float.IsNaN(found.Scores[2 * c]));
        Assert.Contains("knows no gene", Assert.Throws<InputException>(() => MarkerAnnotation.Score(_device, model, cells, [foreign], NoProgress.Instance)).Message, StringComparison.Ordinal);
    }

    private static ScRobustModel Model(CellSet cells, Padding padding)
    {
        var fresh = FineTuning.Fresh(cells.Vocabulary, new CellPreprocessing(), new EncoderSize { Vocabulary = cells.Vocabulary.Count, Hidden = 32, Heads = 4 }, 1);
        return new ScRobustModel(fresh.Encoder, fresh.Vocabulary, fresh.Preprocessing, padding, null);
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();
}
