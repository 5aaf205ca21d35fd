using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>What the loss of mixtures of cells depends on. S samples (patients or spots), C cells, G genes, h hidden units.</summary>
public ref struct DecodedMixtures
{
    /// <summary>Share of each cell in each sample, C x S.</summary>
    public ReadOnlySpan<float> Shares { get; set; }

    /// <summary>Hidden layer of the cells' decoder, C x h.</summary>
    public ReadOnlySpan<float> Hidden { get; set; }

    /// <summary>Weights of its last layer, G x h.</summary>
    public ReadOnlySpan<float> Weight { get; set; }

    /// <summary>Biases of its last layer, G.</summary>
    public ReadOnlySpan<float> Bias { get; set; }

    /// <summary>a, G, not negative.</summary>
    public ReadOnlySpan<float> Scale { get; set; }

    /// <summary>b, G, not negative.</summary>
    public ReadOnlySpan<float> Shift { get; set; }

    /// <summary>theta, G, not negative.</summary>
    public ReadOnlySpan<float> Dispersion { get; set; }

    /// <summary>m, S.</summary>
    public ReadOnlySpan<float> Size { get; set; }

    /// <summary>Counts, S x G, whole numbers.</summary>
    public ReadOnlySpan<float> Counts { get; set; }
}

/// <summary>Negative binomial likelihood of the counts of samples that mix cells: the rates r = softplus(H W^T + bias) of the cells are decoded, mixed, and compared with the counts,
/// mu[s, g] = m[s] (a[g] sum_c p[c, s] r[c, g] + b[g]), with the gradients of everything but the decoder. The loss of the deconvolution stages of scSurv.</summary>
/// <remarks>A range of genes goes all the way from hidden layer to gradient on one core, in its second-level cache: neither rates (C x G) nor mixtures (S x G) are ever whole, and nothing passes
/// from core to core but shares and their gradient. Sums are taken in an order that does not depend on the number of threads.</remarks>
public static unsafe class MixtureDecoderLoss
{
    /// <summary>Samples of one pass, times cells: bounds the memory of partial gradients.</summary>
    private const long LargestPass = 1L << 21;

    /// <summary>Sum over samples and genes of the negative log likelihood, as <see cref="NegativeBinomialLoss.Evaluate"/>.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="x">What it depends on.</param>
    /// <param name="constant">What <see cref="NegativeBinomialLoss.Constant"/> says for these counts.</param>
    /// <param name="dShares">Gradient with respect to the shares, C x S, replaced; or empty.</param>
    /// <param name="dGenes">Gradients with respect to a, b and theta, 3 x G, replaced; or empty.</param>
    /// <returns>The loss.</returns>
    public static double Evaluate(Workers workers, in DecodedMixtures x, double constant, Span<float> dShares, Span<float> dGenes)
    {
        int samples = x.Size.Length, genes = x.Scale.Length, cells = samples == 0 ? 0 : x.Shares.Length / samples, h = cells == 0 ? 0 : x.Hidden.Length / cells;
        if (x.Shares.Length != (long)cells * samples) throw new ArgumentException($"{x.Shares.Length} shares do not divide among {samples} samples");
        if (x.Hidden.Length != (long)cells * h) throw new ArgumentException($"{x.Hidden.Length} hidden values do not divide among {cells} cells");
        Guard.Length(x.Weight.Length, (long)genes * h);
        Guard.Length(x.Bias.Length, genes);
        Guard.Length(x.Shift.Length, genes);
        Guard.Length(x.Dispersion.Length, genes);
        Guard.Length(x.Counts.Length, (long)samples * genes);
        if (!dShares.IsEmpty) Guard.Length(dShares.Length, x.Shares.Length);
        if (!dGenes.IsEmpty) Guard.Length(dGenes.Length, 3L * genes);
        dGenes.Clear();
        if (cells == 0 || genes == 0) return constant;
        double loss = constant;
        int pass = (int)Math.Max(1, LargestPass / cells / MixturePlan.SampleBlock) * MixturePlan.SampleBlock;
        fixed (float* shares = x.Shares, hidden = x.Hidden, weight = x.Weight, bias = x.Bias, scale = x.Scale, shift = x.Shift, theta = x.Dispersion, size = x.Size, counts = x.Counts)
        fixed (float* toShares = dShares, toGenes = dGenes)
        {
            int rows = MachineVectors.TileRows, paddedCells = DecoderPlan.Round(cells, rows);
            using Scratch panels = Scratch.Rent((long)paddedCells * h);
            GemmPack.All(workers, new GemmOperand(hidden, h, contiguousK: true), cells, h, h, paddedCells, panels.Pointer);
            for (int first = 0; first < samples; first += pass)
            {
                int here = Math.Min(pass, samples - first);
                loss += Pass(workers, first, here, new MixtureDecoderKernel
                {
                    Cells = cells,
                    PaddedCells = paddedCells,
                    H = h,
                    HiddenPanels = panels.Pointer,
                    Weight = weight,
                    Bias = bias,
                    Scale = scale,
                    Shift = shift,
                    Theta = theta,
                    Genes = genes,
                    Size = size + first,
                    Counts = counts + (nint)first * genes,
                    Samples = here,
                    DGenes = toGenes,
                }, shares, samples, toShares);
            }
        }
        return loss;
    }

    private static double Pass(Workers workers, int first, int samples, MixtureDecoderKernel kernel, float* shares, int allSamples, float* dShares)
    {
        int blocks = MixturePlan.Blocks(kernel.Genes).Count, padded = DecoderPlan.Round(samples, MachineVectors.TileRows), stride = DecoderPlan.Round(samples, 2 * MachineVectors.Width);
        long size = (long)kernel.PaddedCells * stride;
        using Scratch packed = Scratch.Rent((long)padded * kernel.Cells), losses = Scratch.Rent(2L * blocks), owners = Scratch.Rent(blocks);
        using Scratch parts = dShares == null ? default : Scratch.Rent(size * blocks);
        GemmPack.All(workers, new GemmOperand(shares + first, allSamples, contiguousK: false), samples, kernel.Cells, MixturePlan.Depth(kernel.Cells), MixturePlan.SampleBlock, packed.Pointer);
        kernel.SharePanels = packed.Pointer;
        kernel.PaddedSamples = padded;
        kernel.Losses = (double*)losses.Pointer;
        kernel.Parts = new PartialSums(parts.Pointer, size, (int*)owners.Pointer, blocks);
        kernel.PartStride = stride;
        workers.ForVectors(blocks, kernel);
        if (dShares != null)
        {
            workers.ForVectors(MixtureShareSum.Blocks(kernel.Cells), new MixtureShareSum
            {
                Parts = kernel.Parts,
                PartStride = stride,
                Cells = kernel.Cells,
                Samples = samples,
                DShares = dShares + first,
                Stride = allSamples,
            });
        }
        double loss = 0;
        for (int b = 0; b < blocks; b++) loss += ((double*)losses.Pointer)[b];
        return loss;
    }
}
