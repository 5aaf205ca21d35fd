namespace Cellcast.Tensors.Autodiff;

public static partial class Op
{
    /// <summary>Negative log likelihood of the counts of samples that mix cells, negative binomial with mean size[s] (scale[g] sum_c shares[c, s] r[c, g] + shift[g]) + 1e-10 and total count
    /// theta[g] + 1e-10, summed, where r = softplus(hidden w' + bias) are the rates of the cells (scSurv, stages 2 and 3). The rates are constants: no gradient flows into what they are decoded from.</summary>
    /// <param name="shares">Share of each cell in each sample, cells x samples.</param>
    /// <param name="hidden">Constant, hidden states of the cells, cells x hidden.</param>
    /// <param name="weight">Constant, genes x hidden.</param>
    /// <param name="bias">Constant, one number per gene.</param>
    /// <param name="scale">One number per gene, not negative.</param>
    /// <param name="shift">One number per gene, not negative.</param>
    /// <param name="theta">Total count (inverse dispersion), one per gene, not negative.</param>
    /// <param name="size">Constant, one number per sample.</param>
    /// <param name="counts">Constant, samples x genes.</param>
    /// <param name="constant">What <see cref="Kernels.NegativeBinomialLoss.Constant"/> says for these counts; null to have it computed, which costs time in every step.</param>
    /// <returns>A single number.</returns>
    public static Tensor MixtureDecoderLoss(Tensor shares, Tensor hidden, Tensor weight, Tensor bias, Tensor scale, Tensor shift, Tensor theta, Tensor size, Tensor counts, double? constant = null)
    {
        int genes = weight.Rows;
        if (hidden.Rows != shares.Rows || hidden.Columns != weight.Columns || bias.Length != genes || scale.Length != genes || shift.Length != genes || theta.Length != genes ||
            size.Length != shares.Columns || counts.Rows != size.Length || counts.Columns != genes)
            throw Mismatch(nameof(MixtureDecoderLoss), shares, hidden, weight, bias, scale, shift, theta, size, counts);
        var tape = Tape.Of(shares, scale, shift, theta);
        bool ofGenes = scale.RequiresGradient || shift.RequiresGradient || theta.RequiresGradient;
        var y = tape.Result([1], shares.RequiresGradient || ofGenes);
        Tensor? dShares = Scratch(tape, y, shares), dGenes = y.RequiresGradient && ofGenes ? tape.NewTensor(3, genes) : null;
        y.Span[0] = (float)tape.Device.MixtureDecoder(shares, hidden, weight, bias, scale, shift, theta, size, counts, constant ?? Kernels.NegativeBinomialLoss.Constant(counts.Span), dShares, dGenes);
        if (y.RequiresGradient)
            tape.Add(nameof(MixtureDecoderLoss), y, y =>
            {
                AddUpstream(tape, y, dShares, shares);
                AddGeneGradient(y, dGenes, 0, scale);
                AddGeneGradient(y, dGenes, 1, shift);
                AddGeneGradient(y, dGenes, 2, theta);
            });
        return y;
    }

    private static void AddGeneGradient(Tensor result, Tensor? gradients, int row, Tensor operand)
    {
        if (gradients is null || !operand.RequiresGradient) return;
        float upstream = result.Gradient.Span[0];
        Span<float> to = operand.Gradient.Span;
        ReadOnlySpan<float> from = gradients.Span.Slice(row * to.Length, to.Length);
        for (int g = 0; g < to.Length; g++) to[g] += upstream * from[g];
    }
}
