using Cellcast.AnnData;
using Cellcast.Models.ScRobust;
using Cellcast.Models.Training;
using Cellcast.Tensors;
using Cellcast.TestSupport;

namespace Cellcast.Models.Tests.ScRobust;

/// <summary>Genes whose presence moves cell vectors towards a group. The cells are of two kinds: even ones express even genes, odd ones odd genes, all of them genes 0 to 9.</summary>
public sealed class VectorGenesTests : IDisposable
{
    private static readonly int[] s_even = [.. Enumerable.Range(0, 40).Select(i => 2 * i)], s_odd = [.. s_even.Select(i => i + 1)];
    private readonly CpuDevice _device = new(2);
    private readonly CellSet _cells = PretrainingTests.Cells(80);
    private readonly ScRobustModel _model;

    public VectorGenesTests() => _model = Pretraining.Run(_device, _cells, new CellPreprocessing(),
        new PretrainingOptions { Hidden = 32, Heads = 4, BatchCells = 16, Epochs = 8, LearningRate = 1e-3 }, new NoCheckpoints(), null, NoProgress.Instance).Model;

    public void Dispose() => _device.Dispose();

    [Fact]
    public void Genes_of_the_group_come_first_those_of_the_reference_last_and_common_ones_between()
    {
        var found = Find(new VectorGenesOptions());
        HashSet<string> own = [.. Own(found, even: true)], others = [.. Own(found, even: false)];
        Assert.Equal(20, own.Count);
        Assert.Subset(own, found.Take(5).Select(f => f.Gene).ToHashSet());
        Assert.Subset(others, found.TakeLast(5).Select(f => f.Gene).ToHashSet());
        double common = found.Where(f => !own.Contains(f.Gene) && !others.Contains(f.Gene)).Average(f => f.Pull);
        Assert.True(found.Where(f => own.Contains(f.Gene)).Average(f => f.Pull) > 3 * Math.Abs(common) && found.Where(f => others.Contains(f.Gene)).Average(f => f.Pull) < -3 * Math.Abs(common));
        int[] direction = [.. found.Select(f => f.QValue < 0.05 ? Math.Sign(f.Score) : 0)];
        Assert.Equal(direction.OrderDescending(), direction);
        foreach (var part in found.Zip(direction).GroupBy(x => x.Second)) Assert.Equal(part.Select(x => x.First.Pull).OrderDescending(), part.Select(x => x.First.Pull));
        VectorGene first = found[0];
        Assert.True(first.QValue < 0.01 && first.Score > 0 && first.Effect > 0 && first.Share > first.ReferenceShare && first.Towards > first.Cells / 2, first.ToString());

        static IEnumerable<string> Own(IReadOnlyList<VectorGene> found, bool even) => found.Select(f => f.Gene).Where(g => int.Parse(g[4..], System.Globalization.CultureInfo.InvariantCulture) is >= 10 and int n && n % 2 == (even ? 0 : 1));
    }

    [Fact]
    public void An_effect_is_the_exact_change_of_the_vector_when_the_gene_is_left_out()
    {
        // Of all the cells of both kinds, with the line of each half drawn by the other.
        var options = new VectorGenesOptions();
        VectorGene gene = Find(options)[0];
        int id = _model.Vocabulary.IdOf(gene.Gene), hidden = 32;
        float[] whole = Embed(-1), without = Embed(id);
        double sum = 0;
        int expressing = 0;
        foreach (bool firstHalf in new[] { true, false })
        {
            int[] Half(int[] rows, bool first) => [.. rows.Where((_, i) => i % 2 == 0 == first)];
            double[] Centre(int[] rows) => [.. Enumerable.Range(0, hidden).Select(c => rows.Average(r => (double)whole[r * hidden + c]))];
            double[] from = Centre(Half(s_odd, !firstHalf)), to = Centre(Half(s_even, !firstHalf)), line = [.. to.Zip(from, (a, b) => a - b)];
            double squares = line.Sum(v => v * v);
            foreach (int r in (int[])[.. Half(s_even, firstHalf), .. Half(s_odd, firstHalf)])
            {
                if (_cells.GenesOf(r).IndexOf(id) < 0) continue;
                expressing++;
                sum += Enumerable.Range(0, hidden).Sum(c => line[c] * ((double)whole[r * hidden + c] - without[r * hidden + c])) / squares;
            }
        }
        Assert.Equal(expressing, gene.Cells);
        Assert.Equal(sum / expressing, gene.Effect, 1e-5);

        float[] Embed(int left)
        {
            var tape = new Tensors.Autodiff.Tape(_device, recordGradients: false);
            var batch = new Tensors.Autodiff.TokenBatch();
            for (int c = 0; c < _cells.Count; c++)
            {
                int[] kept = [.. Enumerable.Range(0, _cells.GenesOf(c).Length).Where(i => _cells.GenesOf(c)[i] != left)];
                batch.Append([1, .. kept.Select(i => _cells.GenesOf(c)[i])], [1, .. kept.Select(i => _cells.ValuesOf(c)[i])]);
            }
            return _model.Encoder.CellTokens(tape, batch).ToArray();
        }
    }

