using System.Diagnostics;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Nn;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScRobust;

/// <summary>What a step of self-supervised training costs on this machine.</summary>
/// <param name="Seconds">Wall time of the fastest step.</param>
/// <param name="ProcessorSeconds">Processor time of all threads in that step.</param>
/// <param name="Operations">Floating point operations of the matrix products and gathers of a step, as computed here (not as the plain network would).</param>
/// <param name="Bytes">Least main memory traffic of a step: embedding, its gradient and its two moments.</param>
public sealed record PretrainingBenchmarkResult(double Seconds, double ProcessorSeconds, double Operations, double Bytes)
{
    /// <summary>10^9 floating point operations per second.</summary>
    public double GigaflopsPerSecond => Operations / Seconds / 1e9;

    /// <summary>10^9 bytes per second.</summary>
    public double GigabytesPerSecond => Bytes / Seconds / 1e9;
}

/// <summary>A benchmark of one step of self-supervised training on random cells: losses, all gradients, Adam.</summary>
public sealed class PretrainingBenchmark
{
    private readonly Device _device;
    private readonly EncoderSize _size;
    private readonly ContrastivePretraining _module;
    private readonly Adam _adam;
    private readonly Tape _tape;
    private readonly TokenBatch _views = new(), _secondViews = new();
    private readonly int _cells, _genesPerView;
    private int _step;

    /// <summary>Prepares random cells and weights.</summary>
    /// <param name="device">Computes.</param>
    /// <param name="layers">Transformer blocks.</param>
    /// <param name="cells">Cells per step.</param>
    /// <param name="genesPerView">Genes per view; a view has one token more.</param>
    /// <param name="genes">Genes of the vocabulary.</param>
    /// <param name="hidden">Columns of a token.</param>
    /// <param name="heads">Attention heads.</param>
    public PretrainingBenchmark(Device device, int layers, int cells = 128, int genesPerView = 250, int genes = 15_000, int hidden = 512, int heads = 8)
    {
        _device = device;
        _size = new EncoderSize { Vocabulary = genes + GeneVocabulary.FirstGene, Hidden = hidden, Heads = heads, Layers = layers };
        var key = RandomKey.From(0, "pretraining benchmark");
        _module = new ContrastivePretraining(new CellEncoder(_size, key, "encoder."), key);
        _adam = new Adam(_module.Parameters, 5e-5);
        _tape = new Tape(device);
        (_cells, _genesPerView) = (cells, genesPerView);
        for (int view = 0; view < 2; view++)
            for (int c = 0; c < cells; c++)
            {
                FillView(_views, key.Split(view).Split(c));
                if (view == 1) FillView(_secondViews, key.Split(view).Split(c));
            }
    }

    /// <summary>Takes one step.</summary>
    /// <returns>Both losses.</returns>
    public (float Contrastive, float Expression) Step()
    {
        _adam.ClearGradients();
        var losses = _module.Losses(_tape, _views, _secondViews, new DropoutNoise(0.1f, RandomKey.From(0, "dropout").Split(_step++)));
        var (contrastive, expression) = (losses.Contrastive.ToScalar(), losses.Expression.ToScalar());
        _tape.Backward(Op.Add(losses.Contrastive, losses.Expression));
        _adam.Step(_device);
        _tape.Reset();
        return (contrastive, expression);
    }

    /// <summary>Times some steps after a first one.</summary>
    /// <param name="steps">How many.</param>
    public PretrainingBenchmarkResult Measure(int steps)
    {
        Step();
        double best = double.PositiveInfinity, processor = 0;
        for (int i = 0; i < steps; i++)
        {
            var before = Environment.CpuUsage.TotalTime;
            var clock = Stopwatch.StartNew();
            Step();
            if (clock.Elapsed.TotalSeconds >= best) continue;
            best = clock.Elapsed.TotalSeconds;
            processor = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
        }
        return new PretrainingBenchmarkResult(best, processor, Operations, 4.0 * 7 * _size.Vocabulary * _size.Hidden);
    }

    /// <summary>Operations of a step, forward and backward.</summary>
    private double Operations
    {
        get
        {
            double views = 2.0 * _cells, length = _genesPerView + 1, tokens = views * length, h = _size.Hidden, heads = _size.Heads;
            double pooling = 2 * tokens * heads * h;
            double cellToken = views * (2 * h * h * 2 + 2 * h * h / heads * heads + 2 * 2 * h * _size.FeedForward);
            double losses = views * 2 * h * h * 2 * 1.5 + 2 * views * views * h + 2 * tokens / 2 * h;
            double forward = pooling * 2 + cellToken + losses, backward = 2 * forward;
            double queriesKeysValues = 2 * 3 * h * h, different = _views.DifferentGenes(_size.Vocabulary);
            double block = tokens * (2 * h * h + 2 * 2 * h * _size.FeedForward) + 2 * 2 * views * length * length * h;
            double attentionAgain = 2 * views * length * length * h;
            return forward + backward + (_size.Layers - 1) * (3 * block + attentionAgain) + 3 * queriesKeysValues * (Math.Min(_size.Layers - 1, 1) * different + Math.Max(_size.Layers - 2, 0) * tokens);
        }
    }

    private void FillView(TokenBatch batch, RandomKey key)
    {
        batch.Append(_genesPerView + 1, out var genes, out var values);
        (genes[0], values[0]) = (GeneVocabulary.CellToken, GeneVocabulary.CellTokenValue);
        for (int t = 1; t < genes.Length; t++)
        {
            genes[t] = GeneVocabulary.FirstGene + (int)(((ulong)key.Bits(2 * t) * (uint)(_size.Vocabulary - GeneVocabulary.FirstGene)) >> 32);
            values[t] = 0.5f + key.Bits(2 * t + 1) * (3f / 4294967296f);
        }
    }
}
