using Cellcast.AnnData;
using Cellcast.AnnData.H5ad;
using Cellcast.TestSupport;

namespace Cellcast.Cli.Tests;

/// <summary><c>cellcast scrobust import</c> and <c>export</c> as users type them.</summary>
public sealed class ScRobustImportTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_imported_encoder_embeds_cells()
    {
        var imported = Import();
        Assert.True(imported.ExitCode == 0, imported.Error);
        Assert.Equal(2, (int)imported.LastLine()["layers"]!);
        var counts = new float[6 * 40];
        for (int i = 0; i < counts.Length; i++) counts[i] = (i * 7 % 11) % 4;
        H5adFile.Write(_folder["cells.h5ad"], new AnnotatedData(new DataFrame([.. Enumerable.Range(0, 6).Select(i => "cell" + i)]),
            new DataFrame([.. Enumerable.Range(0, 40).Select(i => "GENE" + i)]), SparseMatrix.FromDense(6, 40, counts)));
        var embedded = CommandLine.Run("scrobust", "embed", "--model", _folder["encoder"], "--cells", _folder["cells.h5ad"], "--genes", "12", "--out", _folder["embedded.h5ad"]);
        Assert.True(embedded.ExitCode == 0, embedded.Error);
        Assert.Equal(32, ((DenseMatrix)H5adFile.Read(_folder["embedded.h5ad"]).Obsm["X_scrobust"]).Columns);
    }

    [ToolFact("anndata")]
    public void Python_finds_the_same_numbers_in_what_is_exported()
    {
        Assert.Equal(0, Import().ExitCode);
        var exported = CommandLine.Run("scrobust", "export", "--model", _folder["encoder"], "--out", _folder["python"]);
        Assert.True(exported.ExitCode == 0, exported.Error);
        var python = ExternalTool.RunPython("""
            import sys, json, struct, numpy, pandas
            def load(path):
                with open(path, "rb") as f:
                    header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
                    data = f.read()
                meta = header.pop("__metadata__", {})
                assert all(isinstance(v, str) for v in meta.values())
                kinds = {"F32": "<f4", "I64": "<i8"}
                return meta, {k: numpy.frombuffer(data[slice(*v["data_offsets"])], kinds[v["dtype"]]).reshape(v["shape"]) for k, v in header.items()}
            meta, ours = load(sys.argv[1])
            _, published = load(sys.argv[2])
            assert meta["heads"] == "4" and meta["layers"] == "2", meta
            published = {k[8:]: v for k, v in published.items() if k.startswith("weights/")}
            assert set(ours) == set(published), set(ours) ^ set(published)
            for k in ours: assert numpy.array_equal(ours[k], published[k]), k
            a, b = pandas.read_csv(sys.argv[3]), pandas.read_csv(sys.argv[4])
            assert list(a.ID) == list(b.ID) and list(a.SYMBOL[5:]) == list(b.SYMBOL[5:])
            """, _folder["python/weights.safetensors"], TestPaths.Fixture("scrobust", "torch_encoder_expected.safetensors"), _folder["python/vocabulary.csv"], TestPaths.Fixture("scrobust", "torch_vocab.csv"));
        Assert.True(python.ExitCode == 0, python.Error);
    }

    [Fact]
    public void Weights_without_their_vocabulary_leave_nothing()
    {
        File.WriteAllText(_folder["vocab.csv"], "ID,SYMBOL\n0,PAD\n1,SEP\n2,UNK\n3,CLS\n4,MASK\n5,TP53\n");
        var result = CommandLine.Run("scrobust", "import", "--weights", TestPaths.Fixture("scrobust", "torch_encoder.pt"), "--vocab", _folder["vocab.csv"], "--heads", "4", "--out", _folder["encoder"]);
        Assert.Equal(3, result.ExitCode);
        Assert.Contains("45 token ids", result.ErrorSentence(), StringComparison.Ordinal);
        Assert.False(File.Exists(_folder["encoder/encoder.json"]));
    }

    private ProcessResult Import() => CommandLine.Run("scrobust", "import", "--weights", TestPaths.Fixture("scrobust", "torch_encoder.pt"),
        "--vocab", TestPaths.Fixture("scrobust", "torch_vocab.csv"), "--heads", "4", "--out", _folder["encoder"], "--json");
}