    [Fact]
    public void Without_one_gene_the_next_one_takes_its_place_where_only_some_are_used()
    {
        var ordered = _cells.In(_model.OrderOf(GeneRanking.Hug, _cells, 0));
        Tensors.Autodiff.TokenBatch batch = new(), expected = new();
        int[] genes = ordered.GenesOf(3).ToArray();
        CellTokenizer.AppendWithout(batch, ordered, 3, genes[1], 4, Padding.Masked);
        CellTokenizer.AppendWithout(batch, ordered, 3, genes[6], 4, Padding.Masked);
        CellTokenizer.AppendWithout(batch, ordered, 3, GeneVocabulary.Unknown, 4, Padding.Masked);
        CellTokenizer.AppendWithout(batch, ordered, 3, genes[^1], genes.Length, Padding.Published);
        Assert.Equal([1, genes[0], genes[2], genes[3], genes[4], 1, .. genes[..4], 1, .. genes[..4], 1, .. genes[..^1], GeneVocabulary.Mask], batch.Genes.ToArray());
        CellTokenizer.Append(expected, ordered, 3, 4, Padding.Masked);
        Assert.Equal(expected.Values.ToArray(), batch.Values[10..15].ToArray());
    }

    [Fact]
    public void Interrupted_and_resumed_on_any_number_of_threads_it_ends_the_same_to_the_bit()
    {
        var options = new VectorGenesOptions { CellsPerGroup = 12, Seed = 3 };
        var whole = Find(options);
        var store = new Memory();
        using var stop = new CancellationTokenSource();
        store.Saved = s =>
        {
            if (s.Stage == 8) stop.Cancel();
        };
        Assert.Throws<OperationCanceledException>(() => Find(options, store, null, stop.Token));
        using var other = new CpuDevice(3);
        Assert.Equal(whole, VectorGenes.Find(other, _model, _cells, s_even, s_odd, options, new NoCheckpoints(), store.Last, NoProgress.Instance));
        Assert.Throws<InputException>(() => Find(options with { Seed = 4 }, new NoCheckpoints(), store.Last));
    }

    [Fact]
    public void Groups_of_fewer_than_four_cells_are_refused() => Assert.Contains("at least 4",
        Assert.Throws<InputException>(() => VectorGenes.Find(_device, _model, _cells, [0, 2, 4], s_odd, new VectorGenesOptions(), new NoCheckpoints(), null, NoProgress.Instance)).Message, StringComparison.Ordinal);

    private IReadOnlyList<VectorGene> Find(VectorGenesOptions options, ICheckpointStore? store = null, Snapshot? resume = null, CancellationToken cancellation = default) =>
        VectorGenes.Find(_device, _model, _cells, s_even, s_odd, options, store ?? new NoCheckpoints(), resume, NoProgress.Instance, cancellation);

    private sealed class Memory : ICheckpointStore
    {
        public Snapshot? Last { get; private set; }

        public Action<Snapshot>? Saved { get; set; }

        public TimeSpan Interval => TimeSpan.Zero;

        public void Save(Snapshot snapshot)
        {
            Last = snapshot;
            Saved?.Invoke(snapshot);
        }
    }
}
