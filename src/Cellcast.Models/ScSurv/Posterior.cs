using Cellcast.AnnData;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Random;
using static Cellcast.Tensors.Autodiff.Op;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// Posterior N(mu, sigma^2) of the latent state of every cell of the reference, and what follows from it with frozen decoders. Cells pass
/// through in blocks: memory beyond the results is one block's.
/// </summary>
public sealed class Posterior
{
    internal const int BlockRows = 1024;
    internal const int Slots = 16;
    private readonly Device _device;

    /// <param name="device">Computes.</param>
    /// <param name="mu">Means, N x z, row by row.</param>
    /// <param name="sigma">Standard deviations, N x z.</param>
    /// <param name="sampleOf">Sample of each cell, -1 for none.</param>
    /// <param name="sampleColumns">Columns of the one-hot sample matrix.</param>
    public Posterior(Device device, float[] mu, float[] sigma, int[] sampleOf, int sampleColumns)
    {
        ArgumentNullException.ThrowIfNull(mu);
        ArgumentNullException.ThrowIfNull(sigma);
        ArgumentNullException.ThrowIfNull(sampleOf);
        if (mu.Length != sigma.Length || sampleOf.Length == 0 || mu.Length % sampleOf.Length != 0) throw new ArgumentException("mu, sigma and samples describe different numbers of cells");
        (_device, Mu, Sigma, SampleOf, SampleColumns) = (device, mu, sigma, sampleOf, sampleColumns);
        Latent = mu.Length / sampleOf.Length;
    }

    /// <summary>Means, N x z.</summary>
    public float[] Mu { get; }

    /// <summary>Standard deviations, N x z.</summary>
    public float[] Sigma { get; }

    /// <summary>Sample of each cell, -1 for none.</summary>
    public int[] SampleOf { get; }

    /// <summary>Columns of the one-hot sample matrix.</summary>
    public int SampleColumns { get; }

    /// <summary>z.</summary>
    public int Latent { get; }

    /// <summary>N.</summary>
    public int Cells => SampleOf.Length;

