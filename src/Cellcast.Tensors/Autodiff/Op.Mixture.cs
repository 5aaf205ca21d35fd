namespace Cellcast.Tensors.Autodiff;

public static partial class Op
{
    /// <summary>Negative log likelihood of counts, negative binomial with mean size[s] (mixed[s, g] scale[g] + shift[g]) + 1e-10 and total count theta[g] + 1e-10,
    /// summed (scSurv, stages 2 and 3).</summary>
    /// <param name="mixed">Mixture of the cells' rates, samples x genes, not negative.</param>
    /// <param name="scale">One number per gene, not negative.</param>
    /// <param name="shift">One number per gene, not negative.</param>
    /// <param name="theta">Total count (inverse dispersion), one per gene, not negative.</param>
    /// <param name="size">Constant, one number per sample.</param>
    /// <param name="counts">Constant, same shape as <paramref name="mixed"/>.</param>
    /// <param name="constant">What <see cref="Kernels.NegativeBinomialLoss.Constant"/> says for these counts; null to have it computed, which costs time in every step.</param>
    /// <returns>A single number.</returns>
    public static Tensor MixtureNegativeBinomialLoss(Tensor mixed, Tensor scale, Tensor shift, Tensor theta, Tensor size, Tensor counts, double? constant = null)
    {
        int genes = mixed.Columns;
        if (counts.Length != mixed.Length || scale.Length != genes || shift.Length != genes || theta.Length != genes || size.Length != mixed.Rows)
            throw Mismatch(nameof(MixtureNegativeBinomialLoss), mixed, scale, shift, theta, size, counts);
        var tape = Tape.Of(mixed, scale, shift, theta);
        var y = tape.Result([1], mixed.RequiresGradient || scale.RequiresGradient || shift.RequiresGradient || theta.RequiresGradient);
        Tensor? dMixed = y.RequiresGradient ? tape.NewTensor(mixed.Shape) : null, dGenes = y.RequiresGradient ? tape.NewTensor(3, genes) : null;
        y.Span[0] = (float)tape.Device.MixtureNegativeBinomial(mixed, scale, shift, theta, size, counts, constant ?? Kernels.NegativeBinomialLoss.Constant(counts.Span), dMixed, dGenes);
        if (y.RequiresGradient)
            tape.Add(nameof(MixtureNegativeBinomialLoss), y, y =>
            {
                AddUpstream(tape, y, mixed.RequiresGradient ? dMixed : null, mixed);
                AddGeneGradient(y, dGenes!, 0, scale);
                AddGeneGradient(y, dGenes!, 1, shift);
                AddGeneGradient(y, dGenes!, 2, theta);
            });
        return y;
    }

    private static void AddGeneGradient(Tensor result, Tensor gradients, int row, Tensor operand)
    {
        if (!operand.RequiresGradient) return;
        float upstream = result.Gradient.Span[0];
        Span<float> to = operand.Gradient.Span;
        ReadOnlySpan<float> from = gradients.Span.Slice(row * to.Length, to.Length);
        for (int g = 0; g < to.Length; g++) to[g] += upstream * from[g];
    }
}
