using Cellcast.AnnData;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.Tensors.Io;
using Cellcast.Tensors.Random;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>The map that pretraining learns for its vectors: what depth does to a cell becomes small beside what its kind does.</summary>
public sealed class VectorMapTests : IDisposable
{
    private const int Kinds = 3, Genes = 150, Each = 40;
    private static readonly PretrainingOptions s_options = new() { Hidden = 32, Heads = 4, BatchCells = 32, Epochs = 6, Seed = 2 };
    private readonly CpuDevice _device = new(2);
    private readonly TemporaryDirectory _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Losing_most_of_its_molecules_moves_a_cell_less_beside_the_distance_between_kinds_and_not_to_another_kind()
    {
        CellSet cells = Cells(1, 1), shallow = Cells(1, 0.3);
        ScRobustModel model = Train(cells);
        double mapped = Moved(true, out int wrong), plain = Moved(false, out _);
        Assert.InRange(mapped, 0, 0.8 * plain);
        Assert.Equal(0, wrong);

        double Moved(bool mapped, out int wrong)
        {
            float[] whole = Embed(model, cells, mapped), thin = Embed(model, shallow, mapped);
            double[][] centres = [.. Enumerable.Range(0, Kinds).Select(k => Enumerable.Range(0, 32).Select(c => Enumerable.Range(0, Each).Average(i => (double)whole[(i * Kinds + k) * 32 + c])).ToArray())];
            double moved = 0, apart = 0;
            wrong = 0;
            for (int i = 0; i < cells.Count; i++)
            {
                double[] distances = [.. centres.Select(m => m.Select((v, c) => Math.Pow(thin[i * 32 + c] - v, 2)).Sum())];
                if (Array.IndexOf(distances, distances.Min()) != i % Kinds) wrong++;
                for (int c = 0; c < 32; c++) moved += Math.Pow(thin[i * 32 + c] - whole[i * 32 + c], 2) / cells.Count;
            }
            foreach (var (a, b) in new[] { (0, 1), (0, 2), (1, 2) }) apart += centres[a].Zip(centres[b], (x, y) => (x - y) * (x - y)).Sum() / 3;
            return moved / apart;
        }
    }

    [Fact]
    public void The_map_is_linear_keeps_the_variance_and_touches_the_vectors_of_the_cell_token_only()
    {
        CellSet cells = Cells(1, 1);
        ScRobustModel model = Train(cells);
        float[] plain = Embed(model, cells, false), mapped = Embed(model, cells, true), expected = (float[])plain.Clone();
        model.VectorMap!.Apply(expected);
        Assert.Equal(expected, mapped);
        Assert.Equal(1, Variance(mapped) / Variance(plain), 0.1);
        for (int c = 0; c < 32; c++)
        {
            double sum = 0;
            for (int k = 0; k < 32; k++) sum += (double)plain[32 + k] * model.VectorMap!.Weights[k * 32 + c];
            Assert.Equal(sum, mapped[32 + c], 1e-4);
        }
        var mean = new EmbeddingOptions { Pooling = Pooling.Mean };
        Assert.Equal(model.Embed(_device, cells, mean with { Mapped = false }, NoProgress.Instance), model.Embed(_device, cells, mean, NoProgress.Instance));

        static double Variance(float[] v)
        {
            double[] means = [.. Enumerable.Range(0, 32).Select(c => Enumerable.Range(0, v.Length / 32).Average(i => (double)v[i * 32 + c]))];
            return v.Select((x, i) => Math.Pow(x - means[i % 32], 2)).Sum();
        }
    }

    [Fact]
    public void Training_with_and_without_it_makes_the_same_network()
    {
        CellSet cells = Cells(1, 1);
        ScRobustModel with = Train(cells), without = Train(cells, s_options with { Mapped = false });
        Assert.Null(without.VectorMap);
        Assert.Equal(Embed(without, cells, true), Embed(with, cells, false));
    }

