using Cellcast.Tensors.Kernels.Simd;

namespace Cellcast.Tensors.Kernels;

/// <summary>Where the gradients of a count decoder go. An empty span means: not needed. All are replaced unless <see cref="Accumulate"/>.</summary>
public ref struct DecoderGradients
{
    /// <summary>Gradient with respect to the hidden layer, C x h.</summary>
    public Span<float> Hidden { get; set; }

    /// <summary>Gradient with respect to the weights, G x h.</summary>
    public Span<float> Weight { get; set; }

    /// <summary>Gradient with respect to the bias, G.</summary>
    public Span<float> Bias { get; set; }

    /// <summary>Gradient with respect to the dispersion theta, G (negative binomial only).</summary>
    public Span<float> Dispersion { get; set; }

    /// <summary>Add to the gradients instead of replacing them.</summary>
    public bool Accumulate { get; set; }
}

/// <summary>Last layer of a count decoder and its loss in one: rate r = softplus(H W^T + b), mean = size factor x r + 1e-10, and the negative log likelihood of sparse
/// counts under that mean, with the gradients of everything, without the C x G matrices in between. Logarithms of the Poisson are taken at non-zero counts only.</summary>
/// <remarks>Loss and gradients are sums over all cells and genes, in an order that does not depend on the number of threads.</remarks>
public static unsafe class CountDecoderLoss
{
    /// <summary>Sum over cells and genes of mean - x log(mean), plus <paramref name="logFactorials"/>.</summary>
    /// <param name="workers">Threads.</param>
    /// <param name="hidden">H, C x h.</param>
    /// <param name="h">Columns of H and W.</param>
    /// <param name="weight">W, G x h.</param>
    /// <param name="bias">b, G.</param>
    /// <param name="counts">Counts, cells x G.</param>
    /// <param name="rows">Rows of <paramref name="counts"/> that belong to the C rows of H.</param>
    /// <param name="sizeFactors">C size factors, in the order of <paramref name="rows"/>.</param>
    /// <param name="logFactorials">Sum of log(x!) over the minibatch, see <see cref="LogFactorials(CsrView, ReadOnlySpan{int})"/>; or 0 where the constant is not wanted.</param>
    /// <param name="gradients">Where gradients go; default for none.</param>
    /// <param name="starts">Remembers from kernel to kernel what is found out about these rows of the counts; or null.</param>
    /// <returns>The loss.</returns>
    public static double Poisson(Workers workers, ReadOnlySpan<float> hidden, int h, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, CsrView counts, ReadOnlySpan<int> rows,
        ReadOnlySpan<float> sizeFactors, double logFactorials, DecoderGradients gradients, BlockStarts? starts = null)
    {
        Check(hidden, h, weight, bias, counts, rows, sizeFactors, gradients);
        return logFactorials + Run<PoissonModel>(workers, hidden, h, weight, bias, counts, rows, sizeFactors, default, gradients, starts);
    }

    /// <summary>Negative binomial with mean as above and total count theta + 1e-10 per gene.</summary>
    /// <inheritdoc cref="Poisson"/>
    /// <param name="dispersion">theta, G positive values.</param>
#pragma warning disable CS1573 // the other parameters are inherited
    public static double NegativeBinomial(Workers workers, ReadOnlySpan<float> hidden, int h, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, CsrView counts, ReadOnlySpan<int> rows,
        ReadOnlySpan<float> sizeFactors, ReadOnlySpan<float> dispersion, double logFactorials, DecoderGradients gradients, BlockStarts? starts = null)
#pragma warning restore CS1573
    {
        Check(hidden, h, weight, bias, counts, rows, sizeFactors, gradients);
        Guard.Length(dispersion.Length, counts.Columns);
        return logFactorials + Run<NegativeBinomialModel>(workers, hidden, h, weight, bias, counts, rows, sizeFactors, dispersion, gradients, starts);
    }

    /// <summary>Sum of log(x!) over chosen rows: constant for a minibatch, so worth keeping.</summary>
    /// <param name="counts">Counts.</param>
    /// <param name="rows">The rows.</param>
    public static double LogFactorials(CsrView counts, ReadOnlySpan<int> rows)
    {
        double s = 0;
        foreach (int r in rows)
            foreach (float x in counts.Values[(int)(counts.RowStart[r] - counts.Offset)..(int)(counts.RowStart[r + 1] - counts.Offset)])
                if (x > 1) s += LogFactorial.Of(x);
        return s;
    }

    /// <summary>Sum of log(x!) over a dense matrix.</summary>
    public static double LogFactorials(ReadOnlySpan<float> counts)
    {
        double s = 0;
        foreach (float x in counts)
            if (x > 1) s += LogFactorial.Of(x);
        return s;
    }