    /// <summary>Runs the encoder over all cells.</summary>
    public static Posterior Encode(Device device, ScSurvModule module, ReferenceCells cells)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(cells);
        int n = cells.SampleOf.Length, z = module.Sizes.Latent;
        float[] mu = new float[n * z], sigma = new float[n * z];
        var tape = new Tape(device, recordGradients: false);
        var block = new RowBlock();
        for (int from = 0; from < n; from += BlockRows)
        {
            int count = Math.Min(BlockRows, n - from);
            cells.Counts.ReadRows(from, count, block);
            var rows = new SparseRows(block.RowPointers, block.Indices, block.Values, cells.Counts.Columns);
            var (m, s) = module.Encoder.Forward(tape, rows, cells.SampleOf.AsMemory(from, count));
            m.Span.CopyTo(mu.AsSpan(from * z));
            s.Span.CopyTo(sigma.AsSpan(from * z));
            tape.Reset();
        }
        return new Posterior(device, mu, sigma, cells.SampleOf, cells.SampleColumns);
    }

    /// <summary>One draw of the latent states of some cells.</summary>
    /// <param name="rows">Cells.</param>
    /// <param name="key">Source of chance of this draw.</param>
    /// <returns>rows x z.</returns>
    public float[] Draw(ReadOnlySpan<int> rows, RandomKey key)
    {
        var z = new float[rows.Length * Latent];
        RandomFill.Normal(key, z);
        for (int i = 0; i < rows.Length; i++)
        {
            ReadOnlySpan<float> m = Mu.AsSpan(rows[i] * Latent, Latent), s = Sigma.AsSpan(rows[i] * Latent, Latent);
            Span<float> to = z.AsSpan(i * Latent, Latent);
            for (int j = 0; j < to.Length; j++) to[j] = m[j] + s[j] * to[j];
        }
        return z;
    }

    /// <summary>Contribution of every cell at its posterior mean, N.</summary>
    public float[] ContributionAtMean(Decoder hazard)
    {
        ArgumentNullException.ThrowIfNull(hazard);
        var beta = new float[Cells];
        ForBlocks((tape, from, count) => hazard.Forward(AtMean(tape, from, count)).Span.CopyTo(beta.AsSpan(from, count)));
        return beta;
    }

    /// <summary>Share of every cell in some patients at the posterior mean.</summary>
    /// <param name="decoder">Bulk or spatial decoder.</param>
    /// <param name="columns">Columns of the decoder, that is patients.</param>
    /// <returns>columns x N: each row sums to one.</returns>
    public float[] SharesAtMean(Decoder decoder, int[] columns)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        ArgumentNullException.ThrowIfNull(columns);
        var shares = new float[(long)columns.Length * Cells];
        ForBlocks((tape, from, count) =>
        {
            ReadOnlySpan<float> logits = decoder.Forward(AtMean(tape, from, count)).Span;
            int width = logits.Length / count;
            for (int s = 0; s < columns.Length; s++)
                for (int c = 0; c < count; c++) shares[(long)s * Cells + from + c] = logits[c * width + columns[s]];
        });
        var tape = new Tape(_device, recordGradients: false);
        return SoftmaxRows(tape.Input(shares, columns.Length, Cells)).ToArray();
    }

    /// <summary>Mean over draws of the contribution of every cell.</summary>
    /// <param name="hazard">Hazard decoder.</param>
    /// <param name="draws">Number of draws.</param>
    /// <param name="key">Source of chance; the draws are the same as those of <see cref="MeanShares"/> with the same key.</param>
    public float[] MeanContribution(Decoder hazard, int draws, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(hazard);
        var mean = new float[Cells];
        ForBlocks((tape, from, count) =>
        {
            var sum = new double[count];
            for (int d = 0; d < draws; d++)
            {
                ReadOnlySpan<float> beta = hazard.Forward(Drawn(tape, from, count, d, key)).Span;
                for (int c = 0; c < count; c++) sum[c] += beta[c];
                tape.Reset();
            }
            for (int c = 0; c < count; c++) mean[from + c] = (float)(sum[c] / draws);
        });
        return mean;
    }

    /// <summary>Mean over draws of the share of every cell in every patient: per draw a softmax over all cells, its normaliser gathered block by
    /// block in a first pass.</summary>
    /// <param name="decoder">Bulk or spatial decoder.</param>
    /// <param name="draws">Number of draws.</param>
    /// <param name="key">Source of chance.</param>
    /// <returns>N x S: every column sums to one.</returns>
    public float[] MeanShares(Decoder decoder, int draws, RandomKey key)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        var shares = new RowStore(Cells, decoder.Outputs, new float[checked(Cells * decoder.Outputs)]);
        FillMeanShares([(decoder, [.. Enumerable.Range(0, decoder.Outputs)])], draws, key, shares);
        return shares.ToArray();
    }

    /// <summary>The same for several decoders at once, into an array that need not be in memory.</summary>
    /// <param name="parts">Decoders, each with the columns of the result that its outputs become.</param>
    /// <param name="draws">Number of draws.</param>
    /// <param name="key">Source of chance.</param>
    /// <param name="shares">Receives N x S.</param>
    /// <param name="cancellation">Checked between blocks of cells.</param>
    internal void FillMeanShares(IReadOnlyList<(Decoder Decoder, int[] Columns)> parts, int draws, RandomKey key, RowStore shares, CancellationToken cancellation = default) =>
        new ShareAverage(this, [.. parts.Select(p => p.Decoder)], [.. parts.SelectMany(p => p.Columns)], draws, key, cancellation).Fill(shares);

    /// <summary>Decoded rates of a range of cells at the posterior mean, count x G; valid until the next call.</summary>
    public IEnumerable<(int From, int Count, ReadOnlyMemory<float> Rates)> RatesAtMean(ScSurvModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        var tape = new Tape(_device, recordGradients: false);
        // One buffer for all: a new array for every block would pile up faster than it is collected.
        var rates = new float[Math.Min(BlockRows, Cells) * module.Sizes.Genes];
        for (int from = 0; from < Cells; from += BlockRows)
        {
            int count = Math.Min(BlockRows, Cells - from);
            RatesAtMean(tape, module, from, count).Span.CopyTo(rates);
            tape.Reset();
            yield return (from, count, rates.AsMemory(0, count * module.Sizes.Genes));
        }
    }

    /// <summary>Decoded rates of all cells at the posterior mean as a matrix, N x G, whose rows are computed when they are asked for.</summary>
    public GeneratedArray RatesAtMeanMatrix(ScSurvModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        var tape = new Tape(_device, recordGradients: false);
        return new GeneratedArray(Cells, module.Sizes.Genes, (from, count, values) =>
        {
            RatesAtMean(tape, module, from, count).Span.CopyTo(values.Span);
            tape.Reset();
        }, BlockRows);
    }

    private Tensor RatesAtMean(Tape tape, ScSurvModule module, int from, int count) =>
        module.Rates(AtMean(tape, from, count), Op.OneHot(tape, SampleOf.AsSpan(from, count), SampleColumns));

    /// <summary>Hidden states of the expression decoder at the posterior mean, block by block, each count x h.</summary>
    internal IEnumerable<(int From, float[] Hidden)> HiddenAtMean(Decoder expression)
    {
        var tape = new Tape(_device, recordGradients: false);
        for (int from = 0; from < Cells; from += BlockRows)
        {
            int count = Math.Min(BlockRows, Cells - from);
            float[] hidden = expression.HiddenOf(ConcatColumns(AtMean(tape, from, count), OneHot(tape, SampleOf.AsSpan(from, count), SampleColumns))).ToArray();
            tape.Reset();
            yield return (from, hidden);
        }
    }

    // Blocks of cells are shared between the threads, each with a tape of its own; what a block writes must not depend on other blocks.
    // Afterwards, and in order, each block is given to the caller, some blocks at a time: what it left in its slot is read there.
    internal void ForBlocks(Action<Tape, int, int, int> body, Action<int>? inOrder = null)
    {
        int blocks = (Cells + BlockRows - 1) / BlockRows;
        var tapes = new Tape[Math.Min(Slots, blocks)];
        for (int slot = 0; slot < tapes.Length; slot++) tapes[slot] = new Tape(_device, recordGradients: false);
        Workers workers = _device is CpuDevice cpu ? cpu.Workers : Workers.Inline;
        for (int first = 0; first < blocks; first += Slots)
        {
            int here = Math.Min(Slots, blocks - first), start = first;
            workers.For(here, new BlockWork(slot =>
            {
                int from = (start + slot) * BlockRows;
                body(tapes[slot], slot, from, Math.Min(BlockRows, Cells - from));
                tapes[slot].Reset();
            }));
            for (int slot = 0; slot < here && inOrder is not null; slot++) inOrder(slot);
        }
    }

    private void ForBlocks(Action<Tape, int, int> body) => ForBlocks((tape, _, from, count) => body(tape, from, count));

    private readonly struct BlockWork(Action<int> body) : IBlockWork
    {
        public void Run(int block) => body(block);
    }

    private Tensor AtMean(Tape tape, int from, int count) => tape.Input(Mu.AsSpan(from * Latent, count * Latent), count, Latent);

    internal Tensor Drawn(Tape tape, int from, int count, int draw, RandomKey key)
    {
        Tensor z = tape.NewTensor(count, Latent);
        Span<float> to = z.Span;
        RandomFill.Normal(key.Split(draw).Split(from / BlockRows), to);
        ReadOnlySpan<float> m = Mu.AsSpan(from * Latent, to.Length), s = Sigma.AsSpan(from * Latent, to.Length);
        for (int i = 0; i < to.Length; i++) to[i] = m[i] + s[i] * to[i];
        return z;
    }
}