    [Fact]
    public void The_map_does_not_depend_on_the_number_of_threads()
    {
        CellSet cells = Cells(1, 1);
        using var one = new CpuDevice(1);
        using var three = new CpuDevice(3);
        var encoder = Train(cells, s_options with { Mapped = false }).Encoder;
        Assert.Equal(Learn(one).Weights.ToArray(), Learn(three).Weights.ToArray());

        VectorMap Learn(Device device) => ExpressionReadout.Learn(device, encoder, new CellPreprocessing { RelativeValues = true }, cells, [.. Enumerable.Range(0, cells.Count)], 1, NoProgress.Instance, default)!;
    }

    [Fact]
    public void Cells_that_are_all_the_same_need_no_map()
    {
        var data = new AnnotatedData(new DataFrame(["a", "b", "c", "d"]), new DataFrame(["x"]), SparseMatrix.FromDense(4, 1, [1, 1, 1, 1])) { Source = "same.h5ad" };
        NormalizedCells[] files = [NormalizedCells.From(data, new CellPreprocessing(), NoProgress.Instance)];
        Assert.Null(Train(CellSet.From(files, GeneVocabulary.Of(files), NoProgress.Instance)).VectorMap);
    }

    [Fact]
    public void It_is_saved_with_the_encoder_and_missed_where_it_is_lost()
    {
        CellSet cells = Cells(1, 1);
        ScRobustModel model = Train(cells);
        model.Save(_folder.Path);
        Assert.Contains("\"schema_version\": 2", File.ReadAllText(_folder["encoder.json"]), StringComparison.Ordinal);
        Assert.Equal(Embed(model, cells, true), Embed(ScRobustModel.Load(_folder.Path), cells, true));
        AtomicFile.Write(_folder["encoder.safetensors"], new SafetensorsWriter().AddAll(model.Encoder.ExportState()).Write);
        Assert.Contains("whitening", Assert.Throws<InputException>(() => ScRobustModel.Load(_folder.Path)).Message, StringComparison.Ordinal);

        // An encoder without one is written as it always was, for programs that know no other.
        Train(cells, s_options with { Mapped = false }).Save(_folder.Path);
        Assert.Contains("\"schema_version\": 1", File.ReadAllText(_folder["encoder.json"]), StringComparison.Ordinal);
        Assert.Null(ScRobustModel.Load(_folder.Path).VectorMap);
    }

    private ScRobustModel Train(CellSet cells, PretrainingOptions? options = null) => Pretraining.Run(_device, cells, new CellPreprocessing { RelativeValues = true }, options ?? s_options, new NoCheckpoints(), null, NoProgress.Instance).Model;

    private float[] Embed(ScRobustModel model, CellSet cells, bool mapped) => model.Embed(_device, cells, new EmbeddingOptions { Mapped = mapped }, NoProgress.Instance);

    /// <summary>Cells of three kinds of very different depth: most genes are common, a fifth are the kind's own.</summary>
    private static CellSet Cells(int seed, double depth)
    {
        var counts = new float[Each * Kinds * Genes];
        for (int i = 0; i < Each * Kinds; i++)
        {
            var random = new RandomStream(RandomKey.From(seed, "mapped cells").Split(i));
            double size = Math.Exp(1.2 * (random.NextUniform() - 0.5));
            var kept = new RandomStream(RandomKey.From(seed, "kept molecules").Split(i));
            for (int g = 0; g < Genes; g++)
            {
                long count = random.NextPoisson(size * (g < 120 ? 0.3 + g % 7 : (g - 120) / 10 == i % Kinds ? 4 : 0.1));
                counts[i * Genes + g] = depth < 1 ? kept.NextBinomial(count, depth) : count;
            }
        }
        for (int g = 0; g < Genes; g++) counts[g]++;
        var data = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, Each * Kinds).Select(i => "cell" + i)]), new DataFrame([.. Enumerable.Range(0, Genes).Select(i => "gene" + i)]), SparseMatrix.FromDense(Each * Kinds, Genes, counts)) { Source = "kinds.h5ad" };
        NormalizedCells[] files = [NormalizedCells.From(data, new CellPreprocessing { RelativeValues = true }, NoProgress.Instance)];
        return CellSet.From(files, GeneVocabulary.Of(files), NoProgress.Instance);
    }
}