    private static double Run<TModel>(Workers workers, ReadOnlySpan<float> hidden, int h, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, CsrView counts, ReadOnlySpan<int> rows,
        ReadOnlySpan<float> sizeFactors, ReadOnlySpan<float> dispersion, DecoderGradients gradients, BlockStarts? starts) where TModel : struct, ICountModel
    {
        double loss = 0;
        fixed (float* pHidden = hidden, pWeight = weight, pBias = bias, pSize = sizeFactors, pTheta = dispersion, pValues = counts.Values)
        fixed (float* pDHidden = gradients.Hidden, pDWeight = gradients.Weight, pDBias = gradients.Bias, pDTheta = gradients.Dispersion)
        fixed (int* pRows = rows, pColumns = counts.ColumnIndices)
        fixed (long* pRowStart = counts.RowStart)
        {
            for (int first = 0; first < rows.Length; first += DecoderPlan.CellBatch)
            {
                int cells = Math.Min(DecoderPlan.CellBatch, rows.Length - first);
                bool accumulate = gradients.Accumulate || first > 0;
                using var entries = new BlockedRows(workers, pRowStart, counts.Offset, pColumns, pValues, pRows, first, cells, rows.Length, counts.Columns, DecoderPlan.GeneUnit, starts);
                loss += Batch<TModel>(workers, pHidden + (nint)first * h, cells, h, pWeight, pBias, pTheta, counts.Columns, entries,
                    pSize + first, pDHidden == null ? null : pDHidden + (nint)first * h, gradients.Accumulate, pDWeight, pDBias, pDTheta, accumulate);
            }
        }
        return loss;
    }

    private static double Batch<TModel>(Workers workers, float* hidden, int cells, int h, float* weight, float* bias, float* theta, int genes, in BlockedRows entries,
        float* sizeFactors, float* dHidden, bool accumulateHidden, float* dWeight, float* dBias, float* dTheta, bool accumulate) where TModel : struct, ICountModel
    {
        int geneBlocks = DecoderPlan.Blocks(genes).Count, rows = MachineVectors.TileRows, paddedH = DecoderPlan.Round(h, rows), paddedCells = DecoderPlan.Round(cells, DecoderPlan.CellBlock);
        using Scratch panels = Scratch.Rent((long)paddedCells * h);
        using Scratch transposed = dWeight == null ? default : Scratch.Rent((long)paddedCells * paddedH);
        using Scratch shares = dHidden == null ? default : Scratch.Rent((long)geneBlocks * paddedH * paddedCells);
        using Scratch losses = Scratch.Rent(2L * geneBlocks), owners = Scratch.Rent(geneBlocks);
        var parts = new PartialSums(shares.Pointer, (long)paddedH * paddedCells, (int*)owners.Pointer, geneBlocks);
        GemmPack.All(workers, new GemmOperand(hidden, h, contiguousK: true), cells, h, h, DecoderPlan.CellBlock, panels.Pointer);
        if (dWeight != null)
            GemmPack.All(workers, new GemmOperand(hidden, h, contiguousK: false), h, cells, DecoderPlan.CellBlock, h, transposed.Pointer);
        workers.ForVectors(geneBlocks, new DecoderKernel<TModel>
        {
            Cells = cells,
            Genes = genes,
            H = h,
            HiddenPanels = panels.Pointer,
            HiddenTransposed = transposed.Pointer,
            PaddedH = paddedH,
            Weight = weight,
            Bias = bias,
            Theta = theta,
            SizeFactors = sizeFactors,
            Starts = entries.Starts,
            StartsStride = entries.Stride,
            StartsStep = entries.Step,
            Columns = entries.Columns,
            Values = entries.Values,
            Losses = (double*)losses.Pointer,
            HiddenParts = parts,
            PaddedCells = paddedCells,
            DWeight = dWeight,
            DBias = dBias,
            DTheta = dTheta,
            Accumulate = accumulate,
        });
        if (dHidden != null)
        {
            workers.ForVectors((cells + HiddenSum.CellsPerBlock - 1) / HiddenSum.CellsPerBlock, new HiddenSum
            {
                Parts = parts,
                H = h,
                PaddedCells = paddedCells,
                Cells = cells,
                DHidden = dHidden,
                Accumulate = accumulateHidden,
            });
        }
        double loss = 0;
        for (int b = 0; b < geneBlocks; b++) loss += ((double*)losses.Pointer)[b];
        return loss;
    }

    private static void Check(ReadOnlySpan<float> hidden, int h, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, CsrView counts, ReadOnlySpan<int> rows,
        ReadOnlySpan<float> sizeFactors, DecoderGradients gradients)
    {
        Guard.Rows(hidden.Length, rows.Length, h);
        Guard.Rows(weight.Length, counts.Columns, h);
        Guard.Sparse(counts, rows);
        Guard.Length(bias.Length, counts.Columns);
        Guard.Length(sizeFactors.Length, rows.Length);
        if (!gradients.Hidden.IsEmpty) Guard.Length(gradients.Hidden.Length, (long)rows.Length * h);
        if (!gradients.Weight.IsEmpty) Guard.Length(gradients.Weight.Length, (long)counts.Columns * h);
        if (!gradients.Bias.IsEmpty) Guard.Length(gradients.Bias.Length, counts.Columns);
        if (!gradients.Dispersion.IsEmpty) Guard.Length(gradients.Dispersion.Length, counts.Columns);
    }
}