/// <summary>Linear predictors eta_s = sum_c p[s,c] beta_c, added up in double precision.</summary>
public static class LinearPredictor
{
    /// <param name="shares">S x N, row by row.</param>
    /// <param name="beta">Contribution of each cell, N.</param>
    /// <param name="count">S.</param>
    public static double[] Of(ReadOnlySpan<float> shares, ReadOnlySpan<float> beta, int count)
    {
        var eta = new double[count];
        for (int s = 0; s < count; s++)
        {
            ReadOnlySpan<float> p = shares.Slice(s * beta.Length, beta.Length);
            double sum = 0;
            for (int c = 0; c < p.Length; c++) sum += (double)p[c] * beta[c];
            eta[s] = sum;
        }
        return eta;
    }

    /// <summary>The same from shares stored cell by cell, as the results are.</summary>
    /// <param name="shares">N x S, row by row.</param>
    /// <param name="beta">Contribution of each cell, N.</param>
    public static double[] OfCells(ReadOnlySpan<float> shares, ReadOnlySpan<float> beta)
    {
        int width = beta.Length == 0 ? 0 : shares.Length / beta.Length;
        var eta = new double[width];
        Add(shares, beta, eta);
        return eta;
    }

    /// <summary>The same from shares that need not be in memory.</summary>
    /// <param name="shares">N x S.</param>
    /// <param name="beta">Contribution of each cell, N.</param>
    public static double[] OfCells(RowStore shares, float[] beta)
    {
        ArgumentNullException.ThrowIfNull(shares);
        ArgumentNullException.ThrowIfNull(beta);
        var eta = new double[shares.Columns];
        shares.ForEachBlock((first, count, p) => Add(p.Span, beta.AsSpan(first, count), eta));
        return eta;
    }

    private static void Add(ReadOnlySpan<float> shares, ReadOnlySpan<float> beta, double[] eta)
    {
        for (int c = 0; c < beta.Length; c++)
        {
            ReadOnlySpan<float> p = shares.Slice(c * eta.Length, eta.Length);
            for (int s = 0; s < eta.Length; s++) eta[s] += (double)p[s] * beta[c];
        }
    }
}
