using System.Numerics;
using Cellcast.AnnData;
using Cellcast.Tensors;
using Cellcast.Tensors.Autodiff;
using Cellcast.Tensors.Kernels;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// Mean over draws of the latent states of the share of every cell in every patient. A share is a softmax over all cells, so every draw is made
/// twice: a first pass gathers the normaliser of each draw and patient, a second one adds up the shares. Blocks of cells are independent in both
/// but for the sums of the first, which are put together in the order of the blocks.
/// </summary>
/// <param name="posterior">Latent states of the cells.</param>
/// <param name="decoders">Decoders whose outputs are patients, or spots.</param>
/// <param name="columns">Column of the result for each output of the first, the second, … decoder.</param>
/// <param name="draws">Number of draws.</param>
/// <param name="key">Source of chance.</param>
/// <param name="cancellation">Checked at every draw of every block.</param>
internal sealed class ShareAverage(Posterior posterior, Decoder[] decoders, int[] columns, int draws, RandomKey key, CancellationToken cancellation)
{
    private readonly int _width = columns.Length;

    /// <summary>Writes all rows of the shares, N x S.</summary>
    internal void Fill(RowStore shares)
    {
        float[] logNormaliser = LogNormaliser();
        float weight = 1f / draws;
        // Outputs whose columns follow each other need not be moved.
        bool inPlace = Enumerable.Range(0, _width).All(i => columns[i] == i);
        Scratch[] slots = NewSlots();
        posterior.ForBlocks((tape, slot, from, count) =>
        {
            Span<float> logits = slots[slot].Logits.AsSpan(0, count * _width), mean = slots[slot].Mean.AsSpan(0, count * _width);
            mean.Clear();
            for (int d = 0; d < draws; d++)
            {
                Decode(tape, from, count, d, logits);
                Subtract(logits, logNormaliser.AsSpan(d * _width, _width));
                VectorMath.Exp(Workers.Inline, logits, logits);
                AddScaled(weight, logits, mean);
            }
            if (!inPlace)
            {
                Span<float> moved = logits;
                for (int c = 0; c < count; c++)
                    for (int i = 0; i < _width; i++) moved[c * _width + columns[i]] = mean[c * _width + i];
                mean = moved;
            }
            shares.Write(from, mean);
        });
    }

    /// <summary>Log of the sum over cells of exp(logit), draws x outputs.</summary>
    private float[] LogNormaliser()
    {
        float[] max = new float[draws * _width];
        double[] total = new double[draws * _width];
        Array.Fill(max, float.NegativeInfinity);
        Scratch[] slots = NewSlots();
        posterior.ForBlocks(
            (tape, slot, from, count) =>
            {
                Scratch own = slots[slot];
                own.Max.AsSpan().Fill(float.NegativeInfinity);
                Array.Clear(own.Total);
                Span<float> logits = own.Logits.AsSpan(0, count * _width);
                for (int d = 0; d < draws; d++)
                {
                    Decode(tape, from, count, d, logits);
                    Span<float> top = own.Max.AsSpan(d * _width, _width);
                    MaxOverRows(logits, top);
                    Subtract(logits, top);
                    VectorMath.Exp(Workers.Inline, logits, logits);
                    AddRows(logits, own.Total.AsSpan(d * _width, _width));
                }
            },
            slot =>
            {
                // The higher of two maxima is kept, and the sum that belongs to the lower one scaled down to it.
                Scratch own = slots[slot];
                for (int i = 0; i < max.Length; i++)
                {
                    float higher = Math.Max(max[i], own.Max[i]);
                    total[i] = total[i] * Math.Exp(max[i] - higher) + own.Total[i] * Math.Exp(own.Max[i] - higher);
                    max[i] = higher;
                }
            });
        var log = new float[draws * _width];
        for (int i = 0; i < log.Length; i++) log[i] = (float)(max[i] + Math.Log(total[i]));
        return log;
    }

    /// <summary>Logits of some cells in all patients, count x outputs, at one draw.</summary>
    private void Decode(Tape tape, int from, int count, int draw, Span<float> logits)
    {
        cancellation.ThrowIfCancellationRequested();
        Tensor z = posterior.Drawn(tape, from, count, draw, key);
        Tensor? hidden = null;
        int first = 0;
        for (int k = 0; k < decoders.Length; k++)
        {
            if (hidden is null || !decoders[k].SharesHiddenWith(decoders[k - 1])) hidden = decoders[k].HiddenOf(z);
            int width = decoders[k].Outputs;
            ReadOnlySpan<float> part = decoders[k].Output.Forward(hidden).Span;
            if (width == _width) part.CopyTo(logits);
            else
                for (int c = 0; c < count; c++) part.Slice(c * width, width).CopyTo(logits.Slice(c * _width + first, width));
            first += width;
        }
        tape.Reset();
    }

    private static void MaxOverRows(ReadOnlySpan<float> x, Span<float> max)
    {
        int width = max.Length;
        for (int row = 0; row < x.Length; row += width)
        {
            ReadOnlySpan<float> r = x.Slice(row, width);
            int s = 0;
            for (; s <= width - Vector<float>.Count; s += Vector<float>.Count) Vector.Max(new Vector<float>(max[s..]), new Vector<float>(r[s..])).CopyTo(max[s..]);
            for (; s < width; s++) max[s] = Math.Max(max[s], r[s]);
        }
    }

    private static void Subtract(Span<float> x, ReadOnlySpan<float> row)
    {
        int width = row.Length;
        for (int at = 0; at < x.Length; at += width)
        {
            Span<float> r = x.Slice(at, width);
            int s = 0;
            for (; s <= width - Vector<float>.Count; s += Vector<float>.Count) (new Vector<float>(r[s..]) - new Vector<float>(row[s..])).CopyTo(r[s..]);
            for (; s < width; s++) r[s] -= row[s];
        }
    }

    private static void AddRows(ReadOnlySpan<float> x, Span<double> sum)
    {
        int width = sum.Length, half = Vector<double>.Count;
        for (int row = 0; row < x.Length; row += width)
        {
            ReadOnlySpan<float> r = x.Slice(row, width);
            int s = 0;
            for (; s <= width - Vector<float>.Count; s += Vector<float>.Count)
            {
                Vector.Widen(new Vector<float>(r[s..]), out Vector<double> low, out Vector<double> high);
                (new Vector<double>(sum[s..]) + low).CopyTo(sum[s..]);
                (new Vector<double>(sum[(s + half)..]) + high).CopyTo(sum[(s + half)..]);
            }
            for (; s < width; s++) sum[s] += r[s];
        }
    }

    private static void AddScaled(float weight, ReadOnlySpan<float> x, Span<float> y)
    {
        int i = 0;
        var w = new Vector<float>(weight);
        for (; i <= y.Length - Vector<float>.Count; i += Vector<float>.Count) (new Vector<float>(y[i..]) + w * new Vector<float>(x[i..])).CopyTo(y[i..]);
        for (; i < y.Length; i++) y[i] += weight * x[i];
    }

    private Scratch[] NewSlots()
    {
        int rows = Math.Min(Posterior.BlockRows, posterior.Cells), slots = Math.Min(Posterior.Slots, (posterior.Cells + rows - 1) / rows);
        return [.. Enumerable.Range(0, slots).Select(_ => new Scratch(new float[rows * _width], new float[rows * _width], new float[draws * _width], new double[draws * _width]))];
    }

    private sealed record Scratch(float[] Logits, float[] Mean, float[] Max, double[] Total);
}
