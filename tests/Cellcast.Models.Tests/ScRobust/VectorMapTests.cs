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
    public void Two_halves_of_the_molecules_of_a_cell_lie_nearer_to_each_other_beside_the_distance_between_kinds()
    {
        ScRobustModel model = Train(Cells(1, 1));
        CellSet one = Cells(1, 0.5), other = Cells(1, 0.5, theOthers: true);
        Assert.InRange(Apart(true), 0, 0.5 * Apart(false));

        double Apart(bool mapped)
        {
            float[] a = Embed(model, one, mapped), b = Embed(model, other, mapped);
            double within = 0, between = 0;
            for (int i = 0; i < one.Count; i++)
            {
                within += Squared(a, i, b, i);
                between += (Squared(a, i, b, (i + 1) % one.Count) + Squared(a, i, b, (i + 2) % one.Count)) / 2;
            }
            return within / between;
        }
    }

    [Fact]
    public void Within_a_kind_the_depth_of_cells_says_less_of_their_vectors()
    {
        CellSet cells = Cells(1, 1);
        ScRobustModel model = Train(cells);
        double[] depth = [.. Enumerable.Range(0, cells.Count).Select(i => Math.Log(Counts(1, i, 1, false).Sum()))];
        Assert.InRange(Followed(true), 0, 0.5 * Followed(false));

        // Share of the variance of all vectors that is variance along depth within kinds.
        double Followed(bool mapped)
        {
            float[] v = Embed(model, cells, mapped);
            double along = 0, all = 0;
            for (int c = 0; c < 32; c++)
            {
                double mean = Enumerable.Range(0, cells.Count).Average(i => (double)v[i * 32 + c]);
                all += Enumerable.Range(0, cells.Count).Sum(i => Math.Pow(v[i * 32 + c] - mean, 2));
                for (int k = 0; k < Kinds; k++)
                {
                    int[] kind = [.. Enumerable.Range(0, cells.Count).Where(i => i % Kinds == k)];
                    double x = kind.Average(i => depth[i]), y = kind.Average(i => (double)v[i * 32 + c]), product = kind.Sum(i => (depth[i] - x) * (v[i * 32 + c] - y));
                    along += product * product / kind.Sum(i => Math.Pow(depth[i] - x, 2));
                }
            }
            return along / all;
        }
    }

    [Fact]
    public void The_map_keeps_directions_from_the_centre_and_the_variance_bounds_lengths_and_touches_the_vectors_of_the_cell_token_only()
    {
        CellSet cells = Cells(1, 1);
        ScRobustModel model = Train(cells);
        VectorMap map = model.VectorMap!;
        float[] plain = Embed(model, cells, false), mapped = Embed(model, cells, true), expected = (float[])plain.Clone();
        map.Apply(expected);
        Assert.Equal(expected, mapped);
        Assert.Equal(1, Variance(mapped) / Variance(plain), 0.1);
        double squares = 0;
        for (int i = 0; i < cells.Count; i++)
        {
            double[] read = [.. Enumerable.Range(0, 32).Select(c => Enumerable.Range(0, 32).Sum(k => (double)plain[i * 32 + k] * map.Weights[k * 32 + c]) - map.Centre[c])];
            double length = Math.Sqrt(read.Sum(v => v * v)), bounded = map.Bound * length / Math.Sqrt(map.Bound * map.Bound + length * length);
            for (int c = 0; c < 32; c++) Assert.Equal(read[c] / length * bounded, mapped[i * 32 + c], 1e-4);
            Assert.InRange(bounded, 0, map.Bound);
            squares += length * length / cells.Count;
        }
        // Nine tenths of the cells are those that the bound was taken from: half their mean square.
        Assert.Equal(0.5, map.Bound * map.Bound / squares, 0.05);
        var mean = new EmbeddingOptions { Pooling = Pooling.Mean };
        Assert.Equal(model.Embed(_device, cells, mean with { Mapped = false }, NoProgress.Instance), model.Embed(_device, cells, mean, NoProgress.Instance));

        static double Variance(float[] v)
        {
            double[] means = [.. Enumerable.Range(0, 32).Select(c => Enumerable.Range(0, v.Length / 32).Average(i => (double)v[i * 32 + c]))];
            return v.Select((x, i) => Math.Pow(x - means[i % 32], 2)).Sum();
        }
    }

    /// <summary>One cell that is far from all others must not decide how they are grouped.</summary>
    [Fact]
    public void However_far_a_cell_lies_its_vector_is_no_longer_than_the_bound_and_near_cells_stay_as_they_are()
    {
        var map = new VectorMap([2, 0, 0, 2], [1, 1], 5);
        float[] vectors = [0.5f, 0.5f, 0.51f, 0.5f, 1e6f, 0.5f, 0.5f, -1e18f];
        map.Apply(vectors);
        Assert.Equal([0, 0], vectors[..2]);
        Assert.Equal(0.02, vectors[2], 1e-5);
        Assert.Equal(5, vectors[4], 1e-5);
        Assert.Equal(-5, vectors[7], 1e-5);
    }

    [Fact]
    public void Centre_and_bound_must_be_numbers_that_fit()
    {
        Assert.Throws<ArgumentException>(() => new VectorMap([1, 0, 0, 1], [0, 0], 0));
        Assert.Throws<ArgumentException>(() => new VectorMap([1, 0, 0, 1], [0, 0], float.PositiveInfinity));
        Assert.Throws<ArgumentException>(() => new VectorMap([1, 0, 0, 1], [0, float.NaN], 1));
        Assert.Throws<ArgumentException>(() => new VectorMap([1, 0, 0, 1], [0, 0, 0], 1));
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
        Assert.Contains("\"schema_version\": 3", File.ReadAllText(_folder["encoder.json"]), StringComparison.Ordinal);
        Assert.Equal(Embed(model, cells, true), Embed(ScRobustModel.Load(_folder.Path), cells, true));
        AtomicFile.Write(_folder["encoder.safetensors"], new SafetensorsWriter().AddAll(model.Encoder.ExportState()).Write);
        Assert.Contains("whitening", Assert.Throws<InputException>(() => ScRobustModel.Load(_folder.Path)).Message, StringComparison.Ordinal);
        VectorMap map = model.VectorMap!;
        AtomicFile.Write(_folder["encoder.safetensors"], new SafetensorsWriter().AddAll(model.Encoder.ExportState()).Add("whitening.weight", Tensor.From(map.Weights, 32, 32)).Add("map.centre", Tensor.From(map.Centre[..31], 1, 31)).Write);
        Assert.Contains("'map.centre' has 31 numbers instead of 32", Assert.Throws<InputException>(() => ScRobustModel.Load(_folder.Path)).Message, StringComparison.Ordinal);

        // An encoder without one is written as it always was, for programs that know no other.
        Train(cells, s_options with { Mapped = false }).Save(_folder.Path);
        Assert.Contains("\"schema_version\": 1", File.ReadAllText(_folder["encoder.json"]), StringComparison.Ordinal);
        Assert.Null(ScRobustModel.Load(_folder.Path).VectorMap);
    }

    private ScRobustModel Train(CellSet cells, PretrainingOptions? options = null) => Pretraining.Run(_device, cells, new CellPreprocessing { RelativeValues = true }, options ?? s_options, new NoCheckpoints(), null, NoProgress.Instance).Model;

    private float[] Embed(ScRobustModel model, CellSet cells, bool mapped) => model.Embed(_device, cells, new EmbeddingOptions { Mapped = mapped }, NoProgress.Instance);

    private static double Squared(float[] a, int i, float[] b, int j) => Enumerable.Range(0, 32).Sum(c => Math.Pow(a[i * 32 + c] - b[j * 32 + c], 2));

    /// <summary>Cells of three kinds of very different depth: most genes are common, a fifth are the kind's own.</summary>
    private static CellSet Cells(int seed, double depth, bool theOthers = false)
    {
        float[] counts = [.. Enumerable.Range(0, Each * Kinds).SelectMany(i => Counts(seed, i, depth, theOthers))];
        var data = new AnnotatedData(new DataFrame([.. Enumerable.Range(0, Each * Kinds).Select(i => "cell" + i)]), new DataFrame([.. Enumerable.Range(0, Genes).Select(i => "gene" + i)]), SparseMatrix.FromDense(Each * Kinds, Genes, counts)) { Source = "kinds.h5ad" };
        NormalizedCells[] files = [NormalizedCells.From(data, new CellPreprocessing { RelativeValues = true }, NoProgress.Instance)];
        return CellSet.From(files, GeneVocabulary.Of(files), NoProgress.Instance);
    }

    /// <summary>Counts of a cell: of a share of its molecules, or of those that are then left.</summary>
    private static float[] Counts(int seed, int cell, double depth, bool theOthers)
    {
        var random = new RandomStream(RandomKey.From(seed, "mapped cells").Split(cell));
        double size = Math.Exp(1.2 * (random.NextUniform() - 0.5));
        var kept = new RandomStream(RandomKey.From(seed, "kept molecules").Split(cell));
        var counts = new float[Genes];
        for (int g = 0; g < Genes; g++)
        {
            long count = random.NextPoisson(size * (g < 120 ? 0.3 + g % 7 : (g - 120) / 10 == cell % Kinds ? 4 : 0.1)), first = depth < 1 ? kept.NextBinomial(count, depth) : count;
            counts[g] = 1 + (theOthers ? count - first : first);
        }
        return counts;
    }
}
