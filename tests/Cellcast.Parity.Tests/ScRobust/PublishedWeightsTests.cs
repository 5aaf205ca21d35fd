using Cellcast.AnnData;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.TestSupport;

namespace Cellcast.Parity.Tests.ScRobust;

/// <summary>Encoders that PyTorch saved are taken over exactly and compute what they computed there; what does not belong together is refused.</summary>
public sealed class PublishedWeightsTests : IDisposable
{
    private const int Heads = 4;
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("torch_encoder.pt")]
    [InlineData("torch_encoder_legacy.pt")]
    public void Imported_weights_are_the_same_bits_and_give_the_published_cell_vectors(string file)
    {
        var model = Import(file);
        var oracle = new OracleFile(TestPaths.Fixture("scrobust", "torch_encoder_expected.safetensors"));
        Assert.Equal(2, model.Encoder.Size.Layers);
        Assert.Equal(Padding.Published, model.Padding);
        Assert.Equal(model.Encoder.Size.Vocabulary, model.Vocabulary.Count);
        foreach (var (name, value) in model.Encoder.ExportState()) Assert.Equal(oracle.Single("weights/" + name), value.ToArray());

        var tokens = new TokenBatch();
        int length = oracle.Shape("genes")[1];
        int[] genes = [.. oracle["genes"].Select(v => (int)v)];
        for (int s = 0; s < oracle.Shape("genes")[0]; s++) tokens.Append(genes.AsSpan(s * length, length), oracle.Single("scales").AsSpan(s * length, length));
        using var device = new CpuDevice(2);
        Tensor vectors = model.Encoder.CellTokens(new Tape(device, recordGradients: false), tokens);
        Assert.InRange(Deviation.Relative(vectors.Span, oracle["cls"]), 0, 1e-5);
    }

    [Fact]
    public void Exported_weights_and_vocabulary_come_back_as_they_were()
    {
        var model = Import("torch_encoder.pt");
        PublishedWeights.WriteWeights(model, _folder["weights.safetensors"]);
        PublishedWeights.WriteVocabulary(model.Vocabulary, _folder["vocabulary.csv"]);
        var back = PublishedWeights.Read(_folder["weights.safetensors"], _folder["vocabulary.csv"], Heads, NoProgress.Instance);
        Assert.Equal(model.Vocabulary.Genes, back.Vocabulary.Genes);
        foreach (var (name, value) in model.Encoder.ExportState()) Assert.Equal(value.ToArray(), back.Encoder.ExportState()[name].ToArray());
    }

    [Fact]
    public void An_encoder_within_a_model_with_heads_is_found()
    {
        var model = Import("torch_encoder.pt");
        var writer = new Tensors.Io.SafetensorsWriter().AddAll(model.Encoder.ExportState(), "module.encoder.").Add("module.cl_fc.fc.0.bias", new float[32], 32);
        AtomicFile.Write(_folder["model.safetensors"], writer.Write);
        var found = PublishedWeights.Read(_folder["model.safetensors"], Vocabulary, Heads, NoProgress.Instance);
        foreach (var (name, value) in model.Encoder.ExportState()) Assert.Equal(value.ToArray(), found.Encoder.ExportState()[name].ToArray());
    }

    [Fact]
    public void Rows_of_the_vocabulary_may_come_in_any_order()
    {
        string[] lines = File.ReadAllLines(Vocabulary);
        File.WriteAllLines(_folder["vocab.csv"], [lines[0], .. lines.Skip(1).Reverse()]);
        var model = PublishedWeights.Read(TestPaths.Fixture("scrobust", "torch_encoder.pt"), _folder["vocab.csv"], Heads, NoProgress.Instance);
        Assert.Equal(Import("torch_encoder.pt").Vocabulary.Genes, model.Vocabulary.Genes);
    }

    [Fact]
    public void A_vocabulary_that_does_not_fit_is_refused()
    {
        string text = File.ReadAllText(Vocabulary);
        string[] lines = File.ReadAllLines(Vocabulary);
        Refused(string.Join('\n', lines[..^1]), "give the vocabulary that these weights were trained with");
        Refused(text.Replace("ID,", "number,", StringComparison.Ordinal), "no column 'ID'");
        Refused(text.Replace("5,GENE0", "6,GENE0", StringComparison.Ordinal), "is there twice");
        Refused(text.Replace("5,GENE0", "5,GENE1", StringComparison.Ordinal), "'GENE1' is in the vocabulary twice");
        Refused(text.Replace("5,GENE0", "500,GENE0", StringComparison.Ordinal), "'500'");
        Refused(text.Replace("4,MASK", "4,GENE77", StringComparison.Ordinal), "special token MASK");

        void Refused(string vocabulary, string because)
        {
            File.WriteAllText(_folder["wrong.csv"], vocabulary);
            var e = Assert.Throws<InputException>(() => PublishedWeights.Read(TestPaths.Fixture("scrobust", "torch_encoder.pt"), _folder["wrong.csv"], Heads, NoProgress.Instance));
            Assert.Contains(because, e.Message, StringComparison.Ordinal);
            Assert.Contains("wrong.csv", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Weights_of_another_architecture_and_incomplete_ones_are_refused()
    {
        var state = Import("torch_encoder.pt").Encoder.ExportState();
        Refused(s => s.Remove("embedding.embedding.weight"), "no tensor 'embedding.embedding.weight'");
        Refused(s => s.Remove("transformer_blocks.1.feed_forward.w_1.bias"), "lack 'transformer_blocks.1.feed_forward.w_1.bias'");
        Refused(s => s["embedding.position.weight"] = Tensor.Zeros(4, 32), "another architecture");
        Refused(s => s["transformer_blocks.0.feed_forward.w_1.bias"] = Tensor.Zeros(64), "shape");
        Refused(s => s["transformer_blocks.0.feed_forward.w_1.bias"] = Tensor.From([.. Enumerable.Repeat(float.NaN, 128)]), "not finite");
        Refused(s =>
        {
            foreach (string name in s.Keys.Where(n => n.StartsWith("transformer_blocks.0", StringComparison.Ordinal)).ToArray()) s.Remove(name);
        }, "incomplete");

        void Refused(Action<SortedDictionary<string, Tensor>> change, string because)
        {
            var changed = new SortedDictionary<string, Tensor>(state, StringComparer.Ordinal);
            change(changed);
            AtomicFile.Write(_folder["wrong.safetensors"], new Tensors.Io.SafetensorsWriter().AddAll(changed).Write);
            var e = Assert.Throws<InputException>(() => PublishedWeights.Read(_folder["wrong.safetensors"], Vocabulary, Heads, NoProgress.Instance));
            Assert.Contains(because, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Heads_that_do_not_divide_and_files_that_hold_no_weights_are_refused()
    {
        string weights = TestPaths.Fixture("scrobust", "torch_encoder.pt");
        Assert.Contains("--heads", Assert.Throws<InputException>(() => PublishedWeights.Read(weights, Vocabulary, 5, NoProgress.Instance)).Message, StringComparison.Ordinal);
        File.WriteAllText(_folder["text.pt"], "no weights");
        foreach (string file in new[] { "text.pt", "absent.pt" })
            Assert.Contains(file, Assert.Throws<InputException>(() => PublishedWeights.Read(_folder[file], Vocabulary, Heads, NoProgress.Instance)).Message, StringComparison.Ordinal);
    }

    private static string Vocabulary => TestPaths.Fixture("scrobust", "torch_vocab.csv");

    private static ScRobustModel Import(string file) => PublishedWeights.Read(TestPaths.Fixture("scrobust", file), Vocabulary, Heads, NoProgress.Instance);
}
